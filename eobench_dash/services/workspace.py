"""The collaborators that every service is given: settings, database, files, cache."""

from dataclasses import dataclass

from sqlalchemy.exc import DatabaseError, OperationalError

from eobench_dash.db.engine import Database
from eobench_dash.db.migrate import check_current, migrate
from eobench_dash.errors import SettingsError
from eobench_dash.settings import Settings
from eobench_dash.store import Store
from eobench_dash.store.cache import ByteCache


@dataclass(frozen=True)
class Workspace:
    """An opened workspace. Cheap to hold for a process's life; safe to share between its threads."""

    settings: Settings
    db: Database
    store: Store
    cache: ByteCache

    def close(self) -> None:
        """Give back connections and files."""
        self.db.dispose()
        self.cache.close()


def open_workspace(settings: Settings, *, create: bool = False) -> Workspace:
    """The workspace of ``settings``; ``create`` makes its folders and brings the schema up to date.

    Raises SettingsError where the schema is not the one this program knows.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    db = Database(settings.sqlalchemy_url)
    try:
        migrate(db) if create else check_current(db)
    except OperationalError:
        raise
    except DatabaseError as error:
        raise SettingsError(
            f"The database cannot be used: {error.orig}. Check EOBENCH_DATABASE_URL and EOBENCH_HOME."
        ) from error
    store = Store(settings.home)
    return Workspace(
        settings=settings,
        db=db,
        store=store,
        cache=ByteCache(store.cache_dir, size_limit=settings.cache_mb * 2**20),
    )
