"""What a plan would cut from a product, before anything is cut: the grid over its quick-look, flags of a sample."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.ingesting import IngestPlan
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.domain.products import ProductInfo, ReadOptions
from eobench_dash.domain.tiling import windows
from eobench_dash.errors import BadInput
from eobench_dash.services.importing import confine
from eobench_dash.services.measuring import MEASURED, measure_windows
from eobench_dash.services.products import opened, picture_of
from eobench_dash.services.workspace import Workspace

PREVIEWED = 20_000
"""Windows that a preview lists; of a finer grid every so many-th row and column."""
SAMPLED, SAMPLING_S = 1_024, 4.0
"""At most so many of them are measured, for at most so long."""


@dataclass(frozen=True, eq=False)
class GridPreview:
    """What a plan would cut from a product: ``rows``, ``cols`` (n,) upper left pixels, ``sizes`` (n,), coarse first.

    ``flags``: flag → (n,) float32, NaN where a window was not measured (a sample is) or the product cannot tell.
    ``inside`` (n,): whether the middle lies inside the area of interest. ``black`` (n,): share that is black in the
    quick-look, for all windows: a hint at black edges. ``counts``: patches per scale, all of them.
    """

    height: int
    width: int
    rows: npt.NDArray[np.int32]
    cols: npt.NDArray[np.int32]
    sizes: npt.NDArray[np.int32]
    inside: npt.NDArray[np.bool_]
    black: npt.NDArray[np.float32]
    flags: dict[str, npt.NDArray[np.float32]]
    counts: dict[int, int]
    measured: int

    def refused(self, limits: dict[str, float]) -> dict[str, float]:
        """Of the windows measured, the share above each limit."""
        told = {}
        for name, most in limits.items():
            if name in self.flags and self.measured:
                told[name] = float((self.flags[name] > most).sum() / self.measured)
        return told


def grid_preview(
    ws: Workspace,
    who: Principal,
    *,
    path: str,
    plan: IngestPlan,
    options: ReadOptions = ReadOptions(),  # noqa: B008
    seconds: float = SAMPLING_S,
    clock: Callable[[], float] = time.monotonic,
) -> GridPreview:
    """The windows that a plan would cut from a product, with the flags of a sample of them, in bounded time."""
    require(who, Role.BUILDER, what="look at products")
    deadline = clock() + seconds
    real = confine(ws.settings, path)
    with opened(ws, real, options) as product:
        info, grids = product.info, plan.grids(product.info)
        total = sum(grid.count for grid in grids)
        every = max(1, int(np.ceil(np.sqrt(total / PREVIEWED))))
        places = []
        for grid in grids:
            rows, cols = windows(grid)
            shown = (rows // grid.stride % every == 0) & (cols // grid.stride % every == 0)
            places.append(np.stack([rows[shown], cols[shown], np.full(int(shown.sum()), grid.size, np.int32)]))
        rows, cols, sizes = np.concatenate(places, axis=1)
        inside = np.ones(len(rows), bool)
        if plan.area is not None and len(rows):
            middle = product.lonlat(rows + sizes / 2, cols + sizes / 2)
            inside = plan.area.holds(middle[:, 0], middle[:, 1])
        flags = {name: np.full(len(rows), np.nan, np.float32) for name in MEASURED}
        measured = 0
        for at in _spread(np.flatnonzero(inside), SAMPLED):
            one = next(measure_windows(product, rows[at : at + 1], cols[at : at + 1], int(sizes[at])))
            for name in MEASURED:
                flags[name][at] = one[name][0]
            measured += 1
            if clock() >= deadline:
                break
        return GridPreview(
            height=info.height,
            width=info.width,
            rows=rows,
            cols=cols,
            sizes=sizes,
            inside=inside,
            black=_black(picture_of(ws, real, options, product), info, rows, cols, sizes),
            flags=flags,
            counts={grid.size: grid.count for grid in grids},
            measured=measured,
        )


def area_of_box(
    ws: Workspace,
    who: Principal,
    *,
    path: str,
    box: tuple[float, float, float, float],
    options: ReadOptions = ReadOptions(),  # noqa: B008
) -> dict[str, object]:
    """A rectangle (row, column, height, width) of a product's reading grid as a GeoJSON polygon in degrees.

    Its sides have points in between, for they may be bent on the map. BadInput for a product without a place.
    """
    require(who, Role.BUILDER, what="look at products")
    row, col, height, width = box
    with opened(ws, confine(ws.settings, path), options) as product:
        down, across = np.linspace(0, 1, 5)[:-1], np.zeros(4)
        rows = row + height * np.concatenate([across, down, across + 1, 1 - down])
        cols = col + width * np.concatenate([down, across + 1, 1 - down, across])
        ring = product.lonlat(rows, cols)
    if not np.isfinite(ring).all():
        raise BadInput("This product has no place on Earth, so no area can be drawn on it.")
    corners = [[round(lon, 6), round(lat, 6)] for lon, lat in ring.tolist()]
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


def _spread(places: npt.NDArray[np.intp], most: int) -> list[int]:
    """At most so many of the places, each part of the sequence evenly spread over all of them."""
    if len(places) > most:
        places = places[np.linspace(0, len(places) - 1, most).astype(int)]
    golden = (np.arange(len(places)) * 0.6180339887498949) % 1
    return [int(place) for place in places[np.argsort(np.argsort(golden))]] if len(places) else []


def _black(
    picture: npt.NDArray[np.uint8] | None,
    info: ProductInfo,
    rows: npt.NDArray[np.int32],
    cols: npt.NDArray[np.int32],
    sizes: npt.NDArray[np.int32],
) -> npt.NDArray[np.float32]:
    """Share of each window that is black in the quick-look; 0 without one."""
    if picture is None:
        return np.zeros(len(rows), np.float32)
    down, across = picture.shape[0] / info.height, picture.shape[1] / info.width
    table = np.zeros((picture.shape[0] + 1, picture.shape[1] + 1))
    table[1:, 1:] = (picture.max(axis=2) == 0).cumsum(axis=0).cumsum(axis=1)
    top = np.clip((rows * down).astype(int), 0, picture.shape[0] - 1)
    left = np.clip((cols * across).astype(int), 0, picture.shape[1] - 1)
    bottom = np.clip(np.ceil((rows + sizes) * down).astype(int), top + 1, picture.shape[0])
    right = np.clip(np.ceil((cols + sizes) * across).astype(int), left + 1, picture.shape[1])
    black = table[bottom, right] - table[top, right] - table[bottom, left] + table[top, left]
    shares: npt.NDArray[np.float32] = (black / ((bottom - top) * (right - left))).astype(np.float32)
    return shares
