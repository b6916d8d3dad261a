"""Relabel, marks, undo, changes, history: what one request does to the log and to the patches."""

from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import event, func, select

from eobench_dash.db.engine import Database
from eobench_dash.db.migrate import migrate
from eobench_dash.db.models import AnnotationBatch, Label, Patch
from eobench_dash.db.queries import annotations as queries
from eobench_dash.domain.annotations import EventKind, EventSource, Skipped
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import ANONYMOUS, Principal
from eobench_dash.errors import BadInput, Conflict, NotAllowed, NotFound, NotLoggedIn
from eobench_dash.services import annotate, changes
from eobench_dash.services.annotate import mark, redo, redo_preview, relabel, undo, undo_preview
from eobench_dash.services.batches import Trace, check_ordinals, name_groups, relabel_summary, still_standing


def second_window(who: Principal) -> Principal:
    return Principal(who.user_id, who.name, who.role, session_key=f"{who.session_key}-2")


# Pure helpers


@pytest.mark.parametrize(
    "wrong",
    [[], [-1], [12], [3, 3], [1.5], ["1"], [True], [None], [[1], [2]], [2**70], list(range(50_001))],
)
def test_ordinals_that_cannot_be_used_are_refused(wrong):
    with pytest.raises(BadInput):
        check_ordinals(wrong, patch_count=12)


def test_ordinals_are_put_in_order():
    assert check_ordinals([7, 0, 11], patch_count=12) == [0, 7, 11]
    assert check_ordinals(np.array([7, 0], np.uint32), patch_count=12) == [0, 7]


def test_summaries_name_the_largest_groups():
    assert relabel_summary(["River"] * 312, "SeaLake") == "312 patches River → SeaLake"
    assert relabel_summary([None], "River") == "1 patch unlabelled → River"
    assert relabel_summary(["River"], None) == "1 patch River → unlabelled"
    assert name_groups(["a", "b", "b", "c", "d", "d", "d", "e"]) == "d, b, a and 2 more"
    assert relabel_summary(["a"] * 50_000, "b").startswith("50,000 patches")


def trace(event_id: int, batch_id: int, undoes_id: int | None = None, ordinal: int = 0) -> Trace:
    return Trace(event_id, ordinal, batch_id, undoes_id, 1, "eva", "s", None)


def test_an_undo_and_what_it_took_back_cancel_out():
    assert still_standing([trace(1, 10), trace(2, 11, undoes_id=10)]) == {}
    assert still_standing([trace(1, 10), trace(2, 11), trace(3, 12, undoes_id=11)])[0].event_id == 1
    # The undo of something older than what is looked at is a change of its own.
    assert still_standing([trace(3, 12, undoes_id=9)])[0].event_id == 3
    both = still_standing([trace(1, 10), trace(2, 10, ordinal=5), trace(3, 11, undoes_id=10, ordinal=5)])
    assert set(both) == {0}


# Relabel


def test_relabel_is_one_batch_and_leaves_those_already_so(lakes):
    result = relabel(
        lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[5, 0, 9, 11], label="Sea", why=" tides "
    )
    assert result.changes == ((0, 2), (5, 2), (11, 2))
    assert result.summary == "3 patches Lake, River, unlabelled → Sea"
    assert result.skipped == ()
    assert lakes.labels() == ["Sea", *["River"] * 4, "Sea", *["Lake"] * 3, "Sea", "Sea", "Sea"]
    lakes.check_in_step()
    events = lakes.events()
    assert [e.ordinal for e in events] == [0, 5, 11]
    assert result.last_event == events[-1].id
    with lakes.ws.db.read() as session:
        batch = session.get_one(AnnotationBatch, result.batch_id)
    assert (batch.user_id, batch.session_key, batch.source) == (lakes.who["ben"].user_id, "s-ben", "map")
    assert (batch.why, batch.patch_count, batch.undoes_id) == ("tides", 3, None)
    assert batch.at.tzinfo is not None and abs((batch.at - datetime.now(UTC)).total_seconds()) < 60


