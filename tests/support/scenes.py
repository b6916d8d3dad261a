"""Small geo-referenced rasters made here, for tests of cutting products into patches."""

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

WEST, NORTH, PIXEL = 500_000.0, 5_200_000.0, 10.0


def textured(rng: np.random.Generator, bands: int, height: int, width: int) -> np.ndarray:
    """Pixels 1..200 with structure: no two windows are alike."""
    coarse = rng.uniform(20, 180, (bands, height // 8 + 2, width // 8 + 2))
    grown = coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    return np.clip(grown + rng.normal(0, 12, (bands, height, width)), 1, 200).astype(np.uint8)


def write_scene(
    path: Path, pixels: np.ndarray, *, east_m: float = 0.0, south_m: float = 0.0, nodata=None, **tags
) -> Path:
    """A tiled GeoTIFF in UTM 32 N; ``east_m`` and ``south_m`` move its upper left corner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # a damaged one would be opened first
    profile = {
        "driver": "GTiff",
        "count": len(pixels),
        "height": pixels.shape[1],
        "width": pixels.shape[2],
        "dtype": pixels.dtype,
        "crs": "EPSG:32632",
        "transform": Affine(PIXEL, 0, WEST + east_m, 0, -PIXEL, NORTH - south_m),
        "nodata": nodata,
        "compress": "deflate",
    }
    with rasterio.open(path, "w", **profile) as file:
        file.write(pixels)
        file.update_tags(**tags)
    return path
