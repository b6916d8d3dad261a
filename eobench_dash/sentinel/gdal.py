"""GDAL with its doors shut: a few drivers, told by content; no side-car files, no virtual rasters, bounded sizes."""

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
from eobench_dash.sentinel.raster_length import ends, least_length

DRIVERS = ("GTiff", "JP2OpenJPEG", "PNG", "JPEG")
MAX_BANDS = 1024
MAX_PIXELS = 4_000_000_000
"""Of one band; a Sentinel-1 strip has 0.6, a Sentinel-2 tile 0.12 thousand million."""
MAX_BLOCK_BYTES = 512 << 20
"""What has to be decoded at once to read a single pixel: files without tiles can be too coarse for that."""
CACHE_BYTES = 384 << 20
"""Of decoded blocks, a process: two rows of tiles of all bands of a Sentinel-2 product take 290 MB."""

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
_AGAIN = "copy or download it again"
_opening = threading.Lock()
_thread = threading.local()


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
    least = _least(path, driver)
    if least > size:
        raise UnreadableProduct(f"{path.name} is cut short: it has {size:,} of at least {least:,} bytes; {_AGAIN}.")
    if driver == "PNG" and not ends(path, driver):  # of a small one GDAL would make up the rest
        raise UnreadableProduct(_fault(path))
    # an absolute pathlib.Path: rasterio takes neither a scheme nor an archive out of it, nor GDAL a driver's prefix
    with reading(path), _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        dataset = rasterio.open(path.resolve(), driver=driver)
    try:
        _check_size(path, dataset)
        if driver == "JP2OpenJPEG" and not ends(path, driver):  # the last tile fails now, not after an hour of others
            read(dataset, window=Window(dataset.height - 1, dataset.width - 1, 1, 1))
    except UnreadableProduct:
        dataset.close()
        raise
    return dataset


@contextmanager
def options() -> Iterator[None]:
    """GDAL's options for this thread; around many reads, so that they are not set for each (a third of its time)."""
    if getattr(_thread, "within", False):
        yield
        return
    with rasterio.Env(**_OPTIONS):
        _thread.within = True
        try:
            yield
        finally:
            _thread.within = False


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """GDAL's options for one thread, and its errors turned into UnreadableProduct sentences about ``path``."""
    try:
        with options():
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


def foreign(path: Path) -> str:
    """What a file is that holds no pixels of its own: virtual, a reference to elsewhere, empty; "" for any other."""
    with path.open("rb") as file:
        head = file.read(4096)
    if b"<VRTDataset" in head or path.suffix.lower() == ".vrt":
        return f"{path.name} is a virtual raster (VRT), which names other files; give the files themselves."
    if b"/vsi" in head or b"://" in head:
        return f"{path.name} refers to another place (/vsi…, URL) instead of holding pixels; give the file itself."
    return "" if head else f"{path.name} is empty; fetch it again."


def _refusal(path: Path, drivers: Sequence[str]) -> str:
    kinds = ", ".join({"GTiff": "TIFF", "JP2OpenJPEG": "JPEG 2000"}.get(d, d) for d in drivers)
    return foreign(path) or f"{path.name} is not a raster of a kind that is read here ({kinds})."


def _least(path: Path, driver: str) -> int:
    try:
        return least_length(path, driver)
    except OSError:
        raise UnreadableProduct(f"{path.name} cannot be read; check the disk and its rights.") from None


def _fault(path: Path) -> str:
    try:
        driver = told_driver(path)
        whole = driver is None or ends(path, driver)
    except (OSError, UnreadableProduct):
        return f"{path.name} has vanished or cannot be read any more; bring it back and try again."
    if not whole:
        return f"{path.name} is cut short: the end of the picture is missing; {_AGAIN}."
    return f"{path.name} is damaged: its pixels cannot be decoded; {_AGAIN}."
