"""What a classifier that never saw a patch would call it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.quality import Predictions
from eobench_dash.errors import BadInput
from eobench_dash.ml.metrics._labels import as_codes, labelled_rows
from eobench_dash.ml.metrics.margins import duels, probabilities
from eobench_dash.ml.neighbours import as_features
from eobench_dash.ml.threads import in_order, workers

_BLOCK_MARGINS = 4_000_000
"""Margins held at a time: there is one for each pair of labels and each patch."""
METHODS = {
    True: "RBF support vector machine (C=10, gamma=scale) on standardised features",
    False: "RBF support vector machine (C=10, gamma=scale) on the features as they are scaled",
}


def cross_validated_predictions(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    folds: int = 5,
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
    progress: Callable[[float, str], None] | None = None,
    max_rows: int = 12_000,
    standardise: bool = True,
) -> Predictions:
    """Out-of-fold predictions of an RBF SVM for the labelled rows of x (n, d) with codes y (n,).

    Folds are stratified by label and seeded; with ``groups`` (n,) (products, spatial blocks) no group is on both sides
    of a fold. More than ``max_rows`` labelled patches are thinned, seeded, in proportion to the labels (at least
    ``folds`` of each kept where it has them); ``rows`` tells which were used. A label with a single patch cannot be
    foretold and counts as missed. ``standardise`` brings every dimension to unit variance, which vectors of unknown
    scale need and principal components do not want (their small ones are noise). Raises BadInput for fewer
    than two labels or fewer patches (groups) than folds. ``margins`` says what the probabilities are.
    """
    codes = as_codes(y)
    features = np.asarray(x)
    if len(features) != len(codes):
        raise BadInput(f"There are {len(codes)} labels for {len(features)} patches; there must be one each.")
    rows = _thinned(codes, labelled_rows(codes), max_rows, folds, np.random.default_rng(seed))
    if len(np.unique(codes[rows])) < 2:
        raise BadInput("A classifier needs patches of at least two labels; annotate more first.")
    if not 2 <= folds <= len(rows):
        raise BadInput(f"There are {len(rows)} labelled patches for {folds} folds; use 2 to {len(rows)} folds.")
    table, true = as_features(features[rows]), codes[rows]
    if groups is None:
        fold = _stratified(true, folds, np.random.default_rng(seed))
    else:
        fold = _grouped(true, np.asarray(groups)[rows], folds, seed)
    predicted = np.empty(len(rows), np.int64)
    known = np.unique(true)
    scores = np.full((len(rows), len(known)), -np.inf, np.float32)  # a label that a fold never saw has no chance

    def one(number: int) -> int:
        held = np.flatnonzero(fold == number)
        train = fold != number
        codes, predicted[held], duels = _train_and_ask(table[train], true[train], table[held], standardise)
        scores[np.ix_(held, np.searchsorted(known, codes))] = duels
        return number

    with ThreadPoolExecutor(max_workers=workers()) as pool:  # libsvm lets go of the interpreter while it works
        for done, _ in enumerate(in_order(pool, one, range(folds)), start=1):
            if progress is not None:
                progress(done / folds, "Cross-validating a classifier")
    return Predictions(
        rows=rows, true=true, predicted=predicted, fold=fold, folds=folds, seed=seed, grouped=groups is not None,
        method=METHODS[standardise], codes=known, probabilities=probabilities(scores, np.searchsorted(known, true)),
    )  # fmt: skip


def _train_and_ask(
    known: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], asked: npt.NDArray[np.float32], standardise: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """(codes (K,), predicted (asked,), worst duels (asked, K))."""
    from sklearn.svm import SVC

    codes = np.unique(labels)
    if not len(asked) or len(codes) == 1:
        return codes, np.full(len(asked), codes[0]), np.zeros((len(asked), len(codes)), np.float32)
    mean, spread = np.zeros(known.shape[1]), np.ones(known.shape[1])
    if standardise:
        mean, spread = known.mean(axis=0, dtype=np.float64), known.std(axis=0, dtype=np.float64)
        spread[spread == 0] = 1.0
    model = SVC(C=10.0, gamma="scale", kernel="rbf", cache_size=500, decision_function_shape="ovo")
    model.fit((known - mean) / spread, labels)
    predicted = np.empty(len(asked), np.int64)
    worst = np.empty((len(asked), len(codes)), np.float32)
    step = max(1, _BLOCK_MARGINS // (len(codes) * (len(codes) - 1) // 2))
    for start in range(0, len(asked), step):
        here = slice(start, start + step)
        margins = model.decision_function((asked[here] - mean) / spread)
        votes, worst[here] = duels(-margins[:, None] if margins.ndim == 1 else margins, len(codes))
        predicted[here] = codes[votes.argmax(axis=1)]  # as libsvm itself predicts: most duels won, first of equals
    return codes, predicted, worst


def _thinned(
    codes: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], limit: int, least: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """At most about ``limit`` of the rows, in proportion to their labels, ``least`` of each where there are so many."""
    if len(rows) <= limit:
        return rows
    kept = []
    for code in np.unique(codes[rows]):
        own = rows[codes[rows] == code]
        share = max(min(least, len(own)), round(limit * len(own) / len(rows)))
        kept.append(rng.choice(own, size=share, replace=False))
    return np.sort(np.concatenate(kept))


def _stratified(true: npt.NDArray[np.int64], folds: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A fold for each row: every label is dealt out evenly, the next label going on where the last one stopped."""
    order = rng.permutation(len(true))
    order = order[np.argsort(true[order], kind="stable")]
    fold = np.empty(len(true), np.int64)
    fold[order] = np.arange(len(true)) % folds
    return fold


def _grouped(
    true: npt.NDArray[np.int64], groups: npt.NDArray[np.generic], folds: int, seed: int
) -> npt.NDArray[np.int64]:
    """A fold for each row, whole groups together: large groups first, each to the fold that evens the labels most.

    The greedy rule is the one of scikit-learn's StratifiedGroupKFold, for any label size.
    """
    _, group = np.unique(groups, return_inverse=True)
    _, label = np.unique(true, return_inverse=True)
    size, kinds = int(group.max()) + 1, int(label.max()) + 1
    if size < folds:
        raise BadInput(f"There are {size} groups for {folds} folds; use at most {size} folds.")
    counts = np.zeros((size, kinds))
    np.add.at(counts, (group, label), 1.0)
    shuffled = np.random.default_rng(seed).permutation(size)
    order = shuffled[np.argsort(-counts[shuffled].std(axis=1), kind="stable")]
    load, totals = np.zeros((folds, kinds)), counts.sum(axis=0)
    chosen = np.empty(size, np.int64)
    for g in order:
        costs = []
        for f in range(folds):
            load[f] += counts[g]
            costs.append(((load / totals).std(axis=0).mean(), load[f].sum()))
            load[f] -= counts[g]
        chosen[g] = min(range(folds), key=costs.__getitem__)
        load[chosen[g]] += counts[g]
    return np.asarray(chosen[group], dtype=np.int64)
