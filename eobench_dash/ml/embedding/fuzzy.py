"""UMAP's graph: distances become membership strengths of a fuzzy set, made symmetric by the probabilistic t-conorm.

McInnes, Healy, Melville (2018), "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction",
arXiv:1802.03426, section 3.1 and algorithms 2 and 3.
"""

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.optimize import curve_fit
from scipy.sparse import csr_array

from eobench_dash.ml.embedding.links import symmetric
from eobench_dash.ml.neighbours import KnnGraph

_ROWS = 16_384
_FLOOR = 1e-3  # a bandwidth is at least this share of the mean distance: a point among duplicates keeps its other links


def strengths(
    distances: npt.NDArray[np.float32], n_neighbors: int, *, pace: Callable[[float], None] | None = None
) -> npt.NDArray[np.float32]:
    """Membership strengths (n, k) of the directed links: exp(-(d - rho) / sigma), 1 where d <= rho.

    ``distances`` (n, n_neighbors - 1) ascend and leave the point itself out. rho is the smallest distance above 0;
    sigma makes the strengths of a row sum to log2(n_neighbors) (bisection). ``pace`` (0..1) may raise to cancel.
    """
    n, k = distances.shape
    mean = float(distances.sum(dtype=np.float64)) / (n * (k + 1))
    found = np.empty((n, k), np.float32)
    for start in range(0, n, _ROWS):  # the double precision of a bisection is for few rows at a time
        found[start : start + _ROWS] = _strengths(distances[start : start + _ROWS], n_neighbors, mean)
        if pace is not None:
            pace(start / n)
    return found


def _strengths(distances: npt.NDArray[np.float32], n_neighbors: int, mean: float) -> npt.NDArray[np.float64]:
    d = distances.astype(np.float64)
    target = np.log2(n_neighbors)
    positive = np.where(d > 0, d, np.inf).min(axis=1)
    rho = np.where(np.isfinite(positive), positive, 0.0)
    excess = np.maximum(d - rho[:, None], 0.0)
    low, high, sigma = np.zeros(len(d)), np.full(len(d), np.inf), np.ones(len(d))
    open_rows = np.arange(len(d))
    for _ in range(64):
        total = np.exp(-excess[open_rows] / sigma[open_rows, None]).sum(axis=1)
        wrong = np.abs(total - target) >= 1e-5
        open_rows, above = open_rows[wrong], total[wrong] > target
        if not len(open_rows):
            break
        high[open_rows[above]] = sigma[open_rows[above]]
        low[open_rows[~above]] = sigma[open_rows[~above]]
        unbounded = np.isinf(high[open_rows])
        middle = np.where(unbounded, 2 * sigma[open_rows], (low[open_rows] + high[open_rows]) / 2)
        sigma[open_rows] = middle
    # The means count the point itself, at distance 0, as the paper's neighbourhoods do.
    row_mean = d.sum(axis=1) / (d.shape[1] + 1)
    sigma = np.maximum(sigma, _FLOOR * np.where(rho > 0, row_mean, mean))
    return np.asarray(np.exp(-excess / np.maximum(sigma, 1e-300)[:, None]))


def fuzzy_set(graph: KnnGraph, n_neighbors: int, *, pace: Callable[[float], None] | None = None) -> csr_array:
    """The symmetric fuzzy set of the graph's first n_neighbors - 1 links: csr (n, n) float32 with a + b - ab.
    ``pace`` (0..1) may raise to cancel."""
    used = graph.head(min(n_neighbors - 1, graph.n - 1))
    values = strengths(used.distances, n_neighbors, pace=None if pace is None else lambda done: pace(0.7 * done))
    then = None if pace is None else lambda done: pace(0.7 + 0.3 * done)
    result = symmetric(used.indices, values, overlap=1.0, pace=then)
    result.eliminate_zeros()
    return result


@functools.lru_cache(maxsize=32)
def curve(min_dist: float, spread: float) -> tuple[float, float]:
    """(a, b) of 1 / (1 + a d^(2b)), fitted to 1 up to min_dist and exp(-(d - min_dist) / spread) beyond."""
    d = np.linspace(0, 3 * spread, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(-(d - min_dist) / spread))
    (a, b), _ = curve_fit(lambda t, a, b: 1.0 / (1.0 + a * t ** (2 * b)), d, wanted)
    return float(a), float(b)
