"""Ground that patches of one scale share: within a product by its grid, across products by their footprints."""

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer]
POINTS = 8
"""Across products a patch is tried at POINTS × POINTS places, so shares are whole 64ths."""
_AT_ONCE = 20_000


class Cover:
    """How often each piece of a product is covered by patches at (rows, cols) of one ``size``.

    The edges of all patches cut the product into cells; the count per cell comes from a two-dimensional difference
    array, areas of any patch from summed-area tables (Crow 1984). Exact; memory about 16 bytes a cell.
    """

    def __init__(self, rows: Ints, cols: Ints, size: int) -> None:
        self.size = size
        self._ys, self._xs = (np.unique(np.concatenate([at, at + size])) for at in (rows, cols))
        shape = (len(self._ys), len(self._xs))
        top, bottom = np.searchsorted(self._ys, rows), np.searchsorted(self._ys, rows + size)
        left, right = np.searchsorted(self._xs, cols), np.searchsorted(self._xs, cols + size)
        change = np.zeros(shape, np.int32)
        for y, x, sign in ((top, left, 1), (top, right, -1), (bottom, left, -1), (bottom, right, 1)):
            np.add.at(change, (y, x), sign)
        self.count = change.cumsum(axis=0).cumsum(axis=1)[:-1, :-1]
        area = np.diff(self._ys)[:, None] * np.diff(self._xs).astype(np.float64)
        shared = np.zeros(shape)
        shared[1:, 1:] = np.where(self.count > 1, area, 0).cumsum(axis=0).cumsum(axis=1)
        covered = shared[bottom, right] - shared[top, right] - shared[bottom, left] + shared[top, left]
        self.shares: Floats = (covered / size**2).astype(np.float32)
        """Share of each patch that others cover too, (n,)."""

    def more_than(self, times: int, rows: Doubles, cols: Doubles) -> npt.NDArray[np.bool_]:
        """Whether places (in pixels) are covered more than so many times."""
        y, x = np.searchsorted(self._ys, rows, "right") - 1, np.searchsorted(self._xs, cols, "right") - 1
        inside = (y >= 0) & (x >= 0) & (y < self.count.shape[0]) & (x < self.count.shape[1])
        found: npt.NDArray[np.bool_] = inside & (
            self.count[np.clip(y, 0, self.count.shape[0] - 1), np.clip(x, 0, self.count.shape[1] - 1)] > times
        )
        return found


def places(corners: Doubles) -> Doubles:
    """POINTS² places inside each footprint (n, 8: lon and lat of upper left, upper right, lower right, lower left);
    (n, POINTS², 2) degrees."""
    u = (np.arange(POINTS) + 0.5) / POINTS
    v, w = (grid.reshape(-1, 1) for grid in np.meshgrid(u, u, indexing="ij"))
    quad = _unwrapped(corners).reshape(-1, 4, 1, 2)
    upper = quad[:, 0] * (1 - w) + quad[:, 1] * w
    lower = quad[:, 3] * (1 - w) + quad[:, 2] * w
    made: Doubles = upper * (1 - v) + lower * v
    return made


