"""The table of methods and their parameters, in plain words; cheap to import (web pages build their forms from it)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from eobench_dash.domain.embeddings import EmbeddingMethod, EmbeddingParam
from eobench_dash.errors import BadInput

_UMAP = EmbeddingMethod(
    name="umap",
    title="UMAP",
    version=2,
    summary="Tight groups with wide gaps between them; the arrangement of the groups means something. Fast.",
    params=(
        EmbeddingParam(
            "n_neighbors", "Neighbours",
            "How many of its nearest neighbours each patch is tied to: few show fine detail and small groups, "
            "many show the overall arrangement.",
            default=15, low=2, high=200, step=1,
        ),
        EmbeddingParam(
            "min_dist", "Closest distance",
            "How near patches may lie to each other: 0 packs groups into tight clumps, 1 spreads them out evenly.",
            default=0.1, low=0.0, high=10.0, step=0.05,
        ),
        EmbeddingParam(
            "spread", "Spread",
            "How far groups reach out on the map; raise it together with the closest distance for a looser picture.",
            default=1.0, low=0.01, high=10.0, step=0.1, advanced=True,
        ),
        EmbeddingParam(
            "epochs", "Rounds",
            "How often the arrangement is improved: more give a steadier map and take longer in proportion "
            "(0: as many as the number of patches needs).",
            default=0, low=0, high=10_000, step=50, advanced=True,
        ),
        EmbeddingParam(
            "negatives", "Pushes per pull",
            "How many randomly drawn patches push a patch away for each neighbour that pulls it: more give wider gaps.",
            default=5, low=0, high=100, step=1, advanced=True,
        ),
    ),
)  # fmt: skip

_TSNE = EmbeddingMethod(
    name="tsne",
    title="t-SNE",
    version=2,
    summary="Keeps nearest neighbours together best; the size of groups and the gaps between them mean little.",
    params=(
        EmbeddingParam(
            "perplexity", "Perplexity",
            "About how many neighbours each patch tries to stay close to: small values break the map into many "
            "little islands, large ones show broader groups.",
            default=30.0, low=1.0, high=100.0, step=1.0,
        ),
        EmbeddingParam(
            "exaggerated_iterations", "Gathering steps",
            "Steps at the start in which neighbours pull stronger, so that whole groups find each other; too few leave "
            "a group in several pieces.",
            default=100, low=0, high=10_000, step=25, advanced=True,
        ),
        EmbeddingParam(
            "iterations", "Settling steps",
            "Steps that arrange the patches within their groups: more give a clearer map and take longer.",
            default=300, low=1, high=10_000, step=50, advanced=True,
        ),
    ),
)  # fmt: skip

METHODS: Mapping[str, EmbeddingMethod] = MappingProxyType({method.name: method for method in (_UMAP, _TSNE)})


def check_params(method: EmbeddingMethod, params: Mapping[str, Any]) -> dict[str, float]:
    """The given parameters as numbers of their kind; BadInput for an unknown name or a value out of range."""
    known = {param.name: param for param in method.params}
    checked: dict[str, float] = {}
    for name, value in params.items():
        if name not in known:
            raise BadInput(f"{method.title} has no parameter {str(name)[:40]!r}; it has {', '.join(known)}.")
        checked[name] = _number(known[name], value)
    full = {**method.defaults, **checked}
    if method is _UMAP and full["min_dist"] > full["spread"]:
        raise BadInput(
            f"Closest distance (min_dist, {full['min_dist']:g}) cannot be larger than Spread (spread, "
            f"{full['spread']:g}); lower the first or raise the second."
        )
    return checked


MOST_LINKS = 100_000_000
"""Neighbours of all patches together that a map may be made from: about 4 GB while it is made."""


def neighbours_needed(method: str, params: Mapping[str, float]) -> int:
    """How many neighbours of each patch the neighbour graph has to hold; ``params`` are complete."""
    if method == "umap":
        return int(params["n_neighbors"]) - 1
    return int(3 * params["perplexity"])


def check_size(method: EmbeddingMethod, params: Mapping[str, float], n: int) -> None:
    """BadInput where a map of n patches with these parameters would not fit into memory; says what would."""
    full = {**method.defaults, **params}
    if n * neighbours_needed(method.name, full) > MOST_LINKS:
        name = "n_neighbors" if method.name == "umap" else "perplexity"
        title = next(param.title for param in method.params if param.name == name)
        most = MOST_LINKS // n // (1 if method.name == "umap" else 3)
        raise BadInput(
            f"{title} ({name}) {full[name]:g} is too much for {n:,} patches: their links would not fit into memory. "
            f"Use {most} or less."
        )


def expected_seconds(method: str, params: Mapping[str, float], n: int, *, exact: bool) -> dict[str, float]:
    """About how many processor seconds each step of a map of n patches takes: ``graph``, ``layout``, ``trust``.

    Measured at 100,000 and 1,000,000 × 144; for showing progress in proportion.
    """
    if method == "umap":
        layout = 0.5e-6 * n * (params["epochs"] or 200)
    else:
        layout = 0.7e-6 * n * (params["exaggerated_iterations"] + params["iterations"])
    return {"graph": 5e-9 * n * n if exact else 1.6e-4 * n, "layout": layout, "trust": 6e-5 * n}


def _number(param: EmbeddingParam, value: Any) -> float:
    kind = "a whole number" if param.whole else "a number"
    refusal = (
        f"{param.title} ({param.name}) must be {kind} from {param.low:g} to {param.high:g}, not {str(value)[:40]!r}."
    )
    try:
        wide = float(value)
    except (TypeError, ValueError, OverflowError):
        raise BadInput(refusal) from None
    if not param.low <= wide <= param.high or (param.whole and wide != int(wide)) or isinstance(value, bool):
        raise BadInput(refusal)
    return int(wide) if param.whole else wide
