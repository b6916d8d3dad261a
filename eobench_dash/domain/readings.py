"""What the numbers of a verification mean, in plain words. The page and the PDF say the same.

A number is given with its interval, what it was measured on, and what it does not say: a classifier's agreement with
the labels is no proof that the labels are right, since both may share an error.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eobench_dash.domain.labels import LabelInfo
from eobench_dash.domain.quality import Balance, Classification, PerClass
from eobench_dash.domain.verification import VerificationReport


@dataclass(frozen=True)
class Headline:
    """One number in large type: what it is called, the number, its interval or range, and what it means."""

    name: str
    value: str
    detail: str
    reading: str


def share(value: float, digits: int = 1) -> str:
    """0.926 as ``92.6 %``; a dash where it is not defined."""
    return f"{100 * value:.{digits}f}\u00a0%" if math.isfinite(value) else "–"


def number(value: float, digits: int = 3) -> str:
    """A plain number; a dash where it is not defined."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def patches(count: int) -> str:
    """``1 patch``, ``1,500 patches``."""
    return f"{count:,} {'patch' if count == 1 else 'patches'}"


def name_of(labels: Mapping[int, LabelInfo], code: int) -> str:
    """A label's name, or its code where the label is not known any more."""
    return labels[code].name if code in labels else f"label {code}"


def headlines(report: VerificationReport) -> list[Headline]:
    """The numbers that come first, each with its reading; what could not be measured is left out."""
    found = []
    if (scores := report.classification) is not None:
        interval = scores.accuracy_interval
        between = f"{interval.level:.0%} interval {share(interval.low)} to {share(interval.high)} ({interval.method})"
        found.append(Headline("Overall accuracy", share(scores.accuracy), between, _accuracy(scores)))
        mean = f"mean recall of {len(scores.support):,} labels"
        found.append(Headline("Balanced accuracy", share(scores.balanced_accuracy), mean, _balanced(scores)))
    if report.purity is not None:
        found.append(Headline("kNN purity", share(report.purity.overall), report.purity.detail, _purity(report.purity)))
    if report.silhouette is not None:
        value = number(report.silhouette.overall)
        found.append(Headline("Silhouette", value, report.silhouette.detail, _silhouette(report.silhouette)))
    return found


def _accuracy(scores: Classification) -> str:
    majority = scores.support.max() / max(1, scores.support.sum()) if len(scores.support) else math.nan
    return (
        f"A classifier that never saw them gives {share(scores.accuracy)} of {scores.n:,} patches the label they have; "
        f"always naming the largest label would be right for {share(majority)}."
    )


def _balanced(scores: Classification) -> str:
    gap = scores.accuracy - scores.balanced_accuracy
    if gap > 0.02:
        return "Each label counts alike here. It is below the overall accuracy: small labels are recognised less well."
    return "Each label counts alike here, however many patches it has. Large labels do not hide weak ones."


def _purity(measure: PerClass) -> str:
    return (
        f"Of a patch's nearest neighbours in feature space, {share(measure.overall, 0)} carry its own label on average."
    )


def _silhouette(measure: PerClass) -> str:
    value = measure.overall
    if not math.isfinite(value):
        return "Not defined for these labels."
    # The steps of Kaufman & Rousseeuw (1990), table 4.
    steps = ((0.7, "strong"), (0.5, "reasonable"), (0.25, "weak"))
    found = next((word for low, word in steps if value > low), None)
    if found:
        return f"Patches of one label form groups of {found} structure in feature space (−1 to 1; higher is better)."
    return (
        "Groups of labels overlap in feature space (−1 to 1). With many features this is usual, and no fault by itself."
    )


