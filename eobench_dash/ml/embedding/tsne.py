"""t-SNE, on threads, the same map for a seed whatever their number.

van der Maaten & Hinton (2008), JMLR 9: the affinities are given, the map minimises their divergence. Started in the
principal plane with early exaggeration and a learning rate that grows with n (Kobak & Berens 2019, Nature
Communications 10; Belkina et al. 2019, same volume); all pairs repel through a grid (``repulsion``).
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numba as nb
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from eobench_dash.ml.embedding import Progress
from eobench_dash.ml.embedding.affinities import affinities
from eobench_dash.ml.embedding.repulsion import Grid, all_pairs, gather, spread_on
from eobench_dash.ml.embedding.start import principal_plane
from eobench_dash.ml.neighbours import KnnGraph, knn_graph
from eobench_dash.ml.pace import Pace, part
from eobench_dash.ml.threads import slices, workers

EXAGGERATION = 12.0
LONGEST_STEP = 5.0
SMALL = 1000  # up to here all pairs are summed as they are


def layout(
    x: npt.NDArray[np.float32],
    graph: KnnGraph | None,
    params: Mapping[str, float],
    seed: int,
    progress: Progress | None,
) -> npt.NDArray[np.float32]:
    """The map (n, 2) float32 of x (n, d), n >= 4; see ``eobench_dash.ml.embedding.embed``."""
    perplexity = min(params["perplexity"], max(2.0, (len(x) - 1) / 3))  # of a handful, 2: one would leave pairs alone
    k = max(1, min(len(x) - 1, int(3 * perplexity)))
    begun = 0.0
    if graph is None:
        graph, begun = knn_graph(x, k=k, progress=part(progress, low=0.0, high=0.4)), 0.4
    ready = begun + 0.05 * (1 - begun)
    joint = affinities(graph.head(k), perplexity, pace=Pace(progress, "Weighing the neighbours", low=begun, high=ready))
    pace = Pace(progress, "Arranging the map", low=ready)
    pace(0.0)
    start = principal_plane(x, seed=seed, pace=lambda _done: pace(0.0)) * np.float32(1e-4)
    exaggerated, iterations = int(params["exaggerated_iterations"]), int(params["iterations"])
    return descend(start, joint, exaggerated=exaggerated, iterations=iterations, pace=pace)


def descend(
    start: npt.NDArray[np.float32], joint: csr_array, *, exaggerated: int, iterations: int, pace: Pace
) -> npt.NDArray[np.float32]:
    """Minimise the divergence of the joint affinities (n, n; sum 1) from ``start`` (n, 2): the map (n, 2) float32."""
    n = len(start)
    pointers, indices = joint.indptr.astype(np.int64), joint.indices.astype(np.int32, copy=False)
    values = joint.data.astype(np.float32, copy=False)
    y = np.ascontiguousarray(start, dtype=np.float32)
    velocity, gains = np.zeros_like(y), np.ones_like(y)
    pull, push = np.empty_like(y), np.empty((n, 3), np.float32)
    grid = Grid(n)
    parts = slices(n)
    total = exaggerated + iterations
    with ThreadPoolExecutor(max_workers=workers()) as pool:
        for iteration in range(total):
            early = iteration < exaggerated
            exaggeration = EXAGGERATION if early else 1.0
            pulled = [pool.submit(_attract, *p, pointers, indices, values, y, pull) for p in parts]
            if n <= SMALL:
                pushed = [pool.submit(all_pairs, *p, y, push) for p in parts]
            else:
                charges, corner = spread_on(grid, y)
                potentials = grid.potentials(charges)
                scale = np.float32(1.0 / grid.spacing)
                pushed = [pool.submit(gather, *p, y, corner, scale, potentials, push) for p in parts]
            for job in (*pulled, *pushed):
                job.result()
            z = max(float(push[:, 0].sum(dtype=np.float64)) - n, 1e-12)
            rate = 4.0 * max(min(200.0, n), n / exaggeration)
            _step(y, velocity, gains, pull, push, np.float32(exaggeration), np.float32(1.0 / z), np.float32(rate),
                  np.float32(0.5 if early else 0.8))  # fmt: skip
            y -= y.mean(axis=0)
            pace((iteration + 1) / total)
    return y


@nb.njit(nogil=True, cache=True, fastmath=True)
def _attract(first, last, pointers, indices, values, y, out):  # type: ignore[no-untyped-def]
    """sum_j p_ij (y_i - y_j) / (1 + d²) for points first..last-1."""
    one = np.float32(1.0)
    for i in range(np.uint64(first), np.uint64(last)):
        px, py = y[i, 0], y[i, 1]
        sx, sy = np.float32(0.0), np.float32(0.0)
        for e in range(np.uint64(pointers[i]), np.uint64(pointers[i + np.uint64(1)])):
            j = np.uint64(indices[e])
            dx, dy = px - y[j, 0], py - y[j, 1]
            w = values[e] / (one + dx * dx + dy * dy)
            sx += w * dx
            sy += w * dy
        out[i, 0], out[i, 1] = sx, sy


@nb.njit(nogil=True, cache=True, fastmath=True)
def _step(y, velocity, gains, pull, push, exaggeration, per_z, rate, momentum):  # type: ignore[no-untyped-def]
    """One step with momentum and a gain per coordinate (Jacobs 1988), none longer than LONGEST_STEP."""
    for i in range(y.shape[0]):
        for d in range(2):
            slope = exaggeration * pull[i, d] - push[i, d + 1] * per_z
            same = (slope > np.float32(0.0)) == (velocity[i, d] > np.float32(0.0))
            gain = gains[i, d] * np.float32(0.8) if same else gains[i, d] + np.float32(0.2)
            gains[i, d] = max(gain, np.float32(0.01))
            velocity[i, d] = momentum * velocity[i, d] - rate * gains[i, d] * slope
        length = np.sqrt(velocity[i, 0] * velocity[i, 0] + velocity[i, 1] * velocity[i, 1])
        shrink = min(np.float32(1.0), np.float32(LONGEST_STEP) / max(length, np.float32(1e-30)))
        for d in range(2):
            velocity[i, d] *= shrink
            y[i, d] += velocity[i, d]
