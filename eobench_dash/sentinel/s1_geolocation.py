"""Where the pixels of a Sentinel-1 GRD image lie, and which pixel lies at a place.

The tie points of the annotation carry two effects that are not smooth: each is displaced across the track by its own
terrain height (height / tan incidence), and the ground-range scale changes from second to second with the mean height
(slant range at the same pixel / sin incidence). Both are known at the tie points, so they are taken off, what is left
is interpolated cubically (as unit normals, so that neither the date line nor a pole is a special place), and both are
put back: the height's bilinear between the tie points, the range's from the product's own conversion polynomials.
Tie points are met exactly. Left out every second one, the others are met to some 2 m (plain bilinear: to 100 m in hills
and 650 m in mountains) where the height is known; between tie points the terrain is not, which is the limit of
every method without an elevation model: a point 100 m off the interpolated height lies some 130 m aside.
"""

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.s1_annotation import Annotation, RangeConversion
from eobench_dash.sentinel.s1_fields import Floats

EARTH = 6_378_137.0
MARGIN = 1024
"""Pixels beyond the image that still have a place."""
_AGREEMENT = 1000.0
_STEPS = 30
_ENOUGH = 1e-3
_CHUNK = 1 << 15


class Geolocation:
    """Places of one image. ``lines`` and ``pixels`` are zero-based centres, as the annotation counts them."""

    def __init__(self, annotation: Annotation) -> None:
        """UnreadableProduct where the tie points are further apart, or nearer, than the pixel spacing says."""
        ties = annotation.ties
        self._lines, self._pixels = ties.lines, ties.pixels
        self._size = (annotation.height, annotation.width)
        self._spacing = annotation.range_spacing
        self._conversion = _trusted(annotation)
        normals = to_normals(ties.lon, ties.lat)
        self._check_spacing(annotation, normals)
        across = np.gradient(normals, ties.pixels, axis=1)
        across -= normals * (across * normals).sum(axis=-1, keepdims=True)
        across /= np.linalg.norm(across, axis=-1, keepdims=True)
        incidence = np.radians(ties.incidence)
        lift = ties.height / np.tan(incidence)
        self._by_terrain = np.concatenate([across, lift[..., None], 1 / np.sin(incidence)[..., None]], axis=-1)
        stretch = self._slant(np.repeat(ties.lines, len(ties.pixels)), np.tile(ties.pixels, len(ties.lines)))
        shift = lift + stretch.reshape(lift.shape) / np.sin(incidence)
        self._smooth = normals - across * (shift / EARTH)[..., None]
        self._normals = normals.reshape(-1, 3)
        self._starts = np.stack(np.meshgrid(ties.lines, ties.pixels, indexing="ij"), axis=-1).reshape(-1, 2)

    def lonlat(self, lines: npt.ArrayLike, pixels: npt.ArrayLike) -> Floats:
        """(n, 2) degrees of (n,) lines and pixels; NaN more than MARGIN beyond the image."""
        down, across = np.broadcast_arrays(np.asarray(lines, np.float64), np.asarray(pixels, np.float64))
        down, across = down.ravel(), across.ravel()
        out = np.full((len(down), 2), np.nan)
        known = self._inside(down, across)
        for part in _chunks(np.flatnonzero(known)):
            out[part] = to_lonlat(self._place(down[part], across[part]))
        return out

    def positions(self, lonlat: Floats) -> Floats:
        """(n, 2) line and pixel of (n, 2) degrees; NaN where the place is more than MARGIN beyond the image."""
        out = np.full((len(lonlat), 2), np.nan)
        for part in _chunks(np.flatnonzero(np.isfinite(lonlat).all(axis=1))):
            out[part] = self._search(to_normals(lonlat[part, 0], lonlat[part, 1]))
        return out

    def _search(self, targets: Floats) -> Floats:
        """Gauss-Newton on the sphere, from the nearest tie point."""
        found = self._starts[np.argmax(targets @ self._normals.T, axis=1)].astype(np.float64)
        low, high = np.array([-2.0 * MARGIN]), np.array(self._size) + 2.0 * MARGIN
        step = np.full_like(found, np.inf)
        busy = np.arange(len(found))
        for _ in range(_STEPS):
            at, goal = found[busy], targets[busy]
            here = self._place(at[:, 0], at[:, 1])
            down = self._place(at[:, 0] + 1, at[:, 1]) - here
            across = self._place(at[:, 0], at[:, 1] + 1) - here
            miss = goal - here
            dd, da, aa = (down * down).sum(1), (down * across).sum(1), (across * across).sum(1)
            md, ma = (miss * down).sum(1), (miss * across).sum(1)
            determinant = np.maximum(dd * aa - da * da, 1e-300)
            move = np.stack([(md * aa - ma * da) / determinant, (ma * dd - md * da) / determinant], axis=1)
            found[busy] = np.clip(at + move, low, high)
            step[busy] = found[busy] - at
            busy = busy[(np.abs(step[busy]) > _ENOUGH).any(axis=1)]
            if not len(busy):
                break
        lost = (np.abs(step) > 100 * _ENOUGH).any(axis=1) | ~self._inside(found[:, 0], found[:, 1])
        found[lost] = np.nan
        return found

    def _inside(self, lines: Floats, pixels: Floats) -> npt.NDArray[np.bool_]:
        height, width = self._size
        within = (lines >= -MARGIN) & (lines <= height + MARGIN) & (pixels >= -MARGIN) & (pixels <= width + MARGIN)
        return np.asarray(within)

    def _place(self, lines: Floats, pixels: Floats) -> Floats:
        """(n, 3) unit normals of the ellipsoid."""
        smooth = _between(self._smooth, self._lines, self._pixels, lines, pixels, order=4)
        terrain = _between(self._by_terrain, self._lines, self._pixels, lines, pixels, order=2)
        shift = terrain[:, 3] + self._slant(lines, pixels) * terrain[:, 4]
        smooth += terrain[:, :3] * (shift / EARTH)[:, None]
        smooth /= np.linalg.norm(smooth, axis=1, keepdims=True)
        return smooth

    def _slant(self, lines: Floats, pixels: Floats) -> Floats:
        """Slant range in metres less that of the same pixel in the image's first line; 0 without conversions."""
        if self._conversion is None:
            return np.zeros(len(lines))
        ground = pixels * self._spacing
        first = _slant_range(self._conversion, np.zeros(len(lines)), ground)
        return _slant_range(self._conversion, lines, ground) - first

    def _check_spacing(self, annotation: Annotation, normals: Floats) -> None:
        """Terrain moves tie points, but never so that neighbours are at a multiple of their distance."""
        for axis, nodes, spacing in (
            (0, annotation.ties.lines, annotation.azimuth_spacing),
            (1, annotation.ties.pixels, annotation.range_spacing),
        ):
            metres = np.linalg.norm(np.diff(normals, axis=axis), axis=-1) * EARTH
            due = np.diff(nodes)[:, None] * spacing if axis == 0 else np.diff(nodes) * spacing
            slack = 20_000.0  # two heights of Everest, seen steeply, for points that lie close together
            if (metres > 2 * due + slack).any() or (metres < due / 2 - slack).any() or (metres < 1e-3).any():
                raise UnreadableProduct(
                    f"{annotation.name}: geolocation points lie {metres.min():,.0f} to {metres.max():,.0f} m apart where"
                    f" the pixel spacing says {due.min():,.0f} to {due.max():,.0f} m; fetch the product again."
                )


