"""SQL of the columns that a map is coloured by: set-based, one value per patch."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, String, case, cast, func, literal, or_, select

from eobench_dash.db.models import (
    AnnotationBatch,
    AnnotationEvent,
    Dataset,
    Embedding,
    MetricRun,
    Patch,
    User,
)
from eobench_dash.db.queries.annotations import among
from eobench_dash.db.queries.datasets import visible_patches
from eobench_dash.domain.annotations import EventSource


def patch_numbers(dataset: Dataset, value: ColumnElement[Any]) -> Select[str, str]:
    """One row: every visible patch's ordinal, and in the same order its ``value`` as text, comma-separated.

    As labels.label_arrays: a million patches come back three times faster so than as a million rows.
    """
    return select(
        func.aggregate_strings(cast(Patch.ordinal, String), ","), func.aggregate_strings(cast(value, String), ",")
    ).where(visible_patches(dataset))


IMPORTED_LABEL = func.coalesce(Patch.imported_label_id, 0)
LONGITUDE = func.coalesce(cast(Patch.lon, String), "nan")
LATITUDE = func.coalesce(cast(Patch.lat, String), "nan")
CHANGED = case(
    (Patch.label_id == Patch.imported_label_id, 0),
    (Patch.label_id.is_(None) & Patch.imported_label_id.is_(None), 65535),
    (Patch.imported_label_id.is_(None), 2),
    (Patch.label_id.is_(None), 3),
    else_=1,
)
"""Index into columns.CHANGES."""
MARKED = case((Patch.unsure & Patch.excluded, 2), (Patch.excluded, 1), (Patch.unsure, 0), else_=65535)
"""Index into columns.MARKS."""


def annotators(dataset: Dataset) -> Select[int, int | None]:
    """(ordinal, user id) of the patches whose newest event is a person's. Led by the batches, which are few."""
    return (
        select(Patch.ordinal, AnnotationBatch.user_id)
        .select_from(AnnotationBatch)
        .join(AnnotationEvent, AnnotationEvent.batch_id == AnnotationBatch.id)
        .join(Patch, (Patch.dataset_id == dataset.id) & (Patch.ordinal == AnnotationEvent.ordinal))
        .where(
            AnnotationBatch.dataset_id == dataset.id,
            AnnotationBatch.source != EventSource.IMPORT.value,
            Patch.last_event_id == AnnotationEvent.id,
            Patch.ordinal < dataset.patch_count,
        )
    )


def user_names() -> Select[int, str]:
    """(id, name) of everybody, in the order in which they came."""
    return select(User.id, User.name).order_by(User.id)


def any_change(dataset_id: int) -> Select[int]:
    """A row where people changed anything since the import."""
    return (
        select(AnnotationBatch.id)
        .where(AnnotationBatch.dataset_id == dataset_id, AnnotationBatch.source != EventSource.IMPORT.value)
        .limit(1)
    )


def any_mark(dataset: Dataset) -> Select[int]:
    """A row where a patch is marked."""
    return select(literal(1)).where(visible_patches(dataset), or_(Patch.unsure, Patch.excluded)).limit(1)


def sources(dataset: Dataset, ordinals: Sequence[int]) -> Select[str | None, float | None, int | None]:
    """(path, longitude, imported label) of these patches."""
    return select(Patch.path, cast(Patch.lon, Float), Patch.imported_label_id).where(
        visible_patches(dataset), among(Patch.ordinal, ordinals)
    )


def paths(dataset: Dataset) -> Select[int, str | None]:
    """(ordinal, path) of every visible patch."""
    return select(Patch.ordinal, Patch.path).where(visible_patches(dataset))


def newest_predictions(dataset_id: int) -> Select[MetricRun]:
    """The dataset's latest verification that kept its predictions."""
    return (
        select(MetricRun)
        .where(MetricRun.dataset_id == dataset_id, MetricRun.artefact.is_not(None))
        .order_by(MetricRun.id.desc())
        .limit(1)
    )


def map_of(dataset_id: int, embedding_id: int) -> Select[Embedding]:
    """The map, if it is the dataset's."""
    return select(Embedding).where(Embedding.dataset_id == dataset_id, Embedding.id == embedding_id)
