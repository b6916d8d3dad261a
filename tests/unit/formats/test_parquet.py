"""Parquet and GeoParquet files of vectors: the layouts that are published, and what can be wrong with one."""

import json
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eobench_dash.domain.importing import ImportOptions, IssueKind
from eobench_dash.errors import EOBenchError, UnreadableDataset
from eobench_dash.formats import detect, parquet, read
from eobench_dash.formats.wkb import middle

K = IssueKind
X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = [f"u{i}" for i in range(6)]


def point(x: float, y: float, order: str = "<") -> bytes:
    return struct.pack(f"{order}BIdd", order == "<", 1, x, y)


def polygon(*corners: tuple[float, float]) -> bytes:
    flat = [v for corner in corners for v in corner]
    return struct.pack(f"<BIII{len(flat)}d", 1, 3, 1, len(corners), *flat)


def write(path: Path, metadata: dict[str, object] | None = None, **columns: object) -> Path:
    table = pa.table(columns)
    table = table.replace_schema_metadata({key: json.dumps(value) for key, value in (metadata or {}).items()})
    pq.write_table(table, path, row_group_size=2)
    return path


def lists(values: object = X, kind: pa.DataType | None = None) -> pa.Array:
    return pa.array(list(values), type=kind or pa.list_(pa.float32()))


def geo(crs: object = None, encoding: str = "WKB") -> dict[str, object]:
    return {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": encoding, "crs": crs}},
    }


def test_major_tom(load, tmp_path: Path) -> None:
    path = write(
        tmp_path / "part.parquet", unique_id=NAMES, embedding=lists(), timestamp=["2020"] * 6, product_id=["S2A"] * 6,
        grid_cell=["1U_2R"] * 6, grid_row_u=[1] * 6, grid_col_r=[2] * 6, geometry=[polygon((0, 0), (2, 2))] * 6,
        centre_lat=np.linspace(40, 41, 6), centre_lon=np.linspace(10, 11, 6), utm_footprint=["POLYGON"] * 6,
        utm_crs=["EPSG:32632"] * 6, pixel_bbox=pa.array([[0, 0, 384, 384]] * 6, pa.list_(pa.int64())),
    )  # fmt: skip
    assert detect(path) == "parquet"
    records, report = load(path, options=ImportOptions(source="SSL4EO ViT on S2L1C"))
    assert [r.path for r in records] == NAMES and np.array_equal([r.vector for r in records], X)
    assert (records[5].lon, records[5].lat) == (11.0, 41.0), "exact centres are better than the middle of a footprint"
    notes = " ".join(report.notes)
    assert "SSL4EO ViT on S2L1C, Major TOM Parquet, from part.parquet" in notes and "pixel_bbox" in notes


def test_earth_index_tells_its_model(tmp_path: Path) -> None:
    told = {"model": {"id": "softcon", "source": "https://example.org"}, "embedding": {"dim": 4}, "version": "1"}
    path = write(
        tmp_path / "a.geoparquet", {"geo": geo(), "emb": told}, id=NAMES, embedding=lists(),
        geometry=[point(5, 50), point(6, 51, ">"), polygon((0, 0), (4, 0), (4, 2), (0, 0)), None, b"\x01\x02", b""],
    )  # fmt: skip
    with read(path) as reader:
        records = list(reader.records())
        origin = reader.origin()
        notes = reader.report().notes
    assert [(r.lon, r.lat) for r in records] == [(5, 50), (6, 51), (2, 1)] + [(None, None)] * 3
    assert origin.facts["model"] == "softcon" and origin.facts["layout"] == "Earth Index Parquet"
    assert "2 rows had coordinates of no place on Earth; imported without them." in notes


def test_clay(load, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.parquet", index=range(6), source_url=["s3://x"] * 6, date=["2020-01-01"] * 6,
        embeddings=lists(X.astype(np.float64), pa.list_(pa.float64())), geometry=[point(1, 2)] * 6,
    )  # fmt: skip
    records, report = load(path)
    assert [r.path for r in records] == list("012345") and records[0].lat == 2
    assert any("Clay Parquet" in note for note in report.notes)


@pytest.mark.parametrize("kind", [pa.list_(pa.float16()), pa.list_(pa.float32(), 4), pa.large_list(pa.float64())])
def test_lists_of_any_kind(load, tmp_path: Path, kind: pa.DataType) -> None:
    values = X.astype(np.float16) if kind == pa.list_(pa.float16()) else X
    records, _ = load(write(tmp_path / "a.parquet", vec_of_it=lists(values, kind)))
    assert np.allclose([r.vector for r in records], X, atol=2e-3)


def test_wide_columns_with_labels(load, tmp_path: Path) -> None:
    columns = {f"A{i:02d}": X[:, i] for i in range(4)}
    several = pa.array([["sea", "coast"], ["land"], [], None, ["sea"], ["\x07"]], pa.list_(pa.string()))
    records, report = load(write(tmp_path / "a.parquet", **columns, labels=several, lon=[1.0] * 6, lat=[2.0] * 6))
    assert [r.labels for r in records] == [("sea", "coast"), ("land",), (), (), ("sea",)]
    assert np.array_equal(records[0].vector, X[0]) and report.counts == {K.BAD_LABEL: 1}


def test_each_fault_of_a_row_counts_under_one_kind(load, tmp_path: Path) -> None:
    vectors = [[1, 2], [1, None], [1, float("nan")], None, [], [1, 2, 3], [1e39, 0], [5, 6], [7, 8], [9, 9]]
    path = write(
        tmp_path / "a.parquet", embedding=lists(vectors, pa.list_(pa.float64())),
        id=["a", "b", "c", "d", "e", "f", "g", "a", "../h", "i"],
    )  # fmt: skip
    records, report = load(path)
    assert [r.path for r in records] == ["a", "i"]
    assert report.counts == {K.NOT_FINITE: 3, K.VECTOR_LENGTH: 3, K.DUPLICATE_PATH: 1, K.PATH_OUTSIDE_ROOT: 1}


