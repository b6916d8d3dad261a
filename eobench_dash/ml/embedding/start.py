"""Where a layout starts: the first two principal components, which already hold the overall arrangement."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from eobench_dash.ml.threads import one_thread_per_product

_ROWS = 8192


def principal_plane(
    x: npt.NDArray[np.float32], *, seed: int, pace: Callable[[float], None] | None = None
) -> npt.NDArray[np.float32]:
    """The first two principal components of x (n, d): (n, 2) float32, unit standard deviation along the first.

    Signs are fixed (the largest loading is positive). A little seeded noise parts points that coincide; data without
    any spread become noise alone. ``pace`` (0..1) may raise to cancel.
    """
    n, dim = x.shape
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    scatter = np.zeros((dim, dim))
    with one_thread_per_product():  # the order of a sum must not depend on the number of threads
        for start in range(0, n, _ROWS):  # in double precision, without a double copy of the table
            block = (x[start : start + _ROWS] - mean).astype(np.float64)
            scatter += block.T @ block
            if pace is not None:
                pace(0.8 * start / n)
    axes = np.linalg.eigh(scatter)[1][:, ::-1][:, :2]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    plane = np.zeros((n, 2))
    for start in range(0, n, _ROWS):
        plane[start : start + _ROWS, : axes.shape[1]] = (x[start : start + _ROWS] - mean) @ axes.astype(np.float32)
        if pace is not None:
            pace(0.8 + 0.2 * start / n)
    scale = plane[:, 0].std()
    plane = plane / scale if scale > 1e-12 else np.zeros((n, 2))
    plane += np.random.default_rng(seed).normal(scale=1e-3 if scale > 1e-12 else 1.0, size=(n, 2))
    return plane.astype(np.float32)
