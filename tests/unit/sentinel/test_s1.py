"""Sentinel-1 GRD products as a whole: what they say of themselves, pictures, and everything that may be wrong."""

import shutil
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from s1_safe import Grd, speckle

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.products import ProductInfo, ProductKind, ReadOptions, Unit, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.s1 import looks_like_grd, open_grd
from eobench_dash.sentinel.s1_annotation import read_annotation, relative_orbit
from eobench_dash.sentinel.s1_calibration import read_calibration
from eobench_dash.sentinel.s1_geolocation import Geolocation


@pytest.fixture(scope="module")
def safe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Grd().write(tmp_path_factory.mktemp("safe"))


@pytest.fixture
def copy(safe: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(safe, tmp_path / safe.name))


@pytest.fixture(scope="module")
def shared_safe(shared_dir: Path) -> Path:
    return next((shared_dir / "fixtures/products").glob("S1B_IW_GRDH*.SAFE"))


def one(folder: Path, pattern: str) -> Path:
    (found,) = folder.rglob(pattern)
    return found


def test_a_product_says_what_it_is(shared_safe: Path) -> None:
    assert (
        looks_like_grd(shared_safe) and not looks_like_grd(shared_safe.parent) and not looks_like_grd(shared_safe / "x")
    )
    with open_grd(shared_safe) as product:
        info = product.info
    assert (info.kind, info.modality, info.band_names, info.unit) == (
        ProductKind.S1_GRD,
        Modality.SAR,
        ("VV",),
        Unit.SIGMA0,
    )
    assert (info.height, info.width, info.pixel_size, info.crs) == (16705, 26102, (10.0, 10.0), None)
    assert info.sensed_at == datetime(2021, 12, 23, 5, 11, 22, 594441, tzinfo=UTC)
    assert dict(info.metadata) == {
        "mission": "S1B", "mode": "IW", "orbit_direction": "descending", "absolute_orbit": 30148, "relative_orbit": 22,
        "slice": 9, "processor": "IPF 003.40", "incidence_near": 30.39, "incidence_far": 46.082,
        "range_spacing": 10.0, "azimuth_spacing": 10.0,
    }  # fmt: skip
    assert (
        relative_orbit("S1B", 30148) == 22 and relative_orbit("S1A", 30600) == 78 and relative_orbit("S1Z", 1) is None
    )
    assert info.corners is not None
    # the manifest's footprint
    for got, due in zip(info.corners, [(15.3219, 42.3768), (12.1897, 42.7804), (11.8657, 41.2810), (14.9254, 40.8767)],
                        strict=True):  # fmt: skip
        assert got == pytest.approx(due, abs=0.02)
    assert ProductInfo.from_dict(info.to_dict()) == info


def test_bands_are_chosen_and_ordered(safe: Path) -> None:
    with open_grd(safe) as both, open_grd(safe, options=ReadOptions(bands=("vh",))) as one_band:
        assert both.info.band_names == ("VV", "VH") and one_band.info.band_names == ("VH",)
        window = Window(50, 60, 20, 30)
        assert both.read(window).values.dtype == np.float32
        assert np.array_equal(both.read(window).values[1], one_band.read(window).values[0])
    with pytest.raises(UnreadableProduct, match="has VV and VH, not HH; choose from these bands"):
        open_grd(safe, options=ReadOptions(bands=("HH",)))
    with pytest.raises(UnreadableProduct, match="chosen twice"):
        open_grd(safe, options=ReadOptions(bands=("VV", "VV")))


def test_windows_over_the_edge_and_beyond_it(safe: Path) -> None:
    with open_grd(safe) as product:
        whole = product.read(Window(0, 0, 480, 640)).values
        over = product.read(Window(460, 630, 40, 40))
        assert np.array_equal(over.values[:, :20, :10], whole[:, 460:, 630:])
        assert over.nodata[20:].all() and over.nodata[:, 10:].all() and not over.nodata[:20, :10].any()
        beyond = product.read(Window(5000, 5000, 4, 4))
        assert beyond.nodata.all() and np.isnan(beyond.values).all()


def test_a_pixel_without_one_polarisation_is_nodata_in_both(tmp_path: Path) -> None:
    turns = iter((0, 1))

    def pixels(rng: np.random.Generator, h: int, w: int) -> np.ndarray:
        dn = np.full((h, w), 80)
        dn[10 + next(turns), 10] = 0
        return dn

    with open_grd(Grd(pixels=pixels).write(tmp_path)) as product:
        read = product.read(Window(8, 8, 8, 8))
    assert read.nodata.sum() == 2 and read.nodata[2, 2] and read.nodata[3, 2] and np.isnan(read.values[:, 2:4, 2]).all()


