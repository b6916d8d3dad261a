"""The border of small numbers that old processors left: found on all four sides, and nothing else taken for it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from s1_safe import Grd, speckle

from eobench_dash.domain.products import ReadOptions, Window
from eobench_dash.sentinel.s1 import open_grd

H, W = 1500, 2400
EDGES = (np.where(np.arange(H) < 700, 90, 165), np.where(np.arange(H) < 400, 2370, 2301), 60, 1451)
"""First pixel of each line (it jumps, as the sampling window does), end of each line, first line, end of the lines."""


def bordered(small: float, *, level: float = 3000.0, zeros: int = 30) -> Callable[..., np.ndarray]:
    """A dark sea of thermal noise mostly (mean DN² ``level``) with a border of mean DN² ``small`` outside of EDGES."""

    def pixels(rng: np.random.Generator, h: int, w: int) -> np.ndarray:
        dn = speckle(rng, h, w, power=level)
        dn[outside()] = speckle(rng, h, w, power=small)[outside()] if small else 0
        dn[:, :zeros] = 0
        return dn

    return pixels


def outside() -> np.ndarray:
    rows, cols = np.indices((H, W))
    left, right, top, bottom = EDGES
    return (cols < left[:, None]) | (cols >= right[:, None]) | (rows < top) | (rows >= bottom)


def read(path: Path, **options: object):  # type: ignore[no-untyped-def]
    with open_grd(path, options=ReadOptions(**options)) as product:  # type: ignore[arg-type]
        return product.read(Window(0, 0, product.info.height, product.info.width))


@pytest.mark.parametrize("ipf", ["002.72", None])
def test_the_border_is_found_on_every_side(ipf: str | None, tmp_path: Path) -> None:
    got = read(Grd(height=H, width=W, pixels=bordered(150.0), ipf=ipf, old_noise=True).write(tmp_path))
    due = outside()
    zeros = np.zeros_like(due)
    zeros[:, :30] = True
    assert got.border[due & ~zeros].all()  # all of it …
    assert not got.border[zeros].any() and got.nodata[due].all()
    assert np.isnan(got.values[:, got.border]).all()
    inner = np.zeros_like(due)
    inner[60 + 32 : 1451 - 32, 165 + 48 : 2301 - 48] = True
    assert not got.border[inner].any() and not got.nodata[inner].any()  # … and little of the image
    assert (got.border & ~due).sum() < 0.05 * (~due).sum()


def test_a_jump_of_the_edge_is_followed(tmp_path: Path) -> None:
    got = read(Grd(height=H, width=W, pixels=bordered(150.0), ipf="002.60", pols=("VV",)).write(tmp_path))
    assert not got.border[200:650, 90 + 40 : 165].any() and got.border[720:1400, 90 + 40 : 165].all()


@pytest.mark.parametrize(
    ("pixels", "ipf"),
    [
        (bordered(150.0), "002.90"),  # this processor sets borders to zero itself
        (bordered(0.0), "002.60"),  # zeros are nodata, not border noise
        (bordered(2400.0, level=3000.0), "002.60"),  # as much as thermal noise: a calm sea
        (lambda rng, h, w: speckle(rng, h, w, power=100.0), "002.60"),  # all of it: the noise table does not fit
    ],
    ids=["new processor", "zeros", "calm sea", "table of another product"],
)
def test_nothing_else_is_a_border(pixels: Callable[..., np.ndarray], ipf: str, tmp_path: Path) -> None:
    got = read(Grd(height=H, width=W, pixels=pixels, ipf=ipf, pols=("VV",)).write(tmp_path))
    assert not got.border.any()


def test_an_empty_noise_table_is_replaced_by_thirty_decibels_below_one(tmp_path: Path) -> None:
    grd = Grd(height=H, width=W, pixels=bordered(20.0), ipf="002.43", noise=0.0, pols=("VV",))  # 600² / 1000 = 360
    got = read(grd.write(tmp_path))
    assert got.border[300:1000, 40:90].all() and not got.border[300:680, 140:2200].any()


@pytest.mark.parametrize("options", [{"resolution": 40}, {"grid": True}, {"grid": True, "resolution": 40}], ids=str)
def test_the_border_goes_with_the_reading_grid(options: dict[str, object], tmp_path: Path) -> None:
    got = read(Grd(height=H, width=W, pixels=bordered(150.0), ipf="002.60", pols=("VV",)).write(tmp_path), **options)
    pixel = float(options.get("resolution", 10)) / 10  # type: ignore[arg-type]
    assert got.border.sum() * pixel**2 == pytest.approx((outside().sum() - 30 * H), rel=0.3)
    assert np.nanmin(got.values) >= 1e-6
    dark = np.nanmean(got.values)
    assert dark == pytest.approx(1000 / 600**2, rel=0.1)  # the border's 150 have not been mixed in


def test_a_noise_table_in_other_units_is_not_believed(tmp_path: Path) -> None:
    grd = Grd(height=H, width=W, pixels=bordered(20.0), ipf="002.36", noise=0.5, pols=("VV",))
    assert read(grd.write(tmp_path)).border[300:1000, 40:90].all()
