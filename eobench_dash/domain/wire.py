"""The map's bytes: one place that says how coordinates and labels travel, so that both ends can be tested against it.

Coordinates: a 16-byte header (``EOMP``, version, number of points n, flags; each uint32), then float32 x[n], float32
y[n] and, where flag 1 is set, uint32 ordinals[n] (else point i is ordinal i). Labels: uint16 code per ordinal, bare.
All little-endian; every array starts at a multiple of four bytes, so that a browser can view it without a copy.

A column: four uint32 (``EOMC``, version, n = number of patches, m), m bytes of JSON (columns.meta) padded with spaces
to a multiple of four, then by ordinal uint16 codes[n] (65535: none) or float32 values[n] (NaN: none), as its kind says.
The neighbours' label mix: four uint32 (``EOMX``, version, n, k), then per patch three uint16 codes (65535: no more),
the commonest first, then per patch their three uint8 counts of k and a zero byte.
The windows of a product: six uint32 (``EOMW``, version, n, height and width of the product in pixels, 0), then int32
ordinal[n], row[n], col[n], size[n] (pixels each way), parent[n] (ordinal of the next coarser patch; -1: none).
"""

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.errors import BadInput

MAGIC = b"EOMP"
COLUMN_MAGIC = b"EOMC"
MIX_MAGIC = b"EOMX"
WINDOWS_MAGIC = b"EOMW"
VERSION = 1
FLAG_ORDINALS = 1
EVENT_HEADER = "X-EOBench-Event"
"""Response header of the labels route: id of the last annotation event that its bytes include."""
REVISION_HEADER = "X-EOBench-Labels-Revision"
"""Response header of the labels route: revision of the label table that the page was given (optional)."""
MIMETYPE = "application/octet-stream"

_HEADER = struct.Struct("<4sIII")
_WINDOWS_HEADER = struct.Struct("<4sIIIII")
_F4, _U4, _U2 = np.dtype("<f4"), np.dtype("<u4"), np.dtype("<u2")


