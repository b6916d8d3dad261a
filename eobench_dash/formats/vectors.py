"""What the tables of vectors share: blocks of rows go in, checked rows come out. No pictures are needed for these."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.importing import ImportIssue, IssueKind, VectorOrigin
from eobench_dash.errors import UnreadableDataset
from eobench_dash.formats.json_rows import MAX_DIM, to_labels, to_lonlat, to_path
from eobench_dash.formats.reader import DatasetReader, Row, issue_of
from eobench_dash.formats.tally import RowProblem

BLOCK = 1024
"""Rows read at once, fewer where vectors are long."""
BLOCK_NUMBERS = 1 << 21
_BEYOND_FLOAT32 = 2.0**128 - 2.0**103  # from here on a number rounds to infinity

Vectors = npt.NDArray[np.float32]
Vector = Vectors | RowProblem | None


@dataclass
class Block:
    """Some rows: their vectors (or what is wrong with each), and per role the values (plain Python, None for none)."""

    vectors: Sequence[Vector]
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    problems: Mapping[int, RowProblem] = field(default_factory=dict)
    """Rows that could not be read at all, by their place in the block."""
    numbers: Sequence[int] | None = None
    """The rows' own numbers, where they are not simply counted."""


class VectorReader(DatasetReader):
    """Reads a file of vectors. ``_blocks`` is what a format has to give; labels, names and places are looked after."""

    unit_of_rows = "row"
    class_names: tuple[str, ...] | None = None

    to_choose = "the file that holds the vectors"

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        self._dropped_places = 0

    @property
    def pictures(self) -> bool:
        """Only where a column holds paths (names and ids are looked up nowhere)."""
        return self._names_pictures()

    def _names_pictures(self) -> bool:
        return False

    def _blocks(self) -> Iterator[Block]:
        """The rows in order."""
        raise NotImplementedError

    def _rows(self) -> Iterator[Row | ImportIssue]:
        number = 1
        for block in self._blocks():
            for place in range(len(block.vectors)):
                named = number if block.numbers is None else block.numbers[place]
                yield self._row(f"{self.unit_of_rows} {named}", block, place)
                number += 1
        origin = self.origin()
        if origin is not None:
            self.note(f"Vectors: {origin.summary}.")
        if self._dropped_places:
            self.note(f"{self._dropped_places:,} rows had coordinates of no place on Earth; imported without them.")

    def _row(self, where: str, block: Block, place: int) -> Row | ImportIssue:
        row = Row(where)
        try:
            if place in block.problems:
                raise block.problems[place]
            value = {role: values[place] for role, values in block.columns.items()}
            row.path = to_path(_name(value.get("path", value.get("id"))))
            vector = block.vectors[place]
            if isinstance(vector, RowProblem):
                raise vector
            if vector is None:
                raise RowProblem(IssueKind.VECTOR_LENGTH, "The row has no vector.")
            row.vector = vector
            row.labels = to_labels(value.get("label"), self.class_names)
            row.lon, row.lat = self._place(value.get("lon"), value.get("lat"))
        except RowProblem as problem:
            return issue_of(where, row.path, problem)
        return row

    def _place(self, lon: Any, lat: Any) -> tuple[float | None, float | None]:
        try:
            return to_lonlat(lon, lat)
        except ValueError:
            self._dropped_places += 1
            return None, None


def finite_rows(block: npt.NDArray[Any], *, scale: Callable[[Vectors], Vectors] | None = None) -> list[Vector]:
    """(n, dim) real numbers as float32 vectors; problems for rows with NaN, infinity or numbers beyond float32."""
    with np.errstate(over="ignore"):
        values = np.asarray(block, dtype=np.float32)
    if scale is not None:
        values = scale(values)
    good: list[bool] = np.isfinite(values).all(axis=1).tolist()  # type: ignore[assignment]
    return [row if ok else not_finite() for row, ok in zip(values, good, strict=True)]


def finite_row(values: Sequence[float]) -> Vector:
    """One row of Python numbers, as ``finite_rows``."""
    array = np.array(values, dtype=np.float64)
    if not np.abs(array).max() < _BEYOND_FLOAT32:
        return not_finite()
    return array.astype(np.float32)


def not_finite() -> RowProblem:
    """The problem of a vector with a number that is none."""
    return RowProblem(IssueKind.NOT_FINITE, "The vector holds NaN, infinity, a gap or a number beyond float32.")


def check_dim(dim: int, name: str) -> int:
    """The dimension, if vectors may be so long."""
    if not 1 <= dim <= MAX_DIM:
        raise UnreadableDataset(f"{name} holds vectors of {dim:,} numbers; an import takes 1 to {MAX_DIM:,}.")
    return dim


def rows_at_once(dim: int) -> int:
    """How many rows of so long vectors make a block."""
    return max(1, min(BLOCK, BLOCK_NUMBERS // max(dim, 1)))


def described(name: str, facts: Mapping[str, str], source: str) -> VectorOrigin:
    """An origin in one sentence: what the user said first, then the file's own facts."""
    kept = {key: text for key, text in ({"source": source} | dict(facts)).items() if text}
    words = [text if key in {"source", "layout"} else f"{key} {text}" for key, text in kept.items()]
    return VectorOrigin(", ".join([*words, f"from {name}"]), kept)


def _name(value: Any) -> Any:
    """Names may be numbers in tables; anything else is left to be refused."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return None if value == "" else value
