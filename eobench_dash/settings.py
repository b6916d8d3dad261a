"""Settings from the environment (prefix ``EOBENCH_``), validated once at start. ``.env.example`` documents each."""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from eobench_dash.errors import SettingsError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseSettings):
    """Everything an operator can set. Frozen: a running process never changes its mind."""

    model_config = SettingsConfigDict(env_prefix="EOBENCH_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default=Path(".eobench"), description="workspace folder: database, features, maps, caches")
    database_url: str = Field(default="", description="SQLAlchemy URL; empty = SQLite in the workspace")
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8050, ge=0, le=65535, description="port to listen on")
    public: bool = Field(default=False, description="1 = anonymous people may read datasets marked public")
    secret_key_file: Path | None = Field(default=None, description="file with the session key; needed off loopback")
    secure_cookies: bool = Field(default=False, description="1 behind TLS: cookies are sent over https only")
    trusted_proxies: int = Field(default=0, ge=0, le=4, description="number of reverse proxies in front")
    data_roots: str = Field(
        default="", description="folders (separated as PATH is) from which datasets may be imported"
    )
    demo_data: Path | None = Field(default=None, description="image folder for `eobench demo`; empty = simulated")
    admin_password_file: Path | None = Field(default=None, description="first admin's password for `eobench demo`")
    workers: int = Field(default=1, ge=0, le=64, description="worker processes started by app.py / demo; 0 = none")
    max_upload_mb: int = Field(default=4096, ge=1, description="largest upload")
    cache_mb: int = Field(default=1024, ge=16, description="bound of the disk cache")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="least severe log line")
    log_format: Literal["json", "text"] = Field(default="text", description="json for log collectors, text for people")
    dask_scheduler: str = Field(
        default="", description="address of a Dask scheduler for heavy jobs (loopback or tls://)"
    )

    @field_validator("home", "secret_key_file", "demo_data", "admin_password_file")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return value.replace("postgresql://", "postgresql+psycopg://", 1)

    @field_validator("dask_scheduler")
    @classmethod
    def _safe_scheduler(cls, value: str) -> str:
        """A scheduler runs whatever it is sent: only one on this machine, or one that proves itself by TLS."""
        if not value:
            return value
        address = value if "://" in value else f"tcp://{value}"
        parts = urlsplit(address)
        try:
            whole = bool(parts.hostname and parts.port)
        except ValueError:
            whole = False
        if not whole or parts.scheme not in ("tcp", "tls") or parts.path or parts.username is not None:
            raise ValueError("must be the address of a scheduler, such as tcp://127.0.0.1:8786 or tls://host:8786")
        if parts.scheme == "tcp" and not _is_loopback(str(parts.hostname)):
            raise ValueError(f"{value} is not on this machine: use tls:// (with Dask's certificates) for another one")
        return address

    @model_validator(mode="after")
    def _demo_data_exists(self) -> Self:
        if self.demo_data is not None and not self.demo_data.is_dir():
            raise ValueError(f"EOBENCH_DEMO_DATA names {self.demo_data}, which is not a folder")
        return self

    @property
    def sqlalchemy_url(self) -> str:
        """The database's URL: the one set, or the workspace's SQLite file."""
        return self.database_url or f"sqlite:///{self.home / 'eobench.sqlite'}"

    @property
    def roots(self) -> tuple[Path, ...]:
        """Real paths below which data may be imported: EOBENCH_DATA_ROOTS, the demo folder, the workspace's uploads."""
        named = [Path(part).expanduser() for part in self.data_roots.split(os.pathsep) if part.strip()]
        demo = [self.demo_data] if self.demo_data else []
        return tuple(dict.fromkeys(Path(os.path.realpath(p)) for p in [*named, *demo, self.home / "uploads"]))

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment, with keyword overrides. SettingsError names each variable that is wrong."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(
            f"EOBENCH_{'_'.join(str(p) for p in e['loc']).upper() or '*'}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        )
        raise SettingsError(f"A setting cannot be used. {wrong}. See .env.example.") from error
