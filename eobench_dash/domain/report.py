"""What a dataset's report says: everything is gathered here before a page, a PDF or a CSV is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.labels import LabelInfo
from eobench_dash.domain.quality import Confusion
from eobench_dash.domain.verification import VerificationReport

COPERNICUS = "Contains modified Copernicus Sentinel data."
SIMULATED = "Simulated data: made by a program, not measured by a satellite."


@dataclass(frozen=True)
class Move:
    """``patches`` were called ``before`` when they came in and are called ``after`` now (None: no label)."""

    before: str | None
    after: str | None
    patches: int


@dataclass(frozen=True)
class Contribution:
    """What one person did: ``changes`` patches relabelled or marked in ``batches`` actions, ``undone`` taken back."""

    who: str
    batches: int
    changes: int
    undone: int
    last: datetime


@dataclass(frozen=True)
class Cleaning:
    """How labels differ from those that came in, and by whose hands."""

    changed: int
    unsure: int
    excluded: int
    contributions: tuple[Contribution, ...]
    moves: tuple[Move, ...]


@dataclass(frozen=True, eq=False)
class MapData:
    """A 2-D map of the patches: ``coords`` (n, 2) and the label codes (n,) of its points."""

    method: str
    feature: str
    coords: npt.NDArray[np.float32]
    codes: npt.NDArray[np.uint16]
    quality: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Since:
    """What happened to a dataset after it was verified: label events, and patches appended."""

    events: int
    patches: int

    @property
    def stale(self) -> bool:
        """Whether the dataset is no longer the one that was measured."""
        return self.events != 0 or self.patches != 0

    @property
    def words(self) -> str:
        """What changed, e.g. ``120 label events and 5 more patches``."""
        found = [f"{self.events:,} label {'event' if self.events == 1 else 'events'}"] if self.events else []
        found += [f"{self.patches:+,} {'patch' if abs(self.patches) == 1 else 'patches'}"] if self.patches else []
        return " and ".join(found)


@dataclass(frozen=True)
class Check:
    """One thing to look at before publishing: ``good`` or not, in a sentence; ``blocks``: better not publish yet."""

    name: str
    good: bool
    sentence: str
    blocks: bool = False


@dataclass(frozen=True)
class Readiness:
    """What a publication would hold. ``verified_at`` and ``since`` are None where the dataset was never verified."""

    patches: int
    unlabelled: int
    unsure: int
    excluded: int
    described: bool
    verified_at: datetime | None
    since: Since | None
    attributed: bool
    explained: bool
    simulated: bool

    @property
    def published(self) -> int:
        """Patches that an export holds: all but the excluded ones."""
        return self.patches - self.excluded

    def checks(self) -> tuple[Check, ...]:
        """The checklist, in the order in which things are best put right."""
        fresh = self.since is not None and not self.since.stale
        verified = (
            "Never verified: run the verification." if self.since is None
            else "The numbers are of the dataset as it is now." if fresh
            else f"The dataset has changed since ({self.since.words}): verify again."
        )  # fmt: skip
        return (
            Check("Labelled", not self.unlabelled, _some(self.unlabelled, "no label", "Every patch has a label.")),
            Check("Certain", not self.unsure, _some(self.unsure, "an unsure mark", "No patch is marked unsure.")),
            Check("Verified", fresh, verified, blocks=True),
            Check("Described", self.described, _FEATURES[self.described]),
            Check("Explained", self.explained, _EXPLAINED[self.explained]),
            Check("Attributed", self.attributed, _ATTRIBUTED[self.attributed]),
        )


def _some(count: int, what: str, none: str) -> str:
    return f"{count:,} {'patch has' if count == 1 else 'patches have'} {what}." if count else none


_FEATURES = {
    True: "Every patch has its feature vector.",
    False: "Feature vectors are missing: exports that carry them will do without.",
}
_EXPLAINED = {True: "It has a description.", False: "Nobody has described what the dataset is: say so in its settings."}
_ATTRIBUTED = {
    True: "Whose data it is, is said.",
    False: "No attribution is given, so the Copernicus notice stands alone: name the source in its settings.",
}


@dataclass(frozen=True, eq=False)
class DatasetReport:
    """All that a report tells. Labels and counts are those of the verification: every number is of one state."""

    name: str
    description: str
    modality: Modality
    credit: str
    verification: VerificationReport
    since: Since
    cleaning: Cleaning
    map: MapData | None
    made_at: datetime
    made_by: str

    @property
    def labels(self) -> dict[int, LabelInfo]:
        """Label by code."""
        return {label.code: label for label in self.verification.labels}

    @property
    def attribution(self) -> str:
        """The dataset's own attribution, or the least that has to be said."""
        return self.credit or (SIMULATED if self.simulated else COPERNICUS)

    @property
    def simulated(self) -> bool:
        """Whether no satellite measured these data."""
        return self.verification.simulated


@dataclass(frozen=True)
class Pair:
    """``count`` patches labelled ``reference`` were foretold as ``predicted``: ``share`` of the reference's patches."""

    reference: int
    predicted: int
    count: int
    share: float


def top_confusions(confusion: Confusion, *, limit: int = 20) -> list[Pair]:
    """Off-diagonal cells, largest count first (then largest share), zeros left out."""
    counts = confusion.counts.copy()
    rows = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(counts, 0)
    shares = counts / rows
    order = np.lexsort((-shares.ravel(), -counts.ravel()))[:limit]
    found = (np.unravel_index(i, counts.shape) for i in order if counts.flat[i])
    codes = confusion.codes
    return [Pair(int(codes[r]), int(codes[c]), int(counts[r, c]), float(shares[r, c])) for r, c in found]


def most_confused(confusion: Confusion, *, limit: int) -> Confusion:
    """The matrix of the ``limit`` classes with most errors on either side, in their old order."""
    wrong = confusion.counts.sum(axis=0) + confusion.counts.sum(axis=1) - 2 * confusion.counts.diagonal()
    kept = np.sort(np.argsort(-wrong, kind="stable")[:limit])
    return Confusion(codes=confusion.codes[kept], counts=confusion.counts[np.ix_(kept, kept)])
