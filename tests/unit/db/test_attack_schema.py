"""A database that this program did not make, or that a newer one made: a sentence, and the file stays as it is."""

from pathlib import Path

import pytest

from eobench_dash.db.engine import Database
from eobench_dash.errors import SettingsError
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import Settings


@pytest.mark.parametrize("create", [True, False])
def test_a_database_of_a_newer_program_is_left_alone(settings: Settings, create: bool) -> None:
    open_workspace(settings, create=True).close()
    database = Database(settings.sqlalchemy_url)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.dispose()
    with pytest.raises(SettingsError, match="9999"):
        open_workspace(settings, create=create)


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_is_no_database_is_left_alone(settings: Settings, create: bool) -> None:
    file = Path(settings.home) / "eobench.sqlite"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"holiday pictures " * 100)
    with pytest.raises(SettingsError, match="not a database"):
        open_workspace(settings, create=create)
    assert file.read_bytes() == b"holiday pictures " * 100