def test_strings_that_are_no_utf8_cost_their_rows(load, tmp_path: Path) -> None:
    bad = pa.StringArray.from_buffers(2, pa.py_buffer(struct.pack("<3i", 0, 2, 4)), pa.py_buffer(b"ab\xff\xfe"))
    _, report = load(write(tmp_path / "a.parquet", embedding=lists(X[:2]), label=bad))
    assert report.imported == 1 and report.counts == {K.BAD_LABEL: 1}


def test_quantised_vectors_are_undone_where_the_file_says_how(load, tmp_path: Path) -> None:
    whole = pa.array([[10, -20]] * 6, pa.list_(pa.int8()))
    told = {"embedding": {"quantization": {"method": "linear", "scale": 0.5, "offset": 1}}}
    records, report = load(write(tmp_path / "a.parquet", {"emb": told}, embedding=whole))
    assert records[0].vector.tolist() == [6, -9] and any("undone" in note for note in report.notes)
    told = {"embedding": {"quantization": "binary"}}
    records, report = load(write(tmp_path / "b.parquet", {"emb": told}, embedding=whole))
    assert records[0].vector.tolist() == [10, -20] and any("quantisation binary" in note for note in report.notes)


@pytest.mark.parametrize(
    ("crs", "encoding", "place", "says"),
    [
        ({"id": {"authority": "OGC", "code": "CRS84"}}, "WKB", (500000, 0), "no place on Earth"),
        ({"id": {"authority": "EPSG", "code": 32632}}, "WKB", (9.0, 0.0), "turned from EPSG:32632"),
        ({"id": {"authority": "EPSG", "code": 999999}}, "WKB", None, "turned from EPSG:999999"),
        ({"name": "mine"}, "WKB", None, "without an EPSG code"),
        (None, "point", None, "stored as point, not as WKB"),
    ],
)
def test_reference_systems(load, tmp_path: Path, crs: object, encoding: str, place: object, says: str) -> None:
    path = write(
        tmp_path / "a.parquet", {"geo": geo(crs, encoding)}, embedding=lists(), geometry=[point(500000, 0)] * 6
    )
    records, report = load(path)
    assert any(says in note for note in report.notes)
    if place == (9.0, 0.0):
        assert (records[0].lon, records[0].lat) == pytest.approx(place, abs=1e-6)
    else:
        assert records[0].lon is None


def test_files_without_vectors(tmp_path: Path) -> None:
    for columns, says in (
        ({"a": [1], "b": ["x"]}, "no column of vectors called embedding"),
        ({"embedding": ["x"]}, "'embedding' holds string; a vector is a list of numbers|no column of vectors"),
        ({"p": lists(X[:1]), "q": lists(X[:1])}, "the lists p, q could each be it"),
    ):
        with pytest.raises(UnreadableDataset, match=says):
            read(write(tmp_path / "a.parquet", **columns))


def test_a_row_group_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(parquet, "MAX_GROUP_NUMBERS", 7)
    with pytest.raises(UnreadableDataset, match="holds 8 numbers in one column; write the file"):
        read(write(tmp_path / "a.parquet", embedding=lists()))


def test_vectors_beyond_all_bounds_cost_their_rows(load, tmp_path: Path) -> None:
    long = [np.zeros(20_000, np.float32), *X[:2]]
    _, report = load(write(tmp_path / "a.parquet", embedding=lists(long)))
    assert report.counts == {K.TOO_LARGE: 1} and report.imported == 2


@QUICK
@given(st.data())
def test_damaged_files_are_refused_by_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.parquet"
    raw = bytearray(write(path, {"geo": geo()}, id=NAMES, embedding=lists(), geometry=[point(1, 2)] * 6).read_bytes())
    raw = raw[data.draw(st.integers(0, 4)) : data.draw(st.sampled_from([len(raw), len(raw) - 1, 40]))]
    for at, value in data.draw(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=3)):
        if at < len(raw):
            raw[at] = value
    path.write_bytes(bytes(raw))
    try:
        with read(path) as reader:
            records = list(reader.records())
            report = reader.report()
    except EOBenchError as error:
        assert str(error).endswith(".") or str(error).endswith(")."), error
        return
    assert report.total == len(records) + sum(report.counts.values())


def test_the_middle_of_shapes() -> None:
    assert middle(point(3, 4)) == (3, 4) and middle(point(3, 4, ">")) == (3, 4)
    assert middle(polygon((0, 0), (4, 0), (4, 2), (0, 0))) == (2, 1)
    assert middle(polygon((178, 0), (-178, 0), (-178, 2), (178, 0))) == (180, 1), "across the date line"
    z = struct.pack("<BIddd", 1, 1001, 5, 6, 7)
    ewkb = struct.pack("<BIIddd", 1, 0x80000000 | 0x20000000 | 1, 4326, 5, 6, 7)
    many = struct.pack("<BII", 1, 6, 2) + polygon((0, 0), (2, 2)) + polygon((4, 4), (6, 8))
    assert middle(z) == middle(ewkb) == (5, 6) and middle(many) == (3, 4)


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: b"\x01" + struct.pack("<I", 7) + tail))
@settings(deadline=None)
def test_no_bytes_break_the_reader_of_shapes(raw: bytes) -> None:
    try:
        x, y = middle(raw)
    except ValueError:
        return
    assert np.isfinite([x, y]).all()
