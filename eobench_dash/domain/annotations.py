"""Events that change labels, the batches they come in, and what a relabel or an undo answers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """What an event does to a patch (design decision 11)."""

    SET = "set"  # the primary label becomes ``to`` (None: unlabelled)
    ADD = "add"  # a further label is added
    REMOVE = "remove"  # a further label is taken away
    UNSURE = "unsure"
    EXCLUDE = "exclude"


class EventSource(StrEnum):
    """By which way an event came."""

    IMPORT = "import"
    MAP = "map"
    COMMAND = "command"
    MERGE = "merge"
    UNDO = "undo"


@dataclass(frozen=True)
class Skipped:
    """A patch that an undo or relabel left alone, and why."""

    ordinal: int
    by: str
    label: str | None


@dataclass(frozen=True)
class RelabelResult:
    """What one transaction did. ``changes`` holds (ordinal, new code) of every patch that changed."""

    batch_id: int | None
    last_event: int
    changes: tuple[tuple[int, int], ...]
    skipped: tuple[Skipped, ...] = ()
    summary: str = ""


@dataclass(frozen=True)
class ChangesSince:
    """What happened after an event. ``reload``: too much to tell piecemeal; fetch the label array anew."""

    last_event: int
    changes: tuple[tuple[int, int], ...]
    labels_revision: int
    reload: bool = False


@dataclass(frozen=True)
class HistoryEntry:
    """One event of a patch's history, newest first."""

    event_id: int
    batch_id: int | None
    at: datetime
    who: str
    kind: EventKind
    source: EventSource
    from_label: str | None
    to_label: str | None
    why: str
