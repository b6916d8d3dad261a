"""Sigma nought of the shared product, against the formula worked out point by point from the XML's own numbers."""

import math
import shutil
import warnings
from bisect import bisect_right
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from s1_safe import Grd

from eobench_dash.domain.products import ReadOptions, Window
from eobench_dash.sentinel.s1 import open_grd
from eobench_dash.sentinel.s1_calibration import FLOOR

SEAMS = (8889, 8890, 17700, 17701)
"""Last and first pixels of IW1, IW2, IW3."""
POINTS = [
    # corners and edges
    (0, 0, 100), (0, 26101, 70), (16704, 0, 300), (16704, 26101, 64), (0, 13000, 1500), (16704, 13000, 90),
    # sub-swath seams, at lines between the nodes of every table
    *[(line, pixel, 120 + line % 97) for line in (333, 8350) for pixel in SEAMS],
    # at nodes of the calibration, beside them, and at those of the noise
    (668, 40, 200), (667, 39, 201), (669, 41, 202), (2005, 400, 150), (2004, 401, 151), (5345, 26080, 99),
    (5346, 26081, 98),
    # azimuth noise: at its nodes (every ten lines, 158 and 159 about a burst's seam of IW1) and between
    (158, 4444, 80), (159, 4444, 80), (155, 4444, 80), (10, 9000, 75), (15, 20000, 66), (16699, 25, 61),
    (16702, 18000, 62),
    # last vectors (the noise's end at lines 16700 and 16704, the calibration's beyond the image), extreme numbers
    (16701, 26100, 400), (16703, 1, 65535), (7777, 12345, 1),
]  # fmt: skip


