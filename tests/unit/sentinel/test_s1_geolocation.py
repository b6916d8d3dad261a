"""Where Sentinel-1 pixels lie: the annotation's tie points, what lies between them, and the way back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from s1_safe import Grd

from eobench_dash.domain.products import Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.s1 import open_grd
from eobench_dash.sentinel.s1_annotation import Annotation, TiePoints, read_annotation
from eobench_dash.sentinel.s1_geolocation import EARTH, Geolocation, to_normals
from eobench_dash.sentinel.s1_grid import Lattice, map_grid

PLACES = [
    ("Po plain", 11.3, 45.2), ("date line", 179.999, 12.0), ("other side of it", -179.995, -60.0),
    ("north pole", 40.0, 89.99), ("south pole", 0.0, -89.98), ("equator", 0.0, 0.0),
]  # fmt: skip


def metres(got: np.ndarray, due: np.ndarray) -> np.ndarray:
    """Distances between (n, 2) degrees."""
    return np.linalg.norm(to_normals(got[:, 0], got[:, 1]) - to_normals(due[:, 0], due[:, 1]), axis=1) * EARTH


@pytest.fixture(scope="module")
def real(shared_dir: Path) -> Annotation:
    folder = next((shared_dir / "fixtures/products").glob("S1B_IW_GRDH*.SAFE"))
    return read_annotation(next((folder / "annotation").glob("s1b-*.xml")))


def flat(ties: TiePoints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lines, pixels = np.meshgrid(ties.lines, ties.pixels, indexing="ij")
    return lines.ravel(), pixels.ravel(), np.stack([ties.lon.ravel(), ties.lat.ravel()], axis=1)


def test_tie_points_are_met_exactly(real: Annotation) -> None:
    lines, pixels, places = flat(real.ties)
    assert len(lines) == 210
    assert metres(Geolocation(real).lonlat(lines, pixels), places).max() < 1e-3


def test_tie_points_left_out_are_met_where_the_height_is_known(real: Annotation) -> None:
    """Every second one out, both ways (so twice the distance between them); their own heights tell terrain apart."""
    ties = real.ties
    kept = [0, 2, 4, 6, 8, 9], list(range(0, 21, 2))
    fewer = TiePoints(
        ties.lines[kept[0]], ties.pixels[kept[1]],
        *(getattr(ties, name)[np.ix_(*kept)] for name in ("lon", "lat", "height", "incidence", "slant_range")),
    )  # fmt: skip
    model = Geolocation(replace(real, ties=fewer))
    rows, cols = np.meshgrid([1, 3, 5, 7], np.arange(1, 20, 2), indexing="ij")
    around = sum(ties.height[rows + a, cols + b] for a in (-1, 1) for b in (-1, 1)) / 4
    places = np.stack([ties.lon[rows, cols].ravel(), ties.lat[rows, cols].ravel()], axis=1)
    error = metres(model.lonlat(ties.lines[rows].ravel(), ties.pixels[cols].ravel()), places)
    terrain = (np.abs(ties.height[rows, cols] - around) / np.tan(np.radians(ties.incidence[rows, cols]))).ravel()
    assert error.max() > 500  # mountains between the tie points are not known …
    assert np.abs(error - terrain).max() < 10 and np.median(np.abs(error - terrain)) < 3  # … and nothing else lacks


def test_without_the_range_polynomials_places_are_less_sharp_but_there(real: Annotation) -> None:
    sharp, plain = Geolocation(real), Geolocation(replace(real, conversion=None))
    lines, pixels = np.meshgrid(np.arange(0, 16705, 500), np.arange(0, 26102, 1000), indexing="ij")
    apart = metres(plain.lonlat(lines, pixels), sharp.lonlat(lines, pixels))
    assert 5 < apart.max() < 100
    broken = replace(real.conversion, coefficients=real.conversion.coefficients * 1.01)
    same = Geolocation(replace(real, conversion=broken)).lonlat(lines, pixels)
    assert np.array_equal(same, plain.lonlat(lines, pixels))  # polynomials that contradict the tie points are left out


def test_there_and_back_again(real: Annotation) -> None:
    model, rng = Geolocation(real), np.random.default_rng(1)
    at = np.stack([rng.uniform(-900, 17_600, 5000), rng.uniform(-900, 27_000, 5000)], axis=1)
    assert np.abs(model.positions(model.lonlat(at[:, 0], at[:, 1])) - at).max() < 1e-3
    away = np.array([[0.0, 0.0], [-165.0, -42.0], [14.0, 47.0], [np.nan, 3.0]])
    assert np.isnan(model.positions(away)).all()
    assert np.isnan(model.lonlat([-5000, 0], [0, 40_000])).all()


def test_the_map_s_lattice_keeps_to_a_fifth_of_a_pixel(real: Annotation) -> None:
    model, rng = Geolocation(real), np.random.default_rng(2)
    for resolution in (10.0, 20.0):
        grid = map_grid(model, height=real.height, width=real.width, resolution=resolution)
        lattice, seen = Lattice(grid), 0
        for _ in range(60):
            row, col = int(rng.integers(grid.height - 64)), int(rng.integers(grid.width - 64))
            lines, pixels = lattice.where(Window(row, col, 64, 64), np.array([0.5]))
            rows, cols = rng.integers(0, 64, (2, 50))
            exact = grid.positions(row + rows + 0.5, col + cols + 0.5)
            inside = (exact > 0).all(axis=1) & (exact < [real.height, real.width]).all(axis=1)
            seen += inside.sum()
            near = np.stack([lines[rows, cols], pixels[rows, cols]], axis=1)
            assert not inside.any() or np.abs(near - exact)[inside].max() < 0.2
        assert seen > 1000


@pytest.mark.parametrize(("lon", "lat"), [p[1:] for p in PLACES], ids=[p[0] for p in PLACES])
def test_places_are_true_between_the_tie_points_anywhere_on_earth(lon: float, lat: float, tmp_path: Path) -> None:
    grd = Grd(
        lon=lon, lat=lat, height=4000, width=5000, nodes=4, pols=("HH",), pixels=lambda rng, h, w: np.ones((h, w))
    )
    rng = np.random.default_rng(3)
    with open_grd(grd.write(tmp_path)) as product:
        rows, cols = rng.uniform(0, 4000, 50), rng.uniform(0, 5000, 50)
        # the reading grid counts corners of pixels, a pixel's own place is its centre
        due = np.array([grd.place(row - 0.5, col - 0.5) for row, col in zip(rows, cols, strict=True)])
        assert metres(product.lonlat(rows, cols), due).max() < 0.2
        assert np.array_equal(np.array(product.info.corners), product.lonlat([0, 0, 4000, 4000], [0, 5000, 5000, 0]))


def test_terrain_is_followed_between_the_tie_points(tmp_path: Path) -> None:
    """A slope (which bilinear heights follow) moves places out by height / tan incidence."""
    grd = Grd(height=4000, width=5000, nodes=6, pols=("VV",), terrain=lambda line, pixel: line * 0.3,
              pixels=lambda rng, h, w: np.ones((h, w)))  # fmt: skip
    with open_grd(grd.write(tmp_path)) as product:
        rows, cols = np.array([700.0, 2100, 3300]), np.array([4000.0, 2500, 900])
        due = np.array([grd.place(r - 0.5, c - 0.5, 0.3 * (r - 0.5)) for r, c in zip(rows, cols, strict=True)])
        assert metres(product.lonlat(rows, cols), due).max() < 2.0
        assert any("elevation model" in note for note in product.info.notes)


def test_control_points_of_the_tiff_have_to_be_the_annotation_s(tmp_path: Path) -> None:
    path = Grd(gcps=True).write(tmp_path)
    open_grd(path).close()
    for name in ("VV", "VH"):
        file = next((path / "annotation").glob(f"*{name.lower()}*.xml"))
        file.write_text(Grd(lon=11.33).annotation(name))
    with pytest.raises(
        UnreadableProduct, match=r"ground control points of s1a.*\.tiff are not those of its annotation"
    ):
        open_grd(path)


def test_points_that_contradict_the_pixel_spacing_are_refused(tmp_path: Path) -> None:
    path = Grd(pols=("VV",), height=4000, width=4000, pixels=lambda rng, h, w: np.ones((h, w))).write(tmp_path)
    file = next((path / "annotation").glob("*.xml"))
    text = file.read_text()
    file.write_text(text.replace("<rangePixelSpacing>10.0", "<rangePixelSpacing>1.0"))
    open_grd(path).close()  # not told apart from terrain yet
    first = text.index("<latitude>")
    file.write_text(text[:first] + "<latitude>40.0</latitude>" + text[text.index("</latitude>") + 11 :])
    with pytest.raises(UnreadableProduct, match=r"geolocation points lie .* m apart"):
        open_grd(path)
