"""Queries about datasets, their patches, feature sets and maps."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, func, select

from eobench_dash.db.models import AnnotationEvent, Dataset, Embedding, FeatureSet, Label, MetricRun, Patch
from eobench_dash.domain.datasets import DatasetState
from eobench_dash.domain.patches import EmbeddingInfo, FeatureSetInfo


def ready_datasets(*, only_public: bool) -> Select[Dataset]:
    """Datasets that people may see, by name."""
    query = select(Dataset).where(Dataset.state == DatasetState.READY).order_by(Dataset.name)
    return query.where(Dataset.public) if only_public else query


def visible_patches(dataset: Dataset) -> Any:
    """The condition that keeps patches still being imported out of sight."""
    return and_(Patch.dataset_id == dataset.id, Patch.ordinal < dataset.patch_count)


def patch_counts() -> Select[int, int, int]:
    """Per dataset: id, labelled patches, patches whose label is no longer the imported one.

    Counted from indexes: the patches without label, those that changed, and (few or none) those still being imported.
    """
    unseen = Patch.ordinal >= Dataset.patch_count
    bare = _patches(Patch.label_id.is_(None)) - _patches(Patch.label_id.is_(None), unseen)
    changed = _patches(Patch.label_id.is_distinct_from(Patch.imported_label_id), ~unseen)
    return select(Dataset.id, Dataset.patch_count - bare, changed)


def _patches(*conditions: Any) -> Any:
    own = select(func.count()).select_from(Patch).where(Patch.dataset_id == Dataset.id, *conditions)
    return own.correlate(Dataset).scalar_subquery()


def label_counts() -> Select[int, int]:
    """Per dataset: id, number of labels in use (merged ones apart)."""
    return select(Label.dataset_id, func.count()).where(Label.merged_into_id.is_(None)).group_by(Label.dataset_id)


def newest_feature_sets(dataset_id: int) -> Select[FeatureSet]:
    """A dataset's feature sets, newest first."""
    return select(FeatureSet).where(FeatureSet.dataset_id == dataset_id).order_by(FeatureSet.id.desc())


def newest_embeddings(dataset_id: int) -> Select[Embedding, FeatureSet, Label]:
    """A dataset's maps with their feature set and (for a group's map) label, newest first."""
    return (
        select(Embedding, FeatureSet, Label)
        .join(FeatureSet, FeatureSet.id == Embedding.feature_set_id)
        .outerjoin(Label, Label.id == Embedding.label_id)
        .where(Embedding.dataset_id == dataset_id)
        .order_by(Embedding.id.desc())
    )


def newest_metric_run(dataset_id: int) -> Select[MetricRun]:
    """A dataset's latest verification."""
    return select(MetricRun).where(MetricRun.dataset_id == dataset_id).order_by(MetricRun.id.desc()).limit(1)


def verified_now(dataset_ids: Sequence[int]) -> Select[int]:
    """Those of the datasets whose latest verification has seen their newest label event."""
    newest = (
        select(func.max(AnnotationEvent.id)).where(AnnotationEvent.dataset_id == MetricRun.dataset_id).scalar_subquery()
    )
    return (
        select(MetricRun.dataset_id)
        .where(MetricRun.dataset_id.in_(dataset_ids))
        .group_by(MetricRun.dataset_id)
        .having(func.max(MetricRun.last_event_id) >= func.coalesce(newest, 0))
    )


def feature_set_info(row: FeatureSet) -> FeatureSetInfo:
    """The row as a value."""
    return FeatureSetInfo(
        id=row.id,
        kind=row.kind,
        version=row.version,
        dim=row.dim,
        rows=row.rows,
        source=row.source,
        fingerprint=row.fingerprint,
        created_at=row.created_at,
        params=row.params,
    )


def embedding_info(row: Row[Embedding, FeatureSet, Label]) -> EmbeddingInfo:
    """The joined row as a value."""
    embedding, features, label = row
    return EmbeddingInfo(
        id=embedding.id,
        method=embedding.method,
        feature_kind=features.kind,
        label=label.name if label else None,
        label_code=label.code if label else None,
        rows=embedding.rows,
        quality=embedding.quality,
        params=embedding.params,
        created_at=embedding.created_at,
        key=embedding.key,
    )
