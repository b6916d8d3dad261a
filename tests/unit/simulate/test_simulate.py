"""The simulator: the same for ever, any patch alone, and shaped as the sensors it stands for."""

import hashlib

import numpy as np
import pytest

from eobench_dash.errors import BadInput
from eobench_dash.simulate import SimulatedScenes, simulated_features
from eobench_dash.simulate.scenes import LOOKS, SCENE_PATCHES, SCENE_SIDE, _hash
from eobench_dash.simulate.textures import smooth, speckle_table

MODALITIES = ["optical", "sar"]


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_patch_does_not_depend_on_its_company(modality: str) -> None:
    scenes = SimulatedScenes(5, 1_000_000, modality=modality)
    ordinals = [999_999, 3, 1203, 3, 700_001]
    together = scenes.pixels(ordinals)
    for i, ordinal in enumerate(ordinals):
        assert np.array_equal(scenes.pixels([ordinal])[0], together[i])
    assert np.array_equal(SimulatedScenes(5, 10, modality=modality).pixels([3])[0], together[1])
    assert not np.array_equal(together[0], together[1])
    assert not np.array_equal(SimulatedScenes(6, 10, modality=modality).pixels([3])[0], together[1])


def test_labels_and_places_do_not_depend_on_their_company() -> None:
    scenes = SimulatedScenes(5, 5000, label_noise=0.3)
    everything = np.arange(5000)
    labels, truth, places = scenes.labels(everything), scenes.true_labels(everything), scenes.lonlat(everything)
    for ordinal in (0, 17, 1234, 4999):
        assert scenes.labels([ordinal]) == [labels[ordinal]] and scenes.true_labels([ordinal]) == [truth[ordinal]]
        assert np.array_equal(scenes.lonlat([ordinal])[0], places[ordinal])


def test_shapes_and_ranges() -> None:
    optical = SimulatedScenes(1, 100).pixels(range(40))
    assert optical.shape == (40, 13, 64, 64) and optical.dtype == np.uint16
    assert optical.min() >= 1 and optical.max() <= 12_000
    sar = SimulatedScenes(1, 100, modality="sar", size=32).pixels(range(40))
    assert sar.shape == (40, 2, 32, 32) and sar.dtype == np.float32
    assert np.isfinite(sar).all() and sar.min() > 0
    assert SimulatedScenes(1, 0).pixels([]).shape == (0, 13, 64, 64)


def test_spectra_are_those_of_their_covers() -> None:
    scenes = SimulatedScenes(2, 4000)
    labels = np.array(scenes.true_labels(range(4000)))

    def spectrum(name: str) -> np.ndarray:
        return scenes.pixels(np.flatnonzero(labels == name)[:30]).mean(axis=(0, 2, 3))

    blue, red, near, short = 1, 3, 7, 11
    forest, sea, snow, soil = (spectrum(n) for n in ("Forest", "Sea", "Snow", "Bare soil"))
    assert (forest[near] - forest[red]) / (forest[near] + forest[red]) > 0.6
    assert sea[near] < sea[blue] and sea[near] < 1500
    assert snow[blue] > 7000 and snow[short] < 2000
    assert soil[short] > soil[near] > soil[red] > soil[blue]


def test_speckle_has_the_stated_looks() -> None:
    table = speckle_table(LOOKS).astype(np.float64)
    assert table.mean() == pytest.approx(1, abs=1e-6)
    assert 1 / table.var() == pytest.approx(LOOKS, rel=0.01)
    # and so has a patch, where it is smooth: neighbouring pixels share their mean, the ratio has the speckle of both
    scenes = SimulatedScenes(3, 4000, modality="sar")
    snow = np.flatnonzero(np.array(scenes.true_labels(range(4000))) == "Snow")[:40]
    log = np.log(scenes.pixels(snow)[:, 0, 8:-8, 8:-8])
    one_pixel = np.median(np.diff(log, axis=2).var(axis=(1, 2))) / 2
    assert one_pixel == pytest.approx(np.log(table).var(), rel=0.06)


