"""Tell what the labels are and what changed: the array, the events since one, the history of one patch."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from eobench_dash.db.models import Dataset, Patch
from eobench_dash.db.queries import annotations as queries
from eobench_dash.db.queries.labels import label_arrays
from eobench_dash.domain.annotations import ChangesSince, EventKind, EventSource, HistoryEntry
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import Principal
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.services.access import shown_name, visible_dataset
from eobench_dash.services.batches import newest_event
from eobench_dash.services.vocabulary import codes_by_id
from eobench_dash.services.workspace import Workspace

MAX_CHANGES = 5_000
"""With more events than this it is cheaper to fetch the whole array again."""
MAX_HISTORY = 500
_FLAG_WORDS = {EventKind.UNSURE: ("sure", "unsure"), EventKind.EXCLUDE: ("included", "excluded")}


@dataclass(frozen=True)
class LabelState:
    """Two answers about a dataset's labels are the same where these are. ``revision``: of the table of labels.

    ``born`` tells a dataset from one that was deleted before it and had the same id.
    """

    last_event: int
    patches: int
    revision: int
    born: datetime


def label_codes(ws: Workspace, who: Principal, *, dataset_id: int) -> tuple[NDArray[np.uint16], int]:
    """The code of every patch's label, uint16 in ordinal order (65535: none), and the last event it surely holds."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        # Read before the labels: an event committed in between is then told once more, not lost.
        last = newest_event(session, dataset_id)
        codes = codes_by_id(session, dataset_id)
        ordinals, label_ids = session.execute(label_arrays(dataset)).one()
    found = np.full(dataset.patch_count, NO_LABEL, np.uint16)
    if ordinals:
        ids = np.fromstring(label_ids, dtype=np.int64, sep=",")
        known = np.array([0, *sorted(label_id for label_id in codes if label_id is not None)])
        of_known = np.array([NO_LABEL, *(codes[label_id] for label_id in known[1:].tolist())], np.uint16)
        found[np.fromstring(ordinals, dtype=np.int64, sep=",")] = of_known[np.searchsorted(known, ids)]
    return found, last


def label_state(ws: Workspace, who: Principal, *, dataset_id: int) -> LabelState:
    """Where the labels of a dataset stand: read it before the labels themselves, and it is never ahead of them."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        return LabelState(
            last_event=newest_event(session, dataset_id),
            patches=dataset.patch_count,
            revision=dataset.labels_revision,
            born=dataset.created_at,
        )


def changes_since(ws: Workspace, who: Principal, *, dataset_id: int, event_id: int) -> ChangesSince:
    """(ordinal, code) of every patch relabelled after an event, each once, with the newest label; and the marks of
    every patch marked after it.

    ``reload`` where more than 5,000 events happened since, or where the event is unknown (a restored database):
    the caller then fetches the label array anew.
    """
    if event_id < 0:
        raise BadInput("The last event seen is a whole number from 0.")
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        events = session.execute(queries.events_after(dataset_id, event_id).limit(MAX_CHANGES + 1)).all()
        revision = session.scalar(select(Dataset.labels_revision).where(Dataset.id == dataset_id)) or 0
        if len(events) > MAX_CHANGES:
            return ChangesSince(event_id, (), revision, reload=True)
        if not events:
            last = newest_event(session, dataset_id)
            return ChangesSince(min(last, event_id), (), revision, reload=last < event_id)
        codes = codes_by_id(session, dataset_id)
        marked = {ordinal for _, ordinal, kind, _ in events if kind in _FLAG_WORDS and ordinal < dataset.patch_count}
        rows = session.execute(queries.marks_of(dataset_id, sorted(marked))).all() if marked else []
        marks = tuple((ordinal, unsure, excluded) for ordinal, unsure, excluded in rows)
    newest = {
        ordinal: codes[to_label_id]
        for _, ordinal, kind, to_label_id in events
        if kind == EventKind.SET and ordinal < dataset.patch_count
    }
    return ChangesSince(events[-1][0], tuple(sorted(newest.items())), revision, marks=marks)


def history(ws: Workspace, who: Principal, *, dataset_id: int, ordinal: int) -> list[HistoryEntry]:
    """What happened to one patch, newest first, at most 500 events. Marks tell ``sure → unsure`` and the like."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        patch = session.get(Patch, (dataset_id, ordinal)) if 0 <= ordinal < dataset.patch_count else None
        if patch is None:
            raise NotFound(f"There is no patch {ordinal}: this dataset's patches are 0 to {dataset.patch_count - 1}.")
        rows = session.execute(queries.patch_history(dataset_id, ordinal).limit(MAX_HISTORY)).all()
        after = {EventKind.UNSURE: patch.unsure, EventKind.EXCLUDE: patch.excluded}
    entries = []
    for event, batch, user, from_label, to_label in rows:
        kind = EventKind(event.kind)
        if kind in after:  # each event flips the mark, so the marks of the past follow from today's
            from_label, to_label = _FLAG_WORDS[kind][not after[kind]], _FLAG_WORDS[kind][after[kind]]
            after[kind] = not after[kind]
        entries.append(
            HistoryEntry(
                event_id=event.id,
                batch_id=batch.id,
                at=batch.at,
                who=shown_name(who, user),
                kind=kind,
                source=EventSource(batch.source),
                from_label=from_label,
                to_label=to_label,
                why=batch.why,
            )
        )
    return entries
