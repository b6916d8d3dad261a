"""What a check of a dataset found: values that reports and pages show. Codes are label codes of the dataset.

Arrays are per class in the order of ``codes``. Shares run from 0 to 1; NaN means not defined (nothing to divide by).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A confidence interval and how it was made, e.g. ``Wilson score``."""

    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True)
class Estimate:
    """An estimate from a sample: its value, standard error and interval."""

    value: float
    standard_error: float
    interval: Interval


@dataclass(frozen=True, eq=False)
class Predictions:
    """Cross-validated predictions: for the patches ``rows`` (ordinals), the label they have and the one foretold by a
    model that did not see them; ``fold`` says which fold tested them. ``probabilities`` (rows, K) of the labels
    ``codes`` (K,), ascending, each row summing to 1."""

    rows: IntArray
    true: IntArray
    predicted: IntArray
    fold: IntArray
    folds: int
    seed: int
    grouped: bool
    method: str
    codes: IntArray
    probabilities: npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Confusion:
    """Counts (K, K): row = reference label, column = predicted label, both in the order of ``codes``."""

    codes: IntArray
    counts: IntArray


@dataclass(frozen=True, eq=False)
class Classification:
    """Scores of a confusion matrix. ``precision`` is user's accuracy, ``recall`` producer's accuracy.

    ``quantity_disagreement`` + ``allocation_disagreement`` = 1 - ``accuracy`` (Pontius & Millones 2011).
    ``kappa`` is given because readers ask for it; it is not an index of accuracy (Foody 2020).
    """

    confusion: Confusion
    support: IntArray
    precision: FloatArray
    recall: FloatArray
    f1: FloatArray
    accuracy: float
    accuracy_interval: Interval
    balanced_accuracy: float
    macro_f1: float
    weighted_f1: float
    mcc: float
    quantity_disagreement: float
    allocation_disagreement: float
    kappa: float
    n: int


@dataclass(frozen=True, eq=False)
class PerClass:
    """One number for all and one for each class: kNN purity, silhouette. ``support`` is how many patches it is from."""

    name: str
    overall: float
    codes: IntArray
    values: FloatArray
    support: IntArray
    n: int
    detail: str


@dataclass(frozen=True, eq=False)
class Balance:
    """How evenly patches spread over the labels that have any.

    ``imbalance_ratio`` is largest over smallest class, ``evenness`` Shannon's H / ln K (1 where there is one class),
    ``effective_number`` exp(H).
    """

    codes: IntArray
    counts: IntArray
    labelled: int
    unlabelled: int
    imbalance_ratio: float
    evenness: float
    effective_number: float


@dataclass(frozen=True, eq=False)
class Retrieval:
    """Leave-one-out retrieval: each query patch ranks all other labelled patches; those of its label are relevant.

    ``precision_at`` maps k to the mean precision of the first k; ``mean_average_precision`` is over the queries that
    have any relevant patch. ``class_*`` are means over the queries of a class.
    """

    codes: IntArray
    precision_at: dict[int, float]
    mean_average_precision: float
    class_average_precision: FloatArray
    class_queries: IntArray
    queries: int
    seed: int


@dataclass(frozen=True, eq=False)
class AreaEstimates:
    """Accuracy and area from a stratified random sample, weighted by the strata's sizes (Olofsson et al. 2014).

    Strata are the mapped labels. ``area`` is in the unit of the strata's sizes. ``sample_accuracy_interval`` holds a
    Wilson interval of each stratum's user's accuracy: where no error was found the estimator's own is of width 0.
    """

    codes: IntArray
    accuracy: Estimate
    users: tuple[Estimate, ...]
    producers: tuple[Estimate, ...]
    area: tuple[Estimate, ...]
    sample_accuracy_interval: tuple[Interval, ...]
    n: int
