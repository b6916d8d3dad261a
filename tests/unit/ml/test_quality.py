"""Flags of pixels: values worked out by hand, the measure's own library, and properties that must hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import blur_effect

from eobench_dash.domain.products import Unit
from eobench_dash.ml.quality import flags, intensity
from eobench_dash.ml.quality.blur import WIDTH, blur
from eobench_dash.ml.quality.shares import black_edge, saturation


def no_gaps(values: np.ndarray) -> np.ndarray:
    return np.zeros((len(values), *values.shape[2:]), bool)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_the_black_edge_is_what_labelling_components_finds(seed: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    black = rng.random((6, 17, 23)) < density
    values = np.where(black, 0, rng.integers(1, 255, black.shape)).astype(np.uint8)[:, None].repeat(2, axis=1)
    found = black_edge(values, np.zeros_like(black))
    for mask, share in zip(black, found, strict=True):
        labels, _ = ndimage.label(mask)
        rim = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
        assert share == pytest.approx(np.isin(labels, rim[rim > 0]).mean())


def test_a_spiral_of_black_is_followed_to_its_middle() -> None:
    values = np.full((1, 1, 9, 9), 200, np.uint8)
    path = [(0, c) for c in range(9)] + [(r, 8) for r in range(9)] + [(8, c) for c in range(9)]
    path += [(r, 0) for r in range(2, 9)] + [(2, c) for c in range(7)] + [(r, 6) for r in range(2, 7)]
    path += [(6, c) for c in range(2, 7)] + [(r, 2) for r in range(4, 7)] + [(4, c) for c in (2, 3, 4)]
    for r, c in path:
        values[0, 0, r, c] = 0
    assert black_edge(values, no_gaps(values))[0] == pytest.approx(len(set(path)) / 81)


def test_black_in_one_band_only_is_not_black_and_lakes_are_not_edges() -> None:
    values = np.full((2, 2, 8, 8), 50, np.uint8)
    values[0, 0, :4] = 0  # one band has light
    values[1, :, 3:5, 3:5] = 0  # a lake
    assert black_edge(values, no_gaps(values)).tolist() == [0, 0]
    gaps = no_gaps(values)
    gaps[0, :, :2] = True
    assert black_edge(values, gaps)[0] == 0.25


@pytest.mark.parametrize(
    ("unit", "kind", "value", "share"),
    [
        (Unit.STRETCHED, np.uint8, 255, 0.25),
        (Unit.STRETCHED, np.uint8, 254, 0.0),
        (Unit.REFLECTANCE, np.float32, 6.4535, 0.25),
        (Unit.REFLECTANCE, np.float32, 1.6, 0.0),
        (Unit.SIGMA0, np.float32, 2e4, 0.25),
        (Unit.SIGMA0, np.float32, 100.0, 0.0),
        (Unit.NUMBER, np.float32, 65535, 0.25),
        (Unit.NUMBER, np.float32, np.nan, 0.0),
    ],
)
def test_the_ceiling_is_the_units(unit: Unit, kind: type, value: float, share: float) -> None:
    values = np.ones((1, 3, 4, 4), kind)
    values[0, 1, :2, :2] = value
    assert saturation(values, no_gaps(values), unit=unit).tolist() == [share]


def effect(plane: np.ndarray) -> float:
    """The measure as its authors write it, pixel by pixel."""
    half, told = WIDTH // 2, []
    for image in (plane, plane.T):
        low = np.empty_like(image)
        for c in range(image.shape[1]):
            columns = np.clip(np.arange(c - half, c + half + 1), 0, image.shape[1] - 1)
            low[:, c] = image[:, columns].mean(axis=1)
        sharp = np.abs(np.diff(image, axis=1))
        stays = np.maximum(0, sharp - np.abs(np.diff(low, axis=1)))
        told.append((sharp.sum() - stays.sum()) / sharp.sum())
    return max(told)


def test_blur_is_the_published_measure(rng: np.random.Generator) -> None:
    noise = rng.normal(100, 30, (3, 40, 56)).astype(np.float32)
    planes = np.stack([noise[0], ndimage.gaussian_filter(noise[1], 1.0), ndimage.gaussian_filter(noise[2], 4.0)])
    assert blur(planes) == pytest.approx([effect(plane.astype(float)) for plane in planes], abs=2e-3)


def test_blur_orders_as_scikit_image_does(rng: np.random.Generator) -> None:
    base = ndimage.zoom(rng.normal(size=(16, 16)), 4, order=1)
    planes = np.stack([ndimage.gaussian_filter(base, s) for s in (0, 1, 2, 4)] + [rng.normal(size=(64, 64))])
    ours, theirs = blur(planes.astype(np.float32)), [blur_effect(plane) for plane in planes]
    assert np.argsort(ours).tolist() == np.argsort(theirs).tolist()


def test_a_flat_patch_is_flat_and_a_chequered_one_sharp() -> None:
    flat = np.full((16, 16), 7, np.float32)
    chequered = (np.indices((16, 16)).sum(axis=0) % 2).astype(np.float32)
    told = blur(np.stack([flat, chequered]))
    assert told[0] == 1
    assert told[1] < 0.15


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_flags_are_shares_whatever_the_pixels(kind: type) -> None:
    rng = np.random.default_rng(1)
    values = rng.integers(0, 256, (5, 2, 16, 16)).astype(kind)
    gaps = rng.random((5, 16, 16)) < 0.2
    gaps[4] = True
    if kind is np.float32:
        values[np.broadcast_to(gaps[:, None], values.shape)] = np.nan
        values[0, 0, 0, 0] = np.inf
    for unit in Unit:
        told = flags(values, gaps, unit=unit, cloud=~gaps, border=gaps)
        assert list(told) == ["nodata", "black_edge", "saturation", "blur", "cloud", "border_noise"]
        for name, value in told.items():
            assert value.shape == (5,) and np.isfinite(value).all(), name
            assert ((value >= 0) & (value <= 1)).all(), name
        assert told["nodata"][4] == told["black_edge"][4] == told["blur"][4] == 1
        assert told["cloud"] == pytest.approx(1 - told["nodata"])
    assert "cloud" not in flags(values, gaps, unit=Unit.STRETCHED)


def test_power_is_looked_at_in_decibels() -> None:
    power = np.array([0.001, 0.01, 0.1, 1.0], np.float32).reshape(1, 1, 2, 2)
    plane = intensity(power, no_gaps(power), unit=Unit.SIGMA0)
    assert plane.reshape(-1) == pytest.approx([-30, -20, -10, 0])
