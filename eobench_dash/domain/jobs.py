"""Long work: kinds, states and what a page shows of a job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class JobKind(StrEnum):
    """Every kind of long work; ``tasks.py`` holds the function of each."""

    IMPORT = "import"
    INGEST = "ingest"
    FEATURES = "features"
    ENCODE = "encode"
    EMBED = "embed"
    CLUSTER = "cluster"
    ADVISE = "advise"
    SHEETS = "sheets"
    VERIFY = "verify"
    DELETE = "delete"
    DOWNLOAD = "download"


class JobState(StrEnum):
    """A job's life: queued → running → done | failed | cancelled. Failed and cancelled jobs can be retried.

    A queued or running job of a RESUMABLE kind may be paused; resumed, it is queued again and goes on where it was.
    """

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self in {JobState.DONE, JobState.FAILED, JobState.CANCELLED}

    @property
    def moving(self) -> bool:
        """Whether something will happen without anybody's doing: it runs, or waits for a worker."""
        return self in {JobState.QUEUED, JobState.RUNNING}


RESUMABLE = frozenset({JobKind.FEATURES, JobKind.ENCODE, JobKind.INGEST})
"""Kinds that work in blocks, and so go on from the finished ones after a pause, a failure or a kill."""


@dataclass(frozen=True)
class JobInfo:
    """One job as people see it. ``progress`` in 0..1."""

    id: int
    kind: JobKind
    state: JobState
    title: str
    progress: float
    message: str
    error: str
    dataset_id: int | None
    owner_id: int | None
    owner: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested: bool
    pause_requested: bool = False
    result: Mapping[str, Any] = field(default_factory=dict)
