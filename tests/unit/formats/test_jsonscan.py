"""The scanner against json.loads: the same rows whatever the chunk size; broken files end in one clear error."""

import io
import json
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eobench_dash.errors import UnreadableDataset
from eobench_dash.formats import jsonscan
from eobench_dash.formats.jsonscan import TOO_LONG, JsonScanner

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def _elements(data: bytes, chunk: int = 1 << 20) -> list[bytes]:
    with patch.object(jsonscan, "CHUNK", chunk):
        scanner = JsonScanner(io.BytesIO(data))
        rows = list(scanner.elements())
        assert scanner.peek() == b""
        return rows


@settings(deadline=None)
@given(st.lists(VALUES, max_size=6), st.integers(1, 40), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_elements_are_those_of_json(rows: list[object], chunk: int, indent: object, ascii_only: bool) -> None:
    data = json.dumps(rows, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")  # type: ignore[arg-type]
    assert [repr(json.loads(raw)) for raw in _elements(data, chunk)] == [repr(row) for row in rows]


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5), st.integers(1, 40))
def test_members_are_those_of_json(members: dict[str, object], chunk: int) -> None:
    with patch.object(jsonscan, "CHUNK", chunk):
        scanner = JsonScanner(io.BytesIO(json.dumps(members).encode()))
        found = {json.loads(key): repr(json.loads(scanner.value())) for key in scanner.members()}
    assert found == {key: repr(value) for key, value in members.items()}


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=4), st.data())
def test_a_file_cut_off_anywhere_is_noticed(rows: list[object], data: st.DataObject) -> None:
    whole = json.dumps(rows).encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(UnreadableDataset):
        _elements(whole[:cut])


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:\\ 1aN\n', max_size=60).map(str.encode), st.integers(1, 20))
def test_rubbish_gives_rows_or_one_kind_of_error(data: bytes, chunk: int) -> None:
    try:
        rows = _elements(data, chunk)
    except (UnreadableDataset, AssertionError):
        return
    assert b"".join(rows) in data.replace(b",", b"").replace(b" ", b"") or rows


BOUND = 20_000
MONSTERS = [
    b"[" * 9_000 + b"]" * 9_000,
    b'"' + b"x" * BOUND + b'"',
    b'{"a": "' + b'\\"' * BOUND + b'"}',
    b"[" + b"1," * BOUND + b"1]",
    b'["' + b"\\\\" * BOUND + b'", [1]]',
    b"[" + b'"a",' * BOUND + b'"]"]',
]


@pytest.mark.parametrize("row", MONSTERS)
@pytest.mark.parametrize("chunk", [7, 4096, 1 << 20])
def test_a_monstrous_row_is_skipped_and_the_next_is_found(monkeypatch, row: bytes, chunk: int) -> None:
    monkeypatch.setattr(jsonscan, "MAX_ROW_BYTES", BOUND)
    assert _elements(b"[1, " + row + b", 2]", chunk) == [b"1", TOO_LONG, b"2"]


def test_nested_openings_cost_linear_time() -> None:
    # the look-ahead for plain arrays must not be tried at every one of these
    assert _elements(b"[" + b"[" * 300_000 + b"]" * 300_000 + b"]") == [TOO_LONG]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert _elements(b"\xef\xbb\xbf [1]") == [b"1"]


@pytest.mark.parametrize("data", [b"\xff\xfe[\x001\x00]\x00", b"\xfe\xff\x00[\x001\x00]"])
def test_utf16_is_named(data: bytes) -> None:
    with pytest.raises(UnreadableDataset, match="UTF-16"):
        JsonScanner(io.BytesIO(data))


def test_the_place_of_the_fault_is_named() -> None:
    with pytest.raises(UnreadableDataset, match=r"byte 3 .*near '2\]'.*expected ','"):
        _elements(b"[1 2]")
