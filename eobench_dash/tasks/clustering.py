"""Find clusters: of all patches or of one label's group, in feature space; their codes are an artefact."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from eobench_dash.db.models import ClusterSet, Dataset, FeatureSet, Label
from eobench_dash.db.queries import clusters as queries
from eobench_dash.db.queries.labels import live_labels
from eobench_dash.domain.clusters import NO_CLUSTER, Cluster, ClusterMethod, name_clusters
from eobench_dash.domain.labels import default_color
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml import clusters as ml
from eobench_dash.services.access import default_feature_set
from eobench_dash.services.clusters import cluster_key
from eobench_dash.services.neighbours import space_dir
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import save_array
from eobench_dash.store.features import FeatureArray


def run(ws: Workspace, job: JobHandle) -> None:
    """Compute the clusters the job names, unless equal ones are there already."""
    args = job.args
    method = ml.METHODS[ClusterMethod(args["method"])]
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, job.dataset_id)
        features = default_feature_set(session, dataset.id, args["feature"])
        if features.rows < dataset.patch_count:
            raise BadInput("Patches were appended after these features were computed; compute the features again.")
        group = _group(session, args["label_id"])
        ordinals = queries.members_of(session, dataset, group.id) if group else None
        label_ids = queries.label_ids(session, dataset)
        names = {label.id: label.name for label in session.scalars(live_labels(dataset.id))}
    params = {"k": args["k"], "min_size": args["min_size"], "seed": args["seed"]}
    made_of = features.fingerprint
    if group is not None and ordinals is not None:  # the same patches under another label are another group
        made_of = f"{features.fingerprint}/{group.id}/{_members(ordinals)}"
    key = cluster_key(made_of, method=method.name, version=method.version, params=params)
    known = stored_set(ws, dataset.id, key)
    if known is not None:
        with ws.db.write() as session:
            job.fence(session)
            job.mark_done_in(session, {"cluster_set_id": known})
        return
    space = FeatureArray(space_dir(ws, features)).as_array()
    x = space[: dataset.patch_count] if ordinals is None else np.ascontiguousarray(space[ordinals])
    try:
        found = ml.cluster(
            x,
            method=method.name,
            k=args["k"],
            min_size=args["min_size"],
            seed=args["seed"],
            progress=lambda fraction, message: job.progress(0.95 * fraction, message),
        )
    except BadInput as error:
        raise BadInput(f"{group.name}: {error}" if group else str(error)) from error
    rows = np.arange(len(x)) if ordinals is None else ordinals
    clusters = describe(found, rows, label_ids, names, group=group.name if group else None)
    artefact = save_codes(ws, dataset, key, rows, found.codes)
    with ws.db.write() as session:
        job.fence(session)
        row = store_set(
            session, dataset, features, key=key, label_id=group.id if group else None, method=method.name,
            version=method.version, params=params, rows=len(rows), artefact=artefact, clusters=clusters,
            quality=quality_of(found), job=job,
        )  # fmt: skip
        job.mark_done_in(session, {"cluster_set_id": row.id})


def stored_set(ws: Workspace, dataset_id: int, key: str) -> int | None:
    """The id of the cluster set of this key, if its artefact is there too."""
    with ws.db.read() as session:
        row = session.scalar(select(ClusterSet).where(ClusterSet.dataset_id == dataset_id, ClusterSet.key == key))
        if row is None or not ws.store.artefact_path(dataset_id, row.artefact, ".npy").exists():
            return None
        return row.id


def save_codes(
    ws: Workspace, dataset: Dataset, key: str, rows: npt.NDArray[np.int64], codes: npt.NDArray[np.uint16]
) -> str:
    """Write the codes of the patches ``rows`` as one array over all ordinals; the artefact's name."""
    whole = np.full(dataset.patch_count, NO_CLUSTER, np.uint16)
    whole[rows] = codes
    artefact = f"clusters-{key}"
    save_array(ws.store.artefact_path(dataset.id, artefact, ".npy"), whole)
    return artefact


def describe(
    found: ml.Clustering,
    rows: npt.NDArray[np.int64],
    label_ids: npt.NDArray[np.int64],
    names: Mapping[int, str],
    *,
    group: str | None,
) -> list[Cluster]:
    """The clusters of the patches ``rows`` with their names, colours and typical patches."""
    own = label_ids[rows]
    held: list[list[tuple[str | None, float]]] = []
    for code, size in enumerate(found.sizes):
        ids, counts = np.unique(own[found.codes == code], return_counts=True)
        order = np.argsort(-counts, kind="stable")[:2]
        held.append([(names.get(int(ids[i])), float(counts[i]) / size) for i in order])
    called = name_clusters(held, group=group)
    return [
        Cluster(code, called[code], default_color(code), size, tuple(rows[list(typical)].tolist()), *held[code][0])
        for code, (size, typical) in enumerate(zip(found.sizes, found.typical, strict=True))
    ]


def quality_of(found: ml.Clustering) -> dict[str, Any]:
    """What was measured, as the cluster set keeps it."""
    return {
        "silhouette": found.silhouette,
        "stability": found.stability,
        "curve": [list(point) for point in found.curve],
        "curve_of": found.curve_of,
        "components": found.components,
        "variance": found.variance,
        "fitted": found.fitted,
        "notes": list(found.notes),
    }


def store_set(
    session: Session,
    dataset: Dataset,
    features: FeatureSet,
    *,
    key: str,
    label_id: int | None,
    method: str,
    version: int,
    params: Mapping[str, Any],
    rows: int,
    artefact: str,
    clusters: Sequence[Cluster],
    quality: Mapping[str, Any],
    job: JobHandle,
) -> ClusterSet:
    """Insert the set, or make the row of this key (its artefact was lost) whole again; the caller commits."""
    row = session.scalar(select(ClusterSet).where(ClusterSet.dataset_id == dataset.id, ClusterSet.key == key))
    row = row or ClusterSet(dataset_id=dataset.id, key=key, created_by=job.owner_id)
    row.feature_set_id, row.label_id = features.id, label_id
    row.method, row.version, row.params = method, version, dict(params)
    row.rows, row.artefact, row.job_id = rows, artefact, job.id
    row.clusters, row.quality = [asdict(cluster) for cluster in clusters], dict(quality)
    session.add(row)
    session.flush()
    return row


def _group(session: Session, label_id: int | None) -> Label | None:
    if label_id is None:
        return None
    group = session.get(Label, label_id)
    if group is None or group.merged_into_id is not None:
        raise NotFound("The label whose clusters were asked for is not in use any more.")
    return group


def _members(ordinals: npt.NDArray[np.int64]) -> str:
    return hashlib.sha256(ordinals.astype("<u4").tobytes()).hexdigest()[:16]
