"""The exact kNN graph: matrix products give squared distances tile by tile, a compiled heap keeps the best of each row,
and the survivors are measured again by differences (a product alone loses digits to cancellation).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from eobench_dash.ml.neighbours.kernels import keep_best, settle
from eobench_dash.ml.pace import Pace
from eobench_dash.ml.threads import in_order, one_thread_per_product, workers

ROWS, COLUMNS = 512, 4096  # one float32 tile is 8 MiB
SPARE = 16  # survivors kept beyond k, so that rounding rarely decides who is among the k

Int32s = npt.NDArray[np.int32]
Float32s = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def graph(x: Float32s, k: int, progress: Callable[[float, str], None] | None) -> tuple[Int32s, Float32s]:
    """Indices (n, k') int32 and distances (n, k') float32, k' = min(k, n - 1); see ``knn_graph``."""
    return of_points(x, np.arange(len(x)), k, Pace(progress, "Finding neighbours"))


def of_points(x: Float32s, points: Ints, k: int, pace: Pace, *, rows: int = ROWS) -> tuple[Int32s, Float32s]:
    """The same for some ``points`` (m,) of x (n, d) only: indices and distances (m, k'). ``rows`` go at a time."""
    n, dim = x.shape
    k = min(k, n - 1)
    indices, distances = np.empty((len(points), k), np.int32), np.empty((len(points), k), np.float32)
    if k == 0:
        return indices, distances
    keep = min(k + SPARE, n - 1)
    centred = x - x.mean(axis=0, dtype=np.float64).astype(np.float32)  # smaller numbers, less cancellation
    norms = np.vecdot(centred, centred)
    # Rounding of a product of length d is below (d + 8) eps times the magnitudes involved.
    slack = np.float64((dim + 8) * np.finfo(np.float32).eps)
    names = np.arange(n)

    def one_block(start: int) -> int:
        block = slice(start, min(start + rows, len(points)))
        mine = points[block]
        heap_distance = np.full((len(mine), keep), np.inf, np.float32)
        heap_index = np.full((len(mine), keep), -1, np.int32)
        heaps = np.arange(len(mine))
        wanted = centred[mine] * np.float32(-2.0)
        for column in range(0, n, COLUMNS):
            tile = wanted @ centred[column : column + COLUMNS].T
            keep_best(tile, norms[column : column + COLUMNS], column, mine, heaps, heap_distance, heap_index)
        settle(x, norms, names, mine, heap_distance, heap_index, slack, indices[block], distances[block])
        return len(mine) + start

    with one_thread_per_product(), ThreadPoolExecutor(max_workers=workers()) as pool:
        for done in in_order(pool, one_block, range(0, len(points), rows)):
            pace(done / len(points))
    return indices, distances
