"""Cut one band of rows of one product and measure its patches: the piece of an ingest that runs by itself, anywhere.

Both functions are pure as far as a product on disk is, take one picklable value and give arrays, so that they run in
threads here or on the workers of a cluster. What is wrong with a product comes back as a value (``failure``): one bad
product does not end an ingest.
"""

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.ingesting import IngestPlan
from eobench_dash.domain.products import ProductInfo, ReadOptions, Window
from eobench_dash.domain.tiling import Grid, cut, numbers_in
from eobench_dash.errors import BadInput
from eobench_dash.ml import quality
from eobench_dash.ml.quality.likeness import content_hashes, perceptual_hashes
from eobench_dash.sentinel.product import Product

Arrays = dict[str, npt.NDArray[Any]]
MEASURED = ("nodata", "black_edge", "saturation", "border_noise", "cloud", "blur")
"""Flags that a patch's own pixels tell."""
_AT_ONCE = 64 * 2**20  # bytes of pixels that are measured together
_MAX_FILES = 5000


@dataclass(frozen=True)
class ProductTask:
    """Which product, and how it is read."""

    path: Path
    options: ReadOptions
    unpacked: Path | None = None


@dataclass(frozen=True)
class BandTask:
    """One band of rows of a product. ``info`` as its inspection told it: the grid must not have changed since."""

    product: ProductTask
    info: ProductInfo
    plan: IngestPlan
    band: int


def inspect(task: ProductTask) -> Arrays:
    """ProductInfo and fingerprint of a product as bytes of JSON, ``told``; of one that cannot be read, its error."""
    try:
        before = fingerprint(task.path)
        with _product(task) as product:
            told: dict[str, Any] = {"info": product.info.to_dict(), "fingerprint": before}
    except BadInput as error:
        told = {"error": str(error)}
    return {"told": _packed(told)}


def told_of(block: Arrays) -> dict[str, Any]:
    """What ``inspect`` packed."""
    told: dict[str, Any] = json.loads(block["told"].tobytes())
    return told


def failure(block: Arrays) -> str:
    """Why the band could not be measured; empty where it could."""
    return block["failure"].tobytes().decode() if "failure" in block else ""


def measure_band(task: BandTask) -> Arrays:
    """Every patch whose upper left pixel lies in the band, in any order:

    ``scale`` (n,) index into the grids, ``number`` (n,) of its grid, the flags of MEASURED (n,) float32 (NaN where the
    product cannot tell), ``content`` (n, 16) and ``look`` (n,) hashes, ``mean`` and ``deviation`` (n,) of its
    intensity, ``corners`` (n, 8) and ``lonlat`` (n, 2) degrees (NaN without a place); ``outside`` (scales,): patches
    outside of the area of interest, which are not measured. A product that breaks: no patches and ``failure``.
    """
    grids = task.plan.grids(task.info)
    try:
        product = _open(task.product)
        if (product.info.height, product.info.width) != (task.info.height, task.info.width):
            raise BadInput(f"{task.info.name} has changed while it was being ingested. Leave it as it is, then retry.")
        return _measured(product, task, grids)
    except BadInput as error:
        _forget()
        return {**_nothing(len(grids)), "failure": np.frombuffer(str(error).encode(), np.uint8)}


def measure_windows(
    product: Product, rows: npt.NDArray[np.int32], cols: npt.NDArray[np.int32], size: int
) -> Iterator[Arrays]:
    """The flags of MEASURED of single patches, one after the other, each read by itself: for a preview."""
    for row, col in zip(rows.tolist(), cols.tolist(), strict=True):
        found = product.read(Window(row, col, size, size))
        yield _flags(product, found.values[None], found.nodata[None], _plane(found.cloud), _plane(found.border))


def fingerprint(path: Path) -> str:
    """Equal while a product's files are: names, sizes and times of change of them all."""
    if path.is_dir():
        found = sorted(Path(folder) / name for folder, _, names in os.walk(path) for name in names)[:_MAX_FILES]
    else:
        from eobench_dash.sentinel.raster_files import file_set

        found = [member.path for member in file_set(path).members]
    made = hashlib.sha256()
    for file in found:
        try:
            status = file.stat()
        except OSError as error:
            raise BadInput(f"{path.name} cannot be read: {error.strerror}.") from error
        made.update(
            f"{file.relative_to(path.parent)}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="replace")
        )
    return made.hexdigest()


def _measured(product: Product, task: BandTask, grids: tuple[Grid, ...]) -> Arrays:
    bands = cut(grids, height=task.info.height, width=task.info.width)
    top, parts, outside = task.band * bands.height, [_nothing(len(grids))], np.zeros(len(grids), np.int64)
    for tile in range(bands.tiles):
        chosen: list[npt.NDArray[np.int64]] = []
        for scale, grid in enumerate(grids):
            numbers = numbers_in(grid, top=top, left=tile * bands.width, height=bands.height, width=bands.width)
            inside = _inside(product, task.plan, grid, numbers)
            outside[scale] += len(numbers) - len(inside)
            chosen.append(inside)
        parts += _measured_tile(product, grids, chosen)
    told = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name != "outside"}
    return {**told, "outside": outside}


