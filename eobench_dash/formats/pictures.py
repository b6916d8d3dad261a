"""Is this file a whole picture of a kind we read? Bounded before anything is decoded."""
# Plain strings for paths: this runs once a file, and Path objects would cost more than the rest.
# ruff: noqa: PTH123

import struct
import threading
import warnings
import zlib

from PIL import Image, UnidentifiedImageError

from eobench_dash.domain.importing import IssueKind
from eobench_dash.formats.tally import RowProblem

MAX_PIXELS = 64_000_000
MAX_SAMPLES = 256_000_000
"""Pixels times bands of a many-band TIFF."""
MAX_FILE_BYTES = 512 << 20
KINDS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")
SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".webp", ".bmp"})

DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, AttributeError, OverflowError,
    NotImplementedError, RuntimeError, struct.error, zlib.error, UserWarning,
)  # fmt: skip
"""What Pillow's decoders raise on damaged files (its plug-ins do not wrap these)."""
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
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
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with _rasterio_opening, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        source = rasterio.open(path, driver="GTiff")
    with source:
        if source.width * source.height > MAX_PIXELS or source.width * source.height * source.count > MAX_SAMPLES:
            raise RowProblem(IssueKind.TOO_LARGE, f"The picture has more than {MAX_PIXELS:,} pixels or too many bands.")
        source.read()
