"""Both databases behave alike where the house relies on it."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from eobench_dash.db.engine import Database
from eobench_dash.db.migrate import check_current, migrate
from eobench_dash.db.models import Job, User
from eobench_dash.errors import SettingsError
from eobench_dash.services.workspace import Workspace


def test_the_run_really_uses_the_backend_it_names(db: Database, request: pytest.FixtureRequest) -> None:
    assert db.engine.dialect.name == request.node.callspec.params["db_url"]


def test_a_migrated_database_is_current_and_migrating_again_changes_nothing(db: Database) -> None:
    migrate(db)
    check_current(db)


def test_a_database_of_another_schema_is_refused_with_what_to_do(db: Database) -> None:
    with db.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(SettingsError, match="eobench init"):
        check_current(db)


def test_date_times_come_back_in_utc(db: Database) -> None:
    at = datetime(2026, 11, 23, 1, 2, 3, 456789, timezone(timedelta(hours=5)))
    with db.write() as session:
        session.add(Job(kind="import", state="queued", created_at=at))
    with db.read() as session:
        read = session.scalars(select(Job)).one().created_at
    assert read == at
    assert read.tzinfo is UTC or read.utcoffset() == timedelta(0)


def test_a_write_is_all_or_nothing(db: Database) -> None:
    with pytest.raises(IntegrityError), db.write() as session:
        session.add(User(name="ada", password_hash="x", role="admin"))
        session.flush()
        session.add(User(name="ada", password_hash="x", role="admin"))
    with db.read() as session:
        assert session.scalars(select(User)).all() == []


def test_reading_sessions_do_not_commit(db: Database) -> None:
    with db.read() as session:
        session.add(User(name="ada", password_hash="x", role="admin"))
        session.flush()
    with db.read() as session:
        assert session.scalars(select(User)).all() == []


def test_writers_wait_for_each_other_and_lose_no_update(db: Database) -> None:
    with db.write() as session:
        session.add(Job(id=1, kind="import", state="queued"))

    def add(times: int) -> None:
        for _ in range(times):
            with db.write() as session:
                job = session.get_one(Job, 1, with_for_update=True)
                job.attempts += 1

    threads = [threading.Thread(target=add, args=(25,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as session:
        assert session.get_one(Job, 1).attempts == 100


def test_foreign_keys_hold(db: Database) -> None:
    with pytest.raises(IntegrityError), db.write() as session:
        session.add(Job(kind="import", state="queued", owner_id=4711))


def test_the_workspace_fixture_is_a_fresh_workspace_on_that_database(workspace: Workspace, people) -> None:
    with workspace.db.read() as session:
        assert session.scalars(select(User.name).order_by(User.id)).all() == ["ada", "ben", "eva", "rob"]
    assert people.admin.user_id == 1
