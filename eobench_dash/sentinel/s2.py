"""Sentinel-2 Level-1C and Level-2A products (SAFE folders): reflectance on one grid, window by window."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.errors import CRSError

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.products import MAX_SIDE, Band, ProductInfo, ProductKind, ReadOptions, Unit, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import gdal, s2_clouds
from eobench_dash.sentinel.guard import inside
from eobench_dash.sentinel.product import Product, Rgb
from eobench_dash.sentinel.raster_layers import Floats, Layer, Raw, grid_size
from eobench_dash.sentinel.raster_product import GridProduct, corners, decimated, for_the_eye
from eobench_dash.sentinel.s2_metadata import (
    BANDS,
    OFFSET_SINCE,
    RESOLUTION,
    ProductMetadata,
    TileMetadata,
    read_product_metadata,
    read_tile_metadata,
)
from eobench_dash.sentinel.xml import read_xml

METADATA = {"MTD_MSIL1C.xml": ProductKind.S2_L1C, "MTD_MSIL2A.xml": ProductKind.S2_L2A}
TRUE_COLOUR = (0.0, 0.3)
"""Reflectance from black to white, as most viewers show it."""
FINEST = 10
"""Metres: the usual grid, and that of which the tile's size is a whole number for every resolution."""


def told_kind(folder: Path) -> ProductKind | None:
    """S2_L1C or S2_L2A where ``folder`` is such a product (whatever its name), else None."""
    return next((kind for name, kind in METADATA.items() if (folder / name).is_file()), None)


def open_s2(safe: Path, *, options: ReadOptions) -> Product:
    """Open a SAFE folder. ``options.resolution``: any multiple of 10 m; None: 10 m.

    A Level-2A band that the product holds at several resolutions is read from the coarsest that divides the one asked
    for. Reflectance may be below 0 and above 1; saturated pixels keep their (largest) number. NaN where there is none.
    """
    kind = told_kind(safe)
    metadata_name = next((name for name, known in METADATA.items() if known is kind), "MTD_MSIL1C.xml")
    product = read_product_metadata(read_xml(inside(safe, metadata_name)), name=metadata_name)
    tile = _tile(safe, product)
    name = product.name or safe.name.removesuffix(".SAFE")
    resolution = _resolution(options.resolution, tile)
    bands = _chosen(options.bands, product, name)
    files = _files(safe, product, bands, resolution, name)
    with ExitStack() as opened:
        datasets = {band: opened.enter_context(gdal.open_raster(path)) for band, (path, _) in files.items()}
        for band, (path, own) in files.items():
            _check(path, datasets[band], own, tile)
        layers = [
            Layer(
                height=datasets[band].height,
                width=datasets[band].width,
                step=(Fraction(resolution, own),) * 2,
                bands=1,
                fetch=_fetch(datasets[band]),
                numbers=_reflectance(product, band),
            )
            for band, (_, own) in files.items()
        ]
        notes: list[str] = []
        cloud = _cloud(safe, product, tile, resolution, opened, notes)
        step = Fraction(resolution, FINEST)
        height, width = grid_size(tile.height, step), grid_size(tile.width, step)
        transform = (float(resolution), 0.0, tile.left, 0.0, float(-resolution), tile.top)
        facts: dict[str, Any] = {**product.facts, **tile.facts}
        if product.saturated is not None:
            facts["saturated_number"] = product.saturated
        info = ProductInfo(
            name=name,
            kind=product.kind,
            modality=Modality.OPTICAL,
            bands=tuple(Band(band, Unit.REFLECTANCE, float(own)) for band, (_, own) in files.items()),
            height=height,
            width=width,
            pixel_size=(float(resolution), float(resolution)),
            crs=tile.crs,
            transform=transform,
            corners=_place(tile, transform, height, width),
            sensed_at=tile.sensed_at or product.sensed_at,
            cloud_cover=product.cloud_cover,
            notes=tuple(notes),
            metadata=facts,
        )
        picture = _Picture(safe, product, datasets)
        return GridProduct(info, layers=layers, cloud=cloud, datasets=[_Closing(opened.pop_all())], picture=picture)


class _Closing:
    """An exit stack that is closed as a dataset is."""

    def __init__(self, stack: ExitStack) -> None:
        self.close = stack.close


