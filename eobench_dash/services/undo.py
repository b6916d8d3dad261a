"""Take back one batch of changes, or do it again, leaving alone what somebody else changed since."""

import re
from collections import defaultdict

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from eobench_dash.db.models import AnnotationBatch, Dataset
from eobench_dash.db.queries import annotations as queries
from eobench_dash.db.queries.labels import carried_by, merged_by, moved_by
from eobench_dash.domain.annotations import EventKind, EventSource, RelabelResult, Skipped
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.errors import Conflict, NotAllowed, NotFound
from eobench_dash.services.access import Scope, may_relabel, visible_dataset
from eobench_dash.services.batches import later_changes, newest_event, open_batch, skip, write_flips, write_labels
from eobench_dash.services.vocabulary import codes_by_id, heir, heirs
from eobench_dash.services.workspace import Workspace

_PART = re.compile(r" \([\d,]+ of them\)$")


def undo(ws: Workspace, who: Principal, *, dataset_id: int, batch_id: int | None = None) -> RelabelResult:
    """Take back a batch: the newest of this user and browser that still stands, or the one named by ``batch_id``.

    Each patch gets the label back that it had before (or that label's heir, if it was merged since). Patches that
    changed again since are left alone and named. An undo is a batch of its own; to take one back is a redo.
    Raises Conflict where there is nothing to take back or all of it was changed since (the batch then still stands),
    NotAllowed where the named batch is somebody else's.
    """
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        scope = may_relabel(session, who, dataset_id)
        batch = _undoable(session, who, dataset_id, batch_id, scope)
        if batch is None:
            raise Conflict(
                "There is nothing to undo: of what you changed in this dataset since this log-in, nothing still stands."
                " Earlier changes can be taken back in History."
            )
        return _take_back(session, who, dataset, batch)


def redo(ws: Workspace, who: Principal, *, dataset_id: int) -> RelabelResult:
    """Do again what the newest undo of this user and browser took back. Raises Conflict where there is nothing, or
    all of it was changed since.

    There is nothing after a newer change of theirs: what stands now is then no longer what was undone.
    """
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        may_relabel(session, who, dataset_id)
        batch = _redoable(session, who, dataset_id)
        if batch is None:
            raise Conflict("There is nothing to redo: the last thing you did from this browser was no undo.")
        return _take_back(session, who, dataset, batch)


def _take_back(session: Session, who: Principal, dataset: Dataset, batch: AnnotationBatch) -> RelabelResult:
    again = batch.source == EventSource.UNDO
    taken_back = open_batch(
        session,
        who,
        dataset,
        source=EventSource.REDO if again else EventSource.UNDO,
        summary=back_summary(batch),
        patches=0,
        undoes_id=batch.id,
    )
    merge = _merge_behind(session, batch)
    if merge is not None and not again:
        _reopen_label(session, dataset, merge)
    skipped, changed = _reverse(session, who, batch, taken_back)
    if merge is not None and again:
        _close_label(session, dataset, merge)
    if skipped and not changed:
        raise Conflict(_overtaken(taken_back.summary, skipped))
    taken_back.patch_count = len(changed)
    if skipped:
        taken_back.summary += f" ({len(changed):,} of them)"
    codes = codes_by_id(session, dataset.id)
    now = session.execute(queries.current_labels(dataset.id, sorted(changed)))
    changes = tuple(sorted((ordinal, codes[label_id]) for ordinal, label_id, _ in now))
    left = tuple(skipped[ordinal] for ordinal in sorted(skipped))
    return RelabelResult(taken_back.id, newest_event(session, dataset.id), changes, left, taken_back.summary)


def back_summary(batch: AnnotationBatch) -> str:
    """``Undo: 312 patches River → SeaLake``, or ``Redo: …`` of what an undo took back.

    Where some were left alone, ``(300 of them)`` is said once it is done.
    """
    step = _PART.sub("", batch.summary.removeprefix("Undo: ").removeprefix("Redo: "))
    return f"{'Redo' if batch.source == EventSource.UNDO else 'Undo'}: {step}"


def _overtaken(summary: str, skipped: dict[int, Skipped]) -> str:
    """Why nothing was done."""
    by = sorted({one.by for one in skipped.values()})
    who = ", ".join(by[:3]) + (f" and {len(by) - 3} more" if len(by) > 3 else "")
    first = skipped[min(skipped)]
    which = f"patch {first.ordinal} was" if len(skipped) == 1 else f"all {len(skipped):,} patches were"
    to = f" to {first.label}" if len(skipped) == 1 and first.label else ""
    verb, _, step = summary.partition(": ")
    return (
        f"{verb} of “{step}” changes nothing: {which} changed since by {who}{to}, and that stands."
        " Earlier steps can be taken back in History."
    )