def _inside(product: Product, plan: IngestPlan, grid: Grid, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if plan.area is None or not len(numbers):
        return numbers
    rows, cols = _corner(grid, numbers)
    places = product.lonlat(rows + grid.size / 2, cols + grid.size / 2)
    return numbers[plan.area.holds(places[:, 0], places[:, 1])]


def _measured_tile(product: Product, grids: tuple[Grid, ...], chosen: list[npt.NDArray[np.int64]]) -> list[Arrays]:
    """All scales of a tile from one reading."""
    spans = [(*_corner(grid, numbers), grid.size) for grid, numbers in zip(grids, chosen, strict=True) if len(numbers)]
    if not spans:
        return []
    top, left = (min(int(np.min(span[axis])) for span in spans) for axis in (0, 1))
    bottom, right = (max(int(np.max(span[axis])) + span[2] for span in spans) for axis in (0, 1))
    found = product.read(Window(top, left, bottom - top, right - left))
    cloud, border = found.cloud, found.border
    made = []
    for scale, (grid, numbers) in enumerate(zip(grids, chosen, strict=True)):
        step = max(1, _AT_ONCE // (grid.size**2 * len(found.values) * 4))
        for first in range(0, len(numbers), step):
            some = numbers[first : first + step]
            rows, cols = _corner(grid, some)
            places = [(row - top, col - left) for row, col in zip(rows.tolist(), cols.tolist(), strict=True)]
            values = _pieces(found.values, places, grid.size)
            nodata = _pieces(found.nodata, places, grid.size)
            clouds = None if cloud is None else _pieces(cloud, places, grid.size)
            borders = None if border is None else _pieces(border, places, grid.size)
            part = _flags(product, values, nodata, clouds, borders)
            looked = quality.intensity(values, nodata, unit=product.info.unit)
            part |= {
                "scale": np.full(len(some), scale, np.uint8),
                "number": some,
                "content": content_hashes(values, nodata),
                "look": perceptual_hashes(looked),
                "mean": looked.mean(axis=(1, 2)),
                "deviation": looked.std(axis=(1, 2)),
                **_place(product, grid.size, rows, cols),
            }
            made.append(part)
    return made


def _pieces(plane: npt.NDArray[Any], places: list[tuple[int, int]], size: int) -> npt.NDArray[Any]:
    return np.stack([plane[..., row : row + size, col : col + size] for row, col in places])


def _flags(
    product: Product,
    values: npt.NDArray[Any],
    nodata: npt.NDArray[np.bool_],
    cloud: npt.NDArray[np.bool_] | None,
    border: npt.NDArray[np.bool_] | None,
) -> Arrays:
    told = quality.flags(values, nodata, unit=product.info.unit, cloud=cloud, border=border)
    unknown = np.full(len(values), np.nan, np.float32)
    return {name: told.get(name, unknown) for name in MEASURED}


def _place(product: Product, size: int, rows: npt.NDArray[np.int64], cols: npt.NDArray[np.int64]) -> Arrays:
    corners = [product.lonlat(rows + dy, cols + dx) for dy, dx in ((0, 0), (0, size), (size, size), (size, 0))]
    return {
        "corners": np.concatenate(corners, axis=1),
        "lonlat": product.lonlat(rows + size / 2, cols + size / 2),
    }


def _corner(grid: Grid, numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return numbers // max(grid.cols, 1) * grid.stride, numbers % max(grid.cols, 1) * grid.stride


def _plane(mask: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.bool_] | None:
    return None if mask is None else mask[None]


def _nothing(scales: int) -> Arrays:
    """The arrays of a band without patches."""
    empty: Arrays = {"scale": np.empty(0, np.uint8), "number": np.empty(0, np.int64)}
    empty |= {name: np.empty(0, np.float32) for name in (*MEASURED, "mean", "deviation")}
    empty |= {"content": np.empty((0, 16), np.uint8), "look": np.empty(0, np.uint64)}
    empty |= {"corners": np.empty((0, 8)), "lonlat": np.empty((0, 2)), "outside": np.zeros(scales, np.int64)}
    return empty


def _packed(value: Any) -> npt.NDArray[np.uint8]:
    return np.frombuffer(json.dumps(value, allow_nan=False).encode(), np.uint8)


def _product(task: ProductTask) -> Product:
    from eobench_dash.sentinel.opening import open_product  # rasterio: only where products are read

    return open_product(task.path, options=task.options, unpacked=task.unpacked)


class _Opened(threading.local):
    """The product that a thread read last: its next band is most often of the same one."""

    task: ProductTask | None = None
    product: Product | None = None


_opened = _Opened()


def _open(task: ProductTask) -> Product:
    if _opened.product is None or _opened.task != task:
        _forget()
        _opened.product, _opened.task = _product(task), task
    return _opened.product


def _forget() -> None:
    if _opened.product is not None:
        _opened.product.close()
    _opened.product = _opened.task = None
