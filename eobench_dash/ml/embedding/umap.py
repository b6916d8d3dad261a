"""UMAP's layout, on threads, the same for any number of them.

The objective and its gradients are those of McInnes, Healy, Melville (2018), arXiv:1802.03426, section 3.2: strong
links attract, ``negatives`` points drawn at random repel per link, links act in proportion to their strength, the step
falls linearly to 0. Two things differ from the reference's sequential descent, so that threads need no locks and a
seed gives one map: a point is moved only by the thread that owns it (both ends of a link see the link, so the sum of
the moves is the same), and others are read from the positions at the epoch's start. ``groups`` says where it starts.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numba as nb
import numpy as np
import numpy.typing as npt

from eobench_dash.ml.embedding import Progress
from eobench_dash.ml.embedding.fuzzy import curve, fuzzy_set
from eobench_dash.ml.embedding.groups import unfolded
from eobench_dash.ml.embedding.start import principal_plane
from eobench_dash.ml.neighbours import KnnGraph, knn_graph
from eobench_dash.ml.pace import Pace, part
from eobench_dash.ml.threads import slices, workers

GENTLE = 0.25  # the first step where unfolded groups lie side by side: a full one tears them

_LOW, _HIGH = np.float32(2.0**-24), np.float32(2.0**24)  # squared distances that the gradients tell apart
_LOW_BITS, _HIGH_BITS, _SHIFT = 103 << 23, 151 << 23, 18  # the same as float32 bit patterns; 5 bits of the mantissa
_STEP_BITS = 1 << _SHIFT


def layout(
    x: npt.NDArray[np.float32],
    graph: KnnGraph | None,
    params: Mapping[str, float],
    seed: int,
    progress: Progress | None,
) -> npt.NDArray[np.float32]:
    """The map (n, 2) float32 of x (n, d), n >= 4; see ``eobench_dash.ml.embedding.embed``."""
    n_neighbors = int(params["n_neighbors"])
    begun = 0.0
    if graph is None:
        graph = knn_graph(x, k=max(1, n_neighbors - 1), progress=part(progress, low=0.0, high=0.6))
        begun = 0.6
    ready = begun + 0.05 * (1 - begun)
    prepare = Pace(progress, "Weighing the neighbours", low=begun, high=ready)
    prepare(0.0)
    links = fuzzy_set(graph, min(n_neighbors, graph.n), pace=lambda done: prepare(0.5 * done))
    epochs = int(params["epochs"]) or (500 if graph.n <= 10_000 else 200)
    a, b = curve(params["min_dist"], params["spread"])
    plane = principal_plane(x, seed=seed, pace=lambda done: prepare(0.5 + 0.2 * done))
    start, several = unfolded(plane, links, seed=seed, pace=lambda done: prepare(0.7 + 0.3 * done))
    prepare(1.0)
    start *= np.float32(10.0 / max(1e-12, float(np.abs(start).max())))
    return descend(start, links.indptr, links.indices, links.data, a=a, b=b, epochs=epochs,
                   negatives=int(params["negatives"]), seed=seed,
                   pace=Pace(progress, "Arranging the map", low=ready),
                   first_step=GENTLE if several else 1.0)  # fmt: skip


def descend(
    start: npt.NDArray[np.float32],
    pointers: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int64],
    weights: npt.NDArray[np.float32],
    *,
    a: float,
    b: float,
    epochs: int,
    negatives: int,
    seed: int,
    pace: Pace,
    first_step: float = 1.0,
) -> npt.NDArray[np.float32]:
    """Minimise UMAP's cross entropy over the links (csr, symmetric), from ``start`` (n, 2): the map (n, 2) float32."""
    n = len(start)
    old, new = start.astype(np.float32), np.empty_like(start, dtype=np.float32)
    rates = (weights / weights.max()).astype(np.float32)
    pointers, indices = pointers.astype(np.int64), indices.astype(np.int32)
    tables, salt = _gradient_tables(a, b), np.uint32(seed & 0xFFFFFFFF)
    with ThreadPoolExecutor(max_workers=workers()) as pool:
        for epoch in range(epochs):
            step = np.float32(first_step * (1.0 - epoch / epochs))
            moves = [
                pool.submit(
                    _move, first, last, pointers, indices, rates, old, new, tables, step, epoch, negatives, salt
                )
                for first, last in slices(n)
            ]
            for move in moves:
                move.result()
            old, new = new, old
            pace((epoch + 1) / epochs)
    return old


