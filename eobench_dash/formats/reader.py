"""What every format shares: rows from a source go in, good records and a true report come out.

Rows are checked in the order vector, path, label, duplicate, picture, and a row counts under the first check it fails.
Large pictures are decoded in a few threads, some batches ahead; the order of the rows is kept. What the pictures
themselves say (their place, their bands) is taken from them on the way.
"""

import os
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.importing import (
    ImportIssue,
    ImportOptions,
    ImportReport,
    IssueKind,
    PatchRecord,
    VectorOrigin,
)
from eobench_dash.domain.labels import MAX_LABELS, clean_name
from eobench_dash.errors import BadInput, UnreadableDataset
from eobench_dash.formats.bands import BandsMet
from eobench_dash.formats.confine import Root, SeenPaths, relative_or_problem
from eobench_dash.formats.pictures import TIFF_SUFFIXES, Seen, check_picture, look_at_tiff
from eobench_dash.formats.tally import RowProblem, Tally

MAX_ROWS = 10_000_000
BATCH = 256
AHEAD = 4
SMALL_PICTURE = 48 << 10
"""Files up to this size are decoded at once: passing so short a piece of work to a thread costs more than doing it."""
HEAD_ROWS = 256
"""Rows looked at to settle the length of the feature vectors: the length that most of them have."""

_TWICE = "This path or name occurred before; the first is kept."

Progress = Callable[[int, int | None], None]
"""Called with (work done, work in all or None), in units of the format's own; it may raise to cancel."""


@dataclass(slots=True)
class Row:
    """A row as the source gives it. ``where`` names it for the user; ``vector`` is finite float32 of any length."""

    where: str
    path: str | None = None
    labels: tuple[str, ...] = ()
    vector: npt.NDArray[np.float32] | None = None
    lon: float | None = None
    lat: float | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


_Verdict = Seen | Future[Seen]
NO_OPTIONS = ImportOptions()


