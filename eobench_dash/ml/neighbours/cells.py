"""The kNN graph of many points: each is compared with the points of the cells nearest to it (an inverted file, as in
Jégou, Douze & Schmid 2011, IEEE TPAMI 33(1), section IV-A, without its codes: distances are the true ones).

Cells are those of a k-means of a sample. How many cells a point looks into is settled by measurement: it doubles until
a sample of points finds the wanted share of their true neighbours. The same answer for any number of threads.

Chosen by measurement over the graph indexes of faiss, usearch and pynndescent (``python -m bench.neighbours --large``):
no slower, nothing to install, and its recall is known before the long search begins.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eobench_dash.ml.neighbours.exact import Float32s, Int32s, Ints, of_points
from eobench_dash.ml.neighbours.kernels import keep_best, settle
from eobench_dash.ml.pace import Pace
from eobench_dash.ml.threads import in_order, one_thread_per_product, workers

POINTS_A_CELL = 500
LARGEST = 4 * POINTS_A_CELL  # a fuller cell (many equal points) is cut up, so that no search is over all pairs
TRAINING = 40  # points of the k-means' sample for each cell
ROUNDS = 8
FIRST_CELLS = 8
SAMPLE = 400
WANTED = 0.98
BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Cells:
    """Points in the order of their cells: ``order`` (n,) names them, ``x`` (n, d) are they about their mean, cell c is
    ``edges[c]`` to ``edges[c + 1]`` around ``centres[c]``."""

    x: Float32s
    norms: Float32s
    order: Ints
    edges: Ints
    centres: Float32s


def graph(
    x: Float32s, k: int, progress: Callable[[float, str], None] | None, *, wanted: float = WANTED
) -> tuple[Int32s, Float32s, float]:
    """Indices (n, k') int32, distances (n, k') float32 and the share of true neighbours found, measured on a sample."""
    n = len(x)
    k = min(k, n - 1)
    indices, distances = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    if k == 0:
        return indices, distances, 1.0
    with one_thread_per_product(), ThreadPoolExecutor(max_workers=workers()) as pool:
        cells = _cells(x, pool, Pace(progress, "Preparing the search for neighbours", high=0.06))
        message = "Measuring the search for neighbours"
        sample = np.sort(np.random.default_rng(0).choice(n, size=min(SAMPLE, n), replace=False))
        _, truth = of_points(cells.x, sample, k, Pace(progress, message, low=0.06, high=0.08), rows=32)
        looked, recall, pace = FIRST_CELLS, 0.0, Pace(progress, message, low=0.08, high=0.1)
        while True:
            found = []
            for point in sample[:, None]:
                pace(looked / (2 * len(cells.centres)))
                found.append(_search(cells, point, looked, k)[1])
            # Counted by distance, so that equally near points serve as well as one another.
            recall = float((np.concatenate(found) <= truth[:, -1:] * (1 + 1e-5)).mean())
            pace(looked / len(cells.centres))
            if recall >= wanted or looked >= len(cells.centres):
                break
            looked *= 2
        pace = Pace(progress, "Finding neighbours", low=0.1)
        blocks = _blocks(cells.edges)

        def one_block(edge: tuple[int, int]) -> int:
            mine = np.arange(*edge)
            rows = cells.order[mine]
            indices[rows], distances[rows] = _search(cells, mine, looked, k)
            return edge[1]

        for stop in in_order(pool, one_block, blocks):
            pace(stop / n)
    return indices, distances, recall


def _cells(x: Float32s, pool: ThreadPoolExecutor, pace: Pace) -> Cells:
    n = len(x)
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    rng = np.random.default_rng(0)
    count = max(1, n // POINTS_A_CELL)
    some = x[np.sort(rng.choice(n, size=min(n, TRAINING * count), replace=False))] - mean
    centres = some[np.sort(rng.choice(len(some), size=count, replace=False))]
    for step in range(ROUNDS):
        cell = _nearest_centre(some, centres, pool)
        order = np.argsort(cell, kind="stable")
        starts = np.searchsorted(cell[order], np.arange(count))
        filled = np.flatnonzero(np.diff(starts, append=len(some)))
        sums = np.add.reduceat(some[order], starts[filled], axis=0, dtype=np.float64)
        centres[filled] = sums / np.diff(starts, append=len(some))[filled, None]
        pace((step + 1) / (2 * ROUNDS))
    cell = np.empty(n, np.int32)
    for start in range(0, n, 16 * BLOCK):
        cell[start : start + 16 * BLOCK] = _nearest_centre(x[start : start + 16 * BLOCK] - mean, centres, pool)
        pace(0.5 + 0.4 * start / n)
    order = np.argsort(cell, kind="stable")
    edges, kept = [0], []
    for c, size in enumerate(np.bincount(cell, minlength=count)):
        parts = -(-int(size) // LARGEST)
        first = edges[-1]
        edges += [first + int(size) * (part + 1) // parts for part in range(parts)]
        kept += [c] * parts
    ordered = x[order]
    ordered -= mean
    pace(1.0)
    return Cells(ordered, np.vecdot(ordered, ordered), order, np.array(edges), centres[kept])


def _nearest_centre(x: Float32s, centres: Float32s, pool: ThreadPoolExecutor) -> Ints:
    norms = np.vecdot(centres, centres)

    def one_block(start: int) -> npt.NDArray[np.int64]:
        return np.asarray((norms - 2.0 * (x[start : start + BLOCK] @ centres.T)).argmin(axis=1))

    return np.concatenate(list(in_order(pool, one_block, range(0, len(x), BLOCK))))


def _blocks(edges: Ints) -> list[tuple[int, int]]:
    """Neighbouring small cells together, up to a cell's usual size: what they look into overlaps little."""
    blocks = [(0, 0)]
    for stop in edges[1:].tolist():
        if stop - blocks[-1][0] <= POINTS_A_CELL:
            blocks[-1] = (blocks[-1][0], stop)
        else:
            blocks.append((blocks[-1][1], stop))
    return [block for block in blocks if block[0] < block[1]]


