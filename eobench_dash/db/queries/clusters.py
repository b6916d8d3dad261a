"""Queries about cluster sets and advice."""

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row, Select, String, cast, func, select
from sqlalchemy.orm import Session

from eobench_dash.db.models import Advice, ClusterSet, Dataset, FeatureSet, Label, Patch, User
from eobench_dash.db.queries.labels import label_arrays
from eobench_dash.domain.clusters import METHOD_TITLES, ClusterMethod, ClusterSetInfo, cluster_from


def cluster_sets(dataset_id: int) -> Select[ClusterSet, FeatureSet, Label, str]:
    """(cluster set, its features, its label or None, who asked for it), newest first."""
    return (
        select(ClusterSet, FeatureSet, Label, func.coalesce(User.name, ""))
        .join(FeatureSet, FeatureSet.id == ClusterSet.feature_set_id)
        .outerjoin(Label, Label.id == ClusterSet.label_id)
        .outerjoin(User, User.id == ClusterSet.created_by)
        .where(ClusterSet.dataset_id == dataset_id)
        .order_by(ClusterSet.id.desc())
    )


def cluster_set_info(row: Row[ClusterSet, FeatureSet, Label, str], *, shown_by: str) -> ClusterSetInfo:
    """The joined row as a value; ``shown_by``: the creator's name as the reader may see it."""
    found, features, label, _ = row
    clusters = tuple(cluster_from(data) for data in found.clusters)
    method = ClusterMethod(found.method)
    what = label.name if label else "all patches"
    count = f"{len(clusters)} cluster" if len(clusters) == 1 else f"{len(clusters)} clusters"
    return ClusterSetInfo(
        id=found.id,
        title=f"{count} of {what} ({METHOD_TITLES[method]})",
        method=method,
        feature_kind=features.kind,
        label=label.name if label else None,
        label_code=label.code if label else None,
        rows=found.rows,
        noise=found.rows - sum(cluster.size for cluster in clusters),
        clusters=clusters,
        quality=found.quality,
        params=found.params,
        created_at=found.created_at,
        created_by=shown_by,
        advised=bool(found.params.get("advised", False)),
    )


def members_of(session: Session, dataset: Dataset, label_id: int) -> npt.NDArray[np.int64]:
    """The ordinals of the visible patches that carry a label, ascending (one row of text: fast at a million)."""
    query = select(func.aggregate_strings(cast(Patch.ordinal, String), ",")).where(
        Patch.dataset_id == dataset.id, Patch.label_id == label_id, Patch.ordinal < dataset.patch_count
    )
    found = session.scalar(query)
    return np.sort(np.fromstring(found, dtype=np.int64, sep=",")) if found else np.empty(0, np.int64)


def label_ids(session: Session, dataset: Dataset) -> npt.NDArray[np.int64]:
    """The label id of every visible patch in ordinal order, 0 where there is none."""
    found = np.zeros(dataset.patch_count, np.int64)
    ordinals, ids = session.execute(label_arrays(dataset)).one()
    if ordinals:
        found[np.fromstring(ordinals, dtype=np.int64, sep=",")] = np.fromstring(ids, dtype=np.int64, sep=",")
    return found


def excluded_patches(session: Session, dataset: Dataset) -> npt.NDArray[np.int64]:
    """The ordinals of the visible patches that are excluded from the benchmark."""
    query = select(Patch.ordinal).where(
        Patch.dataset_id == dataset.id, Patch.excluded, Patch.ordinal < dataset.patch_count
    )
    return np.array(sorted(session.scalars(query)), dtype=np.int64)


def newest_advice(dataset_id: int) -> Select[Advice, str]:
    """(the dataset's latest advice, the kind of features it was made from)."""
    return (
        select(Advice, FeatureSet.kind)
        .join(FeatureSet, FeatureSet.id == Advice.feature_set_id)
        .where(Advice.dataset_id == dataset_id)
        .order_by(Advice.id.desc())
        .limit(1)
    )
