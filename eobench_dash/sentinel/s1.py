"""Sentinel-1 GRD products (SAFE folders): sigma nought in linear power, window by window, noise removed.

In the image's own geometry (rows along the orbit), averaged over blocks where a coarser resolution is asked for, or
resampled onto a north-up map (``ReadOptions.grid``).
"""

import math
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.products import Band, ProductInfo, ProductKind, ReadOptions, Unit, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import gdal
from eobench_dash.sentinel.product import Rgb, WindowPixels
from eobench_dash.sentinel.s1_annotation import Annotation, Manifest, read_annotation, read_manifest
from eobench_dash.sentinel.s1_border import CLEAN_SINCE, Border, find_border
from eobench_dash.sentinel.s1_calibration import FLOOR, Power, read_calibration
from eobench_dash.sentinel.s1_checks import (
    GrdBand,
    check_measurement,
    check_places,
    check_resolution,
    check_together,
    factor_of,
    metadata,
    notes,
)
from eobench_dash.sentinel.s1_files import band_files, looks_like_grd
from eobench_dash.sentinel.s1_geolocation import Geolocation
from eobench_dash.sentinel.s1_grid import Bools, Lattice, MapGrid, map_grid
from eobench_dash.sentinel.s1_picture import picture
from eobench_dash.sentinel.s1_quicklook import own_picture
from eobench_dash.sentinel.s1_resample import block_any, block_mean, lookup, resample

__all__ = ["Grd", "looks_like_grd", "open_grd"]

_STRIP = 1 << 20
"""Pixels calibrated at once: some 20 MB of intermediates, and fast in the processor's cache."""


def open_grd(safe: Path, *, options: ReadOptions = ReadOptions()) -> "Grd":  # noqa: B008
    """Open a GRD folder. ``options``: bands (polarisations), resolution in metres, grid. Close the product.

    UnreadableProduct: a file is missing, damaged, or does not fit the others; a band or resolution it cannot give.
    """
    files = band_files(safe, options.bands)
    manifest = read_manifest(safe)
    with ExitStack() as stack:
        bands, annotations = [], []
        for each in files:
            annotation = read_annotation(each.annotation)
            if annotation.polarisation != each.polarisation:
                raise UnreadableProduct(
                    f"{each.annotation.name} is of {annotation.polarisation[:8]}, not of {each.polarisation};"
                    " fetch the product again."
                )
            calibration = read_calibration(each.calibration, each.noise, polarisation=each.polarisation)
            dataset = stack.enter_context(gdal.open_raster(each.measurement, drivers=("GTiff",)))
            check_measurement(each.measurement, dataset, annotation)
            annotations.append(annotation)
            bands.append(GrdBand(each.polarisation, dataset, calibration))
        geolocation = Geolocation(annotations[0])
        for annotation, band in zip(annotations, bands, strict=True):
            check_together(annotation, annotations[0])
            check_places(band.dataset, geolocation)
        product = Grd(safe, annotations[0], bands, geolocation, manifest, options)
        stack.pop_all()
    return product


