"""Are the labels separate in feature space? Purity of neighbourhoods, and silhouettes."""

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.quality import PerClass
from eobench_dash.errors import BadInput
from eobench_dash.ml.metrics._labels import as_codes, divide, labelled_rows
from eobench_dash.ml.neighbours import KnnGraph, as_features

_ROWS = 512


def knn_purity(graph: KnnGraph, y: npt.ArrayLike, k: int = 10) -> PerClass:
    """The share of labelled neighbours that have a patch's own label, among its k nearest; mean per class and overall.

    Unlabelled patches neither ask nor answer; a patch without any labelled neighbour is left out.
    """
    codes = as_codes(y, n=graph.n)
    if k < 1:
        raise BadInput(f"Purity needs at least one neighbour, not {k}.")
    neighbours = codes[graph.head(min(k, max(1, graph.n - 1))).indices]
    known = neighbours != NO_LABEL
    share = divide((neighbours == codes[:, None]).sum(axis=1), known.sum(axis=1))
    rows = np.flatnonzero((codes != NO_LABEL) & ~np.isnan(share))
    return _means("kNN purity", share[rows], codes[rows], f"k = {k}")


def silhouette(x: npt.ArrayLike, y: npt.ArrayLike, *, sample: int = 5000, seed: int = 0) -> PerClass:
    """Silhouettes (Rousseeuw 1987) of the labels in feature space x (n, d): mean overall and per class.

    At most ``sample`` seeded labelled rows are used, as each other's references too. A patch alone in its class
    scores 0. Raises BadInput for fewer than two labels.
    """
    codes = as_codes(y)
    rows = labelled_rows(codes)
    features = np.asarray(x)
    if len(features) != len(codes):
        raise BadInput(f"There are {len(codes)} labels for {len(features)} patches; there must be one each.")
    if len(rows) > sample:
        rows = np.sort(np.random.default_rng(seed).choice(rows, size=sample, replace=False))
    present, own = np.unique(codes[rows], return_inverse=True)
    if len(present) < 2:
        raise BadInput("A silhouette needs patches of at least two labels; annotate more first.")
    table = as_features(features[rows]).astype(np.float64)
    table -= table.mean(axis=0)
    norms, size = np.vecdot(table, table), np.bincount(own)
    member = np.zeros((len(rows), len(present)))
    member[np.arange(len(rows)), own] = 1.0
    scores = np.empty(len(rows))
    for start in range(0, len(rows), _ROWS):
        block = slice(start, min(start + _ROWS, len(rows)))
        squared = np.maximum(norms[block, None] + norms - 2.0 * (table[block] @ table.T), 0.0)
        at = np.arange(block.stop - start)
        squared[at, at + start] = 0.0
        to_class = np.sqrt(squared) @ member
        mine = own[block]
        inside = divide(to_class[at, mine], size[mine] - 1, empty=0.0)
        to_class /= size
        to_class[at, mine] = np.inf
        outside = to_class.min(axis=1)
        score = divide(outside - inside, np.maximum(inside, outside), empty=0.0)
        scores[block] = np.where(size[mine] > 1, score, 0.0)
    return _means("Silhouette", scores, codes[rows], f"{len(rows)} patches, seed {seed}")


def _means(name: str, values: npt.NDArray[np.float64], codes: npt.NDArray[np.int64], detail: str) -> PerClass:
    present, own = np.unique(codes, return_inverse=True)
    support = np.bincount(own, minlength=len(present))
    return PerClass(
        name=name,
        overall=float(values.mean()) if len(values) else float("nan"),
        codes=present,
        values=np.bincount(own, weights=values, minlength=len(present)) / np.maximum(support, 1),
        support=support.astype(np.int64),
        n=len(values),
        detail=detail,
    )
