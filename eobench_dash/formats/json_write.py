"""Writing the paper's JSON. Numbers are the shortest decimals that give the same float32 back."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.importing import PatchRecord
from eobench_dash.errors import BadInput

Vectors = npt.NDArray[np.float32] | Iterable[npt.NDArray[np.float32]]
"""(rows, dim) float32, or blocks of it in order."""


def write(
    records: Iterable[PatchRecord],
    vectors: Vectors | None,
    out: Path,
    *,
    layout: Literal["columns", "records", "lines"] = "columns",
) -> int:
    """Write records with their vectors (``vectors``, else each record's own) to ``out``; returns the number of rows.

    Streams in one pass; ``out`` appears whole or not at all. BadInput where vectors and records differ in number.
    """
    temporary = out.with_name(f".{out.name}.part")
    try:
        with temporary.open("wb") as file:
            rows = _paired(records, vectors)
            count = _write_columns(rows, file) if layout == "columns" else _write_records(rows, file, layout == "lines")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return count


def _paired(records: Iterable[PatchRecord], vectors: Vectors | None) -> Iterator[tuple[PatchRecord, str | None]]:
    if vectors is None:
        for record in records:
            yield record, None if record.vector is None else _numbers(record.vector)
        return
    rows = (row for block in ([vectors] if isinstance(vectors, np.ndarray) else vectors) for row in block)
    for record in records:
        row = next(rows, None)
        if row is None:
            raise BadInput("There are fewer feature vectors than patches; compute the features again.")
        yield record, _numbers(row)
    if next(rows, None) is not None:
        raise BadInput("There are more feature vectors than patches; compute the features again.")


def _numbers(row: npt.NDArray[np.float32]) -> str:
    values = np.asarray(row, dtype=np.float32)
    texts: list[str] = values.astype("U").tolist()
    if not np.isfinite(values).all():
        texts = [t if ok else "null" for t, ok in zip(texts, np.isfinite(values), strict=True)]
    return f"[{', '.join(texts)}]"


def _labels(record: PatchRecord) -> str | list[str] | None:
    return list(record.labels) if len(record.labels) > 1 else (record.labels[0] if record.labels else None)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _write_records(rows: Iterable[tuple[PatchRecord, str | None]], file: IO[bytes], lines: bool) -> int:
    count = 0
    file.write(b"" if lines else b"[\n")
    for count, (record, numbers) in enumerate(rows, 1):
        fields: dict[str, Any] = {"path": record.path, "label": _labels(record)}
        if record.lon is not None and record.lat is not None:
            fields |= {"lon": record.lon, "lat": record.lat}
        fields |= {k: v for k, v in record.extra.items() if k not in fields}
        text = _dump(fields) if numbers is None else f'{_dump(fields)[:-1]}, "features": {numbers}}}'
        file.write(f"{',' if count > 1 and not lines else ''}{text}\n".encode("utf-8", "replace"))
    file.write(b"" if lines else b"]\n")
    return count


def _write_columns(rows: Iterable[tuple[PatchRecord, str | None]], file: IO[bytes]) -> int:
    """Features go straight to the file, the short columns by way of temporary files behind them."""
    count, any_vector, any_place, any_path = 0, False, False, False
    with ExitStack() as stack:
        columns = {k: stack.enter_context(tempfile.TemporaryFile(dir=Path(file.name).parent)) for k in _SHORT}
        file.write(b'{\n"features": [')
        for count, (record, numbers) in enumerate(rows, 1):
            comma = ",\n" if count > 1 else "\n"
            file.write(f"{comma}{numbers or 'null'}".encode())
            any_vector |= numbers is not None
            any_place |= record.lon is not None
            any_path |= record.path is not None
            for key, value in zip(_SHORT, (_labels(record), record.path, record.lon, record.lat), strict=True):
                columns[key].write(f"{comma}{_dump(value)}".encode("utf-8", "replace"))
        if not any_vector:
            file.seek(0)
            file.truncate()
            file.write(b"{")
        else:
            file.write(b"\n],")
        wanted = ["labels", *(["paths"] if any_path else []), *(["lon", "lat"] if any_place else [])]
        for n, key in enumerate(wanted):
            file.write(f'{"," if n else ""}\n"{key}": ['.encode())
            columns[key].seek(0)
            while chunk := columns[key].read(1 << 20):
                file.write(chunk)
            file.write(b"\n]")
        file.write(b"\n}\n")
    return count


_SHORT = ("labels", "paths", "lon", "lat")
