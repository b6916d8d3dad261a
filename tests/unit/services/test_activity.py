"""Recent activity, and what cleaning changed altogether."""

from datetime import UTC, datetime, timedelta

import pytest

from eobench_dash.db.models import Dataset, Job
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import ANONYMOUS
from eobench_dash.errors import NotFound
from eobench_dash.services.activity import Flow, change_summary, recent
from eobench_dash.services.annotate import relabel, undo
from eobench_dash.services.labels import merge_labels


def test_activity_is_newest_first(lakes):
    ben = lakes.who["ben"]
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1], label="Sea", why="tides")
    undo(lakes.ws, ben, dataset_id=lakes.id)
    told = recent(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    assert [(a.who, a.what, a.kind, a.dataset, a.patches) for a in told] == [
        ("lake-ben", "Undo: 2 patches River → Sea", "undo", "Lakes", 2),
        ("lake-ben", "2 patches River → Sea", "map", "Lakes", 2),
    ]
    assert told[1].why == "tides"


def test_ended_jobs_are_activity(lakes):
    now = datetime.now(UTC)
    with lakes.ws.db.write() as session:
        for state, title in (("done", "Describe Lakes"), ("failed", "Map Lakes"), ("running", "Verify Lakes")):
            session.add(
                Job(
                    kind="features",
                    state=state,
                    title=title,
                    dataset_id=lakes.id,
                    owner_id=lakes.who["ben"].user_id,
                    finished_at=None if state == "running" else now - timedelta(minutes=state == "done"),
                    error="Out of memory." if state == "failed" else "",
                )
            )
    told = recent(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    assert [(a.what, a.why) for a in told] == [
        ("Map Lakes failed", "Out of memory."), ("Describe Lakes finished", ""),
    ]  # fmt: skip


def test_activity_is_limited_to_what_people_may_see(lakes, make_lakes):
    other = make_lakes("Other")
    for ordinal in range(3):
        relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[ordinal], label="Sea")
    relabel(lakes.ws, lakes.who["ben"], dataset_id=other.id, ordinals=[0], label="Sea")
    assert len(recent(lakes.ws, lakes.who["rob"], limit=2)) == 2
    assert recent(lakes.ws, ANONYMOUS) == []
    with lakes.ws.db.write() as session:
        session.get_one(Dataset, other.id).state = "deleting"
    assert "Other" not in {a.dataset for a in recent(lakes.ws, lakes.who["rob"])}


def test_change_summary_counts_groups_and_flows(lakes):
    ben = lakes.who["ben"]
    assert change_summary(lakes.ws, ben, dataset_id=lakes.id).flows == ()
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1, 11], label="Sea")
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[5], label=None)
    told = change_summary(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    assert (told.patches, told.changed) == (12, 4)
    assert [(g.label, g.before, g.after) for g in told.groups] == [
        ("River", 5, 3), ("Lake", 4, 3), ("Sea", 2, 5), ("unlabelled", 1, 1),
    ]  # fmt: skip
    assert told.groups[-1].code == NO_LABEL
    assert told.flows == (Flow("River", "Sea", 2), Flow("Lake", "unlabelled", 1), Flow("unlabelled", "Sea", 1))
    with pytest.raises(NotFound):
        change_summary(lakes.ws, ANONYMOUS, dataset_id=lakes.id)


def test_a_merged_label_is_told_by_what_it_was(lakes):
    merge_labels(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, source=0, target=1)
    told = change_summary(lakes.ws, lakes.who["ben"], dataset_id=lakes.id)
    assert [(g.label, g.before, g.after) for g in told.groups][:2] == [("River", 5, 0), ("Lake", 4, 9)]
    assert told.flows == (Flow("River", "Lake", 5),)
