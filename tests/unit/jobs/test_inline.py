"""A job done on the spot, with what it waits for, in the process that asked. On both databases."""

from types import SimpleNamespace

import fake_tasks
import pytest

from eobench_dash.db.models import Job
from eobench_dash.domain.jobs import JobKind
from eobench_dash.errors import NotFound
from eobench_dash.jobs import queue
from eobench_dash.jobs.inline import run_inline
from eobench_dash.services.workspace import Workspace


def add(ws: Workspace, kind: JobKind, after: int | None = None, **args) -> int:
    with ws.db.write() as session:
        return queue.enqueue(session, kind=kind, title=str(kind), args=args, owner_id=None, after_id=after).id


def row(ws: Workspace, job_id: int) -> Job:
    with ws.db.read() as session:
        return session.get_one(Job, job_id)


def tasks(**functions) -> SimpleNamespace:
    """A table of tasks: ``kind=function``; every sweep notes its job in ``swept``."""
    swept: list[int] = []
    return SimpleNamespace(
        TASKS={JobKind(kind): work for kind, work in functions.items()},
        SWEEPS={JobKind(kind): lambda ws, job_id: swept.append(job_id) for kind in functions},
        open_workspace=None,
        warm_up=lambda: None,
        swept=swept,
    )


def test_a_job_runs_with_what_it_waits_for_and_nothing_else(workspace: Workspace) -> None:
    other = add(workspace, JobKind.FEATURES, steps=1)
    first = add(workspace, JobKind.FEATURES, steps=3)
    second = add(workspace, JobKind.IMPORT, after=first, chunks=1, pause=0.0)
    told: list[float] = []
    job = run_inline(workspace, second, tasks=fake_tasks, show=lambda fraction, _: told.append(fraction))
    assert (job.state, row(workspace, first).state, row(workspace, other).state) == ("done", "done", "queued")
    assert told[-1] == 1.0
    with pytest.raises(NotFound):
        run_inline(workspace, 99, tasks=fake_tasks)


@pytest.mark.parametrize(("error", "says"), [("ours", "The file is empty."), ("memory", "not enough memory")])
def test_one_that_fails_says_why_and_is_swept_at_once(workspace: Workspace, error: str, says: str) -> None:
    table = tasks(verify=fake_tasks.wrong)
    job = run_inline(workspace, add(workspace, JobKind.VERIFY, error=error), tasks=table)
    assert (job.state, job.needs_sweep, table.swept) == ("failed", False, [job.id])
    assert says in job.error


def test_a_bug_fails_the_job_and_is_not_hidden(workspace: Workspace) -> None:
    job_id = add(workspace, JobKind.VERIFY, error="bug")
    with pytest.raises(KeyError):
        run_inline(workspace, job_id, tasks=tasks(verify=fake_tasks.wrong))
    assert row(workspace, job_id).state == "failed"


@pytest.mark.parametrize(("kind", "state"), [(JobKind.FEATURES, "paused"), (JobKind.IMPORT, "cancelled")])
def test_ctrl_c_pauses_what_can_go_on_and_cancels_the_rest(workspace: Workspace, kind: JobKind, state: str) -> None:
    def interrupted(ws, job) -> None:
        job.progress(0.5, "half")
        raise KeyboardInterrupt

    table = tasks(**{kind.value: interrupted})
    job_id = add(workspace, kind)
    with pytest.raises(KeyboardInterrupt):
        run_inline(workspace, job_id, tasks=table)
    assert (row(workspace, job_id).state, table.swept) == (state, [job_id])


def test_a_pause_from_elsewhere_ends_the_waiting_and_it_goes_on_swept(workspace: Workspace) -> None:
    def paused(ws, job) -> None:
        if row(ws, job.id).attempts > 1:
            return
        with ws.db.write() as session:
            queue.request_pause(session, job.id)
        job.check()

    table = tasks(features=paused)
    job_id = add(workspace, JobKind.FEATURES)
    assert run_inline(workspace, job_id, tasks=table).state == "paused"
    assert run_inline(workspace, job_id, tasks=table).state == "paused"  # nobody has resumed it
    with workspace.db.write() as session:
        queue.resume(session, job_id)
        session.get_one(Job, job_id).needs_sweep = True  # as where the worker died before it swept
    assert run_inline(workspace, job_id, tasks=table).state == "done"
    assert table.swept == [job_id, job_id]


def test_leftovers_of_a_dead_worker_are_swept_before_its_job_is_done_again(workspace: Workspace) -> None:
    table = tasks(features=lambda ws, job: None)
    job_id = add(workspace, JobKind.FEATURES)
    queue.release(workspace.db, queue.claim(workspace.db))
    assert run_inline(workspace, job_id, tasks=table).state == "done"
    assert table.swept == [job_id]
