"""The process that does one job: spawned and warmed ahead of need, told what to do through a pipe, gone afterwards.

It dies with its worker: the kernel sees to it on Linux, and everywhere the end of the pipe does.
"""

import ctypes
import importlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread
from typing import Any, Protocol

from eobench_dash import logs
from eobench_dash.db.engine import Database
from eobench_dash.domain.jobs import JobKind
from eobench_dash.errors import EOBenchError, JobCancelled, JobLost, JobPaused
from eobench_dash.jobs import queue
from eobench_dash.jobs.handle import JobHandle, Wishes
from eobench_dash.settings import Settings

log = logging.getLogger(__name__)

READY, OVER = "ready", "over"
"""What the child says."""
RUN, SWEEP, CANCEL, PAUSE, LOST = "run", "sweep", "cancel", "pause", "lost"
"""What the worker says."""
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Workspace(Protocol):
    """What tasks are given; only its database concerns this room."""

    @property
    def db(self) -> Database: ...


class Tasks(Protocol):
    """A module that does the work (by default ``eobench_dash.tasks``)."""

    TASKS: Mapping[JobKind, Callable[[Any, JobHandle], None]]
    SWEEPS: Mapping[JobKind, Callable[[Any, int], None]]

    def open_workspace(self, settings: Settings) -> Workspace:
        """What tasks are given as their first argument."""

    def warm_up(self) -> None:
        """Load ahead what most jobs need."""


def main(pipe: Connection, settings: Settings, tasks_name: str, worker_pid: int) -> None:
    """Entry of the spawned process."""
    _die_with(worker_pid)
    logs.configure(settings)
    orders: SimpleQueue[tuple[str, queue.Claim]] = SimpleQueue()
    wishes = Wishes()
    Thread(target=_listen, args=(pipe, orders, wishes), daemon=True).start()
    tasks: Tasks = importlib.import_module(tasks_name)
    workspace = tasks.open_workspace(settings)
    if orders.empty():  # a job that waits already should not wait for kernels it may not need (a minute, when new)
        try:
            tasks.warm_up()
        except Exception:
            log.exception("warming up failed; jobs will load what they need themselves")
    pipe.send(READY)
    order, claim = orders.get()
    if order == SWEEP:
        sweep(workspace, claim, tasks)
    else:
        run(workspace, claim, tasks, JobHandle(workspace.db, claim, wishes=wishes))
    pipe.send(OVER)


def run(workspace: Workspace, claim: queue.Claim, tasks: Tasks, handle: JobHandle) -> None:
    """Do one claimed job, and write down how it ended."""
    db = workspace.db
    log.info("job %d (%s) starts", claim.job_id, claim.kind)
    try:
        if claim.kind not in tasks.TASKS:
            raise EOBenchError(f"This version does not know how to do “{claim.kind}”.")
        tasks.TASKS[claim.kind](workspace, handle)
        if not handle.done:
            queue.finish(db, claim, handle.result)
        log.info("job %d (%s) is done", claim.job_id, claim.kind)
    except JobLost:
        log.warning("job %d is not ours any more; it is left alone", claim.job_id)
    except JobCancelled:
        log.info("job %d is cancelled", claim.job_id)
        with suppress(JobLost):
            queue.cancelled(db, claim)
    except JobPaused:
        log.info("job %d is paused", claim.job_id)
        with suppress(JobLost):
            queue.paused(db, claim)
    except Exception as error:
        log.exception("job %d (%s) failed", claim.job_id, claim.kind)
        with suppress(JobLost):
            queue.fail(db, claim, sentence(error))


def sentence(error: Exception) -> str:
    """What people read of an error that ended a job."""
    if isinstance(error, EOBenchError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There was not enough memory for this. Close other programs or use a larger machine, then retry."
    if isinstance(error, OSError) and error.strerror:
        return f"The system refused: {error.strerror}. Free what is missing (disk, memory, rights), then retry."
    kind = type(error).__name__
    return f"An error of the program itself ({kind}); the worker's log has the details. Retry it, or report it."


def sweep(workspace: Workspace, claim: queue.Claim, tasks: Tasks) -> None:
    """Remove what one job has left behind."""
    try:
        if claim.kind in tasks.SWEEPS:
            tasks.SWEEPS[claim.kind](workspace, claim.job_id)
        queue.swept(workspace.db, claim)
    except Exception:
        log.exception("sweeping after job %d failed; it is tried again in a minute", claim.job_id)
        queue.postpone_sweep(workspace.db, claim)


def _listen(pipe: Connection, orders: SimpleQueue[tuple[str, queue.Claim]], wishes: Wishes) -> None:
    with suppress(EOFError, OSError):
        while True:
            order, claim = pipe.recv()
            if order == CANCEL:
                wishes.cancel.set()
            elif order == PAUSE:
                wishes.pause.set()
            elif order == LOST:
                wishes.lost.set()
            else:
                orders.put((order, claim))
    os._exit(1)  # the worker is gone, and with it the right to write anything


def _die_with(worker_pid: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the worker, which tells us
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker_pid:  # it died before we could ask to be told
        os._exit(1)
