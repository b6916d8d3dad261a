"""A north-up map over a Sentinel-1 image, and pixels resampled onto it, window by window.

The map is UTM (of the image's middle), or polar stereographic (UPS) beyond 84° N and 80° S. Each cell is the mean, in
linear power, of what it covers: the image is averaged in blocks of up to half a cell, then sampled bilinearly at one
(cell = pixel) to nine points of the cell. Where a cell lies in the image is searched on a lattice of some 160 m and
interpolated in between; lattice and blocks are anchored at the map's and the image's corner, so that a pixel is the
same whichever window it is read in.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import rasterio.warp
from rasterio.errors import RasterioError

from eobench_dash.domain.products import MAX_SIDE, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.s1_fields import Floats
from eobench_dash.sentinel.s1_geolocation import Geolocation, to_lonlat, to_normals

WGS84 = "EPSG:4326"
_LATTICE = 160.0
_FAR = 4000.0
"""Metres between lattice points of a picture for the eye; within Geolocation's margin around the image."""
_TILE = 1024
"""Native pixels along the side of what is resampled at once."""

Power = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Native = Callable[[Window], tuple[Power, Bools, Bools]]
"""Power (bands, h, w), valid and border (h, w) of a window that lies inside the image."""


@dataclass(frozen=True, eq=False)
class MapGrid:
    """A map's pixel grid: upper left corner ``left``, ``top`` and ``resolution`` in metres of ``crs``."""

    crs: str
    left: float
    top: float
    resolution: float
    height: int
    width: int
    geolocation: Geolocation

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """As rasterio's Affine has it."""
        return (self.resolution, 0.0, self.left, 0.0, -self.resolution, self.top)

    def lonlat(self, rows: Floats, cols: Floats) -> Floats:
        """(n, 2) degrees of grid positions (corner of a cell: whole numbers)."""
        return _convert(
            self.crs, WGS84, np.stack([self.left + cols * self.resolution, self.top - rows * self.resolution], axis=1)
        )

    def positions(self, rows: Floats, cols: Floats) -> Floats:
        """(n, 2) line and pixel (centres are whole numbers) of grid positions; NaN outside of the image."""
        return self.geolocation.positions(self.lonlat(rows, cols))


def map_grid(geolocation: Geolocation, *, height: int, width: int, resolution: float) -> MapGrid:
    """The map that covers an image of ``height`` × ``width`` pixels. UnreadableProduct where it would be too large."""
    edge = np.linspace(-0.5, height - 0.5, 65), np.linspace(-0.5, width - 0.5, 65)
    lines = np.concatenate([edge[0], edge[0], np.full(65, -0.5), np.full(65, height - 0.5)])
    pixels = np.concatenate([np.full(65, -0.5), np.full(65, width - 0.5), edge[1], edge[1]])
    outline = geolocation.lonlat(lines, pixels)
    crs = _crs(outline)
    x, y = _convert(WGS84, crs, outline).T
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UnreadableProduct("The geolocation of this product cannot be laid onto a map; read it without the grid.")
    left, top = math.floor(x.min() / resolution) * resolution, math.ceil(y.max() / resolution) * resolution
    rows, cols = math.ceil((top - y.min()) / resolution), math.ceil((x.max() - left) / resolution)
    if max(rows, cols) > MAX_SIDE:
        raise UnreadableProduct(
            f"At {resolution:g} m the map would have {rows:,} × {cols:,} pixels, more than {MAX_SIDE:,} a side;"
            " choose a coarser resolution."
        )
    return MapGrid(crs, left, top, resolution, rows, cols, geolocation)


