"""Maps against their peers, each in a new process: ``python -m bench.embedding [--data FOLDER] [--quick] [--only …]``.

Data: (a) the EuroSAT RGB patches of --data, described by the feature set ``all`` (or by plain colour statistics where
that is not installed), (b) 30,813 × 144 simulated features, seed 0. Methods: ours (from the features: graph of 90
neighbours and layout, seed 42), ``umap.UMAP(random_state=42)``, ``openTSNE.TSNE(random_state=42)``.

``--large N …`` instead makes our maps of N simulated vectors of 144 dimensions (12 of them are not noise), each in a
new process as a job would: neighbour graph, layout, trust in every point; with the most memory it held and the longest
time between two reports of progress, which is what a cancelled job may still take.

Cold: a new process from its start to the map written, imports and compiling included (our kernels come from their cache
on disk, as in every process but the very first; "first ever" is with an empty cache). Warm: a second map in the same
process, all steps. CPU: processor seconds of the cold map, which tell more where the machine is shared. Quality: 5,000
seeded rows ranked against all others; trustworthiness and share of 15 neighbours kept.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench import _common as common

METHODS = ("ours umap", "umap-learn", "ours t-SNE", "openTSNE")


def child(method: str, source: str, target: str, warm: bool) -> None:
    """One process: a map, the seconds to it, and those of a second one."""
    x = np.load(source)
    seconds = []
    for run in range(1 + warm):
        begun = time.perf_counter()
        y = _map(method, x)
        seconds.append(time.perf_counter() - begun)
        if run == 0:
            np.save(target, y)
            used = time.process_time()
    print(json.dumps({"warm": seconds[-1] if warm else None, "second": sum(seconds[1:]), "cpu": used}))


def _map(method: str, x: np.ndarray) -> np.ndarray:
    if method.startswith("ours"):
        from eobench_dash.ml.embedding import embed
        from eobench_dash.ml.neighbours import knn_graph

        return embed(x, method="umap" if method == "ours umap" else "tsne", graph=knn_graph(x), seed=42)
    if method == "umap-learn":
        import umap

        return np.asarray(umap.UMAP(random_state=42).fit_transform(x))
    import openTSNE

    return np.asarray(openTSNE.TSNE(random_state=42).fit(x))


def large_child(method: str, n: int) -> None:
    """One process: the steps of a map job over n simulated vectors, on the job's own functions."""
    import resource

    from eobench_dash.ml.embedding import embed
    from eobench_dash.ml.embedding.honesty import point_quality
    from eobench_dash.ml.neighbours import knn_graph
    from eobench_dash.simulate import simulated_features

    x, _ = simulated_features(n, 144)
    few = x[:2000]
    point_quality(few, knn_graph(few), embed(few, method=method, seed=0))  # compiled kernels come from their cache
    told: dict[str, Any] = {"steps": {}}
    heard = [time.perf_counter()]

    def progress(fraction: float, message: str) -> None:
        heard.append(time.perf_counter())
        if heard[-1] - heard[-2] > told.get("gap", (0.0,))[0]:
            told["gap"] = (heard[-1] - heard[-2], message)
        print(f"{method} {n:,}: {message} {fraction:.0%}", end="\r", file=sys.stderr, flush=True)

    def step(name: str, action: Callable[[], Any]) -> Any:
        wall, used = time.perf_counter(), time.process_time()
        result = action()
        told["steps"][name] = (time.perf_counter() - wall, time.process_time() - used)
        return result

    graph = step("graph", lambda: knn_graph(x, progress=progress))
    y = step("layout", lambda: embed(x, method=method, graph=graph, seed=42, progress=progress))
    found = step("trust", lambda: point_quality(x, graph, y, progress=progress))
    told |= {"trust": float(found.trustworthiness.mean()), "kept": float(found.kept.mean()), "recall": graph.recall}
    told["rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps(told))


def large(sizes: list[int], methods: list[str]) -> None:
    rows = []
    for n in sizes:
        for method in methods:
            _, told = common.in_new_process("bench.embedding", ["--large-child", method, str(n)])
            steps = [f"{wall:,.0f} ({cpu:,.0f})" for wall, cpu in told["steps"].values()]
            whole = (
                f"{sum(w for w, _ in told['steps'].values()):,.0f} ({sum(c for _, c in told['steps'].values()):,.0f})"
            )
            rows.append([
                f"{method} {n:,}", *steps, whole, told["rss"], f"{told['recall']:.3f}", f"{told['trust']:.4f}",
                f"{told['kept']:.3f}", told["gap"][0],
            ])  # fmt: skip
            print(rows[-1], told["gap"], file=sys.stderr, flush=True)
    header = ["map", "graph s (cpu)", "layout s (cpu)", "trust s (cpu)", "whole s (cpu)", "GiB", "recall",
              "trustworthiness", "kNN-15 kept", "longest silence s"]  # fmt: skip
    print(common.markdown_table(header, rows))


def eurosat(folder: Path, limit: int | None) -> tuple[np.ndarray, str]:
    """Features of the real patches, and what they are."""
    files, _ = common.eurosat_files(folder, limit=limit)
    pixels = common.eurosat_pixels(files)
    try:
        from eobench_dash.ml.features import KINDS, combine, describe

        blocks = {name: describe(name, pixels, modality="optical") for name in KINDS["all"].blocks}
        return combine(blocks), f"EuroSAT {len(files):,} × all"
    except (ImportError, KeyError):
        return common.colour_statistics(pixels), f"EuroSAT {len(files):,} × colour statistics"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=common.default_data())
    parser.add_argument("--quick", action="store_true", help="3,000 patches of each")
    parser.add_argument("--only", nargs="*", choices=METHODS, default=METHODS, metavar="METHOD")
    parser.add_argument("--no-warm", action="store_true", help="skip the second maps (half the time)")
    parser.add_argument("--large", nargs="+", type=int, metavar="N", help="our maps of N simulated vectors instead")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--large-child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.large_child:
        large_child(args.large_child[0], int(args.large_child[1]))
        return
    if args.large:
        print(common.machine_line("numba") + "\n")
        large(args.large, [name for name, of in (("umap", "ours umap"), ("tsne", "ours t-SNE")) if of in args.only])
        return
    if args.child:
        child(*args.child, warm=not args.no_warm)
        return
    from eobench_dash.ml.embedding.quality import knn_preservation, trustworthiness

    limit = 3000 if args.quick else None
    print(common.machine_line("numba", "umap-learn", "openTSNE", "scikit-learn") + "\n")
    with tempfile.TemporaryDirectory() as folder:
        real, name = eurosat(args.data, limit)
        n = limit or common.PAPER_SHAPE[0]
        sets = {name: real, f"simulated {n:,} × 144": common.simulated_features(n)}
        rows = []
        for title, x in sets.items():
            source, target = f"{folder}/x.npy", f"{folder}/y.npy"
            np.save(source, x)
            for method in args.only:
                extra = ["--no-warm"] if args.no_warm else []
                wall, told = common.in_new_process("bench.embedding", ["--child", method, source, target, *extra])
                y = np.load(target)
                rows.append([
                    f"{title} · {method}", wall - told["second"], told["warm"] or float("nan"), told["cpu"],
                    f"{trustworthiness(x, y):.4f}", f"{knn_preservation(x, y):.3f}",
                ])  # fmt: skip
                print(rows[-1], file=sys.stderr, flush=True)
        print(common.markdown_table(["map", "cold s", "warm s", "cpu s", "trustworthiness", "kNN-15 kept"], rows))
        if "ours umap" in args.only:
            np.save(f"{folder}/x.npy", next(iter(sets.values()))[:2000])
            fresh = {**os.environ, "NUMBA_CACHE_DIR": f"{folder}/empty"}
            command = [sys.executable, "-m", "bench.embedding", "--child", "ours umap", f"{folder}/x.npy"]
            first, _ = common.timed(
                lambda: subprocess.run(
                    [*command, f"{folder}/y.npy", "--no-warm"],
                    env=fresh,
                    cwd=common.ROOT,
                    check=True,
                    capture_output=True,
                )
            )
            print(f"\nFirst map ever of an installation (2,000 patches, kernels compiled): {first:.1f} s.")


if __name__ == "__main__":
    main()
