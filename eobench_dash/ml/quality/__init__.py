"""How good the pixels of patches are: one number per patch and flag. Arrays in, arrays out.

``flags`` takes a stack of patches of one size as readers give them: values (n, bands, h, w), uint8 pictures or float32
reflectance / linear power with NaN where nothing was measured, and masks (n, h, w). Everything else says its source in
its own docstring: ``likeness`` (equal and nearly equal patches), ``overlap`` (ground that patches share).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.products import Unit
from eobench_dash.ml.quality.blur import blur
from eobench_dash.ml.quality.shares import black_edge, saturation, share

__all__ = ["flags", "intensity"]

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
_SMALLEST_POWER = 1e-6


def flags(
    values: npt.NDArray[Any],
    nodata: Mask,
    *,
    unit: Unit,
    cloud: Mask | None = None,
    border: Mask | None = None,
) -> Mapping[str, Floats]:
    """The flags that a stack's own pixels tell: nodata, black_edge, saturation, blur, cloud, border_noise; (n,) each.

    ``cloud`` and ``border`` are left out where there is no mask. All are 0..1.
    """
    told = {
        "nodata": share(nodata),
        "black_edge": black_edge(values, nodata),
        "saturation": saturation(values, nodata, unit=unit),
        "blur": blur(intensity(values, nodata, unit=unit)),
    }
    if cloud is not None:
        told["cloud"] = share(cloud & ~nodata)
    if border is not None:
        told["border_noise"] = share(border)
    return told


def intensity(values: npt.NDArray[Any], nodata: Mask, *, unit: Unit) -> Floats:
    """One plane per patch, (n, h, w) float32: the mean of the bands; of linear power in dB, as speckle multiplies.

    Pixels without data get the mean of the patch's others (0 where there are none), so that they make no edges of
    their own inside.
    """
    if unit in (Unit.SIGMA0, Unit.POWER):
        with np.errstate(invalid="ignore"):
            values = 10 * np.log10(np.maximum(values.astype(np.float32), _SMALLEST_POWER))
    plane = values.mean(axis=1, dtype=np.float32)
    bad = nodata | ~np.isfinite(plane)
    if bad.any():
        good = np.where(bad, np.float32(0), plane)
        count = np.maximum((~bad).sum(axis=(1, 2)), 1)
        plane = np.where(bad, (good.sum(axis=(1, 2)) / count)[:, None, None], good)
    return np.ascontiguousarray(plane, np.float32)
