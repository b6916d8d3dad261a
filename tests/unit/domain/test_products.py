"""Products as values: there and back, and the path that names a window."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.products import (
    Band,
    ProductInfo,
    ProductKind,
    ReadOptions,
    Unit,
    Window,
    centre,
    split_window,
    window_path,
)
from eobench_dash.errors import BadInput

SIDES = st.integers(1, 20_000)
PLACES = st.integers(0, 50_000)


@given(st.text(min_size=1, max_size=60), PLACES, PLACES, SIDES, SIDES)
def test_the_path_of_a_window_comes_apart_as_it_was_put_together(
    product: str, row: int, col: int, height: int, width: int
) -> None:
    window = Window(row, col, height, width)
    assert split_window(window_path(product, window)) == (product, window)


@pytest.mark.parametrize(
    "path",
    ["", "a.tif", "#xywh=0,0,8,8", "a.tif#xywh=0,0,0,8", "a.tif#xywh=-1,0,8,8", "a#xywh=999999,0,9,9", "a#xywh=1"],
)
def test_a_path_that_names_no_window_is_refused(path: str) -> None:
    with pytest.raises(BadInput):
        split_window(path)


def test_a_product_and_options_survive_json() -> None:
    info = ProductInfo(
        name="S2A",
        kind=ProductKind.S2_L1C,
        modality=Modality.OPTICAL,
        bands=(Band("B02", Unit.REFLECTANCE, 10.0), Band("B8A", Unit.REFLECTANCE, 20.0)),
        height=10,
        width=20,
        pixel_size=(10.0, 10.0),
        crs="EPSG:32631",
        transform=(10.0, 0.0, 399960.0, 0.0, -10.0, 4800000.0),
        corners=((1.0, 2.0), (3.0, 2.0), (3.0, 1.0), (1.0, 1.0)),
        sensed_at=datetime(2018, 1, 1, 10, 54, 41, tzinfo=UTC),
        cloud_cover=0.5,
        notes=("cut",),
        metadata={"baseline": "02.06", "orbit": 51},
    )
    assert ProductInfo.from_dict(info.to_dict()) == info
    options = ReadOptions(bands=("B02",), resolution=20.0, grid=True, unit="dB", modality="sar")
    assert ReadOptions.from_dict({**options.to_dict(), "unknown": 1}) == options


def test_the_middle_of_a_footprint_across_the_date_line() -> None:
    lon, lat = centre(((179.0, 1.0), (-179.0, 1.0), (-179.0, -1.0), (179.0, -1.0)))
    assert abs(lon) == pytest.approx(180.0)
    assert lat == pytest.approx(0.0)
