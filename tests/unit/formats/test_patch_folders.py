"""Patches that are folders (BigEarthNet), and what geo-referenced picture files say of themselves."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine

from eobench_dash.domain.importing import ImportOptions, IssueKind
from eobench_dash.domain.patch_folders import EUROSAT_BANDS, S1_BANDS, S2_BANDS
from eobench_dash.errors import EOBenchError, PatchUnreadable, PathRefused, UnreadableDataset
from eobench_dash.formats import detect, preview, read
from eobench_dash.store.images import PatchImages

K = IssueKind
UTM32 = rasterio.crs.CRS.from_epsg(32632).to_wkt()
CORNERS = {"ulx": 500_000, "uly": 5_300_000, "lrx": 501_200, "lry": 5_298_800}
MIDDLE = (9.00802, 47.84794)
"""(500,600, 5,299,400) of UTM zone 32: the latitude by the series of the meridian's arc, by hand."""


def tiff(path: Path, values: np.ndarray, *, names: tuple[str, ...] = (), place: bool = True, **more: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 1200 / values.shape[-1]
    where = {"crs": "EPSG:32632", "transform": Affine(size, 0, 500_000, 0, -size, 5_300_000)} if place else {}
    with rasterio.open(
        path, "w", driver="GTiff", count=len(values), height=values.shape[1], width=values.shape[2],
        dtype=values.dtype, **where, **more,
    ) as out:  # fmt: skip
        out.write(values)
        for n, name in enumerate(names, 1):
            out.set_band_description(n, name)
    return path


def patch(root: Path, name: str, told: object = None, *, without: tuple[str, ...] = (), radar: bool = False) -> Path:
    """One patch folder; each band holds its number in the order of reading (Sentinel-2) or −10 and −20 dB."""
    folder = root / name
    for n, band in enumerate(S1_BANDS if radar else S2_BANDS, 1):
        size = 12 if radar or band in {"B02", "B03", "B04", "B08"} else 2 if band in {"B01", "B09"} else 6
        values = np.full((1, size, size), -10.0 * n if radar else 100 * n, np.float32 if radar else np.uint16)
        if band not in without:
            tiff(folder / f"{name}_{band}.tif", values)
    if told is not None:
        folder.mkdir(parents=True, exist_ok=True)
        raw = told if isinstance(told, bytes) else json.dumps(told).encode()
        (folder / f"{name}_labels_metadata.json").write_bytes(raw)
    return folder


def told(*labels: str, **more: object) -> dict[str, object]:
    return {
        "labels": list(labels),
        "coordinates": CORNERS,
        "projection": UTM32,
        "acquisition_date": "2017-06-13",
    } | more


def test_a_patch_is_its_folder(load, tmp_path: Path) -> None:
    patch(tmp_path / "set", "S2A_1", told("Pastures", "Mixed forest"))
    patch(tmp_path / "set", "S2A_2", told())
    assert detect(tmp_path / "set") == "bigearthnet"
    records, report = load(tmp_path / "set")
    assert [(r.path, r.labels) for r in records] == [("S2A_1", ("Pastures", "Mixed forest")), ("S2A_2", ())]
    assert (records[0].lon, records[0].lat) == pytest.approx(MIDDLE, abs=1e-4)
    assert records[0].extra == {"acquired": "2017-06-13"} and report.labels == {"Pastures": 1}
    assert any("the first of its list is the primary one" in note for note in report.notes)
    with read(tmp_path / "set") as reader:
        assert reader.modality == "optical"
        pixels = PatchImages(tmp_path / "set", reader.source_params()).read("S2A_1")
    assert pixels.dtype == np.uint16 and pixels.shape == (12, 12, 12)
    assert [band.min() for band in pixels] == [band.max() for band in pixels] == [100 * n for n in range(1, 13)]


def test_radar_comes_as_linear_power(load, tmp_path: Path) -> None:
    corners = {key: value for key, value in CORNERS.items() if key != "lry"} | {"lly": CORNERS["lry"]}
    patch(tmp_path / "set", "S1A_1", told("Pastures", coordinates=corners), radar=True)
    records, _ = load(tmp_path / "set")
    assert (records[0].lon, records[0].lat) == pytest.approx(MIDDLE, abs=1e-4), "radar's metadata say lly"
    with read(tmp_path / "set") as reader:
        assert reader.modality == "sar"
        images = PatchImages(tmp_path / "set", reader.source_params())
    pixels = images.read("S1A_1")
    assert pixels.dtype == np.float32 and pixels[:, 0, 0] == pytest.approx([0.1, 0.01], rel=1e-5)
    assert images.open_bytes("S1A_1", modality="sar")[1] == "image/png"


def test_a_place_is_taken_from_the_bands_where_the_metadata_have_none(load, tmp_path: Path) -> None:
    for n, without in enumerate((None, told("a", projection="PROJCS[nonsense"), told("a", coordinates={"ulx": "x"}))):
        patch(tmp_path / "set", f"S2A_{n}", without)
    records, report = load(tmp_path / "set")
    assert len(records) == 3 and not report.counts
    assert all((r.lon, r.lat) == pytest.approx(MIDDLE, abs=1e-4) for r in records)


@pytest.mark.parametrize(
    ("metadata", "kind", "says"),
    [
        (b"{", K.BAD_RECORD, "not valid JSON"),
        (b"\xff", K.BAD_RECORD, "not UTF-8|not valid JSON"),
        (b"[" * 100_000, K.BAD_RECORD, "not valid JSON"),
        (b"[]", K.BAD_RECORD, "have to be an object"),
        ({"labels": 7}, K.BAD_LABEL, "a list of names"),
        ({"labels": [{}]}, K.BAD_LABEL, "A label has to be text"),
        (b" " * (2 << 20), K.TOO_LARGE, "larger than 1 MB"),
    ],
)
def test_metadata_that_cannot_be_used_cost_their_patch(load, tmp_path: Path, metadata, kind, says: str) -> None:
    patch(tmp_path / "set", "S2A_1", metadata)
    patch(tmp_path / "set", "S2A_2", told("a"))
    records, report = load(tmp_path / "set")
    assert [r.path for r in records] == ["S2A_2"] and report.counts == {kind: 1}
    assert re.search(says, report.issues[0].message)


def test_bands_that_are_missing_or_damaged_cost_their_patch(load, tmp_path: Path) -> None:
    patch(tmp_path / "set", "S2A_1", told("a"), without=("B11",))
    broken = patch(tmp_path / "set", "S2A_2", told("a")) / "S2A_2_B05.tif"
    broken.write_bytes(broken.read_bytes()[:90])
    patch(tmp_path / "set", "S2A_3", told("a"))
    (tmp_path / "outside.tif").write_bytes(b"x")
    linked = patch(tmp_path / "set", "S2A_4", told("a")) / "S2A_4_B12.tif"
    linked.unlink()
    linked.symlink_to(tmp_path / "outside.tif")
    records, report = load(tmp_path / "set")
    assert [r.path for r in records] == ["S2A_3"]
    assert report.counts == {K.MISSING_FILE: 1, K.BROKEN_IMAGE: 1, K.PATH_OUTSIDE_ROOT: 1}
    assert report.issues[0].message == "Its band B11 is missing."
    assert report.issues[1].message.startswith("Band B05: ")
    images = PatchImages(tmp_path / "set", {"layout": "band files", "bands": list(S2_BANDS)})
    for path, error in (("S2A_1", PatchUnreadable), ("S2A_4", PathRefused), ("../set/S2A_3", PathRefused)):
        with pytest.raises(error):
            images.read(path)


def test_two_sensors_are_two_datasets(tmp_path: Path) -> None:
    patch(tmp_path / "set", "S2A_1", told("a"))
    patch(tmp_path / "set", "S1A_1", told("a"), radar=True)
    with pytest.raises(UnreadableDataset, match="holds Sentinel-1 and Sentinel-2 patches; choose the folder of one"):
        read(tmp_path / "set", format="bigearthnet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableDataset, match="no folders of patches such as NAME/NAME_B02"):
        read(tmp_path / "empty", format="bigearthnet")


def test_version_two_keeps_its_labels_in_one_table(load, tmp_path: Path) -> None:
    patch(tmp_path / "BigEarthNet-S2/S2A_T33", "S2A_T33_1_2")
    patch(tmp_path / "BigEarthNet-S2/S2A_T33", "S2A_T33_1_3")
    table = {"patch_id": ["S2A_T33_1_2"], "labels": [["Pastures", "Mixed forest"]], "s1_name": ["S1A_1"]}
    pq.write_table(pa.table(table), tmp_path / "metadata.parquet")
    for top in (tmp_path, tmp_path / "BigEarthNet-S2"):
        assert detect(top) == "bigearthnet"
        records, report = load(top)
        assert [r.labels for r in records] == [("Pastures", "Mixed forest"), ()]
        assert (
            records[0].lon == pytest.approx(MIDDLE[0], abs=1e-4)
            and "Labels come from metadata.parquet." in report.notes
        )
    (tmp_path / "metadata.parquet").write_bytes(b"PAR1 nonsense")
    with pytest.raises(UnreadableDataset, match=r"metadata\.parquet is damaged"), read(tmp_path) as reader:
        list(reader.records())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["labels", "coordinates", "projection", "ulx", "uly", "lrx", "lry", "acquisition_date"]
                ),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_any_metadata_are_read_or_cost_their_patch(tmp_path: Path, data: object) -> None:
    folder = tmp_path / "set" / "S2A_1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "S2A_1_labels_metadata.json").write_text(json.dumps(data))
    try:
        with read(tmp_path / "set", check_images=False) as reader:
            assert len(list(reader.records())) + sum(reader.report().counts.values()) == 1
    except EOBenchError as error:
        assert str(error).endswith(".")


def test_picture_files_tell_their_place_and_bands(load, tmp_path: Path) -> None:
    names = ("B2", "B03", "b8a", "VV mean")
    tiff(tmp_path / "set/sea/1.tif", np.ones((4, 8, 8), np.uint16), names=names)
    tiff(tmp_path / "set/sea/2.tif", np.ones((4, 8, 8), np.uint16), names=names)
    records, _ = load(tmp_path / "set")
    assert all((r.lon, r.lat) == pytest.approx(MIDDLE, abs=1e-4) for r in records)
    assert preview(tmp_path / "set").params == {"bands": ["B02", "B03", "B8A", "VV mean"]}


def test_bands_may_be_named_and_are_then_checked(load, tmp_path: Path) -> None:
    tiff(tmp_path / "set/sea/1.tif", np.ones((2, 8, 8), np.uint16), names=("x", "y"))
    tiff(tmp_path / "set/sea/2.tif", np.ones((3, 8, 8), np.uint16))
    records, report = load(tmp_path / "set", options=ImportOptions(bands=("B02", "B03")))
    assert [r.path for r in records] == ["sea/1.tif"] and report.counts == {K.BAD_RECORD: 1}
    assert report.issues[0].message == "The picture has 3 bands, but 2 were named."
    assert preview(tmp_path / "set", options=ImportOptions(bands=("B02", "B03"))).params["bands"] == ["B02", "B03"]
    assert any("differ in their bands" in note for note in load(tmp_path / "set")[1].notes)


def test_eurosat_s_order_is_known_by_its_classes(load, tmp_path: Path) -> None:
    for name in ("Forest/Forest_1.tif", "River/River_1.tif"):
        tiff(tmp_path / "set" / name, np.ones((13, 4, 4), np.uint16))
    assert preview(tmp_path / "set").params == {"bands": list(EUROSAT_BANDS)}
    tiff(tmp_path / "other/wood/1.tif", np.ones((13, 4, 4), np.uint16))
    assert preview(tmp_path / "other").params == {}, "nobody knows the order of another set's thirteen bands"


def test_decibels_are_noticed_and_turned_when_told(load, tmp_path: Path) -> None:
    values = np.full((2, 4, 4), -10, np.float32)
    values[:, 0, 0] = -99
    tiff(tmp_path / "set/sea/1.tif", values, nodata=-99)
    tiff(tmp_path / "set/sea/2.tif", values[:1], nodata=-99)
    assert any("Most pixel values are below zero" in note for note in load(tmp_path / "set")[1].notes)
    with read(tmp_path / "set", options=ImportOptions(unit="dB")) as reader:
        list(reader.records())
        params = reader.source_params()
        assert reader.modality == "sar"
    assert params == {"unit": "power", "options": {"unit": "dB"}}
    for name in ("sea/1.tif", "sea/2.tif"):
        pixels = PatchImages(tmp_path / "set", params).read(name)
        assert np.isnan(pixels[:, 0, 0]).all() and pixels[0, 1, 1] == pytest.approx(0.1, rel=1e-6)
        assert PatchImages(tmp_path / "set").read(name)[0, 1, 1] == -10, "untold, values stay as they are"


def test_real_patches(load, shared_dir: Path) -> None:
    rasters = shared_dir / "fixtures/rasters"
    records, report = load(rasters / "BigEarthNet-S2-Example")
    radar, _ = load(rasters / "BigEarthNet-S1-Example")
    assert len(records) == len(radar) == 6 and not report.counts
    assert sorted(r.labels for r in records) == sorted(r.labels for r in radar)
    assert sorted(r.lon for r in records) == pytest.approx(sorted(r.lon for r in radar))
    assert [len(r.labels) for r in records] == [2, 1, 2, 4, 5, 3]
    with read(rasters / "BigEarthNet-S2-Example") as reader:
        images = PatchImages(reader.root, reader.source_params())
    folder = rasters / "BigEarthNet-S2-Example" / records[0].path
    pixels = images.read(records[0].path)
    with (
        rasterio.open(folder / f"{folder.name}_B08.tif") as fine,
        rasterio.open(folder / f"{folder.name}_B11.tif") as coarse,
    ):
        assert np.array_equal(pixels[7], fine.read(1))
        blocks = pixels[10].reshape(60, 2, 60, 2).mean(axis=(1, 3))
        assert np.corrcoef(blocks.ravel(), coarse.read(1).ravel())[0, 1] > 0.99, "resampled, not moved"
    eurosat, report = load(rasters / "eurosat_ms")
    assert all(r.lon is not None for r in eurosat) and len(eurosat) == 6
    assert "The 13 bands were taken in EuroSAT's order, in which B8A comes last." in report.notes
