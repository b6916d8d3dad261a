"""The paper's JSON: every layout, every fault, streaming."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eobench_dash.domain.importing import IssueKind
from eobench_dash.errors import EOBenchError, UnreadableDataset
from eobench_dash.formats import json_rows, preview, read

K = IssueKind
ROWS = [
    {"path": "a/1.png", "label": "sea", "features": [1.0, 2.5]},
    {"path": "a/2.png", "label": None, "features": [0.1, -3e-7]},
    {"path": "b/3.png", "label": ["urban", "road"], "features": [1e30, 0]},
]
COLUMNS = {
    "features": [r["features"] for r in ROWS],
    "labels": [r["label"] for r in ROWS],
    "paths": [r["path"] for r in ROWS],
}
LAYOUTS = {
    "columns": json.dumps(COLUMNS),
    "columns, other order": json.dumps({"Paths": COLUMNS["paths"], "y": COLUMNS["labels"], "X": COLUMNS["features"]}),
    "columns, indented": json.dumps(COLUMNS, indent=2),
    "records": json.dumps(ROWS),
    "records, indented": json.dumps(ROWS, indent=4),
    "records under a key": json.dumps({"version": 1, "records": ROWS}),
    "lines": "\n".join(map(json.dumps, ROWS)),
    "lines, gaps, byte order mark": "\ufeff" + "\n\n".join(map(json.dumps, ROWS)) + "\n",
    "other key names": json.dumps(
        [{"file-path": r["path"], "class": r["label"], "Embedding": r["features"]} for r in ROWS]
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_give_the_same_dataset(load, layout: str) -> None:
    records, report = load(LAYOUTS[layout], check_images=False)
    assert [r.path for r in records] == COLUMNS["paths"]
    assert [r.labels for r in records] == [("sea",), (), ("urban", "road")]
    assert np.array_equal(np.array([r.vector for r in records]), np.array(COLUMNS["features"], dtype=np.float32))
    assert report.labels == {"sea": 1, "urban": 1}
    assert (report.vector_dim, report.unlabelled, report.counts) == (2, 1, {})


def test_slow_parser_agrees(load, monkeypatch) -> None:
    monkeypatch.setattr(json_rows, "ijson_fast", None)
    test_layouts_give_the_same_dataset(load, "records")
    test_layouts_give_the_same_dataset(load, "columns")


def _kinds(report) -> dict[str, str]:
    return {issue.where: issue.kind.value for issue in report.issues}


@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-Infinity", "null", "1e400", "9" * 500, "1e39"])
@pytest.mark.parametrize("layout", ["columns", "records", "lines"])
def test_a_value_that_is_not_finite_costs_its_row_only(load, bad: str, layout: str) -> None:
    vectors, paths = ["[1, 2]", f"[1, {bad}]", "[3, 4]"], ["a.png", "b.png", "c.png"]
    rows = [f'{{"path": "{p}", "features": {v}}}' for p, v in zip(paths, vectors, strict=True)]
    text = {
        "columns": f'{{"features": [{", ".join(vectors)}], "paths": {json.dumps(paths)}}}',
        "records": f"[{', '.join(rows)}]",
        "lines": "\n".join(rows),
    }[layout]
    records, report = load(text, check_images=False)
    assert [r.path for r in records] == ["a.png", "c.png"]
    assert report.counts == {K.NOT_FINITE: 1}
    assert "b.png" in report.issues[0].where


def test_each_fault_is_counted_under_its_own_kind(load) -> None:
    rows = [
        '{"path": "ok.png", "features": [1, 2]}',
        '{"path": "short.png", "features": [1]}',
        '{"path": "none.png"}',
        '{"path": "text.png", "features": [1, "2"]}',
        '{"path": "bool.png", "features": [1, true]}',
        '{"path": "deep.png", "features": [[1], [2]]}',
        '{"path": "../up.png", "features": [1, 2]}',
        '{"path": "/etc/passwd", "features": [1, 2]}',
        '{"path": "ok.png", "features": [5, 6]}',
        '{"path": "twice.png", "path": "b.png", "features": [1, 2]}',
        '{"path": 7, "features": [1, 2]}',
        '{"path": "label.png", "label": {"a": 1}, "features": [1, 2]}',
        '{"path": "label2.png", "label": true, "features": [1, 2]}',
        '{"path": "label3.png", "label": "a\\u0000b", "features": [1, 2]}',
        '{"path": "label4.png", "label": 1.5, "features": [1, 2]}',
        '{"path": "label5.png", "label": ' + "9" * 400 + ', "features": [1, 2]}',
        '{"label": "nothing"}',
        "[1, 2]",
        "5",
        '{"path": "syntax.png", }',
        '{"path": "fine.png", "features": [3, 4], "label": 3}',
    ]
    records, report = load(f"[{','.join(rows)}]", check_images=False)
    assert [(r.path, r.labels) for r in records] == [("ok.png", ()), ("fine.png", ("3",))]
    assert report.counts == {
        K.PATH_OUTSIDE_ROOT: 2, K.VECTOR_LENGTH: 2, K.DUPLICATE_PATH: 1, K.BAD_LABEL: 5, K.BAD_RECORD: 9,
    }  # fmt: skip
    assert _kinds(report)["row 9: ok.png"] == "duplicate_path"


def test_the_common_length_wins_over_the_first(load) -> None:
    rows = [{"path": "0", "features": [1]}] + [{"path": str(i), "features": [1, 2]} for i in range(1, 5)]
    for text in (json.dumps(rows), json.dumps({"features": [r["features"] for r in rows], "paths": list("01234")})):
        records, report = load(text, check_images=False)
        assert (report.vector_dim, len(records), report.counts) == (2, 4, {K.VECTOR_LENGTH: 1})


@pytest.mark.parametrize("layout", ["columns", "records"])
def test_an_append_brings_the_vectors_that_are_there_already(tmp_path: Path, layout: str) -> None:
    (tmp_path / "d.json").write_text(LAYOUTS[layout])
    for dim, imported, refused in ((2, 3, 0), (3, 0, 3), (None, 3, 0)):
        with read(tmp_path / "d.json", check_images=False) as reader:
            reader.expect_vectors(dim)
            vectors = [r.vector for r in reader.records()]
            report = reader.report()
        assert (len(vectors), report.counts.get(K.VECTOR_LENGTH, 0), report.vector_dim) == (imported, refused, dim)
        assert all((v is None) == (dim is None) for v in vectors)
        assert bool(report.notes) == (dim is None)


def test_paths_of_the_dataset_are_skipped_by_an_append(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(LAYOUTS["records"])
    with read(tmp_path / "d.json", check_images=False) as reader:
        reader.skip(["a/2.png", "elsewhere.png"])
        assert [r.path for r in reader.records()] == ["a/1.png", "b/3.png"]
        assert reader.report().counts == {K.DUPLICATE_PATH: 1}


def test_features_may_be_missing(load) -> None:
    for text in (
        '{"paths": ["a", "b"], "labels": ["x", ""]}',
        '{"features": null, "paths": ["a", "b"], "labels": ["x", NaN]}',
    ):
        records, report = load(text, check_images=False)
        assert [(r.path, r.labels, r.vector) for r in records] == [("a", ("x",), None), ("b", (), None)]
        assert report.vector_dim is None


def test_paths_may_be_missing(load) -> None:
    records, _ = load('{"features": [[1], [2]], "labels": ["x", "y"]}')
    assert [(r.path, r.labels) for r in records] == [(None, ("x",)), (None, ("y",))]


def test_class_names_and_places(load) -> None:
    text = json.dumps({"paths": list("abc"), "labels": [0, 1.0, 2], "lon": [11.5, None, 999], "lat": [48, None, 0],
                       "class_names": ["sea", "land"], "source": {"any": [1, {"x": []}]}})  # fmt: skip
    records, report = load(text, check_images=False)
    assert [(r.labels, r.lon, r.lat) for r in records] == [(("sea",), 11.5, 48.0), (("land",), None, None)]
    assert report.counts == {K.BAD_LABEL: 1}
    assert any("'source'" in note for note in report.notes)


def test_impossible_places_are_dropped_not_the_rows(load) -> None:
    text = (
        '[{"path": "a", "lon": 999, "lat": 0}, {"path": "b", "lon": "x", "lat": 0}, {"path": "c", "lon": 1, "lat": 2}]'
    )
    records, report = load(text, check_images=False)
    assert [(r.lon, r.lat) for r in records] == [(None, None), (None, None), (1.0, 2.0)]
    assert any(note.startswith("2 rows had coordinates") for note in report.notes)


def test_other_short_fields_are_kept(load) -> None:
    records, _ = load(
        '[{"path": "a", "split": "train", "n": 3, "deep": {"x": 1}, "bad": "\\u0000x"}]', check_images=False
    )
    assert records[0].extra == {"split": "train", "n": "3", "bad": "x"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("hello", "not valid JSON"),
        ("{}", "neither an array 'features' nor an array 'paths'"),
        ('{"labels": ["a"]}', "neither an array"),
        ('{"paths": ["a", "b"], "labels": ["x"]}', r"different lengths \(paths 2, labels 1\)"),
        ('{"paths": ["a"], "paths": ["b"]}', "twice"),
        ('{"paths": "a", "x": 1, "labels": 3}', "array with one entry a row"),
        ('{"paths": ["a"], "records": [{"path": "b"}]}', "records under 'records' and arrays too"),
        ('[{"path": "a"}] [', "more after the end"),
        ('[{"path": "a"}, ', "ends too early"),
        ('{"paths": ["a", "b', "ends too early"),
        ('[{"path": "a"} {"path": "b"}]', "expected ','"),
        ('{"paths": ["a"], "class_names": [1]}', "class names"),
    ],
)
def test_a_broken_file_is_refused_with_a_sentence(load, text: str, says: str) -> None:
    with pytest.raises(UnreadableDataset, match=says):
        load(text, check_images=False)


def test_a_folder_is_no_json_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDataset, match="not a file"):
        read(tmp_path, format="paper-json")


def test_bytes_that_are_not_utf8_cost_their_row_only(load) -> None:
    records, report = load(b'[{"path": "\xff\xfe.png"}, {"path": "ok.png"}]', check_images=False)
    assert [r.path for r in records] == ["ok.png"]
    assert report.counts == {K.BAD_RECORD: 1}


def test_a_bad_line_costs_its_line_only(load) -> None:
    text = '{"path": "a"}\n{"path": "b", "label":\n{"path": "' + "x" * 3_000_000 + '"}\n{"path": "c"}\n{"path'
    records, report = load(text, name="data.jsonl", check_images=False)
    assert [r.path for r in records] == ["a", "c"]
    assert _kinds(report) == {"line 2": "bad_record", "line 3": "too_large", "line 5": "bad_record"}


def test_pictures_are_looked_at(load, picture, tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    whole = picture(tmp_path / "b.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) - 60])
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "out.png").symlink_to("/etc/hostname")
    (tmp_path / "in.png").symlink_to(tmp_path / "a.png")
    names = ["a.png", "b.jpg", "cut.jpg", "folder.png", "out.png", "in.png", "gone.png", str(tmp_path / "b.jpg")]
    absolute = picture(tmp_path / "c.png")
    records, report = load(json.dumps({"paths": [*names, str(absolute)]}))
    assert [r.path for r in records] == ["a.png", "b.jpg", "in.png", "c.png"]
    assert report.counts == {K.PATH_OUTSIDE_ROOT: 1, K.MISSING_FILE: 2, K.BROKEN_IMAGE: 1, K.DUPLICATE_PATH: 1}


def test_the_root_may_be_elsewhere(load, picture, tmp_path: Path) -> None:
    picture(tmp_path / "pictures" / "a.png")
    records, _ = load('{"paths": ["a.png"]}', root=tmp_path / "pictures")
    assert [r.path for r in records] == ["a.png"]
    _, report = load('{"paths": ["b.png", "c.png"]}', root=tmp_path / "pictures")
    assert "Choose the folder that the paths start from" in report.notes[0]


def test_cancelling_leaves_no_file_behind(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "d.json").write_text(json.dumps({"features": [[1.0]] * 3000, "paths": list(map(str, range(3000)))}))

    def stop(done: int, total: int | None) -> None:
        assert any(work.iterdir()) and total is not None and done <= total
        if done > total // 2 + 100:
            raise EOBenchError("cancelled")

    with (
        pytest.raises(EOBenchError, match="cancelled"),
        read(tmp_path / "d.json", check_images=False, workdir=work, progress=stop) as reader,
    ):
        list(reader.records())
    assert not any(work.iterdir())


@pytest.mark.parametrize("layout", ["columns", "records", "lines"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, layout: str) -> None:
    count, vector = 3000, ", ".join(["0.123456789"] * 200)
    path = tmp_path / ("d.jsonl" if layout == "lines" else "d.json")
    with path.open("w") as file:
        if layout == "columns":
            file.write(f'{{"paths": {json.dumps(list(map(str, range(count))))}, "features": [')
            file.write(",".join([f"[{vector}]"] * count) + "]}")
        else:
            between = "\n" if layout == "lines" else ","
            rows = between.join(f'{{"path": "{i}", "features": [{vector}]}}' for i in range(count))
            file.write(rows if layout == "lines" else f"[{rows}]")
    size = path.stat().st_size
    tracemalloc.start()
    try:
        with read(path, check_images=False) as reader:
            assert sum(1 for _ in reader.records()) == count
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 7_500_000 and peak < 5_500_000


FIELDS = st.sampled_from(
    ["path", "paths", "label", "labels", "features", "lon", "lat", "records", "class_names", "other"]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(FIELDS | st.text(max_size=3), inner, max_size=5),
    max_leaves=20,
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=ANY)
def test_any_json_gives_a_report_or_a_sentence(load, document: object) -> None:
    try:
        load(json.dumps(document), check_images=False)
    except UnreadableDataset as error:
        assert str(error).endswith(".")


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), layout=st.sampled_from(sorted(LAYOUTS)))
def test_any_damage_gives_a_report_or_a_sentence(load, data: st.DataObject, layout: str) -> None:
    whole = bytearray(LAYOUTS[layout].encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(whole)))
        stop = data.draw(st.integers(start, min(start + 5, len(whole))))
        whole[start:stop] = data.draw(st.binary(max_size=3))
    try:
        load(bytes(whole), check_images=False)
    except UnreadableDataset as error:
        assert str(error).endswith(".")


def test_preview_is_bounded_but_counts(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("eobench_dash.formats.PREVIEW_ROWS", 50)
    columns = {"paths": [f"{i}.png" for i in range(400)], "labels": ["a", "b"] * 200, "features": [[1, 2]] * 400}
    (tmp_path / "d.json").write_text(json.dumps(columns))
    seen = preview(tmp_path / "d.json", limit=4)
    assert (seen.format, seen.total_hint, seen.complete) == ("paper-json", 400, False)
    assert (seen.has_vectors, seen.vector_dim, seen.labels) == (True, 2, {"a": 25, "b": 25})
    assert [r.path for r in seen.samples] == ["0.png", "1.png", "24.png", "25.png"]  # of both labels, in turn
    assert [i.kind for i in seen.issues] == [K.MISSING_FILE] * 4


def test_preview_of_a_small_file_is_complete(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text('[{"features": [1]}, {"features": [NaN]}]')
    seen = preview(tmp_path / "d.json")
    assert (seen.total_hint, seen.complete, len(seen.samples), len(seen.issues)) == (2, True, 1, 1)
