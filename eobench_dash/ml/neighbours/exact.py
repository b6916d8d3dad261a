"""The exact kNN graph: matrix products give squared distances tile by tile, a compiled heap keeps the best of each row,
and the survivors are measured again by differences (a product alone loses digits to cancellation).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba as nb
import numpy as np
import numpy.typing as npt

from eobench_dash.ml.pace import Pace
from eobench_dash.ml.threads import in_order, one_thread_per_product, workers

ROWS, COLUMNS = 512, 4096  # one float32 tile is 8 MiB
SPARE = 16  # survivors kept beyond k, so that rounding rarely decides who is among the k


def graph(
    x: npt.NDArray[np.float32], k: int, progress: Callable[[float, str], None] | None
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Indices (n, k') int32 and distances (n, k') float32, k' = min(k, n - 1); see ``knn_graph``."""
    n, dim = x.shape
    k = min(k, n - 1)
    if k == 0:
        return np.empty((n, 0), np.int32), np.empty((n, 0), np.float32)
    keep = min(k + SPARE, n - 1)
    centred = x - x.mean(axis=0, dtype=np.float64).astype(np.float32)  # smaller numbers, less cancellation
    norms = np.vecdot(centred, centred)
    indices, distances = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    pace = Pace(progress, "Finding neighbours")

    def one_block(start: int) -> int:
        stop = min(start + ROWS, n)
        heap_distance = np.full((stop - start, keep), np.inf, np.float32)
        heap_index = np.full((stop - start, keep), -1, np.int32)
        block = centred[start:stop] * np.float32(-2.0)
        for column in range(0, n, COLUMNS):
            tile = block @ centred[column : column + COLUMNS].T
            _keep_best(tile, norms[column : column + COLUMNS], column, start, heap_distance, heap_index)
        # Rounding of a product of length d is below (d + 8) eps times the magnitudes involved.
        slack = np.float64((dim + 8) * np.finfo(np.float32).eps)
        _settle(x, norms, start, heap_distance, heap_index, slack, indices[start:stop], distances[start:stop])
        return int(stop)

    with one_thread_per_product(), ThreadPoolExecutor(max_workers=workers()) as pool:
        for stop in in_order(pool, one_block, range(0, n, ROWS)):
            pace(stop / n)
    return indices, distances


@nb.njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "reassoc", "contract"})
def _keep_best(tile, norms, column, start, heap_distance, heap_index):  # type: ignore[no-untyped-def]
    """Fold a tile of -2 x·y into the max-heaps of its rows; the key is |y|² - 2 x·y, which ranks like the distance."""
    rows, columns = tile.shape
    width = 16
    for r in range(rows):
        worst = heap_distance[r, 0]
        own = start + r - column
        line = tile[r]
        for c0 in range(0, columns, width):
            c1 = min(c0 + width, columns)
            if c1 - c0 == width:  # most chunks hold nothing new: one vector comparison tells
                low = np.float32(np.inf)
                for c in range(c0, c0 + width):
                    low = min(low, line[c] + norms[c])
                if low >= worst:
                    continue
            for c in range(c0, c1):
                value = line[c] + norms[c]
                if value < worst and c != own:
                    _replace_top(heap_distance[r], heap_index[r], value, column + c)
                    worst = heap_distance[r, 0]


@nb.njit(nogil=True, cache=True)
def _replace_top(keys, items, key, item):  # type: ignore[no-untyped-def]
    """Replace the largest entry of a binary max-heap and sift down."""
    size = keys.shape[0]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] > keys[child]:
            child += 1
        if keys[child] <= key:
            break
        keys[i] = keys[child]
        items[i] = items[child]
        i = child
    keys[i] = key
    items[i] = item


@nb.njit(nogil=True, cache=True, fastmath={"reassoc", "contract"})
def _distance(x, i, j):  # type: ignore[no-untyped-def]
    total = 0.0
    for d in range(x.shape[1]):
        difference = np.float64(x[i, d]) - np.float64(x[j, d])
        total += difference * difference
    return np.float32(np.sqrt(total))


@nb.njit(nogil=True, cache=True)
def _insert(distances, indices, size, distance, index):  # type: ignore[no-untyped-def]
    """Insert into ascending (distance, index) order; ``size`` entries are filled, the array's length is the limit."""
    k = distances.shape[0]
    if size == k and (distance > distances[k - 1] or (distance == distances[k - 1] and index > indices[k - 1])):
        return size
    i = min(size, k - 1)
    while i > 0 and (distances[i - 1] > distance or (distances[i - 1] == distance and indices[i - 1] > index)):
        distances[i] = distances[i - 1]
        indices[i] = indices[i - 1]
        i -= 1
    distances[i] = distance
    indices[i] = index
    return min(size + 1, k)


@nb.njit(nogil=True, cache=True)
def _settle(x, norms, start, heap_distance, heap_index, slack, indices, distances):  # type: ignore[no-untyped-def]
    """Measure the survivors by differences and keep the k best; where rounding could have lost one, look at all."""
    n = x.shape[0]
    k = indices.shape[1]
    keep = heap_index.shape[1]
    for r in range(indices.shape[0]):
        i = start + r
        size = 0
        for c in range(keep):
            j = heap_index[r, c]
            size = _insert(distances[r], indices[r], size, _distance(x, i, j), j)
        if keep == n - 1:
            continue
        last = np.float64(distances[r, k - 1])
        left_out = np.float64(heap_distance[r, 0]) + np.float64(norms[i])  # nobody left out is nearer, but for rounding
        reach = np.sqrt(np.float64(norms[i]))
        if left_out - slack * (reach + last + reach) ** 2 <= last * last:
            size = 0
            for j in range(n):
                if j != i:
                    size = _insert(distances[r], indices[r], size, _distance(x, i, j), j)
