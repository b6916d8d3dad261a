"""Columns on the wire, and the Sentinel product that a path names."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.domain import columns, wire
from eobench_dash.domain.columns import COLUMNS, CategoryColumn, NumberColumn
from eobench_dash.errors import BadInput

NAMES = [(0, "River \N{EM DASH} “deep”", "#112233"), (7, "Lake", "#445566"), (9, "nowhere", "#000000")]


def test_a_category_column_comes_back() -> None:
    codes = np.array([7, 0, 7, 65535], np.uint16)
    column = columns.counted(NAMES, codes)
    data = wire.pack_column(columns.meta(COLUMNS["imported"], column), column.codes)
    magic, version, n, length = struct.unpack_from("<4sIII", data)
    assert (magic, version, n, length % 4) == (b"EOMC", 1, 4, 0) and len(data) == 16 + length + 8
    told, back = wire.unpack_column(data)
    assert back.tolist() == codes.tolist()
    assert told == {
        "name": "imported", "title": "Label at import", "kind": "category",
        "categories": [
            {"code": 0, "name": "River \N{EM DASH} “deep”", "color": "#112233", "count": 1},
            {"code": 7, "name": "Lake", "color": "#445566", "count": 2},
        ],
    }  # fmt: skip


def test_a_number_column_tells_its_range_and_keeps_nothing_apart() -> None:
    values = np.linspace(0, 1, 101, dtype=np.float32)
    values[[3, 50]] = np.nan
    told, back = wire.unpack_column(wire.pack_column(columns.meta(COLUMNS["agreement"], NumberColumn(values)), values))
    np.testing.assert_array_equal(back, values)
    assert (told["min"], told["max"], told["scale"], told["unit"]) == (0.0, 1.0, "sequential", "")
    assert 0.01 < told["low"] < 0.04 and 0.96 < told["high"] < 0.99


def test_a_column_without_any_value_has_no_range() -> None:
    values = np.full(3, np.nan, np.float32)
    told, _ = wire.unpack_column(wire.pack_column(columns.meta(COLUMNS["latitude"], NumberColumn(values)), values))
    assert [told[end] for end in ("min", "max", "low", "high")] == [None] * 4
    empty = CategoryColumn((), np.empty(0, np.uint16))
    assert wire.unpack_column(wire.pack_column(columns.meta(COLUMNS["marks"], empty), empty.codes))[1].size == 0


@pytest.mark.parametrize("values", [np.zeros(3, np.float32), np.zeros((2, 2), np.uint16), np.array([-1, 2])])
def test_values_of_the_wrong_kind_are_refused(values: np.ndarray) -> None:
    with pytest.raises(BadInput):
        wire.pack_column({"kind": "category"}, values)


@given(st.binary(max_size=60), st.integers(0, 70))
def test_damaged_columns_are_refused_not_crashed_on(junk: bytes, cut: int) -> None:
    whole = wire.pack_column({"kind": "category", "name": "x"}, np.arange(4, dtype=np.uint16))
    for data in (junk, b"EOMC" + junk, whole[: min(cut, len(whole) - 1)]):
        with pytest.raises(BadInput):
            wire.unpack_column(data)


def test_a_mix_is_laid_out_as_said() -> None:
    data = wire.pack_mix([[1, 2, 65535], [3, 65535, 65535]], [[12, 8, 0], [20, 0, 0]], k=20)
    assert struct.unpack_from("<4sIII", data) == (b"EOMX", 1, 2, 20)
    assert np.frombuffer(data, "<u2", 6, 16).tolist() == [1, 2, 65535, 3, 65535, 65535]
    assert list(data[28:]) == [12, 8, 0, 0, 20, 0, 0, 0]
    with pytest.raises(BadInput):
        wire.pack_mix([[1, 2]], [[1, 2]], k=20)


S2 = "S2A_MSIL1C_20240116T000741_N0510_R130_T51CVP_20240116T010505"
S1 = "S1A_IW_GRDH_1SDV_20240607T000653_20240607T000718_054210_0697DA_6EE4"


@pytest.mark.parametrize(
    ("path", "product"),
    [
        (f"tiles/{S2}.SAFE/patch_3.tif", S2),
        (f"{S1}_COG/12_4.tif", S1),
        ("S2A_MSIL2A_20170613T101031_87_48/S2A_MSIL2A_20170613T101031_87_48_B04.tif", "S2A_MSIL2A_20170613T101031"),
        ("S1A_IW_GRDH_1SDV_20170613T165043_33UUP_87_48_VV.tif", "S1A_IW_GRDH_1SDV_20170613T165043"),
        ("Forest/Forest_12.jpg", None),
        ("XS2A_MSIL2A_20170613T101031.tif", None),
        ("", None),
        (None, None),
    ],
)
def test_the_product_of_a_path(path: str | None, product: str | None) -> None:
    assert columns.product_of(path) == product


@given(st.text(max_size=80))
def test_any_name_is_no_cluster_set_or_a_number(name: str) -> None:
    found = columns.cluster_id(name)
    assert found is None or name == f"cluster-{found}"


def test_cluster_names() -> None:
    assert columns.cluster_id("cluster-12") == 12
    assert [
        columns.cluster_id(name) for name in ("cluster-", "cluster-0", "cluster-01", "cluster-1.5", "Cluster-1")
    ] == [None] * 5