@dataclass(frozen=True)
class Coords:
    """Points of a map: float32 ``x``, ``y`` of shape (n,); ``ordinals`` uint32 (n,), None where point i is patch i."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    ordinals: NDArray[np.uint32] | None = None


class Changes(TypedDict, total=False):
    """What the changes route answers. ``labels`` only where the label table changed; ``reload``: fetch all labels anew.

    ``revision`` is the label table's: the browser sends back (``&revision=``) the last one it was told.
    """

    last: int
    changes: list[list[int]]
    labels: list[dict[str, Any]]
    revision: int
    reload: bool


def pack_coords(x: ArrayLike, y: ArrayLike, ordinals: ArrayLike | None = None) -> bytes:
    """Bytes of a map of n points; ``x``, ``y`` of shape (n,), ``ordinals`` (n,) distinct, or None for 0..n-1.

    Raises BadInput where shapes differ, a coordinate is not finite, or an ordinal is negative or named twice.
    """
    xs, ys = np.asarray(x, dtype=_F4), np.asarray(y, dtype=_F4)
    if xs.ndim != 1 or xs.shape != ys.shape:
        raise BadInput(f"A map needs as many x as y; got the shapes {xs.shape} and {ys.shape}.")
    if not (np.isfinite(xs).all() and np.isfinite(ys).all()):
        raise BadInput("A map's coordinates have to be finite numbers; compute the embedding again.")
    tail = b""
    if ordinals is not None:
        wide = np.asarray(ordinals)
        if wide.shape != xs.shape:
            raise BadInput(f"A map of {xs.size} points needs as many ordinals; got the shape {wide.shape}.")
        if wide.size and (not np.issubdtype(wide.dtype, np.integer) or wide.min() < 0 or wide.max() > 0xFFFFFFFF):
            raise BadInput("A map's ordinals are whole numbers from 0 to 4294967295.")
        if np.unique(wide).size != wide.size:
            raise BadInput("A map names a patch twice; each ordinal may come once.")
        tail = wide.astype(_U4).tobytes()
    flags = FLAG_ORDINALS if ordinals is not None else 0
    return _HEADER.pack(MAGIC, VERSION, xs.size, flags) + xs.tobytes() + ys.tobytes() + tail


def unpack_coords(data: bytes) -> Coords:
    """The points in ``data`` (read-only views of it); BadInput where it is not what ``pack_coords`` writes."""
    if len(data) < _HEADER.size:
        raise BadInput("Map coordinates are cut short: the header is missing.")
    magic, version, n, flags = _HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION or flags & ~FLAG_ORDINALS:
        raise BadInput("These bytes are not map coordinates of a version this program reads.")
    wanted = _HEADER.size + 4 * n * (3 if flags & FLAG_ORDINALS else 2)
    if len(data) != wanted:
        raise BadInput(f"Map coordinates of {n} points take {wanted} bytes; got {len(data)}.")
    x = np.frombuffer(data, _F4, n, _HEADER.size)
    y = np.frombuffer(data, _F4, n, _HEADER.size + 4 * n)
    ordinals = np.frombuffer(data, _U4, n, _HEADER.size + 8 * n) if flags & FLAG_ORDINALS else None
    return Coords(x, y, ordinals)


def pack_labels(codes: ArrayLike) -> bytes:
    """Bytes of the label codes of all patches in ordinal order; shape (n_total,), 0..65535 (65535 = no label)."""
    wide = np.asarray(codes)
    if wide.ndim != 1:
        raise BadInput(f"Label codes are one per patch; got the shape {wide.shape}.")
    if wide.size and (not np.issubdtype(wide.dtype, np.integer) or wide.min() < 0 or wide.max() > NO_LABEL):
        raise BadInput(f"A label code is a whole number from 0 to {NO_LABEL}.")
    return wide.astype(_U2).tobytes()


def unpack_labels(data: bytes) -> NDArray[np.uint16]:
    """The label codes in ``data`` (a read-only view); BadInput where the length is odd."""
    if len(data) % 2:
        raise BadInput("Label codes are cut short: two bytes each, but the length is odd.")
    return np.frombuffer(data, _U2)


def pack_column(told: Mapping[str, Any], values: ArrayLike) -> bytes:
    """Bytes of a column: ``told`` as columns.meta gives it, ``values`` (n,) uint16 codes or floats.

    BadInput where values are not one per patch, or of another kind than ``told`` says.
    """
    array = np.asarray(values)
    if array.ndim != 1 or (array.dtype.kind == "f") != (told["kind"] == "number"):
        raise BadInput(f"A column of kind {told['kind']} cannot hold {array.dtype} of shape {array.shape}.")
    body = array.astype(_F4).tobytes() if array.dtype.kind == "f" else pack_labels(array)
    text = json.dumps(told, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return _HEADER.pack(COLUMN_MAGIC, VERSION, array.size, len(text)) + text + body


def unpack_column(data: bytes) -> tuple[dict[str, Any], NDArray[np.generic]]:
    """What ``pack_column`` was given (values as a read-only view); BadInput for other bytes."""
    if len(data) < _HEADER.size:
        raise BadInput("A column is cut short: the header is missing.")
    magic, version, n, length = _HEADER.unpack_from(data)
    if magic != COLUMN_MAGIC or version != VERSION or length % 4:
        raise BadInput("These bytes are not a column of a version this program reads.")
    start = _HEADER.size + length
    try:
        told = json.loads(data[_HEADER.size : start])
        kind = _F4 if told["kind"] == "number" else _U2
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput("A column's description is damaged.") from error
    if len(data) != start + n * kind.itemsize:
        raise BadInput(f"A column of {n} patches takes {start + n * kind.itemsize} bytes; got {len(data)}.")
    return told, np.frombuffer(data, kind, n, start)


def pack_mix(codes: ArrayLike, counts: ArrayLike, *, k: int) -> bytes:
    """Bytes of the commonest labels among each patch's k neighbours: ``codes`` (n, 3) uint16, ``counts`` (n, 3)."""
    names, votes = np.asarray(codes), np.asarray(counts)
    if names.ndim != 2 or names.shape[1] != 3 or votes.shape != names.shape:
        raise BadInput(f"A label mix holds three codes and counts a patch; got {names.shape} and {votes.shape}.")
    padded = np.zeros((len(votes), 4), np.uint8)
    padded[:, :3] = votes
    return _HEADER.pack(MIX_MAGIC, VERSION, len(names), k) + names.astype(_U2).tobytes() + padded.tobytes()


def pack_windows(
    *, height: int, width: int, ordinal: ArrayLike, row: ArrayLike, col: ArrayLike, size: ArrayLike, parent: ArrayLike
) -> bytes:
    """Bytes of the n windows of a product of ``height`` x ``width`` pixels; every array of shape (n,)."""
    arrays = [np.asarray(array, np.dtype("<i4")) for array in (ordinal, row, col, size, parent)]
    if len({array.shape for array in arrays}) != 1 or arrays[0].ndim != 1:
        raise BadInput(f"Windows are as many of everything; got the shapes {[array.shape for array in arrays]}.")
    header = _WINDOWS_HEADER.pack(WINDOWS_MAGIC, VERSION, arrays[0].size, height, width, 0)
    return header + b"".join(array.tobytes() for array in arrays)


def changes_payload(
    *,
    last: int,
    changes: Iterable[tuple[int, int]] = (),
    labels: Iterable[Mapping[str, Any]] | None = None,
    revision: int | None = None,
    reload: bool = False,
) -> Changes:
    """The JSON of the changes route: the last event's id and ``(ordinal, code)`` pairs, oldest first."""
    payload: Changes = {"last": last, "changes": [[int(o), int(c)] for o, c in changes], "reload": reload}
    if labels is not None:
        payload["labels"] = [dict(label) for label in labels]
    if revision is not None:
        payload["revision"] = revision
    return payload
