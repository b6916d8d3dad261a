"""Compiled parts of the neighbour searches: heaps fed by matrix products, and distances measured by differences."""

import numba as nb
import numpy as np


@nb.njit(nogil=True, cache=True, fastmath={"nnan", "nsz", "reassoc", "contract"})
def keep_best(tile, norms, column, points, heaps, heap_distance, heap_index):  # type: ignore[no-untyped-def]
    """Fold a tile of -2 x·y into the max-heaps of its rows; the key is |y|² - 2 x·y, which ranks like the distance.

    Line t of the tile is point ``points[t]`` with heap ``heaps[t]``; its columns are the points from ``column`` on.
    """
    columns = tile.shape[1]
    width = 16
    for t in range(tile.shape[0]):
        r = heaps[t]
        worst = heap_distance[r, 0]
        own = points[t] - column
        line = tile[t]
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
def settle(x, norms, names, points, heap_distance, heap_index, slack, indices, distances):  # type: ignore[no-untyped-def]
    """Measure the survivors of ``points`` by differences and keep the k best under their ``names``; look at all where
    rounding could have lost one (errors up to ``slack``; with a slack below 0 only where a heap was not filled)."""
    n, k, keep = x.shape[0], indices.shape[1], heap_index.shape[1]
    for r in range(indices.shape[0]):
        i = points[r]
        size = 0
        for c in range(keep):
            j = heap_index[r, c]
            if j >= 0:
                size = _insert(distances[r], indices[r], size, _distance(x, i, j), names[j])
        doubtful = size < k
        if slack >= 0 and keep < n - 1 and not doubtful:
            last = np.float64(distances[r, k - 1])
            left_out = np.float64(heap_distance[r, 0]) + np.float64(norms[i])  # nobody left out is nearer, but rounding
            reach = np.sqrt(np.float64(norms[i]))
            doubtful = left_out - slack * (reach + last + reach) ** 2 <= last * last
        if doubtful:
            size = 0
            for j in range(n):
                if j != i:
                    size = _insert(distances[r], indices[r], size, _distance(x, i, j), names[j])
