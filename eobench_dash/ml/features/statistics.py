"""Moments and percentiles: of bands (optical), of spectral indices (optical), of decibels and ratios (radar).

Sources: plain moments; for the indices ``spectral``; for radar C. Tison et al., TGRS 42(10), 2004 and J.-M. Nicolas,
Traitement du Signal 19(3), 2002 (log-cumulants: the cumulants of the natural logarithm of the intensity).
Nodata is left out; a patch without valid pixels is all zero; a flat channel has spread, skewness and kurtosis 0.
"""

import math

import numpy as np

from eobench_dash.ml.features import statistics_kernels
from eobench_dash.ml.features.dimensions import band_pairs
from eobench_dash.ml.features.kinds import BAND_PERCENTILES, SAR_BAND_STATISTICS, SAR_PAIR_STATISTICS
from eobench_dash.ml.features.patches import Patches
from eobench_dash.ml.features.spectral import factors, indices_for

_NOTHING = np.empty((0, 0, 0), np.bool_)
_NO_LEVELS = np.empty(0)
_DECIBELS = 10.0
_LN10 = math.log(10.0)


def band_stats(patches: Patches) -> np.ndarray:
    """(n, 11 x bands) float32: per band mean, standard deviation, skewness, excess kurtosis, percentiles.

    Percentiles 2 10 25 50 75 90 98. In reflectance (units of full scale) and plain numbers.
    """
    return _of(patches.bands_in_use(), patches, np.array(BAND_PERCENTILES) / 100).reshape(len(patches.pixels), -1)


def spectral_indices(patches: Patches) -> np.ndarray:
    """(n, 5 x indices) float32: per index that the bands allow its mean, standard deviation, p10, p50, p90, in -1..1.

    From reflectances; negative ones (below the dark-object offset) count as 0. Where an index is not defined (its
    denominator is below a millionth) it is 0.
    """
    bands = patches.bands_in_use()
    names = indices_for(patches.band_names)
    upper, lower = factors(names, patches.band_names, bands=patches.bands)
    values = np.empty((len(bands), len(names), *bands.shape[2:]), np.float32)
    statistics_kernels.ratios(bands, upper, lower, values)
    statistics = _of(values, patches, np.array([0.1, 0.5, 0.9]))
    return np.delete(statistics, [2, 3], axis=2).reshape(len(values), -1)


def sar_stats(patches: Patches) -> np.ndarray:
    """(n, 8 x bands + 6 x pairs) float32, in dB over full scale and plain numbers.

    Per polarisation: mean, standard deviation, skewness, excess kurtosis of dB; coefficient of variation of the linear
    values; log-cumulants k1, k2, k3. Per pair, of the difference in dB (the ratio): mean, standard deviation, skewness,
    excess kurtosis; then the ratio of the linear means in dB, and the correlation of dB. All but the two means, k1 and
    the ratios are blind to gain, as long as values stay above the floor (-50 dB; half a digital number for integers).
    """
    bands, pairs = patches.bands, band_pairs(patches.bands)
    logs = patches.bands_in_use()
    linear = np.maximum(patches.pixels.astype(np.float32) / np.float32(patches.unit), 0)
    ratios = [logs[:, a] - logs[:, b] for a, b in pairs]
    channels = np.concatenate([logs, linear, *(ratio[:, None] for ratio in ratios)], axis=1)
    found = _of(channels, patches, _NO_LEVELS).astype(np.float64)
    to_decibels = np.array([_DECIBELS, _DECIBELS, 1, 1])
    mean, spread, skew = (found[:, :bands, k] for k in range(3))
    level, deviation = found[:, bands : 2 * bands, 0], found[:, bands : 2 * bands, 1]
    out = np.zeros((len(found), bands * SAR_BAND_STATISTICS + len(pairs) * SAR_PAIR_STATISTICS), np.float32)
    own = out[:, : bands * SAR_BAND_STATISTICS].reshape(-1, bands, SAR_BAND_STATISTICS)
    own[:, :, :4] = found[:, :bands] * to_decibels
    own[:, :, 4] = np.divide(deviation, level, out=np.zeros_like(level), where=level > 0)
    own[:, :, 5] = mean * _LN10
    own[:, :, 6] = (spread * _LN10) ** 2
    own[:, :, 7] = skew * (spread * _LN10) ** 3
    if pairs:
        which = np.array(pairs, np.int64)
        both = out[:, bands * SAR_BAND_STATISTICS :].reshape(-1, len(pairs), SAR_PAIR_STATISTICS)
        both[:, :, :4] = found[:, 2 * bands :] * to_decibels
        tiny = np.float64(1e-30)
        decibels = _DECIBELS * np.log10(np.maximum(level, tiny))
        both[:, :, 4] = np.where(
            (level[:, which] > 0).all(axis=2), decibels[:, which[:, 0]] - decibels[:, which[:, 1]], 0
        )
        correlation = np.zeros((len(found), len(pairs)))
        means = np.ascontiguousarray(found[:, :bands, :2])
        statistics_kernels.correlations(logs, _mask(patches), which, means, correlation)
        both[:, :, 5] = correlation
    return out


def _mask(patches: Patches) -> np.ndarray:
    return _NOTHING if patches.valid is None else patches.valid


def _of(channels: np.ndarray, patches: Patches, levels: np.ndarray) -> np.ndarray:
    """(n, channels, 4 + levels) float32: see ``statistics_kernels.statistics``."""
    out = np.zeros((*channels.shape[:2], 4 + len(levels)), np.float32)
    statistics_kernels.statistics(channels, _mask(patches), levels, out)
    return out
