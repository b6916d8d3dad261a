"""Fixtures shared by every floor: the shared real data, databases of both kinds, a workspace and people in it.

A test that takes ``db``, ``workspace`` or ``people`` runs twice: on SQLite and on PostgreSQL (``-k sqlite`` for one).
"""

import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import pytest_socket
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from werkzeug.security import generate_password_hash

from eobench_dash.db.engine import Database
from eobench_dash.db.migrate import migrate
from eobench_dash.db.models import User
from eobench_dash.domain.people import ANONYMOUS, Principal, Role
from eobench_dash.services import users
from eobench_dash.services.workspace import Workspace, open_workspace
from eobench_dash.settings import Settings

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "support"))  # helpers of tests, also importable by the processes that tests spawn

from postgres import PostgresError, PostgresServer  # noqa: E402

BACKENDS = ("sqlite", "postgresql")
PASSWORD = "correct horse battery"
"""The password of everybody in ``people``."""
CHEAP = "scrypt:1024:8:1"
"""How passwords are hashed where ``people`` are: a hash worth its name would take most of the tests' time."""
LONGEST = ("tests/browser/", "tests/unit/tasks/test_kill.py")
"""Run first: at the end of a run nobody waits for the one process that has a long file left."""
_SERVER = pytest.StashKey[PostgresServer]()
hypothesis.settings.register_profile("ci", derandomize=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; otherwise as they come."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: min((rank for name, rank in ranks.items() if item.nodeid.startswith(name)), default=9))


def pytest_runtest_setup() -> None:
    """No network: this machine's own addresses and Unix sockets only."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


def _postgres_url(config: pytest.Config) -> str:
    """The maintenance URL of the run's one PostgreSQL server, started when first asked for."""
    given = os.environ.get("EOBENCH_TEST_POSTGRES_URL")
    if given:
        return given.replace("postgresql://", "postgresql+psycopg://", 1)
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is not None:
        return str(worker["eobench_postgres_url"])
    if _SERVER not in config.stash:
        try:
            config.stash[_SERVER] = PostgresServer()
        except PostgresError as error:
            pytest.exit(str(error), returncode=3)
    return config.stash[_SERVER].url


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """With pytest-xdist the controller starts the server, and its workers share it."""
    node.workerinput["eobench_postgres_url"] = _postgres_url(node.config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server that this run has started."""
    if _SERVER in config.stash:
        config.stash[_SERVER].stop()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many tests ran on each database."""
    ran: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            ran.update(value for name, value in report.user_properties if name == "backend" and report.when == "call")
    if ran:
        tests = ", ".join(f"{backend}: {ran[backend]}" for backend in BACKENDS)
        terminalreporter.write_line(f"tests run per database backend: {tests}")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of real data beside the checkout; tests that need it are skipped where it is missing."""
    folder = Path(os.environ.get("EOBENCH_SHARED", HERE.parent.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("no real data: ../shared is missing (set EOBENCH_SHARED)")
    return folder


@pytest.fixture(scope="session")
def _new_database(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Path], tuple[str, Callable[[], None]]]:
    """Copies of a migrated, empty database: (backend, folder) → (URL, how to drop it)."""
    numbers = count()
    owner = f"{os.getpid()}_{getattr(pytestconfig, 'workerinput', {}).get('workerid', 'main')}"

    @cache
    def sqlite_template() -> Path:
        path = tmp_path_factory.mktemp("template") / "empty.sqlite"
        _migrate(f"sqlite:///{path}")
        return path

    @cache
    def postgres_template() -> str:
        _on_server(_postgres_url(pytestconfig), f'CREATE DATABASE "template_{owner}"')
        _migrate(_with_database(_postgres_url(pytestconfig), f"template_{owner}"))
        return f"template_{owner}"

    def make(backend: str, folder: Path) -> tuple[str, Callable[[], None]]:
        if backend == "sqlite":
            path = folder / "eobench.sqlite"
            shutil.copy(sqlite_template(), path)
            return f"sqlite:///{path}", path.unlink
        server, name = _postgres_url(pytestconfig), f"test_{owner}_{next(numbers)}"
        _on_server(server, f'CREATE DATABASE "{name}" TEMPLATE "{postgres_template()}"')
        return _with_database(server, name), lambda: _on_server(server, f'DROP DATABASE "{name}" WITH (FORCE)')

    return make


def _migrate(url: str) -> None:
    database = Database(url)
    migrate(database)
    if database.is_sqlite:
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
    database.dispose()


def _with_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _on_server(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(params=BACKENDS)
def db_url(request: pytest.FixtureRequest, tmp_path: Path, _new_database: Callable) -> Iterator[str]:
    """The URL of an empty, migrated database of each kind."""
    request.node.user_properties.append(("backend", request.param))
    url, drop = _new_database(request.param, tmp_path)
    yield url
    drop()


@pytest.fixture
def db(db_url: str) -> Iterator[Database]:
    """An empty, migrated database of each kind."""
    database = Database(db_url)
    yield database
    database.dispose()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a fresh workspace below tmp_path, blind to the environment's own .env.

    With its own (unmigrated) SQLite file: a test that also takes ``workspace`` wants ``workspace.settings``.
    """
    return Settings(_env_file=None, home=tmp_path / "home", data_roots=str(tmp_path))


@pytest.fixture
def make_workspace(settings: Settings, db_url: str) -> Iterator[Callable[..., Workspace]]:
    """``make_workspace(public=True, …)``: a workspace on each kind of database, with settings of your choice."""
    opened: list[Workspace] = []

    def make(**overrides: Any) -> Workspace:
        opened.append(open_workspace(settings.model_copy(update={"database_url": db_url} | overrides), create=True))
        return opened[-1]

    yield make
    for workspace in opened:
        workspace.close()


@pytest.fixture
def workspace(make_workspace: Callable[..., Workspace]) -> Workspace:
    """An opened, empty workspace on each kind of database."""
    return make_workspace()


@dataclass(frozen=True)
class People:
    """Somebody of each role, with rows in the database and the password ``PASSWORD``."""

    admin: Principal
    builder: Principal
    expert: Principal
    reader: Principal
    anonymous: Principal = ANONYMOUS
    password: str = PASSWORD


@cache
def _hash() -> str:
    return generate_password_hash(PASSWORD, method=CHEAP)


@pytest.fixture
def people(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> People:
    """ada the admin (user 1), ben the builder, eva the expert, rob the reader: rows of ``workspace`` and principals."""
    monkeypatch.setattr(users, "HASH_METHOD", CHEAP)
    who = {Role.ADMIN: "ada", Role.BUILDER: "ben", Role.EXPERT: "eva", Role.READER: "rob"}
    principals = {}
    with workspace.db.write() as session:
        for role, name in who.items():
            user = User(name=name, password_hash=_hash(), role=role.value)
            session.add(user)
            session.flush()
            principals[role.value] = Principal(user_id=user.id, name=name, role=role, session_key=f"s-{name}")
    return People(**principals)


@pytest.fixture
def log_in() -> Callable[..., FlaskClient]:
    """``log_in(client, "ada")``: log a test client in through the form, as one of ``people``."""

    def submit(client: FlaskClient, name: str, password: str = PASSWORD) -> FlaskClient:
        page = client.get("/auth/login").get_data(as_text=True)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token is not None, "the log-in form has no CSRF token"
        answer = client.post("/auth/login", data={"csrf_token": token[1], "name": name, "password": password})
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return client

    return submit


@pytest.fixture
def admin() -> Principal:
    """Ada, as a value: for tests that need no row of hers."""
    return Principal(user_id=1, name="ada", role=Role.ADMIN, session_key="s-admin")


@pytest.fixture
def rng() -> "np.random.Generator":
    """A seeded generator."""
    return np.random.default_rng(0)
