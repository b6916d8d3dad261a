"""Statistics of feature sets against what is known of made-up ones."""

import numpy as np
import pytest

from eobench_dash.ml.features.summary import summarise


def test_independent_columns_count_for_themselves_and_copies_for_one() -> None:
    x = np.random.default_rng(0).normal(size=(4000, 10)).astype(np.float32)
    assert summarise(x, rows=4000).effective == pytest.approx(10, rel=0.02)
    assert summarise(np.repeat(x[:, :1], 7, axis=1), rows=4000).effective == pytest.approx(1)
    # two groups of three copies: two
    assert summarise(np.repeat(x[:, :2], 3, axis=1), rows=4000).effective == pytest.approx(2, rel=0.02)


def test_scale_says_nothing_about_how_many_columns_it_amounts_to() -> None:
    x = np.random.default_rng(1).normal(size=(500, 2)).astype(np.float32)
    scaled = x * np.array([1, 50], dtype=np.float32) + np.float32(3)
    assert summarise(scaled, rows=500).effective == pytest.approx(summarise(x, rows=500).effective, rel=1e-5)


def test_range_constants_and_what_is_not_finite() -> None:
    x = np.array([[1, 5, np.nan], [2, 5, 3], [-4, 5, np.inf]], dtype=np.float32)
    told = summarise(x, rows=30)
    assert (told.rows, told.sample, told.dim) == (30, 3, 3)
    assert (told.lowest, told.highest, told.not_finite) == (-4, 5, 2)
    assert told.constant == 3  # one row is whole: nothing changes in it
    assert summarise(x[:, :2], rows=3).constant == 1


def test_nothing_to_measure() -> None:
    told = summarise(np.empty((0, 5), dtype=np.float32), rows=0)
    assert (told.sample, told.constant, told.effective, told.lowest) == (0, 5, 0.0, 0.0)
    assert summarise(np.full((4, 2), np.nan, dtype=np.float32), rows=4).not_finite == 8
