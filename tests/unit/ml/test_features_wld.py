"""Weber descriptors: what they are blind to, what they see, and the same numbers as formulas written out slowly."""

import sys
from pathlib import Path

import numpy as np
import pytest

from eobench_dash.ml.features import KINDS, describe

sys.path.insert(0, str(Path(__file__).parents[3]))
from bench.feature_reference import REFERENCE

CASES = [("wld144", "optical"), ("sar_wld144", "sar"), ("sar_wld144_rmd3x3", "sar")]
every_wld = pytest.mark.parametrize(("kind", "modality"), CASES)


def textured(n=6, bands=1, height=48, width=40, seed=0):
    """Speckle of 4 looks over a smooth pattern; no two neighbours equal."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    base = 1 + 0.6 * np.sin(x / 5 + rng.uniform(0, 6, (n, bands, 1, 1))) * np.cos(y / 7)
    return (base * rng.gamma(4, 0.25, (n, bands, height, width)) * 0.05).astype(np.float32)


@every_wld
def test_each_band_sums_to_one(kind, modality):
    histograms = describe(kind, textured(bands=2), modality=modality)
    assert histograms.shape == (6, 144 if modality == "optical" else 288)
    np.testing.assert_allclose(histograms.reshape(6, -1, 144).sum(axis=2), 1, atol=1e-6)


@every_wld
def test_gain_by_powers_of_two_changes_nothing(kind, modality):
    pixels = textured()
    for gain in (0.125, 4, 1024):
        np.testing.assert_array_equal(
            describe(kind, pixels * np.float32(gain), modality=modality), describe(kind, pixels, modality=modality)
        )


@every_wld
@pytest.mark.parametrize("gain", [0.3, 3.7, 911.0])
def test_other_gains_move_at_most_a_thousandth_of_the_pixels(kind, modality, gain):
    pixels = textured()
    changed = describe(kind, pixels * np.float32(gain), modality=modality) - describe(kind, pixels, modality=modality)
    assert np.abs(changed).sum(axis=1).max() / 2 <= 1e-3


@every_wld
def test_a_quarter_turn_rolls_the_orientations_by_two(kind, modality):
    pixels = textured()
    turned = np.ascontiguousarray(np.rot90(pixels, axes=(2, 3)))
    before = describe(kind, pixels, modality=modality).reshape(-1, 8, 18)
    after = describe(kind, turned, modality=modality).reshape(-1, 8, 18)
    np.testing.assert_array_equal(after, np.roll(before, -2, axis=1))
    assert not np.array_equal(after, before)


@every_wld
@pytest.mark.parametrize("value", [0.0, 1e-6, 7.3, 4e4])
def test_a_flat_patch_is_all_in_one_bin(kind, modality, value):
    histogram = describe(kind, np.full((1, 1, 32, 32), value, np.float32), modality=modality)[0]
    (filled,) = np.nonzero(histogram)
    assert histogram[filled].tolist() == [1.0]
    assert filled[0] == 0 if kind == "sar_wld144" else filled[0] in (8, 9)


@every_wld
def test_same_as_the_formulas_written_out(kind, modality):
    pixels = textured(n=5, bands=3)
    slow = np.array([REFERENCE[kind](patch, modality) for patch in pixels])
    np.testing.assert_allclose(describe(kind, pixels, modality=modality), slow, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_whole_numbers_same_as_the_formulas(dtype):
    pixels = np.random.default_rng(1).integers(0, 256, (5, 3, 33, 47)).astype(dtype)
    slow = np.array([REFERENCE["wld144"](patch) for patch in pixels])
    np.testing.assert_allclose(describe("wld144", pixels, modality="optical"), slow, atol=1e-7)


@every_wld
def test_nodata_is_not_counted(kind, modality):
    pixels = textured(n=4)
    nodata = np.zeros((4, 48, 40), bool)
    nodata[:, :17] = True
    nodata[1, 30, 20] = True
    dirty = pixels.copy()
    dirty[:, 0][nodata] = np.nan
    masked = describe(kind, dirty, modality=modality, nodata=nodata)
    np.testing.assert_array_equal(masked[0], describe(kind, pixels[:1, :, 17:], modality=modality)[0])
    slow = np.array([REFERENCE[kind](p, modality, ~m) for p, m in zip(np.nan_to_num(dirty), nodata, strict=True)])
    np.testing.assert_allclose(masked, slow, atol=1e-7)


@every_wld
def test_a_patch_of_nodata_gives_zeros(kind, modality):
    nodata = np.zeros((2, 32, 32), bool)
    nodata[0] = True
    histograms = describe(kind, textured(n=2, height=32, width=32), modality=modality, nodata=nodata)
    assert not histograms[0].any()
    assert histograms[1].sum() == pytest.approx(1, abs=1e-6)


def test_a_step_in_brightness_has_the_direction_of_its_gradient():
    """Brighter to the right: ROEWA's orientation is 0 (phase of (Gx, Gy) = (+, 0)); brighter below: 90 degrees = 2."""
    pixels = np.ones((2, 1, 32, 32), np.float32)
    pixels[0, 0, :, 16:] = 4
    pixels[1, 0, 16:, :] = 4
    by_orientation = describe("sar_wld144", pixels, modality="sar").reshape(2, 8, 18)[:, :, 1:].sum(axis=2)
    assert by_orientation[0].argmax() == 0 and by_orientation[0, 1:].sum() == 0
    assert by_orientation[1].argmax() == 2 and np.delete(by_orientation[1], 2).sum() == 0


def test_ratios_see_what_speckle_hides():
    """Of two speckled textures with equal means the ROEWA descriptor tells more apart than the literal one."""
    rng = np.random.default_rng(3)
    x = np.mgrid[:64, :64][1]
    edges = np.where(x // 16 % 2, 1.8, 0.2)
    speckle = rng.gamma(1, 1, (2, 40, 1, 64, 64))
    plain, striped = (speckle * np.stack([np.ones_like(edges), edges])[:, None, None]).astype(np.float32)

    def separation(kind):
        a, b = (np.sqrt(describe(kind, p, modality="sar")) for p in (plain, striped))
        within = np.linalg.norm(a - a.mean(axis=0), axis=1).mean() + np.linalg.norm(b - b.mean(axis=0), axis=1).mean()
        return np.linalg.norm(a.mean(axis=0) - b.mean(axis=0)) / within

    assert separation("sar_wld144") > 1.5 * separation("sar_wld144_rmd3x3")


def test_the_table_says_what_it_computes():
    assert KINDS["sar_wld144"].params["variant"] == "roewa"
    assert KINDS["wld144"].params["orientations"] == 8