def test_nothing_to_change_writes_nothing(lakes):
    result = relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0, 1], label="River")
    assert result.batch_id is None and result.changes == ()
    assert result.summary == "Nothing to change: 2 patches already River."
    assert lakes.events() == []


def test_a_label_can_be_taken_away(lakes):
    result = relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label=None)
    assert result.changes == ((0, NO_LABEL),)
    assert lakes.labels()[0] is None
    lakes.check_in_step()


def test_a_new_label_must_be_asked_for(lakes):
    with pytest.raises(NotFound, match="no label 'Fjord'"):
        relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label="Fjord")
    revision = lakes.dataset().labels_revision
    result = relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label=" Fjord ", create=True)
    assert result.changes == ((0, 3),)
    assert lakes.dataset().labels_revision == revision + 1
    again = relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[1], label="FJORD", create=True)
    assert again.changes == ((1, 3),), "the label that differs in case only is meant"


def test_the_dataset_counts_as_changed(lakes):
    before = lakes.dataset().updated_at
    relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label="Sea")
    assert lakes.dataset().updated_at > before


@pytest.mark.parametrize(("name", "error"), [("rob", NotAllowed), ("eva", NotAllowed)])
def test_who_may_not_relabel(lakes, name, error):
    with pytest.raises(error):
        relabel(lakes.ws, lakes.who[name], dataset_id=lakes.id, ordinals=[0], label="Sea")
    assert lakes.events() == []


def test_anonymous_people_do_not_even_see_the_dataset(lakes):
    with pytest.raises((NotFound, NotLoggedIn)):
        relabel(lakes.ws, ANONYMOUS, dataset_id=lakes.id, ordinals=[0], label="Sea")


def test_a_dataset_that_is_being_imported_cannot_be_relabelled(lakes):
    with lakes.ws.db.write() as session:
        session.get_one(type(lakes.dataset()), lakes.id).state = "importing"
    with pytest.raises(NotFound):
        relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label="Sea")


def test_an_expert_changes_the_groups_assigned(lakes):
    eva = lakes.who["eva"]
    lakes.assign("eva", "River")
    assert relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[0, 1], label="Sea").changes == ((0, 2), (1, 2))
    with pytest.raises(NotAllowed) as refused:
        relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[2, 5, 6, 11], label="Sea")
    assert "3 of 4 patches are outside your groups (Lake, unlabelled)" in str(refused.value)
    assert "Assigned to you: River" in str(refused.value)
    assert lakes.labels()[2] == "River", "the whole request is refused"
    # Patches of another group that already carry the label do not stand in the way.
    assert relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[2, 9], label="Sea").changes == ((2, 2),)


def test_an_expert_may_correct_an_own_relabel_but_not_others(lakes):
    eva = lakes.who["eva"]
    lakes.assign("eva", "River")
    relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[0, 1], label="Sea")
    assert relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[0], label="Lake").changes == ((0, 1),)
    relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[1], label="Lake")
    with pytest.raises(NotAllowed):
        relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[1], label="Sea")


def test_a_new_label_of_a_refused_request_is_not_left_behind(lakes):
    lakes.assign("eva", "River")
    with pytest.raises(NotAllowed):
        relabel(lakes.ws, lakes.who["eva"], dataset_id=lakes.id, ordinals=[5], label="Fjord", create=True)
    with lakes.ws.db.read() as session:
        assert session.scalar(select(func.count()).where(Label.dataset_id == lakes.id, Label.name == "Fjord")) == 0


def test_an_expert_of_the_whole_dataset_changes_everything(lakes):
    lakes.assign("eva", None)
    everything = relabel(lakes.ws, lakes.who["eva"], dataset_id=lakes.id, ordinals=range(12), label="Sea")
    assert len(everything.changes) == 10