class _Picture:
    """The quick-look: the product's own where it is large enough, else its true-colour picture, else its bands."""

    def __init__(self, safe: Path, product: ProductMetadata, datasets: Mapping[str, Any]) -> None:
        self._safe, self._product, self._datasets = safe, product, datasets

    def __call__(self, height: int, width: int) -> Rgb:
        for path, least in self._pictures(max(height, width)):
            with suppress(UnreadableProduct), gdal.open_raster(path) as picture:  # a damaged one: the bands are there
                fits = max(picture.height, picture.width) >= least and picture.count >= 3
                values = decimated(picture, (1, 2, 3), height, width) if fits else None
                if values is not None and values.dtype == np.uint8:
                    return np.ascontiguousarray(values.transpose(1, 2, 0))
        natural = [band for band in ("B04", "B03", "B02") if band in self._datasets]
        names = natural if len(natural) == 3 else list(self._datasets)[:1]
        values = np.concatenate(
            [_reflectance(self._product, b)(decimated(self._datasets[b], [1], height, width)) for b in names]
        )
        return for_the_eye(values, bounds=TRUE_COLOUR if len(natural) == 3 else None)

    def _pictures(self, longest: int) -> list[tuple[Path, int]]:
        """Files to try, and how long their longer side has to be."""
        stem = self._safe.name.removesuffix(".SAFE")
        names = dict.fromkeys(f"{name}-ql.jpg" for name in (stem, self._product.name) if name)
        found = [(inside(self._safe, name), longest) for name in names]
        for res in (None, 60, 20, 10):
            if path := self._product.images.get(("TCI", res)):
                found.append((inside(self._safe, f"{path}.jp2"), longest if res else 1))
        return [(path, least) for path, least in found if path.is_file()]


def _tile(safe: Path, product: ProductMetadata) -> TileMetadata:
    """From MTD_TL.xml: beside the folder that the images are named in."""
    folders = {tuple(path.split("/")[:2]) for path in product.images.values()}
    if len(folders) != 1 or len(next(iter(folders))) != 2:
        raise UnreadableProduct(f"{safe.name} names no images, or of several tiles; fetch the product again.")
    path = inside(safe, "/".join((*next(iter(folders)), "MTD_TL.xml")))
    return read_tile_metadata(read_xml(path), name="MTD_TL.xml")


def _resolution(asked: float | None, tile: TileMetadata) -> int:
    if asked is None:
        return FINEST
    if not (asked > 0 and asked % FINEST == 0):
        raise UnreadableProduct(f"Sentinel-2 is read at multiples of {FINEST} m, not at {asked:g} m; choose one.")
    if asked > FINEST * min(tile.height, tile.width, MAX_SIDE):
        raise UnreadableProduct(f"A pixel of {asked:g} m is larger than the tile; choose a finer resolution.")
    return int(asked)


def _chosen(asked: Sequence[str], product: ProductMetadata, name: str) -> tuple[str, ...]:
    """Bands in the order asked for; all of the level in the order of wavelength else."""
    known = [band for band in BANDS if not (band == "B10" and product.kind is ProductKind.S2_L2A)]
    for band in asked:
        if band not in known:
            raise UnreadableProduct(f"{name} has no band {band[:20]!r}; its bands are {', '.join(known)}.")
    if len(set(asked)) < len(asked):
        raise UnreadableProduct("A band is asked for twice; name each band once.")
    return tuple(asked) or tuple(known)


def _files(
    safe: Path, product: ProductMetadata, bands: Sequence[str], resolution: int, name: str
) -> dict[str, tuple[Path, int]]:
    """Of each band the file and its resolution: the coarsest that divides the one asked for, else the finest."""
    listed: dict[str, dict[int, Path]] = {band: {} for band in bands}
    for (band, res), path in product.images.items():
        if band in listed:
            listed[band][res or RESOLUTION[band]] = inside(safe, path if path.endswith(".jp2") else f"{path}.jp2")
    here = {band: {res: path for res, path in files.items() if path.is_file()} for band, files in listed.items()}
    missing = [band for band in bands if not here[band]]
    if missing:
        names = ", ".join(path.name for band in missing[:3] for path in list(listed[band].values())[:1]) or "not listed"
        raise UnreadableProduct(
            f"{'Band' if len(missing) == 1 else 'Bands'} {', '.join(missing)} of {name}"
            f" {'is' if len(missing) == 1 else 'are'} missing ({names}{' …' if len(missing) > 3 else ''}):"
            " fetch the product again, or choose bands without."
        )
    chosen = {}
    for band, files in here.items():
        fitting = [res for res in files if res > 0 and resolution % res == 0]
        res = max(fitting) if fitting else min(files)
        chosen[band] = (files[res], res)
    return chosen


