"""Run one job, and what it waits for, in the process that asked for it (the command line), or watch a faster worker."""

import time
from collections.abc import Callable
from threading import Event, Thread

from sqlalchemy import select

from eobench_dash.db.engine import Database
from eobench_dash.db.models import Job
from eobench_dash.domain.jobs import RESUMABLE, JobState
from eobench_dash.errors import EOBenchError, JobCancelled, JobLost, JobPaused, NotFound
from eobench_dash.jobs import queue
from eobench_dash.jobs.child import Tasks, Workspace, sentence
from eobench_dash.jobs.handle import JobHandle

Progress = Callable[[float, str], None]
LOOK_S = 0.5


class InlineHandle(JobHandle):
    """A handle that shows progress to whoever waits, too."""

    show: Progress

    def progress(self, fraction: float, message: str | None = None) -> None:
        """As JobHandle.progress, and shown at once."""
        self.show(fraction, message or "")
        super().progress(fraction, message)


def run_inline(
    workspace: Workspace, job_id: int, *, tasks: Tasks, show: Progress = lambda fraction, message: None
) -> Job:
    """Run the job here until it moves no more (done, failed, cancelled or paused), and return its row.

    What it waits for is run first, and what an earlier attempt left behind is swept. KeyboardInterrupt pauses a job
    that can go on later and cancels any other, sweeps, and goes on upwards. NotFound where there is no such job.
    """
    db = workspace.db
    while JobState((job := _row(db, job_id)).state).moving:
        queue.reap_expired(db)
        first = _first_of_chain(db, job)
        _sweep(workspace, first, tasks)
        claim = queue.claim(db, job_id=first)
        if claim is None:
            show(job.progress, job.message)
            time.sleep(LOOK_S)
            continue
        handle = InlineHandle(db, claim)
        handle.show = show
        _run(workspace, claim, tasks, handle)
    return job


def _run(workspace: Workspace, claim: queue.Claim, tasks: Tasks, handle: JobHandle) -> None:
    db = workspace.db
    over = Event()
    beat = Thread(target=_beat, args=(db, claim, over), daemon=True)
    beat.start()
    try:
        if claim.kind not in tasks.TASKS:
            raise EOBenchError(f"This version does not know how to do “{claim.kind}”.")
        tasks.TASKS[claim.kind](workspace, handle)
        if not handle.done:
            queue.finish(db, claim, handle.result)
    except JobLost:
        pass
    except JobCancelled:
        queue.cancelled(db, claim)
    except JobPaused:
        queue.paused(db, claim)
    except KeyboardInterrupt:
        if claim.kind in RESUMABLE:
            queue.paused(db, claim, wanted=True)
        else:
            queue.cancelled(db, claim)
        raise
    except (EOBenchError, OSError, MemoryError) as error:
        queue.fail(db, claim, sentence(error))
    except BaseException as error:
        queue.fail(db, claim, f"It broke off unexpectedly ({type(error).__name__}: {error}).")
        raise
    finally:
        over.set()
        beat.join(timeout=5)
        _sweep(workspace, claim.job_id, tasks)


def _sweep(workspace: Workspace, job_id: int, tasks: Tasks) -> None:
    """Remove what the job left behind, if it did; quiet where a worker is at it."""
    claim = queue.claim_sweep(workspace.db, job_id=job_id)
    if claim is not None:
        if claim.kind in tasks.SWEEPS:
            tasks.SWEEPS[claim.kind](workspace, job_id)
        queue.swept(workspace.db, claim)


def _beat(db: Database, claim: queue.Claim, over: Event) -> None:
    while not over.wait(claim.lease_s / 4):
        try:
            queue.heartbeat(db, claim)
        except (JobLost, JobCancelled, JobPaused):
            return  # the task itself finds out at its next step


def _first_of_chain(db: Database, job: Job) -> int:
    with db.read() as session:
        while job.after_id is not None:
            before = session.get_one(Job, job.after_id)
            if not JobState(before.state).moving:
                break
            job = before
        return job.id


def _row(db: Database, job_id: int) -> Job:
    with db.read() as session:
        job = session.scalar(select(Job).where(Job.id == job_id))
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    return job
