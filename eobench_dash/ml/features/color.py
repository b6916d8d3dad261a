"""Colour and brightness: statistics of bands and of normalised band differences (own choice of measures).

Per channel, in this order: mean, standard deviation, skewness, quantiles .01 .05 .1 .25 .5 .75 .9 .95 .99, mean
absolute difference at distances of 1, 2, 4 and 8 pixels (both axes; the structure function, a measure of how coarse the
texture is), standard deviation of the means of 8 x 8 pixel blocks, share of the pixels above the mean. Then, per band
pair, their correlation.
"""

import numpy as np

from eobench_dash.ml.features import color_kernels
from eobench_dash.ml.features.dimensions import band_pairs
from eobench_dash.ml.features.kinds import CHANNEL_STATISTICS
from eobench_dash.ml.features.patches import Patches

QUANTILES = np.array([0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99])


def channels(patches: Patches) -> np.ndarray:
    """(n, bands + pairs, H, W) float32: the bands and, per pair (a, b), (a - b) / (a + b), or a - b of logarithms."""
    bands = patches.bands_in_use()
    pairs = band_pairs(patches.bands)
    out = np.empty((len(bands), patches.bands + len(pairs), *bands.shape[2:]), np.float32)
    out[:, : patches.bands] = bands
    if patches.modality == "optical":
        bands = np.maximum(bands, 0)
    for number, (a, b) in enumerate(pairs, start=patches.bands):
        np.subtract(bands[:, a], bands[:, b], out=out[:, number])
        if patches.modality == "optical":
            out[:, number] /= bands[:, a] + bands[:, b] + np.float32(1e-3)
    return out


def color_stats(patches: Patches) -> np.ndarray:
    """(n, (bands + pairs) x 18 + pairs) float32. Optical in units of full scale, radar in log10 of linear values.

    Nodata is left out; a patch without valid pixels is all zero. Quantiles come from 256 bins between least and most.
    """
    values = channels(patches)
    pairs = np.array(band_pairs(patches.bands), np.int64).reshape(-1, 2)
    out = np.zeros((len(values), values.shape[1] * CHANNEL_STATISTICS + len(pairs)), np.float32)
    color_kernels.statistics(values, patches.mask(), pairs, QUANTILES, out)
    return out
