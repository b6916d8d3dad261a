"""In which order a map's patches go on sprite sheets, so that what is seen together lies together."""

import numpy as np
import numpy.typing as npt


def sheet_order(xy: npt.ArrayLike, *, coarse: int = 1024, fine: int = 256) -> npt.NDArray[np.uint32]:
    """The points of a map (n, 2) in sheet order, uint32 (n,): the leaves of a k-d tree, one after the other.

    A segment is halved across its wider side, at multiples of ``coarse`` points while it is longer than that, then at
    multiples of ``fine``: every run of ``coarse`` (and of ``fine``) places is one leaf, so a window needs few of them.
    How wide a side is, is told by the range of the middle 90 % of points, which strays do not move. Inside a leaf
    points stay in their own order; those without a finite place come last. Bentley, Multidimensional binary search
    trees used for associative searching, CACM 18 (1975).
    """
    places = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    placed = np.isfinite(places).all(axis=1)
    points = np.flatnonzero(placed)
    near = places[points]
    # Ranks, not coordinates, are compared: no two are equal, so every numpy cuts at the same points.
    ranks = np.empty(near.shape, dtype=np.int32)
    for axis in (0, 1):
        ranks[np.argsort(near[:, axis], kind="stable"), axis] = np.arange(len(near), dtype=np.int32)
    order = np.arange(len(near))
    waiting = [(0, len(near))]
    while waiting:
        start, stop = waiting.pop()
        size = stop - start
        step = coarse if size > coarse else fine
        members = order[start:stop]
        if size <= step:
            members.sort()
            continue
        cut = step * max(1, round(size / step / 2))
        axis = int(np.argmax(np.ptp(np.percentile(near[members], (5, 95), axis=0), axis=0)))
        order[start:stop] = members[np.argpartition(ranks[members, axis], cut)]
        waiting += [(start, start + cut), (start + cut, stop)]
    return np.concatenate([points[order], np.flatnonzero(~placed)]).astype(np.uint32)


def inverse_order(order: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The place of every point, uint32 (n,), from the point at every place."""
    places = np.empty_like(order)
    places[order] = np.arange(len(order), dtype=np.uint32)
    return places
