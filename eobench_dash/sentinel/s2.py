"""Sentinel-2 Level-1C and Level-2A products (SAFE folders): reflectance on one grid, window by window."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.products import Band, ProductInfo, ProductKind, ReadOptions, Unit, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import gdal, s2_clouds
from eobench_dash.sentinel.guard import inside
from eobench_dash.sentinel.product import Product, Rgb
from eobench_dash.sentinel.raster_layers import Floats, Layer, Raw, grid_size
from eobench_dash.sentinel.raster_product import GridProduct, corners, decimated, for_the_eye
from eobench_dash.sentinel.s2_files import (
    METADATA,
    band_images,
    best,
    called_kind,
    check_image,
    image_path,
    read_metadata,
    told_kind,
)
from eobench_dash.sentinel.s2_metadata import BANDS, FINEST, ProductMetadata, TileMetadata

__all__ = ["METADATA", "called_kind", "open_s2", "told_kind"]

TRUE_COLOUR = (0.0, 0.3)
"""Reflectance from black to white, as most viewers show it."""


def open_s2(safe: Path, *, options: ReadOptions) -> Product:
    """Open a SAFE folder. ``options.resolution``: any multiple of 10 m; None: 10 m.

    A Level-2A band that the product holds at several resolutions is read from the coarsest that divides the one asked
    for. Reflectance may be below 0 and above 1; saturated pixels keep their (largest) number. NaN where there is none.
    """
    product, tile = read_metadata(safe)
    resolution = _resolution(options.resolution, tile)
    images = band_images(safe, product, _chosen(options.bands, product, safe), resolution)
    with ExitStack() as stack:
        datasets = {band: stack.enter_context(gdal.open_raster(path)) for band, (path, _) in images.items()}
        for band, (path, own) in images.items():
            check_image(path, datasets[band], own, tile)
        layers = [_layer(product, band, datasets[band], Fraction(resolution, own)) for band, (_, own) in images.items()]
        cloud, note = _cloud(safe, product, tile, resolution, stack)
        return GridProduct(
            _info(safe, product, tile, resolution, {band: own for band, (_, own) in images.items()}, note),
            layers=layers,
            cloud=cloud,
            picture=_Picture(safe, product, datasets),
            close=stack.pop_all().close,
        )


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
        small = [
            reflectance(self._product, band)(decimated(self._datasets[band], [1], height, width)) for band in names
        ]
        return for_the_eye(np.concatenate(small), bounds=TRUE_COLOUR if len(natural) == 3 else None)

    def _pictures(self, longest: int) -> list[tuple[Path, int]]:
        """Files to try, and how long their longer side has to be."""
        names = dict.fromkeys(name for name in (self._safe.name.removesuffix(".SAFE"), self._product.name) if name)
        found = [(inside(self._safe, f"{name}-ql.jpg"), longest) for name in names]
        for res in (None, 60, 20, 10):
            if listed := self._product.images.get(("TCI", res)):
                found.append((image_path(self._safe, listed), longest if res else 1))
        return [(path, least) for path, least in found if path.is_file()]


def reflectance(product: ProductMetadata, band: str) -> Callable[[Raw], Floats]:
    """From numbers to reflectance. Nodata is found before the offset is added, which would make it a reflectance."""
    offset = product.offsets.get(band)
    if offset is None:
        raise UnreadableProduct(
            f"The metadata of {product.name or 'the product'} (baseline {product.baseline}) give no offset for {band};"
            " fetch the product again, or choose bands without it."
        )
    scale, add = np.float32(product.quantification), np.float32(offset)

    def numbers(raw: Raw) -> Floats:
        values = (raw.astype(np.float32) + add) / scale
        values[raw == product.nodata] = np.nan
        return values

    return numbers


def _layer(product: ProductMetadata, band: str, dataset: Any, step: Fraction) -> Layer:
    numbers = reflectance(product, band)

    def fetch(window: Window) -> Floats:
        return numbers(gdal.read(dataset, window=window, bands=[1]))

    return Layer(height=dataset.height, width=dataset.width, step=(step, step), bands=1, fetch=fetch)


def _cloud(
    safe: Path, product: ProductMetadata, tile: TileMetadata, resolution: int, stack: ExitStack
) -> tuple[Layer | None, str]:
    """(the cloud mask, "") or (None, why there is none): without one the bands are worth reading all the same."""
    classes = {res: path for (band, res), path in product.images.items() if band == "SCL" and res}
    try:
        if classes:
            listed, own = best(classes, resolution)
            path = image_path(safe, listed)
        else:
            own, path = s2_clouds.MASK_RESOLUTION, inside(safe, tile.cloud_mask or "QI_DATA")
        if not path.is_file():
            return None, "It carries no cloud mask: clouds are not known."
        if path.suffix.lower() == ".gml":
            return s2_clouds.from_polygons(path, tile, resolution), ""
        dataset = stack.enter_context(gdal.open_raster(path))
        check_image(path, dataset, own, tile)
        make = s2_clouds.from_scene_classes if classes else s2_clouds.from_classification
        return make(dataset, Fraction(resolution, own)), ""
    except UnreadableProduct as error:
        return None, f"Its cloud mask cannot be used: {error}"


def _info(
    safe: Path, product: ProductMetadata, tile: TileMetadata, resolution: int, own: Mapping[str, int], note: str
) -> ProductInfo:
    step = Fraction(resolution, FINEST)
    height, width = grid_size(tile.height, step), grid_size(tile.width, step)
    transform = (float(resolution), 0.0, tile.left, 0.0, float(-resolution), tile.top)
    place = corners(tile.crs, transform, height, width)
    if place is None:
        raise UnreadableProduct(
            f"MTD_TL.xml places the tile in {tile.crs}, where it cannot lie; fetch the product again."
        )
    facts: dict[str, str | float | int] = {**product.facts, **tile.facts}
    if product.saturated is not None:
        facts["saturated_number"] = product.saturated
    return ProductInfo(
        name=product.name or safe.name.removesuffix(".SAFE"),
        kind=product.kind,
        modality=Modality.OPTICAL,
        bands=tuple(Band(band, Unit.REFLECTANCE, float(metres)) for band, metres in own.items()),
        height=height,
        width=width,
        pixel_size=(float(resolution), float(resolution)),
        crs=tile.crs,
        transform=transform,
        corners=place,
        sensed_at=tile.sensed_at or product.sensed_at,
        cloud_cover=product.cloud_cover,
        notes=(note,) if note else (),
        metadata=facts,
    )


def _resolution(asked: float | None, tile: TileMetadata) -> int:
    if asked is None:
        return FINEST
    if not (asked > 0 and asked % FINEST == 0):
        raise UnreadableProduct(f"Sentinel-2 is read at multiples of {FINEST} m, not at {asked:g} m; choose one.")
    if asked > FINEST * min(tile.height, tile.width):
        raise UnreadableProduct(f"A pixel of {asked:g} m is larger than the tile; choose a finer resolution.")
    return int(asked)


def _chosen(asked: Sequence[str], product: ProductMetadata, safe: Path) -> tuple[str, ...]:
    """Bands in the order asked for; all of the level in the order of wavelength else."""
    known = [band for band in BANDS if not (band == "B10" and product.kind is ProductKind.S2_L2A)]
    for band in asked:
        if band not in known:
            raise UnreadableProduct(
                f"{product.name or safe.name} has no band {band[:20]!r}; its bands are {', '.join(known)}."
            )
    if len(set(asked)) < len(asked):
        raise UnreadableProduct("A band is asked for twice; name each band once.")
    return tuple(asked) or tuple(known)
