"""Feature sets on disk: float32 rows in append-only blocks that are memory-mapped, and a ledger that says what counts.

A block is a raw little-endian file of at most BLOCK_ROWS rows. The ledger is replaced atomically after the rows it
names are on the disk; bytes beyond the ledger do not exist for readers and are cut off by the next writer.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import BadInput, Conflict, EOBenchError, NotFound
from eobench_dash.store.atomic import atomic_file, sync_folder
from eobench_dash.store.layout import private_folder

BLOCK_ROWS = 65_536
LEDGER = "ledger.json"
DTYPE = np.dtype("<f4")
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Block:
    """One block as the ledger has it; ``sha256`` is of its ``rows`` rows."""

    file: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Ledger:
    """What a feature folder holds."""

    dim: int
    blocks: tuple[Block, ...] = ()

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(block.rows for block in self.blocks)

    @property
    def fingerprint(self) -> str:
        """A hash of all values: equal exactly when the arrays are."""
        whole = f"{self.dim}:" + ",".join(f"{b.rows}:{b.sha256}" for b in self.blocks)
        return hashlib.sha256(whole.encode()).hexdigest()


class FeatureWriter:
    """Appends rows to a feature folder. Use as a context manager: without ``commit`` nothing new is left behind.

    A new ``directory`` is made (in a job's scratch folder; ``commit(final)`` moves it in place in one rename).
    One with a ledger is continued behind its last row: after ``checkpoint`` by a killed job, or to append to a finished
    set (``commit()`` without a place). BadInput where ``dim`` differs from what is there.
    """

    def __init__(self, directory: Path, dim: int, *, block_rows: int = BLOCK_ROWS) -> None:
        if dim < 1:
            raise BadInput("A feature vector has at least one number.")
        self._folder = directory
        self._block_rows = block_rows
        self._existed = (directory / LEDGER).exists()
        private_folder(directory)
        self._ledger = read_ledger(directory) if self._existed else Ledger(dim)
        if self._ledger.dim != dim:
            raise BadInput(f"These features have {self._ledger.dim} numbers a patch; {dim} cannot be appended to them.")
        self._file: IO[bytes] | None = None
        self._hash = hashlib.sha256()
        self._open_rows = 0
        self._done = list(self._ledger.blocks)
        self._drop_surplus()
        self._reopen_last()
        self._closed = False

    @property
    def rows(self) -> int:
        """Rows written so far, those of before included."""
        return sum(block.rows for block in self._done) + self._open_rows

    def append(self, array: npt.ArrayLike) -> None:
        """Append (m, dim) values. BadInput for another shape or values that are not finite."""
        rows = np.ascontiguousarray(array, dtype=DTYPE)
        if rows.ndim != 2 or rows.shape[1] != self._ledger.dim:
            raise BadInput(f"Expected rows of {self._ledger.dim} numbers, got an array of shape {rows.shape}.")
        if not np.isfinite(rows).all():
            raise BadInput("A feature vector holds NaN or infinity; leave such patches out.")
        while len(rows):
            here, rows = np.split(rows, [self._block_rows - self._open_rows])
            if self._file is None:
                self._file = (self._folder / _block_name(len(self._done))).open("ab")
            data = here.tobytes()
            self._file.write(data)
            self._hash.update(data)
            self._open_rows += len(here)
            if self._open_rows == self._block_rows:
                self._end_block()

    def checkpoint(self) -> None:
        """Make the rows so far durable and known, so that they survive a kill and a next writer goes on behind them."""
        blocks = list(self._done)
        if self._file is not None:
            self._sync()
            blocks.append(Block(_block_name(len(blocks)), self._open_rows, self._hash.hexdigest()))
        self._write_ledger(blocks)

    def commit(self, final: Path | None = None) -> Ledger:
        """Finish; with ``final`` the folder takes that name. Conflict where something is there already."""
        self.checkpoint()
        self._close()
        if final is not None and final != self._folder:
            private_folder(final.parent)
            try:
                self._folder.rename(final)
            except OSError as error:
                message = f"The features cannot be stored ({error.strerror}); they may be there already."
                raise Conflict(message) from error
            sync_folder(final.parent)
        return self._ledger

    def abort(self) -> None:
        """Drop what was not checkpointed or, for a new folder, everything."""
        self._close()
        if self._existed:
            self._drop_surplus()
        else:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._closed:
            self.abort()

    def _reopen_last(self) -> None:
        if not self._done or self._done[-1].rows >= self._block_rows:
            return
        last = self._done.pop()
        self._file = (self._folder / last.file).open("r+b")
        self._hash = hashlib.file_digest(self._file, "sha256")
        self._open_rows = last.rows
        if self._hash.hexdigest() != last.sha256:
            self._close()
            raise damaged(self._folder, last)

    def _drop_surplus(self) -> None:
        """Cut off what lies beyond the ledger."""
        known = {block.file: block.rows * self._ledger.dim * DTYPE.itemsize for block in self._ledger.blocks}
        for path in self._folder.glob("*.f32"):
            if path.name not in known:
                path.unlink()
            elif path.stat().st_size > known[path.name]:
                os.truncate(path, known[path.name])

    def _end_block(self) -> None:
        self._sync()
        self._done.append(Block(_block_name(len(self._done)), self._open_rows, self._hash.hexdigest()))
        self._close_file()

    def _sync(self) -> None:
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._hash, self._open_rows = None, hashlib.sha256(), 0

    def _close(self) -> None:
        self._closed = True
        self._close_file()

    def _write_ledger(self, blocks: Sequence[Block]) -> None:
        self._ledger = Ledger(self._ledger.dim, tuple(blocks))
        text = {"version": 1, "dtype": "float32", "byte_order": "little", "rows": self._ledger.rows}
        with atomic_file(self._folder / LEDGER) as file:
            file.write(json.dumps({**text, **asdict(self._ledger)}, indent=1).encode())


class FeatureArray:
    """A feature set (rows, dim) float32, memory-mapped: opening costs no reading, and rows are read when touched.

    ``rows`` bounds it to the first rows (a reader may know of fewer than an appending writer). NotFound where there is
    no feature set; EOBenchError where it is damaged.
    """

    def __init__(self, directory: Path, *, rows: int | None = None) -> None:
        self._folder = directory
        self.ledger = read_ledger(directory)
        self.shape = (self.ledger.rows if rows is None else rows, self.ledger.dim)
        if self.shape[0] > self.ledger.rows:
            raise damaged(directory, None)
        self._starts = np.cumsum([0, *(block.rows for block in self.ledger.blocks)])
        self._maps = [_map(directory, block, self.ledger.dim) for block in self.ledger.blocks]

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def dim(self) -> int:
        """Numbers a patch."""
        return self.shape[1]

    @property
    def fingerprint(self) -> str:
        """Ledger.fingerprint."""
        return self.ledger.fingerprint

    def take(self, ordinals: npt.ArrayLike) -> Array:
        """The rows of ``ordinals`` (k,), in that order, as a new array (k, dim). NotFound for one out of range."""
        wanted = np.asarray(ordinals, dtype=np.int64).reshape(-1)
        if len(wanted) and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise NotFound(f"There are features for patches 0 to {len(self) - 1} only; compute the features again.")
        out = np.empty((len(wanted), self.dim), dtype=np.float32)
        block_of = np.searchsorted(self._starts, wanted, side="right") - 1
        for block in np.unique(block_of):
            here = block_of == block
            out[here] = self._maps[block][wanted[here] - self._starts[block]]
        return out

    def rows(self, start: int, stop: int) -> Array:
        """Rows start..stop as an array (stop - start, dim); a view where one block has them. Clipped like a slice."""
        start, stop, _ = slice(start, stop).indices(len(self))
        parts = [
            values[max(start - first, 0) : stop - first]
            for first, values in zip(self._starts[:-1], self._maps, strict=True)
            if first < stop and first + len(values) > start
        ]
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty((0, self.dim), np.float32), *parts])

    def blocks(self) -> Iterator[Array]:
        """The rows block by block, in order, as read-only views."""
        for start, values in zip(self._starts[:-1], self._maps, strict=True):
            if start < len(self):
                yield values[: len(self) - start]

    def as_array(self) -> Array:
        """All rows; no copy where there is one block, else one in memory."""
        return self.rows(0, len(self))

    def verify(self) -> None:
        """Read everything and compare with the ledger's hashes; EOBenchError names the first damaged block."""
        for block, values in zip(self.ledger.blocks, self._maps, strict=True):
            if hashlib.sha256(values.data).hexdigest() != block.sha256:
                raise damaged(self._folder, block)


def read_ledger(directory: Path) -> Ledger:
    """The ledger of a feature folder. NotFound where there is none; EOBenchError where it cannot be read."""
    try:
        data: Any = json.loads((directory / LEDGER).read_bytes())
        if data["version"] != 1 or data["dtype"] != "float32":
            raise EOBenchError("This feature set was written by a newer EO Bench; update, or compute it again.")
        blocks = (Block(str(b["file"]), int(b["rows"]), str(b["sha256"])) for b in data["blocks"])
        return Ledger(int(data["dim"]), tuple(blocks))
    except FileNotFoundError:
        raise NotFound("These features are not on disk; compute them again.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(directory, None) from error


def damaged(directory: Path, block: Block | None) -> EOBenchError:
    """The error for files that are not what the ledger says."""
    what = "ledger" if block is None else f"block {block.file}"
    return EOBenchError(f"The {what} of feature set {directory.name} is damaged; compute the features again.")


def _map(directory: Path, block: Block, dim: int) -> Array:
    path = directory / Path(block.file).name
    try:
        return np.memmap(path, dtype=DTYPE, mode="r", shape=(block.rows, dim))
    except (OSError, ValueError) as error:
        raise damaged(directory, block) from error


def _block_name(number: int) -> str:
    return f"block-{number:05d}.f32"