@pytest.mark.parametrize("options", [ReadOptions(), ReadOptions(grid=True), ReadOptions(resolution=20)], ids=str)
def test_quick_looks(options: ReadOptions, tmp_path: Path) -> None:
    def half(rng: np.random.Generator, h: int, w: int) -> np.ndarray:
        dn = speckle(rng, h, w)
        dn[:, w // 2 :] *= 3
        dn[: h // 8] = 0
        return dn

    with open_grd(Grd(pixels=half).write(tmp_path), options=options) as product:
        height, width = product.info.height, product.info.width
        small, large = product.quicklook(100), product.quicklook(5000)
    assert small.dtype == np.uint8 and max(small.shape[:2]) == 100 and small.shape[2] == 3
    assert small.shape[0] / small.shape[1] == pytest.approx(height / width, rel=0.02)
    assert large.shape == (height, width, 3)
    shown = small.any(axis=2)
    nothing = 0.125 if not options.grid else 0.4
    assert (~shown).mean() == pytest.approx(nothing, abs=0.05)
    if not options.grid:
        assert small[20:, 60:90, 0].mean() > small[20:, 10:40, 0].mean() + 100


def test_one_polarisation_is_grey(tmp_path: Path) -> None:
    with open_grd(Grd(pols=("HH",)).write(tmp_path)) as product:
        picture = product.quicklook(64)
    assert (picture[..., 0] == picture[..., 1]).all() and (picture[..., 0] == picture[..., 2]).all()
    assert np.ptp(picture) > 200


def test_memory_stays_bounded(shared_safe: Path) -> None:
    """The image has 436 million pixels (1.7 GB as floats)."""
    with (
        open_grd(shared_safe) as native,
        open_grd(shared_safe, options=ReadOptions(grid=True, resolution=100)) as coarse,
    ):
        tracemalloc.start()
        try:
            native.read(Window(9000, 9000, 256, 256))
            native.quicklook(512)
            coarse.read(Window(800, 900, 256, 256))  # 2560 × 2560 native pixels and more
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 128 << 20


def drop(pattern: str) -> Callable[[Path], None]:
    return lambda folder: one(folder, pattern).unlink()


def swap(pattern: str, old: str, new: str, count: int = 1) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = one(folder, pattern)
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, count))

    return change


def cut(pattern: str, part: float) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = one(folder, pattern)
        data = file.read_bytes()
        file.write_bytes(data[: int(len(data) * part)])

    return change


def twice(folder: Path) -> None:
    file = one(folder, "s1a*vv*.xml")
    shutil.copyfile(file, file.with_name(file.name.replace("-001", "-007")))


def link_out(folder: Path) -> None:
    file = one(folder, "s1a*vv*.tiff")
    elsewhere = folder.parent / "elsewhere.tiff"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)


def other_size(folder: Path) -> None:
    other = Grd(height=470, pols=("VV",), name="other").write(folder.parent)
    shutil.copyfile(one(other, "*.tiff"), one(folder, "s1a*vv*.tiff"))


def other_numbers(folder: Path) -> None:
    other = Grd(pols=("VV",), name="other", dtype="float32").write(folder.parent)
    shutil.copyfile(one(other, "*.tiff"), one(folder, "s1a*vv*.tiff"))


