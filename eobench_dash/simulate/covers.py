"""The simulated land covers: spectra, backscatter and texture. Typical magnitudes, not measurements of any place."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
"""Sentinel-2's 13 bands in their usual order (blue, green, red, near and short-wave infrared: 02, 03, 04, 08, 11)."""

Structure = Literal["none", "waves", "parcels", "blocks"]


@dataclass(frozen=True)
class Cover:
    """One land cover.

    ``reflectance``: surface reflectance in percent, per band; ``vary``: the change of it along the composition field
    (one standard deviation); ``vv``, ``vh``: sigma nought in dB; ``octaves``: weight of the texture at 4, 8, 16 and 32
    cells a side; ``roughness``: standard deviation of the texture (relative, optical); ``share``: how common it is.
    """

    name: str
    reflectance: tuple[float, ...]
    vary: tuple[float, ...]
    vv: float
    vh: float
    octaves: tuple[float, float, float, float]
    roughness: float
    structure: Structure = "none"
    share: float = 1.0


_GREENER = (-0.5, -0.8, -0.3, -2.2, -1.0, 4.0, 6.0, 6.5, 6.8, 6.8, 0.0, -3.0, -3.5)
_LEAFIER = tuple(0.35 * change for change in _GREENER)
_BRIGHTER = (2.0, 2.4, 2.8, 3.2, 3.3, 3.4, 3.5, 3.6, 3.6, 3.6, 0.0, 4.0, 3.8)
_DEEPER = (-0.6, -0.8, -0.9, -0.5, -0.3, -0.2, -0.2, -0.2, -0.2, -0.2, 0.0, -0.1, -0.1)

COVERS: tuple[Cover, ...] = (
    Cover("Sea", (3.2, 3.4, 2.8, 1.5, 1.2, 1.0, 1.0, 0.9, 0.8, 0.7, 0.1, 0.5, 0.4), _DEEPER,
          -17.0, -27.0, (0.8, 0.4, 0.2, 0.3), 0.06, "waves", 1.1),
    Cover("Forest", (2.0, 2.4, 4.2, 2.5, 6.8, 18.5, 23.5, 26.0, 27.5, 28.0, 0.1, 13.0, 6.2), _LEAFIER,
          -9.0, -14.5, (0.3, 0.4, 0.7, 1.0), 0.16, "none", 1.3),
    Cover("Cropland", (4.2, 5.2, 7.8, 7.4, 11.8, 22.5, 27.0, 29.5, 31.0, 31.5, 0.1, 23.0, 14.5), _GREENER,
          -11.0, -17.5, (0.3, 0.3, 0.2, 0.3), 0.07, "parcels", 1.4),
    Cover("Grassland", (3.2, 4.1, 7.4, 5.8, 11.6, 27.0, 33.0, 35.0, 37.0, 37.0, 0.1, 24.0, 13.2), _GREENER,
          -12.5, -19.0, (0.8, 0.6, 0.4, 0.4), 0.08, "none", 1.0),
    Cover("Urban", (10.0, 11.2, 12.2, 13.2, 14.3, 16.2, 17.4, 18.4, 19.2, 19.4, 0.2, 21.0, 19.2), _BRIGHTER,
          -5.0, -12.0, (0.3, 0.3, 0.4, 0.8), 0.15, "blocks", 0.9),
    Cover("Bare soil", (8.8, 10.6, 14.0, 18.2, 20.6, 22.6, 24.6, 26.2, 27.8, 28.0, 0.2, 35.0, 30.5), _BRIGHTER,
          -13.0, -21.5, (0.9, 0.7, 0.4, 0.2), 0.07, "none", 0.9),
    Cover("Wetland", (3.0, 3.6, 5.2, 4.2, 6.6, 12.0, 14.5, 15.5, 15.8, 15.5, 0.1, 9.5, 5.4), _LEAFIER,
          -10.5, -17.8, (0.5, 0.9, 0.6, 0.3), 0.20, "none", 0.7),
    Cover("Snow", (85.0, 86.0, 84.0, 82.5, 81.5, 80.0, 78.0, 76.0, 73.0, 70.0, 2.0, 12.0, 9.5), _BRIGHTER,
          -15.5, -23.5, (1.0, 0.5, 0.3, 0.1), 0.05, "none", 0.6),
)  # fmt: skip

NAMES = tuple(cover.name for cover in COVERS)
SHARES: npt.NDArray[np.float64] = np.array([c.share for c in COVERS]) / sum(c.share for c in COVERS)

PLACES: tuple[tuple[float, float], ...] = (
    (11.6, 48.1), (4.4, 51.9), (-3.7, 40.4), (12.5, 41.9), (23.7, 38.0), (18.1, 59.3), (10.7, 59.9), (25.0, 60.2),
    (26.1, 44.4), (30.5, 50.4), (-6.3, 53.3), (-8.6, 41.1), (14.4, 50.1), (21.0, 52.2), (-1.5, 47.2), (31.2, 30.0),
    (-73.9, 40.7), (-122.4, 37.8), (-46.6, -23.5), (-58.4, -34.6), (36.8, -1.3), (28.0, -26.2), (77.2, 28.6),
    (121.5, 31.2), (139.7, 35.7), (151.2, -33.9),
)  # fmt: skip
"""Centres around which scenes are put (longitude, latitude)."""
