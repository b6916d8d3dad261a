"""The worker: claims jobs one after the other and has each done by a spawned process that it watches over.

The worker beats the heart of the job, not the child: a child deep in compiled code may hold Python's lock for
longer than a lease. A child that dies takes its job, not the worker, with it.
"""

import logging
import multiprocessing
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from threading import Event

from sqlalchemy.exc import OperationalError

from eobench_dash.db.engine import Database
from eobench_dash.domain.jobs import RESUMABLE
from eobench_dash.errors import JobCancelled, JobLost, JobPaused, Unavailable
from eobench_dash.jobs import child, queue
from eobench_dash.jobs.life import show_life
from eobench_dash.settings import Settings

log = logging.getLogger(__name__)
TASKS_MODULE = "eobench_dash.tasks"


@dataclass(frozen=True)
class Pace:
    """How often the worker looks, in seconds. A dead worker is noticed ``lease_s`` after its last heartbeat."""

    poll_s: float = 0.5
    tick_s: float = 1.0
    beat_s: float = 5.0
    lease_s: float = queue.LEASE_S
    cancel_grace_s: float = 10.0
    respawn_s: float = 5.0


USUAL_PACE = Pace()


def run_worker(
    settings: Settings, *, stop: Event, once: bool = False, tasks: str = TASKS_MODULE, pace: Pace = USUAL_PACE
) -> None:
    """Do jobs until ``stop`` is set; with ``once`` until none is left. ``tasks`` names the module that does the work.

    A job that runs when ``stop`` comes is put back, for the next worker to sweep and start again.
    """
    worker = Worker(settings, stop=stop, tasks=tasks, pace=pace, spare=not once)
    try:
        while not stop.is_set():
            worker.warm()
            try:
                busy = worker.step()
            except (OperationalError, Unavailable):
                log.exception("the database does not answer; trying again")
                stop.wait(pace.respawn_s)
                continue
            if not busy:
                if once:
                    return
                stop.wait(pace.poll_s)
    finally:
        worker.close()


class _Child:
    """One spawned process: waiting and warm, or at work."""

    def __init__(self, settings: Settings, tasks: str) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=child.main, args=(theirs, settings, tasks, os.getpid()), name="eobench-job")
        self.process.start()
        theirs.close()

    @property
    def alive(self) -> bool:
        return self.process.is_alive()

    @property
    def death(self) -> str:
        """How it died, for people."""
        code = self.process.exitcode or 0
        if code == -signal.SIGKILL:
            return "was killed (often because the machine ran out of memory)"
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def tell(self, order: str, claim: queue.Claim) -> None:
        with suppress(OSError):  # it died: whoever watches sees that
            self.pipe.send((order, claim))

    def says_over(self, timeout: float) -> bool:
        """Wait for news: True when it has said that its work is over. A death is news, too: look at ``alive``."""
        if self.pipe in connection.wait([self.pipe, self.process.sentinel], timeout):
            try:
                return bool(self.pipe.recv() == child.OVER)
            except (EOFError, OSError):
                self.process.join(0.5)  # it is dying
        return False

    def stop(self) -> None:
        """Terminate it, and kill it where that does not help."""
        if self.alive:
            self.process.terminate()
            self.process.join(2.0)
        if self.alive:
            self.process.kill()
            self.process.join()

    def close(self) -> None:
        """Stop it and give back what it held."""
        self.stop()
        self.pipe.close()
        self.process.close()