def resample(
    grid: MapGrid, window: Window, native: Native, *, size: tuple[int, int], spacing: float, bands: int
) -> tuple[Power, Bools, Bools]:
    """(bands, h, w) power, (h, w) valid and border of a window that lies inside the grid.

    ``size``: of the image; ``spacing``: of its pixels in metres. Read in tiles, so memory stays bounded.
    """
    ratio = grid.resolution / spacing
    factor = max(1, int(ratio + 1e-9) // 2)
    samples = max(1, math.ceil(ratio / factor - 1e-3))
    step = max(1, min(32, round(_LATTICE / grid.resolution)))
    tile = max(step, int(_TILE / ratio) // step * step)
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
            found = _tile(grid, part, native, size=size, factor=factor, samples=samples, step=step)
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
    step = max(1, min(8, int(_FAR / coarse.resolution)))
    lines, pixels = _where(coarse, Window(0, 0, *shape), np.array([0.5]), step)
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
    grid: MapGrid, part: Window, native: Native, *, size: tuple[int, int], factor: int, samples: int, step: int
) -> tuple[Power, Bools, Bools] | None:
    offsets = (np.arange(samples) + 0.5) / samples
    lines, pixels = _where(grid, part, offsets, step)
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
    power: Power, valid: Bools, border: Bools, down: Floats, across: Floats, inside: Bools
) -> tuple[Power, Bools, Bools]:
    """Bilinear at (h, samples, w, samples) positions, averaged over each cell's samples; what is not valid has no
    weight, and half of a cell has to be."""
    height, width = valid.shape
    down, across = np.where(inside, down, 0), np.where(inside, across, 0)
    i, j = np.floor(down).astype(np.intp), np.floor(across).astype(np.intp)
    v, u = (down - i).astype(np.float32), (across - j).astype(np.float32)
    filled = np.where(valid, power, np.float32(0)).reshape(len(power), -1)
    good, edge = valid.ravel(), border.ravel()
    total = np.zeros((len(power), *down.shape), dtype=np.float32)
    weight = np.zeros(down.shape, dtype=np.float32)
    beyond = np.zeros(down.shape, dtype=np.bool_)
    for di, dj, share in ((0, 0, (1 - v) * (1 - u)), (0, 1, (1 - v) * u), (1, 0, v * (1 - u)), (1, 1, v * u)):
        at = np.clip(i + di, 0, height - 1) * width + np.clip(j + dj, 0, width - 1)
        share = share * (good[at] & inside)
        total += share * filled[:, at]
        weight += share
        beyond |= edge[at] & inside
    cells = weight.sum(axis=(1, 3))
    enough = cells * 2 >= down.shape[1] * down.shape[3]
    return total.sum(axis=(2, 4)) / np.maximum(cells, np.float32(1e-6)), enough, beyond.any(axis=(1, 3))


def _where(grid: MapGrid, part: Window, offsets: Floats, step: int) -> tuple[Floats, Floats]:
    """Lines and pixels (h·samples, w·samples) of the samples of the cells of ``part``; −1e6 outside of the image."""
    rows = (np.arange(part.row, part.row + part.height)[:, None] + offsets).ravel()
    cols = (np.arange(part.col, part.col + part.width)[:, None] + offsets).ravel()
    at = [np.arange(math.floor(x[0] / step), math.floor(x[-1] / step) + 2) * float(step) for x in (rows, cols)]
    lattice = grid.positions(np.repeat(at[0], len(at[1])), np.tile(at[1], len(at[0])))
    lattice = np.where(np.isnan(lattice), -1e6, lattice).reshape(len(at[0]), len(at[1]), 2)
    out = []
    for axis in range(2):
        along = _stretch(lattice[..., axis], rows / step - at[0][0] / step)
        out.append(_stretch(along.T, cols / step - at[1][0] / step).T)
    return out[0], out[1]


def _stretch(values: Floats, x: Floats) -> Floats:
    """Linear interpolation along the first axis at positions ``x``."""
    i = np.minimum(x.astype(np.intp), len(values) - 2)
    w = (x - i)[:, None]
    return np.asarray(values[i] * (1 - w) + values[i + 1] * w)


def _crs(outline: Floats) -> str:
    lon, lat = to_lonlat(to_normals(outline[:, 0], outline[:, 1]).mean(axis=0))
    if outline[:, 1].max() > 84:
        return "EPSG:5041"
    if outline[:, 1].min() < -80:
        return "EPSG:5042"
    return f"EPSG:{32600 if lat >= 0 else 32700}"[:-2] + f"{min(60, int((lon + 180) // 6) + 1):02d}"


def _convert(source: str, target: str, points: Floats) -> Floats:
    """(n, 2) x, y (longitude first)."""
    try:
        x, y = rasterio.warp.transform(source, target, points[:, 0].tolist(), points[:, 1].tolist())
    except RasterioError as error:
        raise UnreadableProduct("The places of this product cannot be projected onto a map.") from error
    return np.stack([np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)], axis=1)
