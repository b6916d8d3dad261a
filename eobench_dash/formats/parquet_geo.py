"""Places of the rows of a GeoParquet file: the middle of each geometry, as longitude and latitude."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from eobench_dash.formats.pictures import to_degrees
from eobench_dash.formats.wkb import middle

Coordinates = tuple[list[float | None], list[float | None]]
Places = Callable[[Sequence[Any]], Coordinates]
"""Geometries (well-known binary, or None) → (longitudes, latitudes), NaN where a geometry cannot be read."""
_DEGREES = frozenset({("OGC", "CRS84"), ("EPSG", "4326"), ("OGC", "CRS84H"), ("EPSG", "4979")})


def geo_places(geo: Any, column: str, note: Callable[[str], None]) -> Places | None:
    """How the geometries of ``column`` become places, from the file's ``geo`` metadata (None: taken as degrees).

    None where they cannot, which is noted.
    """
    columns = geo.get("columns") if isinstance(geo, dict) else None
    told = columns.get(column) if isinstance(columns, dict) else None
    told = told if isinstance(told, dict) else {}
    encoding = str(told.get("encoding", "WKB"))
    if encoding.upper() != "WKB":
        note(f"The geometries are stored as {encoding[:40]}, not as WKB; the patches have no place.")
        return None
    crs = told.get("crs")
    if crs is None:
        return lambda raw: _middles(raw)
    known = crs.get("id") if isinstance(crs, dict) else None
    pair = (str(known.get("authority")), str(known.get("code"))) if isinstance(known, dict) else None
    if pair in _DEGREES:
        return lambda raw: _middles(raw)
    if pair is not None and pair[0] == "EPSG" and pair[1].isdigit():
        code = int(pair[1][:6])
        note(f"The places were turned from EPSG:{code} into longitude and latitude.")
        return lambda raw: _transformed(raw, code)
    note("The geometries have a reference system without an EPSG code; the patches have no place.")
    return None


def _middles(raw: Sequence[Any]) -> Coordinates:
    lons: list[float | None] = []
    lats: list[float | None] = []
    for geometry in raw:
        lon: float | None = None
        lat: float | None = None
        if geometry is not None:
            try:
                lon, lat = middle(bytes(geometry))
            except (ValueError, TypeError):
                lon = lat = float("nan")
        lons.append(lon)
        lats.append(lat)
    return lons, lats


def _transformed(raw: Sequence[Any], code: int) -> Coordinates:
    from rasterio.crs import CRS

    xs, ys = _middles(raw)
    known = [i for i, x in enumerate(xs) if x is not None and x == x]
    try:
        system = CRS.from_epsg(code)
    except ValueError:  # rasterio's CRSError is one
        return [None] * len(raw), [None] * len(raw)
    places = to_degrees(system, [xs[i] or 0.0 for i in known], [ys[i] or 0.0 for i in known])
    for i, (lon, lat) in zip(known, places or [(math.nan, math.nan)] * len(known), strict=True):
        xs[i], ys[i] = lon, lat
    return xs, ys