def _reverse(
    session: Session, who: Principal, batch: AnnotationBatch, taken_back: AnnotationBatch
) -> tuple[dict[int, Skipped], set[int]]:
    """Write the events that reverse the batch's; (patches left alone, patches changed)."""
    dataset_id = batch.dataset_id
    events: dict[EventKind, dict[int, tuple[int, int | None]]] = defaultdict(dict)
    for event_id, ordinal, kind, from_label_id, _ in session.execute(queries.batch_events(batch.id)):
        events[EventKind(kind)][ordinal] = (event_id, from_label_id)
    skipped: dict[int, Skipped] = {}
    changed: set[int] = set()
    for kind, of_kind in events.items():
        later = later_changes(
            session, dataset_id, list(of_kind), kind, after=max(event_id for event_id, _ in of_kind.values())
        )
        skipped |= {ordinal: skip(who, trace) for ordinal, trace in later.items()}
        free = {ordinal: before for ordinal, (_, before) in of_kind.items() if ordinal not in later}
        changed |= free.keys()
        if kind is EventKind.SET:
            _restore(session, taken_back, batch, free)
        else:
            write_flips(session, taken_back, list(free), kind)
    return skipped, changed


def undo_preview(ws: Workspace, who: Principal, *, dataset_id: int, batch_id: int | None = None) -> str | None:
    """What ``undo`` would take back, as ``Undo: 312 patches River → SeaLake``; None where there is nothing."""
    require(who, Role.EXPERT, what="undo changes")
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        batch = _undoable(session, who, dataset_id, batch_id, Scope(everything=True))
        return None if batch is None else back_summary(batch)


def redo_preview(ws: Workspace, who: Principal, *, dataset_id: int) -> str | None:
    """What ``redo`` would do again, as ``Redo: 312 patches River → SeaLake``; None where there is nothing."""
    require(who, Role.EXPERT, what="redo changes")
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        batch = _redoable(session, who, dataset_id)
        return None if batch is None else back_summary(batch)


def _undoable(
    session: Session, who: Principal, dataset_id: int, batch_id: int | None, scope: Scope
) -> AnnotationBatch | None:
    if batch_id is None:
        return session.scalar(queries.standing_batches(dataset_id).where(*_mine(who)).limit(1))
    standing = queries.standing_batches(dataset_id, (*queries.UNDOABLE, EventSource.UNDO))
    batch = session.scalar(standing.where(AnnotationBatch.id == batch_id))
    if batch is None:
        raise NotFound(f"There is no change {batch_id} that could be taken back; it may have been undone already.")
    if batch.user_id != who.user_id and not scope.everything:
        raise NotAllowed("This change is somebody else's. Only they or a builder can take it back.")
    return batch


def _redoable(session: Session, who: Principal, dataset_id: int) -> AnnotationBatch | None:
    mine = queries.standing_batches(dataset_id, (*queries.UNDOABLE, EventSource.UNDO)).where(*_mine(who))
    newer = mine.where(AnnotationBatch.source != EventSource.REDO.value).limit(1)
    batch = session.scalar(newer)
    return batch if batch is not None and batch.source == EventSource.UNDO else None


def _mine(who: Principal) -> tuple[ColumnElement[bool], ...]:
    return AnnotationBatch.user_id == who.user_id, AnnotationBatch.session_key == who.session_key


def _merge_behind(session: Session, batch: AnnotationBatch) -> AnnotationBatch | None:
    """The merge that the batch did, or took back, or did again; None where it was no merge."""
    while batch.undoes_id is not None:
        batch = session.get_one(AnnotationBatch, batch.undoes_id)
    return batch if batch.source == EventSource.MERGE else None


def _restore(
    session: Session, taken_back: AnnotationBatch, undone: AnnotationBatch, before: dict[int, int | None]
) -> None:
    merged = heirs(session, undone.dataset_id)
    today = {label_id: heir(merged, label_id) for label_id in set(before.values()) & merged.keys()}
    moved = {label_id: into for label_id, into in today.items() if label_id is not None and into is not None}
    write_labels(session, taken_back, queries.restore_events(taken_back, undone, list(before), moved))


def _close_label(session: Session, dataset: Dataset, merge: AnnotationBatch) -> None:
    """Take the merged label out of use once more, unless patches carry it by now or its heir was merged into it."""
    into = heirs(session, dataset.id)
    for label, heir_id in session.execute(moved_by(merge)):
        target = heir(into, heir_id)
        if label.merged_into_id is None and target != label.id and not session.scalar(carried_by(label).limit(1)):
            label.merged_into_id = target
            dataset.labels_revision += 1
    session.flush()


def _reopen_label(session: Session, dataset: Dataset, batch: AnnotationBatch) -> None:
    reopened = session.scalars(merged_by(batch)).all()
    for label in reopened:
        label.merged_into_id = None
    dataset.labels_revision += bool(reopened)
    session.flush()
