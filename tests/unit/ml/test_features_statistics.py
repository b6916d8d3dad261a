"""Histograms, moments, percentiles, indices, radar statistics: numbers worked out by hand, what they are blind to."""

import numpy as np
import pytest
from feature_inputs import described, pixels_of
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eobench_dash.errors import UnsupportedPatch
from eobench_dash.ml.features import describe, dimension
from eobench_dash.ml.features.spectral import INDICES, indices_for, roles
from eobench_dash.ml.features.statistics_kernels import statistics

EVERYWHERE = np.empty((0, 0, 0), bool)
S2 = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")


@settings(max_examples=60, deadline=None)
@given(
    values=hnp.arrays(
        np.float32,
        st.tuples(st.just(1), st.just(1), st.integers(1, 9), st.integers(1, 40)),
        elements=st.floats(-1e6, 1e6, width=32) | st.floats(0, 1, width=32),
    )
)
def test_percentiles_are_numpys(values):
    levels = np.array([0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98, 1.0])
    out = np.zeros((1, 1, 13), np.float32)
    statistics(values, EVERYWHERE, levels, out)
    expected = np.percentile(values.astype(np.float64), levels * 100)
    np.testing.assert_allclose(out[0, 0, 4:], expected, rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("far", [1e9, 1e-42, 3e38])
def test_percentiles_with_one_value_far_away(far):
    """All but one value share a bin; or the range is too small, or too wide, to divide."""
    values = np.random.default_rng(0).random((1, 1, 30, 31)).astype(np.float32)
    if far < 1:
        values *= np.float32(far)
    values[0, 0, 3, 3] = far
    if far > 1e38:
        values[0, 0, 4, 4] = -far
    out = np.zeros((1, 1, 7), np.float32)
    statistics(values, EVERYWHERE, np.array([0.1, 0.5, 0.9]), out)
    np.testing.assert_array_equal(
        out[0, 0, 4:], np.percentile(values.astype(np.float64), (10, 50, 90)).astype(np.float32)
    )


def test_histogram_of_known_reflectances():
    """Edges lie at (k / 16) squared: .0625 opens the fifth bin; 1 and more are in the last, below 0 in the first."""
    pixels = np.zeros((1, 2, 16, 16), np.float32)
    pixels[0, 0, :8] = 0.0625
    pixels[0, 0, 8:] = 0.0624
    pixels[0, 1, 0] = 1.7
    pixels[0, 1, 1] = -0.01
    first, second = describe("multispectral_hist", pixels, modality="optical").reshape(2, 16)
    assert (first[3], first[4], first.sum()) == (0.5, 0.5, 1)
    assert (second[0], second[15]) == (15 / 16, 1 / 16)


def test_a_histogram_of_a_picture_has_equal_steps():
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16)
    np.testing.assert_allclose(describe("multispectral_hist", pixels, modality="optical")[0], 1 / 16, atol=1 / 256)


def test_scaled_integers_and_reflectances_are_one():
    numbers = (pixels_of("optical", bands=4) * 10000).astype(np.uint16)
    reflectances = (numbers / 10000).astype(np.float32)
    for kind in ("multispectral_hist", "band_stats", "spectral_indices", "glcm", "gabor"):
        a, b = (described(kind, p, modality="optical") for p in (numbers, reflectances))
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_band_statistics_by_hand():
    pixels = np.zeros((1, 1, 16, 16), np.float32)
    pixels[0, 0, :4] = 1  # a quarter ones: mean 1/4, variance 3/16, skewness 2/sqrt(3), kurtosis 1/(p q) - 6
    stats = describe("band_stats", pixels, modality="optical")[0]
    expected = [0.25, np.sqrt(3) / 4, 2 / np.sqrt(3), 16 / 3 - 6, 0, 0, 0, 0, 0.25, 1, 1]
    np.testing.assert_allclose(stats, expected, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 1e-6, 0.3, 4e4])
def test_a_flat_patch_has_no_spread(value):
    flat = np.full((1, 2, 32, 32), value, np.float32)
    stats = describe("band_stats", flat, modality="optical").reshape(2, 11)
    np.testing.assert_array_equal(stats[:, 1:4], 0)
    np.testing.assert_array_equal(stats[:, [0, 4, 7, 10]], np.float32(value))
    radar = describe("sar_stats", flat, modality="sar")[0]
    assert np.isfinite(radar).all()
    np.testing.assert_array_equal(radar[[1, 2, 3, 4, 6, 7]], 0)


