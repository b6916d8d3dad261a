"""A dataset's maps: list them, start computing one, give its bytes to the browser."""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset, Embedding, Label
from eobench_dash.db.queries import datasets as queries
from eobench_dash.domain.embeddings import EmbeddingMethod
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.patches import EmbeddingInfo
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.domain.wire import pack_coords
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.jobs.queue import enqueue_once
from eobench_dash.ml.embedding.methods import METHODS, check_params, check_size
from eobench_dash.services.access import check_seed, default_feature_set, visible_dataset
from eobench_dash.services.vocabulary import named_label
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import load_arrays


def embedding_methods() -> list[EmbeddingMethod]:
    """The ways to make a map, the usual one first, each with its parameters in plain words; forms are built from it."""
    return list(METHODS.values())


def list_embeddings(ws: Workspace, who: Principal, *, dataset_id: int) -> list[EmbeddingInfo]:
    """The dataset's maps, newest first."""
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        return [queries.embedding_info(row) for row in session.execute(queries.newest_embeddings(dataset_id))]


def start_embedding(
    ws: Workspace,
    who: Principal,
    *,
    dataset_id: int,
    method: str = "umap",
    feature: str | None = None,
    label: str | None = None,
    params: Mapping[str, Any] | None = None,
    seed: int | None = 42,
) -> int:
    """Queue a map of all patches, or of one label's group; the job's id. Experts may (they zoom into groups)."""
    owner = require(who, Role.EXPERT, what="compute a map")
    if method not in METHODS:
        raise BadInput(f"The method {method!r} is not known; use {' or '.join(METHODS)}.")
    check_seed(seed)
    given = check_params(METHODS[method], params or {})
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        features = default_feature_set(session, dataset_id, feature)
        group = None if label is None else named_label(session, dataset, label, create=False)
        if group is None:
            check_size(METHODS[method], given, dataset.patch_count)
        return queue_map(
            session, dataset, feature=features.kind, owner=owner, method=method, group=group, params=given, seed=seed
        )


def queue_map(
    session: Session,
    dataset: Dataset,
    *,
    feature: str,
    owner: int | None,
    method: str = "umap",
    group: Label | None = None,
    params: Mapping[str, float] = MappingProxyType({}),
    seed: int | None = 42,
) -> int:
    """The job row of a map (the one that waits already, if equal), in the caller's transaction; its id."""
    what = f"{dataset.name}: {group.name}" if group else dataset.name
    job = enqueue_once(
        session,
        kind=JobKind.EMBED,
        title=f"{METHODS[method].title} map of {what}",
        args={
            "method": method,
            "feature": feature,
            "label_id": group.id if group else None,
            "params": dict(params),
            "seed": seed,
        },
        owner_id=owner,
        dataset_id=dataset.id,
    )
    return job.id


def embedding_key(fingerprint: str, *, method: str, version: int, params: Mapping[str, Any], seed: int | None) -> str:
    """The versioned key of a map: what it was made from and how. Equal keys mean equal maps."""
    made_of = json.dumps([fingerprint, method, version, dict(params), seed], sort_keys=True)
    return hashlib.sha256(made_of.encode()).hexdigest()[:32]


def embedding_wire(ws: Workspace, who: Principal, *, dataset_id: int, embedding_id: int) -> tuple[bytes, str]:
    """The map's coordinates (and, for a group's map, ordinals) as the browser reads them, and their ETag."""
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        row = session.get(Embedding, embedding_id)
        if row is None or row.dataset_id != dataset_id:
            raise NotFound(f"This dataset has no map {embedding_id}.")
        path = ws.store.artefact_path(dataset_id, row.artefact, ".npz")
        etag = row.key
    arrays = load_arrays(path)
    xy = np.asarray(arrays["xy"], dtype=np.float32)
    return pack_coords(xy[:, 0], xy[:, 1], arrays.get("ordinals")), etag
