"""Sentinel-1 pixels averaged over blocks, and resampled onto a map, window by window.

Each cell of the map is the mean, in linear power, of what it covers: the image is averaged in blocks of up to half a
cell (anchored at its corner), then sampled bilinearly at one (cell = pixel) to nine points of the cell.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.products import Window
from eobench_dash.sentinel.s1_fields import Floats
from eobench_dash.sentinel.s1_grid import Bools, Lattice, MapGrid

_FAR = 4000.0
"""Metres between lattice points of a picture for the eye; within Geolocation's margin around the image."""
_TILE = 1024
"""Native pixels along the side of what is resampled at once."""

Power = npt.NDArray[np.float32]
Native = Callable[[Window], tuple[Power, Bools, Bools]]
"""Power (bands, h, w), valid and border (h, w) of a window that lies inside the image."""


def resample(
    lattice: Lattice, window: Window, native: Native, *, size: tuple[int, int], spacing: float, bands: int
) -> tuple[Power, Bools, Bools]:
    """(bands, h, w) power, (h, w) valid and border of a window that lies inside the grid.

    ``size``: of the image; ``spacing``: of its pixels in metres. Read in tiles, so memory stays bounded.
    """
    ratio = lattice.grid.resolution / spacing
    factor = max(1, int(ratio + 1e-9) // 2)
    samples = max(1, math.ceil(ratio / factor - 1e-3))
    tile = max(1, int(_TILE / ratio))
    values = np.full((bands, window.height, window.width), np.nan, dtype=np.float32)
    valid = np.zeros((window.height, window.width), dtype=np.bool_)
    border = np.zeros_like(valid)
    for top in range(window.row // tile * tile, window.row + window.height, tile):
        for left in range(window.col // tile * tile, window.col + window.width, tile):
            row, col = max(top, window.row), max(left, window.col)
            part = Window(
                row,
                col,
                min(top + tile, window.row + window.height) - row,
                min(left + tile, window.col + window.width) - col,
            )
            found = _tile(lattice, part, native, size=size, factor=factor, samples=samples)
            if found is not None:
                at = np.s_[row - window.row : row - window.row + part.height,
                           col - window.col : col - window.col + part.width]  # fmt: skip
                values[:, at[0], at[1]], valid[at], border[at] = found
    return values, valid, border


def lookup(
    grid: MapGrid, shape: tuple[int, int], power: Power, valid: Bools, *, size: tuple[int, int]
) -> tuple[Power, Bools]:
    """The whole map at ``shape``: of each cell's middle the nearest of a reduced image ``power`` (bands, h, w)."""
    coarse = replace(grid, resolution=grid.resolution * max(grid.height / shape[0], grid.width / shape[1]))
    lattice = Lattice(coarse, step=max(1, min(8, int(_FAR / coarse.resolution))))
    lines, pixels = lattice.where(Window(0, 0, *shape), np.array([0.5]))
    inside = (lines >= -0.5) & (lines < size[0] - 0.5) & (pixels >= -0.5) & (pixels < size[1] - 0.5)
    i = np.where(inside, (lines + 0.5) * (valid.shape[0] / size[0]), 0).astype(np.intp).clip(0, valid.shape[0] - 1)
    j = np.where(inside, (pixels + 0.5) * (valid.shape[1] / size[1]), 0).astype(np.intp).clip(0, valid.shape[1] - 1)
    return power[:, i, j], valid[i, j] & inside


def block_mean(power: Power, valid: Bools, factor: int) -> tuple[Power, Bools]:
    """Means over blocks of ``factor`` × ``factor`` (whole blocks only) of what is valid; valid where half of it is."""
    if factor == 1:
        return power, valid
    bands, height, width = power.shape
    rows, cols = height // factor, width // factor
    inside = valid[: rows * factor, : cols * factor].reshape(rows, factor, cols, factor)
    count = inside.sum(axis=(1, 3), dtype=np.float32)
    blocks = power[:, : rows * factor, : cols * factor].reshape(bands, rows, factor, cols, factor)
    total = np.where(inside, blocks, np.float32(0)).sum(axis=(2, 4), dtype=np.float32)
    return total / np.maximum(count, 1), count * 2 >= factor * factor


def block_any(mask: Bools, factor: int) -> Bools:
    """Whether any of a block is."""
    rows, cols = mask.shape[0] // factor, mask.shape[1] // factor
    return np.asarray(mask[: rows * factor, : cols * factor].reshape(rows, factor, cols, factor).any(axis=(1, 3)))


def _tile(
    lattice: Lattice, part: Window, native: Native, *, size: tuple[int, int], factor: int, samples: int
) -> tuple[Power, Bools, Bools] | None:
    offsets = (np.arange(samples) + 0.5) / samples
    lines, pixels = lattice.where(part, offsets)
    inside = (lines >= -0.5) & (lines < size[0] - 0.5) & (pixels >= -0.5) & (pixels < size[1] - 0.5)
    if not inside.any():
        return None
    # whole blocks around all that is sampled, with one more for the bilinear neighbours
    first = [max(0, (int(axis[inside].min()) // factor - 2) * factor) for axis in (lines, pixels)]
    last = [
        min(count, (int(axis[inside].max()) // factor + 3) * factor)
        for axis, count in zip((lines, pixels), size, strict=True)
    ]
    power, valid, border = native(Window(first[0], first[1], last[0] - first[0], last[1] - first[1]))
    if factor > 1:
        # the edge's blocks need not be whole: repeat nothing, leave what lacks out
        pad = [(-n) % factor for n in valid.shape]
        power = np.pad(power, ((0, 0), (0, pad[0]), (0, pad[1])))
        valid, border = (np.pad(m, ((0, pad[0]), (0, pad[1]))) for m in (valid, border))
        power, valid = block_mean(power, valid, factor)
        border = block_any(border, factor)
    down = (lines + 0.5 - first[0]) / factor - 0.5
    across = (pixels + 0.5 - first[1]) / factor - 0.5
    shape = (part.height, samples, part.width, samples)
    return _sample(power, valid, border, down.reshape(shape), across.reshape(shape), inside.reshape(shape))


def _sample(
    image: Power, valid: Bools, border: Bools, down: Floats, across: Floats, inside: Bools
) -> tuple[Power, Bools, Bools]:
    """Bilinear at (h, samples, w, samples) positions, averaged over each cell's samples; what is not valid has no
    weight, and half of a cell has to be."""
    height, width = valid.shape
    down, across = np.clip(down, 0, height - 1), np.clip(across, 0, width - 1)
    i, j = np.minimum(down.astype(np.intp), max(height - 2, 0)), np.minimum(across.astype(np.intp), max(width - 2, 0))
    v, u = (down - i).astype(np.float32), (across - j).astype(np.float32)
    whole = bool(inside.all() and valid.all())
    filled = np.where(valid, image, np.float32(0)).reshape(len(image), -1)
    corner, below, beside = i * width + j, width * (height > 1), int(width > 1)
    total = np.zeros((len(image), *down.shape), dtype=np.float32)
    weight = np.zeros(down.shape, dtype=np.float32)
    beyond = np.zeros(down.shape, dtype=np.bool_)
    for step, share in ((0, (1 - v) * (1 - u)), (beside, (1 - v) * u), (below, v * (1 - u)), (below + beside, v * u)):
        at = corner + step
        if not whole:
            share *= valid.ravel()[at] & inside
            beyond |= border.ravel()[at] & inside
        for band in range(len(image)):
            total[band] += share * filled[band][at]
        weight += share
    cells = weight.sum(axis=(1, 3))
    power = np.asarray(total.sum(axis=(2, 4)) / np.maximum(cells, np.float32(1e-6)))
    enough = cells * 2 >= down.shape[1] * down.shape[3]
    return power, np.asarray(enough), np.asarray(beyond.any(axis=(1, 3)))
