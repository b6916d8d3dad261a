"""Grids of patches against what counting one by one gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eobench_dash.domain.tiling import Grid, Length, cut, lay, numbers_in, parents, parse_length, windows
from eobench_dash.errors import BadInput

SIDES = st.integers(1, 400)


def one(size: int, stride: int, height: int, width: int) -> Grid:
    (grid,) = lay((), patch=Length(size), stride=Length(stride), height=height, width=width, pixel_size=None)
    return grid


@settings(deadline=None)
@given(st.integers(8, 90), st.integers(1, 120), SIDES, SIDES)
def test_patches_are_whole_and_none_is_missing(size: int, stride: int, height: int, width: int) -> None:
    grid = one(size, stride, height, width)
    rows, cols = windows(grid)
    counted = [(r, c) for r in range(0, height - size + 1, stride) for c in range(0, width - size + 1, stride)]
    assert grid.count == len(counted)
    assert list(zip(rows.tolist(), cols.tolist(), strict=True)) == counted


@settings(deadline=None)
@given(st.integers(8, 40), st.integers(4, 60), st.integers(2, 4), SIDES, SIDES)
def test_a_parent_is_the_nearest_coarse_patch_that_holds_the_middle(
    size: int, stride: int, times: int, height: int, width: int
) -> None:
    coarse, fine = lay(
        (Length(size * times),), patch=Length(size), stride=Length(stride), height=height, width=width, pixel_size=None
    )
    rows, cols = windows(fine)
    found = parents(fine, coarse, rows, cols)
    crows, ccols = windows(coarse)
    for row, col, parent in list(zip(rows.tolist(), cols.tolist(), found.tolist(), strict=True))[::7]:
        y, x = row + fine.size / 2, col + fine.size / 2
        holding = (crows <= y) & (y < crows + coarse.size) & (ccols <= x) & (x < ccols + coarse.size)
        assert (parent >= 0) == bool(holding.any())
        if parent >= 0:
            assert holding[parent]
            far = np.hypot(crows + coarse.size / 2 - y, ccols + coarse.size / 2 - x)
            assert far[parent] == pytest.approx(far[holding].min())


@settings(max_examples=60, deadline=None)
@given(st.integers(8, 50), st.integers(5, 70), st.integers(1, 300), st.integers(1, 300), st.integers(16, 128))
def test_tiles_hold_each_patch_once(size: int, stride: int, height: int, width: int, side: int) -> None:
    grid = one(size, stride, height, width)
    bands = cut((grid,), height=height, width=width, side=side)
    met = [
        numbers_in(
            grid, top=band * bands.height, left=tile * bands.width, height=bands.height, width=bands.width
        ).tolist()
        for band in range(bands.count)
        for tile in range(bands.tiles)
    ]
    assert sorted(number for tile in met for number in tile) == list(range(grid.count))


def test_coarser_scales_keep_the_overlap() -> None:
    grids = lay(
        (Length(128), Length(256)), patch=Length(64), stride=Length(32), height=1024, width=640, pixel_size=None
    )
    assert [(g.size, g.stride) for g in grids] == [(256, 128), (128, 64), (64, 32)]
    assert [(g.rows, g.cols) for g in grids] == [(7, 4), (15, 9), (31, 19)]


def test_metres_become_pixels_of_each_product() -> None:
    assert parse_length("640m").pixels((10.0, 10.0)) == 64
    assert parse_length("1.28km").pixels((20.0, 20.0)) == 64
    assert parse_length("64px") == parse_length(64) == Length(64)
    with pytest.raises(BadInput, match="in pixels instead"):
        parse_length("640m").pixels(None)


@pytest.mark.parametrize(
    "raw", ["", "0", "-4", "64x", "1e3", "64.5", "12345678", "64 acres", "10000km", "nan", True, [64], 1e9, None]
)
def test_what_is_no_size_is_refused(raw: str) -> None:
    with pytest.raises(BadInput, match="no size"):
        parse_length(raw)


@pytest.mark.parametrize(
    ("scales", "patch", "words"),
    [((), 4, "8 to 2,048"), ((4096,), 64, "8 to 2,048"), ((16, 32, 128, 256), 64, "at most 4")],
)
def test_sizes_out_of_bounds_are_refused(scales: tuple[int, ...], patch: int, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        lay([Length(s) for s in scales], patch=Length(patch), stride=Length(8), height=99, width=99, pixel_size=None)


def test_two_scales_that_are_one_are_refused() -> None:
    with pytest.raises(BadInput, match="same size"):
        lay(
            (Length(641, metres=True),),
            patch=Length(64),
            stride=Length(64),
            height=99,
            width=99,
            pixel_size=(10.0, 10.0),
        )


@settings(deadline=None)
@given(st.floats(0.001, 9_999_999, allow_nan=False), st.sampled_from(["m", "km", ""]))
def test_a_length_is_read_again_as_it_was_written(value: float, unit: str) -> None:
    raw = f"{value:.0f}" if not unit else f"{value:.3f}{unit}"
    try:
        length = parse_length(raw)
    except BadInput:
        assert unit == "km" or float(raw.rstrip("km")) == 0
        return
    assert parse_length(str(length)) == length


def test_dense_grids_are_cut_in_low_bands() -> None:
    """A block of a band stays small however many patches overlap."""
    grids = lay((Length(128),), patch=Length(64), stride=Length(4), height=7000, width=7000, pixel_size=None)
    bands = cut(grids, height=7000, width=7000)
    most = max(
        sum(len(numbers_in(grid, top=band * bands.height, left=0, height=bands.height, width=7000)) for grid in grids)
        for band in range(bands.count)
    )
    assert 100_000 < most <= 210_000
    assert bands.width > 1000, "tiles are as wide as ever"
    sparse = cut((one(64, 64, 7000, 7000),), height=7000, width=7000)
    assert (sparse.height, sparse.width) == (1024, 1024)


def test_millions_of_patches_are_arrays() -> None:
    grid = one(64, 6, 11_400, 11_400)
    assert grid.count > 3_500_000
    rows, cols = windows(grid)
    assert rows.nbytes + cols.nbytes < 30_000_000
    assert int(rows[-1]) + 64 <= 11_400 < int(rows[-1]) + 64 + 6
    with pytest.raises(BadInput, match="larger stride"):
        one(64, 1, 11_400, 11_400)
