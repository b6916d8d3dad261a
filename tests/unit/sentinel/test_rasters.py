"""Plain rasters: what their numbers, bands and names mean, where they lie; one file or one a band."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio.warp
from affine import Affine
from safe_trees import write_raster

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.products import ProductInfo, ProductKind, ReadOptions, Unit, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.opening import discover, open_product
from eobench_dash.sentinel.raster_names import band_name, mission, polarisation, split_band, time_of

RNG = np.random.default_rng(5)
PATCH = Window(0, 0, 40, 50)


def _dn(count: int, *, low: int = 100, high: int = 4000) -> np.ndarray:
    return RNG.integers(low, high, (count, 40, 50)).astype(np.uint16)


def _read(path: Path, **options: Any) -> tuple[ProductInfo, np.ndarray, np.ndarray]:
    with open_product(path, options=ReadOptions(**options)) as product:
        found = product.read(Window(0, 0, product.info.height, product.info.width))
        assert product.quicklook(20).shape[2] == 3
        assert found.values.shape[0] == len(product.info.bands)
        assert ProductInfo.from_dict(json.loads(json.dumps(product.info.to_dict()))) == product.info
        return product.info, found.values, found.nodata


def test_an_8_bit_picture_stays_8_bit_and_its_unit_is_unknown(tmp_path: Path) -> None:
    values = RNG.integers(0, 255, (3, 40, 50)).astype(np.uint8)
    info, found, nodata = _read(write_raster(tmp_path / "a.tif", values))
    assert info.unit is Unit.STRETCHED and info.band_names == ("red", "green", "blue")
    assert "8-bit stretched" in info.notes[0]
    assert found.dtype == np.uint8 and np.array_equal(found, values) and not nodata.any()


def test_an_8_bit_pixel_is_nodata_only_where_all_bands_are(tmp_path: Path) -> None:
    values = np.full((3, 40, 50), 9, np.uint8)
    values[:, 0, 0] = 0
    values[0, 1, 1] = 0
    _, found, nodata = _read(write_raster(tmp_path / "a.tif", values, nodata=0))
    assert nodata.sum() == 1 and nodata[0, 0]
    assert found[:, 1, 1].tolist() == [0, 9, 9]


@pytest.mark.parametrize(("count", "dtype"), [(4, np.uint16), (10, np.uint16), (12, np.int16), (13, np.uint16)])
def test_integers_of_as_many_bands_as_sentinel_2_are_reflectance(tmp_path: Path, count: int, dtype: Any) -> None:
    values = _dn(count).astype(dtype)
    values[:, 0, 0] = 0
    values[1, 2, 2] = 0
    info, found, nodata = _read(write_raster(tmp_path / "a.tif", values))
    assert info.unit is Unit.REFLECTANCE and "number / 10,000" in info.notes[0] and "by their number" in info.notes[1]
    assert np.allclose(found[:, 1:, 5:], values[:, 1:, 5:] / 10_000)
    assert nodata.sum() == 1 and nodata[0, 0]  # 0 in one band is dark, in all of them it is a gap


def test_thirteen_bands_are_eurosats_where_the_tenth_is_the_dark_one(tmp_path: Path) -> None:
    values = _dn(13)
    values[9] //= 100
    assert _read(write_raster(tmp_path / "a.tif", values))[0].band_names[8:] == ("B09", "B10", "B11", "B12", "B8A")
    values = _dn(13)
    values[10] //= 100
    assert _read(write_raster(tmp_path / "b.tif", values))[0].band_names[8:] == ("B8A", "B09", "B10", "B11", "B12")


def test_descriptions_name_the_bands(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", _dn(3), descriptions=["b4", "B8a", " B11 "])
    info, found, _ = _read(path, bands=("B11", "B04"))
    assert info.band_names == ("B11", "B04") and info.unit is Unit.REFLECTANCE
    _, every, _ = _read(path)
    assert np.array_equal(found, every[[2, 0]])
    with pytest.raises(UnreadableProduct, match=r"a has no band 'B02'; its bands are B04, B8A, B11"):
        _read(path, bands=("B02",))


def test_numbers_of_unknown_meaning_are_kept(tmp_path: Path) -> None:
    values = _dn(2, high=60_000)
    info, found, _ = _read(write_raster(tmp_path / "a.tif", values))
    assert info.unit is Unit.NUMBER and info.band_names == ("band1", "band2") and "not known" in info.notes[0]
    assert np.array_equal(found, values.astype(np.float32))
    info, _, _ = _read(write_raster(tmp_path / "b.tif", _dn(4, high=60_000)))
    assert info.unit is Unit.NUMBER  # no reflectance reaches 6
    info, _, _ = _read(write_raster(tmp_path / "S1A_IW_GRDH_a.tif", _dn(1)))
    assert info.unit is Unit.NUMBER and info.modality is Modality.SAR and "without calibration" in info.notes[0]


def test_decibels_become_linear_power_and_their_marks_nodata(tmp_path: Path) -> None:
    decibel = RNG.uniform(-25, -5, (2, 40, 50)).astype(np.float32)
    decibel[0, 0, 0], decibel[0, 1, 1], decibel[0, 2, 2], decibel[0, 3, 3] = -99, np.nan, -9999, np.inf
    path = write_raster(tmp_path / "S1B_IW_GRDH_b.tif", decibel)
    info, found, nodata = _read(path)
    assert info.unit is Unit.POWER and info.band_names == ("VV", "VH") and info.modality is Modality.SAR
    assert np.allclose(found[:, 5:], 10 ** (decibel[:, 5:] / 10), rtol=1e-5)
    assert nodata.sum() == 4 and np.isnan(found[0, 0, 0]) and not np.isnan(found[1, 0, 0])


def test_negative_floats_of_no_name_are_radar_and_positive_ones_of_radar_are_power(tmp_path: Path) -> None:
    info, _, _ = _read(write_raster(tmp_path / "a.tif", RNG.uniform(-20, -3, (1, 40, 50)).astype(np.float32)))
    assert info.modality is Modality.SAR and info.unit is Unit.POWER and "dB" in info.notes[0]
    power = RNG.uniform(0.01, 1, (40, 50)).astype(np.float32)
    info, found, _ = _read(write_raster(tmp_path / "x_VV.tif", power))
    assert info.unit is Unit.POWER and info.band_names == ("VV",) and np.array_equal(found[0], power)


def test_the_declared_nodata_is_nodata(tmp_path: Path) -> None:
    values = RNG.uniform(0, 0.4, (4, 40, 50)).astype(np.float32)
    values[:, 0, 0] = -9999
    values[2, 1, 1] = -9999
    info, found, nodata = _read(write_raster(tmp_path / "a.tif", values, nodata=-9999))
    assert info.unit is Unit.REFLECTANCE and len(info.notes) == 1
    assert nodata.sum() == 2 and np.isnan(found[2, 1, 1]) and found[0, 1, 1] == values[0, 1, 1]


def test_transparency_is_nodata_and_palettes_are_colours(tmp_path: Path) -> None:
    values = np.full((4, 40, 50), 100, np.uint8)
    values[3] = 255
    values[3, :5] = 0
    info, found, nodata = _read(write_raster(tmp_path / "a.png", values, crs=None))
    assert info.kind is ProductKind.IMAGE and info.band_names == ("red", "green", "blue") and info.corners is None
    assert nodata[:5].all() and not nodata[5:].any() and found.shape[0] == 3

    import rasterio

    path = write_raster(
        tmp_path / "p.tif", np.arange(2000, dtype=np.uint32).reshape(40, 50).astype(np.uint8) % 2, photometric="palette"
    )
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {0: (10, 20, 30, 255), 1: (200, 100, 50, 255)})
    info, found, _ = _read(path)
    assert info.band_names == ("red", "green", "blue") and found[:, 0, :2].T.tolist() == [[10, 20, 30], [200, 100, 50]]
    assert _read(path, bands=("blue",))[1][0, 0, :2].tolist() == [30, 50]


@pytest.mark.parametrize(
    ("unit", "expected", "factor"),
    [("number", Unit.NUMBER, 1), ("reflectance", Unit.REFLECTANCE, 1e-4), ("power", Unit.POWER, 1),
     ("sigma nought", Unit.SIGMA0, 1)],
)  # fmt: skip
def test_the_unit_can_be_told(tmp_path: Path, unit: str, expected: Unit, factor: float) -> None:
    values = _dn(2)
    info, found, _ = _read(write_raster(tmp_path / "a.tif", values), unit=unit)
    assert info.unit is expected and np.allclose(found, values * factor)


def test_decibels_told_of_scaled_integers(tmp_path: Path) -> None:
    import rasterio

    path = write_raster(tmp_path / "a_VH.tif", np.full((1, 40, 50), -1500, np.int16))
    with rasterio.open(path, "r+") as file:
        file.scales = (0.01,)
    info, found, _ = _read(path)
    assert info.unit is Unit.POWER and np.allclose(found, 10**-1.5)


def test_bands_of_different_scale_are_told(tmp_path: Path) -> None:
    import rasterio

    path = write_raster(tmp_path / "a.tif", _dn(2))
    with rasterio.open(path, "r+") as file:
        file.scales = (1.0, 0.01)
    with pytest.raises(UnreadableProduct, match="a scales its bands differently"):
        _read(path)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"unit": "volts"}, "no unit 'volts'; choose one of: auto, dB, reflectance"),
        ({"unit": "8-bit stretched"}, "Only 8-bit rasters"),
        ({"modality": "thermal"}, "no modality 'thermal'; choose auto, optical or sar"),
        ({"resolution": -1.0}, "cannot be read at -1 m"),
        ({"resolution": 1e6}, "would have 0 × 0 pixels; choose another resolution"),
        ({"resolution": 0.001}, "pixels; choose another resolution"),
        ({"bands": ("band1", "band1")}, "asked for twice"),
    ],
)
def test_options_that_cannot_be_are_told(tmp_path: Path, options: dict[str, Any], why: str) -> None:
    with pytest.raises(UnreadableProduct, match=why):
        _read(write_raster(tmp_path / "a.tif", _dn(2)), **options)


def test_another_resolution_is_an_area_mean(tmp_path: Path) -> None:
    values = _dn(4)
    info, found, _ = _read(write_raster(tmp_path / "a.tif", values), resolution=20)
    assert (info.height, info.width, info.pixel_size) == (20, 25, (20, 20)) and info.transform is not None
    assert info.transform[0] == 20 and info.transform[4] == -20
    assert np.allclose(found, values.reshape(4, 20, 2, 25, 2).mean(axis=(2, 4)) / 10_000, atol=1e-6)


def test_a_raster_without_a_coordinate_system_has_no_place(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", _dn(4), crs=None)
    with open_product(path) as product:
        assert product.info.corners is None and product.info.crs is None and product.info.transform is None
        assert np.isnan(product.lonlat([0], [0])).all()
        assert any("where it lies is not known" in note for note in product.info.notes)
    with pytest.raises(UnreadableProduct, match="size of its pixels in metres is not known"):
        _read(path, resolution=20)


def test_a_coordinate_system_that_cannot_be_right_is_told(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", _dn(4), crs="EPSG:4326", transform=Affine(10, 0, 4e5, 0, -10, 4.8e6))
    with pytest.raises(UnreadableProduct, match=r"a\.tif lies off the Earth in the coordinate system .*\(EPSG:4326\)"):
        _read(path)


def test_a_local_coordinate_system_is_no_place(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", _dn(4), crs='LOCAL_CS["site",UNIT["metre",1]]')
    info, _, _ = _read(path)
    assert info.crs is None and info.corners is None


@pytest.mark.parametrize("longitude", [190.0, -170.0])
def test_degrees_are_places_also_past_the_date_line(tmp_path: Path, longitude: float) -> None:
    transform = Affine(1e-4, 0, longitude, 0, -1e-4, 60)
    info, _, _ = _read(write_raster(tmp_path / "a.tif", _dn(4), crs="EPSG:4326", transform=transform))
    assert info.corners is not None and info.corners[0] == pytest.approx((-170, 60))
    assert info.pixel_size == pytest.approx((5.566, 11.132), rel=1e-3)


@pytest.mark.parametrize("crs, latitude", [("EPSG:3395", 34.0), ("EPSG:3395", 60.0), ("EPSG:3857", 48.0)])
def test_metres_are_those_on_the_ground_where_the_map_stretches_them(tmp_path: Path, crs: str, latitude: float) -> None:
    xs, ys = rasterio.warp.transform("EPSG:4326", crs, [12.0], [latitude])
    transform = Affine(10, 0, xs[0] - 250, 0, -10, ys[0] + 200)  # 50 × 40 pixels around it
    path = write_raster(tmp_path / "a.tif", _dn(4), crs=crs, transform=transform)
    info, _, _ = _read(path)
    # the scale of a Mercator map: of the ellipsoid in every direction, or along a parallel of the sphere
    bend = 1 - 0.00669437999 * np.sin(np.radians(latitude)) ** 2
    across = np.cos(np.radians(latitude)) / np.sqrt(bend)
    assert info.pixel_size is not None and info.pixel_size[0] == pytest.approx(10 * across, rel=1e-4)
    if crs == "EPSG:3395":
        assert info.pixel_size[1] == pytest.approx(10 * across, rel=1e-4)
    assert any(f"is {across:.2f} m on the ground here" in note for note in info.notes)
    coarse, _, _ = _read(path, resolution=20)
    assert coarse.pixel_size == pytest.approx((20, 20), rel=0.01)


@pytest.mark.parametrize("crs, latitude", [("EPSG:6933", 52.0), ("EPSG:4326", 60.0), ("EPSG:32633", 52.0)])
def test_pixels_that_are_not_square_on_the_ground_are_told_of(tmp_path: Path, crs: str, latitude: float) -> None:
    xs, ys = rasterio.warp.transform("EPSG:4326", crs, [15.0], [latitude])
    across, down = {"EPSG:4326": (1e-4, 1e-4), "EPSG:6933": (10, 10)}.get(crs, (10, 20))
    path = write_raster(tmp_path / "a.tif", _dn(4), crs=crs, transform=Affine(across, 0, xs[0], 0, -down, ys[0]))
    info, _, _ = _read(path)
    assert info.pixel_size is not None
    words = "A pixel is {:.4g} × {:.4g} m on the ground: a patch asked for in metres is not square there".format(
        *info.pixel_size
    )
    assert any(note.startswith(words) and "--resolution" in note for note in info.notes)
    assert not any("A metre of its map" in note for note in info.notes)
    square, _, _ = _read(path, resolution=20)
    assert square.pixel_size == pytest.approx((20, 20), rel=0.01)
    assert not any("on the ground" in note for note in square.notes)


def test_square_pixels_need_no_words(tmp_path: Path) -> None:
    info, _, _ = _read(write_raster(tmp_path / "a.tif", _dn(4)))
    assert not any("on the ground" in note for note in info.notes)


@pytest.mark.parametrize("count", [1, 4, 13])
@pytest.mark.parametrize("everywhere", [False, True])
def test_numbers_beyond_what_is_kept_are_no_data_and_told_of(tmp_path: Path, count: int, everywhere: bool) -> None:
    values = RNG.random((count, 40, 50)) * 5000
    values[:, 3:] = 1e300 if everywhere else values[:, 3:]
    values[:, :3] = -1e300
    path = write_raster(tmp_path / "a.tif", values)
    info, _, nodata = _read(path)
    assert nodata[:3].all() and nodata[3:].all() == everywhere
    assert any("too large to be kept (beyond 3.4e38) or infinite" in note for note in info.notes)
    declared = write_raster(tmp_path / "b.tif", np.where(np.abs(values) > 1e299, -1e300, values), nodata=-1e300)
    assert not any("infinite" in note for note in _read(declared)[0].notes)


def test_files_of_a_band_each_are_one_product(tmp_path: Path) -> None:
    sizes = {"B02": 10, "B8A": 20, "B01": 60}
    folder = tmp_path / "S2A_MSIL2A_20170613T101031_87_48"
    raw = {b: RNG.integers(100, 4000, (600 // m, 600 // m)).astype(np.uint16) for b, m in sizes.items()}
    for band, metres in sizes.items():
        write_raster(folder / f"{folder.name}_{band}.tif", raw[band], metres=metres)
    (folder / f"{folder.name}_labels_metadata.json").write_text("{}")
    (found,) = discover(tmp_path)
    assert (found.path, found.kind, found.modality, found.platform) == (
        folder, ProductKind.RASTER, Modality.OPTICAL, "Sentinel-2A",
    )  # fmt: skip
    for path in (folder, folder / f"{folder.name}_B8A.tif"):
        info, values, _ = _read(path)
        assert info.band_names == ("B01", "B02", "B8A") and (info.height, info.width) == (60, 60)
        assert [band.resolution for band in info.bands] == [60, 10, 20]
        assert info.name == folder.name and info.sensed_at == datetime(2017, 6, 13, 10, 10, 31, tzinfo=UTC)
        for plane, (band, times) in zip(values, (("B01", 6), ("B02", 1), ("B8A", 2)), strict=True):
            assert np.allclose(plane, raw[band].repeat(times, 0).repeat(times, 1) / 1e4)
    assert np.allclose(_read(folder, bands=("B8A", "B01"), resolution=60)[1][1], raw["B01"] / 1e4)


def test_files_that_do_not_cover_the_same_ground_are_told(tmp_path: Path) -> None:
    write_raster(tmp_path / "x_B02.tif", _dn(1))
    write_raster(tmp_path / "x_B03.tif", _dn(1), transform=Affine(10, 0, 5e5, 0, -10, 4.8e6))
    with pytest.raises(UnreadableProduct, match=r"x_B03\.tif and x_B02\.tif do not cover the same ground"):
        _read(tmp_path)
    write_raster(tmp_path / "x_B03.tif", _dn(1), crs="EPSG:32632")
    with pytest.raises(UnreadableProduct, match="in different coordinate systems"):
        _read(tmp_path)
    write_raster(tmp_path / "x_B03.tif", _dn(2))
    with pytest.raises(UnreadableProduct, match=r"x_B03\.tif holds 2 bands, where its name says one"):
        _read(tmp_path)


def test_what_lies_beside_a_scene_tells_of_it(tmp_path: Path) -> None:
    entry = {"file": "a.tif", "scene": "s7", "product": "S2B_MSIL1C_20220304T101010_N0400_R022_T32TQM_x",
             "date": "2022-03-04", "bands": ["B8A", "B11"]}  # fmt: skip
    path = write_raster(tmp_path / "a.tif", _dn(2))
    (tmp_path / "scenes.json").write_text(json.dumps([entry]))
    info, _, _ = _read(path)
    assert info.name == f"{entry['product']} s7" and info.band_names == ("B8A", "B11")
    assert info.sensed_at == datetime(2022, 3, 4, 10, 10, 10, tzinfo=UTC)
    assert info.metadata["baseline"] == "04.00" and info.metadata["tile"] == "32TQM"
    assert any("if its numbers still carry the offset" in note for note in info.notes)
    for broken in ("[[[", "[" * 5000, '{"a": 1}', '[{"file": "a.tif", "bands": 3, "product": []}]'):
        (tmp_path / "scenes.json").write_text(broken)
        assert _read(path)[0].name == "a"


def test_tags_tell_of_a_scene(tmp_path: Path) -> None:
    tags = {"PRODUCT": "S1A_IW_GRDH_1SDV_20201107T135241_20201107T135306_035143_041A16_322B"}
    path = write_raster(tmp_path / "plain.tif", RNG.integers(1, 255, (1, 40, 50)).astype(np.uint8), tags=tags)
    info, _, _ = _read(path)
    assert info.modality is Modality.SAR and info.name == f"{tags['PRODUCT']} plain"
    assert info.sensed_at == datetime(2020, 11, 7, 13, 52, 41, tzinfo=UTC)


def test_names_tell() -> None:
    assert split_band("S2A_x_B8A") == ("S2A_x", "B8A") and split_band("x_b2_10m") == ("x", "B02")
    assert split_band("x-VV") == ("x", "VV") and split_band("scene_B99") is None and split_band("B02") is None
    assert band_name(" b08a ") == "B8A" and band_name("NIR") == "NIR" and band_name("b12") == "B12"
    assert polarisation("S1A__IW___A_VV_grd") == "VV" and polarisation("a_VV_VH") is None
    assert mission("boadella", "x_s2") == (Modality.OPTICAL, "Sentinel-2") and mission("class2", "AS1A") is None
    assert time_of("x_20170924T93020_69") == datetime(2017, 9, 24, 9, 30, 20, tzinfo=UTC)
    assert time_of("x_20180204T94161_57") == datetime(2018, 2, 4, 9, 41, tzinfo=UTC)  # a sixty-first second
    assert time_of("", "2020-13-45", "Boadella_2020-01-13") == datetime(2020, 1, 13, tzinfo=UTC)
    assert time_of("99999999", "00000000T000000") is None


def test_a_product_of_full_size_is_never_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    import rasterio

    path = tmp_path / "S2A_full.tif"
    profile = {"count": 2, "height": 10_980, "width": 10_980, "dtype": "uint16", "crs": "EPSG:32631"}
    transform = Affine(10, 0, 399960, 0, -10, 4800000)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        tiled=True,
        blockxsize=1024,
        blockysize=1024,
        sparse_ok=True,
        transform=transform,
        **profile,
    ) as file:
        file.write(np.full((2, 1024, 1024), 2000, np.uint16), window=((9216, 10240), (9216, 10240)))
    assert path.stat().st_size < 20e6
    tracemalloc.start()
    with open_product(path, options=ReadOptions(unit="reflectance")) as product:
        for row in range(9000, 10_980, 120):
            found = product.read(Window(row, 9300, 120, 120))
            if 9216 <= row < 10_100:
                assert np.allclose(found.values, 0.2, atol=1e-7)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # the product: 482 MB


def test_the_shared_scenes(shared_dir: Path) -> None:
    found = discover(shared_dir / "data/scenes")
    assert len(found) == 32 and {c.modality for c in found} == {Modality.SAR, Modality.OPTICAL}
    names = set()
    for candidate in found:
        with open_product(candidate.path) as product:
            info = product.info
            values = product.read(Window(500, 500, 8, 8)).values
        names.add((info.name, info.band_names))
        assert info.unit is Unit.STRETCHED and values.dtype == np.uint8
        assert info.sensed_at is not None and info.sensed_at.year == 2020 and info.corners is not None
        assert info.band_names == (("VH",) if info.modality is Modality.SAR else ("B04", "B03", "B02"))
    assert len(names) == 32


def test_the_shared_rasters(shared_dir: Path) -> None:
    found = discover(shared_dir / "fixtures/rasters")
    kinds: dict[tuple[str, int, str], int] = {}
    for candidate in found:
        with open_product(candidate.path) as product:
            key = (product.info.modality.value, len(product.info.bands), product.info.unit.value)
            assert product.info.corners is not None
            assert not product.read(Window(10, 10, 50, 50)).nodata.all()
        kinds[key] = kinds.get(key, 0) + 1
    assert kinds == {("sar", 2, "power"): 6, ("sar", 1, "power"): 1, ("optical", 12, "reflectance"): 8,
                     ("optical", 13, "reflectance"): 6}  # fmt: skip
    path = shared_dir / "fixtures/rasters/S1A__IW___A_20150309T173017_VV_grd_mli_geo_norm_db.tif"
    _, values, nodata = _read(path)
    assert not nodata.any() and 10**-2.7 < values.min() < values.max() < 10**0.15
