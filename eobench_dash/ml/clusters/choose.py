"""k-means and Gaussian mixtures: fit, assign, and choose how many clusters there are."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.clusters import ClusterMethod
from eobench_dash.ml.metrics import silhouette

Z = npt.NDArray[np.float64]

GRID = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 25, 30)
CURVE_ROWS = 5_000
PATIENCE = 3
"""The curve is given up after so many values in a row that are no better."""
_BLOCK = 65_536


FLOOR = 1e-3
"""Part of the variance that is added to each covariance: look-alikes shall not collapse a cluster to a point."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """Gaussians with covariances of their own, on components divided by ``scale`` (d,)."""

    model: Any
    scale: Z

    def predict(self, z: Z) -> npt.NDArray[np.int64]:
        """The likeliest Gaussian of every row of z (n, d)."""
        return np.asarray(self.model.predict(z / self.scale), dtype=np.int64)

    def bic(self, z: Z) -> float:
        """The Bayesian information criterion (Schwarz 1978) on z: lower is better."""
        return float(self.model.bic(z / self.scale))


def fit(z: Z, *, method: ClusterMethod, k: int, seed: int, starts: int = 3) -> Any:
    """A fitted model of ``k`` clusters of z (n, d): k-means, the best of some starts (k-means++), or a mixture.

    The likelier of two mixtures is kept, one begun from the k-means of z and one from that of the components at equal
    spread: far clouds are missed from the latter, near ones that differ in many small components from the former.
    """
    from sklearn.cluster import KMeans

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a start that has not converged loses to one that has
        if method is ClusterMethod.KMEANS:
            return KMeans(k, n_init=starts, random_state=seed).fit(z)
        scale = np.maximum(z.std(axis=0), 1e-9)
        even = z / scale
        begun = [KMeans(k, n_init=starts, random_state=seed).fit_predict(table) for table in (z, even)]
        found = [_mixture(even, labels, k=k, seed=seed) for labels in begun[: 1 if k == 1 else 2]]
        return Mixture(max(found, key=lambda model: float(model.lower_bound_)), scale)


def _mixture(z: Z, labels: npt.NDArray[np.integer], *, k: int, seed: int) -> Any:
    from sklearn.mixture import GaussianMixture

    own = [z[labels == code] if (labels == code).sum() > 1 else z for code in range(k)]
    precisions = [np.linalg.inv(np.atleast_2d(np.cov(part.T, ddof=0)) + FLOOR * np.eye(z.shape[1])) for part in own]
    model = GaussianMixture(
        k,
        covariance_type="full",
        reg_covar=FLOOR,
        random_state=seed,
        weights_init=np.array([len(part) for part in own]) / sum(len(part) for part in own),
        means_init=np.array([part.mean(axis=0) for part in own]),
        precisions_init=np.array(precisions),
    )
    return model.fit(z)


def assign(model: Any, z: Z, *, progress: Callable[[float, str], None] | None = None) -> npt.NDArray[np.int64]:
    """The cluster of every row of z (n, d), in blocks."""
    found = np.empty(len(z), np.int64)
    for start in range(0, len(z), _BLOCK):
        found[start : start + _BLOCK] = model.predict(z[start : start + _BLOCK])
        if progress is not None:
            progress(min(1.0, (start + _BLOCK) / len(z)), "Assigning the patches")
    return found


def choose_k(
    z: Z, *, method: ClusterMethod, seed: int, progress: Callable[[float, str], None] | None = None
) -> tuple[int, tuple[tuple[int, float], ...], list[str]]:
    """(k, the curve it was chosen by, what has to be said): the mixture of lowest BIC (Schwarz 1978), or the k-means
    of highest silhouette (Rousseeuw 1987), measured on at most 5,000 rows of z."""
    rows = z[:: max(1, -(-len(z) // CURVE_ROWS))]
    mixture = method is ClusterMethod.GMM
    ks = [k for k in GRID if k >= (1 if mixture else 2) and 10 * k <= len(rows)]
    curve: list[tuple[int, float]] = []
    best = 0
    for done, k in enumerate(ks):
        model = fit(rows, method=method, k=k, seed=seed, starts=2)
        value = float(model.bic(rows)) if mixture else -silhouette(rows, model.labels_, sample=2000, seed=seed).overall
        curve.append((k, value))
        best = done if value < curve[best][1] else best
        if progress is not None:
            progress((done + 1) / len(ks), f"Trying {k} clusters")
        if done - best >= PATIENCE:
            break
    chosen = curve[best][0]
    measure = "BIC" if mixture else "silhouette"
    notes = []
    if best == len(ks) - 1:
        notes.append(f"The {measure} still improved at {chosen} clusters, the most that are tried: there may be more.")
    if chosen == 1:
        notes.append("One Gaussian describes these patches best: no clusters were found.")
    return chosen, tuple((k, value if mixture else -value) for k, value in curve), notes
