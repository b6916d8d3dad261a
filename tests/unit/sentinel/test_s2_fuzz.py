"""Whatever stands in the metadata of a product: it is read, or refused with a sentence; nothing else."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safe_trees import make_l1c, make_l2a

from eobench_dash.domain.products import ReadOptions
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.s2 import open_s2
from eobench_dash.sentinel.s2_metadata import read_product_metadata, read_tile_metadata
from eobench_dash.sentinel.xml import parse_xml

READERS = {
    "MTD_MSIL1C.xml": read_product_metadata,
    "MTD_MSIL2A.xml": read_product_metadata,
    "MTD_TL.xml": read_tile_metadata,
}
ODD = ("", "-1", "1e999", "nan", "0", "9" * 400, "../../x", "/vsicurl/http://a", "EPSG:0000", "2023-13-41", "\u0661",
       "0001-01-01T00:00:00+23:59", "<a/>", "&lt;", "\x01", "<!DOCTYPE a>", "N09.99", "Level-2A", "é" * 50)  # fmt: skip
quiet = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("fuzz")
    made = (make_l1c(folder, bands=("B01",)), make_l2a(folder, scl=False))
    return {path.name: path.read_text() for safe in made for path in safe.rglob("MTD_*.xml")}


def _mutated(data: st.DataObject, text: str) -> bytes:
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        end = min(len(text), at + data.draw(st.integers(0, 60)))
        text = text[:at] + data.draw(st.sampled_from(ODD) | st.text(max_size=8)) + text[end:]
    return text.encode("utf-8", "surrogatepass")


def _values(data: st.DataObject, text: str) -> bytes:
    """Well-formed, with other values between the tags."""
    parts = text.split(">")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(parts) - 1))
        value, bracket, tag = parts[at].partition("<")
        if value.strip() and bracket:
            new = data.draw(st.sampled_from([odd for odd in ODD if "<" not in odd]) | st.floats().map(str))
            parts[at] = new + bracket + tag
    return ">".join(parts).encode()


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("mutate", [_mutated, _values], ids=["bytes", "values"])
@quiet
@given(data=st.data())
def test_made_metadata(name: str, mutate: object, texts: dict[str, str], data: st.DataObject) -> None:
    try:
        READERS[name](parse_xml(mutate(data, texts[name]), name=name), name=name)  # type: ignore[operator]
    except UnreadableProduct as error:
        assert name in str(error)


@pytest.mark.parametrize("name", ["MTD_MSIL1C.xml", "MTD_TL.xml"])
@settings(quiet, max_examples=40)
@given(data=st.data())
def test_real_metadata(name: str, shared_dir: Path, data: st.DataObject) -> None:
    (path,) = (shared_dir / "fixtures/products").glob(f"S2A_MSIL1C_2021*/**/{name}")
    try:
        READERS[name](parse_xml(_mutated(data, path.read_text()), name=name), name=name)
    except UnreadableProduct as error:
        assert name in str(error)


@settings(quiet, max_examples=60)
@given(data=st.data())
def test_opening_a_product_of_changed_metadata(
    tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str], data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "opened"
    safes = list(folder.glob("*.SAFE"))
    safe = safes[0] if safes else make_l1c(folder, bands=("B01",))
    name = data.draw(st.sampled_from(["MTD_MSIL1C.xml", "MTD_TL.xml"]))
    next(safe.rglob(name)).write_bytes(_values(data, texts[name]))
    try:
        with open_s2(safe, options=ReadOptions(bands=("B01",))) as product:
            assert product.info.height > 0
    except UnreadableProduct as error:
        assert len(str(error)) < 400
    finally:
        next(safe.rglob(name)).write_text(texts[name])