class Worker:
    """Claims, watches and sweeps, one step at a time."""

    def __init__(self, settings: Settings, *, stop: Event, tasks: str, pace: Pace, spare: bool) -> None:
        self.settings, self.stop, self.tasks, self.pace = settings, stop, tasks, pace
        self.db = Database(settings.sqlalchemy_url)
        self._keep_spare = spare
        self._spare: _Child | None = None
        self._spare_at = float("-inf")

    def close(self) -> None:
        """End the waiting child and give back connections."""
        if self._spare is not None:
            self._spare.close()
        self.db.dispose()

    def step(self, *, job_id: int | None = None) -> bool:
        """Reap what has lost its worker, then sweep or run one job. Whether there was anything to do."""
        show_life(self.settings.home)
        for reaped in queue.reap_expired(self.db):
            log.warning("job %d: its worker has gone silent", reaped)
        if (leftover := queue.claim_sweep(self.db, lease_s=self.pace.lease_s)) is not None:
            self._attend(leftover, child.SWEEP)
            return True
        if (claim := queue.claim(self.db, lease_s=self.pace.lease_s, job_id=job_id)) is not None:
            self._attend(claim, child.RUN)
            return True
        return False

    def warm(self) -> None:
        """See to it that a child waits, warmed, for the next job."""
        if self._spare is not None and not self._spare.alive:
            log.error("the waiting process %s; its own messages say why", self._spare.death)
            self._spare.close()
            self._spare = None
        if self._keep_spare and self._spare is None and time.monotonic() - self._spare_at >= self.pace.respawn_s:
            self._spare_at = time.monotonic()
            self._spare = _Child(self.settings, self.tasks)

    def _attend(self, claim: queue.Claim, order: str) -> None:
        spare, self._spare = self._spare, None
        if spare is not None and not spare.alive:
            spare.close()
            spare = None
        one = spare or _Child(self.settings, self.tasks)
        one.tell(order, claim)
        try:
            with suppress(JobLost):
                self._watch_over(one, claim, order)
        finally:
            one.close()

    def _watch_over(self, one: _Child, claim: queue.Claim, order: str) -> None:
        """Until the child has done it: beat the job's heart, pass on wishes to cancel or pause, notice a death."""
        beat_at, stop_by = time.monotonic() + self.pace.beat_s, float("inf")
        wish = ""
        while not one.says_over(self.pace.tick_s):
            now = time.monotonic()
            if not one.alive:
                return self._bury(one, claim, order)
            if self.stop.is_set() or now >= stop_by:
                one.stop()
                return self._drop(claim, order, wish)
            try:
                if now >= beat_at:
                    beat_at = now + self.pace.beat_s
                    show_life(self.settings.home)
                    queue.heartbeat(self.db, claim)
                elif order == child.RUN:
                    queue.watch(self.db, claim)
            except (JobCancelled, JobPaused) as asked:
                new = child.CANCEL if isinstance(asked, JobCancelled) else child.PAUSE
                if order == child.RUN and new != wish:
                    wish, stop_by = new, now + self.pace.cancel_grace_s
                    one.tell(new, claim)
            except JobLost:
                one.tell(child.LOST, claim)
                one.says_over(self.pace.tick_s)  # most often it has just written down the end itself
                return None
            except (OperationalError, Unavailable):
                log.exception("job %d: the database does not answer; its lease is not renewed", claim.job_id)
            self.warm()
        one.process.join(self.pace.tick_s)
        return None

    def _bury(self, one: _Child, claim: queue.Claim, order: str) -> None:
        log.error("job %d: the process that did it %s", claim.job_id, one.death)
        if order == child.SWEEP:
            queue.postpone_sweep(self.db, claim)
        else:
            kept = "What it had finished is kept; retry it to go on."
            advice = kept if claim.kind in RESUMABLE else "Nothing half done is kept; retry it."
            queue.fail(self.db, claim, f"The process that ran this {one.death}. {advice}")

    def _drop(self, claim: queue.Claim, order: str, wish: str) -> None:
        """The child was stopped by us: its job's owner had that ``wish``, or (none) this worker is to stop."""
        if order == child.SWEEP:
            queue.postpone_sweep(self.db, claim, seconds=0.0)
        elif wish == child.CANCEL:
            queue.cancelled(self.db, claim)
        elif wish == child.PAUSE:
            queue.paused(self.db, claim)
        else:
            queue.release(self.db, claim)
