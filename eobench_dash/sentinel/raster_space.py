"""Where a raster lies and how large its pixels are: the grid on which it is read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from rasterio.errors import CRSError

from eobench_dash.domain.products import MAX_SIDE, Corners
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import gdal
from eobench_dash.sentinel.raster_layers import grid_size, step_for
from eobench_dash.sentinel.raster_product import corners, lonlat

_METRES_PER_DEGREE = 111_320.0
_MAJOR, _ECCENTRICITY2 = 6_378_137.0, 0.006_694_38  # of WGS 84
_MAPS_DIFFER = 0.01
"""By more than this a map's metre is not taken for one on the ground, and a pixel not for a square one; UTM stays below
0.001 within its zone."""
_CORNERS_OFF = "Its corners lie off the Earth; patches inside have their place."
Transform = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Space:
    """A reading grid: ``step`` (rows, cols) pixels of the finest file make one of its own."""

    height: int
    width: int
    step: tuple[Fraction, Fraction]
    crs: str | None
    transform: Transform | None
    pixel_size: tuple[float, float] | None
    corners: Corners | None
    note: str


def space_of(path: Path, dataset: Any, resolution: float | None) -> Space:
    """The grid of a raster at a resolution in metres (None: its own).

    No CRS: no place. UnreadableProduct: a CRS in which the raster lies off the Earth, a resolution that cannot be.
    """
    with gdal.reading(path):
        crs, note = _crs(dataset)
    transform = dataset.transform if crs else None
    size, scale_note = _metres(crs, dataset) if crs else (None, "")
    if resolution is not None and (size is None or not 0 < resolution < math.inf):
        raise UnreadableProduct(
            f"{path.name} cannot be read at {resolution:g} m: the size of its pixels in metres is not known, or no"
            " pixel can be of that size; leave the resolution out."
        )
    across, down = size or (1.0, 1.0)
    step = step_for(resolution, down, dataset.height), step_for(resolution, across, dataset.width)
    height, width = grid_size(dataset.height, step[0]), grid_size(dataset.width, step[1])
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise UnreadableProduct(
            f"At {resolution or 0:g} m {path.name} would have {width:,} × {height:,} pixels; choose another resolution."
        )
    grid: Transform | None = None
    if transform is not None:
        t, right, low = transform, float(step[1]), float(step[0])
        grid = (t.a * right, t.b * low, t.c, t.d * right, t.e * low, t.f)
    found = corners(crs, grid, height, width)
    if crs and math.isnan(lonlat(crs, grid, height / 2, width / 2)[0, 0]):
        raise UnreadableProduct(
            f"{path.name} lies off the Earth in the coordinate system that it names ({_short(crs)}):"
            " give it the right one (gdal_edit.py -a_srs)."
        )
    pixel_size = (across * float(step[1]), down * float(step[0])) if size else None
    if crs:
        note = " ".join(filter(None, (scale_note if found else _CORNERS_OFF, _oblong(pixel_size))))
    return Space(
        height=height,
        width=width,
        step=step,
        crs=crs,
        transform=grid,
        pixel_size=pixel_size,
        corners=found,
        note=note,
    )


def check_one_grid(datasets: Mapping[Path, Any]) -> None:
    """UnreadableProduct where files do not cover the same ground (of one corner, one extent, one CRS)."""
    (first, base), *others = sorted(datasets.items(), key=lambda item: -item[1].width)
    for path, dataset in others:
        if dataset.crs != base.crs:
            raise UnreadableProduct(
                f"{path.name} and {first.name} are in different coordinate systems; they are not of one product."
            )
        a, b = base.transform, dataset.transform
        placed = not (a.is_identity and b.is_identity)
        slack = 0.5 * max(abs(a.a), abs(a.e)) if placed else 0.0
        theirs = _far_corner(b, dataset) if placed else (0, dataset.width * base.height)
        ours = _far_corner(a, base) if placed else (0, dataset.height * base.width)
        apart = max(abs(x - y) for x, y in zip((b.c, b.f, *theirs), (a.c, a.f, *ours), strict=True))
        if not apart <= slack:
            raise UnreadableProduct(
                f"{path.name} and {first.name} do not cover the same ground; they are not of one product."
            )


def _far_corner(t: Any, dataset: Any) -> tuple[float, float]:
    col, row = dataset.width, dataset.height
    return t.a * col + t.b * row + t.c, t.d * col + t.e * row + t.f


def _crs(dataset: Any) -> tuple[str | None, str]:
    """(CRS, "") or (None, why there is no place)."""
    unknown = "It names no coordinate system: where it lies is not known."
    if dataset.crs is None or dataset.transform.is_identity:
        return None, unknown
    if dataset.transform.is_degenerate or not all(math.isfinite(v) for v in dataset.transform[:6]):
        return None, "Its pixels have no size: where it lies is not known."
    try:
        if not (dataset.crs.is_projected or dataset.crs.is_geographic):
            return None, unknown
        return str(dataset.crs.to_string()), ""
    except CRSError:
        return None, unknown


def _metres(crs: str, dataset: Any) -> tuple[tuple[float, float], str]:
    """A pixel's (width, height) on the ground at the middle of the raster, and what is to be said of it."""
    t = dataset.transform
    across, down = math.hypot(t.a, t.d), math.hypot(t.b, t.e)
    if dataset.crs.is_geographic:
        latitude = min(abs(t.f + t.d * dataset.width / 2 + t.e * dataset.height / 2), 89.0)
        return (across * _METRES_PER_DEGREE * math.cos(math.radians(latitude)), down * _METRES_PER_DEGREE), ""
    try:
        factor = float(dataset.crs.linear_units_factor[1])
    except CRSError:
        factor = 1.0
    named = across * factor, down * factor
    ground = _ground(crs, dataset)
    scales = [real / said for real, said in zip(ground, named, strict=True)]
    if not any(abs(scale - 1) > _MAPS_DIFFER for scale in scales):  # nan: off the Earth, refused elsewhere
        return named, ""
    if _differ(*scales):  # no one number says it; what the pixels are is said instead
        return ground, ""
    scale = math.sqrt(scales[0] * scales[1])
    return (
        ground,
        f"A metre of its map ({_short(crs)}) is {scale:.2f} m on the ground here; sizes are those on the ground.",
    )


