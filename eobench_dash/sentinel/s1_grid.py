"""A north-up map over a Sentinel-1 image, and where each of its cells lies in the image.

The map is UTM (of the image's middle), or polar stereographic (UPS) beyond 84° N and 80° S. Where a cell lies is
searched on a lattice of some 80 m and interpolated in between; the lattice is anchored at the map's corner, so that a
cell has the same place whichever window it is read in.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import rasterio.warp
from rasterio.errors import RasterioError

from eobench_dash.domain.products import MAX_SIDE, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.s1_fields import Floats
from eobench_dash.sentinel.s1_geolocation import Geolocation, to_lonlat, to_normals

WGS84 = "EPSG:4326"
SPACING = 80.0
_BLOCK = 32
_KEPT = 256
"""Blocks of the lattice that are remembered (16 kB each): neighbouring patches share them."""
_NOWHERE = -1e6

Bools = npt.NDArray[np.bool_]


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


class Lattice:
    """Positions in the image on every ``step``-th cell corner, worked out in blocks on need."""

    def __init__(self, grid: MapGrid, step: int | None = None) -> None:
        self.grid = grid
        self.step = step or max(1, min(32, round(SPACING / grid.resolution)))
        self._blocks: OrderedDict[tuple[int, int], Floats] = OrderedDict()

    def where(self, part: Window, offsets: Floats) -> tuple[Floats, Floats]:
        """Lines and pixels (h·k, w·k) of the k² points at ``offsets`` (0..1) of each cell of ``part``; far below 0
        outside of the image."""
        rows = (np.arange(part.row, part.row + part.height)[:, None] + offsets).ravel() / self.step
        cols = (np.arange(part.col, part.col + part.width)[:, None] + offsets).ravel() / self.step
        i, j = ((math.floor(x[0]), math.floor(x[-1]) + 2) for x in (rows, cols))
        points = self._points(i, j)
        lines, pixels = (_stretch(_stretch(points[..., k], rows - i[0]).T, cols - j[0]).T for k in (0, 1))
        # between a place and nowhere is nowhere: anything else could be a number inside of the image
        return np.nan_to_num(lines, nan=_NOWHERE), np.nan_to_num(pixels, nan=_NOWHERE)

    def _points(self, i: tuple[int, int], j: tuple[int, int]) -> Floats:
        """(lines, columns, 2) of the lattice between the numbers ``i`` and ``j`` (ends excluded)."""
        out = np.empty((i[1] - i[0], j[1] - j[0], 2))
        for a in range(i[0] // _BLOCK, (i[1] - 1) // _BLOCK + 1):
            for b in range(j[0] // _BLOCK, (j[1] - 1) // _BLOCK + 1):
                top, left = max(i[0], a * _BLOCK), max(j[0], b * _BLOCK)
                bottom, right = min(i[1], (a + 1) * _BLOCK), min(j[1], (b + 1) * _BLOCK)
                part = self._block(a, b)[top - a * _BLOCK : bottom - a * _BLOCK, left - b * _BLOCK : right - b * _BLOCK]
                out[top - i[0] : bottom - i[0], left - j[0] : right - j[0]] = part
        return out

    def _block(self, a: int, b: int) -> Floats:
        block = self._blocks.pop((a, b), None)
        if block is None:
            inner = np.arange(_BLOCK)
            rows, cols = np.meshgrid((a * _BLOCK + inner) * self.step, (b * _BLOCK + inner) * self.step, indexing="ij")
            found = self.grid.positions(rows.ravel().astype(np.float64), cols.ravel().astype(np.float64))
            block = found.reshape(_BLOCK, _BLOCK, 2)
        self._blocks[a, b] = block
        while len(self._blocks) > _KEPT:
            self._blocks.popitem(last=False)
        return block


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