# One pixel of vegetation: B02 .03, B03 .06, B04 .04, B08 .40, B11 .20, B12 .10, worked out from the formulas.
BY_HAND = {
    "NDVI": 0.36 / 0.44,
    "NDWI": -0.34 / 0.46,
    "MNDWI": -0.14 / 0.26,
    "NDBI": -0.20 / 0.60,
    "NDSI": -0.14 / 0.26,
    "NBR": 0.30 / 0.50,
    "BSI": (0.24 - 0.43) / (0.24 + 0.43),
    "EVI": 2.5 * 0.36 / (0.40 + 0.24 - 0.225 + 1),
}


def test_indices_by_hand():
    names = ("B02", "B03", "B04", "B08", "B11", "B12")
    pixels = np.empty((1, 6, 16, 16), np.float32)
    pixels[:] = np.array([0.03, 0.06, 0.04, 0.40, 0.20, 0.10])[:, None, None]
    found = describe("spectral_indices", pixels, modality="optical", band_names=names).reshape(8, 5)
    assert tuple(BY_HAND) == tuple(INDICES) == indices_for(names)
    for row, value in zip(found, BY_HAND.values(), strict=True):
        np.testing.assert_allclose(row, [value, 0, value, value, value], atol=1e-6)


def test_indices_go_by_name_and_only_where_their_bands_are():
    assert indices_for(S2) == tuple(INDICES)
    assert indices_for(("red", "nir")) == ("NDVI",)
    assert indices_for(("Blue", " RED ", "NIR", "green")) == ("NDVI", "NDWI", "EVI")
    assert indices_for(("b4", "B8A", "B12")) == ("NDVI", "NBR")
    assert roles(S2)["nir"] == 7 and roles(("B8A", "nir"))["nir"] == 1
    assert dimension("spectral_indices", bands=2, band_names=("swir16", "green")) == 10
    pixels = pixels_of("optical", bands=2)
    a = describe("spectral_indices", pixels, modality="optical", band_names=("B04", "B08"))
    b = describe("spectral_indices", pixels[:, ::-1], modality="optical", band_names=("nir", "red"))
    np.testing.assert_array_equal(a, b)
    for names in (None, (), ("red", "green", "blue"), ("VV", "VH"), ("",)):
        with pytest.raises(UnsupportedPatch, match="near or short-wave infrared"):
            indices_for(names)


def test_an_index_without_meaning_is_zero():
    pixels = np.zeros((1, 3, 16, 16), np.float32)  # no light at all
    pixels[0, :, 8:] = np.array([0.9, 0.8, 0.8])[:, None, None]  # a cloud: the denominator of EVI is below 0
    pixels[0, :, 0] = -0.02  # below the offset
    names = ("blue", "red", "nir")
    found = describe("spectral_indices", pixels, modality="optical", band_names=names)
    np.testing.assert_array_equal(found, 0)


def test_radar_statistics_by_hand():
    """VV is 0.01 or 0.1, half each: -20 and -10 dB; VH a tenth of it, so -10 dB apart everywhere."""
    pixels = np.empty((1, 2, 16, 16), np.float32)
    pixels[0, 0, ::2], pixels[0, 0, 1::2] = 0.01, 0.1
    pixels[0, 1] = pixels[0, 0] / 10
    found = describe("sar_stats", pixels, modality="sar")[0]
    ln10 = np.log(10)
    variation = 0.045 / 0.055
    vv = [-15, 5, 0, -2, variation, -1.5 * ln10, (0.5 * ln10) ** 2, 0]
    vh = [-25, 5, 0, -2, variation, -2.5 * ln10, (0.5 * ln10) ** 2, 0]
    np.testing.assert_allclose(found, [*vv, *vh, 10, 0, 0, 0, 10, 1], atol=2e-5)


@pytest.mark.parametrize("gain", [0.25, 3.7])
def test_what_gain_does_to_radar_statistics(gain):
    pixels = pixels_of("sar", bands=2) + np.float32(0.01)
    before, after = (describe("sar_stats", p, modality="sar") for p in (pixels, pixels * np.float32(gain)))
    shift = np.zeros(22)
    shift[[0, 8]], shift[[5, 13]] = 10 * np.log10(gain), np.log(gain)
    np.testing.assert_allclose(after - before, np.broadcast_to(shift, (4, 22)), atol=2e-4)


def test_speckle_has_its_known_log_cumulants():
    """Gamma intensity of L looks: k2 is trigamma(L), k3 is polygamma(2, L); variation 1 / sqrt(L)."""
    from scipy.special import polygamma

    pixels = np.random.default_rng(0).gamma(4, 0.05 / 4, (1, 1, 512, 512)).astype(np.float32)
    found = describe("sar_stats", pixels, modality="sar")[0]
    np.testing.assert_allclose(found[[4, 6, 7]], [0.5, polygamma(1, 4), polygamma(2, 4)], rtol=0.04)
