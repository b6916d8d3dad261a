"""One row of the paper's JSON: from raw bytes to values, with a sentence for whatever is wrong."""

import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import ijson
import numpy as np
import numpy.typing as npt

from eobench_dash.domain.importing import IssueKind, valid_lonlat
from eobench_dash.formats.jsonscan import MAX_DEPTH, MAX_ROW_BYTES, TOO_LONG
from eobench_dash.formats.reader import Row
from eobench_dash.formats.tally import RowProblem

try:  # the C parser reads numbers twice as fast as json.loads; what it refuses, json.loads looks at again.
    # The _gen functions skip the guessing of what kind of source they get, which costs as much as a short row.
    import ijson.backends.yajl2_c as ijson_fast
except ImportError:
    ijson_fast = None

MAX_DIM = 16_384
MAX_EXTRA = 32
MAX_EXTRA_LENGTH = 500

KEYS: Mapping[str, tuple[str, ...]] = {
    "features": ("features", "feature", "feature_vector", "feature_vectors", "vectors", "vector", "embeddings",
                 "embedding", "descriptors", "descriptor", "image_features", "x"),
    "labels": ("labels", "label", "classes", "class", "class_label", "categories", "category", "targets", "target",
               "annotations", "annotation", "image_labels", "y"),
    "paths": ("paths", "path", "file_paths", "file_path", "filepaths", "filepath", "files", "file", "filenames",
              "filename", "file_names", "file_name", "image_paths", "image_path", "img_path", "img_paths", "images",
              "image", "patches", "patch"),
    "lon": ("lon", "lons", "longitude", "longitudes", "lng"),
    "lat": ("lat", "lats", "latitude", "latitudes"),
}  # fmt: skip
"""The keys each field is known by (case, hyphens and blanks do not matter). The first is what we write."""
_ROLES = {alias: role for role, aliases in KEYS.items() for alias in aliases}
_NUMBERS = frozenset({int, float})
_BEYOND_FLOAT32 = 2.0**128 - 2.0**103  # from here on a number rounds to infinity


def role_of(key: str) -> str | None:
    """Which field a key names."""
    return _ROLES.get(key.strip().casefold().replace("-", "_").replace(" ", "_"))


