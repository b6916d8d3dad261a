"""What pages and commands see of a patch, its neighbours, its feature sets and its maps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class WindowInfo:
    """Where a patch lies in its product (pixels of the reading grid), what is known of that, and its quality flags.

    ``corners``: (lon, lat) of its footprint in degrees, None without a place; ``metres``: its sides on the ground;
    ``worst``: the flag most worth a look, in words, empty where none is.
    """

    product_id: int
    row: int
    col: int
    size: int
    parent: int | None
    crs: str | None
    metres: tuple[float, float] | None
    sensed_at: datetime | None
    corners: tuple[tuple[float, float], ...] | None
    flags: Mapping[str, float]
    duplicate_of: int | None = None
    worst: str = ""


@dataclass(frozen=True)
class PatchInfo:
    """One patch. ``label`` None: unlabelled. ``imported_label``: what it was called when it came in.

    ``product``: the product that it was cut from or that its path names, if there is one; ``window``: of patches that
    are windows of a product.
    """

    dataset_id: int
    ordinal: int
    path: str | None
    label: str | None
    label_code: int
    color: str
    imported_label: str | None
    further_labels: tuple[str, ...]
    lon: float | None
    lat: float | None
    unsure: bool
    excluded: bool
    last_event: int | None
    product: str | None = None
    window: WindowInfo | None = None


@dataclass(frozen=True)
class Neighbour:
    """One of the nearest neighbours of a patch; ``rank`` from 1, ``distance`` Euclidean in the feature space."""

    rank: int
    ordinal: int
    distance: float
    code: int
    label: str | None
    color: str
    path: str | None


@dataclass(frozen=True)
class FeatureSetInfo:
    """One vector per patch: which descriptor, how long, for how many patches."""

    id: int
    kind: str
    version: int
    dim: int
    rows: int
    source: str
    fingerprint: str
    created_at: datetime
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EmbeddingInfo:
    """A 2-D map. ``label`` None: of all patches, else of that label's group."""

    id: int
    method: str
    feature_kind: str
    label: str | None
    label_code: int | None
    rows: int
    quality: Mapping[str, float]
    params: Mapping[str, Any]
    created_at: datetime
    key: str
