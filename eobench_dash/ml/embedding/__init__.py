"""Two-dimensional maps of feature vectors. The table is cheap to import; the methods load when called (workers only).

A map is a view: clusters, neighbours and votes are computed in feature space.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import BadInput
from eobench_dash.ml.embedding.methods import METHODS, check_params
from eobench_dash.ml.neighbours import KnnGraph, as_features

__all__ = ["METHODS", "Progress", "check_params", "embed"]

Progress = Callable[[float, str], None]


def embed(
    x: npt.ArrayLike,
    *,
    method: str,
    graph: KnnGraph | None = None,
    params: Mapping[str, float] | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
) -> npt.NDArray[np.float32]:
    """A map (n, 2) float32 of the features x (n, d).

    ``graph`` is the neighbour graph of x (computed here where None). ``params`` override the method's defaults. The
    same seed, parameters and data give the same map on the same machine, whatever the number of threads; None draws a
    seed. ``progress(fraction, message)`` is called a few times a second; an exception it raises ends the work.
    Raises BadInput for an unknown method or parameter, a graph of other size, or features that are not finite.
    """
    chosen = METHODS.get(method)
    if chosen is None:
        raise BadInput(f"The embedding method {method!r} is not known; choose one of {', '.join(METHODS)}.")
    settings = {**chosen.defaults, **check_params(chosen, params or {})}
    features = as_features(x)
    n = len(features)
    if graph is not None and graph.n != n:
        raise BadInput(f"The neighbour graph is of {graph.n} patches, the features of {n}; compute it again.")
    if seed is None:
        seed = int(np.random.default_rng().integers(2**31))
    if seed < 0:
        raise BadInput(f"A seed is a whole number from 0, not {seed}.")
    if n <= 3:  # nothing to arrange: points on a line or triangle
        corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.8660254]], dtype=np.float32)
        return np.asarray(corners[:n] - corners[:n].mean(axis=0), dtype=np.float32)
    if method == "umap":
        from eobench_dash.ml.embedding.umap import layout as umap_layout

        return umap_layout(features, graph, settings, seed, progress)
    from eobench_dash.ml.embedding.tsne import layout as tsne_layout

    return tsne_layout(features, graph, settings, seed, progress)
