"""Clusters in feature space: k-means, Gaussian mixture, HDBSCAN. Never on the 2-D map, whose gaps may be its own.

Importing this package costs next to nothing: scikit-learn loads on first use.

Every method works on principal components of the vectors (``space``): distances and densities fade where there are
many dimensions, and a covariance matrix needs more patches than it has entries. At most FIT_ROWS seeded patches are
fitted, and all others are assigned to what was found, in blocks: memory stays bounded at a million patches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.clusters import MAX_CLUSTERS, NO_CLUSTER, ClusterMethod
from eobench_dash.errors import BadInput
from eobench_dash.ml.pace import part

__all__ = ["METHODS", "Clustering", "Method", "cluster"]

FIT_ROWS = 20_000
MIN_ROWS = 20
TYPICAL = 6

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Method:
    """What is known of a method without loading it. ``version`` rises when equal input gives other clusters.

    ``components``: the most principal components it works on.
    """

    name: ClusterMethod
    version: int
    components: int


METHODS: Mapping[ClusterMethod, Method] = {
    ClusterMethod.KMEANS: Method(ClusterMethod.KMEANS, 1, components=15),
    ClusterMethod.GMM: Method(ClusterMethod.GMM, 1, components=15),
    ClusterMethod.HDBSCAN: Method(ClusterMethod.HDBSCAN, 1, components=6),
}


@dataclass(frozen=True, eq=False)
class Clustering:
    """Clusters of n vectors. ``codes`` uint16 (n,): 0 is the largest cluster, 65535 noise.

    ``typical``: per cluster up to six rows, nearest to its centre first. ``silhouette`` is measured in the space the
    clusters were found in, ``stability`` is the mean adjusted Rand index between clusterings of bootstrap samples;
    None where they cannot be measured. ``curve``: (k, value) by which k was chosen, of kind ``curve_of``.
    """

    codes: npt.NDArray[np.uint16]
    sizes: tuple[int, ...]
    typical: tuple[tuple[int, ...], ...]
    silhouette: float | None
    stability: float | None
    curve: tuple[tuple[int, float], ...]
    curve_of: str
    components: int
    variance: float
    fitted: int
    notes: tuple[str, ...] = ()


def cluster(
    x: npt.ArrayLike,
    *,
    method: ClusterMethod,
    k: int | None = None,
    min_size: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Clustering:
    """Clusters of the vectors x (n, d; an array or memory map). Equal input and seed give equal clusters.

    ``k`` None: chosen by BIC (mixture) or silhouette (k-means); HDBSCAN takes ``min_size`` instead (None: n / 100, at
    least 5). ``progress(fraction, message)`` may raise to cancel. Raises BadInput for fewer than 20 patches, more
    clusters than patches allow, vectors that are all equal, and where HDBSCAN finds nothing or too much.
    """
    from eobench_dash.ml.clusters import choose, hdbscan, quality, space  # scikit-learn: workers only

    table = np.asarray(x)
    if table.ndim != 2 or len(table) < MIN_ROWS:
        raise BadInput(f"Clusters need at least {MIN_ROWS} patches; these are {len(table)}.")
    known = METHODS[method]
    rng = np.random.default_rng(seed)
    _tell(progress, 0.0, "Finding the principal components")
    axes = space.principal_axes(table, components=known.components, rng=rng)
    z = axes.apply(table, progress=part(progress, low=0.02, high=0.15))
    rows = space.sample(len(z), FIT_ROWS, rng)
    notes = [] if len(rows) == len(z) else [f"Fitted on {len(rows):,} patches; the others were assigned to the result."]
    curve: tuple[tuple[int, float], ...] = ()
    stability: float | None
    if method is ClusterMethod.HDBSCAN:
        share = len(rows) / len(z)
        smallest = max(5, round((min_size or max(5, len(z) // 100)) * share))
        _tell(progress, 0.2, "Looking for dense regions")
        found = hdbscan.assign(
            hdbscan.fit(z[rows], min_size=smallest), z, rows, progress=part(progress, low=0.5, high=0.8)
        )
        stability = quality.density_stability(
            z[rows], min_size=smallest, rng=rng, progress=part(progress, low=0.8, high=0.95)
        )
    else:
        if k is None:
            k, curve, said = choose.choose_k(
                z[rows], method=method, seed=seed, progress=part(progress, low=0.15, high=0.6)
            )
            notes += said
        elif 5 * k > len(z):
            raise BadInput(f"{k} clusters of {len(z)} patches are too small to mean anything; ask for fewer.")
        _tell(progress, 0.6, f"Fitting {k} clusters")
        model = choose.fit(z[rows], method=method, k=k, seed=seed)
        found = choose.assign(model, z, progress=part(progress, low=0.7, high=0.8))
        stability = quality.stability(
            z[rows], method=method, k=k, seed=seed, progress=part(progress, low=0.8, high=0.95)
        )
    codes, sizes = _by_size(found)
    _check_found(sizes, method)
    if method is ClusterMethod.HDBSCAN and (noise := int((codes == NO_CLUSTER).sum())):
        notes.append(f"{noise:,} patches ({noise / len(codes):.0%}) lie in no dense region and are in no cluster.")
    _tell(progress, 0.96, "Measuring the clusters")
    return Clustering(
        codes=codes,
        sizes=sizes,
        typical=quality.typical_rows(z, codes, len(sizes), most=TYPICAL),
        silhouette=quality.silhouette_of(z, codes, seed=seed),
        stability=stability,
        curve=curve,
        curve_of="" if not curve else "bic" if method is ClusterMethod.GMM else "silhouette",
        components=z.shape[1],
        variance=axes.share,
        fitted=len(rows),
        notes=tuple(notes),
    )


def _by_size(found: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint16], tuple[int, ...]]:
    """Codes by falling size (ties: the cluster whose first row comes first), noise (-1) as NO_CLUSTER."""
    present, first, counts = np.unique(found[found >= 0], return_index=True, return_counts=True)
    if len(present) >= NO_CLUSTER:
        raise BadInput(f"There would be {len(present):,} clusters. Ask for a larger smallest size.")
    order = np.lexsort((first, -counts))
    rank = np.full(int(found.max(initial=0)) + 2, NO_CLUSTER, np.uint16)
    rank[present[order]] = np.arange(len(order))
    codes = rank[found]  # -1 is the last place, which stays NO_CLUSTER
    return codes, tuple(counts[order].tolist())


def _check_found(sizes: tuple[int, ...], method: ClusterMethod) -> None:
    if not sizes:
        raise BadInput(
            "HDBSCAN found no dense region: the patches lie in one even cloud. Ask for a smaller smallest size, or "
            "use the Gaussian mixture."
        )
    if len(sizes) > MAX_CLUSTERS:
        raise BadInput(f"There would be {len(sizes):,} clusters; at most {MAX_CLUSTERS} are kept. Ask for larger ones.")


def _tell(progress: Progress | None, fraction: float, message: str) -> None:
    if progress is not None:
        progress(fraction, message)
