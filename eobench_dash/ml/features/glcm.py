"""Grey-level co-occurrence (R. M. Haralick, K. Shanmugam, I. Dinstein, TSMC 3(6), 1973)."""

import numpy as np

from eobench_dash.ml.features import levels_kernels
from eobench_dash.ml.features.kinds import GLCM_DISTANCES, GLCM_PROPERTIES
from eobench_dash.ml.features.levels import NOTHING, Levels
from eobench_dash.ml.features.patches import Patches

LEVELS = 32
DISTANCES = np.array(GLCM_DISTANCES, np.int64)
_COUNTS = np.arange(1, 8192)
COUNT_LOGS = np.concatenate([[0.0], _COUNTS * np.log(_COUNTS)])


def glcm(patches: Patches) -> np.ndarray:
    """(n, 42 x planes) float32, [plane][distance 1 2 4][property][mean, range over 0 45 90 135 degrees].

    Properties of the symmetric, normalised matrix of 32 levels (see ``Levels``): contrast, dissimilarity, homogeneity,
    ASM, energy, correlation (1 for a flat patch), entropy (natural logarithm). As in Haralick, a distance of d along a
    diagonal is d rows and d columns. Pairs with a nodata pixel do not count; a patch without pairs is all zero.
    Units: grey levels (contrast: squared; a level is 1.25 dB in radar) and plain numbers.
    """
    levels = Levels.of(patches, LEVELS)
    planes = np.ascontiguousarray(patches.planes())
    out = np.zeros((*planes.shape[:2], len(DISTANCES), len(GLCM_PROPERTIES), 2), np.float32)
    valid = NOTHING if patches.valid is None else patches.valid
    levels_kernels.cooccurrences(
        planes, valid, levels.root, levels.low, levels.step, levels.count, DISTANCES, COUNT_LOGS, out
    )
    return out.reshape(len(out), -1)
