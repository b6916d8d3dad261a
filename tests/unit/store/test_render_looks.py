"""Looks on real rasters: the bands that are shown are the ones that are named."""

from pathlib import Path

import numpy as np
import pytest

from eobench_dash.domain.looks import LOOK_NAMES, STRETCH_NAMES, looks_of
from eobench_dash.errors import PatchUnreadable
from eobench_dash.store.images import PatchImages
from eobench_dash.store.render import render

S2_13 = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]
EUROSAT = [*S2_13[:8], "B09", "B10", "B11", "B12", "B8A"]
L2A_12 = [band for band in S2_13 if band != "B10"]
TEN = ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"]
SHOWN = {"true": ("B04", "B03", "B02"), "false": ("B08", "B04", "B03"), "swir": ("B12", "B8A", "B04")}


def stack(order: list[str]) -> np.ndarray:
    """Each band one value of its own, the cirrus band almost black."""
    values = {band: 200 * (1 + S2_13.index(band)) for band in order} | {"B10": 5}
    return np.stack([np.full((4, 4), values[band], np.uint16) for band in order])


@pytest.mark.parametrize("order", [S2_13, EUROSAT, L2A_12, TEN], ids=["13", "eurosat", "12", "10"])
@pytest.mark.parametrize("look", SHOWN)
def test_the_named_bands_are_shown(order: list[str], look: str) -> None:
    pixels = stack(order)
    top = 3000 if look == "true" else 4000
    wanted = [round(min(int(pixels[order.index(band), 0, 0]) / top, 1) * 255) for band in SHOWN[look]]
    assert render(pixels, stretch="fixed", look=look)[0, 0].tolist() == wanted


def test_four_bands_are_blue_green_red_and_infrared() -> None:
    pixels = np.zeros((4, 2, 2), np.uint16)
    pixels[3] = 4000
    assert render(pixels, stretch="fixed", look="false")[0, 0].tolist() == [255, 0, 0]
    with pytest.raises(PatchUnreadable, match="swir"):
        render(pixels, look="swir")


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 9, 10, 11, 12, 13, 14])
@pytest.mark.parametrize(
    ("kind", "modality"), [(np.uint8, "optical"), (np.uint16, "optical"), (np.float32, "sar"), (np.uint8, "sar")]
)
def test_every_look_and_stretch_that_is_offered_can_be_drawn(bands: int, kind: type, modality: str) -> None:
    pixels = np.random.default_rng(0).uniform(1, 200, (bands, 5, 7)).astype(kind)
    offered = looks_of(bands=bands, eight_bit=kind is np.uint8, modality=modality)
    assert offered.looks and offered.stretches
    for look in offered.looks:
        for stretch in offered.stretches:
            picture = render(pixels, modality, stretch.name, look.name)
            assert picture.shape == (5, 7, 3) and picture.dtype == np.uint8
    assert {look.name for look in offered.looks} <= LOOK_NAMES
    assert {stretch.name for stretch in offered.stretches} <= STRETCH_NAMES
    usual = render(pixels, modality, offered.stretches[0].name, offered.looks[0].name)
    assert np.array_equal(render(pixels, modality), usual)


@pytest.mark.parametrize("bands", [1, 3, 13])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0])
def test_any_value_is_survived_in_any_look(bands: int, value: float) -> None:
    pixels = np.full((bands, 3, 3), value, np.float32)
    for modality in ("optical", "sar"):
        offered = looks_of(bands=bands, eight_bit=False, modality=modality)
        for look in offered.looks:
            for stretch in offered.stretches:
                render(pixels, modality, stretch.name, look.name)


def test_forest_is_red_in_false_colour_and_green_in_short_wave(shared_dir: Path) -> None:
    pixels = PatchImages(shared_dir / "fixtures/rasters/eurosat_ms").read("Forest/Forest_1.tif")
    false = render(pixels, stretch="fixed", look="false").reshape(-1, 3).mean(axis=0)
    assert false[0] > 3 * false[1] and false[0] > 3 * false[2]
    swir = render(pixels, stretch="fixed", look="swir").reshape(-1, 3).mean(axis=0)
    assert swir[1] > 2 * swir[0] and swir[1] > 2 * swir[2]


def test_radar_looks_on_a_real_patch(shared_dir: Path) -> None:
    images = PatchImages(shared_dir / "fixtures/rasters/BigEarthNet-S1-Example")
    folder = "S1A_IW_GRDH_1SDV_20180204T043253_35VPK_57_38"
    pixels = np.concatenate([images.read(f"{folder}/{folder}_{p}.tif") for p in ("VV", "VH")])
    vv, vh, ratio = (render(pixels, "sar", "fixed", look)[..., 0].astype(int) for look in ("vv", "vh", "ratio"))
    both = render(pixels, "sar", "fixed", "composite").astype(int)
    assert np.array_equal(both, np.stack([vv, vh, ratio], axis=2))
    centre = np.unravel_index(np.argmin(np.abs(pixels[0] + 10)), pixels[0].shape)
    assert vv[centre] == pytest.approx(255 * (pixels[0][centre] + 25) / 25, abs=1)
    assert ratio[centre] == pytest.approx(255 * np.clip((pixels[0][centre] - pixels[1][centre] - 2) / 14, 0, 1), abs=1)


