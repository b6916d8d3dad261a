"""Neighbours of one patch, and of all, against scikit-learn in the same run: ``python -m bench.neighbours [--quick]``.

Data: simulated features of the paper's shape (30,813 × 144, seed 0), read from a memory map as the web process does.
The peer is ``NearestNeighbors(algorithm="brute")``, fitted once, asked for one patch at a time; its arrays are float32
too. Answers are compared. The graph is timed with its kernels compiled (they are cached on disk).

``--large N`` instead makes the graph of N simulated vectors by cells, as the product does above 100,000, beside the
graph indexes of faiss and usearch where those are installed (they are no dependency), with the recall of each.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.neighbors import NearestNeighbors

from bench._common import PAPER_SHAPE, machine_line, markdown_table, simulated_features, timed
from eobench_dash.ml.neighbours import knn_graph, nearest
from eobench_dash.simulate import simulated_features as many_features

K = 20


def large(n: int, *, k: int = 90, sample: int = 500) -> None:
    """The graph of n simulated vectors by cells, and by the indexes of faiss and usearch where they are installed."""
    x, _ = many_features(n, PAPER_SHAPE[1])
    asked = np.sort(np.random.default_rng(1).choice(n, size=sample, replace=False))
    truth = np.array([nearest(x, x[i], k=k, exclude=int(i))[0] for i in asked])
    knn_graph(x[:2000], k=k, exact_up_to=0)
    ways: dict[str, Callable[[], np.ndarray]] = {"by cells": lambda: knn_graph(x, k=k, exact_up_to=0).indices}
    if n <= 200_000:
        ways["exact"] = lambda: knn_graph(x, k=k, exact_up_to=n).indices
    if find_spec("faiss"):
        ways["faiss HNSW (M 16, ef 60/100)"] = lambda: _faiss(x, k)
    if find_spec("usearch"):
        ways["usearch HNSW (M 16, ef 64/100)"] = lambda: _usearch(x, k)
    rows = []
    for name, way in ways.items():
        used = time.process_time()
        wall, found = timed(way)
        used = time.process_time() - used
        recalls = [_recall(found[asked], asked, truth, few) for few in (15, k)]
        rows.append([name, wall, used, *(f"{recall:.4f}" for recall in recalls)])
    print(f"{machine_line('numba')}\n{n:,} × {x.shape[1]} simulated, k = {k}, recall on {sample} points\n")
    print(markdown_table(["all neighbours", "wall s", "cpu s", "recall@15", f"recall@{k}"], rows))


def _recall(found: np.ndarray, asked: np.ndarray, truth: np.ndarray, k: int) -> float:
    hits = 0
    for row, own, right in zip(found.tolist(), asked.tolist(), truth, strict=True):
        hits += len(set([i for i in row if i != own][:k]) & set(right[:k].tolist()))
    return hits / (k * len(asked))


def _faiss(x: np.ndarray, k: int) -> np.ndarray:
    import faiss

    index = faiss.IndexHNSWFlat(x.shape[1], 16)
    index.hnsw.efConstruction, index.hnsw.efSearch = 60, 100
    index.add(x)
    return np.concatenate([index.search(x[i : i + 8192], k + 1)[1] for i in range(0, len(x), 8192)])


def _usearch(x: np.ndarray, k: int) -> np.ndarray:
    from usearch.index import Index

    index = Index(ndim=x.shape[1], metric="l2sq", dtype="f32", connectivity=16, expansion_add=64, expansion_search=100)
    index.add(np.arange(len(x)), x, threads=os.cpu_count())
    return index.search(x, k + 1, threads=os.cpu_count()).keys.astype(np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5,000 patches, 50 questions")
    parser.add_argument(
        "--large", type=int, metavar="N", help="the graph of N vectors by cells and by its peers instead"
    )
    args = parser.parse_args()
    if args.large:
        large(args.large)
        return
    n, questions = (5_000, 50) if args.quick else (PAPER_SHAPE[0], 300)
    x = simulated_features(n)
    asked = np.random.default_rng(0).choice(n, size=questions, replace=False)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "x.npy", x)
        stored = np.load(Path(folder) / "x.npy", mmap_mode="r")
        peer = NearestNeighbors(n_neighbors=K + 1, algorithm="brute").fit(x)
        ours, theirs, equal = [], [], 0
        for i in asked:  # turn by turn, so that both meet the same load
            begun = time.perf_counter()
            indices, _ = nearest(stored, stored[i], k=K, exclude=int(i))
            middle = time.perf_counter()
            _, found = peer.kneighbors(x[i : i + 1])
            ours.append(middle - begun)
            theirs.append(time.perf_counter() - middle)
            equal += set(indices) == set(found[0].tolist()) - {int(i)}
    print(f"{machine_line('scikit-learn', 'numba')}\n{n:,} × {x.shape[1]} simulated, k = {K}, {questions} questions\n")
    quantiles = [[*np.percentile(np.array(t) * 1e3, [50, 99]), float(np.mean(t)) * 1e3] for t in (ours, theirs)]
    rows = [[name, *map(float, q)] for name, q in zip(("nearest()", "scikit-learn brute"), quantiles, strict=True)]
    print(markdown_table(["one patch's neighbours", "p50 ms", "p99 ms", "mean ms"], rows))
    print(f"\nSame {K} neighbours in {equal} of {questions} answers.\n")
    knn_graph(x[:2000], k=90)
    graph_rows = []
    for k in (15, 90):
        mine, graph = timed(lambda k=k: knn_graph(x, k=k))
        peer = NearestNeighbors(n_neighbors=k, algorithm="brute", n_jobs=-1).fit(x)
        other, (_, indices) = timed(peer.kneighbors)
        same = float((np.sort(graph.indices, 1) == np.sort(indices, 1)).mean())
        graph_rows.append([f"k = {k}", mine, other, other / mine, same])
    print(
        markdown_table(["all neighbours", "knn_graph s", "scikit-learn s", "times sooner", "same entries"], graph_rows)
    )


if __name__ == "__main__":
    main()