def test_what_somebody_else_changed_meanwhile_is_not_overwritten_silently(lakes):
    eva, ben = lakes.who["eva"], lakes.who["ben"]
    lakes.assign("eva", None)
    seen = relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[4], label="Lake").last_event
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1], label="Lake")
    relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[2], label="Lake")
    result = relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[0, 1, 2, 3], label="Sea", seen_event=seen)
    assert result.changes == ((2, 2), (3, 2)), "her own later change is no conflict"
    assert result.skipped == (Skipped(0, "lake-ben", "Lake"), Skipped(1, "lake-ben", "Lake"))
    told = relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[0, 1], label="Sea", seen_event=result.last_event)
    assert told.changes == ((0, 2), (1, 2)), "once seen it may be changed"


def test_only_conflicts_write_nothing(lakes):
    relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label="Lake")
    count = len(lakes.events())
    result = relabel(lakes.ws, lakes.who["ada"], dataset_id=lakes.id, ordinals=[0], label="Sea", seen_event=0)
    assert result.batch_id is None and len(result.skipped) == 1
    assert "somebody else changed 1 patch" in result.summary
    assert len(lakes.events()) == count


def test_a_change_taken_back_is_no_conflict_but_an_undo_of_what_was_seen_is(lakes):
    ben, ada = lakes.who["ben"], lakes.who["ada"]
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0], label="Lake")
    undo(lakes.ws, ben, dataset_id=lakes.id)
    assert relabel(lakes.ws, ada, dataset_id=lakes.id, ordinals=[0], label="Sea", seen_event=0).skipped == ()
    seen = relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[1], label="Lake").last_event
    undo(lakes.ws, ben, dataset_id=lakes.id)
    skipped = relabel(lakes.ws, ada, dataset_id=lakes.id, ordinals=[1], label="Sea", seen_event=seen).skipped
    assert skipped == (Skipped(1, "lake-ben", "River"),)


def test_a_mark_by_somebody_else_is_no_conflict_of_labels(lakes):
    mark(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], unsure=True)
    result = relabel(lakes.ws, lakes.who["ada"], dataset_id=lakes.id, ordinals=[0], label="Sea", seen_event=0)
    assert result.changes == ((0, 2),)


def test_a_reason_is_bounded(lakes):
    with pytest.raises(BadInput, match="reason"):
        relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label="Sea", why="x" * 2001)


def test_the_number_of_statements_does_not_grow_with_the_patches(make_lakes):
    many = make_lakes("Many", count=400, label_of=lambda ordinal: ordinal % 2)

    def statements(ordinals) -> int:
        seen = []
        listener = lambda *args: seen.append(args[2])  # noqa: E731
        event.listen(many.ws.db.engine, "before_cursor_execute", listener)
        try:
            relabel(many.ws, many.who["ben"], dataset_id=many.id, ordinals=ordinals, label="Sea")
        finally:
            event.remove(many.ws.db.engine, "before_cursor_execute", listener)
        return len(seen)

    assert statements([0, 1]) == statements(range(2, 400)) <= 12
    many.check_in_step()


# Marks


def test_marks_are_events_and_flip(lakes):
    ben = lakes.who["ben"]
    mark(lakes.ws, ben, dataset_id=lakes.id, ordinals=[1], unsure=True)
    result = mark(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1], unsure=True, excluded=True, why="clouds")
    assert result.summary == "2 patches marked unsure and excluded from the benchmark"
    assert result.changes == ((0, 0), (1, 0))
    patches = lakes.patches()
    assert [(p.unsure, p.excluded) for p in patches[:3]] == [(True, True), (True, True), (False, False)]
    assert [e.kind for e in lakes.events()] == ["unsure", "unsure", "exclude", "exclude"]
    lakes.check_in_step()
    mark(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1, 2], excluded=False)
    assert [p.excluded for p in lakes.patches()[:3]] == [False, False, False]
    assert [e.ordinal for e in lakes.events()][-2:] == [0, 1]
    lakes.check_in_step()