def test_sar_levels_are_ordered_as_in_nature() -> None:
    scenes = SimulatedScenes(4, 4000, modality="sar")
    labels = np.array(scenes.true_labels(range(4000)))
    level = {
        n: 10 * np.log10(np.median(scenes.pixels(np.flatnonzero(labels == n)[:30])[:, 0])) for n in scenes.label_names
    }
    assert level["Urban"] > level["Forest"] > level["Cropland"] > level["Bare soil"] > level["Sea"]


def test_scenes_are_grids_of_neighbours() -> None:
    scenes = SimulatedScenes(7, 8 * SCENE_PATCHES)
    number = scenes.scene(range(8 * SCENE_PATCHES))
    assert (number >= 0).mean() == 0.75
    places = scenes.lonlat(range(SCENE_PATCHES)).reshape(SCENE_SIDE, SCENE_SIDE, 2)
    assert np.allclose(np.diff(places[..., 1], axis=0) * 111_320, -640)
    east = np.diff(places[..., 0], axis=1) * 111_320 * np.cos(np.radians(places[0, 0, 1]))
    assert np.allclose(east, 640, rtol=1e-3)


def test_neighbours_in_a_scene_mostly_agree() -> None:
    scenes = SimulatedScenes(7, 40 * SCENE_PATCHES)
    codes = scenes.codes(range(40 * SCENE_PATCHES)).reshape(40, SCENE_SIDE, SCENE_SIDE)
    in_scenes, alone = codes[np.arange(40) % 4 < 3], codes[3::4]
    assert (np.diff(in_scenes, axis=2) == 0).mean() > 0.6
    assert (np.diff(alone, axis=2) == 0).mean() < 0.25


def test_every_cover_occurs_and_has_a_place_on_earth() -> None:
    scenes = SimulatedScenes(8, 50_000)
    counts = np.bincount(scenes.codes(range(50_000)), minlength=len(scenes.label_names))
    assert len(counts) == len(scenes.label_names) >= 6 and counts.min() > 1000
    lon, lat = scenes.lonlat(range(50_000)).T
    assert np.abs(lon).max() <= 180 and np.abs(lat).max() <= 75


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_label_noise(share: float) -> None:
    scenes = SimulatedScenes(9, 20_000, label_noise=share)
    wrong = np.array(scenes.labels(range(20_000))) != np.array(scenes.true_labels(range(20_000)))
    assert wrong.mean() == pytest.approx(share, abs=0.01)


def test_hash_is_pinned() -> None:
    # datasets made by earlier versions must stay the same: a change here needs a new version of the simulator
    digest = hashlib.sha256(_hash(1, np.arange(1000), 3).tobytes()).hexdigest()
    assert digest[:16] == "6be4ab24f516a74f"


def test_smooth_fields_are_standardised() -> None:
    rng = np.random.default_rng(0)
    fields = np.stack([smooth(rng, 64, (1.0, 0.5, 0.25, 0.1)) for _ in range(300)])
    assert abs(fields.mean()) < 0.05 and fields.std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("ordinals", [[-1], [10], [0, 10]])
def test_ordinals_out_of_range(ordinals: list[int]) -> None:
    with pytest.raises(BadInput, match="0 to 9"):
        SimulatedScenes(1, 10).pixels(ordinals)


@pytest.mark.parametrize("wrong", [{"modality": "x"}, {"size": 4}, {"size": 5000}, {"label_noise": 2}, {"count": -1}])
def test_bad_settings(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        SimulatedScenes(**({"seed": 1, "count": 10} | wrong))


def test_feature_vectors() -> None:
    features, labels = simulated_features(70_000, 20, 5, 3)
    assert features.shape == (70_000, 20) and features.dtype == np.float32 and labels.shape == (70_000,)
    short, short_labels = simulated_features(66_000, 20, 5, 3)
    assert np.array_equal(features[:66_000], short) and np.array_equal(labels[:66_000], short_labels)
    assert set(labels) == set(range(5)) and not np.array_equal(simulated_features(100, 20, 5, 4)[0], features[:100])
    centres = np.stack([features[labels == c].mean(axis=0) for c in range(5)])
    nearest = ((features[:2000, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == labels[:2000]).mean() > 0.9
