"""Engines and sessions: SQLite made safe for several processes, or PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from eobench_dash.errors import Unavailable

_TROUBLES = {
    "is full": "The disk that holds the database is full, so nothing was changed. Make room, then try again.",
    "no space left": "The disk that holds the database is full, so nothing was changed. Make room, then try again.",
    "is locked": "The database is busy with something long, so nothing was changed. Try again in a minute.",
    "readonly": "The workspace can be read only, so nothing was changed. An operator has to make it writable.",
}
"""What people can do something about, by what the database says of it."""


class Database:
    """One database: ``read()`` and ``write()`` give sessions; ``write`` commits once, at its end.

    On SQLite a write takes the lock at BEGIN (IMMEDIATE), so it waits its turn instead of failing half-way.
    A read sees one moment on both: SQLite's reads do, PostgreSQL is asked for it (REPEATABLE READ). Writes on
    PostgreSQL stay READ COMMITTED: what they read after they got a row's lock is what its last holder left.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        options: dict[str, Any] = {"connect_args": {"timeout": 30}} if self.is_sqlite else {"pool_pre_ping": True}
        # Parameters are people's data and password hashes: an error's text, and so the log, never holds them.
        self.engine: Engine = create_engine(url, hide_parameters=True, **options)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        snapshot = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
        self._read = sessionmaker(snapshot, expire_on_commit=False)
        self._write = sessionmaker(self.engine.execution_options(eobench_write=True), expire_on_commit=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; whatever is pending at its end is rolled back."""
        with _told(), self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at its end, or rolls all back when an error leaves it."""
        with _told(), self._write.begin() as session:
            yield session

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


@contextmanager
def _told() -> Iterator[None]:
    """Unavailable, with a sentence, for the troubles that a person can end; all others pass as they are."""
    try:
        yield
    except OperationalError as error:
        said = str(error.orig).casefold()
        for sign, sentence in _TROUBLES.items():
            if sign in said:
                raise Unavailable(sentence) from error
        raise


def _prepare_sqlite(connection: SqliteConnection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours to write
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("eobench_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
