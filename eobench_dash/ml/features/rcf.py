"""Random convolutional features (E. Rolf et al., "MOSAIKS", Nature Communications 12, 2021) at three scales.

512 seeded 3x3 filters over all bands: 192 at full resolution (every second pixel each way), 160 at half, 160 at
quarter resolution. Each response is split into its positive and negative part, and each part averaged over the patch.
Plain Gaussian filters answer mostly to brightness, because neighbouring pixels and bands are alike; so each filter's
spatial detail and its differences between bands are strengthened by fixed factors (a rough, not learned, whitening).
Measured on EuroSAT against one scale without strengthening: .87 instead of .81 alone, +.006 within ``all``.
"""

from functools import lru_cache

import numpy as np

from eobench_dash.ml.features import rcf_kernels
from eobench_dash.ml.features.kinds import RCF_FILTERS
from eobench_dash.ml.features.patches import Patches

SPLIT = (192, 160, 160)
STEPS = (2, 1, 1)
DETAIL, COLOUR, SPREAD = 20.0, 6.0, 0.3
MIDDLE = {"optical": 0.35, "sar": -1.0}
"""The value at which responses are centred: middle grey, or -10 dB."""


@lru_cache(maxsize=16)
def filters(bands: int, modality: str, seed: int = 0) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Per scale: weights (9 x bands, filters), taps in the order [band][row][column], and biases (filters,) float32."""
    rng = np.random.default_rng([seed, bands])
    weights = rng.standard_normal((RCF_FILTERS, bands, 9))
    offsets = rng.uniform(-SPREAD, SPREAD, RCF_FILTERS)
    smooth = weights.mean(axis=2, keepdims=True)
    weights = smooth + DETAIL * (weights - smooth)
    grey = weights.mean(axis=1, keepdims=True)
    weights = (grey + COLOUR * (weights - grey)).reshape(RCF_FILTERS, -1) / np.sqrt(9 * bands)
    bias = offsets - MIDDLE[modality] * weights.sum(axis=1)
    ends = np.cumsum(SPLIT)
    return tuple(
        (np.ascontiguousarray(weights[end - size : end].T, np.float32), bias[end - size : end].astype(np.float32))
        for size, end in zip(SPLIT, ends, strict=True)
    )


def rcf(patches: Patches) -> np.ndarray:
    """(n, 1024) float32: means of max(r, 0) of the 512 filters, then of max(-r, 0).

    Optical in units of full scale, radar in log10 of linear values. A position counts if its window holds no nodata.
    """
    values, mask = patches.bands_in_use(), patches.mask()
    out = np.zeros((len(values), 2, RCF_FILTERS), np.float32)
    start = 0
    for (weights, bias), step in zip(filters(patches.bands, patches.modality), STEPS, strict=True):
        stop = start + len(bias)
        rcf_kernels.pool(values, mask, step, weights, bias, out[:, :, start:stop])
        values, mask, start = halved(values), halved(mask) == 1, stop
        mask = mask.astype(np.float32)
    return out.reshape(len(out), -1)


def halved(x: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels over the last two axes; an odd last row or column is dropped."""
    height, width = x.shape[-2] // 2 * 2, x.shape[-1] // 2 * 2
    x = x[..., :height, :width]
    means: np.ndarray = (
        (x[..., ::2, ::2] + x[..., 1::2, 1::2]) + (x[..., ::2, 1::2] + x[..., 1::2, ::2])
    ) * np.float32(0.25)
    return means
