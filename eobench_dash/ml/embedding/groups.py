"""Where UMAP's layout starts when the neighbour graph falls into groups without links between them.

Nothing pulls two such groups into place, and one that starts folded up or across another is torn by it. So each is
unfolded by itself (the first eigenvectors of its graph's Laplacian: Belkin & Niyogi 2003, Neural Computation 15(6)),
and the groups are laid side by side, as they lie in the principal plane.
"""

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.sparse import csr_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

SMALLEST, MOST = 20, 200  # a group that is treated by itself; how many are
DENSE, LARGEST = 800, 30_000  # up to here a plain eigenproblem; beyond, the principal plane has to do
Floats = npt.NDArray[np.float64]


def apart(plane: npt.NDArray[np.float32], links: csr_array, *, seed: int) -> npt.NDArray[np.float32]:
    """The ``plane`` (n, 2) with each group of ``links`` (csr, n × n, symmetric) unfolded in a place of its own.

    A group covers an area in proportion to its size. The plane comes back as it is where there is one group only.
    """
    count, group = connected_components(links, directed=False)
    sizes = np.bincount(group, minlength=count)
    large = np.argsort(-sizes, kind="stable")[:MOST]
    large = large[sizes[large] >= SMALLEST]
    if count == 1 or len(large) == 0:
        return plane
    start = plane.astype(np.float64)
    members = [np.flatnonzero(group == g) for g in large]
    radii = np.sqrt(sizes[large] / sizes.sum())
    centres = np.array([start[rows].mean(axis=0) for rows in members])
    placed = _side_by_side(centres, radii, np.random.default_rng(seed))
    shift = placed.mean(axis=0) - centres.mean(axis=0)
    start += shift  # the few that belong to no large group
    for rows, centre, radius in zip(members, placed, radii, strict=True):
        inner = _unfolded(csr_array(links[rows][:, rows]), plane[rows].astype(np.float64))
        inner -= inner.mean(axis=0)
        inner *= 0.9 * radius / max(float(np.abs(inner).max()), 1e-12)
        start[rows] = centre + inner
    start += np.random.default_rng(seed).normal(scale=1e-3, size=start.shape)
    return start.astype(np.float32)


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


def _unfolded(links: csr_array, plane: Floats) -> Floats:
    """The second and third eigenvectors of the group's normalised links (m, m), or its ``plane`` (m, 2) where they
    would take too long."""
    m = len(plane)
    if m > LARGEST:
        return plane.copy()
    degree = np.maximum(np.asarray(links.sum(axis=1), dtype=np.float64).ravel(), 1e-12)
    scale = diags_array(1.0 / np.sqrt(degree))
    normalised = csr_array(scale @ links.astype(np.float64) @ scale)
    if m <= DENSE:
        vectors = eigh(normalised.toarray(), subset_by_index=(m - 3, m - 1))[1]
    else:
        try:
            vectors = eigsh(normalised, k=3, which="LA", v0=np.sqrt(degree), tol=1e-4, maxiter=20 * int(m**0.5) + 500)[
                1
            ]
        except ArpackNoConvergence:
            return plane.copy()
    axes: Floats = vectors[:, [1, 0]] / np.sqrt(degree)[:, None]
    return axes * np.where(axes[np.abs(axes).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
