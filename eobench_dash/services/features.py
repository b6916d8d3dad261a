"""A dataset's feature sets: list them, start computing one."""

import numpy as np
from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset
from eobench_dash.db.queries import datasets as queries
from eobench_dash.domain.datasets import SourceKind
from eobench_dash.domain.feature_statistics import FeatureStatistics
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.patches import FeatureSetInfo
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.errors import BadInput
from eobench_dash.jobs.queue import enqueue_once
from eobench_dash.ml.features import KINDS, FeatureKind, find
from eobench_dash.ml.features.summary import summarise
from eobench_dash.services.access import visible_dataset
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.features import FeatureArray

MEASURED = 4096
"""So many patches tell what the numbers of a feature set look like."""


def list_feature_sets(ws: Workspace, who: Principal, *, dataset_id: int) -> list[FeatureSetInfo]:
    """The dataset's feature sets, newest first."""
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        return [queries.feature_set_info(row) for row in session.scalars(queries.newest_feature_sets(dataset_id))]


def feature_statistics(
    ws: Workspace, who: Principal, *, dataset_id: int
) -> list[tuple[FeatureSetInfo, FeatureStatistics]]:
    """The feature sets, newest first, each with what its numbers look like: measured on patches spread evenly over the
    dataset.
    """
    told = []
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        sets = [
            (queries.feature_set_info(row), row.folder)
            for row in session.scalars(queries.newest_feature_sets(dataset_id))
        ]
    for info, folder in sets:
        vectors = FeatureArray(ws.store.feature_dir(dataset_id, folder), rows=info.rows)
        spread = np.unique(np.linspace(0, info.rows - 1, min(info.rows, MEASURED)).astype(np.int64))
        told.append((info, summarise(vectors.take(spread), rows=info.rows)))
    return told


def start_features(ws: Workspace, who: Principal, *, dataset_id: int, kind: str) -> int:
    """Queue the computing of one descriptor for every patch; the job's id. BadInput where it does not fit the data."""
    owner = require(who, Role.BUILDER, what="compute features")
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        check_kind(dataset, kind)
        return queue_features(session, dataset, kind=find(kind).name, owner=owner, follow_up=False)


def check_kind(dataset: Dataset, kind: str) -> None:
    """BadInput unless the descriptor (or several joined by "+") is known and fits the dataset's pixels."""
    chosen = find(kind)
    if dataset.source_kind == SourceKind.NONE:
        raise BadInput("This dataset came without images, so nothing can be computed from them; use its own vectors.")
    if dataset.modality not in chosen.modalities:
        raise BadInput(
            f"{kind} does not fit {dataset.modality} patches; use one of {', '.join(kinds_for(dataset.modality))}."
        )
    if chosen.needs_band_names and not dataset.source_params.get("bands"):
        raise BadInput(f"{kind} has to know which band is which, and this dataset's bands have no names.")


def queue_features(session: Session, dataset: Dataset, *, kind: str, owner: int | None, follow_up: bool) -> int:
    """The job row (the one that waits already, if equal), in the caller's transaction; ``follow_up`` queues the default
    map after it."""
    title = f"Describe {dataset.name} ({kind})"
    args = {"kind": kind, "follow_up": follow_up}
    job = enqueue_once(session, kind=JobKind.FEATURES, title=title, args=args, owner_id=owner, dataset_id=dataset.id)
    return job.id


def kinds_for(modality: str) -> list[str]:
    """Names of the descriptors that fit patches of ``modality``, in the table's order."""
    return [name for name, kind in KINDS.items() if modality in kind.modalities]


def descriptor_kinds() -> list[FeatureKind]:
    """Every descriptor, in the table's order."""
    return list(KINDS.values())
