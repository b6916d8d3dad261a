"""Vectors computed elsewhere, in NumPy arrays and CSV tables: what is read, and the sentence where it cannot be."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eobench_dash.domain.importing import ImportOptions, IssueKind
from eobench_dash.errors import BadInput, EOBenchError, UnreadableDataset
from eobench_dash.formats import FORMATS, detect, preview, read
from eobench_dash.formats.roles import find_roles

K = IssueKind
X = np.arange(12, dtype=np.float32).reshape(4, 3)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def bytes_of(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", ">f4", "int8", "uint16"])
def test_an_array_is_one_vector_a_row(load, tmp_path: Path, kind: str) -> None:
    path = saved(tmp_path / "a.npy", np.asfortranarray(X.astype(kind)))
    assert detect(path) == "npy"
    records, report = load(path)
    assert [r.vector.tolist() for r in records] == X.tolist() and records[0].vector.dtype == np.float32
    assert (report.vector_dim, report.unlabelled, report.counts) == (3, 4, {})
    assert any(f"stored as {np.dtype(kind)}" in note for note in report.notes)


def test_rows_that_are_no_numbers_cost_themselves(load, tmp_path: Path) -> None:
    bad = np.vstack([X, X]).astype(np.float64)
    bad[1, 2], bad[3, 0], bad[4, 1] = np.nan, np.inf, 1e39
    records, report = load(saved(tmp_path / "a.npy", bad))
    assert len(records) == 5 and report.counts == {K.NOT_FINITE: 3}
    assert [i.where for i in report.issues] == ["row 2", "row 4", "row 5"]


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.arange(3.0), r"shape \(3,\); vectors are an array of two axes"),
        (np.zeros((2, 2, 2)), "two axes"),
        (np.zeros((2, 3), complex), "complex128 values; vectors are whole or floating-point"),
        (np.array([["a", "b"]]), "values; vectors are"),
        (np.zeros((2, 20_000), np.float32), "vectors of 20,000 numbers"),
        (np.zeros((2, 0), np.float32), "vectors of 0 numbers"),
        (np.zeros(3, dtype=[("a", "f4")]), "values; vectors are"),
    ],
)
def test_arrays_of_another_shape_are_refused(tmp_path: Path, array: np.ndarray, says: str) -> None:
    with pytest.raises(UnreadableDataset, match=says):
        read(saved(tmp_path / "a.npy", array))


def test_pickles_are_never_read(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self):
            return (Path.write_text, (tmp_path / "ran", "x"))

    objects = np.array([Bomb(), Bomb()], dtype=object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", embeddings=X[:2], labels=objects, allow_pickle=True)
    for name, says in (("a.npy", "a.npy holds pickled"), ("a.npz", "labels holds pickled Python objects, which are")):
        with pytest.raises(UnreadableDataset, match=says):
            read(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    whole = bytes_of(X)
    cases = {
        whole[:-1]: "cut short: its header tells of",
        whole.replace(b"(4, 3), }", b"(9**9,3)}"): "does not begin as a NumPy array",
        whole.replace(b"'shape': (4, 3), }      ", b"'shape': (10**15, 3), }"[:24]): "NumPy array|cut short",
        whole.replace(b"(4, 3)", b"(4,-3)"): "makes no sense|NumPy array",
        whole[:5]: "does not begin",
        b"\x93NUMPY\x01\x00\xff\xff" + b" " * 65535: "does not begin",
        b"": "is empty",
    }
    for data, says in cases.items():
        (tmp_path / "a.npy").write_bytes(data)
        with pytest.raises(UnreadableDataset, match=says):
            read(tmp_path / "a.npy")
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "<f4", "fortran_order": False, "shape": (10**15, 64)})
    (tmp_path / "a.npy").write_bytes(out.getvalue() + b"\0" * 64)
    with pytest.raises(UnreadableDataset, match="cut short: its header tells of 256,000,000,000,000"):
        read(tmp_path / "a.npy")


def test_an_archive_brings_labels_names_and_places(load, tmp_path: Path) -> None:
    np.savez_compressed(
        tmp_path / "a.npz", X=X, y=np.array([1, 0, 1, 0]), class_names=np.array(["sea", "land"]),
        ids=np.array(["a", "b", "b", "c"]), lon=np.array([1.0, 2, 3, 999]), lat=np.array([4.0, 5, 6, 7]),
        other=np.zeros(9),
    )  # fmt: skip
    records, report = load(tmp_path / "a.npz")
    assert [(r.path, r.labels, r.lon, r.lat) for r in records] == [
        ("a", ("land",), 1.0, 4.0), ("b", ("sea",), 2.0, 5.0), ("c", ("sea",), None, None),
    ]  # fmt: skip
    assert report.counts == {K.DUPLICATE_PATH: 1} and report.labels == {"land": 1, "sea": 2}
    notes = " ".join(report.notes)
    assert "vector 'X', label 'y', id 'ids', lon 'lon', lat 'lat'" in notes and "Passed over: other" in notes
    assert "1 rows had coordinates of no place" in notes
    with read(tmp_path / "a.npz") as reader:
        assert not reader.pictures, "ids are names, not paths of pictures"


def test_the_archives_files_go_with_the_reader(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", features=X)
    work = tmp_path / "work"
    work.mkdir()
    with read(tmp_path / "a.npz", workdir=work) as reader:
        assert list(work.iterdir()) and len(list(reader.records())) == 4
    assert not list(work.iterdir())
    np.savez(tmp_path / "b.npz", features=X, labels=np.zeros(3))
    with pytest.raises(UnreadableDataset, match="'labels' has 3 entries, 'features' has 4 rows"):
        read(tmp_path / "b.npz", workdir=work)
    assert not list(work.iterdir()), "nothing is left of one that is refused"


def test_archives_that_hold_no_vectors(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", weights=X)
    with pytest.raises(UnreadableDataset, match=r"no array called embeddings.*it holds: weights"):
        read(tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-30])
    with pytest.raises(UnreadableDataset, match="damaged or no NumPy archive"):
        read(tmp_path / "b.npz")


def test_an_archive_that_unpacks_beyond_the_disk_is_refused(tmp_path: Path, monkeypatch) -> None:
    from eobench_dash.formats import npy

    np.savez_compressed(tmp_path / "a.npz", X=np.zeros((1000, 64), np.float32))
    monkeypatch.setattr(npy.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(UnreadableDataset, match=r"'X' unpacks to 0\.0 GB; make room"):
        read(tmp_path / "a.npz", workdir=tmp_path)


def test_an_archive_s_member_is_read_no_further_than_its_header_says(load, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", bytes_of(X) + b"\0" * 5_000_000)
    assert len(load(tmp_path / "a.npz")[0]) == 4


WIDE = "id,f0,f1,label,lon,lat\n"


@pytest.mark.parametrize(
    ("text", "vectors"),
    [
        (WIDE + "a,1,2,sea,3,4\n", [[1, 2]]),
        ("\ufeff" + WIDE + "a,1,2,sea,3,4", [[1, 2]]),
        ("A00;A01;id\n1,5;2,25;a\n", [[1.5, 2.25]]),
        ("A00\tA01\tid\n1.5\t2e3\ta\r\n\r\n3\t4\tb\r\n", [[1.5, 2000], [3, 4]]),
        ("0,1,2,id\n1,2,3,a\n", [[1, 2, 3]]),
        ("dim_1,dim_2\n1,2\n", [[1, 2]]),
        ('embedding,id\n"[1, 2.5]",a\n"[3. 4.]",b\n', [[1, 2.5], [3, 4]]),
        ("f1,f0\n1,2\n", [[2, 1]]),
    ],
)
def test_tables_are_read_as_people_write_them(load, text: str, vectors: list[list[float]]) -> None:
    records, report = load(text, name="a.csv")
    assert [r.vector.tolist() for r in records] == vectors and not report.counts


def test_a_table_brings_labels_and_places(load) -> None:
    text = WIDE + 'a,1,2,sea,3,4\nb,1,2,,,\nc,1,2,sea|coast,x,4\nd,1,2,"[""lake"", ""sea""]",500,4\n'
    records, report = load(text, name="a.csv")
    assert [(r.path, r.labels, r.lon) for r in records] == [
        ("a", ("sea",), 3.0), ("b", (), None), ("c", ("sea", "coast"), None), ("d", ("lake", "sea"), None),
    ]  # fmt: skip
    assert "2 rows had coordinates of no place on Earth; imported without them." in report.notes


@pytest.mark.parametrize(
    ("row", "kind", "says"),
    [
        ("b,1,nan,sea,3,4", K.NOT_FINITE, "NaN, infinity, a gap"),
        ("b,1,,sea,3,4", K.NOT_FINITE, "a gap"),
        ("b,1,x,sea,3,4", K.BAD_RECORD, "something that is no number"),
        ("b,1,2,sea,3", K.BAD_RECORD, "5 fields in place of 6 fields"),
        ("a,1,2,sea,3,4", K.DUPLICATE_PATH, "occurred before"),
        ("../b,1,2,sea,3,4", K.PATH_OUTSIDE_ROOT, r"climbs out"),
        ("b,1,2,x\x07y,3,4", K.BAD_LABEL, "label"),
        ("b,1,2,[{}],3,4", K.BAD_LABEL, "A label has to be text"),
        ("b,1,\x002,sea,3,4", K.BAD_RECORD, "value zero"),
    ],
)
def test_each_fault_of_a_line_counts_under_one_kind(load, row: str, kind: IssueKind, says: str) -> None:
    import re

    records, report = load(WIDE + "a,1,2,sea,3,4\n" + row + "\nz,5,6,land,7,8\n", name="a.csv")
    assert [r.path for r in records] == ["a", "z"]
    assert report.counts == {kind: 1} and report.issues[0].where.startswith("line 3")
    assert re.search(says, report.issues[0].message)


def test_bytes_that_are_no_utf8_cost_their_line(load) -> None:
    records, report = load(WIDE.encode() + b"a,1,2,s\xff,3,4\nb,1,2,sea,3,4\n", name="a.csv")
    assert [r.path for r in records] == ["b"] and report.counts == {K.BAD_RECORD: 1}
    assert report.issues[0].message == "The line is not UTF-8 text."


def test_a_line_without_end_costs_itself(load, monkeypatch) -> None:
    from eobench_dash.formats import table_csv

    monkeypatch.setattr(table_csv, "MAX_LINE", 200)
    records, report = load(WIDE + f"a,1,2,{'x' * 1000},3,4\nb,1,2,sea,3,4\n", name="a.csv")
    assert [r.path for r in records] == ["b"] and report.counts == {K.TOO_LARGE: 1}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"a,b,c\n1,2,3\n", r"no column of vectors.*its columns: a, b, c"),
        (b"0.5,0.25\n1,2\n", "has to name the columns, but it holds numbers"),
        (b"f0,f1,id,id\n1,2,3,4\n", "two columns called 'id'"),
        (b"\xff\xfef\x000\x00", "UTF-16"),
        (b"f0,\xff\n", "not the names of columns in UTF-8"),
        (b"", "is empty"),
        (b"\n", "no column of vectors"),
    ],
)
def test_tables_without_vectors(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(UnreadableDataset, match=says):
        read(tmp_path / "a.csv")


def test_a_printed_vector_that_was_shortened_is_told_apart(load) -> None:
    _, report = load('embedding\n"[0.1 0.2 ... 0.3]"\n"[1, 2]"\n', name="a.csv")
    assert "shortened with '...'" in report.issues[0].message


def test_paths_of_pictures_are_looked_for_below_the_table(load, picture, tmp_path: Path) -> None:
    picture(tmp_path / "p/1.png")
    text = "path,f0,f1\np/1.png,1,2\np/2.png,3,4\n"
    records, report = load(text, name="a.csv")
    assert [r.path for r in records] == ["p/1.png"] and report.counts == {K.MISSING_FILE: 1}
    assert len(load(text, name="a.csv", check_images=False)[0]) == 2


def test_roles_by_name() -> None:
    roles = find_roles(["Unique-ID", "Embedding", "class", "centre_lat", "centre_lon", "geometry", "B01", "B02"])
    assert roles.vector == "Embedding" and roles.columns == {
        "label": "class", "id": "Unique-ID", "lon": "centre_lon", "lat": "centre_lat",
    }  # fmt: skip
    assert "geometry" in roles.unused, "exact coordinates are better than the middle of a shape"
    assert not find_roles(["B01", "B02", "B03"]).wide, "three bands are no vector"
    assert len(find_roles([f"z{i}" for i in range(9)]).wide) == 9
    assert not find_roles(["f0", "f2", "f3"]).wide, "a gap makes it no vector"


def test_a_preview_tells_dimension_and_source(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.tile(X, (900, 1)), y=np.tile(["sea", "land"], 1800))
    seen = preview(tmp_path / "a.npz", options=ImportOptions(source="DINOv2 on RGB"))
    assert (seen.format, seen.vector_dim, seen.total_hint, seen.pictures) == ("npz", 3, 3600, False)
    assert (
        seen.origin == "DINOv2 on RGB, NumPy archive, dimension 3, stored as float32, from a.npz"
        and not seen.complete
        and not seen.issues
    )


@pytest.mark.parametrize(
    "told",
    [{"patch_size": 0}, {"stride": 5000}, {"unit": "furlong"}, {"bands": ("B1", "B1")}, {"bands": ("<b>",)},
     {"source": "x" * 301}, {"source": "a\nb"}, {"patch_size": 2.5}],
)  # fmt: skip
def test_options_that_cannot_be(told: dict) -> None:
    with pytest.raises(BadInput):
        ImportOptions(**told)


def test_options_survive_json() -> None:
    told = ImportOptions(patch_size=32, stride=16, unit="dB", bands=("VV", "VH"), source="x")
    assert ImportOptions.from_dict(told.to_dict()) == told and ImportOptions.from_dict({}) == ImportOptions()


def _reads_or_says(path: Path) -> None:
    """Any bytes are either read, each row counted once, or refused by a sentence."""
    try:
        with read(path, check_images=False) as reader:
            records = list(reader.records())
            report = reader.report()
    except EOBenchError as error:
        assert str(error).endswith((".", ")")) and len(str(error)) < 600
        return
    assert report.total == len(records) + sum(report.counts.values())
    assert all(np.isfinite(r.vector).all() and len(r.vector) == report.vector_dim for r in records)


@QUICK
@given(st.data())
def test_damaged_arrays_never_crash(tmp_path: Path, data: st.DataObject) -> None:
    out = io.BytesIO()
    np.savez(out, embeddings=X, labels=np.array(["a", "b", "c", "d"]))
    name, whole = data.draw(st.sampled_from([("a.npy", bytes_of(X)), ("a.npz", out.getvalue())]))
    raw = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4)):
        if at < len(raw):
            raw[at] = value
    (tmp_path / name).write_bytes(bytes(raw))
    _reads_or_says(tmp_path / name)


CELLS = st.text(max_size=12) | st.floats().map(str) | st.sampled_from(['"', "[1,2]", "1e999", "a|b", "[", '"\n', "\\"])


@QUICK
@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=6), max_size=8),
    st.sampled_from([",", ";", "\t"]),
    st.binary(max_size=9),
)
def test_any_table_is_read_or_refused(tmp_path: Path, rows: list[list[str]], separator: str, tail: bytes) -> None:
    head = separator.join(["id", "f0", "f1", "label"])
    text = "\n".join([head, *(separator.join(row) for row in rows)])
    (tmp_path / "a.csv").write_bytes(text.encode("utf-8", "surrogatepass") + tail)
    _reads_or_says(tmp_path / "a.csv")


def test_every_format_says_what_it_is() -> None:
    for name, known in FORMATS.items():
        assert known.name == name and known.title and known.description.endswith(".")
