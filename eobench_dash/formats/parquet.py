"""Vectors in Parquet and GeoParquet files, row group by row group.

Published layouts that are known by name: Major TOM (unique_id, embedding, grid_cell, centre_lat, centre_lon …),
Earth Index (id, embedding, geometry, and the file's metadata ``emb``), Clay (index, embeddings, source_url, geometry),
and tables with one column a number (A00 … A63). Any other file does with a column of lists of numbers.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.importing import IssueKind, VectorOrigin
from eobench_dash.errors import UnreadableDataset
from eobench_dash.formats.json_rows import MAX_DIM
from eobench_dash.formats.parquet_geo import Places, geo_places
from eobench_dash.formats.reader import MAX_ROWS, shown
from eobench_dash.formats.roles import find_roles, plain
from eobench_dash.formats.tally import RowProblem
from eobench_dash.formats.vectors import (
    Block,
    Vector,
    VectorReader,
    check_dim,
    described,
    finite_rows,
    rows_at_once,
)

SUFFIXES = frozenset({".parquet", ".geoparquet", ".pq"})
MAX_COLUMNS = 20_000
MAX_GROUP_NUMBERS = 1 << 28
"""Numbers of a column in one row group: what decoding may hold in memory at once, at most 2 GB."""
MAX_METADATA = 1 << 20
_LAYOUTS = (
    ("Major TOM", {"unique_id", "embedding", "grid_cell"}),
    ("Clay", {"embeddings", "source_url"}),
    ("Earth Index", {"id", "embedding", "geometry"}),
)


class ParquetTable(VectorReader):
    """Reads one Parquet file; only the columns in use are touched."""

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        self._file = _opened(path)
        self._closed = False
        try:
            self._prepare()
        except BaseException as error:
            self.close()
            if isinstance(error, _broken()):
                raise self._damaged(error) from error
            raise

    def _prepare(self) -> None:
        schema = self._file.schema_arrow
        if len(schema.names) > MAX_COLUMNS or self._file.metadata.num_rows > MAX_ROWS:
            raise UnreadableDataset(
                f"{self._path.name} has more than {MAX_ROWS:,} rows or {MAX_COLUMNS:,} columns; import it in parts."
            )
        kinds = {name: schema.field(name).type for name in dict.fromkeys(schema.names) if schema.names.count(name) == 1}
        lists = [name for name, kind in kinds.items() if _is_vector(kind)]
        numbers = [name for name, kind in kinds.items() if _is_number(kind)]
        self._roles = find_roles(list(kinds), vectors=lists, numbers=numbers)
        if not (self._roles.vector or self._roles.wide):
            listed = f"; the lists {shown(', '.join(lists))} could each be it" if lists else ""
            raise UnreadableDataset(
                f"{self._path.name} has no column of vectors called embedding, embeddings, features or vector, and no "
                f"numbered ones such as A00, A01, …{listed} (its columns: {shown(', '.join(kinds))})."
            )
        if self._roles.vector and self._roles.vector not in lists:
            kind = kinds[self._roles.vector]
            raise UnreadableDataset(
                f"The column {self._roles.vector!r} holds {str(kind)[:60]}; a vector is a list of numbers."
            )
        if self._roles.wide:
            check_dim(len(self._roles.wide), self._path.name)
        self._check_groups()
        self._at_once = rows_at_once(len(self._roles.wide) or self._mean_length())
        self._metadata = _metadata(schema.metadata or {})
        self._scale, self._quantisation = _quantisation(self._metadata.get("emb"))
        self._places: Places | None = None
        if "geometry" in self._roles.columns:
            self._places = geo_places(self._metadata.get("geo"), self._roles.columns["geometry"], self.note)

    @property
    def total_hint(self) -> int | None:
        """As the file's footer says."""
        return int(self._file.metadata.num_rows)

    def origin(self) -> VectorOrigin | None:
        """What the user said, the layout, and what the file's metadata say of the model."""
        facts = {"layout": self._layout(), **_model(self._metadata.get("emb"))}
        if self._quantisation:
            facts["quantisation"] = self._quantisation
        return described(self._path.name, facts, self._options.source)

    def close(self) -> None:
        super().close()
        if not self._closed:
            self._file.close()
            self._closed = True

    def _names_pictures(self) -> bool:
        return "path" in self._roles.columns

    def _layout(self) -> str:
        names = {plain(name) for name in self._file.schema_arrow.names}
        known = next((name for name, columns in _LAYOUTS if columns <= names), None)
        return f"{known} Parquet" if known else "Parquet table"

    def _blocks(self) -> Iterator[Block]:
        self.note(self._roles.sentence())
        if self._roles.unused:
            self.note(f"Columns passed over: {shown(', '.join(self._roles.unused))}.")
        total, done = self.total_hint or 0, 0
        for batch in self._batches():
            yield self._block(batch)
            done += batch.num_rows
            self.advance(done, total)

    def _block(self, batch: Any) -> Block:
        try:
            columns = {role: _values(batch.column(name)) for role, name in self._roles.columns.items()}
            vectors = self._vectors(batch)
        except _broken() as error:
            raise self._damaged(error) from error
        geometry = columns.pop("geometry", None)
        if geometry is not None and self._places is not None:
            columns["lon"], columns["lat"] = self._places(geometry)
        return Block(vectors, columns)

    def _batches(self) -> Iterator[Any]:
        wanted = self._roles.wanted
        try:
            yield from self._file.iter_batches(batch_size=self._at_once, columns=wanted, use_threads=False)
        except _broken() as error:
            raise self._damaged(error) from error

    def _damaged(self, error: BaseException) -> UnreadableDataset:
        return UnreadableDataset(f"{self._path.name} is damaged ({_first_line(error)}). Copy it again.")

    def _vectors(self, batch: Any) -> list[Vector]:
        if self._roles.vector:
            return _lists(batch.column(self._roles.vector), self._scale)
        columns = (batch.column(name).to_numpy(zero_copy_only=False) for name in self._roles.wide)
        parts = [column.astype(np.float64, copy=False) for column in columns]
        return finite_rows(np.stack(parts, axis=1), scale=self._scale)

    def _mean_length(self) -> int:
        rows = max(self._file.metadata.num_rows, 1)
        return max(1, *(self._numbers(group) for group in range(self._file.metadata.num_row_groups)), 1) // rows or 1

    def _numbers(self, group: int) -> int:
        """Values of the vectors' column in a row group, as the footer says."""
        metadata = self._file.metadata.row_group(group)
        columns = (metadata.column(i) for i in range(metadata.num_columns))
        wanted = self._roles.vector or self._roles.wide[0]
        return max((c.num_values for c in columns if c.path_in_schema.split(".")[0] == wanted), default=0)

    def _check_groups(self) -> None:
        for group in range(self._file.metadata.num_row_groups):
            metadata = self._file.metadata.row_group(group)
            most = max((metadata.column(i).num_values for i in range(metadata.num_columns)), default=0)
            if most > MAX_GROUP_NUMBERS:
                raise UnreadableDataset(
                    f"A row group of {self._path.name} holds {most:,} numbers in one column; write the file with "
                    f"smaller row groups (at most {MAX_GROUP_NUMBERS:,} numbers each)."
                )