def _gradient_tables(a: float, b: float) -> npt.NDArray[np.float32]:
    """The two gradients' factors as functions of a squared distance, linear between 32 nodes per octave (relative
    error below 3e-4, far below the noise of the drawn points): rows are pull's value and slope, push's value and slope.

    Pull: -2ab d^(2(b-1)) / (1 + a d^(2b)). Push: 2b / ((0.001 + d^2)(1 + a d^(2b))).
    """
    nodes = np.arange(_LOW_BITS, _HIGH_BITS + 2 * _STEP_BITS, _STEP_BITS, dtype=np.int32).view(np.float32)
    d2 = nodes.astype(np.float64)
    power = d2**b
    rows = []
    for factor in (-2 * a * b * power / (d2 * (1 + a * power)), 2 * b / ((0.001 + d2) * (1 + a * power))):
        slope = np.diff(factor) / np.diff(d2)
        rows += [factor[:-1] - slope * d2[:-1], slope]
    return np.array(rows, dtype=np.float32)


@nb.njit(nogil=True, cache=True, fastmath=True, inline="always")
def _clip(value):  # type: ignore[no-untyped-def]
    return min(max(value, np.float32(-4.0)), np.float32(4.0))


@nb.njit(nogil=True, cache=True, fastmath=True, inline="always")
def _scramble(value):  # type: ignore[no-untyped-def]
    """A 32-bit integer mix: neighbouring inputs give unrelated outputs."""
    value = np.uint32(value)
    value = np.uint32((value ^ (value >> np.uint32(16))) * np.uint32(0x7FEB352D))
    value = np.uint32((value ^ (value >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.uint32(value ^ (value >> np.uint32(16)))


@nb.njit(nogil=True, cache=True, fastmath=True, inline="always")
def _factor(d2, value, slope):  # type: ignore[no-untyped-def]
    x = np.float32(min(max(d2, _LOW), _HIGH))
    k = np.uint32(np.float32(x).view(np.int32) - np.int32(_LOW_BITS)) >> np.uint32(_SHIFT)
    return value[k] + slope[k] * x


@nb.njit(nogil=True, cache=True, fastmath=True)
def _move(first, last, pointers, indices, rates, old, new, tables, step, epoch, negatives, seed):  # type: ignore[no-untyped-def]
    """One epoch of the points first..last-1: reads ``old``, writes their rows of ``new``."""
    n = np.uint64(old.shape[0])
    now, then = np.float32(epoch), np.float32(epoch + 1)
    pull, pull_slope, push, push_slope = tables[0], tables[1], tables[2], tables[3]
    for i in range(np.uint64(first), np.uint64(last)):
        px, py = old[i, 0], old[i, 1]
        state = _scramble(np.uint32(i) ^ _scramble(np.uint32(epoch) + seed * np.uint32(0x9E3779B9))) | np.uint32(1)
        for e in range(np.uint64(pointers[i]), np.uint64(pointers[i + np.uint64(1)])):
            # A link of strength r acts in a share r of the epochs, evenly spaced.
            if np.floor(then * rates[e]) == np.floor(now * rates[e]):
                continue
            j = np.uint64(indices[e])
            qx, qy = old[j, 0], old[j, 1]
            for _ in range(2):  # as the head of this link, and as the tail of its mirror
                dx, dy = px - qx, py - qy
                g = _factor(dx * dx + dy * dy, pull, pull_slope)
                px += step * _clip(g * dx)
                py += step * _clip(g * dy)
            # All negatives of a link push from where it left the point: no chain of waits between them.
            sx, sy = np.float32(0.0), np.float32(0.0)
            for _ in range(negatives):
                state ^= np.uint32(state << np.uint32(13))
                state ^= np.uint32(state >> np.uint32(17))
                state ^= np.uint32(state << np.uint32(5))
                j = (np.uint64(state) * n) >> np.uint64(32)
                if j == i:
                    continue
                dx, dy = px - old[j, 0], py - old[j, 1]
                g = _factor(dx * dx + dy * dy, push, push_slope)
                sx += _clip(g * dx)
                sy += _clip(g * dy)
            px += step * sx
            py += step * sy
        new[i, 0], new[i, 1] = px, py
