"""Advice: parts where there are parts, none where a cloud is merely long or skewed; labels that a coin tells apart."""

import json

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from structured import blobs

from eobench_dash.domain.clusters import (
    MergeAdvice,
    Part,
    SplitAdvice,
    advice_from_plain,
    advice_to_plain,
)
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.errors import BadInput
from eobench_dash.ml.advice.merge import confused_pairs
from eobench_dash.ml.advice.naming import part_names, traits
from eobench_dash.ml.advice.split import discriminant, find_parts, valley


@pytest.mark.parametrize("counts", [(150, 150), (240, 60), (100, 100, 100)])
def test_parts_are_found(counts) -> None:
    x, truth = blobs(counts, dim=5, apart=7.0)
    found = find_parts(x, seed=0)
    assert found.advised and found.chosen.k == len(counts)
    assert adjusted_rand_score(truth, found.codes) > 0.97
    assert list(np.bincount(found.codes)) == sorted(np.bincount(found.codes), reverse=True)
    assert found.chosen.separation > 0.5 and found.chosen.stability > 0.9 and found.chosen.bic_gain > 0


CLOUDS = {
    "even": lambda rng: rng.normal(size=(200, 5)),
    "long": lambda rng: rng.normal(size=(200, 5)) * [20, 1, 1, 1, 1],
    "flat": lambda rng: rng.uniform(size=(200, 5)),
    "skewed": lambda rng: rng.gamma(1.5, size=(200, 5)),
    "heavy": lambda rng: rng.standard_t(3, size=(200, 5)),
}


@pytest.mark.parametrize("kind", CLOUDS)
def test_one_cloud_is_not_split(kind) -> None:
    found = find_parts(CLOUDS[kind](np.random.default_rng(0)), seed=0)
    assert not found.advised and found.codes is None, found.tried


def test_few_patches_are_not_looked_into() -> None:
    assert find_parts(blobs((30, 29))[0]) is None
    with pytest.raises(BadInput, match="same features"):
        find_parts(np.ones((80, 3)))


def test_the_valley() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=2000), rng.normal(8, size=2000)
    assert valley(left, right) > 0.95
    cloud = np.sort(rng.normal(size=4000))
    assert valley(cloud[:2000], cloud[2000:]) < 0.02
    assert valley(np.ones(9), np.ones(9)) == 0.0


def test_the_discriminant_looks_past_the_noise() -> None:
    rng = np.random.default_rng(0)
    noise = np.array([100.0, 1.0])
    a, b = rng.normal(size=(500, 2)) * noise, rng.normal(size=(500, 2)) * noise + [0, 5]
    axis = discriminant(a, b)
    assert abs(axis[1]) > 100 * abs(axis[0])


def test_labels_that_a_coin_tells_apart_are_to_be_merged() -> None:
    x, truth = blobs((200, 200), apart=6.0)
    codes = truth.copy()
    codes[truth == 1] = np.random.default_rng(0).choice([1, 2], size=200)
    pairs = confused_pairs(x, codes)
    assert [({p.first, p.second}, p.advised) for p in pairs] == [({1, 2}, True)]
    worst = pairs[0]
    assert worst.low < 0.5 < worst.high and 0.4 < worst.error < 0.6
    assert all(codes[row] == worst.first for row in worst.first_rows)
    assert all(codes[row] == worst.second for row in worst.second_rows)


def test_labels_apart_and_small_ones_are_left_alone() -> None:
    x, truth = blobs((60, 60))
    assert confused_pairs(x, truth) == []
    truth[60:110] = NO_LABEL
    assert confused_pairs(x, truth) == []


def test_parts_are_named_by_what_an_eye_sees() -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 30, (3, 8, 8)) + shade for shade in [20] * 8 + [180] * 8]
    parts = np.repeat([0, 1], 8)
    names = [name for name, _ in part_names("River", traits(pictures, modality="optical"), parts, k=2)]
    assert names == ["River (dark)", "River (bright)"]


def test_names_without_pictures_tell_the_nearest_label_or_a_number() -> None:
    nobody = np.empty(0, np.int64)
    assert [n for n, _ in part_names("Forest", {}, nobody, k=2, nearest=["Pasture", "River"])] == [
        "Forest, like Pasture",
        "Forest, like River",
    ]
    assert [n for n, _ in part_names("Forest", {}, nobody, k=2, nearest=["River", "River"])] == [
        "Forest · 1",
        "Forest · 2",
    ]


def test_traits_see_colour_and_texture() -> None:
    green = np.zeros((3, 6, 6))
    green[1] = 90
    rough = np.full((3, 6, 6), 50.0)
    rough[:, ::2] = 100
    found = traits([green, rough], modality="optical")
    assert found["greenness"][0] > 0.6 and abs(found["greenness"][1]) < 1e-9
    assert found["roughness"][1] > found["roughness"][0] == 0
    assert set(traits([np.ones((2, 4, 4))], modality="sar")) == {"brightness", "roughness"}


def test_advice_survives_json() -> None:
    from datetime import UTC, datetime

    part = Part(0, "River (dark)", 10, (1, 2), "dark")
    splits = (SplitAdvice("River", 0, 20, True, 2, 0.9, None, 1.5, 0.6, "why", (part,), 4),)
    merges = (MergeAdvice("A", "B", 0, 1, True, 0.5, 0.45, 0.55, 400, "why", (1,), (2, 3)),)
    plain = json.loads(json.dumps(advice_to_plain(splits, merges, thresholds={"error": 0.25}, notes=("n",))))
    now = datetime.now(UTC)
    back = advice_from_plain(plain, id=3, feature_kind="all", last_event=9, stale=True, created_at=now)
    assert (back.splits, back.merges, back.notes, back.thresholds) == (splits, merges, ("n",), {"error": 0.25})
