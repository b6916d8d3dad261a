"""Feature arrays: what was committed reads back, what was not does not exist."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eobench_dash.errors import BadInput, Conflict, EOBenchError, NotFound
from eobench_dash.store.features import LEDGER, FeatureArray, FeatureWriter

RNG = np.random.default_rng(0)


def _write(folder: Path, values: np.ndarray, block_rows: int = 4, step: int = 3) -> None:
    with FeatureWriter(folder, values.shape[1], block_rows=block_rows) as writer:
        for start in range(0, len(values), step):
            writer.append(values[start : start + step])
        assert writer.rows == len(values)
        writer.commit()


def _contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.integers(0, 23), block_rows=st.integers(1, 8), step=st.integers(1, 20), data=st.data())
def test_reads_as_numpy_would(tmp_path_factory: pytest.TempPathFactory, rows, block_rows, step, data) -> None:
    values = RNG.random((rows, 3), dtype=np.float32)
    folder = tmp_path_factory.mktemp("features")
    _write(folder, values, block_rows, step)
    array = FeatureArray(folder)
    array.verify()
    assert array.shape == values.shape and len(array) == rows
    assert np.array_equal(array.as_array(), values)
    assert np.array_equal(np.concatenate([values[:0], *array.blocks()]), values)
    start, stop = data.draw(st.integers(-3, rows + 3)), data.draw(st.integers(-3, rows + 3))
    assert np.array_equal(array.rows(start, stop), values[start:stop])
    ordinals = data.draw(st.lists(st.integers(0, rows - 1), max_size=10)) if rows else []
    assert np.array_equal(array.take(ordinals), values[np.array(ordinals, dtype=int)])
    bound = data.draw(st.integers(0, rows))
    assert np.array_equal(FeatureArray(folder, rows=bound).as_array(), values[:bound])


def test_one_block_is_not_copied(tmp_path: Path) -> None:
    _write(tmp_path / "f", RNG.random((5, 2), dtype=np.float32), block_rows=8)
    assert isinstance(FeatureArray(tmp_path / "f").as_array(), np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        FeatureArray(tmp_path / "f").as_array()[0, 0] = 1


def test_commit_moves_into_place(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path / "tmp", 2) as writer:
        writer.append([[1, 2]])
        ledger = writer.commit(tmp_path / "deep/final")
    assert not (tmp_path / "tmp").exists()
    assert FeatureArray(tmp_path / "deep/final").fingerprint == ledger.fingerprint


def test_commit_replaces_nothing(tmp_path: Path) -> None:
    _write(tmp_path / "final", np.ones((3, 2), np.float32))
    before = _contents(tmp_path / "final")
    with pytest.raises(Conflict), FeatureWriter(tmp_path / "tmp", 2) as writer:
        writer.append([[5, 6]])
        writer.commit(tmp_path / "final")
    assert _contents(tmp_path / "final") == before


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), FeatureWriter(tmp_path / "f", 2, block_rows=2) as writer:
        writer.append(np.ones((5, 2)))
        _ = 1 / 0
    assert not (tmp_path / "f").exists()


def test_leaving_without_commit_leaves_nothing(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path / "f", 2) as writer:
        writer.append([[1, 2]])
    assert not (tmp_path / "f").exists()


def test_a_failed_append_to_a_finished_set_changes_nothing(tmp_path: Path) -> None:
    values = RNG.random((6, 2), dtype=np.float32)
    _write(tmp_path / "f", values)
    before = _contents(tmp_path / "f")
    with pytest.raises(ZeroDivisionError), FeatureWriter(tmp_path / "f", 2, block_rows=4) as writer:
        writer.append(np.ones((7, 2)))
        _ = 1 / 0
    assert _contents(tmp_path / "f") == before


def test_appending_equals_writing_at_once_and_leaves_open_readers_alone(tmp_path: Path) -> None:
    values = RNG.random((11, 2), dtype=np.float32)
    _write(tmp_path / "once", values)
    _write(tmp_path / "twice", values[:6])
    reader = FeatureArray(tmp_path / "twice")
    _write_more = FeatureWriter(tmp_path / "twice", 2, block_rows=4)
    _write_more.append(values[6:])
    _write_more.commit()
    assert _contents(tmp_path / "once") == _contents(tmp_path / "twice")
    assert np.array_equal(reader.as_array(), values[:6])


@pytest.mark.parametrize("killed_after", [0, 1, 3, 4, 5])
def test_a_killed_writer_is_continued_behind_its_checkpoint(tmp_path: Path, killed_after: int) -> None:
    values = RNG.random((12, 2), dtype=np.float32)
    writer = FeatureWriter(tmp_path / "f", 2, block_rows=4)
    writer.append(values[:6])
    writer.checkpoint()
    writer.append(values[6 : 6 + killed_after])
    writer._close_file()  # the bytes are on the disk, the ledger does not know them: as after a kill
    assert len(FeatureArray(tmp_path / "f")) == 6
    with FeatureWriter(tmp_path / "f", 2, block_rows=4) as again:
        assert again.rows == 6
        again.append(values[6:])
        again.commit()
    array = FeatureArray(tmp_path / "f")
    array.verify()
    assert np.array_equal(array.as_array(), values)


@pytest.mark.parametrize("bad", [[1.0, 2.0], [[1.0]], [[1.0, np.nan]], [[np.inf, 0.0]], [[[1.0, 2.0]]]])
def test_bad_rows_are_refused(tmp_path: Path, bad: object) -> None:
    with FeatureWriter(tmp_path / "f", 2) as writer:
        with pytest.raises(BadInput):
            writer.append(bad)
        assert writer.rows == 0


def test_another_dimension_is_refused(tmp_path: Path) -> None:
    _write(tmp_path / "f", np.ones((2, 2), np.float32))
    with pytest.raises(BadInput, match="2 numbers a patch; 3"):
        FeatureWriter(tmp_path / "f", 3)


@pytest.mark.parametrize("ordinals", [[5], [-1], [0, 99]])
def test_ordinals_out_of_range(tmp_path: Path, ordinals: list[int]) -> None:
    _write(tmp_path / "f", np.ones((5, 2), np.float32))
    with pytest.raises(NotFound, match="patches 0 to 4"):
        FeatureArray(tmp_path / "f").take(ordinals)


def test_damage_is_told(tmp_path: Path) -> None:
    _write(tmp_path / "f", np.ones((6, 2), np.float32))
    block = tmp_path / "f/block-00001.f32"
    whole = block.read_bytes()
    block.write_bytes(b"\1" + whole[1:])
    with pytest.raises(EOBenchError, match=r"block-00001\.f32"):
        FeatureArray(tmp_path / "f").verify()
    with pytest.raises(EOBenchError, match="damaged"):
        FeatureWriter(tmp_path / "f", 2, block_rows=4)
    block.write_bytes(whole[:-1])
    with pytest.raises(EOBenchError, match="damaged"):
        FeatureArray(tmp_path / "f")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 1, "dtype": "float32", "dim": 2, "blocks": [{}]}'])
def test_a_broken_ledger_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / LEDGER).write_text(text)
    with pytest.raises(EOBenchError, match="damaged"):
        FeatureArray(tmp_path)


def test_a_ledger_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    _write(tmp_path / "f", np.ones((1, 2), np.float32))
    ledger = json.loads((tmp_path / "f" / LEDGER).read_text())
    ledger["blocks"][0]["file"] = "../../secret"
    (tmp_path / "secret").write_bytes(b"12345678")
    (tmp_path / "f" / LEDGER).write_text(json.dumps(ledger))
    with pytest.raises(EOBenchError, match="damaged"):
        FeatureArray(tmp_path / "f")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        FeatureArray(tmp_path / "gone")


def test_fingerprint_follows_the_values(tmp_path: Path) -> None:
    values = RNG.random((6, 2), dtype=np.float32)
    other = values.copy()
    other[5, 1] += 1
    for name, rows in (("a", values), ("b", values), ("c", other)):
        _write(tmp_path / name, rows, step=2 if name == "b" else 3)
    a, b, c = (FeatureArray(tmp_path / n).fingerprint for n in "abc")
    assert a == b != c
