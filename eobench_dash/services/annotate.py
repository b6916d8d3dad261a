"""Change labels and marks of patches: the expert's actions, with ``undo`` and ``changes`` beside them.

Each function that writes is one transaction and one batch, under the lock of the dataset's row, so that the event ids
of a dataset are in commit order on every backend.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset
from eobench_dash.db.queries import annotations as queries
from eobench_dash.domain.annotations import EventKind, EventSource, RelabelResult, Skipped
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import Principal
from eobench_dash.errors import BadInput, NotAllowed
from eobench_dash.services.access import Scope, may_relabel, visible_dataset
from eobench_dash.services.batches import (
    UNLABELLED,
    check_ordinals,
    count_patches,
    later_changes,
    name_groups,
    newest_event,
    open_batch,
    relabel_summary,
    skip,
    write_flips,
    write_labels,
)
from eobench_dash.services.changes import changes_since, history, label_codes
from eobench_dash.services.undo import redo, redo_preview, undo, undo_preview
from eobench_dash.services.vocabulary import codes_by_id, named_label, names_by_id
from eobench_dash.services.workspace import Workspace

__all__ = ["changes_since", "history", "label_codes", "mark", "redo", "redo_preview", "relabel", "undo", "undo_preview"]

MARK_WORDS = {
    EventKind.UNSURE: {True: "marked unsure", False: "no longer marked unsure"},
    EventKind.EXCLUDE: {True: "excluded from the benchmark", False: "included in the benchmark"},
}


def relabel(
    ws: Workspace,
    who: Principal,
    *,
    dataset_id: int,
    ordinals: Sequence[int],
    label: str | None,
    why: str = "",
    source: EventSource = EventSource.MAP,
    create: bool = False,
    seen_event: int | None = None,
) -> RelabelResult:
    """Give patches the label called ``label`` (None: take their label away), as one transaction and one batch.

    Patches that carry it already are left alone. ``create`` makes the label where it is missing. With ``seen_event``
    (the last event the caller knows of), patches that somebody else relabelled after it are left alone and named.
    A patch that the expert was the last to relabel counts as in their scope.
    Raises BadInput (ordinals), NotFound (dataset, label), and NotAllowed where one patch is outside the expert's
    assignments: then nothing at all is changed.
    """
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        may_relabel(session, who, dataset_id)
        chosen = check_ordinals(ordinals, patch_count=dataset.patch_count)
        return relabel_within(
            session, who, dataset, chosen, label=label, why=why, source=source, create=create, seen_event=seen_event
        )


def relabel_within(
    session: Session,
    who: Principal,
    dataset: Dataset,
    chosen: Sequence[int],
    *,
    label: str | None,
    why: str,
    source: EventSource,
    create: bool,
    seen_event: int | None,
) -> RelabelResult:
    """``relabel`` inside the caller's transaction: ``dataset`` locked, ``chosen`` ascending, different, its patches."""
    dataset_id = dataset.id
    scope = may_relabel(session, who, dataset_id)
    target = None if label is None else named_label(session, dataset, label, create=create)
    target_id, target_name = (None, UNLABELLED) if target is None else (target.id, target.name)
    rows = {row[0]: (row[1], row[2]) for row in session.execute(queries.current_labels(dataset_id, chosen))}
    differing = [o for o in chosen if rows[o][0] != target_id]
    newer = [] if seen_event is None else [o for o in differing if (rows[o][1] or 0) > seen_event]
    skipped = _overtaken(session, who, dataset_id, newer, kind=EventKind.SET, after=seen_event or 0)
    left = {s.ordinal for s in skipped}
    current = {o: rows[o][0] for o in differing if o not in left}
    names = names_by_id(session, current.values())
    _check_scope(session, who, dataset_id, scope, current, names)
    if not current:
        summary = _nothing(len(chosen), skipped, target_name)
        return RelabelResult(None, newest_event(session, dataset_id), (), skipped, summary)
    summary = relabel_summary([names[label_id] for label_id in current.values()], target_name)
    batch = open_batch(session, who, dataset, source=source, summary=summary, patches=len(current), why=why)
    write_labels(session, batch, queries.set_events(batch, list(current), target_id))
    code = NO_LABEL if target is None else target.code
    changes = tuple((ordinal, code) for ordinal in current)
    return RelabelResult(batch.id, newest_event(session, dataset_id), changes, skipped, summary)


