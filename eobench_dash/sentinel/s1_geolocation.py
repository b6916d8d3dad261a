"""Where the pixels of a Sentinel-1 GRD image lie, and which pixel lies at a place.

The tie points of the annotation carry two effects that are not smooth: each is displaced across the track by its own
terrain height (height / tan incidence), and the ground-range scale changes from second to second with the mean height
(slant range at the same pixel / sin incidence). Both are known at the tie points, so they are taken off, what is left
is interpolated cubically (as unit normals, so that neither the date line nor a pole is a special place), and both are
put back: the height's bilinear between the tie points, the range's from the product's own conversion polynomials. This
is done once, on a dense grid, bilinear in turn (which adds less than 0.1 m).
Tie points are met exactly. With every second one left out both ways, the others of a mountainous product are met to
3 m where their height is given (plain bilinear: 165 m in the median, 1.1 km at worst). Between tie points the terrain
is not known, the limit of every method without an elevation model: 100 m off the interpolated height is 130 m aside.
"""

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.s1_annotation import Annotation, RangeConversion
from eobench_dash.sentinel.s1_fields import Floats

EARTH = 6_378_137.0
MARGIN = 1024
"""Pixels beyond the image that still have a place."""
_AGREEMENT = 1000.0
_DENSE = 200.0
_STEPS = 30
_ENOUGH = 1e-3
_CHUNK = 1 << 15


