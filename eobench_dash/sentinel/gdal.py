"""GDAL with its doors shut: a few drivers, told by content; no side-car files, no virtual rasters, bounded sizes."""

import struct
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window as RasterioWindow

from eobench_dash.domain.products import MAX_SIDE, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.guard import regular_file

DRIVERS = ("GTiff", "JP2OpenJPEG", "PNG", "JPEG")
MAX_BANDS = 1024
MAX_PIXELS = 4_000_000_000
"""Of one band; a Sentinel-1 strip has 0.6, a Sentinel-2 tile 0.12 thousand million."""
MAX_BLOCK_BYTES = 512 << 20
"""What has to be decoded at once to read a single pixel: files without tiles can be too coarse for that."""
CACHE_BYTES = 256 << 20

_MAGIC = (
    (b"II*\0", "GTiff"), (b"MM\0*", "GTiff"), (b"II+\0", "GTiff"), (b"MM\0+", "GTiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JP2OpenJPEG"), (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG"),
)  # fmt: skip
_OPTIONS: dict[str, Any] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # no .ovr, .msk, .tfw … beside the file
    "GDAL_PAM_ENABLED": "NO",  # nor .aux.xml
    "GDAL_ERROR_ON_LIBJPEG_WARNING": "YES",  # a cut JPEG is an error, not grey rows
    "GDAL_CACHEMAX": CACHE_BYTES,
}
_FAULTS = (RasterioError, CPLE_BaseError, OSError, ValueError, MemoryError)
_opening = threading.Lock()


def told_driver(path: Path) -> str | None:
    """The driver for a file's content, None for what is not read here. UnreadableProduct where there is no file."""
    regular_file(path)
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        raise UnreadableProduct(f"{path.name} cannot be read; check its rights.") from None
    return next((driver for magic, driver in _MAGIC if head.startswith(magic)), None)


def open_raster(path: Path, *, drivers: Sequence[str] = DRIVERS) -> Any:
    """The rasterio dataset of a file on this disk; close it. Read it by ``read`` (or within ``reading``).

    UnreadableProduct: not a file, not of the drivers' kinds (virtual rasters and references to elsewhere are named as
    such), larger than is read, damaged, or shorter than its own directory says.
    """
    if any(part.startswith("vsi") for part in path.parts[:2]) or "://" in str(path):
        raise UnreadableProduct(f"{path.name} refers to another place (/vsi…, URL); give a file of this machine.")
    size = regular_file(path)
    driver = told_driver(path)
    if driver is None or driver not in drivers:
        raise UnreadableProduct(_refusal(path, drivers))
    _check_length(path, driver, size)
    # an absolute pathlib.Path: rasterio takes neither a scheme nor an archive out of it, nor GDAL a driver's prefix
    with reading(path), _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        dataset = rasterio.open(path.resolve(), driver=driver)
    try:
        _check_size(path, dataset)
        if driver == "GTiff":
            _check_blocks(path, dataset, size)
    except UnreadableProduct:
        dataset.close()
        raise
    return dataset


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """GDAL's options for one thread, and its errors turned into UnreadableProduct sentences about ``path``."""
    try:
        with rasterio.Env(**_OPTIONS):
            yield
    except MemoryError as error:
        raise UnreadableProduct(f"There is not enough memory to read {path.name}; read smaller patches.") from error
    except _FAULTS as error:
        raise UnreadableProduct(_fault(path)) from error


def read(
    dataset: Any,
    *,
    window: Window,
    bands: Sequence[int] | None = None,
    out_shape: tuple[int, int] | None = None,
    resampling: Resampling = Resampling.nearest,
) -> npt.NDArray[Any]:
    """(bands, height, width) of a window that lies inside the dataset, in the file's own numbers.

    ``bands`` count from 1 (None: all); ``out_shape`` (height, width) reads at another resolution, from overviews
    where the file has them. UnreadableProduct where the file is damaged there.
    """
    with reading(Path(dataset.name)):
        values: npt.NDArray[Any] = dataset.read(
            indexes=list(bands or dataset.indexes),
            window=RasterioWindow(window.col, window.row, window.width, window.height),
            out_shape=None if out_shape is None else (len(bands or dataset.indexes), *out_shape),
            resampling=resampling,
        )
        return values


