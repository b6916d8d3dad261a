"""SQL about annotation events and batches. Set-based: 1 patch or 50,000 take the same statements."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Insert, Integer, Select, Update, case, cast, func, insert, literal, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from eobench_dash.db.models import AnnotationBatch, AnnotationEvent, Label, Patch, User
from eobench_dash.domain.annotations import EventKind, EventSource

UNDOABLE = (EventSource.MAP, EventSource.COMMAND, EventSource.MERGE, EventSource.CLUSTERS, EventSource.REDO)
"""The sources whose batches an undo may take back."""
FLAGS: dict[EventKind, InstrumentedAttribute[bool]] = {
    EventKind.UNSURE: Patch.unsure,
    EventKind.EXCLUDE: Patch.excluded,
}
"""The column that each kind of mark flips."""


class _JsonNumbers(FunctionElement[Any]):
    # The rows of a JSON array: numbers travel as one parameter, so there is no limit on how many they are, and one
    # cached statement serves for any of them.
    inherit_cache = True
    name = "json_numbers"


@compiles(_JsonNumbers, "sqlite")
def _numbers_sqlite(element: _JsonNumbers, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_JsonNumbers, "postgresql")
def _numbers_postgresql(element: _JsonNumbers, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS JSON))"


def among(column: InstrumentedAttribute[int], numbers: Sequence[int]) -> ColumnElement[bool]:
    """The condition that ``column`` is one of ``numbers`` (tens of thousands are fine)."""
    listed = _JsonNumbers(literal(json.dumps(list(numbers)))).table_valued("value")
    return column.in_(select(cast(listed.c.value, Integer)))


def current_labels(dataset_id: int, ordinals: Sequence[int]) -> Select[int, int | None, int | None]:
    """(ordinal, label id, last event id) of these patches."""
    return select(Patch.ordinal, Patch.label_id, Patch.last_event_id).where(
        Patch.dataset_id == dataset_id, among(Patch.ordinal, ordinals)
    )


def marked_otherwise(dataset_id: int, ordinals: Sequence[int], kind: EventKind, value: bool) -> Select[int]:
    """Those of the patches whose mark is not ``value``."""
    return select(Patch.ordinal).where(
        Patch.dataset_id == dataset_id, among(Patch.ordinal, ordinals), FLAGS[kind] != value
    )


def set_events(batch: AnnotationBatch, ordinals: Sequence[int], to_label_id: int | None) -> Insert:
    """One SET event per patch; where it comes from and what it replaces is read from the patch rows themselves."""
    return _events(batch, ordinals, EventKind.SET, Patch.label_id, literal(to_label_id, Label.id.type))


def move_events(batch: AnnotationBatch, from_label_id: int, to_label_id: int) -> Insert:
    """One SET event for every patch that carries a label (a merge)."""
    columns = _event_columns(batch, EventKind.SET, Patch.label_id, literal(to_label_id, Label.id.type))
    moved = select(*columns).where(Patch.dataset_id == batch.dataset_id, Patch.label_id == from_label_id)
    return insert(AnnotationEvent).from_select(_EVENT_FIELDS, moved.order_by(Patch.ordinal))


def restore_events(
    batch: AnnotationBatch, undone: AnnotationBatch, ordinals: Sequence[int], merged: Mapping[int, int]
) -> Insert:
    """One SET event per patch back to the label that ``undone`` took from it, or to its heir in ``merged``."""
    before = AnnotationEvent.from_label_id
    target: Any = case(merged, value=before, else_=before) if merged else before
    rows = (
        select(*_event_columns(batch, EventKind.SET, Patch.label_id, target))
        .join(
            AnnotationEvent,
            (AnnotationEvent.dataset_id == Patch.dataset_id) & (AnnotationEvent.ordinal == Patch.ordinal),
        )
        .where(
            AnnotationEvent.batch_id == undone.id,
            AnnotationEvent.kind == EventKind.SET.value,
            among(AnnotationEvent.ordinal, ordinals),
        )
    )
    return insert(AnnotationEvent).from_select(_EVENT_FIELDS, rows.order_by(Patch.ordinal))


def flip_events(batch: AnnotationBatch, ordinals: Sequence[int], kind: EventKind) -> Insert:
    """One event per patch that flips its mark ``kind``; its label stays."""
    return _events(batch, ordinals, kind, Patch.label_id, Patch.label_id)


_EVENT_FIELDS = ["dataset_id", "ordinal", "batch_id", "kind", "from_label_id", "to_label_id", "replaces_id"]


def _event_columns(batch: AnnotationBatch, kind: EventKind, before: Any, after: Any) -> list[Any]:
    return [Patch.dataset_id, Patch.ordinal, literal(batch.id), literal(kind.value), before, after, Patch.last_event_id]


def _events(batch: AnnotationBatch, ordinals: Sequence[int], kind: EventKind, before: Any, after: Any) -> Insert:
    rows = select(*_event_columns(batch, kind, before, after)).where(
        Patch.dataset_id == batch.dataset_id, among(Patch.ordinal, ordinals)
    )
    return insert(AnnotationEvent).from_select(_EVENT_FIELDS, rows.order_by(Patch.ordinal))


def apply_labels(batch: AnnotationBatch) -> Update:
    """Bring the patch rows in step with the batch's SET events."""
    values = {"label_id": AnnotationEvent.to_label_id, "last_event_id": AnnotationEvent.id}
    return _apply(batch, EventKind.SET, values)


