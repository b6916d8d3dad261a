"""The map's bytes and its Python face, without a browser."""

import struct

import numpy as np
import pytest
from dash import Dash, html
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from eobench_dash.components.embedding_map import EmbeddingMap, label_table
from eobench_dash.domain import wire
from eobench_dash.domain.labels import LabelInfo
from eobench_dash.errors import BadInput

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def test_golden_bytes_of_two_points() -> None:
    data = wire.pack_coords([1.0, -2.0], [0.5, 4.0], [3, 1])
    head = b"EOMP" + struct.pack("<III", 1, 2, 1)
    assert data == head + struct.pack("<ffffII", 1.0, -2.0, 0.5, 4.0, 3, 1)


@given(hnp.arrays(np.float32, st.tuples(st.just(2), st.integers(0, 40)), elements=FLOATS), st.randoms(), st.booleans())
def test_coordinates_come_back(xy: np.ndarray, random: object, subset: bool) -> None:
    ordinals = random.sample(range(2**32), xy.shape[1]) if subset else None  # type: ignore[attr-defined]
    got = wire.unpack_coords(wire.pack_coords(xy[0], xy[1], ordinals))
    assert (got.x == xy[0]).all() and (got.y == xy[1]).all()
    assert (got.ordinals is None) if ordinals is None else got.ordinals.tolist() == ordinals


@given(hnp.arrays(np.uint16, st.integers(0, 50)))
def test_labels_come_back(codes: np.ndarray) -> None:
    assert (wire.unpack_labels(wire.pack_labels(codes)) == codes).all()


@given(st.binary(max_size=80))
def test_any_bytes_are_points_or_a_sentence(data: bytes) -> None:
    try:
        wire.unpack_coords(data)
    except BadInput as error:
        assert str(error).endswith(".")


@given(st.integers(0, 200), st.integers(0, 3))
def test_a_cut_or_longer_answer_is_refused(at: int, more: int) -> None:
    data = wire.pack_coords([1, 2, 3], [4, 5, 6], [0, 2, 4])
    changed = data[:at] if at < len(data) else data + b"x" * (more + 1)
    with pytest.raises(BadInput):
        wire.unpack_coords(changed)


@pytest.mark.parametrize(
    ("x", "y", "ordinals", "words"),
    [
        ([1, 2], [1], None, "as many x as y"),
        ([[1]], [[1]], None, "as many x as y"),
        ([float("nan")], [1], None, "finite"),
        ([1], [float("inf")], None, "finite"),
        ([1, 2], [1, 2], [1], "as many ordinals"),
        ([1], [1], [-1], "whole numbers"),
        ([1], [1], [2**32], "whole numbers"),
        ([1], [1], [0.5], "whole numbers"),
        ([1, 2], [1, 2], [5, 5], "twice"),
    ],
)
def test_bad_coordinates_get_a_sentence(x: object, y: object, ordinals: object, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        wire.pack_coords(x, y, ordinals)  # type: ignore[arg-type]


@pytest.mark.parametrize("codes", [[-1], [65536], [1.5], [[1]]])
def test_bad_labels_get_a_sentence(codes: object) -> None:
    with pytest.raises(BadInput):
        wire.pack_labels(codes)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="odd"):
        wire.unpack_labels(b"abc")


def test_changes_are_plain_json_values() -> None:
    payload = wire.changes_payload(last=9, changes=[(np.int64(4), np.uint16(65535))], labels=[{"code": 1}])
    assert payload == {"last": 9, "changes": [[4, 65535]], "labels": [{"code": 1}], "reload": False}
    assert type(payload["changes"][0][0]) is int
    assert "labels" not in wire.changes_payload(last=1, reload=True)


def test_the_component_says_what_the_browser_needs_and_refuses_other_names() -> None:
    labels = label_table([LabelInfo(code=3, name="River", color="#0000ff", count=5)])
    out = EmbeddingMap(id="m", coordsUrl="/c", labels=labels, hidden=(1, 2), **{"data-x": "1"}).to_plotly_json()
    assert out["namespace"] == "eobench_dash" and out["type"] == "EmbeddingMap"
    assert out["props"]["labels"] == [{"code": 3, "name": "River", "color": "#0000ff"}]
    assert out["props"]["hidden"] == [1, 2] and out["props"]["data-x"] == "1" and "view" not in out["props"]
    with pytest.raises(TypeError, match="coordinates"):
        EmbeddingMap(id="m", coordinates="/c")  # type: ignore[call-arg]


def test_dash_serves_loader_styles_and_modules() -> None:
    app = Dash(__name__, assets_folder="/nonexistent")
    app.layout = html.Div(EmbeddingMap(id="m"))
    client = app.server.test_client()
    page = client.get("/").text
    assert page.count("embedding_map/js/") == 1 and "embedding_map/js/loader." in page and "embedding_map/map." in page
    module = client.get("/_dash-component-suites/eobench_dash/components/embedding_map/js/grid.js")
    assert module.status_code == 200 and "javascript" in module.mimetype and module.headers["ETag"]
