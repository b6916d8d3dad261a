"""Cutting a product into square patches: regular grids of several scales, linked coarse to fine. Arrays, no objects.

Only whole patches are cut: what is left over at the right and lower edge of a product belongs to no patch (at most one
stride wide). Coarser scales keep the relative overlap of the patch size: their stride is that of the patch size times
the ratio of the sizes.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import BadInput

SMALLEST, LARGEST = 8, 2048
"""Sides of a patch in pixels; the larger one bounds the memory of a job."""
MAX_SCALES = 4
MAX_PATCHES = 4_000_000
"""Of one product: what is known of them (some 130 bytes each) is held in memory when their rows are written."""
BAND_PATCHES = 200_000
"""Patches that one band of rows is worth: dense grids are cut in lower bands, so that a block stays small."""
Ints = npt.NDArray[np.int32]
_LENGTH = re.compile(r"\s*(\d{1,7}(?:\.\d{1,6})?)\s*(m|km|px|pixels?)?\s*\Z", re.IGNORECASE)
_MOST = 10_000_000


@dataclass(frozen=True)
class Length:
    """A side or stride: in pixels of the reading grid, or in metres on the ground."""

    value: float
    metres: bool = False

    def __str__(self) -> str:
        return _decimal(self.value) + ("m" if self.metres else "")

    def pixels(self, pixel_size: tuple[float, float] | None) -> int:
        """In pixels, rounded, at least 1. BadInput for metres where a pixel's size is not known."""
        if not self.metres:
            return max(1, round(self.value))
        if pixel_size is None:
            raise BadInput(f"The size of this product's pixels is not known: give {self} in pixels instead of metres.")
        return max(1, round(self.value / math.sqrt(pixel_size[0] * pixel_size[1])))


def parse_length(raw: str | float) -> Length:
    """``64``, ``64px``, ``640m``, ``1.28km``. BadInput says what is taken."""
    found = _LENGTH.match(_decimal(raw) if isinstance(raw, float) else str(raw))
    value, unit = (float(found[1]), (found[2] or "px").lower()) if found else (0.0, "")
    value = round(value * 1000, 6) if unit == "km" else value
    if not 0 < value < _MOST:
        raise BadInput(f"{str(raw)[:30]!r} is no size; write pixels (64) or metres (640m).")
    if unit in ("m", "km"):
        return Length(value, metres=True)
    if value != int(value):
        raise BadInput(f"{str(raw)[:30]!r} is no size: pixels are whole numbers.")
    return Length(value)


def _decimal(value: float) -> str:
    """Without an exponent, to a thousandth of a millimetre: what ``parse_length`` reads again."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Grid:
    """One scale of a product: ``rows`` × ``cols`` patches of ``size`` pixels each way, ``stride`` pixels apart."""

    size: int
    stride: int
    rows: int
    cols: int

    @property
    def count(self) -> int:
        """Patches."""
        return self.rows * self.cols


def lay(
    scales: Sequence[Length],
    *,
    patch: Length,
    stride: Length,
    height: int,
    width: int,
    pixel_size: tuple[float, float] | None,
) -> tuple[Grid, ...]:
    """The grids of a product of ``height`` × ``width`` pixels, coarse first; ``patch`` is always one of the scales.

    BadInput for sizes out of bounds, two scales that are one in pixels, or more than MAX_PATCHES patches. A product
    smaller than a scale has no patch of it (rows and cols 0).
    """
    base, step = patch.pixels(pixel_size), stride.pixels(pixel_size)
    sizes = sorted({length.pixels(pixel_size) for length in (*scales, patch)}, reverse=True)
    if len(sizes) != len({*scales, patch}):
        raise BadInput("Two scales are the same size in pixels of this product; leave one of them out.")
    if len(sizes) > MAX_SCALES:
        raise BadInput(f"There are at most {MAX_SCALES} scales; leave some out.")
    for size in sizes:
        if not SMALLEST <= size <= LARGEST:
            raise BadInput(
                f"A patch has {SMALLEST} to {LARGEST:,} pixels each way; one of the scales has {size:,} here."
            )
    grids = []
    for size in sizes:
        apart = max(1, round(step * size / base))
        fit = [0 if side < size else (side - size) // apart + 1 for side in (height, width)]
        grids.append(Grid(size, apart, *fit))
    if (total := sum(grid.count for grid in grids)) > MAX_PATCHES:
        raise BadInput(f"That is {total:,} patches of one product; a larger stride gives fewer.")
    return tuple(grids)


def windows(grid: Grid, first: int = 0, stop: int | None = None) -> tuple[Ints, Ints]:
    """(row, col) of the upper left pixels of the patches first..stop, by row, then column; each (n,) int32."""
    numbers = np.arange(first, grid.count if stop is None else stop, dtype=np.int64)
    cols = max(grid.cols, 1)
    return (numbers // cols * grid.stride).astype(np.int32), (numbers % cols * grid.stride).astype(np.int32)


def parents(fine: Grid, coarse: Grid, rows: Ints, cols: Ints) -> npt.NDArray[np.int64]:
    """For patches of ``fine`` at (rows, cols) the number of the ``coarse`` one that holds their middle, (n,); -1: none.

    Where several hold it (overlap), the one whose own middle is nearest.
    """
    place = np.zeros(len(rows), np.int64)
    inside = np.full(len(rows), coarse.count > 0)
    for at, count, factor in ((rows, coarse.rows, coarse.cols), (cols, coarse.cols, 1)):
        middle = at.astype(np.int64) * 2 + fine.size  # doubled: halves stay whole
        index = np.clip((middle - coarse.size + coarse.stride) // (2 * coarse.stride), 0, max(count - 1, 0))
        inside &= (index * coarse.stride * 2 <= middle) & (middle < (index * coarse.stride + coarse.size) * 2)
        place += index * factor
    return np.where(inside, place, -1)


@dataclass(frozen=True)
class Bands:
    """How a product is gone through: bands of ``height`` rows across it, each read in tiles of ``width`` columns.

    A patch belongs to the band and tile in which its upper left pixel lies; a tile is read once for all scales.
    """

    height: int
    width: int
    count: int
    tiles: int


def cut(grids: Sequence[Grid], *, height: int, width: int, side: int = 1024) -> Bands:
    """Bands and tiles of about ``side`` pixels, whole strides of the coarsest scale that has patches.

    So tiles hardly share pixels where patches do not overlap, and compressed blocks are decoded about once. Where
    patches stand densely, bands are so much lower that one holds about BAND_PATCHES.
    """
    stride = max((grid.stride for grid in grids if grid.count), default=side)
    across = max(side // stride, 1)
    dense = sum(grid.cols * stride / grid.stride for grid in grids)  # patches of a band that is one stride high
    down = max(min(across, int(BAND_PATCHES / max(dense, 1))), 1)
    return Bands(
        down * stride, across * stride, math.ceil(height / (down * stride)), math.ceil(width / (across * stride))
    )


def numbers_in(grid: Grid, *, top: int, left: int, height: int, width: int) -> npt.NDArray[np.int64]:
    """Numbers of the patches whose upper left pixel lies in this rectangle, ascending."""

    def span(start: int, length: int, count: int) -> npt.NDArray[np.int64]:
        first = -(-start // grid.stride)
        return np.arange(first, min(count, -(-(start + length) // grid.stride)), dtype=np.int64)

    return (span(top, height, grid.rows)[:, None] * grid.cols + span(left, width, grid.cols)).reshape(-1)
