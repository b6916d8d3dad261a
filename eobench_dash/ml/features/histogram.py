"""Histograms of reflectance, band by band (M. J. Swain, D. H. Ballard, Color indexing, IJCV 7(1), 1991)."""

import numpy as np

from eobench_dash.ml.features import levels_kernels
from eobench_dash.ml.features.kinds import HISTOGRAM_BINS
from eobench_dash.ml.features.levels import NOTHING, Levels
from eobench_dash.ml.features.patches import Patches


def multispectral_hist(patches: Patches) -> np.ndarray:
    """(n, 16 x bands) float32: per band the share of its valid pixels in each of 16 bins over 0..1; see ``Levels``.

    Each band's shares sum to 1; a patch without valid pixels is all zero.
    """
    levels = Levels.of(patches, HISTOGRAM_BINS)
    out = np.zeros((len(patches.pixels), patches.bands, HISTOGRAM_BINS), np.float32)
    valid = NOTHING if patches.valid is None else patches.valid
    levels_kernels.histograms(patches.bands_in_use(), valid, levels.root, levels.low, levels.step, levels.count, out)
    return out.reshape(len(out), -1)
