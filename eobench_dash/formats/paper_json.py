"""The paper's JSON: image features, labels and file paths. Reading (writing is in json_write).

Layouts understood (keys are tolerant, see json_rows.KEYS):

* one object of parallel arrays: ``{"features": [[…], …], "labels": ["sea", null, …], "paths": ["a/1.png", …]}``,
  with ``lon``/``lat`` arrays and ``class_names`` (for labels given as numbers) if wished;
* a list of records: ``[{"path": "a/1.png", "label": "sea", "features": […]}, …]``, or under a key ``records``;
* one record a line (NDJSON).

A label is text or a whole number; null, "" or a missing one means unlabelled; an array means several, primary first.
Paths are relative to the root, or absolute below it. A bare NaN or Infinity costs its own row only.
"""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from eobench_dash.domain.importing import ImportIssue, IssueKind
from eobench_dash.errors import UnreadableDataset
from eobench_dash.formats.json_columns import Columns
from eobench_dash.formats.json_rows import KEYS, decode, record_row, role_of
from eobench_dash.formats.jsonscan import MAX_ROW_BYTES, JsonScanner
from eobench_dash.formats.reader import DatasetReader, Row, issue_of
from eobench_dash.formats.tally import RowProblem

SUFFIXES = frozenset({".json", ".jsonl", ".ndjson", ".geojson"})
LINES_SUFFIXES = frozenset({".jsonl", ".ndjson"})
_RECORD_KEYS = frozenset({"data", "records", "items", "samples", "rows", "dataset", *KEYS["paths"]})
_CLASS_NAME_KEYS = frozenset({"class_names", "label_names", "classnames"})
_BOM = b"\xef\xbb\xbf"


