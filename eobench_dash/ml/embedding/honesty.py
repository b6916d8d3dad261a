"""How far the map can be trusted around each point, from the neighbour graph and a search on the map: no n × n table.

The definitions are those of ``quality`` (Venna & Kaski 2001), point by point, so their means are its scores.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import BadInput
from eobench_dash.ml.neighbours import KnnGraph, as_features
from eobench_dash.ml.pace import Pace
from eobench_dash.ml.threads import in_order, one_thread_per_product, workers

SAMPLE = 2000
_ROWS = 1024

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PointQuality:
    """Two numbers (0..1) per point. ``trustworthiness`` (n,): 1 where all points shown nearest are truly nearest, about
    0.5 where they are anybody, 0 where they are the farthest. ``kept`` (n,): the share of the truly nearest points that
    are shown nearest."""

    trustworthiness: Floats
    kept: Floats


def point_quality(
    x: npt.ArrayLike,
    graph: KnnGraph,
    y: npt.ArrayLike,
    *,
    k: int = 15,
    sample: int = SAMPLE,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> PointQuality:
    """The quality of the map y (n, 2) of the features x (n, d), whose neighbour ``graph`` holds at least k, per point.

    A point's trustworthiness is 1 - 2 / (k (2n - 3k - 1)) times the sum, over its k nearest on the map, of how far each
    one's rank in feature space is beyond k. Ranks come from the graph; those beyond it are estimated, without bias,
    from the distances to ``sample`` seeded points (all of them where there are no more: then they are exact). Raises
    BadInput unless 1 <= k < n / 2; ``progress`` may raise to cancel.
    """
    from scipy.spatial import cKDTree

    features, positions = as_features(x), as_features(y, what="Map positions")
    n = len(features)
    if len(positions) != n or graph.n != n:
        raise BadInput(f"The map holds {len(positions)} patches, the graph {graph.n}, the features {n}.")
    if not 1 <= k < n / 2:
        raise BadInput(f"Trust in a point needs more than {2 * k} patches for k = {k}; there are {n}.")
    near = graph.head(k).indices
    pace = Pace(progress, "Measuring how far the map can be trusted")
    pace(0.0)
    tree = cKDTree(positions)
    rng = np.random.default_rng(seed)
    chosen = np.arange(n) if sample >= n else np.sort(rng.choice(n, size=sample, replace=False))
    wide = np.float64 if len(chosen) == n else np.float32
    mean = features.mean(axis=0, dtype=np.float64)
    others = (features[chosen] - mean).astype(wide)
    other_norms = np.vecdot(others, others)
    trust, kept = np.empty(n, np.float32), np.empty(n, np.float32)

    def one_block(start: int) -> int:
        rows = np.arange(start, min(start + _ROWS, n))
        shown = _without_self(tree.query(positions[rows], k=k + 1)[1], rows)
        rank = _ranks(graph.indices[rows], shown)
        kept[rows] = (shown[:, :, None] == near[rows][:, None, :]).any(axis=2).mean(axis=1)
        unknown = rank > graph.k
        if unknown.any():
            mine = (features[rows] - mean).astype(wide)
            norms = np.vecdot(mine, mine)
            squared = norms[:, None] + other_norms - 2 * (mine @ others.T)
            at = np.searchsorted(chosen, rows)
            own = np.flatnonzero(chosen[np.minimum(at, len(chosen) - 1)] == rows)
            squared[own, at[own]] = np.inf
            others_looked_at = np.full(len(rows), float(len(chosen)))
            others_looked_at[own] -= 1
            for column in np.flatnonzero(unknown.any(axis=0)):
                far = np.flatnonzero(unknown[:, column])
                difference = (features[shown[far, column]] - mean).astype(wide) - mine[far]
                limit = np.vecdot(difference, difference) * (1 - 1e-9)  # rounding must not put it before itself
                nearer = np.count_nonzero(squared[far] < limit[:, None], axis=1)
                rank[far, column] = np.maximum(graph.k + 1, 1 + nearer * (n - 1) / others_looked_at[far])
        penalty = np.maximum(rank - k, 0).sum(axis=1)
        trust[rows] = 1.0 - penalty * (2.0 / (k * (2.0 * n - 3.0 * k - 1.0)))
        return start + len(rows)

    with one_thread_per_product(), ThreadPoolExecutor(max_workers=workers()) as pool:
        for done in in_order(pool, one_block, range(0, n, _ROWS)):
            pace(done / n)
    return PointQuality(np.clip(trust, 0, 1), kept)


def _without_self(found: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The k nearest others of (rows, k + 1) found; a point among many equal ones may be missing from its own answer."""
    own = found == rows[:, None]
    own[~own.any(axis=1), -1] = True
    return np.asarray(found[~own].reshape(len(rows), -1))


def _ranks(near: npt.NDArray[np.int32], shown: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """For ``shown`` (rows, k): the rank (from 1) of each in ``near`` (rows, K); K + 1 where it is not there."""
    found = np.full(shown.shape, near.shape[1] + 1, np.float64)
    for column in range(shown.shape[1]):
        same = near == shown[:, column, None]
        hit = same.any(axis=1)
        found[hit, column] = 1 + same[hit].argmax(axis=1)
    return found
