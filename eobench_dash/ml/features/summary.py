"""What a feature set's numbers look like: their range, what says nothing, how much of it repeats itself."""

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.feature_statistics import FeatureStatistics


def summarise(x: npt.NDArray[np.float32], *, rows: int) -> FeatureStatistics:
    """Statistics of vectors ``x`` (n, d), which stand for ``rows`` patches.

    ``effective``: the participation ratio (Σλ)² / Σλ² over the eigenvalues λ of the columns' correlation matrix: d
    where no two columns are alike, 1 where all tell the same. Columns that never change, and rows that hold a number
    which is not finite, are left out of it.
    """
    finite = np.isfinite(x)
    whole = x[finite.all(axis=1)].astype(np.float64)
    low, high = (float(pick(x[finite])) if finite.any() else 0.0 for pick in (np.min, np.max))
    spread = whole.std(axis=0) if len(whole) else np.zeros(x.shape[1])
    # a column of one value may be off by rounding: measured against the size of its numbers
    changing = spread > 1e-6 * np.abs(whole).max(axis=0, initial=0.0)
    effective = 0.0
    if changing.any():
        z = (whole[:, changing] - whole[:, changing].mean(axis=0)) / spread[changing]
        correlation = z.T @ z / len(z)
        effective = float(changing.sum() ** 2 / (correlation**2).sum())
    return FeatureStatistics(
        rows=rows, sample=len(x), dim=x.shape[1], lowest=low, highest=high, constant=int((~changing).sum()),
        not_finite=int((~finite).sum()), effective=effective,
    )  # fmt: skip
