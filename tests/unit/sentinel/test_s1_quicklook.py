"""The quick-look of a Sentinel-1 product: its own picture where it is whole and fits, else of the measurement."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from s1_safe import Grd, speckle

from eobench_dash.domain.products import ReadOptions
from eobench_dash.sentinel import gdal, s1_quicklook
from eobench_dash.sentinel.s1 import open_grd
from eobench_dash.sentinel.s1_picture import picture


def corner(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """A measurement that is bright in its upper left quarter."""
    dn = speckle(rng, height, width)
    dn[: height // 2, : width // 2] *= 5
    return dn


def colours(height: int = 96, width: int = 128) -> np.ndarray:
    """A picture whose quarters are red, green, blue and white; its rim is black."""
    rgb = np.zeros((height, width, 3), np.uint8)
    top, left = slice(2, height // 2), slice(2, width // 2)
    low, right = slice(height // 2, height - 2), slice(width // 2, width - 2)
    rgb[top, left, 0] = rgb[top, right, 1] = rgb[low, left, 2] = 200
    rgb[low, right] = 200
    return rgb


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    return Grd(pixels=corner).write(tmp_path)


def put(safe: Path, rgb: np.ndarray, **more: object) -> Path:
    path = safe / s1_quicklook.FILE
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(rgb).save(path, **more)
    return path


@pytest.fixture
def no_measurement(monkeypatch) -> None:
    """Fails where the measurement is read."""
    monkeypatch.setattr(gdal, "read", lambda *args, **more: pytest.fail("the measurement is read"))


def is_own(shown: np.ndarray) -> bool:
    """Whether the quarters have the colours of the product's own picture, and lie as they do there."""
    h, w = shown.shape[0] // 4, shown.shape[1] // 4
    quarters = shown[h, w], shown[h, 3 * w], shown[3 * h, w], shown[3 * h, 3 * w]
    return [tuple(int(c) for c in q) for q in quarters] == [(200, 0, 0), (0, 200, 0), (0, 0, 200), (200, 200, 200)]


@pytest.mark.parametrize("longest", [32, 128, 256])
@pytest.mark.parametrize("options", [ReadOptions(), ReadOptions(resolution=20)], ids=str)
def test_its_own_picture_is_shown_as_it_lies(safe: Path, no_measurement, longest: int, options: ReadOptions) -> None:
    put(safe, colours())
    with open_grd(safe, options=options) as product:
        shown = product.quicklook(longest)
        assert shown.shape == (longest * 3 // 4, longest, 3) and shown.dtype == np.uint8
        assert is_own(shown)


def test_on_a_map_each_corner_lies_where_the_measurement_s_does(safe: Path, no_measurement) -> None:
    """A descending pass: what is the measurement's upper left is the map's upper right."""
    put(safe, colours())
    with open_grd(safe, options=ReadOptions(grid=True)) as product:
        shown = product.quicklook(200)
        height, width = product.info.height, product.info.width
    assert max(shown.shape[:2]) == 200 and shown.shape[0] / shown.shape[1] == pytest.approx(height / width, rel=0.02)
    assert not shown[0, 0].any(), "black outside of the image"
    middle = [np.argwhere(shown[..., band] & ~shown[..., (band + 1) % 3] > 0).mean(axis=0) for band in range(3)]
    red, green, blue = middle
    assert red[1] > green[1] + 40 and blue[0] > red[0] + 30


def test_the_measurement_lies_the_same_way(safe: Path) -> None:
    with open_grd(safe) as product:
        shown = product.quicklook(64).astype(float)[..., 0]
    assert shown[:20, :28].mean() > max(shown[28:, :28].mean(), shown[:20, 36:].mean()) + 100


def test_one_band_is_grey(safe: Path, no_measurement) -> None:
    put(safe, colours()[..., 0])
    with open_grd(safe) as product:
        shown = product.quicklook(64)
    assert shown.shape == (48, 64, 3) and (shown[10, 10] == 200).all() and not shown[10, 50].any()


def cut_short(safe: Path) -> None:
    path = put(safe, colours())
    path.write_bytes(path.read_bytes()[:-200])


def torn(safe: Path) -> None:
    path = put(safe, np.random.default_rng(0).integers(0, 255, (96, 128, 3)).astype(np.uint8))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def bomb(safe: Path) -> None:
    """A header that claims 40,000 × 30,000 pixels, and its checksum."""
    path = put(safe, colours())
    head = b"IHDR" + struct.pack(">II", 40_000, 30_000) + path.read_bytes()[24:29]
    path.write_bytes(path.read_bytes()[:12] + head + struct.pack(">I", zlib.crc32(head)) + path.read_bytes()[33:])


def no_picture(safe: Path) -> None:
    put(safe, colours()).write_text("<VRTDataset/>")


def other_format(safe: Path) -> None:
    put(safe, colours(), format="JPEG")


def leads_out(safe: Path) -> None:
    path = put(safe, colours())
    path.rename(safe.parent / "elsewhere.png")
    path.symlink_to(safe.parent / "elsewhere.png")


def pipe(safe: Path) -> None:
    path = put(safe, colours())
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "harm",
    [
        cut_short,
        torn,
        bomb,
        no_picture,
        other_format,
        leads_out,
        pipe,
        lambda safe: put(safe, colours(30, 40)),  # too small for what is asked
        lambda safe: put(safe, colours(96, 40)),  # not of all of the measurement
        lambda safe: put(safe, np.zeros((s1_quicklook.MAX_SIDE + 1, s1_quicklook.MAX_SIDE + 1), np.uint8)),
        lambda safe: put(safe, np.random.default_rng(0).integers(0, 255, (900, 1200, 3)).astype(np.uint8)),  # bytes
        lambda safe: put(safe, np.full((96, 128), 40_000, np.uint16)),
    ],
    ids=["cut", "torn", "bomb", "vrt", "jpeg", "link", "pipe", "small", "shape", "sides", "bytes", "depth"],
)
def test_one_that_cannot_serve_is_passed_over(safe: Path, harm, monkeypatch) -> None:
    monkeypatch.setattr(s1_quicklook, "MAX_BYTES", 3_000_000)
    with open_grd(safe) as product:
        expected = product.quicklook(128)
        harm(safe)
        shown = product.quicklook(128)
    np.testing.assert_array_equal(shown, expected)
    assert not is_own(shown)


def test_cells_are_calibrated_in_their_middle(tmp_path: Path) -> None:
    """As the mean of the calibrated pixels, where noise is taken off too."""
    flat = lambda rng, h, w: np.full((h, w), 100)  # noqa: E731
    with open_grd(Grd(pixels=flat, gain=500.0, noise=2500.0).write(tmp_path)) as product:
        power, valid = product._reduced((480, 640), (48, 64))
    assert valid.all() and power == pytest.approx(np.full((2, 48, 64), (100**2 - 2500) / 500**2), rel=1e-5)
    assert picture(power, valid).shape == (48, 64, 3)
