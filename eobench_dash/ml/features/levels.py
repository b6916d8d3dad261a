"""How values become whole levels: fixed limits, never a patch's own, so that patches can be compared."""

from dataclasses import dataclass

import numpy as np

from eobench_dash.ml.features.patches import Patches

DECIBEL_LIMITS = (-35.0, 5.0)
NOTHING = np.empty((0, 0, 0), np.bool_)


@dataclass(frozen=True)
class Levels:
    """``count`` equal steps from ``low``, each ``step`` wide, of the value or (``root``) of its square root.

    Radar: decibels from -35 to 5 (log10 of power, -3.5 to 0.5). Optical: reflectance from 0 to 1, in steps of its
    square root, which gives dark water and forest levels of their own; 8-bit pictures, stretched for the eye, in plain
    steps.
    What lies beyond counts in the first or last level.
    """

    root: bool
    low: float
    step: float
    count: int

    @classmethod
    def of(cls, patches: Patches, count: int) -> "Levels":
        if patches.modality == "sar":
            low, high = (limit / 10 for limit in DECIBEL_LIMITS)
            return cls(False, low, (high - low) / count, count)
        return cls(patches.pixels.dtype != np.uint8, 0.0, 1.0 / count, count)