class PaperJson(DatasetReader):
    """Reads one JSON file. The arrays of the column layout are spooled to a folder of their own below ``workdir``."""

    to_choose = "the dataset's JSON file"

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        self._spool: Path | None = None
        self._hint: int | None = None
        self._class_names: tuple[str, ...] | None = None
        self._dropped_places = 0

    @property
    def total_hint(self) -> int | None:
        """Exact once the arrays are spooled; for records estimated from the bytes read so far."""
        return self._hint

    def close(self) -> None:
        super().close()
        if self._spool is not None:
            shutil.rmtree(self._spool, ignore_errors=True)
            self._spool = None

    def _rows(self) -> Iterator[Row | ImportIssue]:
        if _one_record_a_line(self._path):
            yield from self._line_rows()
        else:
            with self._path.open("rb") as file:
                scanner = JsonScanner(file, on_read=self._on_read)
                yield from self._document_rows(scanner)
                if scanner.peek():
                    raise scanner.broken("there is more after the end of the dataset")
        if self._dropped_places:
            self.note(f"{self._dropped_places:,} rows had coordinates of no place on Earth; imported without them.")

    def _document_rows(self, scanner: JsonScanner) -> Iterator[Row | ImportIssue]:
        match scanner.peek():
            case b"[":
                yield from self._record_rows(scanner.elements(), scanner)
            case b"{":
                yield from self._object_rows(scanner)
            case _:
                raise scanner.broken("a dataset is an object of arrays, an array of records, or one record a line")

    def _object_rows(self, scanner: JsonScanner) -> Iterator[Row | ImportIssue]:
        columns = Columns(self._new_spool(), keep=self._sample)
        met: set[str] = set()
        records_key = ""
        for raw_key in scanner.members():
            key = _key(raw_key, met)
            role = role_of(key)
            plain = key.strip().casefold()
            if scanner.peek() == b"[" and (role or plain in _RECORD_KEYS):
                elements = scanner.elements()
                first = next(elements, None)
                if first is not None and first[:1] == b"{" and plain in _RECORD_KEYS:
                    records_key = key
                    yield from self._record_rows(chain([first], elements), scanner)
                elif role and role not in columns.counts:
                    columns.add(role, elements if first is None else chain([first], elements))
                else:
                    self._ignore(key, elements)
            elif plain in _CLASS_NAME_KEYS and scanner.peek() == b"[":
                self._class_names = _class_names(scanner.value())
            elif role and scanner.value() != b"null":
                raise UnreadableDataset(f"The key {key!r} has to hold an array with one entry a row.")
            elif not role:
                scanner.value()
                self._ignore(key, iter(()))
        if not records_key:
            yield from self._column_rows(columns)
        elif columns.counts:
            raise UnreadableDataset(f"The file holds records under {records_key!r} and arrays too; give one of them.")

    def _column_rows(self, columns: Columns) -> Iterator[Row | ImportIssue]:
        self._hint = columns.check()
        if not self._length_is_given:
            self._common_length = columns.common_length()
        for n, (row, dropped) in enumerate(columns.rows(self._class_names)):
            self._dropped_places += dropped
            if n % 1024 == 0:
                self.advance(self._size + self._size * n // self._hint, 2 * self._size)
            yield row
        self.advance(2 * self._size, 2 * self._size)

    def _record_rows(self, elements: Iterator[bytes], scanner: JsonScanner) -> Iterator[Row | ImportIssue]:
        for n, raw in enumerate(elements, 1):
            yield self._row(f"row {n}", raw)
            if n % 256 == 0:
                self._hint = n * self._size // scanner.position
        self.advance(self._size, self._size)

    def _line_rows(self) -> Iterator[Row | ImportIssue]:
        n = done = 0
        with self._path.open("rb") as file:
            while line := file.readline(MAX_ROW_BYTES + 1):
                n, done = n + 1, done + len(line)
                too_long = len(line) > MAX_ROW_BYTES
                while too_long and line and not line.endswith(b"\n"):
                    line = file.readline(MAX_ROW_BYTES)
                    done += len(line)
                if n % 256 == 1:
                    self._hint = n * self._size // done
                    self.advance(done, self._size)
                if too_long:
                    yield self._row(f"line {n}", b"")
                elif raw := line.removeprefix(_BOM if n == 1 else b"").strip():
                    yield self._row(f"line {n}", raw)

    def _row(self, where: str, raw: bytes) -> Row | ImportIssue:
        try:
            row, dropped = record_row(where, raw)
        except RowProblem as problem:
            return issue_of(where, problem.path, problem)
        self._dropped_places += dropped
        return row

    def _on_read(self, position: int) -> None:
        # the column layout is walked twice: once to spool, once row by row
        self.advance(min(position, self._size), 2 * self._size if self._spool else self._size)

    def _ignore(self, key: str, elements: Iterator[bytes]) -> None:
        for _ in elements:
            pass
        self.note(f"The key {key[:60]!r} is not one that an import uses; it was passed over.")

    def _new_spool(self) -> Path:
        self._spool = Path(tempfile.mkdtemp(prefix="import-", dir=self._workdir))
        return self._spool


def looks_like(path: Path) -> bool:
    """Whether a file of this name is one to try."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def _key(raw: bytes, met: set[str]) -> str:
    try:
        key = str(decode(raw))
    except RowProblem as problem:
        raise UnreadableDataset(f"A key of the JSON file cannot be read: {problem}") from None
    if key in met:
        raise UnreadableDataset(f"The JSON file gives the key {key[:60]!r} twice; nobody can tell which is meant.")
    met.add(key)
    return key


def _class_names(raw: bytes) -> tuple[str, ...]:
    try:
        names = decode(raw)
    except RowProblem as problem:
        raise UnreadableDataset(f"The class names cannot be read: {problem}") from None
    if not all(isinstance(name, str) for name in names):
        raise UnreadableDataset("The class names have to be an array of texts.")
    return tuple(names)


def _one_record_a_line(path: Path) -> bool:
    """NDJSON: by its suffix, or because the first line is a whole record and more follow (or nothing at all)."""
    if path.suffix.lower() in LINES_SUFFIXES:
        return True
    with path.open("rb") as file:
        first = file.readline(MAX_ROW_BYTES + 1).removeprefix(_BOM).strip()
        if len(first) > MAX_ROW_BYTES or first[:1] != b"{" or first[-1:] != b"}":
            return False
        following = file.readline(64)
        while following and not following.strip():
            following = file.readline(64)
    try:
        row, _ = record_row("line 1", first)
    except RowProblem as problem:
        return following[:1] == b"{" and problem.kind is not IssueKind.TOO_LARGE
    return not following or following[:1] == b"{" or row.path is not None
