"""Bands of a coarser grid brought onto a finer one of the same extent."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt


def resize(values: npt.NDArray[np.float32], height: int, width: int) -> npt.NDArray[np.float32]:
    """(…, h, w) float32 as (…, height, width), bilinear between pixel centres; edges are held, constants stay so.

    Both grids cover the same ground. NaN spreads to the pixels that lean on it.
    """
    if values.shape[-2:] == (height, width):
        return values
    rows, columns = _weights(values.shape[-2], height), _weights(values.shape[-1], width)
    if np.isfinite(values).all():
        return np.asarray(rows @ values @ columns.T, dtype=np.float32)
    # a weight of zero times NaN is NaN: the holes travel on their own
    known = np.isfinite(values)
    filled = rows @ np.where(known, values, np.float32(0)) @ columns.T
    whole = rows @ known.astype(np.float32) @ columns.T
    return np.where(whole > 1 - 1e-4, filled, np.float32(np.nan)).astype(np.float32)


@lru_cache(maxsize=64)
def _weights(source: int, target: int) -> npt.NDArray[np.float32]:
    """(target, source): each row holds the two weights of linear interpolation, and sums to one."""
    place = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    left = np.minimum(place.astype(int), max(source - 2, 0))
    share = place - left
    weights = np.zeros((target, source), dtype=np.float32)
    weights[np.arange(target), left] = 1 - share
    weights[np.arange(target), np.minimum(left + 1, source - 1)] += share
    weights.setflags(write=False)
    return weights