def test_linear_amplitude_keeps_the_dark_dark(shared_dir: Path) -> None:
    """Decibels spread what is dark; amplitude leaves it near black, so that bright targets stand out."""
    power = np.random.default_rng(0).exponential(0.05, (2, 64, 64)).astype(np.float32)
    decibel, linear = (render(power, "sar", stretch, "vv").mean() for stretch in ("percentile", "linear"))
    assert linear < decibel - 20
    from_db = render(10 * np.log10(power), "sar", "linear", "vv").astype(int)
    assert np.abs(from_db - render(power, "sar", "linear", "vv").astype(int)).max() <= 1


@pytest.mark.parametrize("order", [("B04", "B03", "B02"), ("B02", "B03", "B04"), ("B12", "B02", "B8A", "B04", "B03")])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_named_bands_are_shown_by_name_in_any_order(order: tuple[str, ...], kind: type) -> None:
    values = {"B02": 40, "B03": 80, "B04": 120, "B8A": 160, "B12": 200}
    pixels = np.stack([np.full((4, 4), values[band], kind) for band in order])
    if kind is np.float32:
        pixels = pixels / 1000  # reflectance
        picture = render(pixels, stretch="fixed", look="true", names=order, unit="reflectance")
        assert picture[0, 0].tolist() == [102, 68, 34]
    else:
        assert render(pixels, names=order)[0, 0].tolist() == [120, 80, 40]
    offered = {look.name for look in looks_of(bands=len(order), eight_bit=False, modality="optical", names=order).looks}
    assert offered == ({"true", "false", "swir"} if "B8A" in order else {"true"})


def test_reflectance_looks_the_same_in_every_scale() -> None:
    numbers = np.random.default_rng(0).integers(0, 4000, (4, 6, 6)).astype(np.uint16)
    for look in ("true", "false"):
        wanted = render(numbers, stretch="fixed", look=look).astype(int)
        for more in ({"unit": "reflectance"}, {}):
            shares = render((numbers / 1e4).astype(np.float32), stretch="fixed", look=look, **more).astype(int)
            assert np.abs(shares - wanted).max() <= 1


@pytest.mark.parametrize("order", [("VV", "VH"), ("VH", "VV"), ("HV", "HH")])
def test_polarisations_are_shown_by_name_and_power_is_power(order: tuple[str, str]) -> None:
    decibel = {"VV": -10.0, "HH": -10.0, "VH": -18.5, "HV": -18.5}
    power = np.stack([np.full((4, 4), 10 ** (decibel[name] / 10), np.float32) for name in order])
    power[:, 0, 0] = -1e-5  # noise taken away from little: still power, not dB
    shown = {"names": order, "unit": "sigma nought"}
    assert render(power, "sar", "fixed", "vv", **shown)[1, 1, 0] == round(255 * 15 / 25)
    assert render(power, "sar", "fixed", "vh", **shown)[1, 1, 0] == round(255 * 13.5 / 27)
    offered = looks_of(bands=2, eight_bit=False, modality="sar", names=order).looks
    assert [look.name for look in offered] == ["composite", "vv", "vh", "ratio"]
    assert offered[1].title == ("HH" if "HH" in order else "VV")


def test_one_cross_polarised_band_is_named_and_stretched_as_such() -> None:
    (look,) = looks_of(bands=1, eight_bit=False, modality="sar", names=("VH",)).looks
    assert look.title == "VH"
    power = np.full((1, 2, 2), 10**-1.85, np.float32)
    assert render(power, "sar", "fixed", names=("VH",), unit="power")[0, 0, 0] == round(255 * 13.5 / 27)


@pytest.mark.parametrize("names", [("a",), ("a", "b"), ("VV", "HH"), ("x", "y", "z"), ("B08", "B11", "B12", "B01")])
@pytest.mark.parametrize("modality", ["optical", "sar"])
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_whatever_the_names_each_look_offered_can_be_drawn(names: tuple[str, ...], modality: str, kind: type) -> None:
    pixels = np.random.default_rng(0).uniform(1, 200, (len(names), 5, 7)).astype(kind)
    offered = looks_of(bands=len(names), eight_bit=kind is np.uint8, modality=modality, names=names)
    for look in offered.looks:
        for stretch in offered.stretches:
            picture = render(pixels, modality, stretch.name, look.name, names=names)
            assert picture.shape == (5, 7, 3) and picture.dtype == np.uint8
