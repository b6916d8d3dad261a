"""One verification of a dataset: what was measured, on what, when, by whom. Kept as plain JSON values."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from eobench_dash.domain.labels import LabelInfo
from eobench_dash.domain.quality import Balance, Classification, PerClass


@dataclass(frozen=True, eq=False)
class VerificationReport:
    """The numbers of one verification, and what they were measured on.

    ``labels`` are the labels of that moment; ``last_event`` is the newest annotation event seen (newer events make the
    report stale); ``fingerprint`` is the SHA-256 of paths, labels and features. ``purity``, ``silhouette`` and
    ``classification`` are None where the labels do not allow them, and ``notes`` then say why.
    """

    dataset_id: int
    dataset_name: str
    fingerprint: str
    simulated: bool
    labels: tuple[LabelInfo, ...]
    patch_count: int
    last_event: int
    feature_kind: str
    feature_version: int
    feature_dim: int
    folds: int
    seed: int
    created_at: datetime
    who: str
    program_version: str
    balance: Balance
    classification: Classification | None
    classifier: str
    purity: PerClass | None
    silhouette: PerClass | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; NaN is None."""
        plain = _plain(self)
        return typing.cast("dict[str, Any]", plain)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "VerificationReport":
        """The inverse of to_dict."""
        return typing.cast("VerificationReport", _value(cls, data))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _value(kind: Any, data: Any) -> Any:
    """``data`` as the annotated type ``kind`` (dataclass, tuple of, optional, array, date-time or a plain value)."""
    if typing.get_origin(kind) is types.UnionType:
        if data is None:
            return None
        return _value(next(k for k in typing.get_args(kind) if k is not type(None)), data)
    if typing.get_origin(kind) is tuple:
        return tuple(_value(typing.get_args(kind)[0], v) for v in data)
    if typing.get_origin(kind) is np.ndarray:
        scalar = typing.get_args(typing.get_args(kind)[1])[0]
        return np.asarray(_nan(data) if issubclass(scalar, np.floating) else data, dtype=scalar)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return kind(**{f.name: _value(hints[f.name], data[f.name]) for f in dataclasses.fields(kind)})
    if kind is datetime:
        return datetime.fromisoformat(data)
    if kind is float:
        return math.nan if data is None else float(data)
    return data


def _nan(data: Any) -> Any:
    return [_nan(v) if isinstance(v, list) else (math.nan if v is None else v) for v in data]