def to_normals(lon: Floats, lat: Floats) -> Floats:
    """(…, 3) unit normals of the ellipsoid at degrees."""
    east, north = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=-1)


def to_lonlat(normals: Floats) -> Floats:
    """(…, 2) degrees, longitude −180..180, of normals (of any length)."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    return np.degrees(np.stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=-1))


def _trusted(annotation: Annotation) -> RangeConversion | None:
    """The conversion, where it agrees with the tie points' own slant ranges all over the image (it does to some 4 m)."""
    conversion, ties = annotation.conversion, annotation.ties
    if conversion is None:
        return None
    pixels = np.linspace(ties.pixels[0], ties.pixels[-1], 2 * len(ties.pixels) - 1)
    lines = np.clip(conversion.lines, ties.lines[0], ties.lines[-1])
    down, across = np.repeat(lines, len(pixels)), np.tile(pixels, len(lines))
    with np.errstate(all="ignore"):
        said = _slant_range(conversion, down, across * annotation.range_spacing)
    due = _between(ties.slant_range[..., None], ties.lines, ties.pixels, down, across, order=2)[:, 0]
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


def _between(values: Floats, lines: Floats, pixels: Floats, rows: Floats, cols: Floats, *, order: int) -> Floats:
    """(n, k) of ``values`` (lines, pixels, k) by local Lagrange polynomials through ``order`` nodes each way.

    Order 2 (bilinear) keeps the edge's value beyond the edge; order 4 extrapolates.
    """
    if order == 2:
        rows, cols = np.clip(rows, lines[0], lines[-1]), np.clip(cols, pixels[0], pixels[-1])
    i, down = _weights(lines, rows, order)
    j, across = _weights(pixels, cols, order)
    out = np.zeros((len(rows), values.shape[-1]))
    for a in range(i.shape[1]):
        for b in range(j.shape[1]):
            out += values[i[:, a], j[:, b]] * (down[:, a] * across[:, b])[:, None]
    return out


def _weights(nodes: Floats, x: Floats, order: int) -> tuple[npt.NDArray[np.intp], Floats]:
    """(n, order) node numbers and weights."""
    order = min(order, len(nodes))
    first = np.clip(np.searchsorted(nodes, x, side="right") - order // 2, 0, len(nodes) - order)
    index = first[:, None] + np.arange(order)
    near = nodes[index]
    weights = np.ones_like(near)
    for a in range(order):
        for b in range(order):
            if a != b:
                weights[:, a] *= (x - near[:, b]) / (near[:, a] - near[:, b])
    return index, weights


def _chunks(index: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    return [index[i : i + _CHUNK] for i in range(0, len(index), _CHUNK)]
