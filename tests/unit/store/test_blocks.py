"""Blocks: whole or not at all, whatever stops the process, and a counter that tells the truth."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eobench_dash.errors import EOBenchError, NotFound
from eobench_dash.store import blocks
from eobench_dash.store.blocks import LEDGER, BlockFolder, block_key, remove_blocks


def block(number: int, rows: int = 3) -> dict[str, np.ndarray]:
    return {"a": np.full((rows, 2), number, np.float32), "names": np.array([f"n{number}"] * rows)}


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.npz"))


def test_blocks_come_back_in_any_order(tmp_path: Path) -> None:
    with BlockFolder(tmp_path / "work") as folder:
        assert folder.missing(3) == [0, 1, 2]
        for number in (2, 0):
            folder.write(number, block(number, rows=number + 1))
        assert (folder.missing(3), folder.rows, len(folder)) == ([1], 4, 2)
    with BlockFolder(tmp_path / "work") as folder:
        assert (folder.missing(3), folder.rows, folder.written) == ([1], 4, {0: 1, 2: 1})
        np.testing.assert_array_equal(folder.read(2)["a"], block(2)["a"])
        assert folder.read(2)["names"].tolist() == ["n2"] * 3
        with pytest.raises(NotFound, match="Block 1 has not"):
            folder.read(1)
        folder.discard()
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    "harm", [lambda p: p.write_bytes(p.read_bytes()[:-9]), lambda p: p.write_bytes(b""), Path.unlink]
)
def test_damaged_blocks_are_found_and_done_again(tmp_path: Path, harm) -> None:
    with BlockFolder(tmp_path) as folder:
        for number in range(3):
            folder.write(number, block(number))
    harm(files(tmp_path)[1])
    with BlockFolder(tmp_path) as folder:
        assert folder.missing(3) == [1]
        folder.write(1, block(1))
        assert folder.written == {0: 1, 1: 2, 2: 1}
    with BlockFolder(tmp_path) as folder:
        assert folder.missing(3) == []
        one = files(tmp_path)[1]
        one.write_bytes(one.read_bytes()[:-1] + b"x")
        with pytest.raises(EOBenchError, match=r"Block 1 was damaged.*Retry"):
            folder.read(1)
        assert folder.missing(3) == [1]


def test_a_torn_ledger_and_unfinished_files_are_put_right(tmp_path: Path) -> None:
    with BlockFolder(tmp_path) as folder:
        folder.write(0, block(0))
        folder.write(1, block(1))
    ledger = tmp_path / LEDGER
    ledger.write_bytes(ledger.read_bytes()[:-20])  # the line of block 1 is torn
    (tmp_path / ".000002-x.npz.abc.part").write_bytes(b"half")
    (tmp_path / "state.npz").write_bytes(b"the caller's own")
    with BlockFolder(tmp_path) as folder:
        assert folder.missing(2) == []
        assert folder.written == {0: 1, 1: 1}
        folder.write(2, block(2))
    with BlockFolder(tmp_path) as folder:
        assert folder.written == {0: 1, 1: 1, 2: 1}
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob(".*.part"))
    assert (tmp_path / "state.npz").exists()


class Killed(BaseException):
    """As a kill: nothing that catches errors sees it."""


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=1, max_size=12))
def test_stopped_anywhere_no_block_is_lost_half_or_counted_twice(plan: list[tuple[int, int]]) -> None:
    """Each (number, moment): write that block, and be killed at that system call of it (later ones: not at all)."""
    with tempfile.TemporaryDirectory() as name:
        stored: set[int] = set()
        for number, moment in plan:
            with BlockFolder(Path(name)) as folder:
                assert folder.missing(5) == [n for n in range(5) if n not in stored]
                if number in stored:
                    continue
                with killed_at(moment) as calls:
                    folder.write(number, block(number))
            whole = [path for path in files(Path(name)) if path.name.startswith(f"{number:06d}")]
            if whole:  # it has taken its name: then it counts, whatever came after
                stored.add(number)
            else:
                assert len(calls) > moment
        with BlockFolder(Path(name)) as folder:
            assert {n for n in range(5) if n not in folder.missing(5)} == stored
            assert folder.written == dict.fromkeys(sorted(stored), 1)
            for number in stored:
                np.testing.assert_array_equal(folder.read(number)["a"], block(number)["a"])


class killed_at:
    """Replaces what the writer asks of the system: the ``moment``-th call does not happen any more."""

    def __init__(self, moment: int) -> None:
        self.moment, self.calls = moment, []

    def __enter__(self) -> list[str]:
        self.patch = pytest.MonkeyPatch()
        for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "open"), (Path, "unlink")):
            self.patch.setattr(owner, name, self._counted(getattr(owner, name), name))
        return self.calls

    def _counted(self, real, name):
        def call(*args, **options):
            self.calls.append(name)
            if len(self.calls) > self.moment:
                raise Killed
            return real(*args, **options)

        return call

    def __exit__(self, kind, error, trace) -> bool:
        self.patch.undo()
        return kind is Killed


def test_a_full_disk_refuses_one_block_and_keeps_the_others(tmp_path: Path, monkeypatch) -> None:
    with BlockFolder(tmp_path) as folder:
        folder.write(0, block(0))

        def full(handle: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr("eobench_dash.store.atomic.os.fsync", full)
            with pytest.raises(OSError, match="No space left"):
                folder.write(1, block(1))
        assert folder.missing(2) == [1]
        assert len(files(tmp_path)) == 1 and not list(tmp_path.glob(".*"))
        folder.write(1, block(1))
        assert folder.written == {0: 1, 1: 1}


def test_one_process_at_a_time(tmp_path: Path) -> None:
    class Impatient(Exception): ...

    def tick() -> None:
        raise Impatient

    with BlockFolder(tmp_path / "work") as folder:
        folder.write(0, block(0))
        with pytest.raises(Impatient), BlockFolder(tmp_path / "work", tick=tick):
            pass
    # a process that is killed lets go
    code = (
        "import os, sys; from pathlib import Path; from eobench_dash.store.blocks import BlockFolder\n"
        "f = BlockFolder(Path(sys.argv[1])).__enter__(); print('held', flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "work"], capture_output=True, text=True, check=False)
    assert done.stdout == "held\n"
    with BlockFolder(tmp_path / "work") as folder:
        assert folder.missing(1) == []


def test_a_folder_that_its_holder_removed_is_made_again(tmp_path: Path, monkeypatch) -> None:
    holder = BlockFolder(tmp_path / "work").__enter__()
    ticks = []

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 1:
            holder.discard()
            holder.__exit__(None, None, None)

    monkeypatch.setattr(blocks, "LOOK_S", 0.0)
    with BlockFolder(tmp_path / "work", tick=tick) as folder:
        folder.write(0, block(0))
    assert files(tmp_path / "work")


def test_keys_tell_what_is_computed_apart(tmp_path: Path) -> None:
    one = block_key(kind="a", params={"x": 1, "y": 2})
    assert one == block_key(params={"y": 2, "x": 1}, kind="a")
    assert one != block_key(kind="a", params={"x": 1, "y": 3})
    for name in ("features-a-1", "features-a-2", "features-ab-1"):
        (tmp_path / name).mkdir()
    remove_blocks(tmp_path, "features-a-", but=["features-a-2"])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["features-a-2", "features-ab-1"]
    remove_blocks(tmp_path / "none", "x")
