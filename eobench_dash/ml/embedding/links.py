"""Directed links of a neighbour graph made symmetric: one merge for UMAP's and t-SNE's graphs, lean at a million points
(a sparse sum would hold several copies in double precision)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba as nb
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from eobench_dash.ml.threads import in_order, workers

_ROWS = 16_384


def symmetric(
    indices: npt.NDArray[np.int32],
    values: npt.NDArray[np.float32],
    *,
    overlap: float,
    pace: Callable[[float], None] | None = None,
) -> csr_array:
    """The csr (n, n) float32 of a + b - ``overlap`` a b, where a is the link (indices, values; (n, k) each) and b its
    mirror, 0 where there is none. ``overlap`` 1 is the union of fuzzy sets, 0 the sum. Columns ascend in each row.
    ``pace`` (0..1) may raise to cancel."""
    n, k = indices.shape
    indices, values = np.ascontiguousarray(indices), np.ascontiguousarray(values)
    pointers = np.concatenate([[0], np.cumsum(np.bincount(indices.ravel(), minlength=n))])
    sources, mirrored = np.empty(n * k, np.int32), np.empty(n * k, np.float32)
    parts = [(first, min(first + _ROWS, n)) for first in range(0, n, _ROWS)]
    free = pointers[:-1].copy()
    for done, part in enumerate(parts):  # one after the other: sources ascend
        _mirror(*part, indices, values, free, sources, mirrored)
        if pace is not None:
            pace(done / (3 * len(parts)))
    counts = np.empty(n, np.int64)
    with ThreadPoolExecutor(max_workers=workers()) as pool:
        for done, _ in enumerate(in_order(pool, lambda p: _count(*p, indices, pointers, sources, counts), parts)):
            if pace is not None:
                pace((len(parts) + done) / (3 * len(parts)))
        ends = np.concatenate([[0], np.cumsum(counts)])
        columns, merged = np.empty(ends[-1], np.int32), np.empty(ends[-1], np.float32)

        def merge(part: tuple[int, int]) -> None:
            _merge(*part, indices, values, pointers, sources, mirrored, ends, np.float32(overlap), columns, merged)

        for done, _ in enumerate(in_order(pool, merge, parts)):
            if pace is not None:
                pace((2 * len(parts) + done) / (3 * len(parts)))
    if pace is not None:
        pace(1.0)
    if ends[-1] < 2**31:  # of the columns' own type: else they are copied to that of the pointers
        ends = ends.astype(np.int32)
    return csr_array((merged, columns, ends), shape=(n, n))


@nb.njit(nogil=True, cache=True)
def _mirror(first, last, indices, values, free, sources, mirrored):  # type: ignore[no-untyped-def]
    """Write each link of rows first..last-1 into the row of its head; sources ascend, as rows are visited in order."""
    for i in range(first, last):
        for c in range(indices.shape[1]):
            at = free[indices[i, c]]
            free[indices[i, c]] = at + 1
            sources[at] = i
            mirrored[at] = values[i, c]


@nb.njit(nogil=True, cache=True)
def _count(first, last, indices, pointers, sources, counts):  # type: ignore[no-untyped-def]
    for i in range(first, last):
        own = np.sort(indices[i])
        c, e, end, total = 0, pointers[i], pointers[i + 1], 0
        while c < len(own) or e < end:
            if e >= end or (c < len(own) and own[c] < sources[e]):
                c += 1
            elif c >= len(own) or sources[e] < own[c]:
                e += 1
            else:
                c += 1
                e += 1
            total += 1
        counts[i] = total


@nb.njit(nogil=True, cache=True)
def _merge(first, last, indices, values, pointers, sources, mirrored, ends, overlap, columns, merged):  # type: ignore[no-untyped-def]
    zero = np.float32(0.0)
    for i in range(first, last):
        order = np.argsort(indices[i])
        c, e, end, at = 0, pointers[i], pointers[i + 1], ends[i]
        while c < len(order) or e < end:
            a, b = zero, zero
            column = -1
            if c < len(order):
                column = indices[i, order[c]]
            if e < end and (column < 0 or sources[e] <= column):
                if column == sources[e]:
                    a = values[i, order[c]]
                    c += 1
                column = sources[e]
                b = mirrored[e]
                e += 1
            else:
                a = values[i, order[c]]
                c += 1
            columns[at] = column
            merged[at] = a + b - overlap * a * b
            at += 1
