"""What the charts of a dataset show: who changed how much and when, and which labels went where."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

ANYBODY = -1
"""The key of all people together, whose names are not told to anonymous readers."""
COMMAND_LINE = 0
"""The key of changes that no account made."""


@dataclass(frozen=True)
class PersonShare:
    """What one person did since the import. ``key``: user id, ``COMMAND_LINE`` or ``ANYBODY``; ``undone``: patches."""

    key: int
    name: str
    batches: int
    patches: int
    undone: int


@dataclass(frozen=True)
class TimeShare:
    """Patches that one person changed in the hour or day that begins at ``start`` (UTC)."""

    start: datetime
    key: int
    name: str
    batches: int
    patches: int


@dataclass(frozen=True)
class Timeline:
    """``step``: "hour" or "day"; shares by time, then person. A patch changed twice counts twice."""

    step: str
    shares: tuple[TimeShare, ...]


@dataclass(frozen=True)
class LabelRef:
    """A label in a chart: its code (65535: none), name and colour; merged labels are told too."""

    code: int
    name: str
    color: str


@dataclass(frozen=True)
class LabelMove:
    """So many patches came in under ``before`` and are ``after`` now; the two may be the same."""

    before: LabelRef
    after: LabelRef
    patches: int


@dataclass(frozen=True)
class Members:
    """The patches behind an element of a chart, ascending; ``more``: there are others that are not listed."""

    ordinals: tuple[int, ...]
    words: str
    more: bool = False


def cross_counts(
    rows: npt.NDArray[np.uint16], columns: npt.NDArray[np.uint16], *, row_codes: list[int]
) -> tuple[npt.NDArray[np.int64], list[int]]:
    """How many patches have each pair of codes: counts (len(row_codes), m), and the m codes of the columns.

    ``rows`` and ``columns`` (n,) hold one code per patch; rows of another code than ``row_codes`` are left out.
    """
    place = np.full(2**16, -1, np.int32)
    place[row_codes] = np.arange(len(row_codes))
    at = place[rows]
    known = at >= 0
    codes, inverse = np.unique(columns[known], return_inverse=True)
    m = max(1, len(codes))
    flat = np.bincount(at[known].astype(np.int64) * m + inverse, minlength=len(row_codes) * m)
    return flat.reshape(len(row_codes), m)[:, : len(codes)].astype(np.int64), codes.tolist()
