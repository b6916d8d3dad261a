"""From pixels to what a screen shows: RGB by modality, thumbnails, encoded bytes."""

import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from eobench_dash.domain.looks import bands_of, looks_of, polarisations
from eobench_dash.domain.products import Unit
from eobench_dash.errors import PatchUnreadable

Rgb = npt.NDArray[np.uint8]
"""(height, width, 3)."""
Three = tuple[int, int, int]
"""Indices of the bands shown as red, green and blue."""

PERCENTILES = (2.0, 98.0)
FIXED_REFLECTANCE = {"true": (0.0, 3000.0), "false": (0.0, 4000.0), "swir": (0.0, 4000.0)}
"""Sentinel-2 reflectance times 10,000, as most viewers show it; the infrared is brighter."""
FIXED_DB = {"vv": (-25.0, 0.0), "vh": (-32.0, -5.0), "ratio": (2.0, 16.0)}
"""Bounds in dB that keep patches comparable."""
_SMALLEST_POWER = 1e-6
_LARGEST_REFLECTANCE = 10.0
_LINEAR = frozenset({Unit.SIGMA0, Unit.POWER})


def render(
    pixels: npt.NDArray[Any],
    modality: str = "optical",
    stretch: str | None = None,
    look: str | None = None,
    *,
    names: Sequence[str] | None = None,
    unit: str | None = None,
) -> Rgb:
    """(bands, height, width) as RGB for the eye. ``look`` and ``stretch`` are names of domain.looks; None: the usual.

    ``names`` of the bands and their ``unit`` (domain.products.Unit), where they are known, say which bands are shown
    and what their numbers are. Without names: 8-bit pictures as they are; 12 or more bands are taken for Sentinel-2's
    order, 10 for its 10 m and 20 m bands, 4 to 9 for blue, green, red, near infrared, …; fewer are grey. False colour
    is (near infrared, red, green), ``swir`` bands (12, 8A, 4). SAR: VV, VH and their ratio in dB, from linear power, or
    (unit unknown) from values that are dB already, recognised by negative ones. Reflectance in 0..1 and times 10,000
    look the same; without a unit, floats of at most 10 are the former. PatchUnreadable for a look that these bands do
    not hold.
    """
    if pixels.ndim != 3 or 0 in pixels.shape:
        raise PatchUnreadable(f"Expected pixels (bands, height, width), got shape {pixels.shape}.")
    eight_bit = pixels.dtype == np.uint8
    names = names if names is not None and len(names) == len(pixels) else None
    allowed = looks_of(bands=len(pixels), eight_bit=eight_bit, modality=modality, names=names)
    look = look or allowed.looks[0].name
    if look not in {known.name for known in allowed.looks}:
        raise PatchUnreadable(f"This patch of {len(pixels)} band(s) has no look {look!r}.")
    if stretch is None or (eight_bit and stretch != "percentile"):
        stretch = "none" if eight_bit else "percentile"
    if modality == "sar" and not eight_bit:
        return _sar(pixels, stretch, look, names=names, linear=unit in _LINEAR)
    bands = pixels[list(_shown_bands(pixels, look, modality, names))]
    if stretch == "none" and eight_bit:
        return np.ascontiguousarray(bands.transpose(1, 2, 0))
    values = bands.astype(np.float32)
    # one range for all three bands: what is grey stays grey
    bounds = [_fixed_reflectance(values, look, unit) if stretch == "fixed" else _percentiles(values)] * 3
    return _scaled(values, bounds)


def _fixed_reflectance(values: npt.NDArray[np.float32], look: str, unit: str | None) -> tuple[float, float]:
    low, high = FIXED_REFLECTANCE[look]
    unknown = unit is None and values.max(initial=0, where=np.isfinite(values)) <= _LARGEST_REFLECTANCE
    return (low / 1e4, high / 1e4) if unit == Unit.REFLECTANCE or unknown else (low, high)


def _shown_bands(pixels: npt.NDArray[Any], look: str, modality: str, names: Sequence[str] | None) -> Three:
    if names is None:
        return _optical_bands(pixels, look)
    if modality == "sar":
        pair = polarisations(names)
        return (pair[look == "vh"],) * 3 if pair else (0, 0, 0)
    return bands_of(look, names) or (0, 0, 0)


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


_SENTINEL_2: dict[str, Three] = {"true": (3, 2, 1), "false": (7, 3, 2)}
_TEN_BANDS: dict[str, Three] = {"true": (2, 1, 0), "false": (6, 2, 1), "swir": (9, 7, 2)}
_FEW_BANDS: dict[str, Three] = {"true": (2, 1, 0), "false": (3, 2, 1)}


def _optical_bands(pixels: npt.NDArray[Any], look: str) -> Three:
    count = len(pixels)
    if count > 10:
        return _swir(pixels) if look == "swir" else _SENTINEL_2[look]
    if count >= 4:
        return (_TEN_BANDS if count == 10 else _FEW_BANDS)[look]
    return (0, 1, 2) if count == 3 else (0, 0, 0)


def _swir(pixels: npt.NDArray[Any]) -> Three:
    """Bands 12, 8A and 4. Of 13 bands 8A is the ninth, as in products, or the last, as in EuroSAT's files.

    Band 10 sees almost nothing but high cloud, so it is by far the darker one of the tenth and eleventh.
    """
    if len(pixels) < 13:  # without band 10
        return len(pixels) - 1, 8, 3
    tenth, eleventh = (np.nan_to_num(pixels[i].astype(np.float32), posinf=0, neginf=0).mean() for i in (9, 10))
    return (11, 12, 3) if tenth < eleventh else (12, 8, 3)


def _sar(pixels: npt.NDArray[Any], stretch: str, look: str, *, names: Sequence[str] | None, linear: bool) -> Rgb:
    values = np.where(np.isfinite(pixels), pixels, np.nan).astype(np.float32)
    if linear or not (values < 0).any():
        values = 10 * np.log10(np.maximum(values, _SMALLEST_POWER))
    pair = polarisations(names) if names is not None else None
    co, cross = pair or (0, min(1, len(values) - 1))
    vv, vh = values[co], values[cross]
    planes = {"vv": (vv,) * 3, "vh": (vh,) * 3, "ratio": (vv - vh,) * 3, "composite": (vv, vh, vv - vh)}[look]
    bands = np.stack(planes)
    if stretch == "fixed":
        alone = "vh" if pair is None and names and names[0].upper() in ("VH", "HV") else look
        return _scaled(bands, [FIXED_DB[of] for of in (("vv", "vh", "ratio") if look == "composite" else (alone,) * 3)])
    if stretch == "linear":
        bands = 10 ** (np.clip(bands, -100, 100) / 20)  # amplitude; NaN stays
    return _scaled(bands, [_percentiles(band) for band in bands])


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
