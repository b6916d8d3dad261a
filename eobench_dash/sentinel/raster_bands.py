"""The bands of one open raster file: its own numbers, and where they mean nothing (nodata, transparency)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rasterio.enums import ColorInterp

from eobench_dash.domain.products import Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import gdal
from eobench_dash.sentinel.raster_layers import Floats, Raw
from eobench_dash.sentinel.raster_product import decimated

SAMPLE = 256
"""Pixels along a side of what is looked at to tell what the numbers mean."""
LATTICE = 4
SMALL = 4_000_000
Gap = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BandFile:
    """One open file. ``palette`` (256, 3): its one band holds the numbers of colours, read as three bands."""

    path: Path
    dataset: Any
    indexes: tuple[int, ...]
    alpha: int | None
    palette: npt.NDArray[np.uint8] | None

    @property
    def count(self) -> int:
        """How many bands it is read as."""
        return len(self.indexes) if self.palette is None else 3

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its numbers."""
        return np.dtype(str(self.dataset.dtypes[0]))

    def read(self, window: Window, places: Sequence[int]) -> tuple[Raw, Gap]:
        """(bands, h, w) numbers of the bands at ``places`` (from 0), and where they mean nothing."""
        return self._split(gdal.read(self.dataset, window=window, bands=self._fetched(places)), places)

    def small(self, places: Sequence[int], height: int, width: int) -> tuple[Raw, Gap]:
        """As ``read``, of the whole file at reduced resolution."""
        return self._split(decimated(self.dataset, self._fetched(places), height, width), places)

    def samples(self) -> list[Floats]:
        """Some numbers of each band, as its own scale has them; NaN where they mean nothing, inf beyond float32."""
        height, width = self.dataset.height, self.dataset.width
        fetched = self._fetched(range(self.count))
        if self.dataset.overviews(1) or height * width <= SMALL:
            shape = min(height, SAMPLE), min(width, SAMPLE)
            found = gdal.read(self.dataset, window=Window(0, 0, height, width), bands=fetched, out_shape=shape)
        else:  # every n-th pixel would decode the whole file: squares of it, on a lattice
            side = min(SAMPLE // LATTICE, height, width)
            rows, cols = (((np.arange(LATTICE) + 0.5) / LATTICE * (n - side)).astype(int) for n in (height, width))
            squares = [Window(int(row), int(col), side, side) for row in rows for col in cols]
            with gdal.options():
                found = np.concatenate([gdal.read(self.dataset, window=w, bands=fetched) for w in squares], axis=1)
        raw, gap = self._split(found, range(self.count))
        scale, offset = self.dataset.scales[0], self.dataset.offsets[0]
        with np.errstate(over="ignore", invalid="ignore"):
            values = (raw.astype(np.float32) * scale + offset).astype(np.float32)
        return list(np.where(gap, np.float32(np.nan), values))

    def _fetched(self, places: Sequence[int]) -> list[int]:
        data = [self.indexes[place] for place in places] if self.palette is None else [self.indexes[0]]
        return data if self.alpha is None else [*data, self.alpha]

    def _split(self, raw: Raw, places: Sequence[int]) -> tuple[Raw, Gap]:
        data = raw if self.alpha is None else raw[:-1]
        gap = np.stack(
            [
                _equal(plane, self.dataset.nodatavals[band - 1])
                for plane, band in zip(data, self._fetched(places), strict=False)
            ]
        )
        if self.palette is not None:
            data = self.palette[data[0]].transpose(2, 0, 1)[list(places)]
            gap = np.repeat(gap, len(places), axis=0)
        if self.alpha is not None:
            gap |= raw[-1] == 0
        return data, gap


def band_file(path: Path, dataset: Any) -> BandFile:
    """What of an open file is data. UnreadableProduct where nothing is, or its bands are of different types."""
    roles = dataset.colorinterp
    alpha = next((i for i, role in zip(dataset.indexes, roles, strict=True) if role == ColorInterp.alpha), None)
    indexes = tuple(i for i in dataset.indexes if i != alpha)
    if not indexes:
        raise UnreadableProduct(f"{path.name} holds nothing but transparency.")
    if len({dataset.dtypes[i - 1] for i in indexes}) > 1:
        raise UnreadableProduct(f"{path.name} holds bands of different types of number; store them in a file each.")
    palette = None
    if len(indexes) == 1 and roles[indexes[0] - 1] == ColorInterp.palette and dataset.dtypes[0] == "uint8":
        with gdal.reading(path):
            colours = dataset.colormap(indexes[0])
        palette = np.array([colours.get(i, (0, 0, 0))[:3] for i in range(256)], np.uint8)
    return BandFile(path, dataset, indexes, alpha, palette)


def _equal(plane: Raw, mark: float | None) -> Gap:
    if mark is None or math.isnan(mark):
        return np.zeros(plane.shape, bool)  # NaN is told as such later
    if np.issubdtype(plane.dtype, np.integer):
        return np.asarray(plane == int(mark) if float(mark).is_integer() else np.zeros(plane.shape, bool))
    with np.errstate(over="ignore"):
        return np.asarray(plane == plane.dtype.type(mark))