def mark(
    ws: Workspace,
    who: Principal,
    *,
    dataset_id: int,
    ordinals: Sequence[int],
    unsure: bool | None = None,
    excluded: bool | None = None,
    why: str = "",
    source: EventSource = EventSource.MAP,
    seen_event: int | None = None,
) -> RelabelResult:
    """Mark patches as unsure or as excluded from the benchmark, or take that mark away (None: leave it as it is).

    An event of kind unsure or exclude flips the mark, so only patches whose mark differs get one. Labels stay: the
    result's changes name the patches with the code they keep. With ``seen_event``, marks that somebody else changed
    after it are left alone and named. Raises as ``relabel`` does.
    """
    wanted = {EventKind.UNSURE: unsure, EventKind.EXCLUDE: excluded}
    asked = {kind: value for kind, value in wanted.items() if value is not None}
    if not asked:
        raise BadInput("Say which mark to change: unsure or excluded.")
    words = " and ".join(MARK_WORDS[kind][value] for kind, value in asked.items())
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        scope = may_relabel(session, who, dataset_id)
        chosen = check_ordinals(ordinals, patch_count=dataset.patch_count)
        flips = {
            kind: list(session.scalars(queries.marked_otherwise(dataset_id, chosen, kind, value)))
            for kind, value in asked.items()
        }
        skipped = () if seen_event is None else _marked_since(session, who, dataset_id, asked, flips, after=seen_event)
        marked = sorted({ordinal for flipped in flips.values() for ordinal in flipped})
        current = {row[0]: row[1] for row in session.execute(queries.current_labels(dataset_id, marked))}
        _check_scope(session, who, dataset_id, scope, current, names_by_id(session, current.values()))
        if not marked:
            summary = _nothing(len(chosen), skipped, words)
            return RelabelResult(None, newest_event(session, dataset_id), (), skipped, summary)
        summary = f"{count_patches(len(marked))} {words}"
        batch = open_batch(session, who, dataset, source=source, summary=summary, patches=len(marked), why=why)
        for kind, flipped in flips.items():
            write_flips(session, batch, flipped, kind)
        codes = codes_by_id(session, dataset_id)
        changes = tuple((ordinal, codes[current[ordinal]]) for ordinal in marked)
        return RelabelResult(batch.id, newest_event(session, dataset_id), changes, skipped, summary)


def _marked_since(
    session: Session,
    who: Principal,
    dataset_id: int,
    asked: Mapping[EventKind, bool],
    flips: dict[EventKind, list[int]],
    *,
    after: int,
) -> tuple[Skipped, ...]:
    """Whose marks somebody else set otherwise since; they are taken out of ``flips``."""
    left: dict[int, Skipped] = {}
    for kind, flipped in flips.items():
        theirs = _overtaken(session, who, dataset_id, flipped, kind=kind, after=after)
        left |= {s.ordinal: replace(s, label=MARK_WORDS[kind][not asked[kind]]) for s in theirs}
        overtaken = {s.ordinal for s in theirs}
        flips[kind] = [ordinal for ordinal in flipped if ordinal not in overtaken]
    return tuple(left[ordinal] for ordinal in sorted(left))


def _overtaken(
    session: Session, who: Principal, dataset_id: int, newer: Sequence[int], *, kind: EventKind, after: int
) -> tuple[Skipped, ...]:
    later = later_changes(session, dataset_id, newer, kind, after=after)
    return tuple(skip(who, trace) for _, trace in sorted(later.items()) if trace.user_id != who.user_id)


def _check_scope(
    session: Session,
    who: Principal,
    dataset_id: int,
    scope: Scope,
    current: Mapping[int, int | None],
    names: Mapping[int | None, str | None],
) -> None:
    outside = [ordinal for ordinal, label_id in current.items() if not scope.covers(label_id)]
    if not outside:
        return
    latest = later_changes(session, dataset_id, outside, EventKind.SET, after=0)
    foreign = [o for o in outside if o not in latest or latest[o].user_id != who.user_id]
    if foreign:
        own = names_by_id(session, scope.label_ids)
        groups = name_groups(names[current[o]] for o in foreign)
        open_to = name_groups(own[label_id] for label_id in scope.label_ids)
        raise NotAllowed(
            f"{len(foreign):,} of {count_patches(len(current))} are outside your groups ({groups}), so nothing was "
            f"changed. Assigned to you: {open_to}. Ask a builder for more."
        )


def _nothing(chosen: int, skipped: Sequence[Skipped], target_name: str) -> str:
    if skipped:
        return f"Nothing was changed: somebody else changed {count_patches(len(skipped))} since."
    return f"Nothing to change: {count_patches(chosen)} already {target_name}."
