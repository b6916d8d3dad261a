"""Descriptors: patches per second against the same descriptor written straightforwardly, and how good they are.

``python -m bench.features --data FOLDER`` prints markdown tables: (1) every kind on patches of 64 x 64 and 120 x 120
(real EuroSAT pictures, simulated reflectances of six bands, simulated radar), ours and the yardstick of
``feature_reference`` in the same run, whose values have to agree (processor time of one thread: a busy machine
falsifies it little); (2) the paper's 30,813 radar patches of 120 x 120 from memory on all cores; (3) 5-fold accuracy of
an RBF SVM on 8,000 seeded EuroSAT patches per kind, for ``all``, and for ``all`` with one kind more.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from bench._common import PAPER_SHAPE, default_data, eurosat_files, eurosat_pixels, machine_line, markdown_table
from bench.feature_reference import reference
from eobench_dash.ml import features

NAMES = ("B02", "B03", "B04", "B08", "B11", "B12")
PICTURES = ("wld144", "wld960", "color_stats", "gabor", "glcm", "rcf", "bovw")
BANDS = ("multispectral_hist", "band_stats", "spectral_indices")
RADAR = ("sar_wld144", "sar_wld144_rmd3x3", "sar_stats", "color_stats", "gabor", "glcm", "rcf", "bovw")
MOVED = 2e-3
"""Share of pixels (windows) that rounding may put in a neighbouring bin (nearest word) of a histogram."""
RELATIVE = 2e-3
"""Other kinds: largest difference, relative to the component's largest value among the patches."""


def radar(n: int, size: int, *, bands: int = 1) -> np.ndarray:
    """(n, bands, size, size) float32 linear intensity: 4-look speckle over a smooth pattern, seed 0."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size]
    base = 1 + 0.6 * np.sin(x / 9 + rng.uniform(0, 6, (n, bands, 1, 1))) * np.cos(y / 13)
    return (0.05 * base * rng.gamma(4, 0.25, (n, bands, size, size))).astype(np.float32)


def reflectances(n: int, size: int) -> np.ndarray:
    """(n, 6, size, size) float32 of 0 to 1: smooth patterns of six bands, a little noise, seed 0."""
    return np.minimum(2 * radar(n, size, bands=6) ** np.float32(0.5), 1)


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, descriptors use one thread."""
    given = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        os.environ.pop("OMP_NUM_THREADS")
        if given is not None:
            os.environ["OMP_NUM_THREADS"] = given


def rate(work: Callable[[], object], n: int, *, repeats: int = 5) -> float:
    """Patches per processor second of this thread, the best of the repeats."""
    best = np.inf
    for _ in range(repeats):
        begun = time.thread_time()
        work()
        best = min(best, time.thread_time() - begun)
    return n / best


def check(kind: str, fast: np.ndarray, slow: np.ndarray) -> float:
    """The largest difference of both, as a share; stops the run where they are not the same descriptor."""
    difference = np.abs(fast - slow)
    if "wld" in kind or kind in ("bovw", "multispectral_hist"):
        sums = np.maximum(slow.sum(axis=1), 1)
        worst, allowed = float((difference.sum(axis=1) / 2 / sums).max()), MOVED
    else:
        worst, allowed = float((difference / np.maximum(np.abs(slow).max(axis=0), 1e-2)).max()), RELATIVE
    if worst > allowed:
        raise SystemExit(f"{kind} differs from its yardstick by {worst:.2g}; at most {allowed:g} is rounding.")
    return worst


def speed_row(kind: str, modality: str, pixels: np.ndarray, *, slow: int) -> list[object]:
    """Patches per processor second on one thread: ours, yardstick, how many times; the largest difference."""
    bands, height, width = pixels.shape[1:]
    names = NAMES if bands == len(NAMES) else None
    with one_thread(), threadpool_limits(1):
        state = features.fit(kind, pixels[:128], modality=modality, band_names=names)

        def ours() -> np.ndarray:
            return features.describe(kind, pixels, modality=modality, band_names=names, state=state)

        def yardstick(batch: np.ndarray) -> np.ndarray:
            return np.array([reference(kind, patch, modality, names=names, state=state) for patch in batch])

        fast = ours()
        yardstick(pixels[:2])
        begun = time.thread_time()
        expected = yardstick(pixels[:slow])
        peer = slow / (time.thread_time() - begun)
        single = rate(ours, len(pixels))
    difference = check(kind, fast[:slow], expected)
    return [f"{kind}, {modality}, {width}x{height}x{bands}", single, peer, single / peer, difference]