VV = "s1a-iw-grd-vv*"
FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no calibration": (drop("calibration-*vv*"), "lacks the calibration file of VV; sigma nought cannot be worked out"),
    "no noise": (drop("noise-*vh*"), "lacks the noise file of VH; sigma nought cannot be worked out"),
    "no measurement": (drop(VV + ".tiff"), "lacks the measurement file of VV; there are no pixels: fetch the whole"),
    "no annotation": (drop(VV + ".xml"), "lacks the annotation file of VV; the places of its pixels are unknown"),
    "nothing": (lambda f: [shutil.rmtree(f / d) for d in ("annotation", "measurement")], "neither annotation nor meas"),
    "two annotations": (twice, "holds 2 annotation files of VV, where one belongs; remove the others"),
    "a link": (link_out, "is a link that leads out of the product"),
    "cut TIFF": (cut(VV + ".tiff", 0.6), r"s1a-iw-grd-vv.*\.tiff is cut short"),
    "empty TIFF": (cut(VV + ".tiff", 0), r"\.tiff is empty"),
    "cut annotation": (cut(VV + ".xml", 0.5), "is not complete XML"),
    "cut tables": (cut("calibration-*vv*", 0.9), "is not complete XML"),
    "other size": (other_size, r"\.tiff has 470 × 640 pixels, its annotation says 480 × 640; they do not belong"),
    "floats": (other_numbers, "holds 1 bands of float32; a GRD measurement holds one of uint16"),
    "SLC": (swap(VV + ".xml", "GRD</pro", "SLC</pro"), "is of a SLC product; only Sentinel-1 GRD is read"),
    "other root": (swap("noise-*vv*", "noise>", "nothing>", 2), "holds <nothing> where <noise> belongs"),
    "other polarisation": (swap("noise-*vv*", ">VV<", ">VH<"), "noise.* is of VH, not of VV"),
    "mixed annotation": (swap(VV + ".xml", ">VV<", ">HH<"), "is of HH, not of VV"),
    "polarisations of two products": (swap("s1a*vh*.xml", "05:00:00.5", "05:00:25.5"), "differ in size or time"),
    "count": (swap("calibration-*vv*", 'sigmaNought count="17"', 'sigmaNought count="18"'),
              "sigmaNought holds 17 numbers where 18 belong"),
    "lengths": (swap("noise-*vv*", 'noiseRangeLut count="17">2000.0 ', 'noiseRangeLut count="16">'),
                "noiseRangeLut holds 16 numbers where 17 belong"),
    "NaN": (swap("calibration-*vv*", ">600.0 ", ">nan "), "sigmaNought holds something that is no number between"),
    "zero": (swap("calibration-*vv*", ">600.0 ", ">0 "), "no number between 0.001 and"),
    "negative noise": (swap("noise-*vv*", ">2000.0 ", ">-2000.0 "), "noiseRangeLut holds something that is no number"),
    "word": (swap("noise-*vv*", ">2000.0 ", ">much "), "noiseRangeLut holds something that is no number"),
    "pixels back": (swap("calibration-*vv*", "0 40 80", "0 80 40"), "the pixels of calibrationVector do not rise"),
    "lines back": (swap("calibration-*vv*", "<line>0<", "<line>9999<"), "the lines of calibrationVector do not rise"),
    "no vectors": (swap("noise-*vv*", "noiseRangeVector>", "someVector>", 99), "holds 0 of noiseRangeVector"),
    "no size": (swap(VV + ".xml", "numberOfLines", "rows", 2), "lacks numberOfLines"),
    "huge": (swap(VV + ".xml", "<numberOfLines>480", "<numberOfLines>1e9"), "'1e9' as numberOfLines, which is no"),
    "half a line": (swap(VV + ".xml", "<numberOfLines>480", "<numberOfLines>480.5"), "a whole number belongs"),
    "no time": (swap(VV + ".xml", "2020-01-01T", "someday "), "which is no time"),
    "latitude": (swap(VV + ".xml", "<latitude>4", "<latitude>94"), "as latitude, which is no number between -90"),
    "hole in the grid": (swap(VV + ".xml", "<pixel>160<", "<pixel>161<"), "no full grid of lines and pixels"),
    "few points": (swap(VV + ".xml", "<line>479<", "<line>400<", 99), "do not cover the image of 480 × 640"),
    "entities": (swap(VV + ".xml", "<product>", '<!DOCTYPE p [<!ENTITY a "b">]><product>'), "declares entities"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_said_in_a_sentence(fault: str, copy: Path) -> None:
    change, sentence = FAULTS[fault]
    change(copy)
    with pytest.raises(UnreadableProduct, match=sentence):
        open_grd(copy)


def test_a_damaged_part_fails_when_it_is_read(tmp_path: Path) -> None:
    path = Grd(pols=("VV",), tiff={"compress": "deflate", "tiled": True, "blockxsize": 128, "blockysize": 128}).write(
        tmp_path
    )
    file = one(path, "*.tiff")
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 20_000] = b"\xff" * 20_000
    file.write_bytes(data)
    with open_grd(path) as product:
        assert product.read(Window(0, 0, 64, 64)).values.shape == (1, 64, 64)
        with pytest.raises(UnreadableProduct, match="damaged"):
            product.read(Window(0, 0, 480, 640))


def test_a_product_without_manifest_is_read(copy: Path) -> None:
    (copy / "manifest.safe").unlink()
    with open_grd(copy) as product:
        assert product.info.metadata["relative_orbit"] == 78 and "processor" not in product.info.metadata
        assert any("unknown" in note for note in product.info.notes)


