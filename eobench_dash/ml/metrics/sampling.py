"""Accuracy and area of a labelled set from a stratified random sample that was labelled again.

Olofsson et al. (2013), RSE 129, and (2014), "Good practices for estimating area and assessing accuracy of land change",
RSE 148, equations 1-13. Strata are the labels under test; h runs over strata, j over reference labels.
"""

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.quality import AreaEstimates, Estimate, Interval
from eobench_dash.errors import BadInput
from eobench_dash.ml.metrics._labels import divide
from eobench_dash.ml.metrics.classification import wilson_interval


def olofsson(
    counts: npt.ArrayLike, sizes: npt.ArrayLike, *, codes: npt.ArrayLike | None = None, level: float = 0.95
) -> AreaEstimates:
    """Estimates from sample ``counts`` (K, K; row = stratum, column = reference label) and strata ``sizes`` (K,).

    Sizes are numbers of patches (or any unit of area, which then is the unit of the areas). Raises BadInput where a
    stratum that is not empty has fewer than two sampled patches: its variance is unknown.
    """
    sample, size = np.asarray(counts, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    if sample.ndim != 2 or sample.shape[0] != sample.shape[1] or size.shape != sample.shape[:1] or not sample.size:
        raise BadInput(f"A sample's counts must be square and match the strata: {sample.shape} and {size.shape}.")
    if not (np.isfinite(sample).all() and np.isfinite(size).all() and (sample >= 0).all() and (size >= 0).all()):
        raise BadInput("Sample counts and strata sizes must be finite and not negative.")
    drawn = sample.sum(axis=1)
    if size.sum() <= 0 or ((drawn < 2) & (size > 0)).any():
        raise BadInput("Every label with patches needs at least two of them in the sample; draw more.")
    weight = size / size.sum()
    within = divide(sample, drawn[:, None], empty=0.0)  # share of reference j within stratum h
    joint = weight[:, None] * within
    hit = np.diag(within)
    column = joint.sum(axis=0)
    producers = divide(np.diag(joint), column)
    cell = divide(within * (1 - within), (drawn - 1)[:, None], empty=0.0)  # variance of each share
    cell[drawn < 2] = 0.0
    own = np.diag(cell)
    estimated = within.T @ size  # reference size of each label
    others = (size[:, None] ** 2 * cell).sum(axis=0) - size**2 * own
    spread = size**2 * (1 - producers) ** 2 * own + producers**2 * others
    z = NormalDist().inv_cdf(0.5 + level / 2)

    def estimate(value: float, variance: float) -> Estimate:
        error = float(np.sqrt(variance))
        interval = Interval(low=value - z * error, high=value + z * error, level=level, method="normal, stratified")
        return Estimate(value=float(value), standard_error=error, interval=interval)

    def many(values: npt.NDArray[np.float64], variances: npt.NDArray[np.float64]) -> tuple[Estimate, ...]:
        return tuple(estimate(float(v), float(s)) for v, s in zip(values, variances, strict=True))

    total = size.sum()
    blank = Interval(low=float("nan"), high=float("nan"), level=level, method="no sample")
    return AreaEstimates(
        codes=np.arange(len(size)) if codes is None else np.asarray(codes, dtype=np.int64),
        accuracy=estimate(float(np.diag(joint).sum()), float((weight**2 * own).sum())),
        users=many(np.where(drawn > 0, hit, np.nan), own),
        producers=many(producers, divide(spread, estimated**2)),
        area=many(column * total, (weight[:, None] ** 2 * cell).sum(axis=0) * total**2),
        sample_accuracy_interval=tuple(
            wilson_interval(int(h), int(m), level=level) if m >= 1 else blank
            for h, m in zip(np.diag(sample), drawn, strict=True)
        ),
        n=int(drawn.sum()),
    )


def sample_size(
    sizes: npt.ArrayLike, expected_accuracy: npt.ArrayLike, *, standard_error: float, least: int = 50
) -> npt.NDArray[np.int64]:
    """How many patches to draw from each stratum (K,) so that overall accuracy has about this standard error.

    n = (sum W_h S_h / SE)^2 with S_h = sqrt(U_h (1 - U_h)) (Olofsson 2014, equation 13, large population), dealt out in
    proportion to size with at least ``least`` (or all) from each.
    """
    size, users = np.asarray(sizes, dtype=np.float64), np.asarray(expected_accuracy, dtype=np.float64)
    if size.ndim != 1 or not size.size or size.sum() <= 0 or (size < 0).any() or not np.isfinite(size).all():
        raise BadInput("Strata sizes must be a list of counts, one of them above 0.")
    if standard_error <= 0 or not ((users >= 0) & (users <= 1)).all():
        raise BadInput("The target standard error must be above 0 and expected accuracies from 0 to 1.")
    weight = size / size.sum()
    wanted = float(((weight * np.sqrt(users * (1 - users))).sum() / standard_error) ** 2)
    drawn = np.maximum(np.ceil(weight * wanted - 1e-9), float(least))
    return np.asarray(np.minimum(drawn, size), dtype=np.int64)
