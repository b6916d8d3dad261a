"""Redo, marks that meet others' marks, and the steps of a dataset's history."""

import pytest

from eobench_dash.domain.annotations import EventSource, Skipped
from eobench_dash.domain.people import ANONYMOUS, Principal
from eobench_dash.errors import Conflict, NotAllowed, NotFound
from eobench_dash.services.annotate import changes_since, mark, redo, redo_preview, relabel, undo, undo_preview
from eobench_dash.services.history import batch_ordinals, list_batches
from eobench_dash.services.labels import create_label, list_labels, merge_labels, suggest_labels


def names(lakes) -> list[str]:
    return [label.name for label in list_labels(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)]


# Redo


def test_redo_does_again_what_the_undos_took_back_in_turn(lakes):
    ben, where = lakes.who["ben"], {"dataset_id": lakes.id}
    relabel(lakes.ws, ben, ordinals=[0, 5], label="Sea", **where)
    relabel(lakes.ws, ben, ordinals=[0], label="Lake", **where)
    undo(lakes.ws, ben, **where)
    undo(lakes.ws, ben, **where)
    assert redo_preview(lakes.ws, ben, **where) == "Redo: 2 patches Lake, River → Sea"
    assert redo(lakes.ws, ben, **where).changes == ((0, 2), (5, 2))
    again = redo(lakes.ws, ben, **where)
    assert (again.changes, again.summary) == (((0, 1),), "Redo: 1 patch Sea → Lake")
    assert redo_preview(lakes.ws, ben, **where) is None
    with pytest.raises(Conflict, match="nothing to redo"):
        redo(lakes.ws, ben, **where)
    lakes.check_in_step()
    assert undo_preview(lakes.ws, ben, **where) == "Undo: 1 patch Sea → Lake"
    undo(lakes.ws, ben, **where)
    undo(lakes.ws, ben, **where)
    assert lakes.labels() == [lakes.initial[o] for o in range(12)]
    with pytest.raises(Conflict):
        undo(lakes.ws, ben, **where)


def test_there_is_no_redo_after_another_change_nor_in_another_browser(lakes):
    ben, where = lakes.who["ben"], {"dataset_id": lakes.id}
    relabel(lakes.ws, ben, ordinals=[0], label="Sea", **where)
    undo(lakes.ws, ben, **where)
    second = Principal(ben.user_id, ben.name, ben.role, session_key="s-ben-2")
    assert redo_preview(lakes.ws, second, **where) is None
    relabel(lakes.ws, ben, ordinals=[1], label="Sea", **where)
    assert redo_preview(lakes.ws, ben, **where) is None


def test_redo_leaves_and_names_what_somebody_changed_since(lakes):
    ben, ada, where = lakes.who["ben"], lakes.who["ada"], {"dataset_id": lakes.id}
    relabel(lakes.ws, ben, ordinals=[0, 1], label="Sea", **where)
    undo(lakes.ws, ben, **where)
    relabel(lakes.ws, ada, ordinals=[1], label="Lake", **where)
    done = redo(lakes.ws, ben, **where)
    assert (done.changes, done.skipped) == (((0, 2),), (Skipped(1, "lake-ada", "Lake"),))
    lakes.check_in_step()


def test_a_merge_is_undone_and_done_again_with_its_label(lakes):
    ben, where = lakes.who["ben"], {"dataset_id": lakes.id}
    merge_labels(lakes.ws, ben, source=0, target=2, **where)
    undo(lakes.ws, ben, **where)
    assert names(lakes) == ["River", "Lake", "Sea"]
    redo(lakes.ws, ben, **where)
    assert names(lakes) == ["Lake", "Sea"] and lakes.labels()[:5] == ["Sea"] * 5
    undo(lakes.ws, ben, **where)
    assert names(lakes) == ["River", "Lake", "Sea"] and lakes.labels()[:5] == ["River"] * 5
    relabel(lakes.ws, lakes.who["ada"], ordinals=[9], label="River", **where)
    redo(lakes.ws, ben, **where)
    assert "River" in names(lakes), "a label that patches carry stays in use"
    lakes.check_in_step()


# Marks and others


def test_marks_of_somebody_else_are_left_and_named(lakes):
    ben, ada, where = lakes.who["ben"], lakes.who["ada"], {"dataset_id": lakes.id}
    seen = mark(lakes.ws, ben, ordinals=[0, 1], excluded=True, **where).last_event
    mark(lakes.ws, ada, ordinals=[0], excluded=False, **where)
    done = mark(lakes.ws, ben, ordinals=[0, 2], excluded=True, seen_event=seen, **where)
    assert done.skipped == (Skipped(0, "lake-ada", "included in the benchmark"),)
    assert [p.excluded for p in lakes.patches()[:3]] == [False, True, True]
    mine = mark(lakes.ws, ben, ordinals=[0], excluded=True, seen_event=done.last_event, **where)
    assert mine.skipped == () and lakes.patches()[0].excluded
    only = mark(lakes.ws, ada, ordinals=[2], excluded=False, seen_event=seen, **where)
    assert only.batch_id is None and "somebody else changed 1 patch" in only.summary
    lakes.check_in_step()


