"""A dataset's clusters: start finding them, look at them, name them, split one off as a label."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from eobench_dash.db.models import ClusterSet, Dataset
from eobench_dash.db.queries import clusters as queries
from eobench_dash.domain.annotations import EventSource, RelabelResult
from eobench_dash.domain.clusters import METHOD_TITLES, NO_CLUSTER, ClusterMethod, ClusterSetInfo, cluster_from
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.labels import clean_name
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.errors import BadInput, Conflict, NotFound
from eobench_dash.jobs.queue import enqueue_once
from eobench_dash.services.access import check_seed, default_feature_set, may_relabel, shown_name, visible_dataset
from eobench_dash.services.annotate import relabel_within
from eobench_dash.services.batches import count_patches
from eobench_dash.services.vocabulary import heir, heirs, named_label
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import load_array

MAX_K = 60
MIN_SIZE = (3, 100_000)
MAX_ID = 2**31 - 1


def start_clusters(
    ws: Workspace,
    who: Principal,
    *,
    dataset_id: int,
    method: str = ClusterMethod.GMM,
    k: int | None = None,
    min_size: int | None = None,
    feature: str | None = None,
    label: str | None = None,
    seed: int = 0,
) -> int:
    """Queue the clustering of all patches, or of one label's group; the job's id. Experts may.

    ``k``: how many clusters (2 to 60), None to choose by BIC (Gaussian mixture) or silhouette (k-means); HDBSCAN finds
    its own number and takes ``min_size`` instead, the fewest patches of a cluster (None: by the number of patches).
    The job's result holds ``cluster_set_id``; an equal request gives the clusters that are there already.
    """
    owner = require(who, Role.EXPERT, what="compute clusters")
    if method not in list(ClusterMethod):
        raise BadInput(f"The method {str(method)[:20]!r} is not known; use one of {', '.join(ClusterMethod)}.")
    chosen = ClusterMethod(method)
    check_seed(seed)
    _check_numbers(chosen, k=k, min_size=min_size)
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        features = default_feature_set(session, dataset_id, feature)
        group = None
        if label is not None:
            group = named_label(session, dataset, label, create=False)
        what = f"{dataset.name}: {group.name}" if group else dataset.name
        job = enqueue_once(
            session,
            kind=JobKind.CLUSTER,
            title=f"{METHOD_TITLES[chosen]} clusters of {what}",
            args={
                "method": chosen.value,
                "k": k,
                "min_size": min_size,
                "feature": features.kind,
                "label_id": group.id if group else None,
                "seed": seed,
            },
            owner_id=owner,
            dataset_id=dataset_id,
        )
        return job.id


def list_cluster_sets(ws: Workspace, who: Principal, *, dataset_id: int) -> list[ClusterSetInfo]:
    """The dataset's cluster sets, newest first."""
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        rows = session.execute(queries.cluster_sets(dataset_id))
        return [queries.cluster_set_info(row, shown_by=shown_name(who, row[3])) for row in rows]


def get_cluster_set(ws: Workspace, who: Principal, *, dataset_id: int, cluster_set_id: int) -> ClusterSetInfo:
    """One cluster set; NotFound where the dataset has none of this id."""
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        _row(session, dataset_id, cluster_set_id)
        row = session.execute(queries.cluster_sets(dataset_id).where(ClusterSet.id == cluster_set_id)).one()
        return queries.cluster_set_info(row, shown_by=shown_name(who, row[3]))


def cluster_codes(ws: Workspace, who: Principal, *, dataset_id: int, cluster_set_id: int) -> npt.NDArray[np.uint16]:
    """The cluster of every patch, uint16 in ordinal order; 65535: noise, outside the group, or appended since."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        return stored_codes(ws, dataset, _row(session, dataset_id, cluster_set_id))


def cluster_members(
    ws: Workspace, who: Principal, *, dataset_id: int, cluster_set_id: int, cluster: int
) -> npt.NDArray[np.int64]:
    """The ordinals in a cluster, ascending; 65535 asks for what no cluster holds (of the patches that were clustered:
    of a whole dataset's set only, as a group's own members are not kept beside the clusters)."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        row = _row(session, dataset_id, cluster_set_id)
        if cluster != NO_CLUSTER:
            _cluster(row, cluster)
        elif row.label_id is not None:
            raise BadInput("The patches in no cluster are told apart only where all patches were clustered.")
        return np.flatnonzero(stored_codes(ws, dataset, row) == cluster)


def rename_cluster(
    ws: Workspace, who: Principal, *, dataset_id: int, cluster_set_id: int, cluster: int, name: str
) -> ClusterSetInfo:
    """Give a cluster another name; Conflict where another cluster of the set has it."""
    require(who, Role.EXPERT, what="name a cluster")
    wanted = clean_name(name)
    with ws.db.write() as session:
        visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        row = _row(session, dataset_id, cluster_set_id)
        _cluster(row, cluster)
        known = [cluster_from(data) for data in row.clusters]
        if any(c.name.casefold() == wanted.casefold() for c in known if c.index != cluster):
            raise Conflict(f"Another cluster of this set is called {wanted}; choose another name.")
        row.clusters = [asdict(replace(c, name=wanted) if c.index == cluster else c) for c in known]
    return get_cluster_set(ws, who, dataset_id=dataset_id, cluster_set_id=cluster_set_id)