@pytest.fixture(scope="module")
def written(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shared product whose zeros have become POINTS."""
    found = next((shared_dir / "fixtures/products").glob("S1B_IW_GRDH*.SAFE"))
    copy = tmp_path_factory.mktemp("safe") / found.name
    shutil.copytree(found, copy, copy_function=shutil.copyfile)
    for folder in (copy, *copy.rglob("*/")):
        folder.chmod(0o755)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file has neither transform nor control points
        with rasterio.open(next((copy / "measurement").glob("*.tiff")), "r+") as file:
            for line in sorted({line for line, _, _ in POINTS}):
                row = np.zeros((1, file.width), dtype=np.uint16)
                for _, pixel, dn in (p for p in POINTS if p[0] == line):
                    row[0, pixel] = dn
                file.write(row, 1, window=rasterio.windows.Window(0, line, file.width, 1))
    return copy


class ByHand:
    """The tables as plain lists, looked up one number at a time."""

    def __init__(self, folder: Path) -> None:
        calibration = ElementTree.parse(next((folder / "annotation/calibration").glob("calibration-*.xml"))).getroot()
        noise = ElementTree.parse(next((folder / "annotation/calibration").glob("noise-*.xml"))).getroot()
        self.gain = self.vectors(calibration, "calibrationVector", "sigmaNought")
        self.range = self.vectors(noise, "noiseRangeVector", "noiseRangeLut")
        self.azimuth = [
            (
                [
                    int(v.findtext(name) or "")
                    for name in ("firstAzimuthLine", "lastAzimuthLine", "firstRangeSample", "lastRangeSample")
                ],
                self.floats(v.findtext("line")),
                self.floats(v.findtext("noiseAzimuthLut")),
            )
            for v in noise.iter("noiseAzimuthVector")
        ]  # fmt: skip

    @staticmethod
    def floats(text: str | None) -> list[float]:
        return [float(word) for word in (text or "").split()]

    def vectors(self, root: ElementTree.Element, tag: str, values: str) -> list[tuple[int, list[float], list[float]]]:
        return [
            (int(v.findtext("line") or ""), self.floats(v.findtext("pixel")), self.floats(v.findtext(values)))
            for v in root.iter(tag)
        ]

    @staticmethod
    def line(x: list[float], y: list[float], at: float) -> float:
        if at >= x[-1]:
            return y[-1]
        i = bisect_right(x, at) - 1
        return y[i] + (y[i + 1] - y[i]) * (at - x[i]) / (x[i + 1] - x[i])

    def bilinear(self, vectors: list[tuple[int, list[float], list[float]]], line: int, pixel: int) -> float:
        return self.line([v[0] for v in vectors], [self.line(v[1], v[2], pixel) for v in vectors], line)

    def sigma(self, line: int, pixel: int, dn: int) -> float:
        noise = self.bilinear(self.range, line, pixel)
        inside = [
            (x, y) for (l0, l1, p0, p1), x, y in self.azimuth if l0 <= line <= l1 and p0 <= pixel <= p1
        ]  # fmt: skip
        assert len(inside) == 1
        return (dn * dn - noise * self.line(*inside[0], line)) / self.bilinear(self.gain, line, pixel) ** 2


def test_sigma_nought_is_what_the_tables_say(written: Path) -> None:
    by_hand = ByHand(written)
    assert len(POINTS) >= 30
    clipped = 0
    with open_grd(written) as product:
        for line, pixel, dn in POINTS:
            window = Window(max(line - 1, 0), max(pixel - 2, 0), 3, 5)
            got = product.read(window).values[0, line - window.row, pixel - window.col]
            due = by_hand.sigma(line, pixel, dn)
            clipped += due < FLOOR
            assert got == pytest.approx(max(due, FLOOR), rel=2e-6, abs=2e-8), (line, pixel, dn)
    assert clipped == 1  # the DN of one; everything else is measured against the tables


def test_sigma_nought_of_the_first_and_a_seam_s_pixels_in_plain_numbers(written: Path) -> None:
    """Typed off the XML: (DN² − range · azimuth) / sigmaNought²."""
    with open_grd(written) as product:
        first = product.read(Window(0, 0, 1, 1)).values.item()
        node = product.read(Window(668, 40, 1, 1)).values.item()
    assert first == pytest.approx((100**2 - 2375.788 * 1.091791) / 663.8558**2, rel=1e-6)
    by_hand = ByHand(written)
    factor = by_hand.line(by_hand.azimuth[0][1], by_hand.azimuth[0][2], 668)
    assert node == pytest.approx((200**2 - 2354.034 * factor) / 663.5805**2, rel=1e-6)


def test_the_noise_of_neighbouring_sub_swaths_differs(written: Path) -> None:
    """Else a seam would prove nothing."""
    by_hand = ByHand(written)
    left, right = (by_hand.sigma(8350, pixel, 200) for pixel in SEAMS[:2])
    factors = [by_hand.line(x, y, 8350) for _, x, y in by_hand.azimuth]
    assert abs(factors[0] - factors[1]) > 0.005 and left != right


def test_a_pixel_is_the_same_in_every_window_and_zero_is_nodata(written: Path) -> None:
    line, pixel, _ = POINTS[6]
    with open_grd(written) as product:
        large = product.read(Window(line - 70, pixel - 100, 400, 300))
        small = product.read(Window(line, pixel, 1, 1))
    assert large.values[0, 70, 100] == small.values.item()
    assert (
        np.isnan(large.values[0][large.nodata]).all() and (~large.nodata).sum() == 2
    )  # its neighbour of the next swath
    assert large.border is not None and not large.border.any()


def test_old_noise_files_hold_range_noise_only(tmp_path: Path) -> None:
    grd = Grd(old_noise=True, ipf="002.72", pixels=lambda rng, h, w: np.full((h, w), 100), noise=1234.5, gain=500.0)
    with open_grd(grd.write(tmp_path)) as product:
        read = product.read(Window(200, 200, 8, 8))
        assert np.allclose(read.values, (10_000 - 1234.5) / 250_000, rtol=1e-6)
        assert any("before 2.90" in note for note in product.info.notes)


def test_more_noise_than_signal_gives_the_floor_after_averaging_only(tmp_path: Path) -> None:
    def checks(rng: np.random.Generator, h: int, w: int) -> np.ndarray:
        return np.where(np.indices((h, w)).sum(axis=0) % 2, 60, 10)  # squares 3600 and 100 about a noise of 1800

    path = Grd(pixels=checks, noise=1800.0, gain=100.0).write(tmp_path)
    with open_grd(path) as native, open_grd(path, options=ReadOptions(resolution=20)) as halved:
        fine = native.read(Window(0, 0, 8, 8)).values
        coarse = halved.read(Window(0, 0, 4, 4)).values
    assert fine.min() == np.float32(FLOOR) and fine.max() == pytest.approx(0.18)
    assert np.allclose(coarse, (1850 - 1800) / 100**2)  # not the mean of 0.18 and the floor


def test_an_empty_noise_table_is_told(tmp_path: Path) -> None:
    with open_grd(Grd(noise=0.0).write(tmp_path)) as product:
        assert any("all zeros" in note and "VV and VH" in note for note in product.info.notes)
        assert math.isclose(product.read(Window(0, 0, 480, 640)).values.mean(), 20_000 / 360_000, rel_tol=0.01)