def test_a_mark_that_is_there_already_writes_nothing(lakes):
    result = mark(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], unsure=False)
    assert result.batch_id is None and "Nothing to change" in result.summary
    with pytest.raises(BadInput, match="which mark"):
        mark(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0])


def test_marks_follow_the_assignments(lakes):
    lakes.assign("eva", "River")
    mark(lakes.ws, lakes.who["eva"], dataset_id=lakes.id, ordinals=[0], unsure=True)
    with pytest.raises(NotAllowed):
        mark(lakes.ws, lakes.who["eva"], dataset_id=lakes.id, ordinals=[0, 5], excluded=True)


# Undo


def test_undo_takes_back_the_newest_step_then_the_one_before(lakes):
    ben = lakes.who["ben"]
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 5, 11], label="Sea")
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0], label="Lake")
    assert undo_preview(lakes.ws, ben, dataset_id=lakes.id) == "Undo: 1 patch Sea → Lake"
    assert undo(lakes.ws, ben, dataset_id=lakes.id).changes == ((0, 2),)
    assert undo_preview(lakes.ws, ben, dataset_id=lakes.id) == "Undo: 3 patches Lake, River, unlabelled → Sea"
    result = undo(lakes.ws, ben, dataset_id=lakes.id)
    assert result.changes == ((0, 0), (5, 1), (11, NO_LABEL))
    assert result.summary == "Undo: 3 patches Lake, River, unlabelled → Sea"
    assert lakes.labels() == [lakes.initial[o] for o in range(12)]
    assert undo_preview(lakes.ws, ben, dataset_id=lakes.id) is None
    with pytest.raises(Conflict, match="nothing to undo"):
        undo(lakes.ws, ben, dataset_id=lakes.id)
    assert len(lakes.events()) == 8, "the log only grows"
    lakes.check_in_step()


def test_undo_is_per_user_and_browser(lakes):
    ben, ada = lakes.who["ben"], lakes.who["ada"]
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0], label="Sea")
    for other in (ada, second_window(ben)):
        with pytest.raises(Conflict):
            undo(lakes.ws, other, dataset_id=lakes.id)
    assert lakes.labels()[0] == "Sea"
    undo(lakes.ws, ben, dataset_id=lakes.id)
    assert lakes.labels()[0] == "River"


def test_undo_leaves_and_names_what_changed_since(lakes):
    ben, ada = lakes.who["ben"], lakes.who["ada"]
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1, 2], label="Sea")
    relabel(lakes.ws, ada, dataset_id=lakes.id, ordinals=[1], label="Lake")
    relabel(lakes.ws, second_window(ben), dataset_id=lakes.id, ordinals=[2], label="Lake")
    result = undo(lakes.ws, ben, dataset_id=lakes.id)
    assert result.changes == ((0, 0),)
    assert result.skipped == (Skipped(1, "lake-ada", "Lake"), Skipped(2, "you", "Lake"))
    assert lakes.labels()[:3] == ["River", "Lake", "Lake"]
    with pytest.raises(Conflict):
        undo(lakes.ws, ben, dataset_id=lakes.id)
    lakes.check_in_step()


def test_what_somebody_changed_and_took_back_is_no_obstacle(lakes):
    ben, ada = lakes.who["ben"], lakes.who["ada"]
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0], label="Sea")
    relabel(lakes.ws, ada, dataset_id=lakes.id, ordinals=[0], label="Lake")
    undo(lakes.ws, ada, dataset_id=lakes.id)
    assert undo(lakes.ws, ben, dataset_id=lakes.id).skipped == ()
    assert lakes.labels()[0] == "River"


