"""Clouds of a Sentinel-2 product, as its own masks have them, as a layer of the share of cloud.

Level-2A: scene classes 8 (medium probability), 9 (high probability) and 10 (thin cirrus). Shadows (3) are no clouds,
and are told from dark ground too badly to refuse patches for them. Level-1C: opaque clouds and cirrus of MSK_CLASSI
(bands 1 and 2 of 3, the third being snow; from baseline 04.00 on) or of MSK_CLOUDS (polygons, before).
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.features import rasterize

from eobench_dash.domain.products import Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import gdal
from eobench_dash.sentinel.raster_layers import Floats, Layer, Raw
from eobench_dash.sentinel.s2_metadata import TileMetadata
from eobench_dash.sentinel.xml import read_xml

CLOUD_CLASSES = (8, 9, 10)
MASK_RESOLUTION = 60
_MAX_POLYGONS = 100_000


def from_scene_classes(dataset: Any, step: Fraction) -> Layer:
    """Of SCL, at its own resolution."""
    return _layer(
        dataset.height, dataset.width, step, lambda w: _cloudy_classes(gdal.read(dataset, window=w, bands=[1]))
    )


def from_classification(dataset: Any, step: Fraction) -> Layer:
    """Of MSK_CLASSI."""
    if dataset.count < 2:
        raise UnreadableProduct(f"{Path(dataset.name).name} lacks the bands of opaque clouds and cirrus.")
    return _layer(dataset.height, dataset.width, step, lambda w: _any_cloud(gdal.read(dataset, window=w, bands=[1, 2])))


def from_polygons(path: Path, tile: TileMetadata, resolution: float) -> Layer:
    """Of MSK_CLOUDS: drawn once at 60 m (3 MB), read from there."""
    height, width = (max(size * 10 // MASK_RESOLUTION, 1) for size in (tile.height, tile.width))
    rings = _polygons(read_xml(path), path.name)
    mask: npt.NDArray[Any] = np.zeros((height, width), np.uint8)
    if rings:
        with gdal.reading(path):
            mask = rasterize(
                [({"type": "Polygon", "coordinates": polygon}, 1) for polygon in rings],
                out_shape=(height, width),
                transform=Affine(MASK_RESOLUTION, 0, tile.left, 0, -MASK_RESOLUTION, tile.top),
                dtype=np.uint8,
            )
    step = Fraction(resolution).limit_denominator(1000) / MASK_RESOLUTION
    return _layer(
        height, width, step, lambda w: _any_cloud(mask[None, w.row : w.row + w.height, w.col : w.col + w.width])
    )


def _layer(height: int, width: int, step: Fraction, fetch: Callable[[Window], Floats]) -> Layer:
    return Layer(height=height, width=width, step=(step, step), bands=1, fetch=fetch)


def _cloudy_classes(raw: Raw) -> Floats:
    share: Floats = np.isin(raw, CLOUD_CLASSES).astype(np.float32)
    return share


def _any_cloud(raw: Raw) -> Floats:
    share: Floats = (raw != 0).any(axis=0, keepdims=True).astype(np.float32)
    return share


def _polygons(root: Element, name: str) -> list[list[list[tuple[float, float]]]]:
    """Rings (the outer one first) of each polygon, in metres."""
    found = []
    for polygon in (e for e in root.iter() if _local(e) == "Polygon"):
        rings = [
            _ring(e.text or "", e.get("srsDimension", "2"), name) for e in polygon.iter() if _local(e) == "posList"
        ]
        rings = [ring for ring in rings if len(ring) >= 4]
        if rings:
            found.append(rings)
    if len(found) > _MAX_POLYGONS:
        raise UnreadableProduct(f"{name} holds more than {_MAX_POLYGONS:,} clouds; it is not a mask of a tile.")
    return found


def _ring(text: str, dimension: str, name: str) -> list[tuple[float, float]]:
    try:
        numbers = np.array(text.split(), dtype=np.float64)
    except ValueError:
        numbers = np.array([np.nan])
    step = 3 if dimension == "3" else 2
    if len(numbers) % step or not np.isfinite(numbers).all():
        raise UnreadableProduct(f"{name} holds an outline that is no list of positions; fetch the product again.")
    return [(float(x), float(y)) for x, y in numbers.reshape(-1, step)[:, :2]]


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
