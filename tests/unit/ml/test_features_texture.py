"""Co-occurrence and visual words; all radar kinds on real Sentinel-1 patches."""

import numpy as np
import pytest
from feature_inputs import PLAIN, described, needs, pixels_of

from eobench_dash.errors import UnsupportedPatch
from eobench_dash.ml.features import describe, fit

CONTRAST, DISSIMILARITY, HOMOGENEITY, ASM, ENERGY, CORRELATION, ENTROPY = range(7)


def cooccurrence(pixels, modality="optical"):
    """(n, 3 distances, 7 properties, mean and range) of one band."""
    return describe("glcm", pixels, modality=modality).reshape(len(pixels), 3, 7, 2)


def test_cooccurrence_of_stripes_by_hand():
    """Columns of two levels in turn: side by side and along diagonals every pair differs, one above the other none, and
    at even distances none at all."""
    pixels = np.empty((1, 1, 32, 32), np.uint8)
    pixels[..., ::2], pixels[..., 1::2] = 63, 127
    step = 127 * 32 // 255 - 63 * 32 // 255
    near, two, four = cooccurrence(pixels)[0]
    np.testing.assert_allclose(near[CONTRAST], [0.75 * step**2, step**2], rtol=1e-6)
    np.testing.assert_allclose(near[DISSIMILARITY], [0.75 * step, step], rtol=1e-6)
    np.testing.assert_allclose(near[HOMOGENEITY], [0.75 / (1 + step**2) + 0.25, 1 - 1 / (1 + step**2)], rtol=1e-6)
    np.testing.assert_allclose(near[ASM], [0.5, 0], atol=1e-6)
    np.testing.assert_allclose(near[CORRELATION], [-0.5, 2], atol=1e-6)
    np.testing.assert_allclose(near[ENTROPY], [np.log(2), 0], atol=1e-6)
    for even in (two, four):
        np.testing.assert_allclose(even[:, 0], [0, 0, 1, 0.5, np.sqrt(0.5), 1, np.log(2)], atol=1e-6)
        np.testing.assert_allclose(even[:, 1], 0, atol=1e-6)


@pytest.mark.parametrize("modality", ["optical", "sar"])
@pytest.mark.parametrize("value", [0.0, 0.07, 50.0])
def test_cooccurrence_of_a_flat_patch(modality, value):
    flat = cooccurrence(np.full((1, 1, 32, 32), value, np.float32), modality)[0]
    np.testing.assert_array_equal(flat[..., 0], np.broadcast_to([0, 0, 1, 1, 1, 1, 0], (3, 7)))
    np.testing.assert_array_equal(flat[..., 1], 0)


def test_cooccurrence_does_not_change_with_a_quarter_turn():
    pixels = pixels_of("sar", bands=1)
    turned = np.ascontiguousarray(np.rot90(pixels, axes=(2, 3)))
    np.testing.assert_allclose(cooccurrence(turned, "sar"), cooccurrence(pixels, "sar"), atol=1e-5)


def test_radar_levels_are_steps_of_decibels():
    """One level is 1.25 dB: a chequerboard of two powers 12.5 dB apart differs by ten levels, whatever the gain."""
    board = np.indices((32, 32)).sum(axis=0) % 2
    for low in (-30.0, -20.0, -12.5):
        power = (10 ** ((low + 12.5 * board) / 10)).astype(np.float32)[None, None]
        near = cooccurrence(power, "sar")[0, 0]
        np.testing.assert_allclose(near[DISSIMILARITY], [5, 10], atol=1e-6)  # rows and columns differ, diagonals do not


def test_words_of_the_same_sample_are_the_same():
    pixels = pixels_of("optical", n=12)
    first, again, other = (fit("bovw", pixels, modality="optical", seed=seed) for seed in (1, 1, 2))
    assert {name: a.shape for name, a in first.items()} == {"mean": (32,), "scale": (32,), "words": (256, 32)}
    for name in first:
        assert first[name].dtype == np.float32
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.array_equal(first["words"], other["words"])


