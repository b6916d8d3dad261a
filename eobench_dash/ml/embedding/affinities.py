"""t-SNE's affinities: Gaussian kernels over the neighbours, each row's bandwidth set by the perplexity, symmetrised.

van der Maaten & Hinton (2008), "Visualizing Data using t-SNE", JMLR 9, section 2.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from eobench_dash.ml.embedding.links import symmetric
from eobench_dash.ml.neighbours import KnnGraph

_ROWS = 16_384


def conditional(distances: npt.NDArray[np.float32], perplexity: float) -> npt.NDArray[np.float64]:
    """Rows p(j | i) (n, k) whose entropy is log(perplexity); uniform where all neighbours are equally far.

    The precision of each row's kernel comes by bisection; the nearest neighbour's distance is taken off first, which
    leaves p as it is and the exponentials in range.
    """
    squared = np.square(distances.astype(np.float64))
    squared -= squared[:, :1]
    scale = squared.mean(axis=1)
    flat = scale <= 0
    squared /= np.where(flat, 1.0, scale)[:, None]
    p = np.full_like(squared, 1.0 / squared.shape[1])
    wanted = np.log(min(perplexity, squared.shape[1] * (1 - 1e-9)))
    rows = np.flatnonzero(~flat)
    low, high, beta = np.zeros(len(squared)), np.full(len(squared), np.inf), np.ones(len(squared))
    for _ in range(64):
        if not len(rows):
            break
        d, precision = squared[rows], beta[rows]
        kernel = np.exp(-d * precision[:, None])
        total = kernel.sum(axis=1)
        p[rows] = kernel / total[:, None]
        entropy = np.log(total) + precision * (kernel * d).sum(axis=1) / total
        wrong = np.abs(entropy - wanted) >= 1e-5
        rows, wide = rows[wrong], entropy[wrong] > wanted
        low[rows[wide]] = beta[rows[wide]]
        high[rows[~wide]] = beta[rows[~wide]]
        beta[rows] = np.where(np.isinf(high[rows]), 2 * beta[rows], (low[rows] + high[rows]) / 2)
    return p


def affinities(graph: KnnGraph, perplexity: float, *, pace: Callable[[float], None] | None = None) -> csr_array:
    """The joint affinities (n, n) csr float32: (p(j|i) + p(i|j)) / 2n, summing to 1. ``pace`` may raise to cancel."""
    p = np.empty(graph.distances.shape, np.float32)
    for start in range(0, graph.n, _ROWS):  # the double precision of a bisection is for few rows at a time
        p[start : start + _ROWS] = conditional(graph.distances[start : start + _ROWS], perplexity)
        if pace is not None:
            pace(0.5 * start / graph.n)
    then = None if pace is None else lambda fraction: pace(0.5 + 0.5 * fraction)
    joint = symmetric(graph.indices, p, overlap=0.0, pace=then)
    if then is not None:
        then(1.0)
    joint.data /= np.float32(joint.data.sum(dtype=np.float64))
    return joint
