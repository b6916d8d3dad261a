"""Sentinel-2 products: reflectance by baseline, bands on one grid, clouds, and what is wrong with broken ones."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from safe_trees import BANDS, LEFT, NATIVE, SIZE, TOP, make_l1c, make_l2a, numbers, write_raster

from eobench_dash.domain.products import ProductInfo, ProductKind, ReadOptions, Unit, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.product import Product
from eobench_dash.sentinel.s2 import open_s2, told_kind

WHOLE = Window(0, 0, SIZE, SIZE)


@pytest.fixture(scope="module")
def l1c(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_l1c(tmp_path_factory.mktemp("l1c"))


@pytest.fixture(scope="module")
def l2a(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_l2a(tmp_path_factory.mktemp("l2a"))


@pytest.fixture
def broken(l1c: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(l1c, tmp_path / l1c.name))


def _open(path: Path, *bands: str, resolution: float | None = None) -> Product:
    return open_s2(path, options=ReadOptions(bands=bands, resolution=resolution))


def _up(values: np.ndarray, times: int) -> np.ndarray:
    return values.repeat(times, axis=0).repeat(times, axis=1)


def test_what_is_known_before_a_pixel_is_read(l1c: Path) -> None:
    with _open(l1c) as product:
        info = product.info
    assert info.name == "S2A_MSIL1C_20230601T105621_N0509_R094_T31TDH_20230601T125609"
    assert (info.kind, info.unit, info.band_names) == (ProductKind.S2_L1C, Unit.REFLECTANCE, BANDS)
    assert [band.resolution for band in info.bands] == [NATIVE[band] for band in BANDS]
    assert (info.height, info.width, info.pixel_size, info.crs) == (SIZE, SIZE, (10, 10), "EPSG:32631")
    assert info.transform == (10, 0, LEFT, 0, -10, TOP)
    assert info.sensed_at == datetime(2023, 6, 1, 11, 0, 33, 457000, tzinfo=UTC)
    assert info.cloud_cover == 0.125
    assert info.metadata == {
        "level": "Level-1C", "baseline": "05.09", "quantification": 10000, "platform": "Sentinel-2A",
        "orbit_direction": "DESCENDING", "relative_orbit": 94, "tile": "31TDH", "sun_zenith": 22.5,
        "sun_azimuth": 143.25, "view_zenith": pytest.approx(5, abs=1e-3), "view_azimuth": 0, "saturated_number": 65535,
    }  # fmt: skip
    assert ProductInfo.from_dict(info.to_dict()) == info


def test_reflectance_from_baseline_04_on_takes_the_offset_off_and_keeps_nodata(l1c: Path) -> None:
    raw = numbers("B04", 10)
    with _open(l1c, "B04") as product:
        found = product.read(WHOLE)
    assert found.values.dtype == np.float32
    assert np.allclose(found.values[0][raw > 0], (raw[raw > 0].astype(float) - 1000) / 10000, atol=1e-6)
    assert np.isnan(found.values[0][raw == 0]).all()  # not −0.1
    assert np.array_equal(found.nodata, raw == 0)


def test_reflectance_before_baseline_04_has_no_offset(tmp_path: Path) -> None:
    raw = numbers("B04", 10)
    with _open(make_l1c(tmp_path, baseline="03.01", bands=("B04",), mask="none"), "B04") as product:
        found = product.read(WHOLE)
    assert np.allclose(found.values[0][raw > 0], raw[raw > 0] / 10000, atol=1e-6)
    assert np.array_equal(found.nodata, raw == 0)


def test_each_band_has_its_own_offset(tmp_path: Path) -> None:
    safe = make_l1c(tmp_path, bands=("B02", "B8A"), offsets={1: -1000, 8: -500.5})
    with _open(safe, "B02", "B8A", resolution=20) as product:
        found = product.read(Window(30, 30, 1, 1)).values[:, 0, 0]
    mean = numbers("B02", 10)[60:62, 60:62].mean()
    assert found == pytest.approx([(mean - 1000) / 1e4, (numbers("B8A", 20)[30, 30] - 500.5) / 1e4], abs=1e-6)
    with pytest.raises(UnreadableProduct, match=r"baseline 05\.09\) give no offset for B03"):
        make_l1c(tmp_path, bands=("B03",), offsets={1: -1000})
        _open(safe, "B03")


@pytest.mark.parametrize("resolution", [10, 20, 60, 30, 120])
def test_bands_of_all_resolutions_lie_on_one_grid(l1c: Path, resolution: int) -> None:
    with _open(l1c, "B02", "B05", "B01", resolution=resolution) as product:
        side = SIZE * 10 // resolution
        assert (product.info.height, product.info.width) == (side, side)
        found = product.read(Window(0, 0, side, side)).values
        part = product.read(Window(3, 2, 5, 4)).values
    assert np.array_equal(part, found[:, 3:8, 2:6], equal_nan=True)
    for values, band in zip(found, ("B02", "B05", "B01"), strict=True):
        raw = np.where(numbers(band, NATIVE[band]) == 0, np.nan, (numbers(band, NATIVE[band]) - 1000.0) / 10000)
        fine = _up(raw, NATIVE[band] // 10)  # at 10 m
        means = fine.reshape(side, resolution // 10, side, resolution // 10)
        assert np.allclose(values[10:, 10:], means.mean(axis=(1, 3))[10:, 10:], atol=1e-6)


def test_what_lies_over_the_edge_is_nodata(l1c: Path) -> None:
    with _open(l1c, "B02", "B01") as product:
        found = product.read(Window(SIZE - 10, SIZE - 20, 30, 30))
    assert not found.nodata[:10, :20].any() and found.nodata[10:].all() and found.nodata[:, 20:].all()
    assert found.cloud is not None and not found.cloud[10:].any()


def test_clouds_of_level_1c_are_opaque_and_cirrus_but_not_snow(l1c: Path) -> None:
    with _open(l1c, "B02") as product:
        cloud = product.read(WHOLE).cloud
    wanted = np.zeros((SIZE, SIZE), bool)
    wanted[60:180, 60:120] = True
    assert cloud is not None and np.array_equal(cloud, wanted)


def test_clouds_of_before_are_polygons(tmp_path: Path) -> None:
    with _open(make_l1c(tmp_path, baseline="03.01", bands=("B02",), mask="clouds"), "B02", resolution=20) as product:
        cloud = product.read(Window(0, 0, 180, 180)).cloud
    wanted = np.zeros((180, 180), bool)
    wanted[30:60, 30:60] = True
    assert cloud is not None and np.array_equal(cloud, wanted)


def test_without_a_mask_clouds_are_not_known_and_a_note_says_so(tmp_path: Path) -> None:
    safe = make_l1c(tmp_path, bands=("B02",), mask="none")
    with _open(safe, "B02") as product:
        assert product.read(WHOLE).cloud is None
        assert product.info.notes == ("It carries no cloud mask: clouds are not known.",)


def test_a_damaged_mask_leaves_the_bands_readable(broken: Path) -> None:
    (mask,) = broken.rglob("MSK_CLASSI_B00.jp2")
    mask.write_bytes(mask.read_bytes()[:100])
    with _open(broken, "B02") as product:
        assert product.read(WHOLE).cloud is None
        assert "Its cloud mask cannot be used: MSK_CLASSI_B00.jp2 is cut short" in product.info.notes[0]


def test_level_2a_has_no_band_10_and_takes_its_clouds_from_the_scene_classes(l2a: Path) -> None:
    with _open(l2a) as product:
        assert product.info.kind is ProductKind.S2_L2A
        assert product.info.band_names == tuple(band for band in BANDS if band != "B10")
        found = product.read(WHOLE)
    wanted = np.zeros((SIZE, SIZE), bool)
    wanted[80:180, 40:60] = True
    wanted[100:120] = wanted[140:160] = False
    assert found.cloud is not None and np.array_equal(found.cloud, wanted)
    assert found.values[1, 99, 99] == pytest.approx((numbers("B02", 10)[99, 99] - 1000) / 1e4, abs=1e-6)


@pytest.mark.parametrize(
    ("band", "resolution", "plus"), [("B02", 10, 0), ("B02", 20, 5), ("B02", 60, 7), ("B05", 10, 5), ("B08", 60, 0)]
)
def test_level_2a_reads_the_coarsest_copy_that_fits(l2a: Path, band: str, resolution: int, plus: int) -> None:
    own = {0: 10, 5: 20, 7: 60}[plus]
    with _open(l2a, band, resolution=resolution) as product:
        assert product.info.bands[0].resolution == own
        found = product.read(Window(50, 50, 1, 1)).values[0, 0, 0]
    raw = numbers(band, own).astype(float) + plus
    area = _up(raw, own // 10)[50 * resolution // 10 :, 50 * resolution // 10 :][: resolution // 10, : resolution // 10]
    assert found == pytest.approx((area.mean() - 1000) / 1e4, abs=1e-6)


def test_places_are_those_of_the_tile(l1c: Path) -> None:
    with _open(l1c, "B02", resolution=60) as product:
        corners = product.info.corners
        found = product.lonlat([0, 0, 60, 60], [0, 60, 60, 0])
    assert corners is not None and np.allclose(found, corners)
    with _open(l1c, "B02") as product:
        central = product.lonlat(0, 10_004)  # 500,000 m east: the central meridian of zone 31
        lower = product.lonlat(10_980, 0)
    assert central[0, 0] == pytest.approx(3, abs=1e-9)
    # corners of the real tile, from a footprint in ESA's own metadata
    assert corners[0] == pytest.approx((1.7656944498199, 43.346194685301704), abs=1e-8)
    assert lower[0] == pytest.approx((1.785227256908992, 42.35763630855867), abs=1e-8)


def test_the_quicklook_is_the_products_own_where_it_is_large_enough(broken: Path) -> None:
    own = np.zeros((3, 100, 100), np.uint8)
    own[0] = 250
    write_raster(broken / f"{broken.stem}-ql.jpg", own, crs=None)
    with _open(broken) as product:
        small, large = product.quicklook(90), product.quicklook(200)
        whole = product.quicklook(10_000)
    assert small.shape == (90, 90, 3) and small[..., 0].min() > 240 and small[..., 2].max() < 20
    assert large.shape == (200, 200, 3) and len(np.unique(large[..., 0])) > 20
    assert whole.shape == (SIZE, SIZE, 3)
    (broken / f"{broken.stem}-ql.jpg").write_bytes(b"\xff\xd8\xff broken")
    with _open(broken, "B05") as product:
        assert product.quicklook(90).shape == (90, 90, 3)


def test_one_missing_band_is_named_and_the_others_can_be_read(broken: Path) -> None:
    next(broken.rglob("*_B05.jp2")).unlink()
    with pytest.raises(UnreadableProduct, match=r"^Band B05 of S2A_\S+ is missing \(T31TDH_20230601T105621_B05\.jp2\)"):
        _open(broken)
    _open(broken, "B04", "B03").close()


def _cut(safe: Path) -> None:
    path = next(safe.rglob("*_B04.jp2"))
    path.write_bytes(path.read_bytes()[:-2000])


def _other_crs(safe: Path) -> None:
    write_raster(next(safe.rglob("*_B04.jp2")), numbers("B04", 10), crs="EPSG:32632")


def _smaller(safe: Path) -> None:
    write_raster(next(safe.rglob("*_B04.jp2")), numbers("B04", 10)[:-1])


def _virtual(safe: Path) -> None:
    next(safe.rglob("*_B04.jp2")).write_text("<VRTDataset><SourceFilename>/etc/passwd</SourceFilename></VRTDataset>")


def _linked(safe: Path) -> None:
    path = next(safe.rglob("*_B04.jp2"))
    path.rename(safe.parent / "elsewhere.jp2")
    path.symlink_to(safe.parent / "elsewhere.jp2")


def _edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(safe: Path) -> None:
        path = next(safe.rglob(name))
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return edit


IMAGE = "GRANULE/L1C_T31TDH_A041468_20230601T105617/IMG_DATA/T31TDH_20230601T105621_B04"


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (_cut, r"_B04\.jp2 is cut short"),
        (_other_crs, r"_B04\.jp2 lies in EPSG:32632, its metadata in EPSG:32631"),
        (_smaller, r"_B04\.jp2 has 360 × 359 pixels, which is not the size of its tile at 10 m"),
        (_virtual, r"_B04\.jp2 is a virtual raster \(VRT\), which names other files"),
        (_linked, r"_B04\.jp2 of S2A_\S+ is a link that leads out of the product"),
        (
            _edit("MTD_MSIL1C.xml", IMAGE, "/vsicurl/http://127.0.0.1/x/IMG_DATA/T_B04"),
            r"MTD_MSIL1C\.xml refers to another place \(/vsi…, URL\) for an image; it is not read",
        ),
        (
            _edit("MTD_MSIL1C.xml", IMAGE, f"{IMAGE[:50]}/../../../../T_B04"),
            "lies outside of the product; it is not read",
        ),
        (
            _edit("MTD_MSIL1C.xml", f"<IMAGE_FILE>{IMAGE}</IMAGE_FILE>", ""),
            r"Band B04 of S2A_\S+ is missing \(not listed\)",
        ),
        (_edit("MTD_MSIL1C.xml", "Level-1C<", "Level-1B<"), "'Level-1B'; Sentinel-2 Level-1C and Level-2A are read"),
        (_edit("MTD_MSIL1C.xml", ">10000<", ">nothing<"), "gives no number for QUANTIFICATION_VALUE"),
        (_edit("MTD_MSIL1C.xml", ">10000<", ">0<"), "quantification value 0, which cannot be"),
        (_edit("MTD_MSIL1C.xml", "RADIO_ADD_OFFSET", "X"), r"baseline 05\.09 but gives no RADIO_ADD_OFFSET"),
        (_edit("MTD_MSIL1C.xml", "-1000<", "lots<"), "a radiometric offset that cannot be"),
        (_edit("MTD_MSIL1C.xml", "<n1:General_Info>", "<n1:General_Info><Granule/>"), "lists 2 tiles"),
        (_edit("MTD_MSIL1C.xml", "</n1:General_Info>", ""), r"MTD_MSIL1C\.xml is not complete XML"),
        (_edit("MTD_TL.xml", "EPSG:32631", "EPSG:99999"), r"EPSG:32631, its metadata in EPSG:99999"),
        (_edit("MTD_TL.xml", "EPSG:32631", "PROJ:utm"), "no coordinate system that is known"),
        (_edit("MTD_TL.xml", "<NROWS>360<", "<NROWS>36000000<"), "which no tile has"),
        (_edit("MTD_TL.xml", "<ULX>399960<", "<ULX>999960<"), "lies elsewhere than its metadata say"),
        (lambda safe: next(safe.rglob("MTD_TL.xml")).unlink(), r"MTD_TL\.xml is missing"),
    ],
)
def test_a_broken_product_says_what_is_wrong(broken: Path, damage: Callable[[Path], None], why: str) -> None:
    damage(broken)
    with pytest.raises(UnreadableProduct, match=why):
        _open(broken, "B04")


@pytest.mark.parametrize(
    ("bands", "resolution", "why"),
    [
        (("B13",), None, r"has no band 'B13'; its bands are B01, B02"),
        (("B02", "B02"), None, "asked for twice"),
        ((), 15, "multiples of 10 m, not at 15 m"),
        ((), 0, "multiples of 10 m"),
        ((), float("nan"), "multiples of 10 m"),
        ((), 3610, "larger than the tile"),
    ],
)
def test_options_that_cannot_be_are_told(l1c: Path, bands: tuple[str, ...], resolution: float | None, why: str) -> None:
    with pytest.raises(UnreadableProduct, match=why):
        _open(l1c, *bands, resolution=resolution)


def test_a_real_product_of_one_band(shared_dir: Path) -> None:
    safe = shared_dir / "fixtures/products/S2A_MSIL1C_20180101T105441_N0206_R051_T31TDH_20180101T124911"
    assert told_kind(safe) is ProductKind.S2_L1C
    with pytest.raises(UnreadableProduct, match=r"^Bands B02, B03, .*B12 of S2A_MSIL1C_20180101T\S+ are missing"):
        _open(safe)
    with _open(safe, "B01", resolution=60) as product:
        info = product.info
        found = product.read(Window(100, 200, 128, 128))
        assert product.quicklook(343).shape == (343, 343, 3)
    assert (info.height, info.width) == (1830, 1830)
    assert info.metadata["sun_zenith"] == 67.0354 and info.metadata["relative_orbit"] == 51
    assert not found.nodata.any() and found.values.mean() == pytest.approx(0.14871, abs=1e-4)


def test_a_real_product_of_metadata_only(shared_dir: Path) -> None:
    safe = shared_dir / "fixtures/products/S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248.SAFE"
    with pytest.raises(UnreadableProduct, match=r"^Band B01 of S2A_MSIL1C_20210908T\S+ is missing"):
        _open(safe, "B01")
