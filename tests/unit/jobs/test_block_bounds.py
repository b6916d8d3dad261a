"""Bounds of blocks: every patch in one block, blocks of bounded size, and bands left whole."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.jobs.block_bounds import PatchRow, banded_blocks, equal_blocks


@st.composite
def patch_rows(draw: st.DrawFn) -> list[PatchRow]:
    """Products of a few bands of a few rows each, from any ordinal on."""
    first, rows = draw(st.integers(0, 50)), []
    for product in range(draw(st.integers(1, 6))):
        for band in range(draw(st.integers(1, 4))):
            for count in draw(st.lists(st.integers(1, 30), min_size=1, max_size=5)):
                rows.append(PatchRow(first, count, product, (64, band)))
                first += count
    return rows


@given(patch_rows(), st.integers(1, 80), st.integers(0, 80))
def test_every_patch_is_in_one_block_and_blocks_are_bounded(rows: list[PatchRow], usual: int, more: int) -> None:
    most, stop = usual + more, rows[-1].first + rows[-1].patches
    bounds = banded_blocks(rows, stop=stop, usual=usual, most=most)
    assert (bounds[0], bounds[-1]) == (rows[0].first, stop)
    assert all(0 < b - a <= most for a, b in pairwise(bounds))
    assert bounds == banded_blocks(iter(rows), stop=stop, usual=usual, most=most)
    # a band that is small enough is never cut
    bands: dict[tuple[int, tuple[int, int]], list[int]] = {}
    for row in rows:
        bands.setdefault((row.product, row.band), []).extend(range(row.first, row.first + row.patches))
    for patches in bands.values():
        inner = set(bounds) & set(patches[1:])
        assert not inner or len(patches) > most
    # who shares a block with another product is in it as a whole
    owner = {ordinal: row.product for row in rows for ordinal in range(row.first, row.first + row.patches)}
    for a, b in pairwise(bounds):
        held = {owner[ordinal] for ordinal in range(a, b)}
        if len(held) > 1:
            assert all(a <= ordinal < b for ordinal, product in owner.items() if product in held)


@given(st.integers(0, 300), st.integers(0, 500), st.integers(1, 90))
def test_equal_blocks_cover_every_patch(first: int, count: int, rows: int) -> None:
    bounds = equal_blocks(first, first + count, rows=rows)
    assert (bounds[0], bounds[-1]) == (first, first + count)
    assert all(b - a == rows for a, b in list(pairwise(bounds))[:-1])
    assert all(0 < b - a <= rows for a, b in pairwise(bounds))


def of_product(product: int, *, first: int = 0, rows: int, cols: int, per_band: int) -> list[PatchRow]:
    return [PatchRow(first + i * cols, cols, product, (64, i // per_band)) for i in range(rows)]


def test_a_sentinel_2_tile_is_cut_at_its_rows_of_tiles() -> None:
    """171 × 171 patches, 16 rows of them to a row of tiles: larger than a block usually is, they stay whole."""
    bounds = banded_blocks(of_product(0, rows=171, cols=171, per_band=16), stop=171 * 171, usual=2048, most=4096)
    assert [b - a for a, b in pairwise(bounds)] == [16 * 171] * 10 + [11 * 171]


def test_larger_patches_make_blocks_of_several_bands_and_denser_ones_several_blocks_of_a_band() -> None:
    assert banded_blocks(of_product(0, rows=32, cols=91, per_band=8), stop=2912, usual=2048, most=4096) == (
        0, 1456, 2912,
    )  # fmt: skip
    dense = banded_blocks(of_product(0, rows=64, cols=500, per_band=64), stop=32_000, usual=2048, most=4096)
    assert dense == (*range(0, 32_000, 4000), 32_000)
    assert banded_blocks([PatchRow(5, 10, 0, (8, 0))], stop=15, usual=3, most=4) == (5, 9, 13, 15)


@pytest.mark.parametrize(("usual", "bounds"), [(200, (0, 200, 300)), (99, (0, 100, 200, 300))])
def test_small_products_share_a_block(usual: int, bounds: tuple[int, ...]) -> None:
    rows = [row for n in range(3) for row in of_product(n, first=100 * n, rows=10, cols=10, per_band=16)]
    assert banded_blocks(rows, stop=300, usual=usual, most=400) == bounds


def test_the_end_of_a_large_product_shares_its_block_with_no_other() -> None:
    rows = [*of_product(0, rows=20, cols=10, per_band=16), *of_product(1, first=200, rows=2, cols=10, per_band=16)]
    assert banded_blocks(rows, stop=220, usual=160, most=160) == (0, 160, 200, 220)