def _search(cells: Cells, mine: Ints, looked: int, k: int) -> tuple[Int32s, Float32s]:
    """The k nearest of the points ``mine`` (m,; in the cells' order) within the ``looked`` cells nearest to each."""
    wanted = cells.x[mine]
    far = np.vecdot(cells.centres, cells.centres) - 2.0 * (wanted @ cells.centres.T)
    looked = min(looked, len(cells.centres))
    chosen = np.argpartition(far, looked - 1, axis=1)[:, :looked].ravel()
    asking = np.repeat(np.arange(len(mine)), looked)
    by_cell = np.argsort(chosen, kind="stable")
    chosen, asking = chosen[by_cell], asking[by_cell]
    begins = np.flatnonzero(np.diff(chosen, prepend=-1))
    ends = np.append(begins[1:], len(chosen))
    nearest_first = np.argsort(far.mean(axis=0)[chosen[begins]])  # full heaps turn most of what follows away at a look
    heap_distance = np.full((len(mine), k), np.inf, np.float32)
    heap_index = np.full((len(mine), k), -1, np.int32)
    wanted *= np.float32(-2.0)
    for part in nearest_first.tolist():
        rows, cell = asking[begins[part] : ends[part]], chosen[begins[part]]
        first, last = cells.edges[cell], cells.edges[cell + 1]
        tile = wanted[rows] @ cells.x[first:last].T
        keep_best(tile, cells.norms[first:last], first, mine[rows], rows, heap_distance, heap_index)
    indices, distances = np.empty((len(mine), k), np.int32), np.empty((len(mine), k), np.float32)
    settle(cells.x, cells.norms, cells.order, mine, heap_distance, heap_index, np.float64(-1.0), indices, distances)
    return indices, distances
