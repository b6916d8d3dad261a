"""Spectral indices: which band is which, the formulas, and which of them the bands allow. Cheap to import.

Formulas as published: NDVI (Rouse 1974), NDWI (McFeeters 1996), MNDWI (Xu 2006), NDBI (Zha 2003), NDSI (Hall 1995),
NBR (Key and Benson 2006), BSI (Rikimaru 2002), EVI (Huete 2002). MNDWI and NDSI are one formula under two names, for
water and for snow; both are given, so that each reader finds the name they know.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eobench_dash.errors import UnsupportedPatch

_ROLES = {
    "blue": ("b2", "blue"),
    "green": ("b3", "green"),
    "red": ("b4", "red"),
    "nir": ("b8", "nir", "b8a", "nir08"),
    "swir1": ("b11", "swir1", "swir16"),
    "swir2": ("b12", "swir2", "swir22"),
}
"""Names of a role's band in order of preference, as ``_plain`` writes them."""

Bands = Mapping[str, np.ndarray]


def _ratio(difference: np.ndarray, total: np.ndarray) -> np.ndarray:
    """difference / total within -1..1; 0 where the total is not positive: the index says nothing there."""
    out = np.divide(difference, total, out=np.zeros_like(total), where=total > 0)
    return np.clip(out, -1, 1, out=out)


def _normalised(first: str, second: str) -> "Index":
    return Index((first, second), lambda b: _ratio(b[first] - b[second], b[first] + b[second]))


def _bare_soil(b: Bands) -> np.ndarray:
    soil, rest = b["swir1"] + b["red"], b["nir"] + b["blue"]
    return _ratio(soil - rest, soil + rest)


def _enhanced_vegetation(b: Bands) -> np.ndarray:
    gain, one, six, seven = (np.float32(x) for x in (2.5, 1, 6, 7.5))
    return _ratio(gain * (b["nir"] - b["red"]), b["nir"] + six * b["red"] - seven * b["blue"] + one)


@dataclass(frozen=True)
class Index:
    """``of`` takes reflectances by role, arrays (n, H, W) float32 of 0 or more, and gives index values in -1..1."""

    roles: tuple[str, ...]
    of: Callable[[Bands], np.ndarray]


INDICES: dict[str, Index] = {
    "NDVI": _normalised("nir", "red"),
    "NDWI": _normalised("green", "nir"),
    "MNDWI": _normalised("green", "swir1"),
    "NDBI": _normalised("swir1", "nir"),
    "NDSI": _normalised("green", "swir1"),
    "NBR": _normalised("nir", "swir2"),
    "BSI": Index(("swir1", "red", "nir", "blue"), _bare_soil),
    "EVI": Index(("nir", "red", "blue"), _enhanced_vegetation),
}


def _plain(name: str) -> str:
    """A band's name without case, spaces and leading zeros: "B08" -> "b8"."""
    return re.sub(r"^b0+(?=\d)", "b", name.strip().lower())


def roles(band_names: Sequence[str] | None) -> dict[str, int]:
    """Role -> number of its band, of names like B02, B8A, red, nir, swir16; roles without a band are missing."""
    plain = [_plain(name) for name in band_names or ()]
    found = {role: [plain.index(name) for name in known if name in plain] for role, known in _ROLES.items()}
    return {role: numbers[0] for role, numbers in found.items() if numbers}


def indices_for(band_names: Sequence[str] | None) -> tuple[str, ...]:
    """The indices that these bands allow, in order. UnsupportedPatch where there is none."""
    known = roles(band_names)
    allowed = tuple(name for name, index in INDICES.items() if all(role in known for role in index.roles))
    if not allowed:
        have = ", ".join(name[:20] for name in list(band_names)[:16]) if band_names else "no names"
        raise UnsupportedPatch(
            f"Spectral indices need near or short-wave infrared beside a visible band, by name (B03, B04, B08, B11 or "
            f"green, red, nir, swir1); these bands have {have}. Choose another descriptor."
        )
    return allowed