def decode(raw: bytes) -> Any:
    """The value of one row's bytes; an object becomes a list of its (key, value) pairs. RowProblem if unreadable."""
    if raw == TOO_LONG:
        raise RowProblem(
            IssueKind.TOO_LARGE, f"The row is longer than {MAX_ROW_BYTES >> 20} MB or nested deeper than {MAX_DEPTH}."
        )
    if ijson_fast is not None:
        try:
            if raw[:1] == b"{":
                return list(ijson_fast.kvitems_gen(io.BytesIO(raw), "", use_float=True))
            if raw[:1] == b"[":
                return next(ijson_fast.items_gen(io.BytesIO(raw), "", use_float=True))
        except (ijson.common.JSONError, ValueError, OverflowError, StopIteration):
            pass
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise RowProblem(IssueKind.BAD_RECORD, "The row is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        raise RowProblem(IssueKind.BAD_RECORD, f"The row is not valid JSON ({error.msg}).") from None
    except (ValueError, RecursionError):
        raise RowProblem(IssueKind.BAD_RECORD, "The row holds a number that is too long to read.") from None
    return list(value) if isinstance(value, _Pairs) else value


class _Pairs(list[tuple[str, Any]]):
    """An object as pairs, so that a key given twice is seen."""


_DECODER = json.JSONDecoder(object_pairs_hook=_Pairs)


def to_vector(value: Any) -> npt.NDArray[np.float32] | None:
    """A feature vector (dim,) float32, finite; None for null or an empty array. RowProblem otherwise."""
    if value is None or value == []:
        return None
    if not isinstance(value, list) or isinstance(value, _Pairs):
        raise RowProblem(IssueKind.BAD_RECORD, "The features have to be an array of numbers.")
    if len(value) > MAX_DIM:
        raise RowProblem(IssueKind.TOO_LARGE, f"A feature vector has at most {MAX_DIM:,} numbers.")
    kinds = set(map(type, value))
    if not kinds <= _NUMBERS:
        if kinds <= _NUMBERS | {type(None)}:
            raise RowProblem(IssueKind.NOT_FINITE, "The feature vector holds null in place of a number.")
        raise RowProblem(IssueKind.BAD_RECORD, "The features have to be an array of plain numbers.")
    try:
        values = np.array(value, dtype=np.float64)
    except OverflowError:
        values = np.array([np.inf])
    # written so that NaN fails it too; checked before the cast, which would warn
    if not np.abs(values).max() < _BEYOND_FLOAT32:
        raise RowProblem(IssueKind.NOT_FINITE, "The feature vector holds NaN, infinity or a number beyond float32.")
    return values.astype(np.float32)


def to_labels(value: Any, class_names: Sequence[str] | None = None) -> tuple[str, ...]:
    """Label names, the primary one first; null, NaN and "" mean none; whole numbers index ``class_names`` if given."""
    if isinstance(value, list) and not isinstance(value, _Pairs):
        return tuple(dict.fromkeys(name for one in value for name in _one_label(one, class_names)))
    return _one_label(value, class_names)


def _one_label(value: Any, class_names: Sequence[str] | None) -> tuple[str, ...]:
    match value:
        case None:
            return ()
        case str():
            return (value,) if value.strip() else ()
        case bool():
            pass
        case float() if math.isnan(value):
            return ()
        case int() | float() if isinstance(value, int) or value.is_integer():
            number = int(value)
            if class_names is None:
                return (str(number),)
            if 0 <= number < len(class_names):
                return (class_names[number],)
            raise RowProblem(IssueKind.BAD_LABEL, f"Label {number} is none of the {len(class_names)} class names.")
    raise RowProblem(IssueKind.BAD_LABEL, "A label has to be text, a whole number, null, or an array of these.")


def to_path(value: Any) -> str | None:
    """A path as it stands; None for null. RowProblem for anything but text."""
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise RowProblem(IssueKind.BAD_RECORD, "The path has to be text that is not empty.")
    return value


def to_lonlat(lon: Any, lat: Any) -> tuple[float | None, float | None]:
    """Degrees, or (None, None) where there are none. ValueError where they are not a place on Earth."""
    if lon is None and lat is None:
        return None, None
    if type(lon) not in _NUMBERS or type(lat) not in _NUMBERS:
        raise ValueError("not numbers")
    try:
        place = float(lon), float(lat)
    except OverflowError:
        raise ValueError("beyond all bounds") from None
    if not valid_lonlat(*place):
        raise ValueError("not on Earth")
    return place


def record_row(where: str, raw: bytes) -> tuple[Row, bool]:
    """A row from one object, and whether its coordinates had to be dropped. RowProblem if it cannot be used."""
    pairs = decode(raw)
    if raw[:1] != b"{":
        raise RowProblem(IssueKind.BAD_RECORD, 'The row has to be an object such as {"path": …, "label": …}.')
    fields: dict[str, Any] = {}
    extra: dict[str, str] = {}
    keys = set()
    for key, value in pairs:
        if key in keys:
            raise RowProblem(IssueKind.BAD_RECORD, f"The row gives the key {key[:40]!r} twice.")
        keys.add(key)
        role = role_of(key)
        if role is not None and role not in fields:
            fields[role] = value
        elif isinstance(value, str | int | float) and len(extra) < MAX_EXTRA and len(text := str(value)) > 0:
            extra[_storable(key)] = _storable(text)
    if not fields.keys() & {"paths", "features"}:
        raise RowProblem(IssueKind.BAD_RECORD, "The row has neither a path nor features.")
    try:
        place, dropped = to_lonlat(fields.get("lon"), fields.get("lat")), False
    except ValueError:
        place, dropped = (None, None), True
    row = Row(where, to_path(fields.get("paths")), lon=place[0], lat=place[1], extra=extra)
    try:
        row.labels = to_labels(fields.get("labels"))
        row.vector = to_vector(fields.get("features"))
    except RowProblem as problem:
        problem.path = row.path
        raise
    if row.path is None and row.vector is None:
        raise RowProblem(IssueKind.BAD_RECORD, "The row has neither a path nor features.")
    return row, dropped


def _storable(text: str) -> str:
    return text[:MAX_EXTRA_LENGTH].encode("utf-8", "replace").decode().replace("\0", "")
