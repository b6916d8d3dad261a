"""Is this file a whole picture of a kind we read? Bounded before anything is decoded."""
# Plain strings for paths: this runs once a file, and Path objects would cost more than the rest.
# ruff: noqa: PTH123

import logging
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from eobench_dash.domain.importing import IssueKind, valid_lonlat
from eobench_dash.formats.tally import RowProblem

MAX_PIXELS = 64_000_000
MAX_SAMPLES = 256_000_000
"""Pixels times bands of a many-band TIFF."""
MAX_FILE_BYTES = 512 << 20
KINDS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")
TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".webp", ".bmp"})

DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, AttributeError, OverflowError,
    NotImplementedError, RuntimeError, struct.error, zlib.error, UserWarning,
)  # fmt: skip
"""What Pillow's decoders raise on damaged files (its plug-ins do not wrap these)."""
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
logging.getLogger("PIL.TiffImagePlugin").setLevel(logging.CRITICAL)
# else a line on stderr for each TIFF of many bands, which rasterio then reads
_rasterio_opening = threading.Lock()


def check_picture(path: str, size: int) -> None:
    """Decode the picture as cheaply as finds damage: PNG by its checksums, JPEG at an eighth of its size, others whole.

    ``size`` is the file's, in bytes. Raises RowProblem (too large, or broken).
    """
    if size > MAX_FILE_BYTES:
        raise RowProblem(IssueKind.TOO_LARGE, f"The file is larger than {MAX_FILE_BYTES >> 20} MB.")
    try:
        with open(path, "rb") as file:
            try:
                with Image.open(file, formats=KINDS) as image:
                    _check_open(image)
            except UnidentifiedImageError:
                file.seek(0)
                if file.read(4)[:2] not in (b"II", b"MM"):
                    raise
                _check_tiff(path)
    except RowProblem:
        raise
    except _BOMBS:
        raise RowProblem(IssueKind.TOO_LARGE, f"The picture has more than {MAX_PIXELS:,} pixels.") from None
    except UnidentifiedImageError:
        raise RowProblem(IssueKind.BROKEN_IMAGE, "This is not a JPEG, PNG, TIFF, WebP or BMP picture.") from None
    except DECODING_ERRORS as error:
        why = str(error)[:120].replace(path, "the file") or type(error).__name__
        raise RowProblem(IssueKind.BROKEN_IMAGE, f"The picture cannot be decoded ({why}).") from None


def _check_open(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise RowProblem(IssueKind.TOO_LARGE, f"The picture has more than {MAX_PIXELS:,} pixels.")
    if image.format == "PNG":
        image.verify()
        return
    image.draft("L", (max(width // 8, 1), max(height // 8, 1)))
    image.load()


def _check_tiff(path: str) -> None:
    """TIFFs that Pillow does not know: many bands, 16 bits a band, floating point."""
    with open_tiff(path) as source:
        if source.width * source.height > MAX_PIXELS or source.width * source.height * source.count > MAX_SAMPLES:
            raise RowProblem(IssueKind.TOO_LARGE, f"The picture has more than {MAX_PIXELS:,} pixels or too many bands.")
        source.read()


@dataclass(frozen=True)
class Seen:
    """What a look at a patch's picture gave: what is wrong with it, or what it says of itself.

    ``place``: (lon, lat) of its middle; ``bands``: how many; ``names``: theirs, "" where the file has none;
    ``negative``: whether most of its numbers are below zero, as decibels are (None: not looked at).
    """

    problem: RowProblem | None = None
    place: tuple[float, float] | None = None
    bands: int | None = None
    names: tuple[str, ...] = ()
    negative: bool | None = None


def look_at_tiff(path: str, *, measure: bool = False) -> Seen:
    """What a TIFF says beside its pixels; with ``measure`` a look at the pixels of its first band too."""
    try:
        with open_tiff(path) as source:
            floating = str(source.dtypes[0]).startswith("float")
            return Seen(
                place=middle(source),
                bands=source.count,
                names=tuple(name or "" for name in source.descriptions),
                negative=_mostly_negative(source) if measure and floating else None,
            )
    except DECODING_ERRORS:  # Pillow has read it; what rasterio cannot is not worth losing a patch for
        return Seen()


def middle(source: Any) -> tuple[float, float] | None:
    """(lon, lat) of the middle of an open raster; None where it has no place on Earth."""
    to_map, column, row = source.transform, source.width / 2, source.height / 2
    x = to_map.a * column + to_map.b * row + to_map.c
    y = to_map.d * column + to_map.e * row + to_map.f
    places = to_degrees(source.crs, [x], [y])
    return places[0] if places and valid_lonlat(*places[0]) else None


def to_degrees(crs: Any, xs: list[float], ys: list[float]) -> list[tuple[float, float]]:
    """Coordinates of a rasterio CRS as (lon, lat); [] without a CRS, or where it does not reach them."""
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError
    from rasterio.warp import transform

    if crs is None or not xs:
        return []
    try:
        lons, lats = transform(crs, "EPSG:4326", xs, ys)
    except (RasterioError, CPLE_BaseError, *DECODING_ERRORS):
        return []
    return [(float(lon), float(lat)) for lon, lat in zip(lons, lats, strict=True)]


@contextmanager
def open_tiff(path: str) -> Iterator[Any]:
    """The open rasterio dataset of one TIFF; no file beside it is looked at."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with _rasterio_opening, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", GDAL_PAM_ENABLED="NO"):
            source = rasterio.open(path, driver="GTiff")
    with source:
        yield source


def _mostly_negative(source: Any) -> bool:
    values = source.read(1, masked=True).compressed()
    values = values[np.isfinite(values)]
    return bool(len(values)) and float(np.mean(values < 0)) > 0.5