def _differ(across: float, down: float) -> bool:
    return abs(across / down - 1) > _MAPS_DIFFER


def _oblong(pixel_size: tuple[float, float] | None) -> str:
    """What is to be said of pixels that are not square on the ground."""
    if pixel_size is None or not _differ(*pixel_size):
        return ""
    across, down = pixel_size
    return (
        f"A pixel is {across:.4g} × {down:.4g} m on the ground: a patch asked for in metres is not square there."
        " A resolution (“Pixel size” on the page, --resolution) makes it square."
    )


def _ground(crs: str, dataset: Any) -> tuple[float, float]:
    """Metres that the pixel in the middle covers in each direction, on the ellipsoid; nan off the Earth."""
    row, col = dataset.height / 2, dataset.width / 2
    place = lonlat(crs, tuple(dataset.transform)[:6], [row, row, row - 1, row + 1], [col - 1, col + 1, col, col])
    latitude = math.radians(place[:, 1].mean())
    bend = 1 - _ECCENTRICITY2 * math.sin(latitude) ** 2
    parallel, meridian = _MAJOR / math.sqrt(bend), _MAJOR * (1 - _ECCENTRICITY2) / bend**1.5  # radii of curvature

    def length(a: int, b: int) -> float:
        east = math.radians((place[b, 0] - place[a, 0] + 180) % 360 - 180)
        north = math.radians(place[b, 1] - place[a, 1])
        return math.hypot(east * parallel * math.cos(latitude), north * meridian) / 2

    return length(0, 1), length(2, 3)


def _short(crs: str) -> str:
    return crs if len(crs) <= 40 else f"{crs[:40]}…"