def inside_any(points: Doubles, corners: Doubles) -> npt.NDArray[np.bool_]:
    """Which places (k, 2) lie in at least one of the footprints (n, 8), small parallelograms in degrees; (k,).

    Footprints are found through a grid of cells as wide as the largest, so that each place meets its nine cells only.
    """
    if not len(corners) or not len(points):
        return np.zeros(len(points), bool)
    quads = _unwrapped(corners).reshape(-1, 4, 2)
    centre = quads.mean(axis=1)
    cell = np.maximum((quads.max(axis=1) - quads.min(axis=1)).max(axis=0), 1e-9)
    origin = centre.min(axis=0)
    shifted = points.copy()
    shifted[:, 0] = origin[0] - 180 + (points[:, 0] - origin[0] + 180) % 360  # the same side of the date line
    home = np.floor((centre - origin) / cell).astype(np.int64)
    width = int(home[:, 0].max()) + 3
    key = (home[:, 1] + 1) * width + home[:, 0] + 1
    order = np.argsort(key, kind="stable")
    keys = key[order]
    base, across, down = quads[:, 0], quads[:, 1] - quads[:, 0], quads[:, 3] - quads[:, 0]
    det = across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0]
    at = np.floor((shifted - origin) / cell).astype(np.int64)
    near = (at >= -1).all(axis=1) & (at[:, 0] < width - 1) & (at[:, 1] <= home[:, 1].max() + 1)
    found = np.zeros(len(points), bool)
    for step in (dy * width + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
        todo = np.flatnonzero(near & ~found)
        wanted = (at[todo, 1] + 1) * width + at[todo, 0] + 1 + step
        first, last = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, "right")
        for nth in range(int((last - first).max(initial=0))):
            here = first + nth < last
            which, quad = todo[here], order[(first + nth)[here]]
            offset = shifted[which] - base[quad]
            u = (offset[:, 0] * down[quad, 1] - offset[:, 1] * down[quad, 0]) / det[quad]
            v = (across[quad, 0] * offset[:, 1] - across[quad, 1] * offset[:, 0]) / det[quad]
            found[which] |= (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1)
    return found


def boxes_meet(one: Doubles, other: Doubles) -> bool:
    """Whether the boxes around two sets of footprints (n, 8) share ground (in doubt, across the date line, yes)."""
    if not len(one) or not len(other):
        return False
    (west, south, east, north), (w, s, e, n) = (_box(corners) for corners in (one, other))
    apart = (west + east - w - e) / 2
    shift = 360 * round(apart / 360)
    return west <= e + shift and w + shift <= east and south <= n and s <= north


def _box(corners: Doubles) -> tuple[float, float, float, float]:
    quads = _unwrapped(corners).reshape(-1, 2)
    lon = quads[:, 0]
    if lon.max() - lon.min() > 180:
        lon = np.where(lon < 0, lon + 360, lon)
    return float(lon.min()), float(quads[:, 1].min()), float(lon.max()), float(quads[:, 1].max())


def overlaps(corners: Doubles, cover: Cover, rows: Ints, cols: Ints, others: Callable[[], Iterable[Doubles]]) -> Floats:
    """Share of each patch's area that others cover: those of its own product (``cover``) and of ``others``; (n,).

    ``corners`` (n, 8) of the patches at (rows, cols); ``others()`` gives the footprints (m, 8) of each
    further product; it is called once per some thousand patches, and read on only while anything is left to cover.
    """
    result = cover.shares.copy()
    step = (np.arange(POINTS) + 0.5) * cover.size / POINTS
    dy, dx = (grid.reshape(-1) for grid in np.meshgrid(step, step, indexing="ij"))
    for first, last in pairwise([*range(0, len(corners), _AT_ONCE), len(corners)]):
        points = places(corners[first:last])
        hit = np.zeros(points.shape[:2], bool)
        for other in others():
            todo = ~hit.all(axis=1)  # what is covered wholly needs no second look
            if not todo.any():
                break
            part = hit[todo]
            part |= inside_any(points[todo].reshape(-1, 2), other).reshape(part.shape)
            hit[todo] = part
        crossed = hit.any(axis=1)
        own = cover.more_than(1, rows[first:last][crossed, None] + dy, cols[first:last][crossed, None] + dx)
        result[first:last][crossed] = (hit[crossed] | own).mean(axis=1)
    return result


def _unwrapped(corners: Doubles) -> Doubles:
    """Footprints (n, 8) whose longitudes do not jump by 360 inside one."""
    quads = corners.reshape(-1, 4, 2).copy()
    lon = quads[..., 0]
    quads[..., 0] = lon[:, :1] + (lon - lon[:, :1] + 180) % 360 - 180
    return quads.reshape(-1, 8)
