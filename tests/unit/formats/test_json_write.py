"""Writing the paper's JSON: what is written reads back the same, to the last bit of each number."""

import json
import unicodedata
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eobench_dash.domain.importing import PatchRecord
from eobench_dash.errors import BadInput
from eobench_dash.formats import write_paper_json

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
NAMES = st.text(st.characters(categories=["L", "N"], include_characters="-_"), min_size=1, max_size=8).map(
    partial(unicodedata.normalize, "NFC")
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), layout=st.sampled_from(["columns", "records", "lines"]))
def test_round_trip(load, tmp_path: Path, data: st.DataObject, layout: str) -> None:
    count, dim = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    places = st.none() | st.tuples(st.floats(-180, 180), st.floats(-90, 90))
    labels = st.lists(NAMES, max_size=3, unique=True).map(tuple)
    rows = st.lists(st.lists(FLOATS, min_size=dim, max_size=dim), min_size=count, max_size=count)
    vectors = np.array(data.draw(rows), dtype=np.float32)
    given_records = [
        PatchRecord(f"{i}.png", data.draw(labels), None, *(data.draw(places) or (None, None))) for i in range(count)
    ]
    path = tmp_path / ("out.jsonl" if layout == "lines" else "out.json")
    assert write_paper_json(given_records, vectors, path, layout=layout) == count
    records, report = load(path, check_images=False)
    assert report.counts == {} and np.array_equal(np.array([r.vector for r in records]), vectors)
    assert [(r.path, r.labels, r.lon, r.lat) for r in records] == [
        (r.path, r.labels, r.lon, r.lat) for r in given_records
    ]


def test_the_file_is_plain_json_of_the_documented_shape(tmp_path: Path) -> None:
    records = [PatchRecord("a.png", ("sea",)), PatchRecord("b.png", ()), PatchRecord("c.png", ("x", "y"))]
    blocks = [np.array([[0.1, 1e-8]], np.float32), np.array([[1, 2], [np.nan, 3]], np.float32)]
    write_paper_json(records, iter(blocks), tmp_path / "o.json")
    assert json.loads((tmp_path / "o.json").read_text()) == {
        "features": [[0.1, 1e-8], [1.0, 2.0], [None, 3.0]],
        "labels": ["sea", None, ["x", "y"]],
        "paths": ["a.png", "b.png", "c.png"],
    }


def test_without_vectors_there_are_no_features(tmp_path: Path) -> None:
    write_paper_json([PatchRecord("a.png", ("é",))], None, tmp_path / "o.json")
    assert json.loads((tmp_path / "o.json").read_text()) == {"labels": ["é"], "paths": ["a.png"]}
    write_paper_json([], None, tmp_path / "o.json", layout="records")
    assert json.loads((tmp_path / "o.json").read_text()) == []


@pytest.mark.parametrize("rows", [1, 3])
def test_a_wrong_number_of_vectors_writes_nothing(tmp_path: Path, rows: int) -> None:
    out = tmp_path / "o.json"
    out.write_text("before")
    with pytest.raises(BadInput, match="vectors than patches"):
        write_paper_json([PatchRecord("a"), PatchRecord("b")], np.zeros((rows, 2), np.float32), out)
    assert out.read_text() == "before" and [p.name for p in tmp_path.iterdir()] == ["o.json"]
