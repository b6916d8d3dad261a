"""The middle of a geometry in well-known binary, as GeoParquet keeps it (OGC 06-103r4, 8.2, and PostGIS's extension).

Only the bounds are worked out: no polygon is built, and the reading is bounded by the bytes there are.
"""

import math
import struct

MAX_BYTES = 1 << 20
MAX_DEPTH = 8
_EWKB_Z, _EWKB_M, _EWKB_SRID = 0x80000000, 0x40000000, 0x20000000
_POINT, _LINE, _POLYGON = 1, 2, 3
_COLLECTIONS = frozenset({4, 5, 6, 7})


def middle(raw: bytes) -> tuple[float, float]:
    """(x, y) of the middle of the geometry's bounds; right across the date line for degrees.

    ValueError where the bytes are no point, line, polygon or collection of these, hold no coordinate, or one that is
    not finite.
    """
    if len(raw) > MAX_BYTES:
        raise ValueError("the geometry is too large")
    try:
        xs, ys, _ = _points(memoryview(raw), 0, 0)
    except struct.error:
        raise ValueError("the geometry is cut short") from None
    if not xs or not all(map(math.isfinite, xs)) or not all(map(math.isfinite, ys)):
        raise ValueError("the geometry has no place")
    if min(xs) >= -180 and max(xs) <= 180 and max(xs) - min(xs) > 180:
        x = (min(v for v in xs if v >= 0) + max(v + 360 for v in xs if v < 0)) / 2
        x = x - 360 if x > 180 else x
    else:
        x = min(xs) / 2 + max(xs) / 2
    return x, min(ys) / 2 + max(ys) / 2


def _points(raw: memoryview, at: int, depth: int) -> tuple[list[float], list[float], int]:
    """Every x, every y, and where the geometry ends."""
    if depth > MAX_DEPTH or bytes(raw[at : at + 1]) not in (b"\0", b"\1"):
        raise ValueError("this is no well-known binary")
    order = "<" if raw[at] else ">"
    (kind,) = struct.unpack_from(f"{order}I", raw, at + 1)
    at += 5
    width = 2 + bool(kind & _EWKB_Z) + bool(kind & _EWKB_M)
    if kind & _EWKB_SRID:
        at += 4
    thousands, base = divmod(kind & 0x0FFFFFFF, 1000)
    width = max(width, {0: 2, 1: 3, 2: 3, 3: 4}.get(thousands, 0))
    if base == _POINT:
        return *_read(raw, at, 1, width, order), at + 8 * width
    (count,) = struct.unpack_from(f"{order}I", raw, at)
    at += 4
    xs: list[float] = []
    ys: list[float] = []
    if base == _LINE:
        return *_read(raw, at, count, width, order), at + 8 * width * count
    if base == _POLYGON:
        for _ in range(count):
            (points,) = struct.unpack_from(f"{order}I", raw, at)
            x, y = _read(raw, at + 4, points, width, order)
            at += 4 + 8 * width * points
            xs += x
            ys += y
        return xs, ys, at
    if base not in _COLLECTIONS:
        raise ValueError(f"geometries of kind {base} are not read")
    for _ in range(count):
        x, y, at = _points(raw, at, depth + 1)
        xs += x
        ys += y
    return xs, ys, at


def _read(raw: memoryview, at: int, count: int, width: int, order: str) -> tuple[list[float], list[float]]:
    if at + 8 * width * count > len(raw):
        raise ValueError("the geometry is cut short")
    values = struct.unpack_from(f"{order}{width * count}d", raw, at)
    return list(values[::width]), list(values[1::width])
