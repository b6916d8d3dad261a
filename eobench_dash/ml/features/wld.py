"""Weber local descriptors: orientations x excitation bins of every pixel, counted, as shares that sum to 1.

Sources: J. Chen et al., "WLD: a robust local image descriptor", TPAMI 32(9), 2010 (optical); S. Cui, C. O. Dumitru,
M. Datcu, "Ratio-detector-based feature extraction for very high resolution SAR image patch indexing", GRSL 10(5), 2013
(ratios for radar); R. Fjortoft et al., TGRS 36(3), 1998 (ROEWA). The layout of 144 = 8 x 18 used by the original tool
is not published; here it is [orientation][bin], orientation bins centred on 2 pi t / 8, bins of equal angle. Chen's own
960 = 6 x 8 x 20 is [segment][orientation][bin] of the same angles, cut into 120.
"""

import math

import numpy as np

from eobench_dash.ml.features import wld_kernels
from eobench_dash.ml.features.kinds import CHEN_BINS, CHEN_SEGMENTS, EXCITATION_BINS, KINDS, ORIENTATIONS
from eobench_dash.ml.features.patches import Patches


def _signed_edges(bins: int) -> np.ndarray:
    """Bin edges as tangents (no pixel needs an arctangent): the positive half of ``bins`` over -90..90 degrees."""
    return np.tan(np.arange(1, bins // 2) * math.pi / bins).astype(np.float32)


# Magnitude: 18 bins over 0..90 degrees of arctan(3 m), compared with m squared.
MAGNITUDE_EDGES = ((np.tan(np.arange(1, EXCITATION_BINS) * math.pi / (2 * EXCITATION_BINS)) / 3.0) ** 2).astype(
    np.float32
)

ROEWA_RADIUS = 4
ROEWA_WEIGHTS = np.exp(-np.arange(ROEWA_RADIUS + 1) / 2.0).astype(np.float32)


def _orientation(flags: int) -> int:
    """Orientation bin from the flags a kernel sets: 1 = first < 0, 2 = second < 0, 4 = along first, 8 = along second.

    Along an axis means within 22.5 degrees of it; both flags are set only where the gradient is zero: orientation 0.
    """
    first_negative, second_negative = flags & 1, flags & 2
    if flags & 12 == 12:
        return 0
    if flags & 4:
        return 4 if first_negative else 0
    if flags & 8:
        return 6 if second_negative else 2
    return {0: 1, 1: 3, 3: 5, 2: 7}[flags & 3]


def _table(bins: int, *, signed: bool, segments: int = 1) -> np.ndarray:
    """Raw code (count + counts * (sign + 2 * flags)) -> component of [segment][orientation][bin within the segment].

    ``bins`` of excitation in all; count is how many edges a pixel's excitation (its absolute value) exceeds.
    """
    counts, each = (bins // 2 if signed else bins), bins // segments
    table = np.empty(32 * counts, np.int32)
    for code in range(len(table)):
        count, rest = code % counts, code // counts
        sign, flags = rest & 1, rest >> 1
        level = count if not signed else (counts - 1 - count if sign else counts + count)
        segment, bin_in = divmod(level, each)
        table[code] = (segment * ORIENTATIONS + _orientation(flags)) * each + bin_in
    return table


SIGNED = (_signed_edges(EXCITATION_BINS), _table(EXCITATION_BINS, signed=True))
_CHEN = CHEN_SEGMENTS * CHEN_BINS
CHEN = (_signed_edges(_CHEN), _table(_CHEN, signed=True, segments=CHEN_SEGMENTS))
MAGNITUDE_TABLE = _table(EXCITATION_BINS, signed=False)
_NOTHING = np.empty((0, 0, 0), np.bool_)


def wld144(patches: Patches) -> np.ndarray:
    """(n, 144) float32: excitation arctan(sum(x_i - x_c) / x_c) in a 3x3 window of the luminance; see ``_three``."""
    return _three(patches, patches.luminance_weights()[None], SIGNED, means=False, eps=_eps("wld144"))


def wld960(patches: Patches) -> np.ndarray:
    """(n, 960) float32: the same with Chen's 6 segments x 8 orientations x 20 bins."""
    return _three(patches, patches.luminance_weights()[None], CHEN, means=False, eps=_eps("wld960"))


def rmd3x3(patches: Patches) -> np.ndarray:
    """(n, 144 x bands) float32: the same excitation per band, orientation from 3-pixel one-sided mean differences."""
    weights = np.eye(patches.bands, dtype=np.float32)
    return _three(patches, weights, SIGNED, means=True, eps=_eps("sar_wld144_rmd3x3"))


def _three(
    patches: Patches, weights: np.ndarray, bins: tuple[np.ndarray, np.ndarray], *, means: bool, eps: float
) -> np.ndarray:
    """3x3 variants on the planes ``weights`` (planes, bands) makes of the bands; ``bins``: edges and table.

    A pixel counts if its whole window lies in the patch and holds no nodata; a patch without such pixels is all zero.
    ``eps`` x the patch mean is added to the centre, which keeps the descriptor blind to gain.
    """
    edges, table = bins
    valid = _NOTHING if patches.valid is None else _eroded(patches.valid, 1)
    out = np.zeros((len(patches.pixels), len(weights), table.max() + 1), np.float32)
    wld_kernels.three(patches.pixels, weights, valid, means, eps, edges, table, out)
    return out.reshape(len(out), -1)


def roewa(patches: Patches) -> np.ndarray:
    """(n, 144 x bands) float32: excitation arctan(3 m) and orientation of the gradient by ratio, per polarisation.

    Gx = log(right mean / left mean), Gy = log(lower / upper), means weighted by exp(-(|i| + |j|) / 2) over half-windows
    of radius 4 that leave out the centre column (row); m = hypot(Gx, Gy). Input: linear amplitude or intensity.
    """
    valid = _NOTHING if patches.valid is None else _eroded(patches.valid, ROEWA_RADIUS)
    out = np.zeros((len(patches.pixels), patches.bands, ORIENTATIONS * EXCITATION_BINS), np.float32)
    wld_kernels.roewa(patches.pixels, valid, _eps("sar_wld144"), ROEWA_WEIGHTS, MAGNITUDE_EDGES, MAGNITUDE_TABLE, out)
    return out.reshape(len(out), -1)


def _eps(kind: str) -> float:
    return float(str(KINDS[kind].params["eps"]))


def _eroded(valid: np.ndarray, radius: int) -> np.ndarray:
    """(n, H - 2r, W - 2r) bool: True where the whole window of that radius is valid."""
    for axis in (1, 2):
        size = valid.shape[axis] - 2 * radius
        valid = np.logical_and.reduce([valid.take(range(s, s + size), axis) for s in range(2 * radius + 1)])
    return valid
