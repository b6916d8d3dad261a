"""How good clusters are: silhouette, stability under resampling, and the patches in their middle."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.clusters import NO_CLUSTER, ClusterMethod
from eobench_dash.ml import metrics
from eobench_dash.ml.clusters import choose, hdbscan

Z = npt.NDArray[np.float64]
Progress = Callable[[float, str], None]

STABILITY_ROWS = 3_000
DRAWS = 5


def rand_index(a: npt.NDArray[np.generic], b: npt.NDArray[np.generic]) -> float:
    """The adjusted Rand index (Hubert and Arabie 1985) of two clusterings (n,): 1 equal, 0 as by chance."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(a, b))


def stability(
    z: Z, *, method: ClusterMethod, k: int, seed: int, draws: int = DRAWS, progress: Progress | None = None
) -> float | None:
    """The mean adjusted Rand index between clusterings fitted on bootstrap samples of z (n, d) and applied to the same
    rows (at most 3,000); None for one cluster. After Hennig (2007), with the Rand index in place of Jaccard's."""
    if k < 2:
        return None
    rng = np.random.default_rng([seed, k])
    rows = z[:: max(1, -(-len(z) // STABILITY_ROWS))]
    found = []
    for draw in range(draws):
        drawn = rows[rng.integers(0, len(rows), len(rows))]
        found.append(choose.fit(drawn, method=method, k=k, seed=seed + draw + 1, starts=2).predict(rows))
        if progress is not None:
            progress((draw + 1) / draws, "Clustering bootstrap samples")
    return float(np.mean([rand_index(a, b) for a, b in combinations(found, 2)]))


def density_stability(z: Z, *, min_size: int, rng: np.random.Generator, progress: Progress | None = None) -> float:
    """The mean adjusted Rand index between HDBSCAN's clusters of random 80 % of at most 3,000 rows, noise counted as a
    cluster, on the rows that both hold (a bootstrap sample's doubles would count as density)."""
    rows = z[:: max(1, -(-len(z) // STABILITY_ROWS))]
    smallest = max(3, round(min_size * 0.8 * len(rows) / len(z)))
    kept, found = [], []
    for draw in range(DRAWS):
        own = np.sort(rng.choice(len(rows), size=int(0.8 * len(rows)), replace=False))
        labels = np.full(len(rows), -1)
        labels[own] = hdbscan.fit(rows[own], min_size=smallest).labels
        kept.append(np.isin(np.arange(len(rows)), own))
        found.append(labels)
        if progress is not None:
            progress((draw + 1) / DRAWS, "Clustering random parts")
    pairs = list(combinations(range(DRAWS), 2))
    return float(np.mean([rand_index(found[a][kept[a] & kept[b]], found[b][kept[a] & kept[b]]) for a, b in pairs]))


def silhouette_of(z: Z, codes: npt.NDArray[np.uint16], *, seed: int) -> float | None:
    """The mean silhouette of the clusters in z (n, d), on at most 3,000 seeded rows; None for fewer than two."""
    if len(np.unique(codes[codes != NO_CLUSTER])) < 2:
        return None
    return metrics.silhouette(z, codes, sample=3000, seed=seed).overall


def typical_rows(z: Z, codes: npt.NDArray[np.uint16], count: int, *, most: int) -> tuple[tuple[int, ...], ...]:
    """Per cluster up to ``most`` rows of z (n, d), the one nearest to the cluster's mean first."""
    found = []
    for code in range(count):
        rows = np.flatnonzero(codes == code)
        own = z[rows]
        distance = np.square(own - own.mean(axis=0)).sum(axis=1)
        near = np.argpartition(distance, min(most, len(rows)) - 1)[:most]
        found.append(tuple(rows[near[np.lexsort((rows[near], distance[near]))]].tolist()))
    return tuple(found)