class DatasetReader(ABC):
    """One dataset being read. Use as a context manager; ``records()`` once, ``report()`` after it is exhausted.

    The arguments are those of ``formats.read``; with ``sample`` about so many rows are enough (previews).
    """

    from_folder = False
    to_choose = "the dataset's file"
    """Said to whoever chose a folder where a file is read, or the other way round."""

    def __init__(
        self,
        path: Path,
        *,
        root: Path | None = None,
        check_images: bool = True,
        progress: Progress | None = None,
        workdir: Path | None = None,
        sample: int | None = None,
        options: ImportOptions = NO_OPTIONS,
    ) -> None:
        if not (path.is_dir() if self.from_folder else path.is_file()):
            kind = "folder" if self.from_folder else "file"
            raise UnreadableDataset(f"{path.name} is not a {kind}; choose {self.to_choose}.")
        self._size = 0 if self.from_folder else path.stat().st_size
        if not (self._size or self.from_folder):
            raise UnreadableDataset(f"{path.name} is empty.")
        self._path, self._workdir, self._sample = path, workdir, sample
        self._root = Root(root or (path if self.from_folder else path.parent))
        self._check_images = check_images
        self._options = options
        self._bands = BandsMet(options)
        self._progress = progress
        self._tally = Tally()
        self._seen = SeenPaths()
        self._names: dict[str, str] = {}
        self._common_length: int | None = None
        self._length_is_given = False
        self._pool: ThreadPoolExecutor | None = None

    @property
    def root(self) -> Path:
        """The real folder that the records' paths are relative to."""
        return self._root.path

    @property
    def total_hint(self) -> int | None:
        """About how many rows there are, where that is known before reading them."""
        return None

    def label_hint(self) -> Mapping[str, int] | None:
        """Labels and their counts, where the source tells them without being read whole."""
        return None

    @property
    def pictures(self) -> bool:
        """Whether the rows' paths name pictures (else they are mere names, and nothing is looked for)."""
        return True

    @property
    def modality(self) -> str | None:
        """What the pixels show, where the data itself says so; to be asked when the records are exhausted."""
        return "sar" if self._options.unit == "dB" else None

    @property
    def attribution(self) -> str:
        """Whom the data is owed to, where its licence says how; "" otherwise."""
        return ""

    def band_notes(self) -> list[str]:
        """What a user should know of the bands of the pictures looked at so far."""
        return list(self._bands.notes(self._tally.labels))

    def source_params(self) -> dict[str, Any]:
        """What reading the pixels later takes (names of bands, unit, layout); to be asked after the records."""
        return self._bands.params(self._tally.labels)

    def origin(self) -> VectorOrigin | None:
        """Where the vectors come from, as far as the source says."""
        return VectorOrigin(self._options.source) if self._options.source else None

    @abstractmethod
    def _rows(self) -> Iterator[Row | ImportIssue]:
        """The source's rows in stable order; an issue stands for a row that could not be read."""

    def records(self) -> Iterator[PatchRecord]:
        """The good rows in stable order. UnreadableDataset where the source itself turns out broken."""
        rows = self._settle_length(self._rows())
        waiting: deque[list[tuple[Row, _Verdict]]] = deque()
        while batch := list(islice(rows, BATCH)):
            waiting.append([(row, self._look(row)) for row in self._first_checks(batch)])
            if len(waiting) > AHEAD:
                yield from self._finish(waiting.popleft())
        while waiting:
            yield from self._finish(waiting.popleft())
        self._last_notes()

    def report(self) -> ImportReport:
        """What was imported and what was not, so far."""
        return self._tally.report()

    def skip(self, paths: Iterable[str]) -> None:
        """Take these paths as seen before, so that an append leaves out what the dataset has already."""
        self._seen.add(list(paths))

    def expect_vectors(self, dim: int | None) -> None:
        """Say before reading what an append must bring, since every patch of a dataset has a vector or none has.

        With ``dim``, rows without a vector of that length are refused; with None, vectors are left out.
        """
        self._common_length, self._length_is_given = dim, True

    def note(self, sentence: str) -> None:
        """Add a sentence to the report's notes."""
        self._tally.note(sentence)

    def close(self) -> None:
        """Stop the threads and drop what was written on the side."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def advance(self, done: int, total: int | None) -> None:
        """Tell the progress callback."""
        if self._progress is not None:
            self._progress(done, total)

    def _settle_length(self, rows: Iterator[Row | ImportIssue]) -> Iterator[Row | ImportIssue]:
        head = list(islice(rows, HEAD_ROWS))
        if self._common_length is None and not self._length_is_given:
            lengths = Counter(len(r.vector) for r in head if isinstance(r, Row) and r.vector is not None)
            self._common_length = lengths.most_common(1)[0][0] if lengths else None
        self._tally.vector_dim = self._common_length
        return chain(head, rows)

    def _first_checks(self, batch: list[Row | ImportIssue]) -> list[Row]:
        """The rows of the batch that deserve a look at their picture, their paths and labels cleaned."""
        self._tally.total += len(batch)
        if self._tally.total > MAX_ROWS:
            raise UnreadableDataset(f"The dataset has more than {MAX_ROWS:,} rows; import it in parts.")
        passed = []
        for row in batch:
            if isinstance(row, ImportIssue):
                self._tally.bad(row)
                continue
            try:
                self._check_length(row)
                row.path = None if row.path is None else relative_or_problem(self._root, row.path)
                row.labels = tuple(dict.fromkeys(self._clean_label(raw) for raw in row.labels))
            except RowProblem as problem:
                self._reject(row, problem)
            else:
                passed.append(row)
        new = iter(self._seen.add([r.path for r in passed if r.path is not None]))
        unique = []
        for row in passed:
            if row.path is None or next(new):
                unique.append(row)
            else:
                self._reject(row, RowProblem(IssueKind.DUPLICATE_PATH, _TWICE))
        return unique

    def _check_length(self, row: Row) -> None:
        if self._length_is_given and self._common_length is None and row.vector is not None:
            row.vector = None
            self.note("The feature vectors were left out: the dataset's other patches have none.")
        length = None if row.vector is None else len(row.vector)
        if length != self._common_length:
            has, want = (f"a vector of {n}" if n is not None else "no vector" for n in (length, self._common_length))
            raise RowProblem(IssueKind.VECTOR_LENGTH, f"The row has {has}; most rows of this dataset have {want}.")

    def _clean_label(self, raw: str) -> str:
        name = self._names.get(raw)
        if name is None:
            try:
                name = clean_name(raw)
            except BadInput as error:
                raise RowProblem(IssueKind.BAD_LABEL, str(error)) from None
            if len(self._names) >= MAX_LABELS:
                raise RowProblem(IssueKind.BAD_LABEL, f"There are more than {MAX_LABELS:,} labels; this one is new.")
            self._names[raw] = name
        return name

    def look(self, path: str) -> ImportIssue | None:
        """Look at the picture of one record (for previews); None where it is fine, or there is none to look for."""
        if not self.pictures:
            return None
        try:
            seen = self._inspect(*self._root.locate(path))
            problem = seen.problem or self._bands.meet(seen)
        except RowProblem as missing:
            problem = missing
        return None if problem is None else ImportIssue(problem.kind, shown(path), str(problem))

    def _inspect(self, path: str, size: int) -> Seen:
        """Check one picture and take from it what it says. Called by several threads. RowProblem is in the answer."""
        try:
            check_picture(path, size)
            if os.path.splitext(path)[1].lower() in TIFF_SUFFIXES:  # noqa: PTH122 - once a file, and quick
                return look_at_tiff(path, measure=self._bands.wants_values)
        except RowProblem as problem:
            return Seen(problem)
        return Seen()

    def _look(self, row: Row) -> _Verdict:
        """What the row's picture shows or what is wrong with it, or the promise to find out."""
        if row.path is None or not self._check_images or not self.pictures:
            return Seen()
        try:
            path, size = self._root.locate(row.path)
        except RowProblem as problem:
            return Seen(problem)
        return self._inspect(path, size) if size <= SMALL_PICTURE else self._in_pool(self._inspect, path, size)

    def _in_pool(self, look: Callable[..., Seen], *given: Any) -> Future[Seen]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(min(16, os.cpu_count() or 1), thread_name_prefix="pictures")
        return self._pool.submit(look, *given)

    def _finish(self, batch: list[tuple[Row, _Verdict]]) -> Iterator[PatchRecord]:
        for row, verdict in batch:
            seen = verdict.result() if isinstance(verdict, Future) else verdict
            problem = seen.problem or self._bands.meet(seen)
            if problem is not None:
                self._reject(row, problem)
                continue
            if row.lon is None and seen.place is not None:
                row.lon, row.lat = seen.place
            self._tally.good(row.labels)
            yield PatchRecord(row.path, row.labels, row.vector, row.lon, row.lat, row.extra)

    def _reject(self, row: Row, problem: RowProblem) -> None:
        self._tally.bad(issue_of(row.where, row.path, problem))

    def _last_notes(self) -> None:
        for sentence in self.band_notes():
            self.note(sentence)
        if self._tally.counts[IssueKind.MISSING_FILE] and not self._tally.imported:
            self.note(
                f"No picture was found below {self.root.name or self.root}. Choose the folder that the paths start "
                "from, or import without checking the pictures."
            )


def issue_of(where: str, path: str | None, problem: RowProblem) -> ImportIssue:
    """The issue of a row, named by its place in the source and, where known, by its path."""
    named = path is not None and shown(path) != where
    return ImportIssue(problem.kind, f"{where}: {shown(path or '')}" if named else where, str(problem))


def shown(path: str) -> str:
    """A path as a report prints it: short, and without characters that cannot be printed or stored."""
    short = path if len(path) <= 200 else f"{path[:120]} … {path[-60:]}"
    return short if short.isprintable() else ascii(short)
