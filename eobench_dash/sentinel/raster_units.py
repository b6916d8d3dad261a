"""What a plain raster's numbers mean: as its reader is told, else as its type, scale and content say."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.products import Unit
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.raster_layers import Floats, Raw

QUANTIFICATION = 10_000
"""Numbers of Sentinel-2 per 1 of reflectance."""
LARGEST_NUMBER = 20_000
LARGEST_REFLECTANCE = 2.0
POSSIBLE_DB = (-80.0, 60.0)
"""Backscatter beyond is a mark for "nothing measured" (-99, -999, -9999), declared or not."""
DECIBEL = "dB"
STRETCHED_NOTE = "An 8-bit stretched picture: what its numbers mean is lost."


@dataclass(frozen=True)
class Meaning:
    """value = number × ``scale`` + ``offset``, and 10^(value / 10) after that for ``decibel``."""

    unit: Unit
    scale: float = 1.0
    offset: float = 0.0
    decibel: bool = False
    note: str = ""

    def numbers(self, raw: Raw, gap: npt.NDArray[np.bool_]) -> Floats:
        """float32 of the file's numbers, NaN at ``gap`` and where a number is none."""
        with np.errstate(over="ignore", invalid="ignore"):  # beyond float32: no number, as the product's notes say
            values = raw.astype(np.float32)
            if (self.scale, self.offset) != (1, 0):
                values = values * np.float32(self.scale) + np.float32(self.offset)
        if self.decibel:
            gap = gap | (values < POSSIBLE_DB[0]) | (values > POSSIBLE_DB[1])
            values = np.power(np.float32(10), np.where(gap, 0, values) / np.float32(10), dtype=np.float32)
        return np.where(gap | ~np.isfinite(values), np.float32(np.nan), values)


def told_meaning(
    asked: str, *, sample: Floats, dtype: Any, modality: Modality, sentinel_2: bool, scale: float, offset: float
) -> Meaning:
    """From ReadOptions.unit, or from the file.

    ``sample``: some of its numbers, NaN where nodata, scaled by its own ``scale`` and ``offset``; ``sentinel_2``: its
    bands are Sentinel-2's. By itself: 8-bit is a stretched picture; of radar, floats with a negative median are dB,
    other floats power; of Sentinel-2, integers up to 20,000 are reflectance × 10,000 (as they are: no offset is known
    here), floats up to 2 reflectance; all else numbers.
    """
    plain = (scale, offset) == (1, 0)
    integer = np.issubdtype(dtype, np.integer)
    finite = sample[np.isfinite(sample)]
    middle, most = (float(np.median(finite)), float(np.percentile(finite, 99.9))) if finite.size else (0.0, 0.0)
    small = most <= LARGEST_REFLECTANCE and not (integer and plain)
    factor = 1.0 if small else 1 / QUANTIFICATION
    if asked == "auto":
        if dtype == np.uint8 and plain:
            return Meaning(Unit.STRETCHED, note=STRETCHED_NOTE)
        if modality is Modality.SAR:
            if integer and plain:
                return Meaning(
                    Unit.NUMBER, note="Numbers of radar without calibration: amplitude or power is not known."
                )
            asked = DECIBEL if middle < 0 else Unit.POWER
        elif sentinel_2 and (small or (most <= LARGEST_NUMBER and (integer or most > LARGEST_REFLECTANCE))):
            asked = Unit.REFLECTANCE
        else:
            return Meaning(
                Unit.NUMBER, scale, offset, note="What its numbers mean is not known; they are kept as they are."
            )
    if asked == DECIBEL:
        return Meaning(Unit.POWER, scale, offset, decibel=True, note="Turned from dB to linear power.")
    if asked == Unit.REFLECTANCE:
        note = "" if small else f"Reflectance is taken as number / {QUANTIFICATION:,}, without an offset."
        return Meaning(Unit.REFLECTANCE, scale * factor, offset * factor, note=note)
    if asked == Unit.STRETCHED:
        if dtype != np.uint8:
            raise UnreadableProduct("Only 8-bit rasters can be read as stretched pictures; choose another unit.")
        return Meaning(Unit.STRETCHED, note=STRETCHED_NOTE)
    if asked in (Unit.POWER, Unit.SIGMA0, Unit.NUMBER):
        return Meaning(Unit(asked), scale, offset)
    known = ", ".join(["auto", DECIBEL, *Unit])
    raise UnreadableProduct(f"There is no unit {asked[:40]!r}; choose one of: {known}.")
