"""Gabor filter bank of four octaves and six orientations (B. S. Manjunath, W. Y. Ma, TPAMI 18(8), 1996).

Neighbouring scales are an octave apart, so one 11 x 11 filter set serves all: the patch is smoothed by the binomial
(1 4 6 4 1) / 16 and halved between scales (P. J. Burt, E. H. Adelson, 1983). With a round Gaussian envelope each filter
is a product of a row and a column filter. Borders continue as a mirror would show them.
"""

import math

import numpy as np

from eobench_dash.ml.features import gabor_kernels
from eobench_dash.ml.features.kinds import GABOR_ORIENTATIONS, GABOR_SCALES, KINDS
from eobench_dash.ml.features.patches import Patches

RADIUS = 5


def _taps() -> np.ndarray:
    """(7, 6) float32: the Gaussian, then cosine and sine parts at f cos 0, f cos 30, f cos 60; offsets 0..5.

    The Gaussian sums to 1 over -5..5; sine parts are zero at 0 and odd.
    """
    params = KINDS["gabor"].params
    frequency, sigma = float(str(params["frequency"])), float(str(params["sigma"]))
    offsets = np.arange(RADIUS + 1)
    gauss = np.exp(-(offsets**2) / (2 * sigma**2))
    gauss /= gauss[0] + 2 * gauss[1:].sum()
    rows = [gauss]
    for degrees in (0, 30, 60):
        phase = 2 * math.pi * frequency * math.cos(math.radians(degrees)) * offsets
        rows += [gauss * np.cos(phase), gauss * np.sin(phase)]
    return np.array(rows, np.float32)


TAPS = _taps()


def mirror(size: int, radius: int) -> np.ndarray:
    """Index of the pixel shown at -radius .. size + radius - 1 (the border pixel is repeated)."""
    return np.pad(np.arange(size), radius, mode="symmetric")


def gabor(patches: Patches) -> np.ndarray:
    """(n, 48 x planes) float32: per plane [mean, standard deviation] of |response| for [scale][orientation].

    Orientations 0, 30 .. 150 degrees are of the wave's direction, from +x towards +y (down). Optical in units of full
    scale, radar in log10; the patch mean is taken off first. Nodata is filled with the mean and not pooled.
    """
    planes = patches.planes()
    n, number, height, width = planes.shape
    sizes = [(-(-height >> s), -(-width >> s)) for s in range(GABOR_SCALES)]
    longest = max(height, width) + 2 * RADIUS
    mirrors = np.zeros((GABOR_SCALES, 2, longest), np.int64)
    for scale, size in enumerate(sizes):
        for axis in (0, 1):
            mirrors[scale, axis, : size[axis] + 2 * RADIUS] = mirror(size[axis], RADIUS)
    out = np.zeros((n, number, GABOR_SCALES, GABOR_ORIENTATIONS, 2), np.float32)
    gabor_kernels.bank(np.ascontiguousarray(planes, np.float32), patches.mask(), mirrors, TAPS, out)
    return out.reshape(n, -1)
