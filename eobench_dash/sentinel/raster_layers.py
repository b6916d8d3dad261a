"""Bands of different resolution seen through one grid, a window at a time.

One rule for every resolution: a pixel of the grid is the mean of the area that it covers. Coarser than the file, that
is the mean of the file's pixels; finer, it is the file's pixel itself (nearest), so no value is made up, and a pixel
has the same value whichever window it is read in. A pixel of which less than half was measured is nodata.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.products import Window
from eobench_dash.errors import UnreadableProduct

Floats = npt.NDArray[np.float32]
Raw = npt.NDArray[Any]

MAX_SAMPLES = 8_000_000
"""Samples of a file that are in memory at once; larger windows are read in parts."""
MAX_WINDOW_SAMPLES = 128_000_000
"""Samples of one window: 512 MB."""
MEASURED = 0.5


@dataclass(frozen=True)
class Layer:
    """Bands of one file (``height`` × ``width`` pixels) on a grid of which one pixel takes ``step`` pixels of it.

    ``fetch(window)`` gives (bands, h, w) float32 of a window inside of the file, NaN where nothing was measured;
    ``bands``: how many there are.
    """

    height: int
    width: int
    step: tuple[Fraction, Fraction]
    bands: int
    fetch: Callable[[Window], Floats]

    def read(self, window: Window) -> Floats:
        """(bands, height, width) of a window of the grid; NaN outside of the file."""
        if window.height * window.width * self.bands > MAX_WINDOW_SAMPLES:
            raise UnreadableProduct(
                f"A window of {window.width:,} × {window.height:,} pixels is too large to read at once;"
                " choose smaller patches or a coarser resolution."
            )
        rows = _span(window.row, window.height, self.step[0], self.height)
        cols = _span(window.col, window.width, self.step[1], self.width)
        samples = max(rows[1] - rows[0], 0) * max(cols[1] - cols[0], 0) * self.bands
        if samples > MAX_SAMPLES and max(window.height, window.width) > 1:
            return self._halves(window)
        values = np.full((self.bands, window.height, window.width), np.nan, np.float32)
        if samples == 0:
            return values
        found = self.fetch(Window(rows[0], cols[0], rows[1] - rows[0], cols[1] - cols[0]))
        inside = tuple(
            slice(max(0, -start), min(count, whole - start))
            for start, count, whole in (
                (window.row, window.height, grid_size(self.height, self.step[0])),
                (window.col, window.width, grid_size(self.width, self.step[1])),
            )
        )
        starts = (window.row + inside[0].start, window.col + inside[1].start)
        counts = (inside[0].stop - inside[0].start, inside[1].stop - inside[1].start)
        if min(counts) > 0:
            values[:, inside[0], inside[1]] = _means(found, self.step, starts, counts, (rows[0], cols[0]))
        return values

    def _halves(self, window: Window) -> Floats:
        row, col, height, width = window.row, window.col, window.height, window.width
        if height >= width:
            half, axis = height // 2, 1
            parts = Window(row, col, half, width), Window(row + half, col, height - half, width)
        else:
            half, axis = width // 2, 2
            parts = Window(row, col, height, half), Window(row, col + half, height, width - half)
        return np.concatenate([self.read(part) for part in parts], axis=axis)


def grid_size(size: int, step: Fraction) -> int:
    """Whole pixels of the grid on ``size`` pixels of a file; what is left at the end is not read."""
    return int(size / step)


def step_for(resolution: float | None, pixel: float, size: int) -> Fraction:
    """How many pixels of ``pixel`` metres make one of ``resolution`` metres (None: 1).

    A whole number (or the inverse of one) where that shifts no pixel by more than half of one over ``size`` pixels.
    """
    if resolution is None:
        return Fraction(1)
    ratio = resolution / pixel
    whole = Fraction(max(round(ratio), 1)) if ratio >= 1 else Fraction(1, max(round(1 / ratio), 1))
    if abs(ratio / float(whole) - 1) * size <= 0.5:
        return whole
    return max(Fraction(ratio).limit_denominator(1000), Fraction(1, 1000))


def _span(start: int, count: int, step: Fraction, size: int) -> tuple[int, int]:
    """The file's pixels (first, one past the last) below ``count`` pixels of the grid."""
    first = (start * step.numerator) // step.denominator
    last = -((-(start + count) * step.numerator) // step.denominator)
    return max(first, 0), min(last, size)


def _means(
    values: Floats,
    step: tuple[Fraction, Fraction],
    starts: tuple[int, int],
    counts: tuple[int, int],
    origin: tuple[int, int],
) -> Floats:
    """Area means of ``values`` (bands, h, w), whose first pixel is the file's pixel ``origin``."""
    if all(s == 1 for s in step):
        return values[:, starts[0] - origin[0] :, starts[1] - origin[1] :][:, : counts[0], : counts[1]]
    if all(s.numerator == 1 for s in step):
        rows, cols = (
            np.arange(start, start + count) // s.denominator - first
            for s, start, count, first in zip(step, starts, counts, origin, strict=True)
        )
        return values[:, rows[:, None], cols]
    measured = ~np.isnan(values)
    filled = values if measured.all() else np.where(measured, values, np.float32(0))
    if all(s.denominator == 1 for s in step):
        high, wide = (s.numerator for s in step)
        top, left = starts[0] * high - origin[0], starts[1] * wide - origin[1]
        shape = (len(values), counts[0], high, counts[1], wide)
        cut = (slice(None), slice(top, top + counts[0] * high), slice(left, left + counts[1] * wide))
        total = filled[cut].reshape(shape).sum(axis=(2, 4), dtype=np.float64)
        share = measured[cut].reshape(shape).mean(axis=(2, 4), dtype=np.float64)
        area = float(high * wide)
    else:
        down, across = (
            _weights(s, start, count, first, size)
            for s, start, count, first, size in zip(step, starts, counts, origin, values.shape[1:], strict=True)
        )
        area = float(step[0] * step[1])
        total = down @ filled.astype(np.float64) @ across.T
        share = down @ measured.astype(np.float64) @ across.T / area
    enough = share >= MEASURED - 1e-9
    return np.where(enough, total / np.where(enough, share * area, 1), np.nan).astype(np.float32)


def _weights(step: Fraction, start: int, count: int, first: int, size: int) -> npt.NDArray[np.float64]:
    """(count, size): how much of each pixel of the file lies in each pixel of the grid."""
    edges = np.array([float((start + i) * step - first) for i in range(count + 1)])
    pixels = np.arange(size)
    low = np.maximum(edges[:-1, None], pixels)
    high = np.minimum(edges[1:, None], pixels + 1)
    covered: npt.NDArray[np.float64] = np.maximum(high - low, 0)
    return covered
