"""Areas of interest: polygons and boxes in longitude and latitude, and which places lie inside."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import BadInput

MAX_CORNERS = 20_000
Ring = tuple[tuple[float, float], ...]
_HOLDERS = ("Feature", "FeatureCollection", "GeometryCollection", "Polygon", "MultiPolygon")
_CELLS = 4_000_000  # places times edges that are compared at once


@dataclass(frozen=True)
class Area:
    """Rings of (lon, lat) in degrees (WGS 84). A place lies inside where it is within an odd number of rings.

    So holes are rings within rings. Rings that cross the date line have to be cut there, as GeoJSON (RFC 7946) asks.
    """

    rings: tuple[Ring, ...]

    def holds(self, lon: npt.ArrayLike, lat: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Which places (n,) lie inside (even-odd rule); places that are NaN do not."""
        x, y = np.atleast_1d(np.asarray(lon, float)), np.atleast_1d(np.asarray(lat, float))
        start, end = (
            np.concatenate([np.roll(np.array(ring), -shift, axis=0) for ring in self.rings]) for shift in (0, 1)
        )
        inside = np.zeros(len(x), bool)
        step = max(1, _CELLS // max(len(start), 1))
        for first in range(0, len(x), step):
            px, py = x[first : first + step, None], y[first : first + step, None]
            spans = (start[:, 1] > py) != (end[:, 1] > py)
            rise = np.where(end[:, 1] == start[:, 1], 1.0, end[:, 1] - start[:, 1])
            left = px < (end[:, 0] - start[:, 0]) * (py - start[:, 1]) / rise + start[:, 0]
            inside[first : first + step] = (spans & left).sum(axis=1) % 2 == 1
        return inside

    def to_dict(self) -> dict[str, Any]:
        """As GeoJSON."""
        return {"type": "MultiPolygon", "coordinates": [[[list(corner) for corner in ring]] for ring in self.rings]}


def box(west: float, south: float, east: float, north: float) -> Area:
    """A box in degrees; ``west`` > ``east`` crosses the date line. BadInput for what is no box."""
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90) or west == east:
        raise BadInput("A box is west,south,east,north in degrees: -180 to 180 and -90 to 90, south below north.")
    sides = [(west, east)] if west < east else [(west, 180.0), (-180.0, east)]
    return Area(tuple(((w, south), (e, south), (e, north), (w, north)) for w, e in sides))


def area_of(raw: Any) -> Area:
    """An area from ``[west, south, east, north]``, ``"west,south,east,north"`` or GeoJSON (already parsed).

    BadInput where it is none of them, too large, or not in degrees.
    """
    if isinstance(raw, str):
        raw = [part.strip() for part in raw.split(",")]
    if isinstance(raw, list | tuple) and len(raw) == 4:
        try:
            west, south, east, north = (float(number) for number in raw)
        except (TypeError, ValueError) as error:
            raise BadInput("A box is four numbers: west,south,east,north in degrees.") from error
        return box(west, south, east, north)
    if not isinstance(raw, dict) or raw.get("type") not in _HOLDERS:
        raise BadInput("An area of interest is a GeoJSON polygon or a box: west,south,east,north in degrees.")
    rings: list[Ring] = []
    corners = 0
    for polygon in _polygons(raw, 0):
        for ring in polygon if isinstance(polygon, list) else ():
            rings.append(_ring(ring))
            corners += len(rings[-1])
            if corners > MAX_CORNERS:
                raise BadInput(f"The area of interest has more than {MAX_CORNERS:,} corners; simplify it.")
    if not rings:
        raise BadInput("The area of interest holds no polygon.")
    return Area(tuple(rings))


def _polygons(node: Any, depth: int) -> Iterator[Any]:
    if not isinstance(node, dict) or depth > 8:
        return
    kind = node.get("type")
    if kind == "Feature":
        yield from _polygons(node.get("geometry"), depth + 1)
    elif kind in ("FeatureCollection", "GeometryCollection"):
        children = node.get("features" if kind == "FeatureCollection" else "geometries")
        for child in children if isinstance(children, list) else ():
            yield from _polygons(child, depth + 1)
    elif kind == "Polygon":
        yield node.get("coordinates")
    elif kind == "MultiPolygon" and isinstance(node.get("coordinates"), list):
        yield from node["coordinates"]


def _ring(raw: Any) -> Ring:
    try:
        corners = tuple((float(corner[0]), float(corner[1])) for corner in raw)
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise BadInput("A ring of the area of interest is not a list of [longitude, latitude] pairs.") from error
    if len(corners) < 3:
        raise BadInput("A ring of the area of interest has fewer than three corners.")
    if not all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in corners):
        raise BadInput("The area of interest is not in degrees of longitude and latitude (WGS 84); reproject it.")
    return corners
