"""AlphaEarth and TESSERA rasters cut into patches: values, places, what has no data, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from rasterio.transform import Affine

from eobench_dash.domain.importing import ImportOptions
from eobench_dash.errors import UnreadableDataset
from eobench_dash.formats import detect, preview, read
from eobench_dash.formats.rasters import dequantised, mean_vector

PLACE = Affine(10, 0, 400_000, 0, -10, 5_340_000)


def tiff(path: Path, values: np.ndarray, transform: Affine = PLACE, **more: object) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", count=len(values), height=values.shape[1], width=values.shape[2],
        dtype=values.dtype, crs="EPSG:32633", transform=transform, **more,
    ) as out:  # fmt: skip
        out.write(values)
    return path


def test_quantisation_is_undone_as_published() -> None:
    stored = np.array([0, 127, -127, 64, -1], np.int8)
    by_hand = [0, (127 / 127.5) ** 2, -((127 / 127.5) ** 2), (64 / 127.5) ** 2, -((1 / 127.5) ** 2)]
    assert dequantised(stored) == pytest.approx(by_hand, rel=1e-6)


def test_alphaearth_becomes_unit_vectors_with_places(load, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    stored = rng.integers(-127, 128, (64, 40, 60)).astype(np.int8)
    stored[:, :16, :16] = -128  # a patch without data
    stored[:, 16:20, 16:32] = -128  # a quarter of another
    stored[7, 20, 20] = -128  # one band is enough to make a pixel void
    path = tiff(tmp_path / "a.tif", stored)
    assert detect(path) == "alphaearth"
    records, report = load(path, options=ImportOptions(patch_size=16))
    corners = ((16, 0), (32, 0), (0, 16), (16, 16), (32, 16))
    assert [r.path for r in records] == [f"a.tif#xywh={x},{y},16,16" for x, y in corners]
    values = dequantised(stored).transpose(1, 2, 0)
    valid = (stored != -128).all(axis=0)
    for record, (x, y) in zip(records, corners, strict=True):
        inside = values[y : y + 16, x : x + 16][valid[y : y + 16, x : x + 16]].astype(np.float64).mean(axis=0)
        assert record.vector == pytest.approx(inside / np.linalg.norm(inside), abs=1e-5)
    # the middle of the second patch is 400,000 + 240 east, 5,340,000 - 80 north
    from rasterio.warp import transform

    assert (records[0].lon, records[0].lat) == pytest.approx(
        [v[0] for v in transform("EPSG:32633", "EPSG:4326", [400_240], [5_339_920])]
    )
    notes = " ".join(report.notes)
    assert "16 × 16 pixels, every 16 pixels" in notes and "1 patches were left out" in notes
    with read(path, options=ImportOptions(patch_size=16)) as reader:
        assert "Google DeepMind" in reader.attribution and not reader.pictures


def test_chunks_do_not_show(load, tmp_path: Path, monkeypatch) -> None:
    from eobench_dash.formats import rasters

    stored = np.random.default_rng(1).integers(-127, 128, (64, 50, 50)).astype(np.int8)
    path, cut = tiff(tmp_path / "a.tif", stored), ImportOptions(patch_size=10, stride=7)
    whole = {r.path: r.vector for r in load(path, options=cut)[0]}
    monkeypatch.setattr(rasters, "CHUNK", 20)
    parts = {r.path: r.vector for r in load(path, options=cut)[0]}
    assert len(whole) == 36 and whole.keys() == parts.keys()
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)


def test_a_raster_that_begins_in_the_south(load, tmp_path: Path) -> None:
    stored = np.ones((64, 8, 8), np.int8)
    up = tiff(tmp_path / "a.tif", stored, Affine(10, 0, 400_000, 0, 10, 5_339_920))
    down = tiff(tmp_path / "b.tif", stored)
    (one,), (other,) = (load(p, options=ImportOptions(patch_size=8))[0] for p in (up, down))
    assert (one.lon, one.lat) == pytest.approx((other.lon, other.lat))


def test_tessera_arrays_take_scales_and_place_from_beside(load, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    stored = rng.integers(-127, 128, (12, 12, 128)).astype(np.int8)
    scales = rng.uniform(0.01, 0.1, (12, 12)).astype(np.float32)
    scales[:6, :6] = 0  # no data
    path = tmp_path / "grid_0.15_52.05.npy"
    np.save(path, stored)
    with pytest.raises(UnreadableDataset, match=r"its scales grid_0\.15_52\.05_scales\.npy do not lie beside it"):
        read(path, format="tessera")
    np.save(tmp_path / "grid_0.15_52.05_scales.npy", scales)
    assert detect(path) == "tessera"
    records, report = load(path, options=ImportOptions(patch_size=6))
    assert [r.path.split("#")[1] for r in records] == ["xywh=6,0,6,6", "xywh=0,6,6,6", "xywh=6,6,6,6"]
    pixels = (stored * scales[..., None].astype(np.float64))[:6, 6:].reshape(-1, 128).mean(axis=0)
    assert records[0].vector == pytest.approx(pixels / np.linalg.norm(pixels), abs=1e-5)
    assert records[0].lon is None and any("1 patches were left out" in note for note in report.notes)
    tiff(tmp_path / "grid_0.15_52.05.tif", np.zeros((1, 12, 12), np.uint8))
    assert load(path, options=ImportOptions(patch_size=6))[0][0].lon == pytest.approx(13.658, abs=0.01)


def test_tessera_geotiff(load, tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(size=(128, 8, 8)).astype(np.float32)
    values[:, 0, 0] = np.nan
    path = tiff(tmp_path / "a.tif", values)
    assert detect(path) == "tessera"
    (record,), _ = load(path, options=ImportOptions(patch_size=8))
    mean = values.reshape(128, -1)[:, 1:].astype(np.float64).mean(axis=1)
    assert record.vector == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def test_what_is_refused(tmp_path: Path) -> None:
    few = tiff(tmp_path / "few.tif", np.zeros((3, 8, 8), np.int8))
    small = tiff(tmp_path / "small.tif", np.zeros((64, 8, 8), np.int8))
    (tmp_path / "text.tif").write_text("no picture")
    np.save(tmp_path / "flat.npy", np.zeros((4, 4, 3), np.int8))
    for path, name, says in (
        (few, "alphaearth", "has 3 bands of int8; this format has 64 bands of int8 or floating point"),
        (small, "tessera", "has 64 bands of int8; this format has 128"),
        (small, "alphaearth", "8 × 8 pixels, less than one patch of 64; choose a smaller patch size"),
        (tmp_path / "text.tif", "alphaearth", "is no GeoTIFF, or it is damaged"),
        (tmp_path / "flat.npy", "tessera", r"shape \(4, 4, 3\) of int8"),
    ):
        with pytest.raises(UnreadableDataset, match=says):
            read(path, format=name)
    whole = small.read_bytes()
    small.write_bytes(whole[: len(whole) // 2])
    with (
        pytest.raises(UnreadableDataset),
        read(small, format="alphaearth", options=ImportOptions(patch_size=8)) as reader,
    ):
        list(reader.records())


def test_a_preview_counts_the_places(tmp_path: Path) -> None:
    seen = preview(tiff(tmp_path / "a.tif", np.ones((64, 128, 192), np.int8)))
    assert (seen.total_hint, seen.vector_dim, seen.complete) == (6, 64, True)


@given(arrays(np.int8, (3, 3, 5)), arrays(bool, (3, 3)))
@settings(deadline=None)
def test_a_patch_s_vector_has_unit_length_or_none(stored: np.ndarray, valid: np.ndarray) -> None:
    mean = mean_vector(dequantised(stored), valid)
    if valid.sum() < 4.5:
        assert mean is None
    else:
        assert mean is not None and (np.linalg.norm(mean) == pytest.approx(1, abs=1e-4) or not mean.any())
