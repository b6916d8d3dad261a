"""Areas of interest: what they hold, and what is no area."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.domain.areas import area_of, box
from eobench_dash.errors import BadInput

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["type", "coordinates", "geometry", "features", "x"]), inner, max_size=4)
        | st.fixed_dictionaries(
            {"type": st.sampled_from(["Polygon", "MultiPolygon", "Feature", "FeatureCollection"]), "coordinates": inner}
        )
    ),
    max_leaves=20,
)
HOLED = {
    "type": "Polygon",
    "coordinates": [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]], [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]]],
}


@given(JSON)
def test_anything_is_an_area_or_a_sentence(raw: object) -> None:
    try:
        area = area_of(raw)
    except BadInput as error:
        assert str(error).endswith(".")
    else:
        area.holds([0.0, np.nan], [0.0, 1.0])
        assert area_of(area.to_dict()) == area


def test_a_hole_is_outside() -> None:
    area = area_of({"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": HOLED}]})
    assert area.holds([1, 5, 11, 4.5, np.nan], [1, 5, 5, 3.9, 5]).tolist() == [True, False, False, True, False]


@given(st.floats(-179, 170), st.floats(-89, 80), st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90))))
def test_a_box_holds_what_comparing_holds(west: float, south: float, places: list[tuple[float, float]]) -> None:
    area = box(west, south, west + 5, south + 5)
    clear = [
        (x, y) for x, y in places if min(abs(x - west), abs(x - west - 5), abs(y - south), abs(y - south - 5)) > 1e-9
    ]
    if clear:
        x, y = np.array(clear).T
        wanted = (x > west) & (x < west + 5) & (y > south) & (y < south + 5)
        assert area.holds(x, y).tolist() == wanted.tolist()


def test_a_box_across_the_date_line() -> None:
    area = area_of("170, -10, -170, 10")
    assert area.holds([175, -175, 165, 0], [0, 0, 0, 0]).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("1,2,3", "GeoJSON polygon or a box"),
        ("1,2,3,x", "four numbers"),
        ("5,5,4,3", "south below north"),
        ({"type": "Point", "coordinates": [1, 2]}, "GeoJSON polygon"),
        ({"type": "Polygon", "coordinates": []}, "no polygon"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}, "fewer than three"),
        ({"type": "Polygon", "coordinates": [[[500000, 4000000], [1, 1], [2, 2]]]}, "reproject"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0]]] * 7000}, "simplify"),
    ],
)
def test_what_is_no_area_is_said(raw: object, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        area_of(raw)
