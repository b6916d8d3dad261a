"""From pixels to what a screen shows: RGB by modality, thumbnails, encoded bytes."""

import io
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from eobench_dash.errors import PatchUnreadable

Stretch = Literal["percentile", "fixed"]
Rgb = npt.NDArray[np.uint8]
"""(height, width, 3)."""

PERCENTILES = (2.0, 98.0)
FIXED_REFLECTANCE = (0.0, 3000.0)
"""Sentinel-2 surface reflectance times 10,000 as most viewers show it."""
FIXED_DB = ((-25.0, 0.0), (-32.0, -5.0), (2.0, 16.0))
"""VV, VH and VV - VH in dB: bounds that keep patches comparable."""
_SMALLEST_POWER = 1e-6


def render(pixels: npt.NDArray[Any], modality: str = "optical", stretch: Stretch = "percentile") -> Rgb:
    """(bands, height, width) as RGB for the eye.

    Optical: 8-bit RGB as it is; 10 or more bands are taken for Sentinel-2's order (red, green, blue = bands 4, 3, 2);
    4 to 9 for blue, green, red, …; fewer are grey. SAR: VV, VH and their ratio in dB, from linear power, or from values
    that are dB already (recognised by negative ones). ``stretch``: percentiles 2 to 98 of the patch, or fixed bounds.
    """
    if pixels.ndim != 3 or 0 in pixels.shape:
        raise PatchUnreadable(f"Expected pixels (bands, height, width), got shape {pixels.shape}.")
    if modality == "sar" and pixels.dtype != np.uint8:
        return _sar(pixels, stretch)
    bands = pixels[list(_optical_bands(len(pixels)))]
    if bands.dtype == np.uint8:
        return np.ascontiguousarray(bands.transpose(1, 2, 0))
    values = bands.astype(np.float32)
    bounds = [FIXED_REFLECTANCE] * 3 if stretch == "fixed" else [_percentiles(values)] * 3
    return _scaled(values, bounds)


def thumbnail(rgb: Rgb, size: int, *, kind: Literal["WEBP", "PNG", "JPEG"] = "WEBP", quality: int = 80) -> bytes:
    """A square of ``size`` pixels: the longer side fits, the rest is black. Small patches are enlarged without blur."""
    height, width = rgb.shape[:2]
    scale = size / max(height, width)
    inner = (max(round(width * scale), 1), max(round(height * scale), 1))
    image = Image.fromarray(rgb)
    if (width, height) != inner:
        image = image.resize(inner, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)
    if inner != (size, size):
        square = Image.new("RGB", (size, size))
        square.paste(image, ((size - inner[0]) // 2, (size - inner[1]) // 2))
        image = square
    return _encoded(image, kind, quality)


def encode(rgb: Rgb, *, kind: Literal["WEBP", "PNG", "JPEG"] = "PNG", quality: int = 90) -> bytes:
    """RGB pixels as an image file."""
    return _encoded(Image.fromarray(rgb), kind, quality)


def _encoded(image: Image.Image, kind: str, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **({"compress_level": 1} if kind == "PNG" else {"quality": quality}))
    return out.getvalue()


def _optical_bands(count: int) -> tuple[int, int, int]:
    if count >= 10:
        return 3, 2, 1
    if count >= 4:
        return 2, 1, 0
    return (0, 1, 2) if count == 3 else (0, 0, 0)


def _sar(pixels: npt.NDArray[Any], stretch: Stretch) -> Rgb:
    values = np.where(np.isfinite(pixels), pixels, np.nan).astype(np.float32)
    if not (values < 0).any():
        values = 10 * np.log10(np.maximum(values, _SMALLEST_POWER))
    vv, vh = values[0], values[min(1, len(values) - 1)]
    bands = np.stack([vv, vh, vv - vh]) if len(values) > 1 else np.stack([vv, vv, vv])
    fixed = FIXED_DB if len(values) > 1 else (FIXED_DB[0],) * 3
    return _scaled(bands, list(fixed) if stretch == "fixed" else [_percentiles(band) for band in bands])


def _percentiles(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    low, high = np.percentile(finite, PERCENTILES)
    return float(low), float(high)


def _scaled(bands: npt.NDArray[np.float32], bounds: list[tuple[float, float]]) -> Rgb:
    low, high = np.array(bounds, dtype=np.float32).T[:, :, None, None]
    unit = (bands - low) / np.maximum(high - low, 1e-6)
    finite = np.nan_to_num(unit, nan=0.0, posinf=1.0, neginf=0.0)
    return np.ascontiguousarray((np.clip(finite, 0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0))
