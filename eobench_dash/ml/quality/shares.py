"""Flags that are a share of a patch's pixels."""

from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.products import Unit

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

CEILINGS = {Unit.REFLECTANCE: 6.45, Unit.SIGMA0: 1e4, Unit.POWER: 1e4, Unit.NUMBER: 65535.0}
"""From where on a value is the sensor's or the file's ceiling.

Reflectance: a saturated Sentinel-2 pixel is 65,535 in the product (special value SATURATED of its metadata), which is
6.4535 with the offset of baseline 04.00 and 6.5535 before. Power: 40 dB, which no natural target reaches. Numbers of
unknown meaning: the largest of 16 bits.
"""


def share(mask: Mask) -> Floats:
    """The share of a patch's pixels that a mask (n, h, w) marks, (n,)."""
    marked: Floats = mask.mean(axis=(1, 2), dtype=np.float32)
    return marked


def saturation(values: npt.NDArray[Any], nodata: Mask, *, unit: Unit) -> Floats:
    """Share of pixels that are at the ceiling in at least one band: 255 of 8 bits, else CEILINGS of the unit."""
    ceiling = 255 if values.dtype == np.uint8 else CEILINGS.get(unit, np.inf)
    return share((values >= ceiling).any(axis=1) & ~nodata)


def black_edge(values: npt.NDArray[Any], nodata: Mask) -> Floats:
    """Share of pixels that are black and joined to the patch's rim by black pixels (4-neighbours).

    Black: no data, or nothing above 0 in any band. So the empty side of a swath counts, dark lakes inside do not.
    Morphological reconstruction of the black mask from its rim (Vincent 1993), by sweeps in four directions.
    """
    with np.errstate(invalid="ignore"):
        black = nodata | ~(values > 0).any(axis=1)
    reached = np.zeros_like(black)
    for edge in (np.s_[:, 0], np.s_[:, -1], np.s_[:, :, 0], np.s_[:, :, -1]):
        reached[edge] = black[edge]
    some = np.flatnonzero(reached.any(axis=(1, 2)))
    told = np.zeros(len(values), np.float32)
    if len(some):
        told[some] = share(_flooded(reached[some], black[some]))
    return told


def _flooded(reached: Mask, black: Mask) -> Mask:
    before = -1
    while before != (before := int(reached.sum())):
        for axis in (1, 2):
            for step in (1, -1):
                along, allowed = (np.moveaxis(mask, axis, 0)[::step] for mask in (reached, black))
                for i in range(1, len(along)):
                    along[i] |= along[i - 1] & allowed[i]
    return reached
