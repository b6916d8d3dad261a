"""Parallel arrays (features, labels, paths, …) of a JSON object, put on disk as they stream by and read back as rows.

The arrays may come in any order and only the first is ever at hand, so each is spooled: vectors as float32, the rest as
one line of JSON a row. Memory stays at a few bytes a row.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from eobench_dash.domain.importing import ImportIssue, IssueKind
from eobench_dash.errors import UnreadableDataset
from eobench_dash.formats.json_rows import decode, to_labels, to_lonlat, to_path, to_vector
from eobench_dash.formats.jsonscan import TOO_LONG
from eobench_dash.formats.reader import Row, issue_of
from eobench_dash.formats.tally import RowProblem

_NO_VECTOR = -1
_TOO_LONG_LINE = b"?"
"""Stands for a skipped value in a spooled column; it is no JSON."""


class Columns:
    """The spooled arrays. ``keep`` bounds the rows that are decoded (previews); all are counted."""

    def __init__(self, folder: Path, *, keep: int | None = None) -> None:
        self._folder = folder
        self._keep = keep
        self.counts: dict[str, int] = {}
        self._lengths = array("i")
        """Per row: numbers in its vector, _NO_VECTOR, or -2 - (index of its problem)."""
        self._problems: list[RowProblem] = []

    def add(self, role: str, elements: Iterator[bytes]) -> None:
        """Spool one array."""
        count = 0
        with (self._folder / role).open("wb") as file:
            for count, raw in enumerate(elements, 1):
                if self._keep is not None and count > self._keep:
                    continue
                if role == "features":
                    self._add_vector(raw, file)
                else:
                    # a raw line break can only be white space between values
                    file.write((_TOO_LONG_LINE if raw == TOO_LONG else raw.replace(b"\n", b" ")) + b"\n")
        self.counts[role] = count

    def common_length(self) -> int | None:
        """The length that most vectors have; None where there are none."""
        lengths = Counter(n for n in self._lengths if n >= 0)
        return lengths.most_common(1)[0][0] if lengths else None

    def check(self) -> int:
        """The number of rows. UnreadableDataset where the arrays differ in length."""
        if not self.counts.keys() & {"features", "paths"}:
            raise UnreadableDataset(
                "The file holds neither an array 'features' nor an array 'paths'; see the README for the layouts."
            )
        if len(set(self.counts.values())) > 1:
            sizes = ", ".join(f"{role} {count:,}" for role, count in self.counts.items())
            raise UnreadableDataset(f"The arrays have different lengths ({sizes}), so rows cannot be told apart.")
        return next(iter(self.counts.values()))

    def rows(self, class_names: Sequence[str] | None) -> Iterator[tuple[Row | ImportIssue, bool]]:
        """The rows, each with whether its coordinates had to be dropped."""
        total = self.check()
        kept = total if self._keep is None else min(total, self._keep)
        files: dict[str, IO[bytes]] = {role: (self._folder / role).open("rb") for role in self.counts}
        try:
            for n in range(kept):
                row = Row(f"row {n + 1}")
                try:
                    # every column is advanced before anything is looked at, so that a bad row shifts none
                    problem = self._read_vector(n, row, files)
                    raw = {role: file.readline()[:-1] for role, file in files.items() if role != "features"}
                    row.path = to_path(_value(raw.get("paths")))
                    if problem is not None:
                        raise problem
                    row.labels = to_labels(_value(raw.get("labels")), class_names)
                    if row.path is None and row.vector is None:
                        raise RowProblem(IssueKind.BAD_RECORD, "The row has neither a path nor features.")
                    dropped = _place(row, raw)
                except RowProblem as bad:
                    yield issue_of(row.where, row.path, bad), False
                else:
                    yield row, dropped
        finally:
            for file in files.values():
                file.close()

    def _add_vector(self, raw: bytes, file: IO[bytes]) -> None:
        try:
            vector = to_vector(decode(raw))
        except RowProblem as problem:
            known = next((i for i, p in enumerate(self._problems) if str(p) == str(problem)), None)
            if known is None:
                known = len(self._problems)
                self._problems.append(problem)
            self._lengths.append(-2 - known)
            return
        if vector is None:
            self._lengths.append(_NO_VECTOR)
        else:
            self._lengths.append(len(vector))
            file.write(vector.tobytes())

    def _read_vector(self, n: int, row: Row, files: dict[str, IO[bytes]]) -> RowProblem | None:
        if "features" not in files:
            return None
        length = self._lengths[n]
        if length <= -2:
            return self._problems[-2 - length]
        if length != _NO_VECTOR:
            row.vector = np.frombuffer(files["features"].read(4 * length), dtype=np.float32)
        return None


def _value(raw: bytes | None) -> object:
    return None if raw is None else decode(TOO_LONG if raw == _TOO_LONG_LINE else raw)


def _place(row: Row, raw: dict[str, bytes]) -> bool:
    try:
        row.lon, row.lat = to_lonlat(_value(raw.get("lon")), _value(raw.get("lat")))
    except ValueError:
        return True
    return False
