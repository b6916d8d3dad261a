"""Spectral indices: which band is which, the formulas, and which of them the bands allow. Cheap to import.

Formulas as published: NDVI (Rouse 1974), NDWI (McFeeters 1996), MNDWI (Xu 2006), NDBI (Zha 2003), NDSI (Hall 1995),
NBR (Key and Benson 2006), BSI (Rikimaru 2002), EVI (Huete 2002). MNDWI and NDSI are one formula under two names, for
water and for snow; both are given, so that each reader finds the name they know.
"""

import re
from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True)
class Index:
    """A ratio of two sums of reflectances, each times its role's factor; ``plus`` is added to the lower sum."""

    upper: Mapping[str, float]
    lower: Mapping[str, float]
    plus: float = 0.0

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(self.upper) | frozenset(self.lower)


def _normalised(first: str, second: str) -> Index:
    return Index({first: 1, second: -1}, {first: 1, second: 1})


INDICES: dict[str, Index] = {
    "NDVI": _normalised("nir", "red"),
    "NDWI": _normalised("green", "nir"),
    "MNDWI": _normalised("green", "swir1"),
    "NDBI": _normalised("swir1", "nir"),
    "NDSI": _normalised("green", "swir1"),
    "NBR": _normalised("nir", "swir2"),
    "BSI": Index(
        {"swir1": 1, "red": 1, "nir": -1, "blue": -1},
        {"swir1": 1, "red": 1, "nir": 1, "blue": 1},
    ),
    "EVI": Index({"nir": 2.5, "red": -2.5}, {"nir": 1, "red": 6, "blue": -7.5}, plus=1),
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


def factors(names: Sequence[str], band_names: Sequence[str] | None, *, bands: int) -> tuple[np.ndarray, np.ndarray]:
    """(indices, bands) and (indices, bands + 1) float32: factors of every band in the upper and lower sums of indices;
    the last column of the lower ones is what is added."""
    known = roles(band_names)
    upper, lower = np.zeros((len(names), bands), np.float32), np.zeros((len(names), bands + 1), np.float32)
    for row, name in enumerate(names):
        for part, table in ((INDICES[name].upper, upper), (INDICES[name].lower, lower)):
            for role, factor in part.items():
                table[row, known[role]] = factor
        lower[row, -1] = INDICES[name].plus
    return upper, lower
