"""The pixels of imported patches, read from the dataset's own files.

Every read goes: real path below the root, regular file, size bound, kind by content, pixel bound, and only then
decoding. The bytes are decoded from memory, so no side-car file beside a TIFF is ever looked at.
"""

import io
import logging
import os
import stat
import struct
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from eobench_dash.domain.importing import clean_relative_path
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
_DIRECT = {"L": np.uint8, "RGB": np.uint8, "I;16": np.uint16, "I;16L": np.uint16, "I;16B": np.uint16, "F": np.float32}
logging.getLogger("PIL.TiffImagePlugin").setLevel(logging.CRITICAL)
# else a line on stderr for each TIFF of many bands, which rasterio then reads
_rasterio_opening = threading.Lock()


class PatchImages:
    """The images below one dataset's root. PatchUnreadable for whatever cannot be shown, PathRefused for a bad path."""

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)

    def read(self, path: str) -> Pixels:
        """The pixels of one patch (bands, height, width): uint8, uint16 or float32; transparency is dropped."""
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
    except (RasterioError, *_DECODING_ERRORS) as error:
        raise PatchUnreadable("The TIFF of this patch is damaged or of a kind that is not read.") from error
    if np.iscomplexobj(values):
        values = np.abs(values)
    return values if values.dtype in (np.uint8, np.uint16) else values.astype(np.float32)