def speed(pictures: np.ndarray, *, n: int, slow: int) -> list[list[object]]:
    """A row for each kind and size."""
    rows = []
    for size in (64, 120):
        shown = pictures[:n]
        if size == 120:
            shown = np.ascontiguousarray(shown.repeat(2, axis=2).repeat(2, axis=3)[:, :, 4:124, 4:124])
        sets: Mapping[tuple[str, ...], tuple[str, np.ndarray]] = {
            PICTURES: ("optical", shown),
            BANDS: ("optical", reflectances(n // 2, size)),
            RADAR: ("sar", radar(n // 2, size)),
            ("sar_stats",): ("sar", radar(n // 2, size, bands=2)),
        }
        for kinds, (modality, pixels) in sets.items():
            rows += [speed_row(kind, modality, pixels, slow=slow) for kind in kinds]
    return rows


def paper(n: int) -> str:
    """Describing ``n`` radar patches of 120 x 120 (float32, in memory) by sar_wld144 on all threads, in words."""
    pixels = radar(512, 120)[np.arange(n) % 512]  # a copy: the memory is really read
    features.describe("sar_wld144", pixels[:64], modality="sar")
    begun, busy = time.perf_counter(), time.process_time()
    features.describe("sar_wld144", pixels, modality="sar")
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    return (
        f"{n:,} radar patches of 120 x 120 ({pixels.nbytes / 1e9:.1f} GB in memory) by sar_wld144: {seconds:.1f} s, "
        f"{n / seconds:,.0f} patches/s on all threads; {n / busy:,.0f} per processor second"
    )


def accuracy(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation over 5 stratified folds of an RBF SVM, C = 10, gamma 'scale'."""
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.svm import SVC

    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_score(SVC(C=10, gamma="scale", cache_size=1000), x, y, cv=folds)
    return float(scores.mean()), float(scores.std())


def accuracies(pixels: np.ndarray, labels: np.ndarray) -> list[list[object]]:
    """A row for each kind, for ``all``, and for ``all`` with one kind more."""
    kinds = [*PICTURES, "multispectral_hist", "band_stats"]
    state = {kind: features.fit(kind, pixels[::4], modality="optical") for kind in kinds}
    blocks = {kind: features.describe(kind, pixels, modality="optical", state=state[kind]) for kind in kinds}
    usual = features.KINDS["all"].blocks
    sets = {kind: (kind,) for kind in kinds} | {"all": usual}
    sets |= {f"all + {kind}": (*usual, kind) for kind in kinds if kind not in usual}
    rows: list[list[object]] = []
    for name, parts in sets.items():
        x = features.combine({part: blocks[part] for part in parts})
        rows.append([name, x.shape[1], *accuracy(x, labels)])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=default_data(), help="EuroSAT folder, class = sub-folder")
    parser.add_argument("--quick", action="store_true", help="a small run: 1,000 patches for accuracy, few for speed")
    parser.add_argument("--speed-only", action="store_true", help="no accuracies")
    arguments = parser.parse_args()
    files, labels = eurosat_files(arguments.data, limit=1_000 if arguments.quick else 8_000, seed=0)
    pixels = eurosat_pixels(files)
    n, slow = (128, 8) if arguments.quick else (512, 40)
    print(machine_line("numba", "scipy", "scikit-image"), flush=True)
    begun = time.perf_counter()
    features.warm_up()
    print(f"Kernels loaded (compiled, where not cached) in {time.perf_counter() - begun:.1f} s\n", flush=True)
    header = ["", "ours / cpu s", "numpy, scipy, scikit-image / cpu s", "times", "largest difference"]
    print("Patches per processor second, one thread\n")
    print(markdown_table(header, speed(pixels, n=n, slow=slow)), "\n", flush=True)
    print(paper(2_000 if arguments.quick else PAPER_SHAPE[0]), "\n", flush=True)
    if arguments.speed_only:
        return
    print(f"5-fold RBF SVM (C=10, gamma scale) on {len(pixels):,} EuroSAT patches, seed 0; PCA fitted without labels\n")
    print(markdown_table(["features", "dimension", "accuracy", "s.d. of folds"], accuracies(pixels, labels)))


if __name__ == "__main__":
    main()