def _check(path: Path, dataset: Any, own: int, tile: TileMetadata) -> None:
    if own <= 0 or (dataset.height * own, dataset.width * own) != (tile.height * FINEST, tile.width * FINEST):
        raise UnreadableProduct(
            f"{path.name} has {dataset.width:,} × {dataset.height:,} pixels, which is not the size of its tile at"
            f" {own} m; fetch the product again."
        )
    if not np.issubdtype(np.dtype(dataset.dtypes[0]), np.unsignedinteger):
        raise UnreadableProduct(f"{path.name} holds {dataset.dtypes[0]} numbers, not those of a Sentinel-2 band.")
    if dataset.crs is None:
        return  # the metadata's word stands
    with gdal.reading(path):
        code = dataset.crs.to_epsg()
    if code is not None and f"EPSG:{code}" != tile.crs:
        raise UnreadableProduct(
            f"{path.name} lies in EPSG:{code}, its metadata in {tile.crs}; one of them is of another product."
        )
    if max(abs(dataset.transform.c - tile.left), abs(dataset.transform.f - tile.top)) > own:
        raise UnreadableProduct(f"{path.name} lies elsewhere than its metadata say; one of them is of another product.")


def _place(tile: TileMetadata, transform: Any, height: int, width: int) -> Any:
    try:
        found = corners(tile.crs, transform, height, width)
    except CRSError:
        found = None
    if found is None:
        raise UnreadableProduct(f"MTD_TL.xml places the tile in {tile.crs}, where it cannot be; fetch it again.")
    return found


def _cloud(
    safe: Path, product: ProductMetadata, tile: TileMetadata, resolution: int, opened: ExitStack, notes: list[str]
) -> Layer | None:
    """The cloud mask; without one, or with a damaged one, a note says so: the bands are worth reading all the same."""
    scl = {res: path for (band, res), path in product.images.items() if band == "SCL" and res}
    try:
        if scl:
            own = max((res for res in scl if resolution % res == 0), default=min(scl))
            named = f"{scl[own]}.jp2"
        else:
            own, named = s2_clouds.MASK_RESOLUTION, tile.cloud_mask
        if not named or not (path := inside(safe, named)).is_file():
            notes.append("It carries no cloud mask: clouds are not known.")
            return None
        if path.suffix.lower() == ".gml":
            return s2_clouds.from_polygons(path, tile, resolution)
        dataset = opened.enter_context(gdal.open_raster(path))
        _check(path, dataset, own, tile)
        make = s2_clouds.from_scene_classes if scl else s2_clouds.from_classification
        return make(dataset, Fraction(resolution, own))
    except UnreadableProduct as error:
        notes.append(f"Its cloud mask cannot be used: {error}")
        return None


def _fetch(dataset: Any) -> Any:
    def fetch(window: Window) -> Raw:
        return gdal.read(dataset, window=window, bands=[1])

    return fetch


def _reflectance(product: ProductMetadata, band: str) -> Any:
    """From numbers to reflectance. Nodata is found before the offset is added, which would make it a reflectance."""
    offset = product.offsets.get(band)
    if offset is None:
        raise UnreadableProduct(
            f"The metadata of baseline {product.baseline} (offsets came with {OFFSET_SINCE:05.2f}) give no offset for"
            f" {band}; fetch the product again, or choose bands without it."
        )
    scale, add = np.float32(1 / product.quantification), np.float32(offset)

    def numbers(raw: Raw) -> Floats:
        values = (raw.astype(np.float32) + add) * scale
        values[raw == product.nodata] = np.nan
        return values

    return numbers
