"""Where the image begins: the border of small digital numbers that processors before IPF 2.90 left instead of zeros.

Wherever the radar recorded, thermal noise alone gives on average the noise table's power; a border has far less. So in
every sixteenth line the mean power of sixteen pixels is compared with half of the noise (−30 dB where the table is
empty), and from each of the four sides the image begins at the first place that looks like one three times out of four.
Sixteen pixels of some 4.4 looks vary by 15 to 20 % (neighbours are correlated): half is three of that below.
The edge is moved inwards to the next line and block looked at, so that no border is left (some 16 lines or 32 pixels of
image may be lost with it). Only pixels that are not 0 count as border: zeros are nodata anyway.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eobench_dash.sentinel.s1_calibration import Calibration
from eobench_dash.sentinel.s1_fields import Floats

STEP = 16
CLEAN_SINCE = (2, 90)
"""The processor from which on borders are zeros."""
MOST = 0.2
"""Part of the image that may be border; where more looks like one, the noise table does not fit the product."""
_LEAST_NOISE, _USUAL_NOISE = 1e-4, 1e-3
"""Sigma nought of noise: no Sentinel-1 is quieter than the one, so a table that says so is empty or of other units."""

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Border:
    """First pixel of the image and its end for every STEP lines, first line and end of lines for every STEP pixels."""

    left: Counts
    right: Counts
    top: Counts
    bottom: Counts

    def mask(self, rows: Floats, cols: Floats) -> Bools:
        """(rows, cols): whether a position lies outside of the image proper."""
        line = np.clip((rows // STEP).astype(np.intp), 0, len(self.left) - 1)
        block = np.clip((cols // STEP).astype(np.intp), 0, len(self.top) - 1)
        beside = (cols < self.left[line][:, None]) | (cols >= self.right[line][:, None])
        return np.asarray(
            beside | (rows[:, None] < self.top[block]) | (rows[:, None] >= self.bottom[block]), dtype=np.bool_
        )


def find_border(
    read_line: Callable[[int], npt.NDArray[np.uint16]], height: int, width: int, calibration: Calibration
) -> Border | None:
    """The border of an image of which ``read_line`` gives line by line; None where there is none (or no telling)."""
    lines = np.arange(0, height, STEP)
    blocks = -(-width // STEP)
    centres = np.minimum(np.arange(blocks) * STEP + STEP / 2, width - 1.0)
    pad = blocks * STEP - width
    image = np.zeros((len(lines), blocks), dtype=np.bool_)
    filled = np.zeros_like(image)
    for i, line in enumerate(lines):
        dn = np.pad(read_line(int(line)).astype(np.float32), (0, pad)).reshape(blocks, STEP)
        row = np.array([float(line)])
        noise = calibration.noise(row, centres)[0]
        unit = np.square(calibration.gain.at(row, centres)[0])
        due = np.where(noise > _LEAST_NOISE * unit, noise, _USUAL_NOISE * unit)
        filled[i] = dn.any(axis=1)
        image[i] = filled[i] & (np.square(dn).sum(axis=1) >= 0.5 * due * np.maximum(np.count_nonzero(dn, axis=1), 1))
    near, far = _edges(image, filled)
    first, last = _edges(image.T, filled.T)
    left, right = np.where(near > 0, (near + 1) * STEP, 0), np.where(far < blocks, (far - 1) * STEP, width)
    # between two lines looked at, what is border in either is border
    left, right = np.maximum(left, np.append(left[1:], 0)), np.minimum(right, np.append(right[1:], width))
    bottom = np.where(last < len(lines), (last - 1) * STEP + 1, height)
    border = Border(left, right, first * STEP, bottom)
    outside = border.mask(lines.astype(np.float64), centres) & filled
    if not outside.any() or outside.sum() > MOST * filled.sum():
        return None
    return border


def _edges(image: Bools, filled: Bools) -> tuple[Counts, Counts]:
    """(rows,) first block that is image and the one after its last; all of the row where nothing but zeros lies
    outside. A row of numbers without any image has its first block at its end: all of it is border."""
    count = image.shape[1]
    first = _first(image)
    last = count - _first(image[:, ::-1])
    at = np.arange(count)
    before = (filled & (at < first[:, None])).any(axis=1)
    behind = (filled & (at >= last[:, None])).any(axis=1)
    return _steady(np.where(before, first, 0)), _steady(np.where(behind, last, count))


def _first(image: Bools) -> Counts:
    """(rows,) the first block that is image along with two of the next three; the number of blocks where none is."""
    count = image.shape[1]
    padded = np.pad(image.astype(np.int8), ((0, 0), (0, 3)), mode="edge")
    good = image & (sum(padded[:, k : count + k] for k in range(4)) >= 3)
    return np.asarray(np.where(good.any(axis=1), good.argmax(axis=1), count), dtype=np.intp)


def _steady(edge: Counts) -> Counts:
    """The median of each and its two neighbours: steps stay, a single slip of the speckle goes."""
    padded = np.pad(edge, 1, mode="edge")
    return np.asarray(np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0), dtype=np.intp)
