"""Where UMAP's layout starts: every group of the neighbour graph unfolded, groups without links between them side by
side, as they lie in the principal plane.

A group is unfolded by the first eigenvectors of its graph's Laplacian (Belkin & Niyogi 2003, Neural Computation 15(6)).
Nothing pulls groups without links into place, and one that starts folded up or across another is torn by it; so is one
that starts well and is then moved in large steps. Measured (pieces on the map of 12 curved strips; of 5 rolls): from
the principal plane in full steps 38 and 36, unfolded 42 and 29, unfolded in quarter steps 17 and 5; umap-learn makes 21
of the 12. Real patches in one group gain 0.002 of trustworthiness from the unfolded start, and would lose as much by
quarter steps.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.sparse import csr_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from eobench_dash.ml.threads import one_thread_per_product

SMALLEST, MOST = 20, 200  # a group that is treated by itself; how many are
DENSE, LARGEST = 800, 60_000  # up to here a plain eigenproblem; beyond, the principal plane has to do
Floats = npt.NDArray[np.float64]


def unfolded(
    plane: npt.NDArray[np.float32],
    links: csr_array,
    *,
    seed: int,
    pace: Callable[[float], None] = lambda done: None,
) -> tuple[npt.NDArray[np.float32], bool]:
    """The ``plane`` (n, 2) with each group of ``links`` (csr, n × n, symmetric) unfolded in a place of its own, and
    whether there are several groups, none of them nearly all.

    A group covers an area in proportion to its size; one of more than LARGEST points keeps its part of the plane.
    ``pace`` (0..1) may raise to cancel.
    """
    count, group = connected_components(links, directed=False)
    pace(0.0)
    sizes = np.bincount(group, minlength=count)
    large = np.argsort(-sizes, kind="stable")[:MOST]
    large = large[sizes[large] >= SMALLEST]
    if len(large) == 0 or (count == 1 and sizes[large[0]] > LARGEST):
        return plane, False
    start = plane.astype(np.float64)
    members = [np.flatnonzero(group == g) for g in large]
    radii = np.sqrt(sizes[large] / sizes.sum())
    centres = np.array([start[rows].mean(axis=0) for rows in members])
    placed = _side_by_side(centres, radii, np.random.default_rng(seed))
    shift = placed.mean(axis=0) - centres.mean(axis=0)
    start += shift  # the few that belong to no large group
    for done, (rows, centre, radius) in enumerate(zip(members, placed, radii, strict=True)):
        inner = plane[rows].astype(np.float64)
        if len(rows) <= LARGEST:
            inner = _flattened(csr_array(links[rows][:, rows]), inner, partial(pace, done / len(members)))
        inner -= inner.mean(axis=0)
        inner *= 0.9 * radius / max(float(np.abs(inner).max()), 1e-12)
        start[rows] = centre + inner
    start += np.random.default_rng(seed).normal(scale=1e-3, size=start.shape)
    return start.astype(np.float32), bool(sizes[large[0]] < 0.9 * sizes.sum())


def _side_by_side(centres: Floats, radii: Floats, rng: np.random.Generator) -> Floats:
    """Centres (m, 2) of discs that do not overlap, near where they were: overlapping ones push each other apart."""
    placed = centres + rng.normal(scale=1e-6, size=centres.shape)
    reach = radii[:, None] + radii
    np.fill_diagonal(reach, 0.0)
    for _ in range(300):
        difference = placed[:, None] - placed
        distance = np.maximum(np.sqrt(np.square(difference).sum(axis=2)), 1e-12)
        overlap = np.maximum(reach - distance, 0.0)
        if overlap.max() <= 1e-3 * radii.min():
            break
        placed = placed + (difference * (overlap / distance)[:, :, None]).sum(axis=1) * 0.35
    return placed


def _flattened(links: csr_array, plane: Floats, alive: Callable[[], None]) -> Floats:
    """The second and third eigenvectors of the group's normalised links (m, m), or its ``plane`` (m, 2) where they
    are not found. ``alive`` is called between products, and may raise to cancel."""
    m = len(plane)
    degree = np.maximum(np.asarray(links.sum(axis=1), dtype=np.float64).ravel(), 1e-12)
    scale = diags_array(1.0 / np.sqrt(degree))
    normalised = csr_array(scale @ links.astype(np.float64) @ scale)
    first = np.random.default_rng(0).normal(size=m)  # the same for every map: ARPACK draws one otherwise

    def product(vector: Floats) -> Floats:
        alive()
        return np.asarray(normalised @ vector)

    if m <= DENSE:
        vectors = eigh(normalised.toarray(), subset_by_index=(m - 3, m - 1))[1]
    else:
        try:
            with one_thread_per_product():  # the order of a sum must not depend on the number of threads
                vectors = eigsh(
                    LinearOperator((m, m), product, dtype=np.float64),
                    k=3,
                    which="LA",
                    v0=first,
                    tol=1e-4,
                    maxiter=20 * int(m**0.5),
                )[1]
        except ArpackNoConvergence:
            return plane.copy()
    axes: Floats = vectors[:, [1, 0]] / np.sqrt(degree)[:, None]
    return axes * np.where(axes[np.abs(axes).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
