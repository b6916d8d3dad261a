"""HDBSCAN (Campello, Moulavi, Sander 2013): clusters as dense regions; what lies between them is noise."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_BLOCK = 65_536


@dataclass(frozen=True, eq=False)
class DenseRegions:
    """Labels (m,) of the fitted rows ``z`` (m, d), -1 for noise, and each row's core distance."""

    z: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    core: npt.NDArray[np.float64]


def fit(z: npt.NDArray[np.float64], *, min_size: int) -> DenseRegions:
    """Dense regions of z (m, d). A patch's density is that of its ``min(min_size, 10)`` nearest."""
    from scipy.spatial import cKDTree
    from sklearn.cluster import HDBSCAN

    near = max(1, min(min_size, 10, len(z) - 1))
    labels = HDBSCAN(min_cluster_size=max(2, min_size), min_samples=near, copy=True).fit_predict(z)
    distance, _ = cKDTree(z).query(z, k=[near], workers=-1)
    return DenseRegions(z, np.maximum(labels, -1).astype(np.int64), distance[:, 0])


def assign(
    regions: DenseRegions,
    z: npt.NDArray[np.float64],
    rows: npt.NDArray[np.int64],
    *,
    progress: Callable[[float, str], None] | None = None,
) -> npt.NDArray[np.int64]:
    """The region of every row of z (n, d), of which ``rows`` were fitted: the region of the nearest fitted patch, where
    that is within this patch's own core distance, else noise (-1)."""
    from scipy.spatial import cKDTree

    found = np.empty(len(z), np.int64)
    if len(rows) < len(z):
        tree = cKDTree(regions.z)
        for start in range(0, len(z), _BLOCK):
            distance, nearest = tree.query(z[start : start + _BLOCK], workers=-1)
            inside = distance <= regions.core[nearest]
            found[start : start + _BLOCK] = np.where(inside, regions.labels[nearest], -1)
            if progress is not None:
                progress(min(1.0, (start + _BLOCK) / len(z)), "Assigning the patches")
    found[rows] = regions.labels
    return found
