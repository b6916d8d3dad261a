"""Maps against their peers, each in a new process: ``python -m bench.embedding [--data FOLDER] [--quick] [--only …]``.

Data: (a) the EuroSAT RGB patches of --data, described by the feature set ``all`` (or by plain colour statistics where
that is not installed), (b) 30,813 × 144 simulated features, seed 0. Methods: ours (from the features: graph of 90
neighbours and layout, seed 42), ``umap.UMAP(random_state=42)``, ``openTSNE.TSNE(random_state=42)``.

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
from pathlib import Path

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
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
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
