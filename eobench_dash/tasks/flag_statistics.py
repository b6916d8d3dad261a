"""Statistics of flags over any number of patches, in bounded memory."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 1000


class FlagStatistics:
    """Counts values (0..1) in bins a thousandth wide; quantiles are exact to that."""

    def __init__(self, notable: Mapping[str, float]) -> None:
        """``notable``: flag → from where on its values are counted as ``over``."""
        self._notable = notable
        self._bins = {name: np.zeros(BINS + 1, np.int64) for name in notable}
        self._over = dict.fromkeys(notable, 0)
        self._sums = dict.fromkeys(self._bins, 0.0)
        self._most = dict.fromkeys(self._bins, 0.0)

    def add(self, flags: Mapping[str, npt.NDArray[Any]]) -> None:
        """Add values (n,) per flag; NaN is not known and does not count."""
        for name, values in flags.items():
            known = values[np.isfinite(values)].astype(np.float64)
            if len(known):
                at = np.clip(np.rint(known * BINS), 0, BINS).astype(np.int64)
                self._bins[name] += np.bincount(at, minlength=BINS + 1)
                self._over[name] += int((known > self._notable[name]).sum())
                self._sums[name] += float(known.sum())
                self._most[name] = max(self._most[name], float(known.max()))

    def told(self) -> dict[str, dict[str, float]]:
        """Flag → mean, p50, p95, max, and ``over``: how many are above what is notable. Unknown flags are left out."""
        told = {}
        for name, bins in self._bins.items():
            count = int(bins.sum())
            if count:
                cumulative = np.cumsum(bins)
                p50, p95 = (float(np.searchsorted(cumulative, share * count) / BINS) for share in (0.5, 0.95))
                told[name] = {
                    "mean": round(self._sums[name] / count, 5),
                    "p50": p50,
                    "p95": p95,
                    "max": round(self._most[name], 5),
                    "over": self._over[name],
                }
        return told
