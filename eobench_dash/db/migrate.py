"""Bring a database to the newest schema, one process at a time."""

import fcntl
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from eobench_dash.db.engine import Database
from eobench_dash.errors import SettingsError

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x0E0B  # PostgreSQL advisory lock of the migrations


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


def migrate(db: Database) -> None:
    """Run every missing migration under a lock (a file's on SQLite, an advisory one on PostgreSQL)."""
    if db.is_sqlite:
        lock = Path(f"{db.engine.url.database}.migrate-lock")
        with lock.open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            _upgrade(db)
    else:
        with db.engine.connect() as guard:
            guard.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            try:
                _upgrade(db)
            finally:
                guard.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})


def _upgrade(db: Database) -> None:
    engine = db.engine.execution_options(eobench_write=True)
    with engine.begin() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and found not in {known.revision for known in _scripts().walk_revisions()}:
            raise SettingsError(
                f"The database is at schema {found[:40]}, which this program does not know: a newer one made it. "
                "Update EO Bench, or name another workspace (EOBENCH_HOME)."
            )
        command.upgrade(_config(connection), "head")


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def check_current(db: Database) -> None:
    """SettingsError unless the schema is the one this code knows."""
    head = _scripts().get_current_head()
    with db.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found != head:
        raise SettingsError(
            f"The database is at schema {found or 'none'}, this program needs {head}. Run `eobench init` once."
        )
