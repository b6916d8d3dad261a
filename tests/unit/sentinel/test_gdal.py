"""GDAL's doors: which files are opened at all, and what is said of the others."""

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safe_trees import write_raster

from eobench_dash.domain.products import Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import gdal

VALUES = (np.arange(200 * 300).reshape(200, 300) % 251).astype(np.uint8)
NOISE = np.random.default_rng(1).integers(1, 4000, (200, 300)).astype(np.uint16)


@pytest.mark.parametrize("suffix", [".tif", ".jp2", ".png"])
def test_windows_of_each_kind_are_read_as_they_were_written(tmp_path: Path, suffix: str) -> None:
    path = write_raster(tmp_path / f"a{suffix}", VALUES, crs=None if suffix == ".png" else "EPSG:32631")
    with gdal.open_raster(path) as dataset:
        found = gdal.read(dataset, window=Window(row=30, col=200, height=50, width=100))
        small = gdal.read(dataset, window=Window(0, 0, 200, 300), out_shape=(20, 30))
    assert np.array_equal(found[0], VALUES[30:80, 200:300])
    assert small.shape == (1, 20, 30)


def test_the_content_tells_the_kind_not_the_name(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", VALUES).rename(tmp_path / "a.jpg")
    assert gdal.told_driver(path) == "GTiff"
    with gdal.open_raster(path) as dataset:
        assert dataset.driver == "GTiff"
    with pytest.raises(UnreadableProduct, match=r"a\.jpg is not a raster of a kind that is read here \(JPEG 2000\)"):
        gdal.open_raster(path, drivers=("JP2OpenJPEG",))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (
            b'<VRTDataset rasterXSize="1" rasterYSize="1"><SourceFilename>/etc/x</SourceFilename>',
            r"virtual raster \(VRT\)",
        ),
        (
            b"<GDAL_WMS><Service><ServerUrl>http://example.org/</ServerUrl></Service></GDAL_WMS>",
            "refers to another place",
        ),
        (b"/vsicurl/http", "refers to another place"),
        (b"", "is empty; fetch it again"),
        (b"hello", "not a raster of a kind that is read here"),
    ],
)
def test_references_to_elsewhere_are_no_rasters(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    with pytest.raises(UnreadableProduct, match=rf"a\.tif.*{why}"):
        gdal.open_raster(path)


@pytest.mark.parametrize(
    "name",
    ["/vsicurl/http://127.0.0.1:9/a.tif", "/vsizip/a.zip/a.tif", "/vsimem/a", "http://127.0.0.1/a.tif", "s3://b/a"],
)
def test_virtual_paths_and_urls_are_never_given_to_gdal(name: str) -> None:
    with pytest.raises(UnreadableProduct, match=r"refers to another place|is missing"):
        gdal.open_raster(Path(name))


def test_a_vanished_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableProduct, match=r"a\.tif is missing"):
        gdal.open_raster(tmp_path / "a.tif")
    with pytest.raises(UnreadableProduct, match="is not a file"):
        gdal.open_raster(tmp_path)


@pytest.mark.parametrize(
    ("suffix", "more"), [(".tif", {}), (".tif", {"compress": "deflate"}), (".jp2", {}), (".png", {})]
)
@pytest.mark.parametrize("kept", [0.9, 0.5, 0.1, 0.002])
def test_a_truncated_file_is_told_as_such(tmp_path: Path, suffix: str, more: dict[str, str], kept: float) -> None:
    path = write_raster(tmp_path / f"a{suffix}", NOISE, crs=None if suffix == ".png" else "EPSG:32631", **more)
    data = path.read_bytes()
    path.write_bytes(data[: max(int(len(data) * kept), 20)])
    with pytest.raises(UnreadableProduct, match=rf"a\{suffix} is cut short.*copy or download it again"):
        _read_all(path)


@pytest.mark.parametrize("missing", [12, 20, 3000])
def test_a_small_truncated_png_is_not_made_up(tmp_path: Path, missing: int) -> None:
    path = write_raster(tmp_path / "a.png", NOISE[:64, :64], crs=None)
    path.write_bytes(path.read_bytes()[:-missing])
    with pytest.raises(UnreadableProduct, match=r"a\.png is cut short: the end of the picture is missing"):
        _read_all(path)


