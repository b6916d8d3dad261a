"""Sentinel-1 on a map, and averaged: values, places, seams between windows."""

from pathlib import Path

import numpy as np
import pytest
import rasterio.warp
from s1_safe import Grd, speckle

from eobench_dash.domain.products import ReadOptions, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.product import WindowPixels
from eobench_dash.sentinel.s1 import Grd as Grd1
from eobench_dash.sentinel.s1 import open_grd
from eobench_dash.sentinel.s1_grid import Lattice, MapGrid

FLAT = (20_000 - 2000) / 600**2


def whole(product: Grd1) -> WindowPixels:
    return product.read(Window(0, 0, product.info.height, product.info.width))


def constant(rng: np.random.Generator, h: int, w: int) -> np.ndarray:
    return np.full((h, w), 100)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Grd(pols=("VV",)).write(tmp_path_factory.mktemp("scene"))


@pytest.mark.parametrize("resolution", [None, 10.0, 15.0, 20.0, 37.0, 50.0])
def test_a_constant_stays_constant_on_the_map(resolution: float | None, tmp_path: Path) -> None:
    path = Grd(pixels=constant).write(tmp_path)
    with open_grd(path, options=ReadOptions(grid=True, resolution=resolution)) as product:
        info, read = product.info, whole(product)
    assert info.crs == "EPSG:32632" and info.pixel_size == (resolution or 10.0,) * 2
    assert info.transform == (info.pixel_size[0], 0.0, info.transform[2], 0.0, -info.pixel_size[0], info.transform[5])
    assert np.allclose(read.values[:, ~read.nodata], 8000 / 600**2, rtol=1e-5)
    area = (~read.nodata).sum() * info.pixel_size[0] ** 2
    assert area == pytest.approx(480 * 640 * 100, rel=0.02)  # all of the image, and nothing around it


def test_a_bright_point_lies_where_it_should(tmp_path: Path) -> None:
    places = [(100, 60), (37, 600), (400, 300)]

    def points(rng: np.random.Generator, h: int, w: int) -> np.ndarray:
        dn = np.full((h, w), 50)
        for line, pixel in places:
            dn[line, pixel] = 5000
        return dn

    grd = Grd(pixels=points, noise=0.0)
    path = grd.write(tmp_path)
    for resolution in (10.0, 20.0):
        with open_grd(path, options=ReadOptions(grid=True, resolution=resolution)) as product:
            values = np.nan_to_num(whole(product).values[0])
            a, _, left, _, e, top = product.info.transform
            for line, pixel in places:
                x, y = rasterio.warp.transform("EPSG:4326", product.info.crs, *([v] for v in grd.place(line, pixel)))
                row, col = (y[0] - top) / e, (x[0] - left) / a
                near = values[int(row) - 4 : int(row) + 5, int(col) - 4 : int(col) + 5]
                found = np.array([int(row) - 4, int(col) - 4]) + np.unravel_index(near.argmax(), near.shape)
                assert np.abs(found + 0.5 - [row, col]).max() <= 1.0
                assert near.max() > 20 * np.median(near)
                # and the product says the same of the place
                assert product.lonlat([row], [col])[0] == pytest.approx(grd.place(line, pixel), abs=1e-7)


def test_north_is_up(scene: Path) -> None:
    with open_grd(scene, options=ReadOptions(grid=True)) as product:
        upper, _, _, lower = product.info.corners
        assert upper[1] > lower[1] and product.info.corners[1][0] > upper[0]
    with open_grd(scene) as product:  # a descending pass, as it was recorded: its first line is the northern one
        assert product.info.crs is None and product.info.transform is None
        assert product.info.corners[0][1] > product.info.corners[3][1]