class Geolocation:
    """Places of one image. ``lines`` and ``pixels`` are zero-based centres, as the annotation counts them."""

    def __init__(self, annotation: Annotation) -> None:
        """UnreadableProduct where the tie points are further apart, or nearer, than the pixel spacing says."""
        self._size = (annotation.height, annotation.width)
        ties = annotation.ties
        conversion = _trusted(annotation)
        also = np.empty(0) if conversion is None else conversion.lines
        self._lines = _dense(ties.lines, also, annotation.height)
        self._pixels = _dense(ties.pixels, np.empty(0), annotation.width)
        normals = to_normals(ties.lon, ties.lat)
        _check_spacing(annotation, normals)
        self._table = _places(annotation, conversion, normals, self._lines, self._pixels)
        self._normals = normals.reshape(-1, 3)
        self._starts = np.stack(np.meshgrid(ties.lines, ties.pixels, indexing="ij"), axis=-1).reshape(-1, 2)

    def lonlat(self, lines: npt.ArrayLike, pixels: npt.ArrayLike) -> Floats:
        """(n, 2) degrees of (n,) lines and pixels; NaN more than MARGIN beyond the image."""
        down, across = np.broadcast_arrays(np.asarray(lines, np.float64), np.asarray(pixels, np.float64))
        at = np.stack([down.ravel(), across.ravel()], axis=1)
        out = np.full(at.shape, np.nan)
        known = self._inside(at)
        out[known] = to_lonlat(self._place(at[known])[0])
        return out

    def positions(self, lonlat: Floats) -> Floats:
        """(n, 2) line and pixel of (n, 2) degrees; NaN where the place is more than MARGIN beyond the image."""
        out = np.full((len(lonlat), 2), np.nan)
        known = np.flatnonzero(np.isfinite(lonlat).all(axis=1))
        for start in range(0, len(known), _CHUNK):
            part = known[start : start + _CHUNK]
            out[part] = self._search(to_normals(lonlat[part, 0], lonlat[part, 1]))
        return out

    def _search(self, targets: Floats) -> Floats:
        """Gauss-Newton on the sphere, from the nearest tie point."""
        found = self._starts[np.argmax(targets @ self._normals.T, axis=1)].astype(np.float64)
        low, high = np.array([-2.0 * MARGIN]), np.array(self._size) + 2.0 * MARGIN
        step = np.full_like(found, np.inf)
        busy = np.arange(len(found))
        for _ in range(_STEPS):
            at = found[busy]
            here, down, across = self._place(at)
            miss = targets[busy] - here
            dd, da, aa = (down * down).sum(1), (down * across).sum(1), (across * across).sum(1)
            md, ma = (miss * down).sum(1), (miss * across).sum(1)
            determinant = np.maximum(dd * aa - da * da, 1e-300)
            move = np.stack([(md * aa - ma * da) / determinant, (ma * dd - md * da) / determinant], axis=1)
            found[busy] = np.clip(at + move, low, high)
            step[busy] = found[busy] - at
            busy = busy[(np.abs(step[busy]) > _ENOUGH).any(axis=1)]
            if not len(busy):
                break
        lost = (np.abs(step) > 100 * _ENOUGH).any(axis=1) | ~self._inside(found)
        found[lost] = np.nan
        return np.asarray(found)

    def _inside(self, at: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray(((at >= -MARGIN) & (at <= np.array(self._size) + MARGIN)).all(axis=1))

    def _place(self, at: Floats) -> tuple[Floats, Floats, Floats]:
        """(n, 3) unit normals of the ellipsoid, and how they change per line and per pixel."""
        i, v, height = _cell(self._lines, at[:, 0])
        j, u, width = _cell(self._pixels, at[:, 1])
        columns = len(self._pixels)
        table, corner = self._table, i * columns + j
        a, b, c, d = table[corner], table[corner + 1], table[corner + columns], table[corner + columns + 1]
        upper, lower = a + u * (b - a), c + u * (d - c)
        place = upper + v * (lower - upper)
        place /= np.linalg.norm(place, axis=1, keepdims=True)
        return place, (lower - upper) / height, ((b - a) * (1 - v) + (d - c) * v) / width


def _cell(nodes: Floats, x: Floats) -> tuple[npt.NDArray[np.intp], Floats, Floats]:
    """(n,) cell, and (n, 1) how far in it (0..1) and its size."""
    i = np.clip(np.searchsorted(nodes, x, side="right") - 1, 0, len(nodes) - 2)
    size = nodes[i + 1] - nodes[i]
    return i, ((x - nodes[i]) / size)[:, None], size[:, None]


def _dense(nodes: Floats, also: Floats, size: int) -> Floats:
    """Rising numbers of lines or pixels at most _DENSE apart, among them ``nodes``, ``also`` and MARGIN around."""
    outer = np.array([-2.0 * MARGIN, -1.0 * MARGIN, size + 1.0 * MARGIN, size + 2.0 * MARGIN])
    also = also[(also > outer[0]) & (also < outer[-1])].round()
    marks = np.unique(np.concatenate([nodes, also, outer]))
    marks = marks[(marks >= outer[0]) & (marks <= outer[-1])]
    parts = [np.linspace(a, b, math.ceil((b - a) / _DENSE), endpoint=False) for a, b in pairwise(marks)]
    return np.concatenate([*parts, marks[-1:]])


def _places(
    annotation: Annotation, conversion: RangeConversion | None, normals: Floats, rows: Floats, cols: Floats
) -> Floats:
    """(rows·cols, 3) unit normals of a dense grid: the method that is described above."""
    ties = annotation.ties

    def stretch(lines: Floats, pixels: Floats) -> Floats:
        """Slant range in metres less that of the same pixel in the first line; 0 without conversions."""
        if conversion is None:
            return np.zeros((len(lines), len(pixels)))
        ground = np.tile(pixels, len(lines)) * annotation.range_spacing
        here = _slant_range(conversion, np.repeat(lines, len(pixels)), ground)
        first = _slant_range(conversion, np.zeros(len(pixels)), pixels * annotation.range_spacing)
        return here.reshape(len(lines), len(pixels)) - first

    across = np.gradient(normals, ties.pixels, axis=1)
    across -= normals * (across * normals).sum(axis=-1, keepdims=True)
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    incidence = np.radians(ties.incidence)
    lift, lean = ties.height / np.tan(incidence), 1 / np.sin(incidence)
    shift = lift + stretch(ties.lines, ties.pixels) * lean
    smooth = normals - across * (shift / EARTH)[..., None]
    effects = np.concatenate([across, lift[..., None], lean[..., None]], axis=-1)
    dense = _weights(ties.lines, rows, 4) @ np.moveaxis(smooth, -1, 0) @ _weights(ties.pixels, cols, 4).T
    down, over = (np.clip(x, n[0], n[-1]) for x, n in ((rows, ties.lines), (cols, ties.pixels)))
    fine = _weights(ties.lines, down, 2) @ np.moveaxis(effects, -1, 0) @ _weights(ties.pixels, over, 2).T
    dense += fine[:3] * ((fine[3] + stretch(rows, cols) * fine[4]) / EARTH)
    dense /= np.linalg.norm(dense, axis=0)
    return np.ascontiguousarray(dense.reshape(3, -1).T)


def _check_spacing(annotation: Annotation, normals: Floats) -> None:
    """Terrain moves tie points, but never so that neighbours are at a multiple of their distance."""
    for axis, nodes, spacing in (
        (0, annotation.ties.lines, annotation.azimuth_spacing),
        (1, annotation.ties.pixels, annotation.range_spacing),
    ):
        metres = np.linalg.norm(np.diff(normals, axis=axis), axis=-1) * EARTH
        due = np.diff(nodes) * spacing if axis else np.diff(nodes)[:, None] * spacing
        slack = 20_000.0  # two heights of Everest, seen steeply, for points that lie close together
        if (metres > 2 * due + slack).any() or (metres < due / 2 - slack).any() or (metres < 1e-3).any():
            raise UnreadableProduct(
                f"{annotation.name}: geolocation points lie {metres.min():,.0f} to {metres.max():,.0f} m apart,"
                f" where the pixel spacing says {due.min():,.0f} to {due.max():,.0f} m; fetch the product again."
            )


def to_normals(lon: Floats, lat: Floats) -> Floats:
    """(…, 3) unit normals of the ellipsoid at degrees."""
    east, north = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=-1)


