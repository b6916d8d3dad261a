"""Where a layout starts: the first two principal components, which already hold the overall arrangement."""

import numpy as np
import numpy.typing as npt

from eobench_dash.ml.threads import one_thread_per_product


def principal_plane(x: npt.NDArray[np.float32], *, seed: int) -> npt.NDArray[np.float32]:
    """The first two principal components of x (n, d): (n, 2) float32, unit standard deviation along the first.

    Signs are fixed (the largest loading is positive). A little seeded noise parts points that coincide; data without
    any spread become noise alone.
    """
    n, dim = x.shape
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    scatter = np.zeros((dim, dim))
    with one_thread_per_product():  # the order of a sum must not depend on the number of threads
        for start in range(0, n, 8192):  # in double precision, without a double copy of the table
            block = (x[start : start + 8192] - mean).astype(np.float64)
            scatter += block.T @ block
    axes = np.linalg.eigh(scatter)[1][:, ::-1][:, :2]
    axes = axes * np.where(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])] < 0, -1.0, 1.0)
    plane = np.zeros((n, 2))
    plane[:, : axes.shape[1]] = (x - mean) @ axes.astype(np.float32)
    scale = plane[:, 0].std()
    plane = plane / scale if scale > 1e-12 else np.zeros((n, 2))
    plane += np.random.default_rng(seed).normal(scale=1e-3 if scale > 1e-12 else 1.0, size=(n, 2))
    return plane.astype(np.float32)
