"""Compute a map: of all patches or of one label's group, from the neighbour graph that everything else uses too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Label, Patch
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml import embedding as ml
from eobench_dash.ml.embedding.honesty import point_quality
from eobench_dash.ml.embedding.methods import check_size, expected_seconds, neighbours_needed
from eobench_dash.ml.neighbours import EXACT_UP_TO, KnnGraph, knn_graph
from eobench_dash.services.access import default_feature_set
from eobench_dash.services.embeddings import embedding_key
from eobench_dash.services.neighbours import graph_name, space_dir
from eobench_dash.services.sheets import queue_sheets
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import load_array, save_array, save_arrays
from eobench_dash.store.features import FeatureArray
from eobench_dash.tasks.countdown import Countdown

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
    arrays, quality = _embed(ws, job, features, ordinals, method.name, params)
    save_arrays(ws.store.artefact_path(dataset.id, artefact, ".npz"), **arrays)
    with ws.db.write() as session:
        job.fence(session)
        row = session.scalar(select(Embedding).where(Embedding.dataset_id == dataset.id, Embedding.key == key))
        row = row or Embedding(dataset_id=dataset.id, key=key)
        row.feature_set_id, row.label_id = features.id, group.id if group else None
        row.method, row.version, row.params = method.name, method.version, {**params, "seed": args["seed"]}
        row.rows, row.artefact, row.quality, row.job_id = len(arrays["xy"]), artefact, quality, job.id
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
    return _shared_graph(ws, features, lambda fraction, message: job.progress(share * fraction, message))


def _shared_graph(ws: Workspace, features: FeatureSet, progress: Callable[[float, str], None]) -> KnnGraph:
    files = _graph_files(ws, features)
    if _stored(files):
        recall = float(load_array(files["recall"], mapped=False)) if files["recall"].exists() else 1.0
        return KnnGraph(load_array(files["indices"]), load_array(files["distances"]), recall)
    graph = knn_graph(FeatureArray(space_dir(ws, features)).as_array(), k=GRAPH_K, progress=progress)
    save_array(files["recall"], np.float64(graph.recall))
    save_array(files["indices"], graph.indices)
    save_array(files["distances"], graph.distances)
    return graph


def _graph_files(ws: Workspace, features: FeatureSet) -> dict[str, Path]:
    name = graph_name(features)
    parts = ("indices", "distances", "recall")
    return {part: ws.store.artefact_path(features.dataset_id, f"{name}-{part}", ".npy") for part in parts}


def _stored(files: dict[str, Path]) -> bool:
    return files["indices"].exists() and files["distances"].exists()


def _embed(
    ws: Workspace, job: JobHandle, features: FeatureSet, ordinals: Any, method: str, params: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, float]]:
    """The map's arrays and the scores of the whole. Arrays: ``xy``, a group's ``ordinals``, per point ``honesty`` (its
    trustworthiness) and ``kept`` (the share of its neighbours that are near it on the map)."""
    space = FeatureArray(space_dir(ws, features)).as_array()
    x = space if ordinals is None else np.ascontiguousarray(space[ordinals.astype(np.int64)])
    n = len(x)
    check_size(ml.METHODS[method], params, n)
    needed = neighbours_needed(method, params)
    shared = ordinals is None and needed <= GRAPH_K
    weights = expected_seconds(method, params, n, exact=n <= EXACT_UP_TO)
    if shared and _stored(_graph_files(ws, features)):
        weights["graph"] = 0.0
    countdown = Countdown(job.progress, weights)
    if shared:
        graph = _shared_graph(ws, features, countdown.step("graph"))
    else:
        graph = knn_graph(x, k=max(GRAPH_K, needed), progress=countdown.step("graph"))
    xy = ml.embed(
        x, method=method, graph=graph, params=params, seed=job.args["seed"], progress=countdown.step("layout")
    )
    arrays: dict[str, Any] = {"xy": xy} if ordinals is None else {"xy": xy, "ordinals": ordinals}
    k = min(QUALITY_K, (n - 1) // 2)  # a group of a few has few neighbours
    if k < 1:
        return arrays, {}
    found = point_quality(x, graph, xy, k=k, progress=countdown.step("trust"))
    arrays |= {"honesty": found.trustworthiness, "kept": found.kept}
    if k < QUALITY_K:
        return arrays, {}
    scores = {"trustworthiness": found.trustworthiness, "knn_preservation": found.kept}
    means = {name: float(values.mean(dtype=np.float64)) for name, values in scores.items()}
    return arrays, means if graph.recall == 1.0 else {**means, "neighbour_recall": graph.recall}


def _members(ordinals: Any) -> str:
    import hashlib

    return hashlib.sha256(ordinals.tobytes()).hexdigest()[:16]
