"""One grid over bands of any resolution: area means, whatever the window."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eobench_dash.domain.products import Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import raster_layers
from eobench_dash.sentinel.raster_layers import Floats, Layer, grid_size, step_for

RNG = np.random.default_rng(3)
VALUES = RNG.random((2, 60, 90)).astype(np.float32)
VALUES[0, :20, :20] = np.nan
VALUES[1][RNG.random((60, 90)) < 0.3] = np.nan
STEPS = [Fraction(1), Fraction(2), Fraction(5), Fraction(1, 3), Fraction(3, 2), Fraction(7, 5), Fraction(2, 3)]


def _layer(step: Fraction, across: Fraction | None = None) -> Layer:
    def fetch(w: Window) -> Floats:
        assert w.row >= 0 and w.col >= 0 and w.row + w.height <= 60 and w.col + w.width <= 90
        return VALUES[:, w.row : w.row + w.height, w.col : w.col + w.width]

    return Layer(height=60, width=90, step=(step, across or step), bands=2, fetch=fetch)


def _slow(step: tuple[Fraction, Fraction], row: int, col: int) -> Floats:
    """The mean of the area that one pixel of the grid covers, by its definition, on a fine lattice."""
    n = 10
    rows = [int((row + (i + 0.5) / n) * float(step[0])) for i in range(n)]
    cols = [int((col + (i + 0.5) / n) * float(step[1])) for i in range(n)]
    return VALUES[:, rows][:, :, cols].reshape(2, -1)


@pytest.mark.parametrize("step", STEPS)
def test_a_pixel_is_the_mean_of_its_area(step: Fraction) -> None:
    height, width = grid_size(60, step), grid_size(90, step)
    found = _layer(step).read(Window(0, 0, height, width))
    tolerance = 1e-6 if 1 in (step.numerator, step.denominator) else 0.08  # the lattice is coarse
    for row, col in ((0, 0), (7, 9), (height // 2, width // 2), (height - 1, width - 1)):
        area = _slow((step, step), row, col)
        for band in range(2):
            measured = area[band][~np.isnan(area[band])]
            if len(measured) > 0.6 * area.shape[1]:
                assert found[band, row, col] == pytest.approx(measured.mean(), abs=tolerance)
            if len(measured) < 0.4 * area.shape[1]:
                assert np.isnan(found[band, row, col])


@settings(deadline=None, max_examples=80)
@given(
    step=st.sampled_from(STEPS),
    across=st.sampled_from(STEPS),
    row=st.integers(-5, 100),
    col=st.integers(-5, 100),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    limit=st.sampled_from([100, 10**9]),
)
def test_a_pixel_is_the_same_in_every_window(
    step: Fraction, across: Fraction, row: int, col: int, height: int, width: int, limit: int
) -> None:
    layer = _layer(step, across)
    rows, cols = grid_size(60, step), grid_size(90, across)
    whole = np.full((2, 400, 400), np.nan, np.float32)
    whole[:, 10 : 10 + rows, 10 : 10 + cols] = layer.read(Window(0, 0, rows, cols))
    before = raster_layers.MAX_SAMPLES
    raster_layers.MAX_SAMPLES = limit
    try:
        found = layer.read(Window(row, col, height, width))
    finally:
        raster_layers.MAX_SAMPLES = before
    wanted = whole[:, 10 + row : 10 + row + height, 10 + col : 10 + col + width]
    assert np.allclose(found, wanted, atol=1e-6, equal_nan=True)


def test_half_measured_is_enough_and_less_is_not() -> None:
    values = np.array([[[1, np.nan, np.nan, np.nan], [3, np.nan, 5, np.nan]]], np.float32)
    layer = Layer(height=2, width=4, step=(Fraction(2), Fraction(2)), bands=1, fetch=lambda w: values)
    assert np.array_equal(layer.read(Window(0, 0, 1, 2)), np.array([[[2, np.nan]]], np.float32), equal_nan=True)


def test_finer_pixels_repeat_the_file() -> None:
    values = np.arange(4, dtype=np.float32).reshape(1, 2, 2)

    def fetch(w: Window) -> Floats:
        return values[:, w.row : w.row + w.height, w.col : w.col + w.width]

    layer = Layer(height=2, width=2, step=(Fraction(1, 3), Fraction(1, 2)), bands=1, fetch=fetch)
    assert layer.read(Window(2, 1, 2, 2))[0].tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("resolution", "pixel", "size", "step"),
    [
        (None, 10, 100, Fraction(1)),
        (10, 10.000276825539913, 1024, Fraction(1)),  # 0.03 pixels over the scene: the same grid
        (20, 9.97947, 64, Fraction(2)),
        (20, 9.9, 10_000, Fraction(200, 99)),
        (5, 10, 1000, Fraction(1, 2)),
        (15, 10, 1000, Fraction(3, 2)),
    ],
)
def test_steps_are_whole_where_no_pixel_moves(
    resolution: float | None, pixel: float, size: int, step: Fraction
) -> None:
    assert step_for(resolution, pixel, size) == step


def test_a_window_larger_than_memory_is_refused() -> None:
    with pytest.raises(UnreadableProduct, match="too large to read at once; choose smaller patches"):
        _layer(Fraction(1, 3)).read(Window(0, 0, 50_000, 50_000))


def test_a_coarse_window_over_a_whole_tile_stays_small_in_memory() -> None:
    def fetch(w: Window) -> Floats:
        return np.ones((1, w.height, w.width), np.float32)

    layer = Layer(height=10_980, width=10_980, step=(Fraction(60), Fraction(60)), bands=1, fetch=fetch)
    tracemalloc.start()
    found = layer.read(Window(0, 0, 183, 183))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found == 1).all()
    assert peak < 120e6  # the tile: 482 MB
