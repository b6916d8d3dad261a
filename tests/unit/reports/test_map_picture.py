"""The map as a picture: where points land, in which colour, independent of their order."""

import io

import numpy as np
import pytest
from PIL import Image

from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.errors import BadInput
from eobench_dash.reports.map_picture import UNLABELLED, label_places, map_picture, to_pixels

RED, BLUE = "#ff0000", "#0000ff"


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_points_land_where_they_belong_in_their_colour() -> None:
    coords = np.array([[0, 0], [10, 10]], np.float32)
    picture = pixels(map_picture(coords, np.array([0, 1], np.uint16), {0: RED, 1: BLUE}, width=200, height=200))
    low_left, high_right = picture[176, 24], picture[24, 176]
    assert low_left[0] > low_left[2] + 80 and high_right[2] > high_right[0] + 80
    assert (picture[24, 24] == 255).all()


def test_order_of_points_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    coords, codes = rng.normal(size=(500, 2)).astype(np.float32), rng.integers(0, 2, 500).astype(np.uint16)
    turned = rng.permutation(500)
    one = pixels(map_picture(coords, codes, {0: RED, 1: BLUE}, width=150, height=100))
    two = pixels(map_picture(coords[turned], codes[turned], {0: RED, 1: BLUE}, width=150, height=100))
    assert np.abs(one - two).max() <= 1


def test_unlabelled_are_grey_and_lost_points_are_left_out() -> None:
    coords = np.array([[0, 0], [np.nan, 1]], np.float32)
    picture = pixels(map_picture(coords, np.array([NO_LABEL, 0], np.uint16), {0: RED}, width=60, height=60))
    inked = picture[(picture != 255).any(axis=2)]
    assert len(inked) and (inked.min(axis=0) >= np.array(UNLABELLED)).all()


@pytest.mark.parametrize("n", [0, 1])
def test_few_points(n: int) -> None:
    picture = map_picture(np.zeros((n, 2), np.float32), np.zeros(n, np.uint16), {0: RED}, width=80, height=60)
    assert pixels(picture).shape == (60, 80, 3)


def test_equal_scale_on_both_axes() -> None:
    square = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    at = to_pixels(square, width=300, height=200)
    assert np.ptp(at[:, 0]) == np.ptp(at[:, 1]) == 200 - 48


def test_name_stands_on_a_cluster_not_between_two() -> None:
    rng = np.random.default_rng(1)
    near, far = rng.normal((0, 0), 0.1, (60, 2)), rng.normal((10, 0), 0.1, (50, 2))
    coords = np.vstack([near, far]).astype(np.float32)
    ((code, x, y),) = label_places(coords, np.zeros(110, np.uint16))
    assert code == 0 and abs(x) < 0.5 and abs(y) < 0.5


def test_arrays_that_do_not_match_are_refused() -> None:
    with pytest.raises(BadInput, match="2 coordinates"):
        map_picture(np.zeros((3, 2), np.float32), np.zeros(2, np.uint16), {})
