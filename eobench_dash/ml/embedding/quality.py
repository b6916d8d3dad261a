"""How faithful a map is: seeded rows of the features, each ranked against all others.

Trustworthiness: Venna & Kaski (2001), "Neighborhood preservation in nonlinear projection methods"; the definition of
scikit-learn's ``trustworthiness``. Neighbour preservation: the share of a point's k nearest in feature space that are
among its k nearest on the map.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import BadInput
from eobench_dash.ml.neighbours import as_features

_ROWS = 256


def trustworthiness(x: npt.ArrayLike, y: npt.ArrayLike, *, k: int = 15, sample: int = 5000, seed: int = 0) -> float:
    """1 where the k nearest on the map y (n, 2) are the k nearest in x (n, d); 0.5 is about what chance gives.

    ``sample`` seeded rows are ranked against all n. Raises BadInput unless 1 <= k < n / 2.
    """
    features, positions, rows = _checked(x, y, k, sample, seed)
    n = len(features)
    if 2 * k >= n:
        raise BadInput(f"Trustworthiness needs more than {2 * k} patches for k = {k}; there are {n}.")
    penalty = 0
    for true, shown in _rows_of_distances(features, positions, rows):
        nearest = _first(shown, k)
        limit = np.partition(true, k - 1, axis=1)[:, k - 1]
        for r, chosen in enumerate(nearest):
            far = chosen[true[r, chosen] > limit[r]]
            for j in far:
                ahead = np.count_nonzero(true[r] < true[r, j]) + np.count_nonzero(true[r, :j] == true[r, j])
                penalty += max(0, int(ahead) + 1 - k)
    return float(1.0 - 2.0 * penalty / (len(rows) * k * (2.0 * n - 3.0 * k - 1.0)))


def knn_preservation(x: npt.ArrayLike, y: npt.ArrayLike, *, k: int = 15, sample: int = 5000, seed: int = 0) -> float:
    """The mean share (0..1) of the k nearest in x (n, d) that are among the k nearest on the map y (n, 2)."""
    features, positions, rows = _checked(x, y, k, sample, seed)
    kept = 0
    for true, shown in _rows_of_distances(features, positions, rows):
        for near, seen in zip(_first(true, k), _first(shown, k), strict=True):
            kept += len(np.intersect1d(near, seen, assume_unique=True))
    return kept / (len(rows) * k)


def _checked(
    x: npt.ArrayLike, y: npt.ArrayLike, k: int, sample: int, seed: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    features, positions = as_features(x), as_features(y, what="Map positions")
    n = len(features)
    if len(positions) != n:
        raise BadInput(f"The map holds {len(positions)} patches, the features {n}; they must be of the same dataset.")
    if not 1 <= k < n:
        raise BadInput(f"k must be from 1 to {n - 1} for {n} patches, not {k}.")
    if sample >= n:
        return features, positions, np.arange(n)
    rows = np.random.default_rng(seed).choice(n, size=max(1, sample), replace=False)
    return features, positions, np.sort(rows)


def _rows_of_distances(
    features: npt.NDArray[np.float32], positions: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """For blocks of rows: squared distances to all, in feature space and on the map; the point itself at infinity.

    In double precision about the mean, so that equal points are equally far but for the last digits.
    """
    wide = [(t - t.mean(axis=0, dtype=np.float64)).astype(np.float64) for t in (features, positions)]
    norms = [np.vecdot(t, t) for t in wide]
    for start in range(0, len(rows), _ROWS):
        block = rows[start : start + _ROWS]
        both = []
        for table, norm in zip(wide, norms, strict=True):
            squared = norm[block, None] + norm[None, :] - 2.0 * (table[block] @ table.T)
            squared[np.arange(len(block)), block] = np.inf
            both.append(squared)
        yield both[0], both[1]


def _first(squared: npt.NDArray[np.float64], k: int) -> npt.NDArray[np.int64]:
    """The columns of the k smallest of each row."""
    return np.argpartition(squared, k - 1, axis=1)[:, :k]