def apply_flips(batch: AnnotationBatch, kind: EventKind) -> Update:
    """Bring the patch rows in step with the batch's mark events."""
    return _apply(batch, kind, {FLAGS[kind].key: ~FLAGS[kind], "last_event_id": AnnotationEvent.id})


def _apply(batch: AnnotationBatch, kind: EventKind, values: dict[str, Any]) -> Update:
    return (
        update(Patch)
        .where(
            Patch.dataset_id == AnnotationEvent.dataset_id,
            Patch.ordinal == AnnotationEvent.ordinal,
            AnnotationEvent.batch_id == batch.id,
            AnnotationEvent.kind == kind.value,
        )
        .values(values)
        .execution_options(synchronize_session=False)
    )


def last_event(dataset_id: int) -> Select[int]:
    """The id of the dataset's newest event, 0 where there is none."""
    return select(func.coalesce(func.max(AnnotationEvent.id), 0)).where(AnnotationEvent.dataset_id == dataset_id)


def events_after(dataset_id: int, event_id: int) -> Select[int, int, str, int | None]:
    """(id, ordinal, kind, to label) of every event after one, oldest first."""
    return (
        select(AnnotationEvent.id, AnnotationEvent.ordinal, AnnotationEvent.kind, AnnotationEvent.to_label_id)
        .where(AnnotationEvent.dataset_id == dataset_id, AnnotationEvent.id > event_id)
        .order_by(AnnotationEvent.id)
    )


def batch_events(batch_id: int) -> Select[int, int, str, int | None, int | None]:
    """(id, ordinal, kind, from label, to label) of a batch's events, in ordinal order."""
    return (
        select(
            AnnotationEvent.id,
            AnnotationEvent.ordinal,
            AnnotationEvent.kind,
            AnnotationEvent.from_label_id,
            AnnotationEvent.to_label_id,
        )
        .where(AnnotationEvent.batch_id == batch_id)
        .order_by(AnnotationEvent.ordinal, AnnotationEvent.id)
    )


def traces(
    dataset_id: int, ordinals: Sequence[int], kind: EventKind, *, after: int
) -> Select[int, int, int, int | None, int | None, str, str, str]:
    """The later events of one kind on these patches, with whose they are and what they take back, oldest first.

    Columns: id, ordinal, batch id, the batch it undoes, user id, user name, session key, name of the label it set.
    """
    return (
        select(
            AnnotationEvent.id,
            AnnotationEvent.ordinal,
            AnnotationEvent.batch_id,
            AnnotationBatch.undoes_id,
            AnnotationBatch.user_id,
            func.coalesce(User.name, ""),
            AnnotationBatch.session_key,
            Label.name,
        )
        .join(AnnotationBatch, AnnotationBatch.id == AnnotationEvent.batch_id)
        .outerjoin(User, User.id == AnnotationBatch.user_id)
        .outerjoin(Label, Label.id == AnnotationEvent.to_label_id)
        .where(
            AnnotationEvent.dataset_id == dataset_id,
            AnnotationEvent.id > after,
            AnnotationEvent.kind == kind.value,
            among(AnnotationEvent.ordinal, ordinals),
        )
        .order_by(AnnotationEvent.id)
    )


