"""Who changed how much and when, which labels went where, and the patches behind each."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from eobench_dash.db.models import AnnotationBatch
from eobench_dash.domain.analytics import ANYBODY, COMMAND_LINE
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import ANONYMOUS
from eobench_dash.errors import BadInput, NotAllowed, NotFound
from eobench_dash.services import analytics
from eobench_dash.services.annotate import relabel, undo
from eobench_dash.services.labels import merge_labels

RIVER, LAKE, SEA = 0, 1, 2
T0 = datetime(2026, 11, 20, 22, 50, tzinfo=UTC)


@pytest.fixture
def worked(lakes):
    """ben: 0, 1 and 11 to Sea at 22:50; eva: 5 to River at 23:10; ben: 2 to Lake two days later, and takes it back."""
    lakes.assign("eva", None)
    steps = [
        ("ben", [0, 1, 11], "Sea", T0),
        ("eva", [5], "River", T0 + timedelta(minutes=20)),
        ("ben", [2], "Lake", T0 + timedelta(days=2)),
    ]
    for name, ordinals, label, at in steps:
        done = relabel(lakes.ws, lakes.who[name], dataset_id=lakes.id, ordinals=ordinals, label=label)
        move(lakes, done.batch_id, at)
    undo(lakes.ws, lakes.who["ben"], dataset_id=lakes.id)
    return lakes


def move(lakes, batch_id: int, at: datetime) -> None:
    with lakes.ws.db.write() as session:
        session.execute(update(AnnotationBatch).where(AnnotationBatch.id == batch_id).values(at=at))


def test_nothing_has_happened(lakes):
    rob = lakes.who["rob"]
    assert analytics.by_person(lakes.ws, rob, dataset_id=lakes.id) == []
    assert analytics.over_time(lakes.ws, rob, dataset_id=lakes.id).shares == ()
    moves = analytics.before_after(lakes.ws, rob, dataset_id=lakes.id)
    assert [(m.before.name, m.after.name, m.patches) for m in moves] == [
        ("River", "River", 5), ("Lake", "Lake", 4), ("Sea", "Sea", 2), ("no label", "no label", 1),
    ]  # fmt: skip


def test_each_person_s_share_and_what_was_taken_back(worked):
    shares = analytics.by_person(worked.ws, worked.who["rob"], dataset_id=worked.id)
    assert [(s.name, s.batches, s.patches, s.undone) for s in shares] == [("lake-ben", 2, 4, 1), ("lake-eva", 1, 1, 0)]
    assert [s.key for s in shares] == [worked.who["ben"].user_id, worked.who["eva"].user_id]


def test_changes_by_the_hour_and_by_the_day(worked):
    rob = worked.who["rob"]
    hours = analytics.over_time(worked.ws, rob, dataset_id=worked.id, step="hour")
    assert [(s.start.strftime("%d %H"), s.name, s.batches, s.patches) for s in hours.shares] == [
        ("20 22", "lake-ben", 1, 3), ("20 23", "lake-eva", 1, 1), ("22 22", "lake-ben", 1, 1),
    ]  # fmt: skip
    assert all(s.start.tzinfo is UTC for s in hours.shares)
    days = analytics.over_time(worked.ws, rob, dataset_id=worked.id, step="day")
    assert [(s.start, s.name, s.patches) for s in days.shares][:2] == [
        (datetime(2026, 11, 20, tzinfo=UTC), "lake-ben", 3), (datetime(2026, 11, 20, tzinfo=UTC), "lake-eva", 1),
    ]  # fmt: skip
    assert analytics.over_time(worked.ws, rob, dataset_id=worked.id).step == "hour"  # two days at most
    with worked.ws.db.read() as session:
        newest = session.scalar(
            select(AnnotationBatch.id).where(AnnotationBatch.source == "map").order_by(-AnnotationBatch.id)
        )
    move(worked, newest, T0 + timedelta(days=9))
    assert analytics.over_time(worked.ws, rob, dataset_id=worked.id).step == "day"
    with pytest.raises(BadInput):
        analytics.over_time(worked.ws, rob, dataset_id=worked.id, step="week")


def test_an_hour_does_not_depend_on_the_session_s_time_zone(worked):
    if worked.ws.db.is_sqlite:
        pytest.skip("SQLite has no time zones")
    from eobench_dash.db.queries.analytics import hours

    with worked.ws.db.read() as session:
        session.connection().exec_driver_sql("SET TIME ZONE 'Asia/Kolkata'")
        assert next(iter(session.execute(hours(worked.id))))[0] == "2026-11-20T22"


def test_moves_with_their_labels(worked):
    moves = analytics.before_after(worked.ws, worked.who["rob"], dataset_id=worked.id)
    changed = [(m.before.name, m.after.name, m.patches) for m in moves if m.before != m.after]
    assert changed == [("River", "Sea", 2), ("Lake", "River", 1), ("no label", "Sea", 1)]
    assert sum(m.patches for m in moves) == 12
    assert {m.before.code for m in moves} == {RIVER, LAKE, SEA, NO_LABEL}


def test_members_of_a_move(worked):
    def members(before: int, after: int):
        return analytics.members_of_move(worked.ws, worked.who["rob"], dataset_id=worked.id, before=before, after=after)

    assert members(RIVER, SEA).ordinals == (0, 1) and members(RIVER, SEA).words == "River → Sea"
    assert members(NO_LABEL, SEA).ordinals == (11,)
    assert members(RIVER, RIVER).ordinals == (2, 3, 4)  # a step taken back is no move
    assert members(SEA, NO_LABEL).ordinals == ()
    with pytest.raises(NotFound, match="code 77"):
        members(77, SEA)


def test_a_merged_label_keeps_its_members(lakes):
    merge_labels(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, source=RIVER, target=LAKE)
    rob = lakes.who["rob"]
    moves = analytics.before_after(lakes.ws, rob, dataset_id=lakes.id)
    assert [(m.before.name, m.patches) for m in moves if m.before != m.after] == [("River", 5)]
    found = analytics.members_of_move(lakes.ws, rob, dataset_id=lakes.id, before=RIVER, after=LAKE)
    assert found.ordinals == (0, 1, 2, 3, 4)


def test_members_of_people_and_times(worked):
    ws, rob = worked.ws, worked.who["rob"]
    ben, eva = worked.who["ben"].user_id, worked.who["eva"].user_id

    def by(person: int):
        return analytics.members_of_person(ws, rob, dataset_id=worked.id, person=person)

    def at(start: str, person: int = ANYBODY):
        return analytics.members_of_time(ws, rob, dataset_id=worked.id, start=start, person=person)

    assert by(ben).ordinals == (0, 1, 2, 11) and by(ben).words == "changed by lake-ben"
    assert by(eva).ordinals == (5,) and by(COMMAND_LINE).ordinals == ()
    assert by(ANYBODY).ordinals == (0, 1, 2, 5, 11)
    assert at("2026-11-20").ordinals == (0, 1, 5, 11) and at("2026-11-20").words == "changed 20 Nov 2026"
    assert at("2026-11-20T23").ordinals == (5,) and at("2026-11-20T23", ben).ordinals == ()
    assert at("2026-11-20T22", ben).words == "changed 20 Nov 2026, 22:00 to 23:00 UTC by lake-ben"
    assert at("2026-11-21").ordinals == ()
    with pytest.raises(NotFound, match="nobody"):
        by(10**12)
    for wrong in ("yesterday", "2026-13-01", "2026-11-20T25", "2026-11-20 22", ""):
        with pytest.raises(BadInput, match="A time is written"):
            at(wrong)


def test_lists_of_members_are_bounded(worked, monkeypatch):
    monkeypatch.setattr(analytics, "MAX_MEMBERS", 2)
    found = analytics.members_of_person(worked.ws, worked.who["rob"], dataset_id=worked.id, person=ANYBODY)
    assert found.ordinals == (0, 1) and found.more
    exact = analytics.members_of_move(worked.ws, worked.who["rob"], dataset_id=worked.id, before=RIVER, after=SEA)
    assert exact.ordinals == (0, 1) and not exact.more


def test_anonymous_readers_see_no_names(make_workspace, make_lakes):
    lakes = make_lakes("Open", public=True)
    ws = make_workspace(public=True)
    for name, ordinals in (("ben", [0]), ("ada", [1, 2])):
        relabel(ws, lakes.who[name], dataset_id=lakes.id, ordinals=ordinals, label="Sea")
    (share,) = analytics.by_person(ws, ANONYMOUS, dataset_id=lakes.id)
    assert (share.key, share.name, share.patches) == (ANYBODY, "somebody", 3)
    (bar,) = analytics.over_time(ws, ANONYMOUS, dataset_id=lakes.id).shares
    assert (bar.name, bar.patches) == ("somebody", 3)
    assert analytics.members_of_person(ws, ANONYMOUS, dataset_id=lakes.id, person=ANYBODY).ordinals == (0, 1, 2)
    for person in (lakes.who["ben"].user_id, COMMAND_LINE):
        with pytest.raises(NotAllowed):
            analytics.members_of_person(ws, ANONYMOUS, dataset_id=lakes.id, person=person)


def test_a_dataset_that_is_not_open_tells_nothing(worked):
    for ask in (analytics.by_person, analytics.over_time, analytics.before_after):
        with pytest.raises(NotFound):
            ask(worked.ws, ANONYMOUS, dataset_id=worked.id)
