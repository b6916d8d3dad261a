"""What is known of a Sentinel product or another raster before a pixel is read, and how a dataset reads it."""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from eobench_dash.domain.datasets import Modality
from eobench_dash.errors import BadInput

MAX_SIDE = 100_000
"""Rows or columns of a product; a Sentinel-1 strip has some 30,000."""
_FRAGMENT = re.compile(r"#xywh=(\d{1,6}),(\d{1,6}),(\d{1,5}),(\d{1,5})\Z")


class ProductKind(StrEnum):
    """What a product is, as far as reading goes."""

    S2_L1C = "s2-l1c"
    S2_L2A = "s2-l2a"
    S1_GRD = "s1-grd"
    RASTER = "raster"  # any geo-referenced raster, of one file or one file a band
    IMAGE = "image"  # a picture without place


class Unit(StrEnum):
    """What a pixel's number means once it is read."""

    REFLECTANCE = "reflectance"  # 0..1, may exceed
    SIGMA0 = "sigma nought"  # linear power, calibrated
    POWER = "power"  # linear power from a file in dB or in power; which calibration is unknown
    STRETCHED = "8-bit stretched"  # a picture: uint8, the unit is lost
    NUMBER = "number"  # digital numbers whose meaning is unknown


@dataclass(frozen=True)
class Band:
    """One band: its name, what its numbers mean, its own ground sampling distance in metres where known."""

    name: str
    unit: Unit
    resolution: float | None = None


@dataclass(frozen=True)
class ReadOptions:
    """How a dataset reads its products: the same for all of them, kept with the dataset.

    ``bands`` empty: all of the product. ``resolution`` in metres (None: the product's usual, 10 m for Sentinel-2, the
    file's own otherwise). ``grid``: Sentinel-1 resampled north-up onto UTM; else in its own geometry. ``unit``
    ("auto" or a Unit or "dB"): what a plain raster's numbers mean. ``modality``: "auto" or what a plain raster shows.
    """

    bands: tuple[str, ...] = ()
    resolution: float | None = None
    grid: bool = False
    unit: str = "auto"
    modality: str = "auto"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "bands": list(self.bands)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``; unknown keys are left out."""
        known = {key: data[key] for key in ("resolution", "grid", "unit", "modality") if key in data}
        return cls(bands=tuple(data.get("bands", ())), **known)


@dataclass(frozen=True)
class Window:
    """A rectangle of a product's reading grid, in pixels: ``row`` and ``col`` of its upper left corner."""

    row: int
    col: int
    height: int
    width: int


Corners = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]
"""(lon, lat) of upper left, upper right, lower right, lower left, in degrees (WGS 84)."""


@dataclass(frozen=True)
class ProductInfo:
    """One product. ``height`` and ``width`` are those of the reading grid (after ReadOptions).

    ``transform``: (a, b, c, d, e, f) from (col, row) to the coordinates of ``crs`` as rasterio's Affine has it, None
    where the grid is not a map (Sentinel-1 in its own geometry, pictures). ``pixel_size``: metres (x, y), None where
    unknown. ``cloud_cover`` 0..1. ``notes``: what a user should know, a sentence each (unit unknown, product cut …).
    ``metadata``: further short values (orbit, baseline, tile, sun and view angles …).
    """

    name: str
    kind: ProductKind
    modality: Modality
    bands: tuple[Band, ...]
    height: int
    width: int
    pixel_size: tuple[float, float] | None = None
    crs: str | None = None
    transform: tuple[float, float, float, float, float, float] | None = None
    corners: Corners | None = None
    sensed_at: datetime | None = None
    cloud_cover: float | None = None
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, str | float | int] = field(default_factory=dict)

    @property
    def band_names(self) -> tuple[str, ...]:
        """Names of the bands, in the order in which they are read."""
        return tuple(band.name for band in self.bands)

    @property
    def unit(self) -> Unit:
        """The unit of its (first) band."""
        return self.bands[0].unit

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        data = asdict(self)
        data["sensed_at"] = self.sensed_at.isoformat() if self.sensed_at else None
        data["metadata"] = dict(self.metadata)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``."""
        return cls(
            name=data["name"],
            kind=ProductKind(data["kind"]),
            modality=Modality(data["modality"]),
            bands=tuple(Band(b["name"], Unit(b["unit"]), b["resolution"]) for b in data["bands"]),
            height=data["height"],
            width=data["width"],
            pixel_size=tuple(data["pixel_size"]) if data["pixel_size"] else None,
            crs=data["crs"],
            transform=tuple(data["transform"]) if data["transform"] else None,
            corners=tuple((lon, lat) for lon, lat in data["corners"]) if data["corners"] else None,  # type: ignore[arg-type]
            sensed_at=datetime.fromisoformat(data["sensed_at"]) if data["sensed_at"] else None,
            cloud_cover=data["cloud_cover"],
            notes=tuple(data["notes"]),
            metadata=dict(data["metadata"]),
        )


def window_path(product: str, window: Window) -> str:
    """The path of a patch that is a window: the product's own path and a media fragment, ``…#xywh=col,row,w,h``."""
    return f"{product}#xywh={window.col},{window.row},{window.width},{window.height}"


def split_window(path: str) -> tuple[str, Window]:
    """The product's path and the window that ``window_path`` put together; BadInput for any other path."""
    found = _FRAGMENT.search(path)
    if found is None or found.start() == 0:
        raise BadInput(f"{path[:120]!r} names no window of a product.")
    col, row, width, height = (int(number) for number in found.groups())
    if not (width > 0 and height > 0 and max(col + width, row + height) <= MAX_SIDE):
        raise BadInput(f"The window of {path[:120]!r} lies outside of every product.")
    return path[: found.start()], Window(row, col, height, width)


def centre(corners: Corners) -> tuple[float, float]:
    """(lon, lat) of the middle of a footprint; right across the date line too."""
    lons = [lon for lon, _ in corners]
    if max(lons) - min(lons) > 180:
        lons = [lon + 360 if lon < 0 else lon for lon in lons]
    lon = math.fsum(lons) / 4
    return (lon - 360 if lon > 180 else lon, math.fsum(lat for _, lat in corners) / 4)
