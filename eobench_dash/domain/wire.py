"""The map's bytes: one place that says how coordinates and labels travel, so that both ends can be tested against it.

Coordinates: a 16-byte header (``EOMP``, version, number of points n, flags; each uint32), then float32 x[n], float32
y[n] and, where flag 1 is set, uint32 ordinals[n] (else point i is ordinal i). Labels: uint16 code per ordinal, bare.
All little-endian; every array starts at a multiple of four bytes, so that a browser can view it without a copy.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.errors import BadInput

MAGIC = b"EOMP"
VERSION = 1
FLAG_ORDINALS = 1
EVENT_HEADER = "X-EOBench-Event"
"""Response header of the labels route: id of the last annotation event that its bytes include."""
REVISION_HEADER = "X-EOBench-Labels-Revision"
"""Response header of the labels route: revision of the label table that the page was given (optional)."""
MIMETYPE = "application/octet-stream"

_HEADER = struct.Struct("<4sIII")
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
