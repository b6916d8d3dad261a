"""The files of a Sentinel-2 product: its metadata, and which image serves a band at a resolution."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eobench_dash.domain.products import ProductKind
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import gdal
from eobench_dash.sentinel.guard import inside
from eobench_dash.sentinel.s2_metadata import (
    FINEST,
    RESOLUTION,
    ProductMetadata,
    TileMetadata,
    read_product_metadata,
    read_tile_metadata,
)
from eobench_dash.sentinel.xml import read_xml

METADATA = {"MTD_MSIL1C.xml": ProductKind.S2_L1C, "MTD_MSIL2A.xml": ProductKind.S2_L2A}


_SAFE = re.compile(r"S2[A-D]_(MSIL1C|MSIL2A)_.*\.SAFE")


def told_kind(folder: Path) -> ProductKind | None:
    """S2_L1C or S2_L2A where ``folder`` is such a product (whatever its name) or is called as one, else None."""
    return METADATA.get(_metadata_name(folder))


def called_kind(name: str) -> ProductKind | None:
    """S2_L1C or S2_L2A where a folder is called as such a product, else None."""
    return METADATA.get(_should(name))


def _metadata_name(folder: Path) -> str:
    """Of the metadata that it has, or should have; empty for what is no product."""
    return next((name for name in METADATA if (folder / name).is_file()), _should(folder.name))


def _should(name: str) -> str:
    called = _SAFE.fullmatch(name)
    return f"MTD_{called[1]}.xml" if called else ""


def read_metadata(safe: Path) -> tuple[ProductMetadata, TileMetadata]:
    """Of the product, and of its tile: MTD_TL.xml lies in the granule's folder, in which the images are named, too."""
    name = _metadata_name(safe) or "MTD_MSIL1C.xml"
    product = read_product_metadata(read_xml(inside(safe, name)), name=name)
    folders = {"/".join(path.split("/")[:2]) for path in product.images.values()}
    if len(folders) != 1:
        raise UnreadableProduct(f"{name} names no images, or of several tiles; fetch the product again.")
    path = inside(safe, f"{folders.pop()}/MTD_TL.xml")
    return product, read_tile_metadata(read_xml(path), name=path.name)


def image_path(safe: Path, listed: str) -> Path:
    """Where an image listed in the metadata (without suffix) is. UnreadableProduct for one outside of the product."""
    return inside(safe, listed if listed.endswith(".jp2") else f"{listed}.jp2")


def band_images(
    safe: Path, product: ProductMetadata, bands: Sequence[str], resolution: int
) -> Mapping[str, tuple[Path, int]]:
    """Of each band the image and its metres: the coarsest that divides the resolution asked for, else the finest."""
    listed: dict[str, dict[int, Path]] = {band: {} for band in bands}
    for (band, res), path in product.images.items():
        if band in listed and res != 0:
            listed[band][res or RESOLUTION[band]] = image_path(safe, path)
    here = {band: {res: path for res, path in files.items() if path.is_file()} for band, files in listed.items()}
    missing = [band for band in bands if not here[band]]
    if missing:
        names = [next((path.name for path in listed[band].values()), "not listed") for band in missing]
        raise UnreadableProduct(
            f"{'Band' if len(missing) == 1 else 'Bands'} {', '.join(missing)} of {product.name or safe.name}"
            f" {'is' if len(missing) == 1 else 'are'} missing ({', '.join(names[:2])}{' …' if len(names) > 2 else ''}):"
            " fetch the product again, or choose bands without."
        )
    return {band: best(files, resolution) for band, files in here.items()}


def best(files: Mapping[int, Any], resolution: int) -> tuple[Any, int]:
    """(file, metres) of the coarsest file whose metres divide ``resolution``, else of the finest."""
    fitting = [res for res in files if resolution % res == 0]
    chosen = max(fitting) if fitting else min(files)
    return files[chosen], chosen


def check_image(path: Path, dataset: Any, own: int, tile: TileMetadata) -> None:
    """UnreadableProduct where an open image is not one of the tile at ``own`` metres."""
    if (dataset.height * own, dataset.width * own) != (tile.height * FINEST, tile.width * FINEST):
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