def taken_back() -> ColumnElement[bool]:
    """The condition that a batch has been taken back (of an undo: that it was done again)."""
    undo = aliased(AnnotationBatch)
    return select(undo.id).where(undo.undoes_id == AnnotationBatch.id).exists()


def standing_batches(dataset_id: int, sources: Iterable[EventSource] = UNDOABLE) -> Select[AnnotationBatch]:
    """Batches of these sources that nobody has taken back yet, newest first."""
    return (
        select(AnnotationBatch)
        .where(
            AnnotationBatch.dataset_id == dataset_id,
            AnnotationBatch.source.in_([source.value for source in sources]),
            ~taken_back(),
        )
        .order_by(AnnotationBatch.id.desc())
    )


def batches_before(dataset_id: int, before: int | None) -> Select[AnnotationBatch, str, bool]:
    """(batch, user name, whether it was taken back), newest first, older than ``before`` (None: from the newest)."""
    query = (
        select(AnnotationBatch, func.coalesce(User.name, ""), taken_back())
        .outerjoin(User, User.id == AnnotationBatch.user_id)
        .where(AnnotationBatch.dataset_id == dataset_id)
        .order_by(AnnotationBatch.id.desc())
    )
    return query if before is None else query.where(AnnotationBatch.id < before)


def batch_ordinals(batch_id: int) -> Select[int]:
    """The patches of a batch's events in the order of the events; a patch with two marks changed comes twice."""
    return select(AnnotationEvent.ordinal).where(AnnotationEvent.batch_id == batch_id).order_by(AnnotationEvent.id)


def first_of_batch(batch_id: int, count: int) -> Select[int, int]:
    """(batch id, ordinal) of the first events of a batch."""
    return (
        select(AnnotationEvent.batch_id, AnnotationEvent.ordinal)
        .where(AnnotationEvent.batch_id == batch_id)
        .order_by(AnnotationEvent.id)
        .limit(count)
    )


def marks_of(dataset_id: int, ordinals: Sequence[int]) -> Select[int, bool, bool]:
    """(ordinal, unsure, excluded) of these patches, by ordinal."""
    return (
        select(Patch.ordinal, Patch.unsure, Patch.excluded)
        .where(Patch.dataset_id == dataset_id, among(Patch.ordinal, ordinals))
        .order_by(Patch.ordinal)
    )


def patch_history(dataset_id: int, ordinal: int) -> Select[AnnotationEvent, AnnotationBatch, str, str, str]:
    """Everything that ever happened to one patch, newest first: event, batch, user name, names of both labels."""
    before, after = aliased(Label), aliased(Label)
    return (
        select(AnnotationEvent, AnnotationBatch, func.coalesce(User.name, ""), before.name, after.name)
        .join(AnnotationBatch, AnnotationBatch.id == AnnotationEvent.batch_id)
        .outerjoin(User, User.id == AnnotationBatch.user_id)
        .outerjoin(before, before.id == AnnotationEvent.from_label_id)
        .outerjoin(after, after.id == AnnotationEvent.to_label_id)
        .where(AnnotationEvent.dataset_id == dataset_id, AnnotationEvent.ordinal == ordinal)
        .order_by(AnnotationEvent.id.desc())
    )


def recent_flows(dataset_id: int, *, events: int = 5000) -> Select[int | None, int | None, int]:
    """(from label, to label, patches) among the newest label events of people that were not taken back."""
    newest = (
        select(AnnotationEvent.from_label_id, AnnotationEvent.to_label_id)
        .join(AnnotationBatch, AnnotationBatch.id == AnnotationEvent.batch_id)
        .where(
            AnnotationEvent.dataset_id == dataset_id,
            AnnotationEvent.kind == EventKind.SET.value,
            AnnotationBatch.source.in_([s.value for s in (EventSource.MAP, EventSource.COMMAND, EventSource.REDO)]),
            ~taken_back(),
        )
        .order_by(AnnotationEvent.id.desc())
        .limit(events)
        .subquery()
    )
    return select(newest.c.from_label_id, newest.c.to_label_id, func.count()).group_by(
        newest.c.from_label_id, newest.c.to_label_id
    )