def test_names_tell_a_grd(safe: Path, tmp_path: Path) -> None:
    plain = Path(shutil.copytree(safe, tmp_path / "renamed"))
    assert looks_like_grd(plain)
    empty = tmp_path / "S1A_EW_GRDM_1SDH_x.SAFE"
    empty.mkdir()
    assert looks_like_grd(empty) and not looks_like_grd(tmp_path)
    other = tmp_path / "S1A_IW_SLC__1SDV_x.SAFE"
    other.mkdir()
    assert not looks_like_grd(other)


WORDS = st.sampled_from(
    ["", "nan", "inf", "-1", "0", "1e308", "-1e308", "1e-320", "99999999999999999999", "½", "0x10", "1 2 3", "true",
     "<a/>", "2020-13-01T00:00:00", "&amp;", "17", "480", "7.5"]
)  # fmt: skip


def mutate(text: str, data: st.DataObject) -> bytes:
    """The damage that XML meets: numbers replaced, elements dropped or doubled, the end lost, bytes flipped."""
    kind = data.draw(st.sampled_from(["number", "numbers", "drop", "double", "cut", "bytes", "count"]))
    if kind in ("number", "numbers"):
        starts = [i for i in range(1, len(text)) if text[i].isdigit() and text[i - 1] in "> "]
        chosen = data.draw(st.lists(st.sampled_from(starts), min_size=1, max_size=1 if kind == "number" else 6))
        for start in sorted(chosen, reverse=True):
            end = next(i for i in range(start, len(text)) if text[i] in "< ")
            text = text[:start] + data.draw(WORDS) + text[end:]
    elif kind in ("drop", "double"):
        start = data.draw(st.sampled_from([i for i, c in enumerate(text) if c == "<" and text[i + 1].isalpha()]))
        tag = text[start + 1 : next(i for i in range(start + 1, len(text)) if text[i] in " >/")]
        end = text.find(f"</{tag}>", start)
        end = end + len(tag) + 3 if end >= 0 else start + 1
        text = text[:start] + text[start:end] * (2 if kind == "double" else 0) + text[end:]
    elif kind == "cut":
        text = text[: data.draw(st.integers(0, len(text)))]
    elif kind == "count":
        text = text.replace('count="', 'count="' + data.draw(st.sampled_from(["1", "-", "x"])), 1)
    raw = bytearray(text.encode())
    if kind == "bytes":
        for at in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=8)):
            raw[at] = data.draw(st.integers(0, 255))
    return bytes(raw)


@pytest.mark.parametrize("pattern", [VV + ".xml", "calibration-*vv*", "noise-*vv*", "manifest.safe"])
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutated_products_are_read_or_refused(pattern: str, data: st.DataObject, copy: Path, safe: Path) -> None:
    file = one(copy, pattern)
    text = one(safe, pattern).read_text()
    file.write_bytes(mutate(text, data))
    grid = data.draw(st.booleans())
    try:
        with open_grd(copy, options=ReadOptions(bands=("VV",), grid=grid)) as product:
            read = product.read(Window(100, 100, 40, 40))
            assert read.values.shape == (1, 40, 40) and (np.isfinite(read.values[0]) == ~read.nodata).all()
            assert product.lonlat([0, 100], [0, 100]).shape == (2, 2)
    except UnreadableProduct as error:
        assert len(str(error)) < 600 and (str(error).endswith(".") or ": " in str(error))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutated_real_annotations_are_read_or_refused(data: st.DataObject, shared_safe: Path, tmp_path: Path) -> None:
    """Cut out of the shared product: what the reader looks at, of all kinds of its files."""
    which = data.draw(st.sampled_from(["annotation", "calibration", "noise"]))
    real = {name: one(shared_safe, f"{'s1b-iw' if name == 'annotation' else name}*.xml") for name in
            ("annotation", "calibration", "noise")}  # fmt: skip
    files = {name: tmp_path / f"{name}.xml" for name in real}
    for name, file in files.items():
        text = real[name].read_text()
        file.write_bytes(mutate(text, data) if name == which else text.encode())
    try:
        Geolocation(read_annotation(files["annotation"])).lonlat([0, 8000], [0, 13_000])
        tables = read_calibration(files["calibration"], files["noise"], polarisation="VV")
        window = np.arange(8000.0, 8032.0)
        assert np.isfinite(tables.power(np.full((32, 32), 100, np.uint16), window, window)).all()
    except UnreadableProduct:
        pass
