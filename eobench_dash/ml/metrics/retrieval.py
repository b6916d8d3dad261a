"""How well would a search by example do? Every query ranks all other labelled patches by distance."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.quality import Retrieval
from eobench_dash.errors import BadInput
from eobench_dash.ml.metrics._labels import as_codes, divide, labelled_rows
from eobench_dash.ml.neighbours import as_features

_ROWS = 256


def retrieval(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    at: Sequence[int] = (1, 5, 10, 50),
    queries: int = 2000,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> Retrieval:
    """Leave-one-out retrieval over the labelled rows of x (n, d): P@k, and average precision of the full ranking.

    At most ``queries`` seeded rows ask. AP = mean over the relevant of the precision at their rank; ties go to the
    lower row. A k beyond the number of other patches is left out; a query whose label nobody shares has no AP (its P@k
    is 0). Raises BadInput for fewer than two labelled patches.
    """
    codes = as_codes(y)
    rows = labelled_rows(codes)
    features = np.asarray(x)
    if len(features) != len(codes):
        raise BadInput(f"There are {len(codes)} labels for {len(features)} patches; there must be one each.")
    n = len(rows)
    if n < 2:
        raise BadInput("Retrieval needs at least two labelled patches; annotate more first.")
    table, labels = as_features(features[rows]).astype(np.float64), codes[rows]
    table -= table.mean(axis=0)
    norms = np.vecdot(table, table)
    asked = np.arange(n)
    if n > queries:
        asked = np.sort(np.random.default_rng(seed).choice(n, size=queries, replace=False))
    ranks = np.arange(1, n, dtype=np.float64)
    cuts = [k for k in at if 1 <= k < n]
    hits_at, averages = np.zeros((len(asked), len(cuts))), np.empty(len(asked))
    for start in range(0, len(asked), _ROWS):
        block = asked[start : start + _ROWS]
        squared = norms[block, None] + norms - 2.0 * (table[block] @ table.T)
        squared[np.arange(len(block)), block] = np.inf
        order = np.argsort(squared, axis=1, kind="stable")[:, :-1]
        relevant = labels[order] == labels[block, None]
        found = np.cumsum(relevant, axis=1)
        for c, k in enumerate(cuts):
            hits_at[start : start + len(block), c] = found[:, k - 1] / k
        precisions = np.where(relevant, found / ranks, 0.0).sum(axis=1)
        averages[start : start + len(block)] = divide(precisions, found[:, -1])
        if progress is not None:
            progress((start + len(block)) / len(asked), "Ranking by example")
    present, own = np.unique(labels[asked], return_inverse=True)
    scored = ~np.isnan(averages)
    sums = np.bincount(own[scored], weights=averages[scored], minlength=len(present))
    return Retrieval(
        codes=present,
        precision_at={k: float(hits_at[:, c].mean()) for c, k in enumerate(cuts)},
        mean_average_precision=float(averages[scored].mean()) if scored.any() else float("nan"),
        class_average_precision=divide(sums, np.bincount(own[scored], minlength=len(present))),
        class_queries=np.bincount(own, minlength=len(present)).astype(np.int64),
        queries=len(asked),
        seed=seed,
    )
