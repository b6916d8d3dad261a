"""The order of sheets: a permutation, always the same, in which what is seen together lies together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eobench_dash.ml.sheets import inverse_order, sheet_order


def maps(seed: int, n: int, kind: str) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "uniform":
        return rng.random((n, 2))
    centres = rng.normal(size=(int(rng.integers(2, 40)), 2)) * 5
    return centres[rng.integers(0, len(centres), n)] + rng.normal(size=(n, 2)) * rng.uniform(0.02, 1)


@pytest.mark.parametrize("n", [0, 1, 255, 256, 257, 1024, 1025, 2500, 5000])
def test_every_point_has_one_place(n: int) -> None:
    order = sheet_order(maps(n, n, "clustered"))
    assert order.dtype == np.uint32 and np.array_equal(np.sort(order), np.arange(n))
    assert np.array_equal(order[inverse_order(order)], np.arange(n))


def test_points_without_a_place_come_last() -> None:
    xy = maps(0, 3000, "uniform")
    xy[[5, 17], 0], xy[2999, 1] = np.nan, np.inf
    order = sheet_order(xy)
    assert order[-3:].tolist() == [5, 17, 2999] and len(np.unique(order)) == 3000


def test_equal_places_are_no_trouble_and_the_order_is_always_the_same() -> None:
    xy = np.repeat(maps(1, 40, "uniform"), 100, axis=0)
    assert np.array_equal(sheet_order(xy), sheet_order(xy.copy()))
    assert np.array_equal(sheet_order(np.zeros((3000, 2))), np.sort(sheet_order(np.zeros((3000, 2)))))


def test_one_stray_point_does_not_spoil_the_cuts() -> None:
    xy = maps(2, 8192, "uniform")
    xy[0] = (1e6, 0.5)
    box = [np.ptp(xy[1:][np.isin(np.arange(1, 8192), leaf)], axis=0) for leaf in sheet_order(xy).reshape(-1, 1024)]
    assert max(wide.max() for wide in box) < 0.75


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(3000, 20_000),
    kind=st.sampled_from(["uniform", "clustered"]),
    size=st.floats(0.01, 1.0),
    aspect=st.sampled_from([1.0, 1.25, 1.6, 0.6]),
)
def test_a_window_of_at_most_3000_points_needs_at_most_12_sheets(
    seed: int, n: int, kind: str, size: float, aspect: float
) -> None:
    xy = maps(seed, n, kind)
    places = inverse_order(sheet_order(xy))
    half = np.ptp(xy[:, 0]) * size / 2
    for x, y in xy[np.random.default_rng(seed).integers(0, n, 12)]:
        seen = (abs(xy[:, 0] - x) <= half) & (abs(xy[:, 1] - y) <= half / aspect)
        if seen.sum() <= 3000:
            assert len(np.unique(places[seen] // 1024)) <= 12
