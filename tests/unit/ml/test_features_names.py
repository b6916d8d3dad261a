"""From names to kinds: other names, kinds joined by "+", and what a page says about each."""

import subprocess
import sys

import numpy as np
import pytest
from feature_inputs import described, pixels_of
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.errors import UnsupportedPatch
from eobench_dash.ml.features import ALIASES, KINDS, combine, dimension, find, fit, needs_fit
from eobench_dash.ml.features.combiner import TRANSFORMS
from eobench_dash.ml.features.names import MAX_NAME

PLAIN = [name for name, kind in KINDS.items() if not kind.blocks]


def test_every_kind_tells_a_page_what_it_is():
    for kind in KINDS.values():
        assert kind.purpose.endswith(".") and 20 < len(kind.purpose) < 120, kind.name
        assert kind.description.endswith(".") and kind.units and kind.source, kind.name
        assert kind.version >= 1 and kind.params, kind.name
    assert set(TRANSFORMS) == set(PLAIN)


def test_the_kinds_of_the_plan_are_there_under_its_names():
    plan = [
        "sar_wld",
        "wld",
        "gabor",
        "glcm",
        "multispectral_hist",
        "band_stats",
        "spectral_indices",
        "sar_stats",
        "rcf",
        "bovw",
    ]
    assert [find(name).name for name in plan] == ["sar_wld144", "wld144", *plan[2:]]
    assert find("sar_wld_literal").params["variant"] == "rmd3x3"
    assert find("sar_wld_roewa") is find("sar_wld") is KINDS["sar_wld144"]
    assert not set(ALIASES) & set(KINDS)


def test_joined_kinds_come_in_the_order_of_the_table():
    made = find("wld144+gabor+band_stats")
    assert made == find("band_stats + wld+gabor")
    assert made.name == "wld144+gabor+band_stats"
    assert made.folder == "wld144.gabor.band_stats"
    assert made.blocks == made.blocks_for("optical") == ("wld144", "gabor", "band_stats")
    assert made.modalities == {"optical"}
    assert made.version == 1 and made.params["versions"] == {"wld144": 1, "gabor": 1, "band_stats": 1}
    assert find("gabor+rcf").modalities == {"optical", "sar"}
    assert find("sar_stats+sar_wld").blocks_for("sar") == ("sar_wld144", "sar_stats")


def test_a_joined_kind_asks_for_what_its_blocks_ask():
    assert needs_fit("bovw") and needs_fit("wld+bovw") and not needs_fit("wld+gabor") and not needs_fit("all")
    assert find("spectral_indices+gabor").needs_band_names and not find("wld+gabor").needs_band_names


def test_a_joined_kind_is_at_most_128_long():
    assert dimension("wld+gabor", bands=3) == 128
    assert dimension("gabor+glcm", bands=3) == 90
    assert dimension("spectral_indices+band_stats", bands=2, band_names=("B04", "B08")) == 27
    pixels = pixels_of("optical", n=9, bands=2)
    blocks = {name: described(name, pixels, modality="optical") for name in find("glcm+band_stats").blocks}
    assert combine(blocks).shape == (9, 8)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("wld144+nothing", "no descriptor 'nothing'; choose one of: all, wld144"),
        ("wld144+", "no descriptor ''"),
        ("+", "no descriptor ''"),
        ("", "no descriptor ''"),
        ("all+gabor", "all is made of several descriptors itself"),
        ("wld+gabor+wld144", "wld144 is named twice"),
        ("wld+sar_wld", "wld144 describes optical patches and sar_wld144 radar ones"),
        ("+".join(["gabor"] * 9), "At most 8 descriptors can be joined; this is 9"),
        ("gabor+" * 10_000, "At most 8"),
        ("wld+gabor+glcm+multispectral_hist+band_stats+spectral_indices+rcf", "at most 64: join fewer"),
    ],
)
def test_refusals(name, sentence):
    with pytest.raises(UnsupportedPatch) as refused:
        find(name)
    assert sentence in str(refused.value)
    assert len(str(refused.value)) < 400


@given(st.text("+ abwld14\n", max_size=40) | st.lists(st.sampled_from([*PLAIN, *ALIASES, "all", ""])).map("+".join))
def test_any_text_is_a_kind_or_refused(text):
    try:
        kind = find(text)
    except UnsupportedPatch:
        return
    assert len(kind.name) <= MAX_NAME
    assert find(kind.name) == kind


def test_only_what_learns_has_a_state():
    pixels = pixels_of("optical")
    assert fit("wld", pixels, modality="optical") is None
    with pytest.raises(UnsupportedPatch, match="made of wld144, gabor: describe those"):
        fit("wld+gabor", pixels, modality="optical")
    with pytest.raises(UnsupportedPatch, match="NaN"):
        fit("bovw", np.full_like(pixels, np.nan), modality="optical")


def test_names_and_dimensions_load_no_compiler():
    code = (
        "import sys, eobench_dash.ml.features as f; f.find('wld+bovw'); f.needs_fit('bovw');"
        "f.dimension('spectral_indices', bands=2, band_names=('red', 'nir'));"
        "print({'numba', 'scipy', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