@pytest.mark.parametrize("modality", ["optical", "sar"])
def test_shares_of_words_sum_to_one_and_tell_textures_apart(modality):
    rng = np.random.default_rng(0)
    speckle = rng.gamma(20, 1 / 20, (30, 1, 48, 48))
    stripes = np.where(np.mgrid[:48, :48][1] // 4 % 2, 1.5, 0.5)
    plain, striped = (0.1 * speckle).astype(np.float32), (0.1 * speckle * stripes).astype(np.float32)
    state = fit("bovw", np.concatenate([plain[:10], striped[:10]]), modality=modality)
    a, b = (describe("bovw", p[10:], modality=modality, state=state) for p in (plain, striped))
    np.testing.assert_allclose(a.sum(axis=1), 1, atol=1e-5)
    common = np.minimum(a.mean(axis=0), b.mean(axis=0)).sum()
    assert common < 0.2 < np.minimum(a[:10].mean(axis=0), a[10:].mean(axis=0)).sum()


def test_optical_words_are_blind_to_gain():
    pixels = pixels_of("optical")
    np.testing.assert_array_equal(
        described("bovw", pixels, modality="optical"), described("bovw", pixels * np.float32(4), modality="optical")
    )


def test_few_windows_still_make_words():
    pixels = pixels_of("sar", n=2, size=16)
    state = fit("bovw", pixels, modality="sar")  # one window each
    shares = describe("bovw", pixels, modality="sar", state=state)
    assert shares.max(axis=1).tolist() == [1, 1]
    assert np.flatnonzero(shares.sum(axis=0)).tolist() == [0, 1]
    assert not describe(
        "bovw", pixels[:, :, :, :], modality="sar", state=state, nodata=np.ones((2, 16, 16), bool)
    ).any()
    with pytest.raises(UnsupportedPatch, match="No window of these patches is free of nodata"):
        fit("bovw", pixels, modality="sar", nodata=np.ones((2, 16, 16), bool))
    with pytest.raises(UnsupportedPatch, match="learned from other bands"):
        describe("bovw", pixels[:, :2], modality="sar", state=state)


def big_earth_net(shared_dir):
    """Six real VV/VH patches (6, 2, 120, 120), float dB turned to linear power."""
    import rasterio

    patches = []
    for folder in sorted((shared_dir / "fixtures/rasters/BigEarthNet-S1-Example").iterdir()):
        bands = []
        for polarisation in ("VV", "VH"):
            with rasterio.open(folder / f"{folder.name}_{polarisation}.tif") as source:
                bands.append(10 ** (source.read(1).astype(np.float64) / 10))
        patches.append(bands)
    return np.array(patches, np.float32)


def test_real_radar_patches(shared_dir):
    pixels = big_earth_net(shared_dir)
    decibels = 10 * np.log10(pixels)
    stats = describe("sar_stats", pixels, modality="sar")
    np.testing.assert_allclose(stats[:, [0, 8]], decibels.mean(axis=(2, 3)), atol=1e-3)
    np.testing.assert_allclose(stats[:, [1, 9]], decibels.std(axis=(2, 3)), atol=1e-3)
    assert (stats[:, 16] > 3).all()  # VV is brighter than VH, everywhere
    weber = describe("sar_wld144", pixels, modality="sar").reshape(6, 2, 144)
    np.testing.assert_allclose(weber.sum(axis=2), 1, atol=1e-6)
    louder = describe("sar_wld144", pixels * np.float32(2.0**-7), modality="sar")
    np.testing.assert_array_equal(louder, weber.reshape(6, 288))
    with pytest.raises(UnsupportedPatch, match="decibels; give linear"):
        describe("sar_wld144", decibels, modality="sar")


@pytest.mark.parametrize("kind", [kind for kind, modality in PLAIN if modality == "sar"])
def test_real_radar_patches_as_the_formulas_say(shared_dir, kind):
    from bench.feature_reference import reference

    pixels = big_earth_net(shared_dir)[:2, :, 20:84, 30:94]
    nodata = np.zeros((2, 64, 64), bool)
    nodata[1, :9] = True
    fast = described(kind, pixels, modality="sar", nodata=nodata)
    state = needs(kind, 2, "sar").get("state")
    slow = np.array([reference(kind, p, "sar", ~m, state=state) for p, m in zip(pixels, nodata, strict=True)])
    if "wld" in kind:
        assert np.abs(fast - slow).reshape(4, 144).sum(axis=1).max() / 2 <= 1e-3
    else:
        np.testing.assert_allclose(fast, slow, atol=2e-4 * max(np.abs(slow).max(), 1))


def test_real_reflectances(shared_dir):
    """EuroSAT's forests are green: the mean NDVI is that of their bands."""
    import rasterio

    pixels = np.empty((3, 13, 64, 64), np.uint16)
    for row, file in enumerate(sorted((shared_dir / "fixtures/rasters/eurosat_ms/Forest").glob("*.tif"))):
        with rasterio.open(file) as source:
            pixels[row] = source.read()
    names = (*(f"B{number:02}" for number in range(1, 13)), "B8A")
    found = describe("spectral_indices", pixels, modality="optical", band_names=names)
    assert found.shape == (3, 40)
    nir, red = (pixels[:, names.index(b)].astype(np.float64) for b in ("B08", "B04"))
    np.testing.assert_allclose(found[:, 0], ((nir - red) / (nir + red)).mean(axis=(1, 2)), atol=1e-5)
    assert (found[:, 0] > 0.5).all()
