"""The key that signs session cookies: one random file, readable by its owner only."""

import os
import secrets
import stat
from pathlib import Path

from eobench_dash.errors import SettingsError
from eobench_dash.settings import Settings

FILE_NAME = "secret.key"
SHORTEST = 32


def secret_key(settings: Settings) -> bytes:
    """The key: from the file that the settings name, else from the workspace, where it is made when there is none.

    SettingsError where the file cannot be trusted, or where the server can be reached from other machines and no file
    is named: all processes and hosts of one address need the same key, and that has to be decided, not guessed.
    """
    if settings.secret_key_file is not None:
        return _read(settings.secret_key_file, private=False)
    if not settings.on_loopback:
        raise SettingsError(
            f"EOBENCH_HOST={settings.host} lets other machines in, so the key that signs log-ins has to be named: "
            "write at least 32 random bytes to a file (`openssl rand -hex 32`) and set EOBENCH_SECRET_KEY_FILE to it."
        )
    path = settings.home / FILE_NAME
    if not path.exists():
        _make(path)
    return _read(path, private=True)


def _make(path: Path) -> None:
    """Write a new key, whole or not at all; where several processes start at once, one of them wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_hex(SHORTEST).encode())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read(path: Path, *, private: bool) -> bytes:
    forbidden = stat.S_IRWXG | stat.S_IRWXO if private else stat.S_IWGRP | stat.S_IWOTH
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(4096).strip()
    except OSError as error:
        raise SettingsError(f"The session key {path} cannot be read: {error.strerror}.") from error
    if mode & forbidden:
        raise SettingsError(f"The session key {path} is open to other users of this machine; run `chmod 600` on it.")
    if len(key) < SHORTEST:
        raise SettingsError(
            f"The session key {path} is shorter than {SHORTEST} bytes; `openssl rand -hex 32` makes one."
        )
    return key