def test_a_truncated_jpeg_is_not_read_as_grey(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.jpg", np.stack([VALUES] * 3), crs=None)
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(UnreadableProduct, match=r"a\.jpg is cut short: the end of the picture is missing"):
        _read_all(path)


def test_damage_in_the_middle_is_told_from_a_cut(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", NOISE, compress="deflate")
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 2] = b"\x55" * (len(data) // 2 - len(data) // 3)
    path.write_bytes(bytes(data))
    with pytest.raises(UnreadableProduct, match=r"a\.tif is damaged: its pixels cannot be decoded"):
        _read_all(path)


def test_a_file_that_vanishes_while_open(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", NOISE, compress="deflate")
    with gdal.open_raster(path) as dataset:
        with path.open("r+b") as file:  # as a copy that starts again does
            file.truncate(10)
        path.unlink()
        with pytest.raises(UnreadableProduct, match=r"a\.tif has vanished"):
            gdal.read(dataset, window=Window(0, 0, 200, 300))


def test_sizes_are_bounded_before_anything_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raster(tmp_path / "a.tif", VALUES, tiled=True, blockxsize=256, blockysize=256)
    monkeypatch.setattr(gdal, "MAX_BLOCK_BYTES", 1000)
    with pytest.raises(UnreadableProduct, match=r"a\.tif is stored in blocks of .* store it in tiles"):
        gdal.open_raster(path)
    monkeypatch.setattr(gdal, "MAX_PIXELS", 1000)
    with pytest.raises(UnreadableProduct, match=r"a\.tif claims 300 × 200 pixels in 1 bands, more than is read"):
        gdal.open_raster(path)


def test_an_absurd_size_in_the_header_is_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.zeros((1, 1), np.uint8))
    data = bytearray(path.read_bytes())
    for tag in (256, 257):  # ImageWidth, ImageLength
        at = data.index(tag.to_bytes(2, "little") + b"\3\0\1\0\0\0")
        data[at + 2 : at + 12] = b"\4\0\1\0\0\0" + (2_000_000_000).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    with pytest.raises(UnreadableProduct, match=r"a\.tif (claims 2,000,000,000|is damaged|is cut short)"):
        _read_all(path)


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "slc.tif", np.ones((4, 4), np.complex64))
    with pytest.raises(UnreadableProduct, match="complex numbers; convert it"):
        gdal.open_raster(path)


def test_side_car_files_are_not_looked_at(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", VALUES, crs=None)
    (tmp_path / "a.tfw").write_text("10\n0\n0\n-10\n400000\n4800000\n")
    (tmp_path / "a.tif.aux.xml").write_text(
        '<PAMDataset><SRS>EPSG:32631</SRS><Metadata><MDI key="PRODUCT">S1A</MDI></Metadata></PAMDataset>'
    )
    write_raster(tmp_path / "a.tif.ovr", np.full((100, 150), 7, np.uint8))
    write_raster(tmp_path / "a.tif.msk", np.zeros((200, 300), np.uint8))
    with gdal.open_raster(path) as dataset:
        assert dataset.transform.is_identity and dataset.crs is None
        assert "PRODUCT" not in dataset.tags()
        assert dataset.overviews(1) == []
        small = gdal.read(dataset, window=Window(0, 0, 200, 300), out_shape=(100, 150))
        with gdal.reading(path):
            assert (dataset.dataset_mask() == 255).all()
    assert (small != 7).any()


def test_files_are_opened_from_several_threads(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", VALUES, crs=None)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                with gdal.open_raster(path) as dataset:
                    assert np.array_equal(gdal.read(dataset, window=Window(0, 0, 9, 9))[0], VALUES[:9, :9])
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


# what GDAL says of damaged names need not be text; rasterio's log then says so in vain
@pytest.mark.filterwarnings("ignore:.*rasterio._env.log_error:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("suffix", [".tif", ".jp2", ".png", ".jpg"])
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_the_bytes_they_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzzed"
    whole = folder / f"whole{suffix}"
    if not whole.exists():
        values = np.stack([VALUES] * 3) if suffix == ".jpg" else VALUES
        write_raster(whole, values, crs="EPSG:32631" if suffix in (".tif", ".jp2") else None)
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, min(len(content) - 1, 600)))
        content[at : at + 4] = data.draw(st.binary(min_size=1, max_size=8))
    path = folder / f"a{suffix}"
    path.write_bytes(bytes(content))
    try:
        with gdal.open_raster(path) as dataset:
            gdal.read(dataset, window=Window(0, 0, min(dataset.height, 300), min(dataset.width, 300)))
    except UnreadableProduct as error:
        assert path.name in str(error)


def _read_all(path: Path) -> None:
    with gdal.open_raster(path) as dataset:
        gdal.read(dataset, window=Window(0, 0, dataset.height, dataset.width))
