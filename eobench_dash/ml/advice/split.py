"""Does a label hold several structures? Mixtures of 1 to 6 Gaussians, and whether their parts are real.

Every cloud can be cut in two, and a mixture fits any cloud better than one Gaussian does. So parts count only where
(1) each two of them are separated by a valley of density, seen on patches that the axis between them was not made
from (``separation``); (2) bootstrap samples give the same parts (``stability``); (3) they are worth their parameters
(``bic_gain``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.clusters import ClusterMethod
from eobench_dash.ml.advice import MIN_SPLIT, SPLIT
from eobench_dash.ml.clusters import choose, quality, space

KS = (2, 3, 4, 5, 6)
FIT_ROWS = 2_000
COMPONENTS = 15
LEAST = 10
"""A part with fewer patches on either half is not one."""

Z = npt.NDArray[np.float64]
Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Measures:
    """Of a mixture of ``k``: see the module. ``stability`` and ``silhouette`` None where it failed before them."""

    k: int
    separation: float
    bic_gain: float
    stability: float | None = None
    silhouette: float | None = None

    @property
    def passes(self) -> bool:
        """Whether every measure reaches its threshold."""
        return (
            self.separation >= least_separation(self.k)
            and self.bic_gain > SPLIT["bic_gain"]
            and self.stability is not None
            and self.stability >= SPLIT["stability"]
        )


@dataclass(frozen=True, eq=False)
class Parts:
    """The look at one group of n patches: ``chosen`` among ``tried`` (k = 2 where none passes).

    ``codes`` (n,) the part of each patch, largest first, and ``z`` (n, d) their evened components; ``codes`` None
    where no split is advised.
    """

    chosen: Measures
    tried: tuple[Measures, ...]
    z: Z
    codes: npt.NDArray[np.int64] | None

    @property
    def advised(self) -> bool:
        """Whether the label should be split."""
        return self.codes is not None


def find_parts(x: npt.NDArray[np.generic], *, seed: int = 0, progress: Progress | None = None) -> Parts | None:
    """Parts of the group with features x (n, d): the most parts, up to six, that pass every threshold.

    Fitted on at most 2,000 seeded patches, then applied to all. None for fewer than 60 patches. Raises BadInput where
    all vectors are equal or one is not finite.
    """
    if len(x) < MIN_SPLIT:
        return None
    rng = np.random.default_rng(seed)
    axes = space.principal_axes(x, components=COMPONENTS, rng=rng)
    z = axes.apply(x)
    rows = z[space.sample(len(z), FIT_ROWS, rng)]
    ks = [k for k in KS if k == 2 or MIN_SPLIT // 2 * k <= len(rows)]
    alone = float(choose.fit(rows, method=ClusterMethod.GMM, k=1, seed=seed).bic(rows))
    tried = []
    for done, k in enumerate(ks):
        tried.append(_measure(rows, k, alone, seed))
        if progress is not None:
            progress((done + 1) / len(ks), f"trying {k} parts")
    passing = [measures for measures in tried if measures.passes]
    if not passing:
        return Parts(tried[0], tuple(tried), z, None)
    chosen = passing[-1]
    found = choose.assign(choose.fit(rows, method=ClusterMethod.GMM, k=chosen.k, seed=seed), z)
    sizes = np.bincount(found, minlength=chosen.k)
    rank = np.empty(chosen.k, np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(chosen.k)
    return Parts(chosen, tuple(tried), z, rank[found])


def least_separation(k: int) -> float:
    """The separation that ``k`` parts have to reach."""
    return SPLIT["separation" if k == 2 else "separation_many"]


def _measure(rows: Z, k: int, alone: float, seed: int) -> Measures:
    model = choose.fit(rows, method=ClusterMethod.GMM, k=k, seed=seed)
    codes = model.predict(rows)
    gain = (alone - float(model.bic(rows))) / (2 * len(rows))
    depth = separation(rows, k=k, seed=seed)
    if k > 2 and depth < least_separation(k):
        return Measures(k, depth, gain)
    stable = quality.stability(rows, method=ClusterMethod.GMM, k=k, seed=seed, draws=6)
    return Measures(k, depth, gain, stable, quality.silhouette_of(rows, codes.astype(np.uint16), seed=seed))


def separation(z: Z, *, k: int, seed: int) -> float:
    """How deep the valley of density is between the two nearest of ``k`` parts of z (n, d): 1 empty, 0 no valley.

    Parts are found on a random half. For each two of them a linear discriminant is fitted there, and the depth is read
    on the other half, and the other way round; the mean of both ways for the least separated two.
    """
    order = np.random.default_rng([seed, k]).permutation(len(z))
    halves = order[: len(z) // 2], order[len(z) // 2 :]
    return float(np.mean([_one_way(z[a], z[b], k=k, seed=seed) for a, b in (halves, halves[::-1])]))


def _one_way(known: Z, asked: Z, *, k: int, seed: int) -> float:
    model = choose.fit(known, method=ClusterMethod.GMM, k=k, seed=seed)
    of_known, of_asked = model.predict(known), model.predict(asked)
    if min(np.bincount(of_known, minlength=k).min(), np.bincount(of_asked, minlength=k).min()) < LEAST:
        return 0.0
    depths = []
    for p, q in combinations(range(k), 2):
        axis = discriminant(known[of_known == p], known[of_known == q])
        depths.append(valley(asked[of_asked == p] @ axis, asked[of_asked == q] @ axis))
    return min(depths)


def discriminant(a: Z, b: Z) -> Z:
    """Fisher's axis (1936) between two groups (n, d) and (m, d), with their pooled covariance."""
    pooled = (np.cov(a.T, ddof=0) * len(a) + np.cov(b.T, ddof=0) * len(b)) / (len(a) + len(b))
    pooled = np.atleast_2d(pooled)
    floor = 1e-6 * float(np.trace(pooled)) / len(pooled) + 1e-12
    return np.asarray(np.linalg.solve(pooled + floor * np.eye(len(pooled)), a.mean(axis=0) - b.mean(axis=0)))


def valley(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """1 - density of the emptiest place between the groups' means / the lower of the peaks beside it (0..1).

    Of the two groups' values (n,), (m,) together; Gaussian kernel of width 0.9 s (n + m)^(-1/5) (Silverman 1986), whose
    s is that of all values, which smooths two peaks too much rather than too little.
    """
    values = np.concatenate([a, b])
    spread = float(values.std())
    if spread == 0:
        return 0.0
    width = 0.9 * spread * len(values) ** -0.2
    grid = np.linspace(values.min() - width, values.max() + width, 400)
    step = grid[1] - grid[0]
    counts, _ = np.histogram(values, bins=len(grid), range=(grid[0] - step / 2, grid[-1] + step / 2))
    reach = int(np.ceil(4 * width / step))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / width) ** 2)
    density = np.convolve(counts, kernel)[reach:-reach]
    first, last = sorted(np.searchsorted(grid, [a.mean(), b.mean()]).tolist())
    lowest = first + int(np.argmin(density[first : last + 1]))
    peak = min(density[: lowest + 1].max(), density[lowest:].max())
    return float(1 - density[lowest] / peak) if peak > 0 else 0.0
