"""Clusters of patches, and advice on which labels to split and which to merge."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

NO_CLUSTER = 65535
"""The code of a patch in no cluster: noise, or outside the group that was clustered (codes are uint16)."""
MAX_CLUSTERS = 500
"""More than this nobody looks through; a method that finds more is asked to find fewer."""


class ClusterMethod(StrEnum):
    """How clusters are found; always between the feature vectors, never on the 2-D map."""

    KMEANS = "kmeans"
    GMM = "gmm"
    HDBSCAN = "hdbscan"


MOSTLY = 0.6
"""A cluster is named after its commonest label where at least this share carries it."""

METHOD_TITLES: Mapping[ClusterMethod, str] = {
    ClusterMethod.KMEANS: "k-means",
    ClusterMethod.GMM: "Gaussian mixture",
    ClusterMethod.HDBSCAN: "HDBSCAN",
}


@dataclass(frozen=True)
class Cluster:
    """One cluster of a set; ``index`` is its code, from 0, the largest cluster first.

    ``typical``: up to six ordinals in its middle, the most typical first. ``label`` is the commonest label among the
    members when they were clustered, ``share`` how much of them carried it (0..1).
    """

    index: int
    name: str
    color: str
    size: int
    typical: tuple[int, ...] = ()
    label: str | None = None
    share: float = 0.0


@dataclass(frozen=True)
class ClusterSetInfo:
    """One clustering. ``label`` None: of all patches, else of that label's group as it was then.

    ``rows`` patches were clustered, ``noise`` of them are in no cluster. ``quality`` holds what was measured:
    ``silhouette`` (-1..1), ``stability`` (mean adjusted Rand index of repeated clusterings, up to 1), ``curve``
    (list of [k, value]) and ``curve_of`` ("bic", lower is better, or "silhouette", higher is better) where k was
    chosen, ``components`` and ``variance`` (principal components used, their share of the variance), ``fitted``
    (patches the model was fitted on), ``notes`` (sentences). A number that could not be measured is None.
    """

    id: int
    title: str
    method: ClusterMethod
    feature_kind: str
    label: str | None
    label_code: int | None
    rows: int
    noise: int
    clusters: tuple[Cluster, ...]
    quality: Mapping[str, Any]
    params: Mapping[str, Any]
    created_at: datetime
    created_by: str
    advised: bool = False
    """Whether split advice made it, rather than somebody's request."""


@dataclass(frozen=True)
class Part:
    """One part that a label may be split into: cluster ``index`` of the advice's cluster set.

    ``left``: how many of its patches carry the label still, None where that is not known.
    """

    index: int
    name: str
    size: int
    typical: tuple[int, ...]
    why: str = ""
    left: int | None = None


@dataclass(frozen=True)
class SplitAdvice:
    """Whether a label holds several structures. ``advised`` where every measure passes its threshold.

    ``stability``: mean adjusted Rand index between clusterings of bootstrap samples; ``silhouette``: of the parts;
    ``bic_gain``: of the k-part mixture over one Gaussian, per patch, in nats (positive: parts fit better);
    ``separation``: depth of the valley of density between the least separated two, on patches that its axis was not
    made from: 0 no valley, 1 an empty gap.
    ``cluster_set_id``: the clusters that the parts are, None where no split is advised.
    """

    label: str
    code: int
    size: int
    advised: bool
    k: int
    stability: float | None
    silhouette: float | None
    bic_gain: float | None
    separation: float | None
    why: str
    parts: tuple[Part, ...] = ()
    cluster_set_id: int | None = None

    @property
    def done(self) -> bool:
        """Whether the advice was followed: at most one part is left in the label."""
        return bool(self.parts) and sum(part.left != 0 for part in self.parts) <= 1


@dataclass(frozen=True)
class MergeAdvice:
    """Whether two labels can be told apart: the cross-validated error of a classifier on equally many of both.

    ``error`` 0.5 is a coin's; ``low`` and ``high`` are its 95 % interval over ``n`` patches. ``first`` and ``second``
    are the labels' names, the larger group first; ``examples`` hold ordinals of each that look most like the other.
    ``done``: the two are one label by now.
    """

    first: str
    second: str
    first_code: int
    second_code: int
    advised: bool
    error: float
    low: float
    high: float
    n: int
    why: str
    first_examples: tuple[int, ...] = ()
    second_examples: tuple[int, ...] = ()
    done: bool = False


@dataclass(frozen=True)
class AdviceReport:
    """What one look at a dataset's labels advised. ``stale``: labels have changed since (after ``last_event``)."""

    id: int
    feature_kind: str
    last_event: int
    stale: bool
    created_at: datetime
    splits: tuple[SplitAdvice, ...]
    merges: tuple[MergeAdvice, ...]
    thresholds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def name_clusters(held: Sequence[Sequence[tuple[str | None, float]]], *, group: str | None) -> list[str]:
    """Names of clusters from the (label, share) pairs that each holds, commonest first (None: unlabelled).

    Clusters of a label's ``group`` are ``Forest · 1``, ``Forest · 2``. Else each is named after its commonest label,
    or where fewer than 60 % carry that, after its two commonest: ``River + Highway · 1``.
    """
    count: Counter[str] = Counter()
    names = []
    for labels in held:
        shown = labels[: 1 if labels[0][1] >= MOSTLY else 2]
        base = group or " + ".join((label or "Unlabelled")[:45] for label, _ in shown)
        count[base] += 1
        names.append(f"{base[:100]} · {count[base]}")
    return names


def cluster_from(data: Mapping[str, Any]) -> Cluster:
    """A cluster from its plain values."""
    return Cluster(**{**data, "typical": tuple(data.get("typical", ()))})


def advice_to_plain(
    splits: tuple[SplitAdvice, ...],
    merges: tuple[MergeAdvice, ...],
    *,
    thresholds: Mapping[str, float],
    notes: tuple[str, ...],
) -> dict[str, Any]:
    """Advice as plain JSON values."""
    return {
        "splits": [asdict(split) for split in splits],
        "merges": [asdict(merge) for merge in merges],
        "thresholds": dict(thresholds),
        "notes": list(notes),
    }


def advice_from_plain(
    data: Mapping[str, Any], *, id: int, feature_kind: str, last_event: int, stale: bool, created_at: datetime
) -> AdviceReport:
    """The inverse of ``advice_to_plain``, with where it came from."""
    return AdviceReport(
        id=id,
        feature_kind=feature_kind,
        last_event=last_event,
        stale=stale,
        created_at=created_at,
        splits=tuple(_split(split) for split in data["splits"]),
        merges=tuple(_merge(merge) for merge in data["merges"]),
        thresholds=data["thresholds"],
        notes=tuple(data["notes"]),
    )


def _split(data: Mapping[str, Any]) -> SplitAdvice:
    parts = tuple(Part(**{**part, "typical": tuple(part["typical"])}) for part in data["parts"])
    return SplitAdvice(**{**data, "parts": parts})


def _merge(data: Mapping[str, Any]) -> MergeAdvice:
    examples = {name: tuple(data[name]) for name in ("first_examples", "second_examples")}
    return MergeAdvice(**{**data, **examples})
