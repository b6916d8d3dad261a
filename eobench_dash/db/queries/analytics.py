"""SQL behind the charts: changes by person and hour, pairs of labels at import and now, the patches of each."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, case, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import aliased
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from eobench_dash.db.models import AnnotationBatch, AnnotationEvent, Dataset, Patch, User
from eobench_dash.db.queries.datasets import visible_patches
from eobench_dash.domain.analytics import ANYBODY, COMMAND_LINE
from eobench_dash.domain.annotations import EventSource

NOT_WORK = (EventSource.IMPORT.value, EventSource.UNDO.value)
"""Batches that no person made, or that only take another back."""


class _UtcHour(FunctionElement[str]):
    # "2026-11-23T04": the databases share no function that cuts a time to the hour.
    inherit_cache = True
    name = "utc_hour"
    type = String()


@compiles(_UtcHour, "sqlite")
def _hour_sqlite(element: _UtcHour, compiler: SQLCompiler, **options: Any) -> str:
    return f"strftime('%Y-%m-%dT%H', {compiler.process(element.clauses, **options)})"


@compiles(_UtcHour, "postgresql")
def _hour_postgresql(element: _UtcHour, compiler: SQLCompiler, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return f"""to_char({moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24')"""


def work(dataset_id: int) -> ColumnElement[bool]:
    """The condition on batches that people made on purpose: neither the import nor an undo."""
    return (AnnotationBatch.dataset_id == dataset_id) & AnnotationBatch.source.not_in(NOT_WORK)


def people(dataset_id: int) -> Select[int | None, str, int, int, int]:
    """Per person: user id, name, batches, patches changed, of these taken back; most first."""
    undo = aliased(AnnotationBatch)
    undone = select(undo.id).where(undo.undoes_id == AnnotationBatch.id).exists()
    name, patches = func.coalesce(User.name, ""), func.sum(AnnotationBatch.patch_count)
    taken_back = func.sum(case((undone, AnnotationBatch.patch_count), else_=0))
    return (
        select(AnnotationBatch.user_id, name, func.count(), patches, taken_back)
        .outerjoin(User, User.id == AnnotationBatch.user_id)
        .where(work(dataset_id))
        .group_by(AnnotationBatch.user_id, name)
        .order_by(patches.desc(), name)
    )


def worker_name(dataset_id: int, user_id: int) -> Select[str]:
    """The name of one of the people in ``people``; no row for others."""
    worked = select(AnnotationBatch.id).where(work(dataset_id), AnnotationBatch.user_id == user_id).exists()
    return select(User.name).where(User.id == user_id, worked)


def hours(dataset_id: int) -> Select[str, int | None, str, int, int]:
    """Per hour (UTC, as 2026-11-23T04) and person: hour, user id, name, batches, patches changed; oldest first."""
    hour, name = _UtcHour(AnnotationBatch.at), func.coalesce(User.name, "")
    return (
        select(hour, AnnotationBatch.user_id, name, func.count(), func.sum(AnnotationBatch.patch_count))
        .outerjoin(User, User.id == AnnotationBatch.user_id)
        .where(work(dataset_id))
        .group_by(hour, AnnotationBatch.user_id, name)
        .order_by(hour, name)
    )


def pairs(dataset: Dataset) -> Select[int | None, int | None, int]:
    """(label id at import, label id now, patches) of every pair that occurs, unchanged ones too."""
    return (
        select(Patch.imported_label_id, Patch.label_id, func.count())
        .where(visible_patches(dataset))
        .group_by(Patch.imported_label_id, Patch.label_id)
    )


def moved(dataset: Dataset, before: int | None, after: int | None) -> Select[int]:
    """Ordinals of the patches that came with one label (id) and carry another now, ascending."""
    same = (Patch.imported_label_id.is_not_distinct_from(before), Patch.label_id.is_not_distinct_from(after))
    return select(Patch.ordinal).where(visible_patches(dataset), *same).order_by(Patch.ordinal)


def changed(
    dataset: Dataset, *, person: int = ANYBODY, start: datetime | None = None, end: datetime | None = None
) -> Select[int]:
    """Ordinals of the patches that people changed, by one of them or in a span of time, each once, ascending."""
    query = (
        select(AnnotationEvent.ordinal)
        .join(AnnotationBatch, AnnotationBatch.id == AnnotationEvent.batch_id)
        .where(work(dataset.id), AnnotationEvent.ordinal < dataset.patch_count)
        .distinct()
        .order_by(AnnotationEvent.ordinal)
    )
    if person != ANYBODY:
        query = query.where(AnnotationBatch.user_id.is_not_distinct_from(None if person == COMMAND_LINE else person))
    if start is not None:
        query = query.where(AnnotationBatch.at >= start)
    return query if end is None else query.where(AnnotationBatch.at < end)
