"""Reading patches: what numpy array comes out, and what is refused."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from eobench_dash.errors import PatchUnreadable, PathRefused
from eobench_dash.store.images import PatchImages, encode, render, thumbnail

RGB = np.random.default_rng(0).integers(0, 255, (6, 4, 3), dtype=np.uint8)


def _save(path: Path, pixels: np.ndarray, **options: object) -> None:
    Image.fromarray(pixels).save(path, **options)


@pytest.mark.parametrize(
    ("pixels", "name", "expected"),
    [
        (RGB, "a.png", RGB.transpose(2, 0, 1)),
        (RGB, "a.bmp", RGB.transpose(2, 0, 1)),
        (RGB, "a.tif", RGB.transpose(2, 0, 1)),
        (RGB[..., 0], "a.png", RGB[None, ..., 0]),
        (RGB[..., 0].astype(np.uint16) * 200, "a.png", RGB[None, ..., 0].astype(np.uint16) * 200),
        (RGB[..., 0].astype(np.uint16) * 200, "a.tif", RGB[None, ..., 0].astype(np.uint16) * 200),
        (RGB[..., 0].astype(np.float32) - 50, "a.tif", RGB[None, ..., 0].astype(np.float32) - 50),
        (RGB[..., 0].astype(np.int32), "a.tif", RGB[None, ..., 0].astype(np.uint16)),
        (RGB[..., 0].astype(np.int32) - 99, "a.tif", RGB[None, ..., 0].astype(np.float32) - 99),
        (np.dstack([RGB, RGB[..., :1]]), "a.png", RGB.transpose(2, 0, 1)),
        (np.dstack([RGB[..., :1], RGB[..., 1:2]]), "a.png", RGB[None, ..., 0]),
        (RGB[..., 0] > 99, "a.png", (RGB[None, ..., 0] > 99).astype(np.uint8) * 255),
    ],
)
def test_pixels(tmp_path: Path, pixels: np.ndarray, name: str, expected: np.ndarray) -> None:
    _save(tmp_path / name, pixels)
    read = PatchImages(tmp_path).read(name)
    assert read.dtype == expected.dtype and np.array_equal(read, expected)


def test_palette(tmp_path: Path) -> None:
    Image.fromarray(RGB).quantize(8).save(tmp_path / "a.png")
    assert PatchImages(tmp_path).read("a.png").shape == (3, 6, 4)


@pytest.mark.parametrize(("dtype", "read_as"), [("uint16", "uint16"), ("int16", "uint16"), ("float32", "float32"),
                                               ("float64", "float32"), ("complex64", "float32")])  # fmt: skip
def test_many_bands(tmp_path: Path, dtype: str, read_as: str) -> None:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    pixels = np.arange(5 * 6 * 4).reshape(5, 6, 4).astype(dtype)
    with pytest.warns(NotGeoreferencedWarning):
        file = rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", width=4, height=6, count=5, dtype=dtype)
    with file:
        file.write(pixels)
    read = PatchImages(tmp_path).read("a.tif")
    assert read.dtype == read_as and np.array_equal(read, np.abs(pixels))
    data, kind = PatchImages(tmp_path).open_bytes("a.tif")
    assert kind == "image/png" and Image.open(io.BytesIO(data)).size == (4, 6)


@pytest.mark.parametrize(("name", "kind"), [("a.jpg", "image/jpeg"), ("a.png", "image/png"), ("a.webp", "image/webp")])
def test_web_files_are_served_as_they_are(tmp_path: Path, name: str, kind: str) -> None:
    _save(tmp_path / name, RGB)
    assert PatchImages(tmp_path).open_bytes(name) == ((tmp_path / name).read_bytes(), kind)


def test_several_jpegs_in_one_file(tmp_path: Path) -> None:
    Image.fromarray(RGB).save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[Image.fromarray(RGB[::-1])])
    assert PatchImages(tmp_path).read("a.jpg").shape == (3, 6, 4)
    assert PatchImages(tmp_path).open_bytes("a.jpg")[1] == "image/png"


@pytest.mark.parametrize("name", ["a.bmp", "a.tif"])
def test_others_are_served_as_png(tmp_path: Path, name: str) -> None:
    _save(tmp_path / name, RGB)
    data, kind = PatchImages(tmp_path).open_bytes(name)
    assert kind == "image/png" and np.array_equal(np.asarray(Image.open(io.BytesIO(data))), RGB)


@pytest.mark.parametrize(
    "content", [b"", b"<svg/>", b"<html>", b"GIF89a" + bytes(30), b"II*\0" + bytes(8), b"\xff\xd8\xff"]
)
def test_what_is_no_picture_is_never_served(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    for call in (PatchImages(tmp_path).read, PatchImages(tmp_path).open_bytes):
        with pytest.raises(PatchUnreadable):
            call("a.png")


@pytest.mark.parametrize("path", ["../a.png", "/etc/passwd", "x/../../a.png", "a\0.png", "", "C:\\a.png"])
def test_paths_that_leave(tmp_path: Path, path: str) -> None:
    with pytest.raises(PathRefused):
        PatchImages(tmp_path).open_bytes(path)


def test_links_are_checked_at_every_read(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    _save(tmp_path / "secret.png", RGB)
    _save(tmp_path / "set/a.png", RGB)
    images = PatchImages(tmp_path / "set")
    images.read("a.png")
    (tmp_path / "set/a.png").unlink()
    (tmp_path / "set/a.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(PathRefused):
        images.read("a.png")
    (tmp_path / "set/out").symlink_to(tmp_path)
    with pytest.raises(PathRefused):
        images.open_bytes("out/secret.png")


def test_things_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for name in ("pipe.png", "folder.png", "gone.png"):
        with pytest.raises(PatchUnreadable):
            PatchImages(tmp_path).read(name)


def test_too_many_pixels(tmp_path: Path) -> None:
    Image.new("1", (9000, 9000)).save(tmp_path / "bomb.png")
    for call in (PatchImages(tmp_path).read, PatchImages(tmp_path).open_bytes):
        with pytest.raises(PatchUnreadable, match="64,000,000"):
            call("bomb.png")


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(["a.jpg", "a.png", "a.tif", "a.webp", "a.bmp"]))
def test_damage_is_one_kind_of_error(tmp_path: Path, data: st.DataObject, name: str) -> None:
    _save(tmp_path / name, RGB)
    whole = bytearray((tmp_path / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / name).write_bytes(whole)
    for call in (PatchImages(tmp_path).read, PatchImages(tmp_path).open_bytes):
        try:
            call(name)
        except PatchUnreadable as error:
            assert str(tmp_path) not in str(error)


def test_render_optical() -> None:
    assert np.array_equal(render(RGB.transpose(2, 0, 1)), RGB)
    assert np.array_equal(render(RGB.transpose(2, 0, 1)[:1]), np.repeat(RGB[..., :1], 3, axis=2))
    bands = np.zeros((13, 4, 4), np.uint16)
    bands[3], bands[2], bands[1] = 3000, 1500, 0
    assert render(bands, stretch="fixed")[0, 0].tolist() == [255, 128, 0]
    few = np.zeros((4, 4, 4), np.uint16)
    few[2] = 3000
    assert render(few, stretch="fixed")[0, 0].tolist() == [255, 0, 0]


def test_render_stretches_between_percentiles() -> None:
    ramp = np.arange(10_000, dtype=np.float32).reshape(1, 100, 100)
    grey = render(ramp)[..., 0].ravel()
    assert grey[0] == grey[199] == 0 and grey[-1] == grey[-199] == 255
    assert grey[5000] in (127, 128) and (np.diff(grey.astype(int)) >= 0).all()


def test_render_sar_is_the_same_from_power_and_from_decibel() -> None:
    decibel = np.random.default_rng(1).uniform(-25, -5, (2, 16, 16)).astype(np.float32)
    power = (10 ** (decibel / 10)).astype(np.float32)
    assert np.abs(render(power, "sar").astype(int) - render(decibel, "sar").astype(int)).max() <= 1
    flat = np.full((2, 4, 4), -25.0, np.float32)
    flat[1] = -5.0
    assert render(flat, "sar", "fixed")[0, 0].tolist() == [0, 255, 0]


@pytest.mark.parametrize("modality", ["optical", "sar"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0])
def test_render_survives_any_value(modality: str, value: float) -> None:
    pixels = np.full((2, 4, 4), value, np.float32)
    for stretch in ("percentile", "fixed"):
        assert render(pixels, modality, stretch).shape == (4, 4, 3)


@pytest.mark.parametrize("shape", [(4, 4), (0, 4, 4), (3, 0, 4)])
def test_render_refuses_what_is_no_picture(shape: tuple[int, ...]) -> None:
    with pytest.raises(PatchUnreadable):
        render(np.zeros(shape))


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
@pytest.mark.parametrize("shape", [(6, 4), (64, 64), (300, 20), (1, 1)])
def test_thumbnails_are_square(kind: str, shape: tuple[int, int]) -> None:
    data = thumbnail(np.full((*shape, 3), 200, np.uint8), 32, kind=kind)
    image = Image.open(io.BytesIO(data))
    assert image.size == (32, 32) and image.format == kind
    assert abs(image.convert("L").getpixel((16, 16)) - 200) < 4


def test_enlarged_pixels_stay_sharp() -> None:
    image = Image.open(io.BytesIO(thumbnail(RGB[:4], 16, kind="PNG")))
    assert np.array_equal(np.asarray(image)[::4, ::4], RGB[:4])
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode(RGB)))), RGB)


def test_real_patches(shared_dir: Path) -> None:
    images = PatchImages(shared_dir / "fixtures/rasters")
    shapes = {p.name: images.read(str(p.relative_to(shared_dir / "fixtures/rasters"))).shape
              for p in (shared_dir / "fixtures/rasters/eurosat_ms").rglob("*.tif")}  # fmt: skip
    assert set(shapes.values()) == {(13, 64, 64)}
