"""UMAP's graph: distances become membership strengths of a fuzzy set, made symmetric by the probabilistic t-conorm.

McInnes, Healy, Melville (2018), "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction",
arXiv:1802.03426, section 3.1 and algorithms 2 and 3.
"""

import functools

import numpy as np
import numpy.typing as npt
from scipy.optimize import curve_fit
from scipy.sparse import csr_array

from eobench_dash.ml.embedding.links import symmetric
from eobench_dash.ml.neighbours import KnnGraph

_FLOOR = 1e-3  # a bandwidth is at least this share of the mean distance: a point among duplicates keeps its other links


def strengths(distances: npt.NDArray[np.float32], n_neighbors: int) -> npt.NDArray[np.float32]:
    """Membership strengths (n, k) of the directed links: exp(-(d - rho) / sigma), 1 where d <= rho.

    ``distances`` (n, n_neighbors - 1) ascend and leave the point itself out. rho is the smallest distance above 0;
    sigma makes the strengths of a row sum to log2(n_neighbors) (bisection).
    """
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
    floor = _FLOOR * np.where(rho > 0, row_mean, d.sum() / (d.shape[0] * (d.shape[1] + 1)))
    sigma = np.maximum(sigma, floor)
    return np.asarray(np.exp(-excess / np.maximum(sigma, 1e-300)[:, None]), dtype=np.float32)


def fuzzy_set(graph: KnnGraph, n_neighbors: int) -> csr_array:
    """The symmetric fuzzy set of the graph's first n_neighbors - 1 links: csr (n, n) float32 with a + b - ab."""
    used = graph.head(min(n_neighbors - 1, graph.n - 1))
    result = symmetric(used.indices, strengths(used.distances, n_neighbors), overlap=1.0)
    result.eliminate_zeros()
    return result


@functools.lru_cache(maxsize=32)
def curve(min_dist: float, spread: float) -> tuple[float, float]:
    """(a, b) of 1 / (1 + a d^(2b)), fitted to 1 up to min_dist and exp(-(d - min_dist) / spread) beyond."""
    d = np.linspace(0, 3 * spread, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(-(d - min_dist) / spread))
    (a, b), _ = curve_fit(lambda t, a, b: 1.0 / (1.0 + a * t ** (2 * b)), d, wanted)
    return float(a), float(b)