def split_off(
    ws: Workspace,
    who: Principal,
    *,
    dataset_id: int,
    cluster_set_id: int,
    cluster: int,
    label_name: str,
    create: bool = True,
    why: str = "",
    seen_event: int | None = None,
) -> RelabelResult:
    """Give every member of a cluster the label ``label_name``: one transaction, one batch, taken back by one undo.

    ``create`` makes the label where it is missing. Of a label group's clusters only those patches move that still
    carry that label (or what it was merged into): who left the group since stays where they were put. The rest is as
    ``annotate.relabel`` does it: an expert's scope, and with ``seen_event`` the patches that somebody else changed.
    """
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        may_relabel(session, who, dataset_id)
        row = _row(session, dataset_id, cluster_set_id)
        name = _cluster(row, cluster)["name"]
        members = np.flatnonzero(stored_codes(ws, dataset, row) == cluster)
        left = 0
        if row.label_id is not None:
            group = heir(heirs(session, dataset_id), row.label_id)
            still = np.intersect1d(members, queries.members_of(session, dataset, group or 0), assume_unique=True)
            left, members = len(members) - len(still), still
        if not len(members):
            raise Conflict(f"No patch of the cluster {name} is in its group any more; cluster the group anew.")
        result = relabel_within(
            session, who, dataset, [int(o) for o in members.tolist()],
            label=label_name, why=why or f"cluster {name}", source=EventSource.CLUSTERS, create=create,
            seen_event=seen_event,
        )  # fmt: skip
        if left:
            return replace(result, summary=f"{result.summary}; {count_patches(left)} left the group before and stay")
        return result


def delete_cluster_set(ws: Workspace, who: Principal, *, dataset_id: int, cluster_set_id: int) -> None:
    """Remove a cluster set; labels made from it stay. For who asked for it, and builders."""
    user_id = require(who, Role.EXPERT, what="remove clusters")
    with ws.db.write() as session:
        visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        row = _row(session, dataset_id, cluster_set_id)
        if row.created_by != user_id:
            require(who, Role.BUILDER, what="remove somebody else's clusters")
        path = ws.store.artefact_path(dataset_id, row.artefact, ".npy")
        session.delete(row)
    path.unlink(missing_ok=True)


def cluster_key(made_of: str, *, method: str, version: int, params: Mapping[str, Any]) -> str:
    """The versioned key of a cluster set: what it was made from and how. Equal keys mean equal clusters."""
    text = json.dumps([made_of, method, version, dict(params)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _check_numbers(method: ClusterMethod, *, k: int | None, min_size: int | None) -> None:
    if method is ClusterMethod.HDBSCAN:
        if k is not None:
            raise BadInput("HDBSCAN finds the number of clusters itself; leave it out, or choose another method.")
    elif min_size is not None:
        raise BadInput(f"{METHOD_TITLES[method]} takes a number of clusters, not a smallest size.")
    if k is not None and (type(k) is not int or not 2 <= k <= MAX_K):
        raise BadInput(f"The number of clusters is a whole number from 2 to {MAX_K}.")
    if min_size is not None and (type(min_size) is not int or not MIN_SIZE[0] <= min_size <= MIN_SIZE[1]):
        raise BadInput(f"The fewest patches of a cluster are a whole number from {MIN_SIZE[0]} to {MIN_SIZE[1]:,}.")


def _row(session: Session, dataset_id: int, cluster_set_id: int) -> ClusterSet:
    row = session.get(ClusterSet, cluster_set_id) if 0 < cluster_set_id <= MAX_ID else None
    if row is None or row.dataset_id != dataset_id:
        raise NotFound(f"This dataset has no clusters {cluster_set_id}; somebody may have removed them.")
    return row


def _cluster(row: ClusterSet, cluster: int) -> dict[str, Any]:
    found: dict[str, Any] | None = next((data for data in row.clusters if data["index"] == cluster), None)
    if found is None:
        raise NotFound(f"There is no cluster {cluster}; this set's clusters are 0 to {len(row.clusters) - 1}.")
    return found


def stored_codes(ws: Workspace, dataset: Dataset, row: ClusterSet) -> npt.NDArray[np.uint16]:
    """The cluster of every patch; NotFound where the artefact is not on disk any more."""
    stored = load_array(ws.store.artefact_path(dataset.id, row.artefact, ".npy"))
    codes = np.full(dataset.patch_count, NO_CLUSTER, np.uint16)
    codes[: len(stored)] = stored[: dataset.patch_count]
    return codes
