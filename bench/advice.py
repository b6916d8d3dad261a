"""Split and merge advice against the truth: what it finds where labels hide two classes, and where they hide none.

``python -m bench.advice --data FOLDER`` computes the features ``all`` of EuroSAT patches and prints: (1) every pair of
the ten classes merged under one label (500 patches of each): the adjusted Rand index of the advised parts with the two
classes, 0 where no split is advised; the same with one class five times as large; (2) the ten pure classes: false
splits; (3) every class cut at random into two labels: merges advised; every pair of true classes: false merges.

The thresholds were tuned on one random half of the patches (``--half tuning``); what is printed by default is the
other half, of which nothing was looked at before (but that the principal components of the features are those of all
patches, without labels).
"""

import argparse
import os
import tempfile
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench._common import default_data, eurosat_files, eurosat_pixels, machine_line, markdown_table
from eobench_dash.ml import features
from eobench_dash.ml.advice import MERGE, SPLIT
from eobench_dash.ml.advice.merge import compare
from eobench_dash.ml.advice.split import find_parts
from eobench_dash.ml.clusters.quality import rand_index

EACH = 500
SMALL = 100


def table(
    data: Path, *, half: str, limit: int, again: bool
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64], list[str]]:
    """Features (n, d), codes (n,) and names of the classes, of one half of ``limit`` patches."""
    files, labels = eurosat_files(data, limit=limit, seed=0)
    tuning = np.random.default_rng(0).permutation(len(files)) % 2 == 0
    keep = tuning if half == "tuning" else ~tuning
    names = sorted({Path(file).parent.name for file in files})
    kept = Path(tempfile.gettempdir()) / f"eobench-bench-advice-{os.getuid()}-{len(files)}.npy"
    if again or not kept.exists():
        pixels = eurosat_pixels(files)
        blocks = {kind: features.describe(kind, pixels, modality="optical") for kind in features.KINDS["all"].blocks}
        np.save(kept, features.combine(blocks), allow_pickle=False)
    x = np.load(kept, allow_pickle=False)
    return x[keep], np.asarray(labels)[keep], names


def splits(x: npt.NDArray[np.float32], y: npt.NDArray[np.int64], names: list[str], *, small: int) -> list[list[object]]:
    """Per pair of classes: names, parts advised, adjusted Rand index (0 where none is)."""
    rng = np.random.default_rng(1)
    rows = []
    for a, b in combinations(range(len(names)), 2):
        members = [rng.permutation(np.flatnonzero(y == c))[:count] for c, count in ((a, EACH), (b, small))]
        chosen = np.concatenate(members)
        parts = find_parts(x[chosen], seed=0)
        found = 0.0 if parts is None or parts.codes is None else rand_index(parts.codes, y[chosen])
        measures = parts.chosen if parts else None
        rows.append(
            [
                f"{names[a]} + {names[b]}",
                measures.k if parts and parts.advised and measures else 0,
                found,
                measures.separation if measures else float("nan"),
                measures.stability if measures and measures.stability is not None else float("nan"),
            ]
        )
    return rows


def distribution(what: str, values: npt.NDArray[np.float64], advised: int) -> list[object]:
    """A row: how many were advised, and where the adjusted Rand indices lie."""
    quantiles = np.quantile(values, [0.1, 0.25, 0.5, 0.75, 0.9]).tolist()
    return [what, f"{advised} of {len(values)}", float(values.mean()), *quantiles]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=default_data(), help="EuroSAT folder, class = sub-folder")
    parser.add_argument("--half", choices=["tuning", "reported"], default="reported")
    parser.add_argument("--each", action="store_true", help="print every pair too")
    parser.add_argument(
        "--again", action="store_true", help="compute the features again (they are kept in the temporary folder)"
    )
    parser.add_argument("--quick", action="store_true", help="fewer patches: 4,000, and balanced pairs only")
    arguments = parser.parse_args()
    print(machine_line("scikit-learn"), flush=True)
    begun = time.perf_counter()
    x, y, names = table(
        arguments.data, half=arguments.half, limit=4_000 if arguments.quick else 16_109, again=arguments.again
    )
    print(f"\nEuroSAT, half {arguments.half!r}: {len(x):,} patches, {x.shape[1]} features (all), "
          f"{time.perf_counter() - begun:.0f} s. Thresholds: {dict(SPLIT)}, {dict(MERGE)}.\n", flush=True)  # fmt: skip

    rows, single = [], []
    for what, small in (("500 + 500", EACH), ("500 + 100", SMALL))[: 1 if arguments.quick else 2]:
        begun = time.perf_counter()
        found = splits(x, y, names, small=small)
        scores = np.array([row[2] for row in found], dtype=float)
        rows.append([*distribution(what, scores, sum(bool(row[1]) for row in found)), time.perf_counter() - begun])
        single.append((what, found))
    print("Two classes merged under one label: adjusted Rand index of the advised parts with the classes\n")
    print(
        markdown_table(["patches", "advised", "mean", "10 %", "25 %", "median", "75 %", "90 %", "s"], rows), flush=True
    )
    for what, found in single if arguments.each else ():
        print(f"\n{what}\n\n" + markdown_table(["pair", "parts", "Rand index", "separation", "stability"], found))

    pure = []
    for code, name in enumerate(names):
        parts = find_parts(x[y == code], seed=0)
        if parts is not None:
            m = parts.chosen
            pure.append([name, m.k if parts.advised else "none", m.separation, m.stability or 0.0, m.silhouette or 0.0])
    print(f"\nPure classes: {sum(row[1] != 'none' for row in pure)} of {len(pure)} split\n")
    print(markdown_table(["class", "parts", "separation", "stability", "silhouette"], pure), flush=True)

    rng = np.random.default_rng(2)
    begun = time.perf_counter()
    halved = []
    for code in range(len(names)):
        order = rng.permutation(np.flatnonzero(y == code))
        halved.append(compare(x, 0, order[::2], 1, order[1::2], seed=0))
    true = [
        (compare(x, a, np.flatnonzero(y == a), b, np.flatnonzero(y == b), seed=0), a, b)
        for a, b in combinations(range(len(names)), 2)
    ]
    worst, a, b = max(true, key=lambda item: item[0].error)
    print(f"\nMerge advice ({time.perf_counter() - begun:.0f} s): classes cut at random into two labels: "
          f"{sum(p.advised for p in halved)} of {len(halved)} advised (error {min(p.error for p in halved):.2f} to "
          f"{max(p.error for p in halved):.2f}); pairs of true classes: {sum(p.advised for p, _, _ in true)} of "
          f"{len(true)} advised (largest error {worst.error:.2f}, {names[a]} and {names[b]}).")  # fmt: skip


if __name__ == "__main__":
    main()