def test_a_step_that_was_overtaken_in_all_still_stands(lakes):
    ben, ada = lakes.who["ben"], lakes.who["ada"]
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[5], label="Sea")
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1], label="Sea")
    relabel(lakes.ws, ada, dataset_id=lakes.id, ordinals=[0, 1], label="Lake")
    log = lakes.events()
    with pytest.raises(Conflict, match=r"“2 patches .* → Sea” changes nothing: all 2 patches were .* by lake-ada"):
        undo(lakes.ws, ben, dataset_id=lakes.id)
    assert len(lakes.events()) == len(log) and lakes.labels()[0] == "Lake"
    assert undo_preview(lakes.ws, ben, dataset_id=lakes.id).endswith("→ Sea")
    undo(lakes.ws, ada, dataset_id=lakes.id)
    assert [ordinal for ordinal, _ in undo(lakes.ws, ben, dataset_id=lakes.id).changes] == [0, 1]
    assert undo(lakes.ws, ben, dataset_id=lakes.id).changes == ((5, 1),), "the step before is next"
    lakes.check_in_step()


def test_an_undo_in_part_says_so_and_so_does_its_redo(lakes):
    ben, ada = lakes.who["ben"], lakes.who["ada"]
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1, 2], label="Sea")
    relabel(lakes.ws, ada, dataset_id=lakes.id, ordinals=[1], label="Lake")
    assert undo(lakes.ws, ben, dataset_id=lakes.id).summary.endswith("→ Sea (2 of them)")
    relabel(lakes.ws, ada, dataset_id=lakes.id, ordinals=[0], label="Lake")
    assert redo_preview(lakes.ws, ben, dataset_id=lakes.id).endswith("→ Sea")
    assert redo(lakes.ws, ben, dataset_id=lakes.id).summary.endswith("→ Sea (1 of them)")
    lakes.check_in_step()


def test_undo_of_marks_flips_them_back_whatever_the_label(lakes):
    ben, ada = lakes.who["ben"], lakes.who["ada"]
    mark(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1], unsure=True, excluded=True)
    relabel(lakes.ws, ada, dataset_id=lakes.id, ordinals=[0], label="Sea")
    mark(lakes.ws, ada, dataset_id=lakes.id, ordinals=[1], unsure=False)
    result = undo(lakes.ws, ben, dataset_id=lakes.id)
    assert [s.ordinal for s in result.skipped] == [1]
    assert [(p.unsure, p.excluded) for p in lakes.patches()[:2]] == [(False, False), (False, False)]
    assert lakes.labels()[0] == "Sea"
    lakes.check_in_step()


def test_a_step_from_history_can_be_taken_back(lakes):
    ben, ada = lakes.who["ben"], lakes.who["ada"]
    lakes.assign("eva", None)
    lakes.assign("eli", "River")
    first = relabel(lakes.ws, lakes.who["eva"], dataset_id=lakes.id, ordinals=[0], label="Sea").batch_id
    relabel(lakes.ws, lakes.who["eva"], dataset_id=lakes.id, ordinals=[1], label="Sea")
    with pytest.raises(NotAllowed):
        undo(lakes.ws, lakes.who["eli"], dataset_id=lakes.id, batch_id=first)
    assert undo_preview(lakes.ws, ada, dataset_id=lakes.id, batch_id=first) == "Undo: 1 patch River → Sea"
    undo(lakes.ws, ben, dataset_id=lakes.id, batch_id=first)
    assert lakes.labels()[:2] == ["River", "Sea"]
    with pytest.raises(NotFound, match="undone already"):
        undo(lakes.ws, ben, dataset_id=lakes.id, batch_id=first)


def test_imports_and_undos_are_never_undone(lakes):
    ben = lakes.who["ben"]
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0], label="Sea", source=EventSource.IMPORT)
    with pytest.raises(Conflict):
        undo(lakes.ws, ben, dataset_id=lakes.id)


# Telling what changed


def test_changes_since_an_event(lakes):
    ben, ada = lakes.who["ben"], lakes.who["ada"]
    assert annotate.changes_since(lakes.ws, ada, dataset_id=lakes.id, event_id=0).changes == ()
    first = relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1], label="Sea").last_event
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[1, 2], label="Lake")
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[2], label=None)
    marked = mark(lakes.ws, ben, dataset_id=lakes.id, ordinals=[7], unsure=True).last_event
    told = annotate.changes_since(lakes.ws, lakes.who["rob"], dataset_id=lakes.id, event_id=first)
    assert told.changes == ((1, 1), (2, NO_LABEL))
    assert (told.last_event, told.reload) == (marked, False)
    assert annotate.changes_since(lakes.ws, ada, dataset_id=lakes.id, event_id=marked).last_event == marked


