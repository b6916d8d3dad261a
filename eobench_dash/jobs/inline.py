"""Run one queued job in the process that asked for it (the command line), or watch it where a worker was faster."""

import time
from collections.abc import Callable
from threading import Event, Thread

from sqlalchemy import select

from eobench_dash.db.engine import Database
from eobench_dash.db.models import Job
from eobench_dash.domain.jobs import JobState
from eobench_dash.errors import EOBenchError, JobCancelled, JobLost
from eobench_dash.jobs import queue
from eobench_dash.jobs.handle import JobHandle

Progress = Callable[[float, str], None]


class InlineHandle(JobHandle):
    """A handle that shows progress to whoever waits, too."""

    show: Progress

    def progress(self, fraction: float, message: str | None = None) -> None:
        """As JobHandle.progress, and shown at once."""
        self.show(fraction, message or "")
        super().progress(fraction, message)


def run_inline(
    db: Database, job_id: int, *, run: Callable[[JobHandle], None], sweep: Callable[[], None], show: Progress
) -> Job:
    """Run the job to its end here and return its row; ``sweep`` removes its leftovers where it does not end well.

    KeyboardInterrupt cancels the job, sweeps, and goes on upwards.
    """
    claim = queue.claim(db, job_id=job_id)
    if claim is None:
        return _watch(db, job_id, show)
    handle = InlineHandle(db, claim)
    handle.show = show
    over = Event()
    beat = Thread(target=_beat, args=(db, claim, over), daemon=True)
    beat.start()
    try:
        run(handle)
        if not handle.done:
            queue.finish(db, claim, handle.result)
    except JobLost:
        pass
    except (JobCancelled, KeyboardInterrupt) as stop:
        queue.cancelled(db, claim)
        _clean(db, job_id, sweep)
        if isinstance(stop, KeyboardInterrupt):
            raise
    except EOBenchError as error:
        queue.fail(db, claim, str(error))
        _clean(db, job_id, sweep)
    except BaseException as error:
        queue.fail(db, claim, f"It broke off unexpectedly ({type(error).__name__}: {error}).")
        _clean(db, job_id, sweep)
        raise
    finally:
        over.set()
        beat.join(timeout=5)
    return _row(db, job_id)


def _beat(db: Database, claim: queue.Claim, over: Event) -> None:
    while not over.wait(claim.lease_s / 4):
        try:
            queue.heartbeat(db, claim)
        except (JobLost, JobCancelled):
            return  # the task itself finds out at its next step


def _clean(db: Database, job_id: int, sweep: Callable[[], None]) -> None:
    sweep()
    with db.write() as session:
        session.get_one(Job, job_id).needs_sweep = False


def _watch(db: Database, job_id: int, show: Progress) -> Job:
    while not JobState((job := _row(db, job_id)).state).over:
        show(job.progress, job.message)
        time.sleep(0.5)
    return job


def _row(db: Database, job_id: int) -> Job:
    with db.read() as session:
        return session.scalars(select(Job).where(Job.id == job_id)).one()