def balance_reading(balance: Balance) -> str:
    """How evenly patches spread over labels."""
    if not len(balance.codes):
        return "No patch has a label yet."
    unlabelled = f" {patches(balance.unlabelled)} without a label." if balance.unlabelled else ""
    if len(balance.codes) == 1:
        return f"{patches(balance.labelled)} with one single label.{unlabelled}"
    return (
        f"{patches(balance.labelled)} with one of {len(balance.codes):,} labels. The largest label has "
        f"{balance.imbalance_ratio:,.1f} times the patches of the smallest; evenness {number(balance.evenness, 2)} "
        f"(1 = all alike), as diverse as {balance.effective_number:,.1f} labels of equal size.{unlabelled}"
    )


def weakest_reading(scores: Classification, labels: Mapping[int, LabelInfo], *, limit: int = 3) -> str:
    """The labels to look at first."""
    order = np.argsort(np.nan_to_num(scores.f1, nan=2.0), kind="stable")[:limit]
    worst = [(name_of(labels, int(scores.confusion.codes[i])), float(scores.f1[i])) for i in order]
    weak = [f"{name} (F1 {number(f1, 2)})" for name, f1 in worst if math.isfinite(f1) and f1 < 0.9]
    return f"Look first at {', '.join(weak)}." if weak else "No label stands out as weak: every F1 is .90 or more."


CAUTION = (
    "Disagreement with the classifier points at patches worth a second look; it does not prove a label wrong, and "
    "agreement does not prove it right, for both may share an error. Patches of one scene resemble each other, so "
    "random folds are hopeful about new places."
)


@dataclass(frozen=True)
class MethodNote:
    """One measure: its definition, on what it was measured, and where it comes from (ISO 19157 measures by number)."""

    name: str
    definition: str
    measured: str
    source: str


def protocol(report: VerificationReport) -> str:
    """How the classifier was trained and tested."""
    return (
        f"Cross-validation: {report.folds} folds stratified by label, seed {report.seed}; {report.classifier}; "
        f"features {report.feature_kind}, version {report.feature_version}. "
        "Every patch is foretold by a model that did not see it."
    )


def method_notes(report: VerificationReport) -> list[MethodNote]:
    """How each number was made, so that somebody else can make it again."""
    notes = []
    if (scores := report.classification) is not None:
        made = f"cross-validation, n = {scores.n:,}"
        interval = f"{scores.accuracy_interval.method} interval"
        notes = [MethodNote(name, what, made, where or interval) for name, what, where in _CLASSIFICATION]
    for measure in (report.purity, report.silhouette):
        if measure is not None and measure.name in _SEPARATION:
            definition, source = _SEPARATION[measure.name]
            notes.append(MethodNote(measure.name, definition, f"n = {measure.n:,}; {measure.detail}", source))
    counts = f"n = {report.balance.labelled:,} labelled patches"
    return [
        *notes,
        MethodNote("Evenness, effective number", "Shannon's H / ln K; exp(H)", counts, "Pielou 1966; Hill 1973"),
    ]


_CLASSIFICATION = (
    ("Overall accuracy", "share of patches whose foretold label is the one they have; 1 − ISO 19157 measure 61", ""),
    (
        "Precision, recall, F1",
        "TP/(TP+FP) (user's accuracy), TP/(TP+FN) (producer's accuracy), 2PR/(P+R), per label",
        "from the confusion matrix, ISO 19157 measures 62 and 63",
    ),
    ("Balanced accuracy", "mean recall of the labels", "Brodersen et al. 2010"),
    ("MCC", "correlation of label and foretold label, −1 to 1", "Gorodkin 2004"),
    (
        "Quantity and allocation disagreement",
        "½ Σ |row share − column share|, and what remains of 1 − accuracy",
        "Pontius & Millones 2011",
    ),
    (
        "Kappa",
        "agreement beyond chance; for comparison with older work, no index of accuracy",
        "Cohen 1960; Foody 2020; ISO 19157 measure 64",
    ),
)
_SEPARATION = {
    "kNN purity": ("share of labelled neighbours that carry a patch's own label, mean over patches", "own definition"),
    "Silhouette": (
        "(b − a) / max(a, b): a mean distance to the own label, b to the nearest other label; in feature space",
        "Rousseeuw 1987",
    ),
}
