"""Can two labels be told apart? The cross-validated error of a classifier that sees equally many patches of both."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from eobench_dash.ml import metrics
from eobench_dash.ml.advice import MERGE, MIN_MERGE
from eobench_dash.ml.neighbours import as_features

SCREEN_ROWS = 200
"""Patches of each label in the first look at all labels together."""
PAIR_ROWS = 400
"""Patches of each label in the closer look at two of them."""
SUSPICIOUS = 0.05
"""Two labels are looked at closely where the first look takes this share of either for the other."""
MOST_PAIRS = 40
FOLDS = 5
EXAMPLES = 6

Progress = Callable[[float, str], None]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two codes, and how well they are told apart: ``error`` (0.5 a coin's) with its 95 % Wilson interval over ``n``.

    ``first_rows``, ``second_rows``: rows of each that look most like the other.
    """

    first: int
    second: int
    error: float
    low: float
    high: float
    n: int
    first_rows: tuple[int, ...]
    second_rows: tuple[int, ...]

    @property
    def advised(self) -> bool:
        """Whether they cannot be told apart well enough to stay two labels."""
        return self.low > MERGE["error"]


def confused_pairs(
    x: npt.NDArray[np.generic], codes: npt.NDArray[np.integer], *, seed: int = 0, progress: Progress | None = None
) -> list[Pair]:
    """The pairs of labels that are mistaken for one another, the worst first.

    ``x`` (n, d) features (an array or memory map), ``codes`` (n,) labels, NO_LABEL for none. Labels of fewer than 15
    patches are left out. All labels together are cross-validated once on a few patches each (RBF support vector
    machine, as verification does it); the pairs it mistakes are then cross-validated by themselves.
    """
    members = {code: rows for code, rows in _members(codes).items() if len(rows) >= MIN_MERGE}
    if len(members) < 2:
        return []
    rng = np.random.default_rng(seed)
    few = {code: rng.permutation(rows)[:SCREEN_ROWS] for code, rows in members.items()}
    rows = np.sort(np.concatenate(list(few.values())))
    table, own = as_features(x[rows]), codes[rows]
    if progress is not None:
        progress(0.0, "comparing all labels")
    screened = metrics.cross_validated_predictions(table, own, folds=FOLDS, seed=seed, standardise=False)
    pairs = _suspicious(screened.true, screened.predicted)
    found = []
    for done, (a, b) in enumerate(pairs):
        if progress is not None:
            progress(0.3 + 0.7 * done / len(pairs), f"comparing two labels, {done + 1} of {len(pairs)}")
        found.append(compare(x, a, members[a], b, members[b], seed=seed))
    return sorted(found, key=lambda pair: (-pair.low, pair.first, pair.second))


def compare(
    x: npt.NDArray[np.generic],
    first: int,
    first_members: npt.NDArray[np.int64],
    second: int,
    second_members: npt.NDArray[np.int64],
    *,
    seed: int,
) -> Pair:
    """How well two labels are told apart, on equally many seeded patches of both (at most 400 each).

    Each patch is judged by a support vector machine (RBF, C = 10, gamma scale) that never saw it.
    """
    from sklearn.svm import SVC

    if len(second_members) > len(first_members):
        first, first_members, second, second_members = second, second_members, first, first_members
    rng = np.random.default_rng([seed, first, second])
    size = min(PAIR_ROWS, len(second_members))
    rows = np.concatenate([rng.permutation(m)[:size] for m in (first_members, second_members)])
    order = np.argsort(rows)
    truth = np.repeat([0, 1], size)
    table = np.empty((2 * size, x.shape[1]), np.float32)
    table[order] = as_features(x[rows[order]])
    fold = np.concatenate([rng.permutation(size), rng.permutation(size)]) % min(FOLDS, size)
    score = np.empty(2 * size)
    for number in range(int(fold.max()) + 1):
        held = fold == number
        model = SVC(C=10.0, gamma="scale", cache_size=200).fit(table[~held], truth[~held])
        score[held] = model.decision_function(table[held])
    wrong = int(((score > 0) != truth).sum())
    interval = metrics.wilson_interval(wrong, 2 * size)
    alike = [np.argsort(-score[:size], kind="stable"), size + np.argsort(score[size:], kind="stable")]
    examples = [tuple(rows[places[:EXAMPLES]].tolist()) for places in alike]
    return Pair(first, second, wrong / (2 * size), float(interval.low), float(interval.high), 2 * size, *examples)


def _members(codes: npt.NDArray[np.integer]) -> dict[int, npt.NDArray[np.int64]]:
    from eobench_dash.domain.labels import NO_LABEL

    order = np.argsort(codes, kind="stable")
    present, starts = np.unique(codes[order], return_index=True)
    groups = np.split(order, starts[1:])
    return {int(code): rows for code, rows in zip(present, groups, strict=True) if code != NO_LABEL}


def _suspicious(true: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    taken: dict[tuple[int, int], float] = {}
    for a, b in combinations(np.unique(true).tolist(), 2):
        of_a, of_b = predicted[true == a], predicted[true == b]
        taken[a, b] = max(float((of_a == b).mean()), float((of_b == a).mean()))
    worst = sorted(taken, key=lambda pair: (-taken[pair], pair))
    return [pair for pair in worst if taken[pair] >= SUSPICIOUS][:MOST_PAIRS]
