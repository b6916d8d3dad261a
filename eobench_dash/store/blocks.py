"""Work in blocks: each is stored whole or not at all, and survives whatever ends the process that computed it.

A block is an uncompressed ``.npz`` called ``<number>-<sha256>.npz``; it takes that name in one rename after its bytes
are on the disk. So the folder's listing says what is done, and a file that is not what its name says is not a block.
``ledger.jsonl`` counts: one line for each time a block was stored (rows, sha256), so that nobody has to believe that
no block was stored twice.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import EOBenchError, NotFound, Unavailable
from eobench_dash.store.atomic import atomic_file, sync_folder
from eobench_dash.store.layout import private_folder

LEDGER = "ledger.jsonl"
LOCK = "lock"
LOOK_S = 0.25
_FILE = re.compile(r"(\d{6,})-([0-9a-f]{64})\.npz")
Arrays = Mapping[str, npt.NDArray[Any]]


def block_key(**what: Any) -> str:
    """A short name for what is computed, for the folder of its blocks: equal exactly when ``what`` (JSON values) is."""
    text = json.dumps(what, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class BlockFolder:
    """The finished blocks of one computation. Use as a context manager: one process at a time holds the folder.

    ``directory`` is made if need be; what an interrupted process left in it is put right: half-written files are
    removed, finished blocks are checked against their hashes and kept, damaged ones dropped (so they are ``missing``).
    ``tick`` is called while it waits for another process and while it checks; it may raise to give up. ``wait`` False:
    a folder that another one holds is Unavailable at once. Small files of the caller's own may lie beside the blocks.
    """

    def __init__(self, directory: Path, *, tick: Callable[[], None] = lambda: None, wait: bool = True) -> None:
        self.directory = directory
        self._tick, self._wait = tick, wait
        self._files: dict[int, Path] = {}
        self._rows: dict[int, int] = {}
        self._written: Counter[int] = Counter()
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        while self._lock is None:
            private_folder(self.directory)
            self._lock = _locked(self.directory / LOCK)
            if self._lock is None:  # another process is at the same work, or has just removed the folder
                if not self._wait:
                    raise Unavailable("Another process is at these blocks.")
                self._tick()
                time.sleep(LOOK_S)
        try:
            self._recover()
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._let_go()

    def missing(self, total: int) -> list[int]:
        """Numbers of 0..total-1 that are not stored."""
        return [number for number in range(total) if number not in self._files]

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, number: object) -> bool:
        return number in self._files

    @property
    def rows(self) -> int:
        """Rows in all blocks stored."""
        return sum(self._rows.values())

    @property
    def written(self) -> Mapping[int, int]:
        """How often each block was stored, in all the folder's life; more than once only where one was damaged."""
        return dict(self._written)

    def write(self, number: int, arrays: Arrays) -> None:
        """Store one block; its rows are the length of its first array. A block stored before is replaced.

        OSError where the disk refuses: the block is then not stored, the others are as they were.
        """
        buffer = BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        data = buffer.getbuffer()
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.directory / f"{number:06d}-{sha256}.npz"
        with atomic_file(path) as file:
            file.write(data)
        before = self._files.get(number)
        self._files[number], self._rows[number] = path, len(next(iter(arrays.values()), ()))
        self._count(number, sha256)
        if before is not None and before != path:
            before.unlink(missing_ok=True)

    def read(self, number: int) -> dict[str, npt.NDArray[Any]]:
        """The arrays of a block. NotFound where it is not stored; EOBenchError where it was damaged meanwhile (it is
        dropped, so that the next attempt does it again)."""
        path = self._files.get(number)
        if path is None:
            raise NotFound(f"Block {number} has not been computed yet.")
        data = _bytes(path)
        if data is None or hashlib.sha256(data).hexdigest() != _named(path)[1]:
            self._drop(number)
            raise EOBenchError(f"Block {number} was damaged on the disk. Retry: only this block is computed again.")
        with np.load(BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}

    def drop(self, number: int) -> None:
        """Forget a block, so that the next attempt computes it again."""
        if number in self._files:
            self._drop(number)

    def discard(self) -> None:
        """Remove the folder and all in it."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self._files, self._rows = {}, {}

    def _recover(self) -> None:
        self._files, self._rows, self._written = {}, {}, Counter()
        counted = set()
        for line in _ledger_lines(self.directory / LEDGER):
            self._written[line["block"]] += 1
            counted.add((line["block"], line["sha256"]))
        for path in sorted(self.directory.iterdir()):
            number, sha256 = _named(path)
            if number < 0:
                if path.name.endswith(".part"):
                    path.unlink(missing_ok=True)
                continue
            self._tick()
            rows = -1 if number in self._files else _rows_if_whole(path, sha256)
            if rows < 0:
                path.unlink(missing_ok=True)
                continue
            self._files[number], self._rows[number] = path, rows
            if (number, sha256) not in counted:  # stopped between the rename and the ledger
                self._count(number, sha256)

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.close()  # and with it goes the lock
            self._lock = None

    def _count(self, number: int, sha256: str) -> None:
        """One line in one write: a kill leaves all of it or nothing."""
        line = json.dumps({"block": number, "rows": self._rows[number], "sha256": sha256}) + "\n"
        with (self.directory / LEDGER).open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
        self._written[number] += 1

    def _drop(self, number: int) -> None:
        path = self._files.pop(number)
        self._rows.pop(number)
        path.unlink(missing_ok=True)
        sync_folder(self.directory)


def remove_blocks(parent: Path, prefix: str, *, but: Iterable[str] = ()) -> None:
    """Remove the block folders below ``parent`` whose names begin with ``prefix``, but those named."""
    kept = set(but)
    for folder in parent.iterdir() if parent.is_dir() else ():
        if folder.name.startswith(prefix) and folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _named(path: Path) -> tuple[int, str]:
    """Number and hash as the file's name has them; -1 where it is no block's."""
    found = _FILE.fullmatch(path.name)
    return (int(found[1]), found[2]) if found else (-1, "")


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _rows_if_whole(path: Path, sha256: str) -> int:
    """Rows of a block that is what its name says; -1 otherwise."""
    data = _bytes(path)
    if data is None or hashlib.sha256(data).hexdigest() != sha256:
        return -1
    try:
        with np.load(BytesIO(data), allow_pickle=False) as archive:
            return len(archive[archive.files[0]]) if archive.files else 0
    except (ValueError, OSError, EOFError, KeyError, TypeError, zipfile.BadZipFile):
        return -1


def _ledger_lines(path: Path) -> list[dict[str, Any]]:
    """The ledger's lines; a torn last one (a power cut) is cut off."""
    data = _bytes(path) or b""
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        os.truncate(path, len(whole))
    lines = []
    for text in whole.splitlines():
        try:
            line = json.loads(text)
            lines.append({"block": int(line["block"]), "sha256": str(line["sha256"])})
        except (ValueError, KeyError, TypeError):
            continue
    return lines


def _locked(path: Path) -> IO[bytes] | None:
    """The open lock file, ours until it is closed or this process ends; None where another one has it."""
    try:
        file = path.open("ab")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    file.close()
    return None
