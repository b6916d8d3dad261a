"""Descriptors: patches per second against the same descriptor written straightforwardly, and how good they are.

``python -m bench.features --data FOLDER`` prints markdown tables: (1) per kind on real EuroSAT patches of 64 x 64 and
on simulated radar patches of 120 x 120, ours and the yardstick of ``feature_reference`` in the same run, with the
largest difference between their values (processor time of one thread: a busy machine falsifies it little); (2) 5-fold
accuracy of an RBF SVM on 8,000 seeded EuroSAT patches per kind and for ``all``.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from bench._common import default_data, eurosat_files, eurosat_pixels, machine_line, markdown_table
from bench.feature_reference import REFERENCE
from eobench_dash.ml import features


def radar(n: int, size: int) -> np.ndarray:
    """(n, 1, size, size) float32 linear intensity: 4-look speckle over a smooth pattern, seed 0."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size]
    base = 1 + 0.6 * np.sin(x / 9 + rng.uniform(0, 6, (n, 1, 1, 1))) * np.cos(y / 13)
    return (0.05 * base * rng.gamma(4, 0.25, (n, 1, size, size))).astype(np.float32)


def rate(work: Callable[[], object], n: int, *, clock: Callable[[], float], repeats: int = 5) -> float:
    """Patches per second of ``clock``, the best of the repeats (the machine may be busy with other things)."""
    best = np.inf
    for _ in range(repeats):
        begun = clock()
        work()
        best = min(best, clock() - begun)
    return n / best


def speed_row(kind: str, modality: str, pixels: np.ndarray, *, slow: int) -> list[object]:
    """Patches per processor second on one thread (ours, yardstick), and per second of the clock on all threads."""

    def ours() -> np.ndarray:
        return features.describe(kind, pixels, modality=modality)

    def yardstick(batch: np.ndarray) -> np.ndarray:
        return np.array([REFERENCE[kind](patch, modality) for patch in batch])

    fast = ours()
    with threadpool_limits(1, user_api="blas"):
        yardstick(pixels[:2])
        begun = time.thread_time()
        expected = yardstick(pixels[:slow])
        peer = slow / (time.thread_time() - begun)
    given = os.environ.pop("OMP_NUM_THREADS", None)
    every = rate(ours, len(pixels), clock=time.perf_counter)
    os.environ["OMP_NUM_THREADS"] = "1"
    single = rate(ours, len(pixels), clock=time.thread_time)
    os.environ.pop("OMP_NUM_THREADS")
    if given is not None:
        os.environ["OMP_NUM_THREADS"] = given
    difference = float(np.abs(fast[:slow] - expected).max())
    bands, height, width = pixels.shape[1:]
    return [f"{kind}, {width}x{height}x{bands}", single, peer, single / peer, every, difference]


def accuracy(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation over 5 stratified folds of an RBF SVM, C = 10, gamma 'scale'."""
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.svm import SVC

    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_score(SVC(C=10, gamma="scale", cache_size=1000), x, y, cv=folds)
    return float(scores.mean()), float(scores.std())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=default_data(), help="EuroSAT folder, class = sub-folder")
    parser.add_argument("--quick", action="store_true", help="a small run: 1,000 patches for accuracy, few for speed")
    arguments = parser.parse_args()
    files, labels = eurosat_files(arguments.data, limit=1_000 if arguments.quick else 8_000, seed=0)
    pixels = eurosat_pixels(files)
    n, slow = (128, 8) if arguments.quick else (1_024, 100)
    print(machine_line("numba", "scipy"), flush=True)
    begun = time.perf_counter()
    features.warm_up()
    print(f"Kernels loaded (compiled, where not cached) in {time.perf_counter() - begun:.1f} s\n", flush=True)

    rows = [speed_row(kind, "optical", pixels[:n], slow=slow) for kind in features.KINDS["all"].blocks]
    grey = pixels[:n, :1].repeat(2, axis=2).repeat(2, axis=3)[:, :, 4:124, 4:124]
    rows.append(speed_row("wld144", "optical", np.ascontiguousarray(grey), slow=slow))
    speckled = radar(n // 2, 120)
    rows += [speed_row(kind, "sar", speckled, slow=slow // 2) for kind in ("sar_wld144", "sar_wld144_rmd3x3")]
    rows += [speed_row(kind, "sar", speckled, slow=slow // 4) for kind in ("gabor", "color_stats", "rcf")]
    header = ["", "ours / cpu s", "numpy, scipy / cpu s", "times", "ours / s, all threads", "largest difference"]
    print("Patches per processor second (one thread) and per second\n")
    print(markdown_table(header, rows), "\n", flush=True)

    blocks = {kind: features.describe(kind, pixels, modality="optical") for kind in features.KINDS["all"].blocks}
    sets = {kind: features.combine({kind: block}) for kind, block in blocks.items()}
    begun = time.perf_counter()
    sets["all"] = features.combine(blocks)
    print(f"combine of {len(pixels):,} patches: {time.perf_counter() - begun:.1f} s\n")
    scores = [[kind, x.shape[1], *accuracy(x, labels)] for kind, x in sets.items()]
    print(f"5-fold RBF SVM (C=10, gamma scale) on {len(pixels):,} EuroSAT patches, seed 0; PCA fitted without labels\n")
    print(markdown_table(["features", "dimension", "accuracy", "s.d. of folds"], scores))


if __name__ == "__main__":
    main()