def test_windows_of_a_map_fit_together(scene: Path) -> None:
    for resolution in (10.0, 40.0):
        with open_grd(scene, options=ReadOptions(grid=True, resolution=resolution)) as product:
            read, (h, w) = whole(product), (product.info.height, product.info.width)
            for row, col, size in ((0, 0, 33), (57, 41, 64), (h - 20, w - 50, 64), (h // 2, w // 2, 1)):
                part = product.read(Window(row, col, size, size))
                inside = part.values[:, : h - row, : w - col]
                assert np.allclose(
                    inside, read.values[:, row : row + size, col : col + size], equal_nan=True, rtol=1e-5
                )
                assert part.nodata[h - row :].all() and part.nodata[:, w - col :].all()
                assert np.isnan(part.values[0][part.nodata]).all() and not np.isnan(part.values[0][~part.nodata]).any()


def test_coarser_maps_average_power_over_the_area(scene: Path) -> None:
    spread = {}
    for resolution in (10.0, 20.0, 40.0, 80.0):
        with open_grd(scene, options=ReadOptions(grid=True, resolution=resolution)) as product:
            values = whole(product).values[0]
            values = values[~np.isnan(values)]
            assert values.mean() == pytest.approx(FLAT, rel=0.01)  # linear power, so no bias
            spread[resolution] = values.std() / values.mean()
    looks = {r: (0.53 / s) ** 2 for r, s in spread.items()}  # 0.53: of one pixel, 4.4 looks and noise taken off
    assert 3 < looks[20.0] < 9 and 12 < looks[40.0] < 32 and 48 < looks[80.0] < 110


def test_block_means_in_the_image_s_own_geometry(scene: Path) -> None:
    with open_grd(scene) as native, open_grd(scene, options=ReadOptions(resolution=30)) as coarse:
        assert (coarse.info.height, coarse.info.width) == (160, 213) and coarse.info.pixel_size == (30.0, 30.0)
        fine = native.read(Window(30, 60, 12, 9)).values[0].astype(np.float64)
        got = coarse.read(Window(10, 20, 4, 3)).values[0]
        assert np.allclose(got, fine.reshape(4, 3, 3, 3).mean(axis=(1, 3)), rtol=1e-5)
        assert np.allclose(coarse.lonlat([10], [20]), native.lonlat([30], [60]), atol=1e-12)


def test_nodata_has_no_weight(tmp_path: Path) -> None:
    def hole(rng: np.random.Generator, h: int, w: int) -> np.ndarray:
        dn = np.full((h, w), 100)
        dn[:, :101] = 0
        return dn

    path = Grd(pixels=hole, noise=0.0).write(tmp_path)
    for options in (ReadOptions(resolution=20), ReadOptions(grid=True, resolution=20)):
        with open_grd(path, options=options) as product:
            read = whole(product)
            assert np.allclose(read.values[:, ~read.nodata], 10_000 / 600**2, rtol=1e-5)
    with open_grd(path, options=ReadOptions(resolution=20)) as product:
        nodata = product.read(Window(100, 45, 2, 10)).nodata
        assert nodata.tolist() == [[True] * 5 + [False] * 5] * 2  # half of the block of pixels 100 and 101 is there


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ReadOptions(resolution=15),
            "multiples of its pixel spacing, 10 m, not at 15 m; choose a multiple, or the map",
        ),
        (ReadOptions(resolution=2), "not at 2 m"),
        (ReadOptions(resolution=float("nan")), "not at nan m"),
        (ReadOptions(resolution=9000), "no whole pixel at 9000 m"),
        (ReadOptions(grid=True, resolution=1), "a map of 1 m cannot be made of it: choose 5 to 1000 m"),
        (ReadOptions(grid=True, resolution=float("inf")), "a map of inf m cannot"),
        (ReadOptions(grid=True, resolution=-10), "a map of -10 m cannot"),
    ],
)
def test_resolutions_that_cannot_be(options: ReadOptions, sentence: str, scene: Path) -> None:
    with pytest.raises(UnreadableProduct, match=sentence):
        open_grd(scene, options=options)


@pytest.mark.parametrize(
    ("lon", "lat", "crs"),
    [(179.99, 10.0, "EPSG:32660"), (-179.99, -10.0, "EPSG:32701"), (0.0, 89.98, "EPSG:5041"), (90, -82, "EPSG:5042")],
)
def test_maps_over_the_date_line_and_the_poles(lon: float, lat: float, crs: str, tmp_path: Path) -> None:
    grd = Grd(lon=lon, lat=lat, pols=("HH",), pixels=lambda rng, h, w: np.pad(np.full((h - 2, w - 2), 100), 1))
    with open_grd(grd.write(tmp_path), options=ReadOptions(grid=True)) as product:
        assert product.info.crs == crs and max(product.info.height, product.info.width) < 900
        read = whole(product)
        assert (~read.nodata).sum() == pytest.approx(480 * 640, rel=0.02)
        middle = product.lonlat([product.info.height / 2], [product.info.width / 2])
        there = np.array(grd.place(240, 320))
        assert np.abs(to_xyz(middle[0]) - to_xyz(there)).max() < 5e-5  # some 300 m


def to_xyz(place: np.ndarray) -> np.ndarray:
    lon, lat = np.radians(place)
    return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def test_speckle_helper_is_what_it_says() -> None:
    assert (speckle(np.random.default_rng(0), 300, 300).astype(float) ** 2).mean() == pytest.approx(20_000, rel=0.02)


class Slanted(MapGrid):
    """An image turned against its map; as of a real one, places far beyond it are not known."""

    def positions(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        x, y = cols * self.resolution / 10, rows * self.resolution / 10
        found = np.stack([0.98 * y - 0.2 * x, 0.98 * x + 0.2 * y], axis=1)
        found[((found < -1024) | (found > 16_700 + 1024)).any(axis=1)] = np.nan
        return found


@pytest.mark.parametrize("resolution", [10.0, 20.0, 40.0])
def test_between_a_place_and_nowhere_is_no_place_inside_of_the_image(resolution: float) -> None:
    grid = Slanted("EPSG:32632", 0.0, 0.0, resolution, 4000, 4000, None)  # type: ignore[arg-type]
    lattice, offsets = Lattice(grid), np.array([0.25, 0.75])
    met = 0
    for top in range(0, 20_000, 1000):
        for left in range(0, 20_000, 1000):
            row, col = int(top * 10 / resolution), int(left * 10 / resolution)
            lines, pixels = lattice.where(Window(row, col, 100, 100), offsets)
            down, across = ((start + np.arange(100)[:, None] + offsets).ravel() for start in (row, col))
            places = np.meshgrid(down, across, indexing="ij")
            true = grid.positions(places[0].ravel(), places[1].ravel()).reshape(*lines.shape, 2)
            inside = (lines >= 0) & (lines < 16_700) & (pixels >= 0) & (pixels < 16_700)
            assert np.abs(lines[inside] - true[inside][:, 0]).max(initial=0) < 0.01
            assert np.abs(pixels[inside] - true[inside][:, 1]).max(initial=0) < 0.01
            assert (inside | ~((true > 0) & (true < 16_700)).all(axis=2)).all()
            met += bool(np.isnan(true).any() and not np.isnan(true).all())
    assert met > 5, "windows with places known and unknown"