def to_lonlat(normals: Floats) -> Floats:
    """(…, 2) degrees, longitude −180..180, of normals (of any length)."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    return np.asarray(np.degrees(np.stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=-1)))


def _trusted(annotation: Annotation) -> RangeConversion | None:
    """The conversion, where it agrees with the tie points' own slant ranges all over the image (they do to 4 m)."""
    conversion, ties = annotation.conversion, annotation.ties
    if conversion is None:
        return None
    pixels = np.linspace(ties.pixels[0], ties.pixels[-1], 2 * len(ties.pixels) - 1)
    lines = np.clip(conversion.lines, ties.lines[0], ties.lines[-1])
    with np.errstate(all="ignore"):
        ground = np.tile(pixels, len(lines)) * annotation.range_spacing
        said = _slant_range(conversion, np.repeat(lines, len(pixels)), ground).reshape(len(lines), len(pixels))
    due = _weights(ties.lines, lines, 2) @ ties.slant_range @ _weights(ties.pixels, pixels, 2).T
    return conversion if bool((np.abs(said - due) < _AGREEMENT).all()) else None


def _slant_range(conversion: RangeConversion, lines: Floats, ground: Floats) -> Floats:
    """Metres: the polynomials of the two neighbouring times, linear between them (the first or last beyond)."""
    count = len(conversion.lines)
    above = np.clip(np.searchsorted(conversion.lines, lines, side="right") - 1, 0, max(count - 2, 0))
    below = np.minimum(above + 1, count - 1)
    gap = np.where(below > above, conversion.lines[below] - conversion.lines[above], 1.0)
    weight = np.clip((lines - conversion.lines[above]) / gap, 0, 1)
    both = []
    for which in (above, below):
        x = ground - conversion.origin[which]
        value = np.zeros_like(x)
        for power in range(conversion.coefficients.shape[1] - 1, -1, -1):
            value = value * x + conversion.coefficients[which, power]
        both.append(value)
    return np.asarray(both[0] + weight * (both[1] - both[0]))


def _weights(nodes: Floats, x: Floats, order: int) -> Floats:
    """(len(x), len(nodes)) weights of local Lagrange polynomials through ``order`` nodes (extrapolated beyond)."""
    order = min(order, len(nodes))
    first = np.clip(np.searchsorted(nodes, x, side="right") - order // 2, 0, len(nodes) - order)
    index = first[:, None] + np.arange(order)
    near = nodes[index]
    weights = np.ones_like(near)
    for a in range(order):
        for b in range(order):
            if a != b:
                weights[:, a] *= (x - near[:, b]) / (near[:, a] - near[:, b])
    out = np.zeros((len(x), len(nodes)))
    np.put_along_axis(out, index, weights, axis=1)
    return out