def test_too_many_changes_or_an_unknown_event_ask_for_a_reload(lakes, monkeypatch):
    ben = lakes.who["ben"]
    monkeypatch.setattr(changes, "MAX_CHANGES", 3)
    last = relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=range(5), label="Sea").last_event
    assert annotate.changes_since(lakes.ws, ben, dataset_id=lakes.id, event_id=0).reload
    assert not annotate.changes_since(lakes.ws, ben, dataset_id=lakes.id, event_id=last - 3).reload
    assert annotate.changes_since(lakes.ws, ben, dataset_id=lakes.id, event_id=last + 1).reload
    with pytest.raises(BadInput):
        annotate.changes_since(lakes.ws, ben, dataset_id=lakes.id, event_id=-1)


def test_label_codes_are_in_ordinal_order(lakes):
    codes, last = annotate.label_codes(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    assert codes.dtype == np.uint16 and last == 0
    assert codes.tolist() == [0] * 5 + [1] * 4 + [2] * 2 + [NO_LABEL]
    result = relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0, 11], label="Sea")
    codes, last = annotate.label_codes(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    assert (codes[0], codes[11], last) == (2, 2, result.last_event)
    state = changes.label_state(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    assert (state.last_event, state.patches, state.revision) == (last, 12, lakes.dataset().labels_revision)


def test_patches_still_being_imported_are_not_seen(lakes):
    with lakes.ws.db.write() as session:
        session.add(Patch(dataset_id=lakes.id, ordinal=12, path="new.jpg"))
    assert annotate.label_codes(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)[0].size == 12
    with pytest.raises(BadInput):
        relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[12], label="Sea")


def test_an_empty_dataset_has_an_empty_array(make_lakes):
    empty = make_lakes("Empty", count=0)
    assert annotate.label_codes(empty.ws, empty.who["rob"], dataset_id=empty.id)[0].size == 0


def test_history_of_a_patch(lakes):
    ben, ada = lakes.who["ben"], lakes.who["ada"]
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1], label="Sea", why="tidal")
    mark(lakes.ws, ada, dataset_id=lakes.id, ordinals=[0], unsure=True)
    mark(lakes.ws, ada, dataset_id=lakes.id, ordinals=[0], unsure=False)
    undo(lakes.ws, ben, dataset_id=lakes.id)
    told = annotate.history(lakes.ws, lakes.who["rob"], dataset_id=lakes.id, ordinal=0)
    assert [(h.who, h.kind, h.from_label, h.to_label) for h in told] == [
        ("lake-ben", EventKind.SET, "Sea", "River"),
        ("lake-ada", EventKind.UNSURE, "unsure", "sure"),
        ("lake-ada", EventKind.UNSURE, "sure", "unsure"),
        ("lake-ben", EventKind.SET, "River", "Sea"),
    ]
    assert [h.source for h in told] == ["undo", "map", "map", "map"]
    assert told[-1].why == "tidal"
    with pytest.raises(NotFound):
        annotate.history(lakes.ws, ben, dataset_id=lakes.id, ordinal=12)


def test_patches_are_found_by_index_not_by_looking_at_all(tmp_path):
    db = Database(f"sqlite:///{tmp_path / 'plan.sqlite'}")  # its plans do not depend on what the tables hold
    migrate(db)
    compiled = queries.current_labels(1, [1, 2]).compile(db.engine)
    values = tuple(compiled.params[name] for name in compiled.positiontup)
    with db.read() as session:
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values).all()
    db.dispose()
    assert "(dataset_id=? AND ordinal=?)" in plan[0][3]
