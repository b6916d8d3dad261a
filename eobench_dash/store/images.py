"""The pixels of imported patches, read from the dataset's own files.

Every read goes: real path below the root, regular file, size bound, kind by content, pixel bound, and only then
decoding. The bytes are decoded from memory, so no side-car file beside a TIFF is ever looked at.

A dataset's ``source_params`` say how its files are read: a patch may be a folder with one file a band (layout), its
floating-point numbers may be decibels, which become linear power here (options, unit).
"""

import io
import logging
import os
import stat
import struct
import threading
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from eobench_dash.domain.importing import clean_relative_path
from eobench_dash.domain.patch_folders import LAYOUT, band_file
from eobench_dash.domain.resampling import resize
from eobench_dash.errors import PatchUnreadable, PathRefused
from eobench_dash.store.render import encode, render, thumbnail

__all__ = ["PatchImages", "encode", "render", "thumbnail"]

MAX_PIXELS = 64_000_000
MAX_SAMPLES = 256_000_000
MAX_FILE_BYTES = 512 << 20
KINDS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")
WEB_SAFE = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""What browsers show as it is."""

Pixels = npt.NDArray[Any]
"""(bands, height, width), uint8, uint16 or float32."""

_DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, AttributeError, OverflowError,
    NotImplementedError, RuntimeError, struct.error, zlib.error, UserWarning,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip
_GDAL_NODATA = 42113
_DIRECT = {"L": np.uint8, "RGB": np.uint8, "I;16": np.uint16, "I;16L": np.uint16, "I;16B": np.uint16, "F": np.float32}
logging.getLogger("PIL.TiffImagePlugin").setLevel(logging.CRITICAL)
# else a line on stderr for each TIFF of many bands, which rasterio then reads
_rasterio_opening = threading.Lock()


class PatchImages:
    """The images below one dataset's root. PatchUnreadable for whatever cannot be shown, PathRefused for a bad path."""

    def __init__(self, root: Path, params: Mapping[str, Any] | None = None) -> None:
        """``params``: the dataset's source_params."""
        self._root = os.path.realpath(root)
        params = params or {}
        self._band_files = tuple(map(str, params.get("bands", ()))) if params.get("layout") == LAYOUT else ()
        options = params.get("options")
        self._decibels = isinstance(options, Mapping) and options.get("unit") == "dB"

    def read(self, path: str) -> Pixels:
        """The pixels of one patch (bands, height, width): uint8, uint16 or float32; transparency is dropped.

        Floating-point numbers are NaN where the file has no data, and linear power where it holds decibels. Bands of a
        folder come in the order of the dataset's, on the finest of their grids.
        """
        pixels = self._read_folder(path) if self._band_files else self._read_file(path)
        return to_power(pixels) if self._decibels and pixels.dtype == np.float32 else pixels

    def _read_folder(self, path: str) -> Pixels:
        """The bands of a patch that is a folder: uint16 if all are (resampled ones rounded), else float32."""
        folder = clean_relative_path(path)
        bands = [self._read_file(band_file(folder, band)) for band in self._band_files]
        if any(len(band) != 1 for band in bands):
            raise PatchUnreadable("A file of this patch's folder holds several bands; one band a file is expected.")
        height, width = (max(band.shape[axis] for band in bands) for axis in (1, 2))
        _check_size(width, height, len(bands))
        kinds = {band.dtype for band in bands}
        if len(kinds) == 1 and all(band.shape[1:] == (height, width) for band in bands):
            return np.concatenate(bands)
        values = np.concatenate([resize(band.astype(np.float32), height, width) for band in bands])
        return np.rint(values).astype(np.uint16) if kinds <= {np.dtype(np.uint16), np.dtype(np.uint8)} else values

    def _read_file(self, path: str) -> Pixels:
        data = self._bytes(path)
        try:
            with Image.open(io.BytesIO(data), formats=KINDS) as image:
                _check_size(image.width, image.height, 1)
                return _pixels(image)
        except UnidentifiedImageError:
            if data[:2] in (b"II", b"MM"):
                return _tiff_pixels(data)
            raise PatchUnreadable("This patch is not a JPEG, PNG, TIFF, WebP or BMP picture.") from None
        except _DECODING_ERRORS as error:
            raise PatchUnreadable("The picture of this patch is damaged; replace the file.") from error

    def open_bytes(self, path: str, *, modality: str = "optical") -> tuple[bytes, str]:
        """The patch as (bytes, media type) for a browser: the file itself where browsers know it, else a PNG of it."""
        if self._band_files or self._decibels:
            return encode(render(self.read(path), modality), kind="PNG"), "image/png"
        data = self._bytes(path)
        try:
            with Image.open(io.BytesIO(data), formats=tuple(WEB_SAFE)) as image:
                _check_size(image.width, image.height, 1)
                # an MPO (several JPEGs in one file) comes from the JPEG reader too; it is shown as a PNG of its first
                kind = WEB_SAFE.get(str(image.format))
                if kind is not None and image.mode in {"1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"}:
                    return data, kind
        except UnidentifiedImageError:
            pass
        except _DECODING_ERRORS as error:
            raise PatchUnreadable("The picture of this patch is damaged; replace the file.") from error
        return encode(render(self.read(path), modality), kind="PNG"), "image/png"

    def _bytes(self, path: str) -> bytes:
        relative = clean_relative_path(path)
        real = os.path.realpath(Path(self._root, relative))
        if not Path(real).is_relative_to(self._root):
            raise PathRefused("The path of this patch leads out of the dataset's folder.")
        try:
            # O_NONBLOCK: opening a named pipe must not wait for somebody to write to it
            handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            raise PatchUnreadable("The file of this patch is missing or cannot be read.") from None
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            os.close(handle)
            raise PatchUnreadable("The path of this patch names no file.")
        with os.fdopen(handle, "rb") as file:
            if status.st_size > MAX_FILE_BYTES:
                raise PatchUnreadable(f"The file of this patch is larger than {MAX_FILE_BYTES >> 20} MB.")
            return file.read(status.st_size)  # no more: a buffer of the largest size costs more than to decode


