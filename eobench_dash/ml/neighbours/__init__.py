"""Nearest neighbours of feature vectors: Euclidean, deterministic (ties go to the lower index), and exact but for the
graph of very many points, which says how many of the true neighbours it found.

``nearest`` answers one question in the web process and needs numpy alone; ``knn_graph`` answers all of them at once in
a worker and loads its compiled kernels when called.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import BadInput

DEFAULT_K = 90
"""Enough for a t-SNE of perplexity 30 (three times as many neighbours), and so for every other user of the graph."""

EXACT_UP_TO = 100_000
"""Above, the graph is searched by cells (measured on 144 dimensions, k = 90: 50 processor seconds exact against 6 to 8
by cells at 100,000 points; at 1,000,000 140 to 180 against 5,000)."""

_BLOCK_BYTES = 2 << 20  # differences of one block of rows stay in the second-level cache


@dataclass(frozen=True, eq=False)
class KnnGraph:
    """The k nearest others of each of n points: ``indices`` (n, k) int32 and Euclidean ``distances`` (n, k) float32.

    A point is not its own neighbour; rows ascend by distance, equal distances by index. k is smaller than asked where
    there are fewer other points. ``recall`` is the share of true neighbours that were found: 1 where the search was
    exact, else measured on a sample.
    """

    indices: npt.NDArray[np.int32]
    distances: npt.NDArray[np.float32]
    recall: float = 1.0

    def __post_init__(self) -> None:
        if self.indices.ndim != 2 or self.indices.shape != self.distances.shape:
            raise BadInput("A neighbour graph needs indices and distances of the same shape (n, k).")

    @property
    def n(self) -> int:
        return int(self.indices.shape[0])

    @property
    def k(self) -> int:
        return int(self.indices.shape[1])

    def head(self, k: int) -> "KnnGraph":
        """The graph of the first k neighbours (a view). Raises BadInput where the graph holds fewer."""
        if k > self.k and self.k < self.n - 1:
            raise BadInput(f"{k} neighbours are needed, the graph holds {self.k}; compute it with k={k}.")
        return KnnGraph(self.indices[:, :k], self.distances[:, :k], self.recall)


def as_features(x: npt.ArrayLike, *, what: str = "Features") -> npt.NDArray[np.float32]:
    """x as a finite (n, d) float32 array, n and d at least 1 (no copy where it already is one).

    Raises BadInput for another shape, and for NaN or infinity, naming the first such row.
    """
    features = np.asarray(x)
    if features.ndim != 2 or 0 in features.shape:
        raise BadInput(f"{what} must be a table (patches, dimensions) that is not empty; this one is {features.shape}.")
    if not np.issubdtype(features.dtype, np.number) or np.iscomplexobj(features):
        raise BadInput(f"{what} must be real numbers; these are {features.dtype}.")
    step = max(1, (16 << 20) // features.shape[1])
    for start in range(0, len(features), step):
        # A sum is finite only if its terms are (or huge: those are refused as well); one pass, no mask of the table.
        with np.errstate(over="ignore", invalid="ignore"):
            bad = ~np.isfinite(features[start : start + step].sum(axis=1, dtype=np.float64))
            bad |= np.abs(features[start : start + step]).max(axis=1) > 1e18
        if bad.any():
            row = start + int(np.argmax(bad))
            raise BadInput(f"{what} of patch {row} hold NaN, infinity or values beyond 1e18; compute them again.")
    return np.ascontiguousarray(features, dtype=np.float32)


def knn_graph(
    x: npt.ArrayLike,
    *,
    k: int = DEFAULT_K,
    progress: Callable[[float, str], None] | None = None,
    metric: str = "euclidean",
    exact_up_to: int = EXACT_UP_TO,
) -> KnnGraph:
    """The k-nearest-neighbour graph of x (n, d), in float32 on all cores.

    Exact up to ``exact_up_to`` points; above, at least 98 % of the neighbours of a sample are found (``recall``).
    ``progress(fraction, message)`` is called a few times a second and may raise to cancel. Raises BadInput for a
    table that is empty or not finite, k < 1, or a metric other than ``euclidean``.
    """
    from eobench_dash.ml.neighbours import cells, exact  # compiled: workers only

    if metric != "euclidean":
        raise BadInput(f"The distance {metric!r} is not known; use 'euclidean' (for cosine, scale rows to length 1).")
    if k < 1:
        raise BadInput(f"The number of neighbours must be at least 1, not {k}.")
    features = as_features(x)
    if len(features) > exact_up_to:
        return KnnGraph(*cells.graph(features, k, progress))
    return KnnGraph(*exact.graph(features, k, progress))


def nearest(
    x: npt.NDArray[Any], query: npt.NDArray[Any], *, k: int, exclude: int | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The k rows of x (n, d; an array or memory map) nearest to ``query`` (d,): (indices, Euclidean distances).

    Exact: differences are squared and summed, so equal rows are at distance 0. ``exclude`` leaves one row out (the
    query itself). Rows that hold NaN come never. Fewer than k come back where x has fewer rows.
    """
    if x.ndim != 2 or query.shape != (x.shape[1],):
        raise BadInput(f"The query has shape {query.shape}; the features have {x.shape[1:]} values per patch.")
    query = np.asarray(query, dtype=np.float32)
    if not np.isfinite(query).all():
        raise BadInput("The patch asked about has features that are not finite; compute them again.")
    n = len(x)
    squared = np.empty(n, dtype=np.float32)
    step = max(1, _BLOCK_BYTES // max(1, 4 * x.shape[1]))
    for start in range(0, n, step):
        with np.errstate(over="ignore", invalid="ignore"):
            difference = np.asarray(x[start : start + step]) - query
            squared[start : start + step] = np.vecdot(difference, difference)
    if exclude is not None:
        if not 0 <= exclude < n:
            raise BadInput(f"Patch {exclude} does not exist; there are {n}.")
        squared[exclude] = np.nan
    k = max(0, min(k, n))
    # Partition by value, then take every row up to the k-th value: ties at the edge are settled by index.
    edge = np.partition(squared, k - 1)[k - 1] if k else np.float32(-1)
    candidates = np.flatnonzero(squared <= edge if np.isfinite(edge) else np.isfinite(squared))
    order = np.lexsort((candidates, squared[candidates]))[:k]
    indices = candidates[order].astype(np.int64)
    return indices, np.sqrt(squared[indices])
