"""Compute a map: of all patches or of one label's group, from the neighbour graph that everything else uses too."""

from typing import Any

import numpy as np
from sqlalchemy import select

from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Label, Patch
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml import embedding as ml
from eobench_dash.ml.embedding.quality import knn_preservation, trustworthiness
from eobench_dash.ml.neighbours import KnnGraph, knn_graph
from eobench_dash.services.access import default_feature_set
from eobench_dash.services.embeddings import embedding_key
from eobench_dash.services.neighbours import graph_name, space_dir
from eobench_dash.services.sheets import queue_sheets
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import load_array, save_array, save_arrays
from eobench_dash.store.features import FeatureArray

QUALITY_K = 15
GRAPH_K = 90
"""Three times the largest default perplexity: enough for UMAP, t-SNE, votes and the neighbour panel."""


def run(ws: Workspace, job: JobHandle) -> None:
    """Compute the map the job names, unless an equal one is there already."""
    args = job.args
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, job.dataset_id)
        features = default_feature_set(session, dataset.id, args["feature"])
        if features.rows < dataset.patch_count:
            raise BadInput("Patches were appended after these features were computed; compute the features again.")
        group, ordinals = None, None
        if args["label_id"] is not None:
            group = session.get(Label, args["label_id"])
            if group is None:
                raise NotFound("The label whose map was asked for does not exist any more.")
            members = select(Patch.ordinal).where(
                Patch.dataset_id == dataset.id, Patch.label_id == group.id, Patch.ordinal < dataset.patch_count
            )
            ordinals = np.array(sorted(session.scalars(members)), dtype=np.uint32)
            if len(ordinals) == 0:
                raise BadInput(f"No patch is labelled {group.name}, so there is nothing to map.")
    method = ml.METHODS[args["method"]]
    params = {**method.defaults, **args["params"]}
    made_of = features.fingerprint if ordinals is None else f"{features.fingerprint}/{_members(ordinals)}"
    key = embedding_key(made_of, method=method.name, version=method.version, params=params, seed=args["seed"])
    with ws.db.read() as session:
        known = session.scalar(select(Embedding).where(Embedding.dataset_id == dataset.id, Embedding.key == key))
    artefact = f"map-{key}"
    if known is not None and ws.store.artefact_path(dataset.id, artefact, ".npz").exists():
        with ws.db.write() as session:
            job.fence(session)
            job.mark_done_in(session, {"embedding_id": known.id})
        return
    xy, quality = _embed(ws, job, features, ordinals, method.name, params)
    arrays: dict[str, Any] = {"xy": xy} if ordinals is None else {"xy": xy, "ordinals": ordinals}
    save_arrays(ws.store.artefact_path(dataset.id, artefact, ".npz"), **arrays)
    with ws.db.write() as session:
        job.fence(session)
        row = session.scalar(select(Embedding).where(Embedding.dataset_id == dataset.id, Embedding.key == key))
        row = row or Embedding(dataset_id=dataset.id, key=key)
        row.feature_set_id, row.label_id = features.id, group.id if group else None
        row.method, row.version, row.params = method.name, method.version, {**params, "seed": args["seed"]}
        row.rows, row.artefact, row.quality, row.job_id = len(xy), artefact, quality, job.id
        session.add(row)
        session.flush()
        if group is None:
            queue_sheets(session, dataset, embedding_id=row.id, owner=job.owner_id)
        job.mark_done_in(session, {"embedding_id": row.id})


def sweep(ws: Workspace, job_id: int) -> None:
    """Half-written artefacts live in the job's own folder; complete ones are kept under their key and used again."""
    ws.store.sweep_tmp(job_id)


def shared_graph(ws: Workspace, features: FeatureSet, job: JobHandle, *, share: float) -> KnnGraph:
    """The neighbour graph of a feature set: stored once, then read by everybody. ``share``: of the job's progress."""
    name = graph_name(features)
    files = [ws.store.artefact_path(features.dataset_id, f"{name}-{part}", ".npy") for part in ("indices", "distances")]
    if all(file.exists() for file in files):
        return KnnGraph(load_array(files[0]), load_array(files[1]))
    space = FeatureArray(space_dir(ws, features)).as_array()

    def progress(fraction: float, message: str) -> None:
        job.progress(share * fraction, message)

    graph = knn_graph(space, k=GRAPH_K, progress=progress)
    save_array(files[0], graph.indices)
    save_array(files[1], graph.distances)
    return graph


def _embed(
    ws: Workspace, job: JobHandle, features: FeatureSet, ordinals: Any, method: str, params: dict[str, Any]
) -> tuple[Any, dict[str, float]]:
    space = FeatureArray(space_dir(ws, features)).as_array()
    if ordinals is None:
        graph = shared_graph(ws, features, job, share=0.3)
        x = space
    else:
        x = np.ascontiguousarray(space[ordinals.astype(np.int64)])
        graph = knn_graph(x, k=GRAPH_K, progress=lambda f, m: job.progress(0.3 * f, m))

    def progress(fraction: float, message: str) -> None:
        job.progress(0.3 + 0.6 * fraction, message)

    xy = ml.embed(x, method=method, graph=graph, params=params, seed=job.args["seed"], progress=progress)
    job.progress(0.92, "measuring how far the map can be trusted")
    if len(x) <= 2 * QUALITY_K:
        return xy, {}
    scores = {"trustworthiness": trustworthiness, "knn_preservation": knn_preservation}
    return xy, {name: float(score(x, xy, k=QUALITY_K, sample=2000)) for name, score in scores.items()}


def _members(ordinals: Any) -> str:
    import hashlib

    return hashlib.sha256(ordinals.tobytes()).hexdigest()[:16]
