"""Random fields for the simulator: smooth noise, waves, parcels and building blocks. Arrays in, arrays out."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv

OCTAVES = (4, 8, 16, 32)
Field = npt.NDArray[np.float32]


@lru_cache(maxsize=64)
def upsampling(size: int, cells: int) -> Field:
    """The (size, cells) matrix that interpolates ``cells`` values smoothly (cosine weights) over ``size`` pixels."""
    position = (np.arange(size) + 0.5) / size * (cells - 1)
    left = np.minimum(position.astype(int), cells - 2)
    weight = 0.5 - 0.5 * np.cos(np.pi * (position - left))
    matrix = np.zeros((size, cells), dtype=np.float32)
    matrix[np.arange(size), left] = 1 - weight
    matrix[np.arange(size), left + 1] = weight
    return matrix


def smooth(rng: np.random.Generator, size: int, weights: tuple[float, ...]) -> Field:
    """A (size, size) field of mean 0 and standard deviation about 1: value noise summed over the first octaves."""
    # interpolation between independent draws keeps 9/16 of their variance
    scale = 1 / (0.75 * sum(w * w for w in weights) ** 0.5)
    field = np.zeros((size, size), dtype=np.float32)
    for cells, weight in zip(OCTAVES, weights, strict=False):
        grid = rng.standard_normal((cells, cells), dtype=np.float32)
        grid *= np.float32(weight * scale)
        up = upsampling(size, cells)
        field += up @ grid @ up.T
    return field


@lru_cache(maxsize=4)
def speckle_table(looks: float) -> Field:
    """65,536 equally likely values of gamma-distributed speckle with mean 1: drawing an index is drawing speckle."""
    quantiles = (np.arange(1 << 16) + 0.5) / (1 << 16)
    values = np.asarray(gammaincinv(looks, quantiles))
    return np.asarray(values / values.mean(), dtype=np.float32)


@lru_cache(maxsize=8)
def _axes(size: int) -> tuple[Field, Field]:
    axis = np.arange(size, dtype=np.float32)
    return axis[None, :], axis[:, None]


def waves(rng: np.random.Generator, size: int) -> Field:
    """Swell: a plane wave of 5 to 12 pixels in a random direction, amplitude about 1."""
    angle, length, phase = rng.random(3) * (np.pi, 7, 2 * np.pi) + (0, 5, 0)
    x, y = _axes(size)
    k = 2 * np.pi / length
    return np.sin(np.float32(k * np.cos(angle)) * x + np.float32(k * np.sin(angle)) * y + np.float32(phase))


def parcels(
    rng: np.random.Generator, size: int, *, smallest: float, largest: float
) -> tuple[Field, npt.NDArray[np.bool_]]:
    """Rectangles on a grid turned at random: (a value per rectangle, N(0, 1); where their borders run)."""
    angle, width, height, shift = rng.random(4)
    span = largest - smallest
    cos, sin = np.float32(np.cos(angle * np.pi)), np.float32(np.sin(angle * np.pi))
    x, y = _axes(size)
    u = (cos * x + sin * y) / np.float32(smallest + span * width) + np.float32(100 + shift)
    v = (cos * y - sin * x) / np.float32(smallest + span * height) + np.float32(100 + shift)
    column, row = u.astype(np.int32), v.astype(np.int32)
    values = rng.standard_normal(256, dtype=np.float32)
    border = (u - column < 0.16) | (v - row < 0.16)
    return values[(column * 31 + row * 17) & 255], border