class Grd:
    """An open Sentinel-1 GRD product; see sentinel.product.Product."""

    info: ProductInfo

    def __init__(
        self,
        safe: Path,
        annotation: Annotation,
        bands: list[GrdBand],
        geolocation: Geolocation,
        manifest: Manifest,
        options: ReadOptions,
    ) -> None:
        self._safe, self._bands, self._geolocation = safe, bands, geolocation
        self._size = (annotation.height, annotation.width)
        self._spacing = math.sqrt(annotation.range_spacing * annotation.azimuth_spacing)
        self._clean = (manifest.ipf_version or (0, 0)) >= CLEAN_SINCE
        self._borders: list[Border] | None = [] if self._clean else None
        self._factor = 1
        self._grid: MapGrid | None = None
        self._lattice: Lattice | None = None
        if options.grid:
            resolution = options.resolution or max(10.0, float(round(self._spacing)))
            check_resolution(resolution, self._spacing)
            self._grid = map_grid(geolocation, height=self._size[0], width=self._size[1], resolution=resolution)
            self._lattice = Lattice(self._grid)
            height, width, pixel = self._grid.height, self._grid.width, (resolution, resolution)
        else:
            self._factor = factor_of(options.resolution, annotation)
            height, width = (n // self._factor for n in self._size)
            pixel = (annotation.range_spacing * self._factor, annotation.azimuth_spacing * self._factor)
        if min(height, width) < 1:
            raise UnreadableProduct(f"{safe.name} has no whole pixel at {options.resolution:g} m; choose a finer one.")
        self.info = ProductInfo(
            name=safe.name.removesuffix(".SAFE"),
            kind=ProductKind.S1_GRD,
            modality=Modality.SAR,
            bands=tuple(Band(b.name, Unit.SIGMA0, annotation.range_spacing) for b in bands),
            height=height,
            width=width,
            pixel_size=pixel,
            crs=self._grid.crs if self._grid else None,
            transform=self._grid.transform if self._grid else None,
            sensed_at=annotation.start,
            notes=notes(annotation, bands, manifest),
            metadata=metadata(annotation, manifest),
        )
        places = self.lonlat([0, 0, height, height], [0, width, width, 0])
        if np.isfinite(places).all():
            a, b, c, d = ((float(lon), float(lat)) for lon, lat in places)
            self.info = replace(self.info, corners=(a, b, c, d))

    def read(self, window: Window) -> WindowPixels:
        """Sigma nought (linear, FLOOR at least) of a window of the reading grid, NaN where there is none."""
        shape = (window.height, window.width)
        values = np.full((len(self._bands), *shape), np.nan, dtype=np.float32)
        nodata, border = np.ones(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
        top, left = max(window.row, 0), max(window.col, 0)
        bottom = min(window.row + window.height, self.info.height)
        right = min(window.col + window.width, self.info.width)
        if top < bottom and left < right:
            power, valid, edge = self._reading(Window(top, left, bottom - top, right - left))
            at = np.s_[top - window.row : bottom - window.row, left - window.col : right - window.col]
            np.maximum(power, np.float32(FLOOR), out=power)
            power[:, ~valid] = np.nan
            values[:, at[0], at[1]], nodata[at], border[at] = power, ~valid, edge
        return WindowPixels(values, nodata, border=border)

    def lonlat(self, rows: npt.ArrayLike, cols: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(n, 2) degrees of positions on the reading grid; NaN far outside of the image."""
        down, across = np.broadcast_arrays(np.asarray(rows, np.float64), np.asarray(cols, np.float64))
        down, across = down.ravel(), across.ravel()
        if self._grid:
            return self._grid.lonlat(down, across)
        # the annotation counts centres of pixels, the reading grid their corners
        return self._geolocation.lonlat(down * self._factor - 0.5, across * self._factor - 0.5)

    def quicklook(self, longest: int) -> Rgb:
        """The whole product: its own picture where it is large enough, else decibels, read at reduced resolution."""
        height, width = self.info.height, self.info.width
        scale = max(1.0, max(height, width) / max(longest, 1))
        shape = (max(1, round(height / scale)), max(1, round(width / scale)))
        if self._grid is None:
            if (own := own_picture(self._safe, shape, size=self._size)) is not None:
                return own
            extent = (height * self._factor, width * self._factor)
            return picture(*self._reduced(extent, shape))
        ratio = max(1.0, scale * self._grid.resolution / self._spacing)
        small = (max(1, math.ceil(self._size[0] / ratio)), max(1, math.ceil(self._size[1] / ratio)))
        if (own := own_picture(self._safe, small, size=self._size)) is not None:
            layers = own.transpose(2, 0, 1).astype(np.float32)
            placed, valid = lookup(self._grid, shape, layers, np.asarray(own.any(axis=2)), size=self._size)
            return np.ascontiguousarray(np.where(valid, placed, 0).astype(np.uint8).transpose(1, 2, 0))
        power, valid = self._reduced(self._size, small)
        return picture(*lookup(self._grid, shape, power, valid, size=self._size))

    def close(self) -> None:
        """Let go of the measurements."""
        for band in self._bands:
            band.dataset.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _reading(self, window: Window) -> tuple[Power, Bools, Bools]:
        """Signed power, valid and border of a window that lies inside the reading grid."""
        if self._lattice:
            return resample(
                self._lattice, window, self._native, size=self._size, spacing=self._spacing, bands=len(self._bands)
            )
        f = self._factor
        if f == 1:
            return self._native(window)
        power = np.empty((len(self._bands), window.height, window.width), dtype=np.float32)
        valid, border = np.empty(power.shape[1:], dtype=np.bool_), np.empty(power.shape[1:], dtype=np.bool_)
        strip = max(1, _STRIP // (window.width * f * f))
        for start in range(0, window.height, strip):
            count = min(strip, window.height - start)
            fine = self._native(Window((window.row + start) * f, window.col * f, count * f, window.width * f))
            part = slice(start, start + count)
            power[:, part], valid[part] = block_mean(fine[0], fine[1], f)
            border[part] = block_any(fine[2], f)
        return power, valid, border

    def _native(self, window: Window) -> tuple[Power, Bools, Bools]:
        """As _reading, in the image's own pixels."""
        shape = (window.height, window.width)
        power = np.empty((len(self._bands), *shape), dtype=np.float32)
        valid, outside = np.ones(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
        cols = np.arange(window.col, window.col + window.width, dtype=np.float64)
        borders = self._find_borders()
        strip = max(1, _STRIP // window.width)
        for start in range(0, window.height, strip):
            count = min(strip, window.height - start)
            part, at = slice(start, start + count), Window(window.row + start, window.col, count, window.width)
            rows = np.arange(at.row, at.row + count, dtype=np.float64)
            measured = np.zeros((count, window.width), dtype=np.bool_)
            for i, band in enumerate(self._bands):
                dn = gdal.read(band.dataset, window=at, bands=[1])[0]
                power[i, part] = band.calibration.power(dn, rows, cols)
                valid[part] &= dn > 0
                measured |= dn > 0
            for border in borders:
                outside[part] |= border.mask(rows, cols)
            outside[part] &= measured
        return power, valid & ~outside, outside

    def _find_borders(self) -> list[Border]:
        """Looked for at the first read, in products of processors that left them."""
        if self._borders is None:
            height, width = self._size
            self._borders = []
            for band in self._bands:

                def line(row: int, band: GrdBand = band) -> npt.NDArray[np.uint16]:
                    return np.asarray(gdal.read(band.dataset, window=Window(row, 0, 1, width), bands=[1])[0, 0])

                found = find_border(line, height, width, band.calibration)
                if found is not None:
                    self._borders.append(found)
        return self._borders

    def _reduced(self, extent: tuple[int, int], shape: tuple[int, int]) -> tuple[Power, Bools]:
        """Power and valid of the image's upper left ``extent`` at ``shape``, the mean of up to 4 × 4 pixels picked in
        each cell: a whole product needs a fraction of its bytes. Means of DN² are calibrated as in the cell's middle
        (noise and gain hardly change within one): a sixteenth of the work."""
        many = [max(1, min(4, full // few)) for full, few in zip(extent, shape, strict=True)]
        fine = (shape[0] * many[0], shape[1] * many[1])
        rows, cols = (_centres(n, full) for n, full in zip(fine, extent, strict=True))
        middles = [_centres(n, full) for n, full in zip(shape, extent, strict=True)]
        power = np.empty((len(self._bands), *shape), dtype=np.float32)
        valid, outside = np.ones(shape, dtype=np.bool_), np.zeros(fine, dtype=np.bool_)
        for border in self._find_borders():
            outside |= border.mask(rows, cols)
        for i, band in enumerate(self._bands):
            dn = gdal.read(band.dataset, window=Window(0, 0, *extent), bands=[1], out_shape=fine)[0]
            filled = (dn > 0) & ~outside
            count = _summed(filled, many)
            mean = _summed(np.square(dn, dtype=np.float32) * filled, many) / np.maximum(count, 1)
            power[i] = band.calibration.power(np.sqrt(mean), *middles)
            valid &= count > 0
        return power, valid


def _centres(count: int, full: int) -> npt.NDArray[np.float64]:
    """Where the middles of ``count`` equal parts of ``full`` pixels lie, counted in centres of pixels."""
    return np.asarray((np.arange(count, dtype=np.float64) + 0.5) * (full / count) - 0.5)


def _summed(values: npt.NDArray[Any], many: list[int]) -> Power:
    """Sums over cells of ``many`` rows and columns; rows first, which lie beside one another in memory."""
    rows = values.reshape(-1, many[0], values.shape[1]).sum(axis=1, dtype=np.float32)
    return np.asarray(sum(rows[:, i :: many[1]] for i in range(many[1])), dtype=np.float32)
