"""A product on a grid (north-up or at least affine) whose bands are layers: Sentinel-2 and plain rasters share it."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import rasterio.warp
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import CRSError, RasterioError

from eobench_dash.domain.products import Corners, ProductInfo, Window
from eobench_dash.sentinel import gdal
from eobench_dash.sentinel.product import Rgb, WindowPixels
from eobench_dash.sentinel.raster_layers import Floats, Layer

WGS84 = "EPSG:4326"
_WHOLE_FILE = 16_000_000
"""Pixels up to which a file without overviews is read whole for its quick-look; of larger ones every n-th pixel is."""
_STRETCH = (2.0, 98.0)


class GridProduct:
    """One open product (sentinel.product.Product). ``layers``: together the bands of ``info``, in their order.

    ``cloud``: a layer of one band, the share of cloud (0..1). ``picture(height, width)``: the whole product, small.
    ``eight_bit``: uint8 comes out. ``zero_is_gap``: a pixel that is 0 in every band was not measured.
    """

    def __init__(
        self,
        info: ProductInfo,
        *,
        layers: Sequence[Layer],
        cloud: Layer | None,
        picture: Callable[[int, int], Rgb],
        close: Callable[[], None],
        eight_bit: bool = False,
        zero_is_gap: bool = False,
    ) -> None:
        self.info = info
        self._layers = tuple(layers)
        self._cloud = cloud
        self._picture = picture
        self._close = close
        self._eight_bit = eight_bit
        self._zero_is_gap = zero_is_gap

    def read(self, window: Window) -> WindowPixels:
        with gdal.options():
            values = np.concatenate([layer.read(window) for layer in self._layers])
        if self._zero_is_gap:
            values[:, (values == 0).all(axis=0)] = np.nan
        missing = np.isnan(values)
        cloud = None
        if self._cloud is not None:
            cloud = np.nan_to_num(self._cloud.read(window)[0], nan=0.0) >= 0.5
        if self._eight_bit:
            # a dark red is no gap: only what is missing in every band is
            return WindowPixels(np.rint(np.where(missing, 0, values)).astype(np.uint8), missing.all(axis=0), cloud)
        return WindowPixels(values, missing.any(axis=0), cloud)

    def lonlat(self, rows: npt.ArrayLike, cols: npt.ArrayLike) -> npt.NDArray[np.float64]:
        return lonlat(self.info.crs, self.info.transform, rows, cols)

    def quicklook(self, longest: int) -> Rgb:
        height, width = self.info.height, self.info.width
        scale = min(1.0, max(longest, 1) / max(height, width))
        return self._picture(max(round(height * scale), 1), max(round(width * scale), 1))

    def close(self) -> None:
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def lonlat(
    crs: str | None,
    transform: tuple[float, float, float, float, float, float] | None,
    rows: npt.ArrayLike,
    cols: npt.ArrayLike,
) -> npt.NDArray[np.float64]:
    """(n, 2) degrees of grid positions; NaN where there is no place, or none on Earth."""
    down, across = np.broadcast_arrays(np.atleast_1d(np.asarray(rows, float)), np.atleast_1d(np.asarray(cols, float)))
    place = np.full((down.size, 2), np.nan)
    if crs is None or transform is None or down.size == 0:
        return place
    a, b, c, d, e, f = transform
    xs, ys = a * across.ravel() + b * down.ravel() + c, d * across.ravel() + e * down.ravel() + f
    try:
        found = rasterio.warp.transform(crs, WGS84, xs, ys)
    except (RasterioError, CRSError, CPLE_BaseError, ValueError):  # no place on Earth, or on another planet
        return place
    place[:] = np.transpose(found[:2])
    possible = np.isfinite(place).all(axis=1) & (np.abs(place[:, 1]) <= 90) & (np.abs(place[:, 0]) <= 540)
    place[~possible] = np.nan
    place[:, 0] = (place[:, 0] + 180) % 360 - 180  # grids of 0..360 degrees, and those across the date line
    return place


def corners(
    crs: str | None, transform: tuple[float, float, float, float, float, float] | None, height: int, width: int
) -> Corners | None:
    """(lon, lat) of the four corners, None without place."""
    found = lonlat(crs, transform, [0, 0, height, height], [0, width, width, 0])
    if np.isnan(found).any():
        return None
    first, second, third, fourth = ((float(lon), float(lat)) for lon, lat in found)
    return first, second, third, fourth


def decimated(dataset: Any, bands: Sequence[int], height: int, width: int) -> npt.NDArray[Any]:
    """(bands, height, width) of a whole file, from its overviews where it has them."""
    whole = Window(0, 0, dataset.height, dataset.width)
    cheap = bool(dataset.overviews(bands[0])) or dataset.height * dataset.width <= _WHOLE_FILE
    how = Resampling.average if cheap else Resampling.nearest
    return gdal.read(dataset, window=whole, bands=bands, out_shape=(height, width), resampling=how)


def for_the_eye(values: Floats, *, bounds: tuple[float, float] | None = None, each: bool = False) -> Rgb:
    """(1 or 3 bands, h, w) as RGB, from black to white within ``bounds``.

    Without: from 2 to 98 % of all (what is grey stays grey), or of ``each`` band (whose units differ).
    """
    planes = values if len(values) == 3 else np.repeat(values[:1], 3, axis=0)
    ranges = [bounds or _bounds(plane if each else planes) for plane in planes]
    low, high = np.array(ranges, np.float32).T[:, :, None, None]
    unit = np.nan_to_num((planes - low) / np.maximum(high - low, 1e-9), nan=0.0, posinf=1.0, neginf=0.0)
    return np.ascontiguousarray((np.clip(unit, 0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0))


def _bounds(values: Floats) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = np.percentile(finite, _STRETCH)
    return float(low), float(high)