def looks_like(path: Path) -> bool:
    """Whether a file of this name is one to try."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def _opened(path: Path) -> Any:
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
    except _broken() as error:
        raise UnreadableDataset(
            f"{path.name} is no Parquet file, or its end is missing ({_first_line(error)})."
        ) from error


def _broken() -> tuple[type[Exception], ...]:
    """What pyarrow raises on damaged files (names that are no UTF-8 among them: a ValueError)."""
    import pyarrow as pa

    return (pa.ArrowException, OSError, ValueError, OverflowError)


def _first_line(error: BaseException) -> str:
    return shown(str(error).splitlines()[0] if str(error) else type(error).__name__)


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _is_vector(kind: Any) -> bool:
    import pyarrow as pa

    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(is_list and _is_number(kind.value_type))


def _lists(column: Any, scale: Callable[..., Any] | None) -> list[Vector]:
    """The rows of a column of lists, a gap inside one being NaN."""
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    lengths = np.nan_to_num(np.asarray(lengths, dtype=np.float64), nan=-1).astype(np.int64)
    flat = np.asarray(column.flatten().to_numpy(zero_copy_only=False))
    if flat.dtype == object:
        flat = flat.astype(np.float64)
    if len(lengths) and lengths.min() == lengths.max() and 1 <= lengths[0] <= MAX_DIM:
        return finite_rows(flat.reshape(len(lengths), lengths[0]), scale=scale)
    starts = np.concatenate([[0], np.cumsum(np.maximum(lengths, 0))])
    return [_one(flat[starts[i] : starts[i] + n], n, scale) for i, n in enumerate(lengths.tolist())]


def _one(values: npt.NDArray[Any], length: int, scale: Callable[..., Any] | None) -> Vector:
    if length < 1:
        return None
    if length > MAX_DIM:
        return RowProblem(IssueKind.TOO_LARGE, f"A vector has at most {MAX_DIM:,} numbers.")
    return finite_rows(values[None], scale=scale)[0]


def _values(column: Any) -> list[Any]:
    """Python values; a string that is no UTF-8 becomes a mark that no label and no path may hold."""
    try:
        values: list[Any] = column.to_pylist()
    except (UnicodeDecodeError, ValueError, OverflowError):
        values = [_value(cell) for cell in column]
    return values


def _value(cell: Any) -> Any:
    try:
        return cell.as_py()
    except (UnicodeDecodeError, ValueError, OverflowError):
        return "\udcff"


def _metadata(raw: dict[bytes, bytes]) -> dict[str, Any]:
    """The JSON values under ``geo`` and ``emb``; what cannot be read is left out."""
    found = {}
    for key in ("geo", "emb"):
        text = raw.get(key.encode(), b"")
        if 0 < len(text) <= MAX_METADATA:
            try:
                found[key] = json.loads(text)
            except (ValueError, RecursionError):
                continue
    return found


def _model(emb: Any) -> dict[str, str]:
    """What Earth Index's metadata say of the model, as short texts."""
    if not isinstance(emb, dict):
        return {}
    embedding = emb.get("embedding")
    model = emb.get("model")
    facts = {
        "model": model.get("id") or model.get("name") if isinstance(model, dict) else model,
        "model source": model.get("source") if isinstance(model, dict) else None,
        "data": emb.get("datasets"),
        "date": emb.get("datetime"),
        "dimension": embedding.get("dim") if isinstance(embedding, dict) else None,
    }
    return {key: shown(value if isinstance(value, str) else json.dumps(value)) for key, value in facts.items() if value}


def _quantisation(emb: Any) -> tuple[Callable[..., Any] | None, str]:
    """How stored numbers become the vector's, and what to say of it. Linear scales are applied, others only told."""
    embedding = emb.get("embedding") if isinstance(emb, dict) else None
    told = embedding.get("quantization") if isinstance(embedding, dict) else None
    if not told:
        return None, ""
    words = shown(told if isinstance(told, str) else json.dumps(told))
    if isinstance(told, dict) and type(told.get("scale")) in (int, float):
        offset = told.get("offset", 0)
        if type(offset) in (int, float):
            factor, shift = float(told["scale"]), float(offset)
            return lambda values: values * np.float32(factor) + np.float32(shift), f"{words}, undone"
    return None, words