def test_marks_travel_with_the_changes(lakes):
    ben, where = lakes.who["ben"], {"dataset_id": lakes.id}
    mark(lakes.ws, ben, ordinals=[3, 1], unsure=True, **where)
    mark(lakes.ws, ben, ordinals=[3], excluded=True, **where)
    relabel(lakes.ws, ben, ordinals=[5], label="Sea", **where)
    told = changes_since(lakes.ws, lakes.who["rob"], event_id=0, **where)
    assert (told.changes, told.marks) == (((5, 2),), ((1, True, False), (3, True, True)))


def test_what_was_taken_back_is_no_habit(lakes):
    ben, where = lakes.who["ben"], {"dataset_id": lakes.id}
    relabel(lakes.ws, ben, ordinals=[0], label="Sea", **where)
    first, *_ = suggest_labels(lakes.ws, ben, ordinals=[2], **where)
    assert first.why == "1 patch like these went there lately"
    undo(lakes.ws, ben, **where)
    assert not any(s.why for s in suggest_labels(lakes.ws, ben, ordinals=[2], **where))
    redo(lakes.ws, ben, **where)
    assert suggest_labels(lakes.ws, ben, ordinals=[2], **where)[0].name == "Sea"


# History


def test_the_steps_newest_first_with_who_may_take_them_back(lakes):
    ben, eva, where = lakes.who["ben"], lakes.who["eva"], {"dataset_id": lakes.id}
    lakes.assign("eva", "River")
    first = relabel(lakes.ws, ben, ordinals=[5, 6], label="Sea", why="tides", **where).batch_id
    second = relabel(lakes.ws, eva, ordinals=[0], label="Sea", **where).batch_id
    undo(lakes.ws, ben, batch_id=first, **where)
    steps = list_batches(lakes.ws, eva, **where)
    assert [(s.who, s.summary, s.mine, s.undone, s.may_undo, s.first) for s in steps] == [
        ("lake-ben", "Undo: 2 patches Lake → Sea", False, False, False, (5, 6)),
        ("lake-eva", "1 patch River → Sea", True, False, True, (0,)),
        ("lake-ben", "2 patches Lake → Sea", False, True, False, (5, 6)),
    ]
    assert steps[-1].why == "tides" and steps[-1].source is EventSource.MAP
    assert [s.may_undo for s in list_batches(lakes.ws, ben, **where)] == [True, True, False]
    assert not any(s.may_undo for name in ("rob", "eli") for s in list_batches(lakes.ws, lakes.who[name], **where))
    assert [s.id for s in list_batches(lakes.ws, eva, mine=True, **where)] == [second]
    assert [s.id for s in list_batches(lakes.ws, eva, before=second, **where)] == [first]
    assert [s.id for s in list_batches(lakes.ws, eva, limit=1, **where)] == [steps[0].id]
    assert batch_ordinals(lakes.ws, eva, batch_id=first, **where) == ("2 patches Lake → Sea", [5, 6])


def test_an_undo_is_done_again_from_history(lakes):
    ben, ada, where = lakes.who["ben"], lakes.who["ada"], {"dataset_id": lakes.id}
    relabel(lakes.ws, ben, ordinals=[0], label="Sea", **where)
    back = undo(lakes.ws, ben, **where).batch_id
    lakes.assign("eli", "River")
    with pytest.raises(NotAllowed):
        undo(lakes.ws, lakes.who["eli"], batch_id=back, **where)
    assert undo(lakes.ws, ada, batch_id=back, **where).summary == "Redo: 1 patch River → Sea"
    assert lakes.labels()[0] == "Sea"
    with pytest.raises(NotFound):
        undo(lakes.ws, ada, batch_id=back, **where)


def test_history_is_of_one_dataset_and_for_those_who_see_it(lakes, make_lakes):
    other = make_lakes("Other")
    step = relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label="Sea").batch_id
    create_label(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, name="Pond")
    assert list_batches(lakes.ws, lakes.who["ben"], dataset_id=other.id) == []
    with pytest.raises(NotFound):
        batch_ordinals(lakes.ws, lakes.who["ben"], dataset_id=other.id, batch_id=step)
    with pytest.raises(NotFound):
        list_batches(lakes.ws, ANONYMOUS, dataset_id=lakes.id)
