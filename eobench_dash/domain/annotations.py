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
    CLUSTERS = "clusters"  # a cluster split off as a label
    UNDO = "undo"
    REDO = "redo"  # an undo taken back


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
    """What happened after an event. ``reload``: too much to tell piecemeal; fetch the label array anew.

    ``marks``: (ordinal, unsure, excluded) as they are now, of every patch whose marks changed.
    """

    last_event: int
    changes: tuple[tuple[int, int], ...]
    labels_revision: int
    reload: bool = False
    marks: tuple[tuple[int, bool, bool], ...] = ()


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


@dataclass(frozen=True)
class BatchInfo:
    """One step of a dataset's history. ``first``: the ordinals of a few of its patches.

    ``undone``: it has been taken back (of an undo: done again); ``may_undo``: it stands, and who asks may take it back.
    """

    id: int
    at: datetime
    who: str
    mine: bool
    source: EventSource
    summary: str
    why: str
    patches: int
    undone: bool
    may_undo: bool
    first: tuple[int, ...] = ()
