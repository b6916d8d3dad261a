"""The ingest form: what people fill in becomes values, and whatever else a browser sends becomes a clear refusal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.domain.ingest_form import MAX_AREA, MAX_PATHS, Form, read, read_options, read_plan
from eobench_dash.domain.ingesting import IngestPlan
from eobench_dash.errors import BadInput

FULL = {
    "paths": ["/data/a.SAFE", "/data/b.SAFE"],
    "only": "sar",
    "patch": "640m",
    "stride": "32",
    "scales": " 128, 256 ,",
    "resolution": 20,
    "bands": ["VV", "VH"],
    "unit": "dB",
    "grid": True,
    "nodata": 20,
    "cloud": None,
    "area": "10, 46, 11, 47",
    "features": ["sar_wld144", "sar_stats"],
    "name": "  Alps ",
    "attribution": "Copernicus",
}
FIELDS = sorted(FULL)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def test_everything_filled_in_is_read() -> None:
    form = read(FULL)
    assert form.paths == ("/data/a.SAFE", "/data/b.SAFE")
    assert (form.only, form.name, form.attribution) == ("sar", "Alps", "Copernicus")
    assert form.features == ("sar_wld144", "sar_stats")
    told = form.plan.to_dict()
    assert (
        told
        == IngestPlan.from_dict(
            {"patch": "640m", "stride": 32, "scales": [256, 128], "area": "10,46,11,47", "limits": {"nodata": 0.2}}
        ).to_dict()
    )
    assert form.options.to_dict() == read_options({"unit": "dB", "grid": True, "bands": ["VV", "VH"],
                                                  "resolution": 20.0}).to_dict()  # fmt: skip
    assert form.options.resolution == 20.0 and form.options.grid
    assert form.asked["paths"] == list(form.paths) and form.asked["plan"] is form.plan


def test_what_is_empty_is_the_usual() -> None:
    form = read({})
    assert form.paths == () and form.only is None and form.features == ()
    assert form.plan == IngestPlan() and form.options == read_options({})
    assert read_plan({"patch": 32}).stride.value == 32, "the stride is the patch size unless told"


def test_the_area_may_be_geojson() -> None:
    ring = [[10, 46], [11, 46], [11, 47], [10, 46]]
    area = read_plan({"area": json.dumps({"type": "Polygon", "coordinates": [ring]})}).area
    assert area is not None and area.holds([10.9], [46.05]).tolist() == [True]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"paths": "all"}, "Choose up to"),
        ({"paths": ["a"] * (MAX_PATHS + 1)}, "tick all of their folder"),
        ({"paths": [7]}, "Choose up to"),
        ({"resolution": -3}, "pixel size"),
        ({"resolution": "ten"}, "pixel size"),
        ({"resolution": float("nan")}, "pixel size"),
        ({"nodata": 101}, "limit on nodata"),
        ({"cloud": "much"}, "limit on cloud"),
        ({"cloud": True}, "limit on cloud"),
        ({"area": "{"}, "brackets"),
        ({"area": "[" * 5000}, "area"),
        ({"area": "1" * (MAX_AREA + 1)}, "more than it may"),
        ({"name": ["x"]}, "“name”"),
        ({"patch": "0"}, "no size"),
        ({"patch": "a lot"}, "no size"),
    ],
)
def test_what_cannot_be_meant_is_said(wrong: dict, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read({**FULL, **wrong})


@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=len(FIELDS)))
def test_a_browser_may_send_anything(data: dict) -> None:
    try:
        assert isinstance(read(data), Form)
    except BadInput as error:
        assert str(error)
