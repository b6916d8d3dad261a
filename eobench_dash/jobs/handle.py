"""What a task holds of its job: progress, the wish to cancel or pause, and the fence around its last transaction."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from eobench_dash.db.engine import Database
from eobench_dash.domain.jobs import JobKind
from eobench_dash.errors import JobCancelled, JobLost, JobPaused
from eobench_dash.jobs import queue

EVERY_S = 1.0
"""Progress is written, and the row looked at, at most this often."""


@dataclass(frozen=True)
class Wishes:
    """What others want of a running job, heard without asking the database."""

    cancel: Event = field(default_factory=Event)
    pause: Event = field(default_factory=Event)
    lost: Event = field(default_factory=Event)


class JobHandle:
    """One running job, inside the process that does it.

    Call ``progress`` or ``check`` between pieces of work, outside of your own transactions (``progress`` writes by
    another connection); begin each transaction that writes with ``fence``; end with ``mark_done_in``.
    """

    def __init__(self, db: Database, claim: queue.Claim, *, wishes: Wishes | None = None) -> None:
        self.id = claim.job_id
        self.kind: JobKind = claim.kind
        self.args = claim.args
        self.dataset_id = claim.dataset_id
        self.owner_id = claim.owner_id
        self.done = False
        self.result: dict[str, Any] = {}
        self._db, self._claim = db, claim
        self._wishes = wishes or Wishes()
        self._written = self._looked = float("-inf")

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Tell how far it is (0..1) and with what. Raises JobCancelled / JobPaused / JobLost when it has to stop."""
        self._heed()
        now = time.monotonic()
        if now - self._written >= EVERY_S:
            self._written = self._looked = now
            queue.heartbeat(self._db, self._claim, fraction, message)

    def check(self) -> None:
        """Raise JobCancelled / JobPaused / JobLost when the work has to stop. Cheap: call it often."""
        self._heed()
        now = time.monotonic()
        if now - self._looked >= EVERY_S:
            self._looked = now
            queue.watch(self._db, self._claim)

    def fence(self, session: Session) -> None:
        """Make the caller's transaction valid only while the job is ours, and lock the job's row until it ends.

        The lease is renewed as its last statement, so that a long transaction does not look like a dead worker.
        Raises JobCancelled / JobPaused / JobLost.
        """
        queue.hold(session, self._claim)

        def renew(session: Session) -> None:
            if not self.done:
                queue.renew_in(session, self._claim)

        event.listen(session, "before_commit", renew, once=True)

    def set_result(self, result: Mapping[str, Any]) -> None:
        """What the job's row will hold as its result when the task returns without ``mark_done_in``."""
        self.result = dict(result)

    def mark_done_in(self, session: Session, result: Mapping[str, Any]) -> None:
        """Mark the job done inside the caller's last transaction: what it shows and "done" become true together."""
        queue.finish_in(session, self._claim, result)
        self.done = True

    def _heed(self) -> None:
        if self._wishes.lost.is_set():
            raise JobLost(f"Job {self.id} is not ours any more; nothing more is written.")
        if self._wishes.cancel.is_set():
            raise JobCancelled(queue.CANCELLED)
        if self._wishes.pause.is_set():
            raise JobPaused(queue.PAUSED)
