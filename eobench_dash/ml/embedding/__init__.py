"""Two-dimensional maps of feature vectors. The table is cheap to import; the methods load when called (workers only).

A map is a view: clusters, neighbours and votes are computed in feature space.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import BadInput
from eobench_dash.ml.neighbours import KnnGraph, as_features

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class EmbeddingMethod:
    """What can be chosen. ``params`` are the defaults; a key of a cached map holds name, version and parameters."""

    name: str
    version: int
    params: Mapping[str, float]
    description: str


METHODS: Mapping[str, EmbeddingMethod] = MappingProxyType(
    {
        "umap": EmbeddingMethod(
            name="umap",
            version=1,
            params=MappingProxyType({"n_neighbors": 15, "min_dist": 0.1, "spread": 1.0, "epochs": 0, "negatives": 5}),
            description="UMAP: tight groups, wide gaps; keeps the arrangement (epochs 0: as the size needs).",
        ),
        "tsne": EmbeddingMethod(
            name="tsne",
            version=1,
            params=MappingProxyType({"perplexity": 30.0, "exaggerated_iterations": 100, "iterations": 300}),
            description="t-SNE: keeps the nearest neighbours together best; gaps between groups mean little.",
        ),
    }
)


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
    settings = {**chosen.params, **check_params(chosen, params or {})}
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


_LIMITS = {
    "n_neighbors": (2, 500),
    "min_dist": (0.0, 10.0),
    "spread": (0.01, 10.0),
    "epochs": (0, 10_000),
    "negatives": (0, 100),
    "perplexity": (1.0, 500.0),
    "exaggerated_iterations": (0, 10_000),
    "iterations": (1, 10_000),
}


def check_params(method: EmbeddingMethod, params: Mapping[str, Any]) -> dict[str, float]:
    """The parameters as numbers of their kind; BadInput for an unknown name or a value out of range."""
    checked: dict[str, float] = {}
    for name, value in params.items():
        if name not in method.params:
            raise BadInput(f"{method.name} has no parameter {name!r}; it has {', '.join(method.params)}.")
        low, high = _LIMITS[name]
        whole = isinstance(method.params[name], int)
        try:
            number = int(value) if whole else float(value)
        except (TypeError, ValueError, OverflowError):
            raise BadInput(f"{name} must be a number, not {value!r}.") from None
        if not low <= number <= high or number != float(value):
            kind = "a whole number" if whole else "a number"
            raise BadInput(f"{name} must be {kind} from {low} to {high}, not {value!r}.")
        checked[name] = number
    if params.get("min_dist", 0.0) and checked.get("min_dist", 0.0) > checked.get("spread", method.params["spread"]):
        raise BadInput("min_dist cannot be larger than spread.")
    return checked
