"""Vectors in a CSV file: one column a number (f0, f1 …, A00 … A63, dim_0 …) or one column with the whole vector.

A vector in one column is a JSON list, or what printing an array gives (``[0.1 0.2]``). The first line names the
columns. Fields are separated by commas, semicolons (then with decimal commas too) or tabs. A line that cannot be read
costs itself only.
"""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

from eobench_dash.domain.importing import IssueKind, VectorOrigin
from eobench_dash.errors import UnreadableDataset
from eobench_dash.formats.json_rows import MAX_DIM, decode, to_vector
from eobench_dash.formats.reader import shown
from eobench_dash.formats.roles import find_roles
from eobench_dash.formats.tally import RowProblem
from eobench_dash.formats.vectors import (
    Block,
    Vector,
    VectorReader,
    check_dim,
    described,
    finite_row,
    not_finite,
    rows_at_once,
)

SUFFIXES = frozenset({".csv", ".tsv"})
MAX_LINE = 2 << 20
SEPARATORS = (",", ";", "\t")
NO_LABEL = frozenset({"", "nan", "none", "null", "na", "n/a"})
_UNREADABLE = "\ufffd\n"
"""Stands for a line that was too long or no text."""


class CsvTable(VectorReader):
    """Reads one CSV file, line by line."""

    unit_of_rows = "line"

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        with path.open("rb") as file:
            self._separator, self._header = _header(_Lines(file), path.name)
        self._roles = find_roles(self._header)
        if not (self._roles.vector or self._roles.wide):
            raise UnreadableDataset(
                f"{path.name} has no column of vectors: neither one called embedding, features or vector, nor numbered "
                f"ones such as f0, f1, … (its columns: {shown(', '.join(self._header))})."
            )
        check_dim(max(len(self._roles.wide), 1), path.name)
        self._hint: int | None = None

    @property
    def total_hint(self) -> int | None:
        """Estimated from the bytes read so far."""
        return self._hint

    def origin(self) -> VectorOrigin | None:
        """What the user said; a CSV file says nothing of it."""
        return described(self._path.name, {"layout": "CSV table"}, self._options.source)

    def _names_pictures(self) -> bool:
        return "path" in self._roles.columns

    def _blocks(self) -> Iterator[Block]:
        self.note(self._roles.sentence())
        if self._roles.unused:
            self.note(f"Columns passed over: {shown(', '.join(self._roles.unused))}.")
        at = {name: i for i, name in reversed(list(enumerate(self._header)))}
        with self._path.open("rb") as file:
            lines = _Lines(file)
            _header(lines, self._path.name)
            rows = _rows(lines, self._separator)
            count, step = 0, rows_at_once(len(self._roles.wide) or MAX_DIM // 8)
            while found := list(islice(rows, step)):
                count += len(found)
                self._hint = max(count, count * self._size // max(file.tell(), 1))
                yield self._block(found, at)
                self.advance(min(file.tell(), self._size), self._size)

    def _block(self, rows: Sequence[tuple[int, list[str] | RowProblem]], at: dict[str, int]) -> Block:
        vectors: list[Vector] = []
        problems: dict[int, RowProblem] = {}
        columns: dict[str, list[Any]] = {role: [] for role in self._roles.columns}
        for place, (_, row) in enumerate(rows):
            if not isinstance(row, RowProblem) and len(row) != len(self._header):
                want = f"{len(self._header)} fields, as the first line has"
                row = RowProblem(IssueKind.BAD_RECORD, f"The line has {len(row)} fields in place of {want}.")
            if isinstance(row, RowProblem):
                problems[place] = row
                vectors.append(None)
                for values in columns.values():
                    values.append(None)
                continue
            vectors.append(self._vector(row, at))
            for role, name in self._roles.columns.items():
                columns[role].append(_value(role, row[at[name]], self._separator))
        return Block(vectors, columns, problems, [number for number, _ in rows])

    def _vector(self, row: list[str], at: dict[str, int]) -> Vector:
        try:
            if self._roles.vector:
                return _listed(row[at[self._roles.vector]])
            return _numbers([row[at[name]] for name in self._roles.wide], self._separator)
        except RowProblem as problem:
            return problem


class _Lines:
    """The lines of a file as text; those that are too long, or no UTF-8, as a stand-in for which ``problem`` is set."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.problem: RowProblem | None = None
        self._first = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_LINE + 1)
        if not line:
            raise StopIteration
        if self._first:
            self._first = False
            if line[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise UnreadableDataset("The file is UTF-16 text; save it as CSV in UTF-8 and import it again.")
            line = line.removeprefix(b"\xef\xbb\xbf")
        if len(line) > MAX_LINE:
            while line and not line.endswith(b"\n"):
                line = self._file.readline(MAX_LINE)
            self.problem = RowProblem(IssueKind.TOO_LARGE, f"The line is longer than {MAX_LINE >> 20} MB.")
            return _UNREADABLE
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            self.problem = RowProblem(IssueKind.BAD_RECORD, "The line is not UTF-8 text.")
            return _UNREADABLE


def looks_like(path: Path) -> bool:
    """Whether a file of this name is one to try."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def _header(lines: _Lines, name: str) -> tuple[str, list[str]]:
    """The separator and the names of the columns, from the first line."""
    first = next(iter(lines), "")
    if lines.problem is not None or "\0" in first:
        raise UnreadableDataset(f"The first line of {name} is not the names of columns in UTF-8 text.")
    separator = max(SEPARATORS, key=first.count)
    try:
        names = [column.strip() for column in next(csv.reader([first], delimiter=separator), [])]
    except csv.Error as error:
        raise UnreadableDataset(f"The first line of {name} cannot be read as names of columns ({error}).") from None
    if any(_is_fraction(column) for column in names):
        raise UnreadableDataset(f"The first line of {name} has to name the columns, but it holds numbers.")
    twice = next((column for column, n in Counter(names).items() if column and n > 1), None)
    if twice is not None:
        raise UnreadableDataset(f"{name} has two columns called {twice[:60]!r}; nobody can tell which is meant.")
    return separator, names


def _rows(lines: _Lines, separator: str) -> Iterator[tuple[int, list[str] | RowProblem]]:
    """(line number, fields) of each line after the first; empty lines are passed over."""
    csv.field_size_limit(MAX_LINE)  # one for the whole process; lines are bounded before they come here
    reader = csv.reader(lines, delimiter=separator)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            too_long = "field larger" in str(error)
            words = "A field is longer than can be read." if too_long else f"The line is no CSV ({error})."
            lines.problem = None
            yield reader.line_num + 1, RowProblem(IssueKind.TOO_LARGE if too_long else IssueKind.BAD_RECORD, words)
            continue
        problem, lines.problem = lines.problem, None
        if problem is not None:
            yield reader.line_num + 1, problem
        elif any("\0" in cell for cell in row):
            problem = RowProblem(IssueKind.BAD_RECORD, "The line holds bytes of value zero; this is no text.")
            yield reader.line_num + 1, problem
        elif row:
            yield reader.line_num + 1, row


def _listed(cell: str) -> Vector:
    """A vector written in one field."""
    text = cell.strip()
    if not text:
        return None
    if not text.startswith("["):
        raise RowProblem(IssueKind.BAD_RECORD, "The vector has to be a list of numbers such as [0.1, 0.2].")
    try:
        return to_vector(decode(text.encode()))
    except RowProblem:
        if "..." in text:
            raise RowProblem(
                IssueKind.BAD_RECORD, "The vector was shortened with '...' when it was printed; save it whole."
            ) from None
        return _numbers(text.strip("[]").replace(",", " ").split(), ",")


def _numbers(cells: Sequence[str], separator: str) -> Vector:
    if not 1 <= len(cells) <= MAX_DIM:
        raise RowProblem(IssueKind.TOO_LARGE, f"A vector has 1 to {MAX_DIM:,} numbers.")
    try:
        return finite_row([float(cell) for cell in cells])
    except ValueError:
        pass
    if any(not cell.strip() or cell.strip().casefold() in NO_LABEL for cell in cells):
        return not_finite()
    try:
        if separator == ";":
            return finite_row([float(cell.replace(",", ".")) for cell in cells])
    except ValueError:
        pass
    raise RowProblem(IssueKind.BAD_RECORD, "The vector holds something that is no number.")


def _value(role: str, cell: str, separator: str) -> Any:
    text = cell.strip()
    if role in {"lon", "lat"}:
        if text.casefold() in NO_LABEL:
            return None
        try:
            return float(text.replace(",", ".") if separator == ";" else text)
        except ValueError:
            return text
    if role == "label":
        return _labels(text)
    return text or None


def _labels(text: str) -> Any:
    """A label, or several where the field holds a JSON list or names separated by ``|``."""
    if text.startswith("[") and text.endswith("]"):
        try:
            return decode(text.encode())
        except RowProblem:
            return text
    if "|" in text:
        return [part.strip() for part in text.split("|") if part.strip()]
    return None if text.casefold() in NO_LABEL else text


def _is_fraction(cell: str) -> bool:
    """Whether a header's cell is a number that is no column number."""
    try:
        float(cell)
    except ValueError:
        return False
    return not cell.isdigit()
