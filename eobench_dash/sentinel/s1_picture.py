"""Sentinel-1 for the eye: decibels, stretched between percentiles; two polarisations as a colour composite."""

import numpy as np
import numpy.typing as npt

from eobench_dash.sentinel.s1_calibration import FLOOR, Power

LOW, HIGH = 2.0, 98.0


def decibels(power: Power) -> Power:
    """10·log10 of linear power, −60 dB at least."""
    return np.asarray(10 * np.log10(np.maximum(power, FLOOR)), dtype=np.float32)


def picture(power: Power, valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """(h, w, 3) of (bands, h, w) linear power: grey for one band; red the first, green the second and blue their ratio
    for two. Black where not ``valid``."""
    db = decibels(power)
    # what lies on the floor is black, and would take most of the scale if it counted for the stretch
    above = valid & (power[:2] > FLOOR).all(axis=0)
    layers = [db[0], db[1], db[0] - db[1]] if len(db) > 1 else [db[0]]
    grey = [_stretch(layer, valid, above) for layer in layers]
    return np.stack(grey if len(grey) == 3 else grey * 3, axis=-1)


def _stretch(layer: Power, valid: npt.NDArray[np.bool_], above: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    if not above.any():
        return np.zeros(layer.shape, dtype=np.uint8)
    low, high = np.percentile(layer[above], (LOW, HIGH))
    scaled = (layer - low) / max(high - low, 1e-3) * 255
    return np.where(valid, np.clip(np.nan_to_num(scaled), 0, 255), 0).astype(np.uint8)