def _check_size(path: Path, dataset: Any) -> None:
    height, width, count = dataset.height, dataset.width, dataset.count
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS or not 1 <= count <= MAX_BANDS:
        raise UnreadableProduct(
            f"{path.name} claims {width:,} × {height:,} pixels in {count:,} bands, more than is read"
            f" ({MAX_SIDE:,} a side, {MAX_PIXELS:,} in all, {MAX_BANDS:,} bands); cut it into smaller files."
        )
    types = {str(t) for t in dataset.dtypes}
    if any("complex" in t for t in types):
        raise UnreadableProduct(f"{path.name} holds complex numbers; convert it to amplitude or power first.")
    together = count if str(dataset.interleaving).lower().endswith("pixel") else 1
    block = max(h * w for h, w in dataset.block_shapes) * together * max(np.dtype(t).itemsize for t in types)
    if block > MAX_BLOCK_BYTES:
        raise UnreadableProduct(
            f"{path.name} is stored in blocks of {block >> 20:,} MB, too large to read parts of it;"
            " store it in tiles (gdal_translate -co TILED=YES)."
        )


def _check_length(path: Path, driver: str, size: int) -> None:
    """Refuse a file whose own directory names more bytes than it has (the usual broken-off copy)."""
    with path.open("rb") as file:
        head = file.read(16)
        if driver == "GTiff" and len(head) >= 8:
            order = "<" if head[:2] == b"II" else ">"
            big = head[2:4] in (b"+\0", b"\0+")
            if big and len(head) < 16:
                raise UnreadableProduct(_cut(path, size, 16))
            (directory,) = struct.unpack(order + ("Q" if big else "I"), head[8:16] if big else head[4:8])
            if directory >= size:
                raise UnreadableProduct(_cut(path, size, directory))
        elif driver == "JP2OpenJPEG" and head[4:8] == b"jP  ":
            at = 0
            while at < size:  # each box is at least 8 bytes long
                file.seek(at)
                box = file.read(16)
                length = int.from_bytes(box[:4], "big")
                if length == 1:
                    length = int.from_bytes(box[8:16], "big")
                if length == 0:  # the rest of the file
                    return
                if length < 8 or at + length > size:
                    raise UnreadableProduct(_cut(path, size, at + max(length, 8)))
                at += length


def _check_blocks(path: Path, dataset: Any, size: int) -> None:
    height, width = dataset.block_shapes[-1]
    column, row = (dataset.width - 1) // width, (dataset.height - 1) // height
    with reading(path):
        place, length = (
            dataset.get_tag_item(f"BLOCK_{what}_{column}_{row}", "TIFF", dataset.count) for what in ("OFFSET", "SIZE")
        )
    if place and length and int(place) + int(length) > size:
        raise UnreadableProduct(_cut(path, size, int(place) + int(length)))


def _refusal(path: Path, drivers: Sequence[str]) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    if b"<VRTDataset" in head or path.suffix.lower() == ".vrt":
        return f"{path.name} is a virtual raster (VRT), which names other files; give the files themselves."
    if b"/vsi" in head or b"://" in head:
        return f"{path.name} refers to another place (/vsi…, URL) instead of holding pixels; give the file itself."
    if not head:
        return f"{path.name} is empty; fetch it again."
    kinds = ", ".join({"GTiff": "TIFF", "JP2OpenJPEG": "JPEG 2000"}.get(d, d) for d in drivers)
    return f"{path.name} is not a raster of a kind that is read here ({kinds})."


def _cut(path: Path, size: int, least: int) -> str:
    return f"{path.name} is cut short: it has {size:,} of at least {least:,} bytes; copy or download it again."


def _fault(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(4)
            file.seek(-min(64, path.stat().st_size), 2)
            tail = file.read()
    except OSError:
        return f"{path.name} has vanished or cannot be read any more; bring it back and try again."
    ends = {
        b"\x89PNG": b"IEND",
        b"\xff\xd8\xff": b"\xff\xd9",
        b"\0\0\0\x0c": b"\xff\xd9",
        b"\xff\x4f\xff\x51": b"\xff\xd9",
    }
    end = next((mark for magic, mark in ends.items() if head.startswith(magic)), b"")
    if end not in tail:
        return f"{path.name} is cut short: the end of the picture is missing; copy or download it again."
    return f"{path.name} is damaged: its pixels cannot be decoded; copy or download it again."
