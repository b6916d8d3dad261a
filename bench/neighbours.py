"""Neighbours of one patch, and of all, against scikit-learn in the same run: ``python -m bench.neighbours [--quick]``.

Data: simulated features of the paper's shape (30,813 × 144, seed 0), read from a memory map as the web process does.
The peer is ``NearestNeighbors(algorithm="brute")``, fitted once, asked for one patch at a time; its arrays are float32
too. Answers are compared. The graph is timed with its kernels compiled (they are cached on disk).
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.neighbors import NearestNeighbors

from bench._common import PAPER_SHAPE, machine_line, markdown_table, simulated_features, timed
from eobench_dash.ml.neighbours import knn_graph, nearest

K = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5,000 patches, 50 questions")
    n, questions = (5_000, 50) if parser.parse_args().quick else (PAPER_SHAPE[0], 300)
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
