"""Scores of predictions against reference labels; the numbers are scikit-learn's where it has them."""

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.quality import Classification, Confusion, Interval
from eobench_dash.errors import BadInput
from eobench_dash.ml.metrics._labels import as_codes, divide


def confusion_matrix(true: npt.ArrayLike, predicted: npt.ArrayLike) -> Confusion:
    """Counts of (reference, predicted) over the codes that occur in either, ascending. Both are (n,)."""
    reference = as_codes(true, what="Reference labels")
    answers = as_codes(predicted, n=len(reference), what="Predicted labels")
    if not len(reference):
        raise BadInput("There are no labelled patches to compare; label some first.")
    codes = np.unique(np.concatenate([reference, answers]))
    size = len(codes)
    cells = np.searchsorted(codes, reference) * size + np.searchsorted(codes, answers)
    return Confusion(codes=codes, counts=np.bincount(cells, minlength=size * size).reshape(size, size).astype(np.int64))


def wilson_interval(successes: int, n: int, *, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927): sound near 0 and 1, where the normal one is not."""
    if not 0 <= successes <= n or n < 1:
        raise BadInput(f"A proportion needs 0 to n successes of n at least 1, not {successes} of {n}.")
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == n else min(1.0, middle + half)
    return Interval(low=low, high=high, level=level, method="Wilson score")


def classification_scores(confusion: Confusion, *, level: float = 0.95) -> Classification:
    """Every score of ``domain.quality.Classification`` from a confusion matrix.

    A class never predicted has precision NaN, a class without reference recall NaN, and F1 0 where it can be formed;
    averages take undefined precision as 0 and leave out classes without reference (balanced accuracy) as scikit-learn
    does. MCC is Gorodkin's (2004) for K classes; quantity and allocation disagreement are Pontius & Millones' (2011).
    Kappa: "not an index of accuracy" (Foody, RSE 239, 2020): at one overall accuracy it takes almost any value,
    as prevalence moves; read the per-class scores instead.
    """
    counts = confusion.counts.astype(np.float64)
    n = int(confusion.counts.sum())
    if n == 0:
        raise BadInput("The confusion matrix is empty; there is nothing to score.")
    hits, reference, answered = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    precision, recall = divide(hits, answered), divide(hits, reference)
    f1 = divide(2 * hits, reference + answered, empty=0.0)
    accuracy = float(hits.sum() / n)
    chance = float(reference @ answered) / n**2
    covariance = float(hits.sum()) * n - float(reference @ answered)
    spread = math.sqrt((n**2 - float(reference @ reference)) * (n**2 - float(answered @ answered)))
    p, rows, columns = hits / n, reference / n, answered / n
    return Classification(
        confusion=confusion,
        support=confusion.counts.sum(axis=1),
        precision=precision,
        recall=recall,
        f1=f1,
        accuracy=accuracy,
        accuracy_interval=wilson_interval(int(np.trace(confusion.counts)), n, level=level),
        balanced_accuracy=float(recall[reference > 0].mean()),
        macro_f1=float(f1.mean()),
        weighted_f1=float((f1 * reference).sum() / n),
        mcc=covariance / spread if spread > 0 else 0.0,
        quantity_disagreement=float(np.abs(rows - columns).sum() / 2),
        allocation_disagreement=float(np.minimum(rows - p, columns - p).sum()),
        kappa=(accuracy - chance) / (1 - chance) if chance < 1 else float("nan"),
        n=n,
    )
