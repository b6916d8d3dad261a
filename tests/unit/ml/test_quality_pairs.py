"""Patches that repeat others, and ground that patches share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.fft import dctn

from eobench_dash.ml.quality.likeness import (
    WITHIN,
    content_hashes,
    exact_repeats,
    near_repeats,
    perceptual_hashes,
)
from eobench_dash.ml.quality.overlap import Cover, boxes_meet, inside_any, overlaps


def test_a_hash_is_of_pixels_shape_and_type_but_not_of_what_fills_gaps() -> None:
    values = np.arange(3 * 2 * 4 * 4, dtype=np.float32).reshape(3, 2, 4, 4)
    values[1] = values[0]
    values[0, :, 0, 0], values[1, :, 0, 0] = np.nan, -7
    gaps = np.isnan(values).any(axis=1)
    gaps[1, 0, 0] = True
    a, b, c = content_hashes(values, gaps)
    assert a.tobytes() == b.tobytes() != c.tobytes()
    assert a.tobytes().hex() == "".join(f"{byte:02x}" for byte in a) and len(a) == 16
    for other in (values.reshape(3, 1, 8, 4), values.astype(np.float64)):
        none = np.zeros((3, *other.shape[2:]), bool)
        assert content_hashes(other, none)[2].tobytes() != c.tobytes()


def test_the_perceptual_hash_is_the_cosine_transforms(rng: np.random.Generator) -> None:
    planes = rng.normal(size=(4, 24, 32)).astype(np.float32)
    for plane, made in zip(planes, perceptual_hashes(planes).tolist(), strict=True):
        low = dctn(plane, norm="ortho")[1:9, 1:9].reshape(-1)
        bits = "".join(str(int(bit)) for bit in low > np.median(low))
        assert f"{made:064b}" == bits


def test_noise_and_brightness_change_few_bits_another_scene_many(rng: np.random.Generator) -> None:
    scene, other = (ndimage.zoom(rng.normal(120, 40, (2, 12, 12)), (1, 6, 6), order=1)).astype(np.float32)
    noisy = scene * 1.02 + rng.normal(0, 1, scene.shape)
    made = perceptual_hashes(np.stack([scene, noisy, other]).astype(np.float32))
    assert np.bitwise_count(made[0] ^ made[1]) <= WITHIN < np.bitwise_count(made[0] ^ made[2])


@given(st.lists(st.integers(0, 5), max_size=40))
def test_exact_repeats_name_the_first(values: list[int]) -> None:
    hashes = np.zeros((len(values), 16), np.uint8)
    hashes[:, 3] = values
    assert exact_repeats(hashes).tolist() == [
        values.index(value) if values.index(value) < i else -1 for i, value in enumerate(values)
    ]


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_near_repeats_are_what_comparing_all_pairs_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2**64, 60, dtype=np.uint64)
    for late in range(30, 60):
        flips = rng.choice(64, rng.integers(0, 6), replace=False)
        hashes[late] = hashes[rng.integers(0, 30)] ^ np.bitwise_or.reduce(
            np.array([1 << int(b) for b in flips] or [0], np.uint64)
        )
    mean, deviation = np.full(60, 100, np.float32), rng.choice([10.0, 30.0], 60).astype(np.float32)
    found, likeness = near_repeats(hashes, mean, deviation)
    for i in range(60):
        differ = np.bitwise_count(hashes[:i] ^ hashes[i]).astype(int)
        differ[deviation[:i] != deviation[i]] = 64
        if i and differ.min() <= WITHIN:
            assert found[i] == differ.argmin()
            assert likeness[i] == pytest.approx(1 - differ.min() / 64)
        else:
            assert (found[i], likeness[i]) == (-1, 0)


def test_flat_patches_repeat_nothing() -> None:
    found, likeness = near_repeats(np.zeros(5, np.uint64), np.ones(5, np.float32), np.zeros(5, np.float32))
    assert found.tolist() == [-1] * 5 and likeness.tolist() == [0] * 5


def test_a_crowd_costs_little_and_its_members_are_found() -> None:
    hashes = np.zeros(200_000, np.uint64)
    found, likeness = near_repeats(hashes, np.ones(len(hashes), np.float32), np.ones(len(hashes), np.float32))
    assert found[0] == -1 and (found[1:] >= 0).all() and (likeness[1:] == 1).all()
    assert (found[1:] < np.arange(1, len(hashes))).all()


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(4, 12))
def test_cover_counts_pixels(seed: int, stride: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    rows, cols = (at.reshape(-1) * stride for at in np.indices((6, 7)))
    kept = rng.random(len(rows)) < 0.7
    rows, cols = rows[kept], cols[kept]
    if not len(rows):
        return
    painted = np.zeros((120, 120), int)
    for r, c in zip(rows, cols, strict=True):
        painted[r : r + size, c : c + size] += 1
    wanted = [(painted[r : r + size, c : c + size] > 1).mean() for r, c in zip(rows, cols, strict=True)]
    cover = Cover(rows, cols, size)
    assert cover.shares == pytest.approx(wanted, abs=1e-6)
    y, x = rng.uniform(0, 119, (2, 200))
    assert cover.more_than(0, y, x).tolist() == (painted[y.astype(int), x.astype(int)] > 0).tolist()


def squares(
    rows: np.ndarray, cols: np.ndarray, size: float, *, lon: float, lat: float, tilt: float = 0.0
) -> np.ndarray:
    """Footprints of patches of a made-up product at (lon, lat), a pixel 0.001 degrees, sheared by ``tilt``."""
    corners = []
    for dy, dx in ((0, 0), (0, size), (size, size), (size, 0)):
        corners += [lon + (cols + dx) * 1e-3 + tilt * (rows + dy) * 1e-3, lat - (rows + dy) * 1e-3]
    made = np.stack(corners, axis=1)
    made[:, 0::2] = (made[:, 0::2] + 180) % 360 - 180
    return made


@pytest.mark.parametrize("lon", [10.0, 179.99], ids=["inland", "date line"])
@pytest.mark.parametrize("tilt", [0.0, 0.2])
def test_ground_shared_with_another_product(lon: float, tilt: float) -> None:
    rows, cols = (at.reshape(-1) * 8 for at in np.indices((5, 5)))
    mine = squares(rows, cols, 8, lon=lon, lat=45, tilt=tilt)
    other = squares(rows, cols, 8, lon=lon + 0.024, lat=45, tilt=tilt)  # three columns further
    far = squares(rows, cols, 8, lon=lon + 5, lat=45)
    assert boxes_meet(mine, other) and not boxes_meet(mine, far)
    told = overlaps(mine, Cover(rows, cols, 8), rows, cols, lambda: [far, other]).reshape(5, 5)
    assert told[:, :3].max() <= 2 / 64 and told[:, 3:].min() >= 62 / 64
    half = squares(rows, cols, 8, lon=lon + 0.020, lat=45, tilt=tilt)
    assert overlaps(mine, Cover(rows, cols, 8), rows, cols, lambda: [half]).reshape(5, 5)[:, 2] == pytest.approx(
        0.5, abs=0.13
    )


def test_own_and_foreign_cover_are_joined_not_added() -> None:
    rows, cols = np.array([0, 0]), np.array([0, 4])  # the second half of the first is the second's
    mine = squares(rows, cols, 8, lon=0, lat=0)
    other = squares(np.array([0]), np.array([4]), 8, lon=0, lat=0)
    told = overlaps(mine, Cover(rows, cols, 8), rows, cols, lambda: [other])
    assert told.tolist() == [0.5, 1.0]


def test_places_between_footprints_are_not_inside() -> None:
    quads = squares(np.array([0, 0]), np.array([0, 20]), 8, lon=0, lat=0)
    points = np.array([[0.004, -0.004], [0.012, -0.004], [0.024, -0.004], [0.004, 0.004], [50, 50]])
    assert inside_any(points, quads).tolist() == [True, False, True, False, False]
    assert not inside_any(points, quads[:0]).any()