def _check_size(width: int, height: int, bands: int) -> None:
    if width * height > MAX_PIXELS or width * height * bands > MAX_SAMPLES:
        raise PatchUnreadable(f"The picture of this patch has more than {MAX_PIXELS:,} pixels or too many bands.")


def _pixels(image: Image.Image) -> Pixels:
    if image.mode == "I":
        values = np.asarray(image)
        fits = values.size and values.min() >= 0 and values.max() <= np.iinfo(np.uint16).max
        return values[None].astype(np.uint16 if fits else np.float32)
    if image.mode not in _DIRECT:
        # palettes, bilevel, transparency, CMYK …
        image = image.convert("L" if image.mode in {"1", "LA"} else "RGB")
    values = np.asarray(image, dtype=_DIRECT[image.mode])
    if image.mode == "F" and image.format == "TIFF":
        values = _without_nodata(values, getattr(image, "tag_v2", {}).get(_GDAL_NODATA))
    return values[None] if values.ndim == 2 else np.ascontiguousarray(values.transpose(2, 0, 1))


def _tiff_pixels(data: bytes) -> Pixels:
    """TIFFs that Pillow does not know: many bands, floating point, 16 bits in several bands."""
    from rasterio.errors import NotGeoreferencedWarning, RasterioError
    from rasterio.io import MemoryFile

    try:
        with _rasterio_opening, warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with MemoryFile(data) as memory, memory.open(driver="GTiff") as source:
                _check_size(source.width, source.height, source.count)
                values: Pixels = source.read()
                nodata = source.nodata
    except (RasterioError, *_DECODING_ERRORS) as error:
        raise PatchUnreadable("The TIFF of this patch is damaged or of a kind that is not read.") from error
    if np.iscomplexobj(values):
        values = np.abs(values)
    if values.dtype in (np.uint8, np.uint16):
        return values
    if values.dtype == np.int16:  # digital numbers as other tools write them; below zero there is no reflectance
        if nodata is not None:
            values = np.where(values == nodata, np.int16(0), values)
        return np.maximum(values, 0).astype(np.uint16)
    with np.errstate(over="ignore"):
        return _without_nodata(values.astype(np.float32), nodata)


def to_power(decibels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Decibels as linear power, float32: 10^(x / 10). NaN stays; what no sensor measures is held at ±100 dB."""
    return np.asarray(np.power(np.float32(10), np.clip(decibels, -100, 100) / np.float32(10)), dtype=np.float32)


def _without_nodata(values: npt.NDArray[np.float32], nodata: Any) -> npt.NDArray[np.float32]:
    """NaN where the file says that there is no data (a number, or its text as TIFF keeps it)."""
    try:
        mark = np.float32(nodata)
    except (TypeError, ValueError, OverflowError):
        return values
    return np.where(values == mark, np.float32(np.nan), values) if (values == mark).any() else values
