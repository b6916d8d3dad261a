"""Workers and their children as real processes, killed at random moments. On both databases."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
from fast_worker import PACE
from sqlalchemy import func, select

from eobench_dash.db.models import Dataset, Job, Patch
from eobench_dash.domain.jobs import JobKind
from eobench_dash.jobs import queue
from eobench_dash.jobs.life import seconds_since_life
from eobench_dash.jobs.supervisor import WorkerProcess, environment
from eobench_dash.jobs.worker import run_worker
from eobench_dash.services.workspace import Workspace

SUPPORT = Path(__file__).parents[2] / "support"
PATIENCE_S = 180.0  # for loaded machines; nothing here is timed


def add(ws: Workspace, kind: JobKind, after: int | None = None, **args) -> int:
    with ws.db.write() as session:
        return queue.enqueue(session, kind=kind, title=str(kind), args=args, owner_id=None, after_id=after).id


def row(ws: Workspace, job_id: int) -> Job:
    with ws.db.read() as session:
        return session.get_one(Job, job_id)


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def child_pid(ws: Workspace) -> int:
    path = ws.settings.home / "child.pid"
    until(lambda: path.exists() and path.read_text(), "the child says its pid")
    return int(path.read_text())


def worker_environment(ws: Workspace) -> dict[str, str]:
    return environment(ws.settings) | {"PYTHONPATH": os.pathsep.join([str(SUPPORT), *sys.path])}


@pytest.fixture
def start(workspace: Workspace) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts quick workers as processes; those that still run at the end are killed."""
    started: list[subprocess.Popen] = []

    def run(*options: str) -> subprocess.Popen:
        command = [sys.executable, str(SUPPORT / "fast_worker.py"), *options]
        started.append(subprocess.Popen(command, env=worker_environment(workspace)))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def once(ws: Workspace) -> None:
    run_worker(ws.settings, stop=Event(), once=True, tasks="fake_tasks", pace=PACE)


def test_jobs_are_done_in_order_and_results_kept(workspace: Workspace) -> None:
    first = add(workspace, JobKind.FEATURES, steps=2)
    second = add(workspace, JobKind.IMPORT, after=first, chunks=3, pause=0.0)
    once(workspace)
    assert row(workspace, first).result == {"steps": 2}
    assert row(workspace, second).result == {"patches": 150}
    assert row(workspace, second).started_at >= row(workspace, first).finished_at
    assert seconds_since_life(workspace.settings.home) is not None


@pytest.mark.parametrize(
    ("error", "says"),
    [("ours", "The file is empty."), ("bug", "of the program itself (KeyError)"), ("memory", "not enough memory")],
)
def test_a_task_that_raises_fails_its_job_with_a_sentence(workspace: Workspace, error: str, says: str) -> None:
    job_id = add(workspace, JobKind.VERIFY, error=error)
    once(workspace)
    found = row(workspace, job_id)
    assert (found.state, found.needs_sweep) == ("failed", False)
    assert says in found.error
    assert "secret detail" not in found.error


def test_an_unknown_kind_fails_its_job_only(workspace: Workspace) -> None:
    unknown, known = add(workspace, JobKind.DOWNLOAD), add(workspace, JobKind.FEATURES, steps=1)
    once(workspace)
    assert "does not know" in row(workspace, unknown).error
    assert row(workspace, known).state == "done"


def test_a_child_that_dies_takes_its_job_with_it_and_a_bad_sweep_is_put_off(workspace: Workspace) -> None:
    dying, next_one = add(workspace, JobKind.DELETE), add(workspace, JobKind.FEATURES, steps=1)
    once(workspace)
    found = row(workspace, dying)
    assert found.state == "failed"
    assert "was killed" in found.error and "retry" in found.error
    assert found.needs_sweep  # its sweep raises: it is tried again later, and other jobs do not wait for it
    assert row(workspace, next_one).state == "done"


@pytest.mark.parametrize(("kind", "args"), [(JobKind.FEATURES, {"steps": 10_000}), (JobKind.EMBED, {})])
def test_cancelling_stops_the_polite_and_the_deaf(workspace: Workspace, start, kind: JobKind, args: dict) -> None:
    job_id = add(workspace, kind, **args)
    start()
    pid = child_pid(workspace)
    with workspace.db.write() as session:
        queue.request_cancel(session, job_id)
    until(lambda: row(workspace, job_id).state == "cancelled", "the job is cancelled")
    until(lambda: not alive(pid), "its process is gone")
    until(lambda: not row(workspace, job_id).needs_sweep, "it is swept")


@pytest.mark.parametrize(("kind", "args"), [(JobKind.FEATURES, {"steps": 10_000}), (JobKind.INGEST, {})])
def test_pausing_stops_the_polite_and_the_deaf_and_they_go_on_later(
    workspace: Workspace, start, kind: JobKind, args: dict
) -> None:
    job_id = add(workspace, kind, **args)
    start()
    pid = child_pid(workspace)
    with workspace.db.write() as session:
        queue.request_pause(session, job_id)
    until(lambda: row(workspace, job_id).state == "paused", "the job is paused")
    until(lambda: not alive(pid), "its process is gone")
    until(lambda: not row(workspace, job_id).needs_sweep, "it is swept")
    other = add(workspace, JobKind.FEATURES, steps=1)
    until(lambda: row(workspace, other).state == "done", "another one is done meanwhile")
    with workspace.db.write() as session:
        session.get_one(Job, job_id).args = {"steps": 1}
        session.get_one(Job, job_id).kind = JobKind.FEATURES
        queue.resume(session, job_id)
    until(lambda: row(workspace, job_id).state == "done", "it goes on")


def test_a_worker_told_to_stop_leaves_its_job_to_the_next_one(workspace: Workspace, start) -> None:
    job_id = add(workspace, JobKind.IMPORT, chunks=400, pause=0.02)
    worker = start()
    pid = child_pid(workspace)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE_S) == 0
    assert not alive(pid)
    assert row(workspace, job_id).state == "queued"
    with workspace.db.write() as session:
        session.get_one(Job, job_id).args = {"chunks": 2, "pause": 0.0}
    start("--once").wait(PATIENCE_S)
    assert (row(workspace, job_id).state, row(workspace, job_id).attempts) == ("done", 2)
    with workspace.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Patch)) == 100


@pytest.mark.parametrize("victim", ["worker", "child"])
def test_killed_at_random_moments_nothing_half_done_is_left_and_the_retry_succeeds(
    workspace: Workspace, start, victim: str
) -> None:
    rng = random.Random(f"{victim}-{workspace.db.is_sqlite}")
    job_id = add(workspace, JobKind.IMPORT, chunks=400, pause=0.02)
    worker = start()
    for moment in range(5):
        pid = child_pid(workspace)
        time.sleep(rng.uniform(0.0, 0.8))
        os.kill(worker.pid if victim == "worker" else pid, signal.SIGKILL)
        if victim == "worker":
            worker.wait()
            until(lambda: not alive(pid), "the child dies with its worker")  # noqa: B023
            worker = start()
        until(lambda: row(workspace, job_id).state in ("failed", "done"), "the death is noticed")
        until(lambda: not row(workspace, job_id).needs_sweep, "the leftovers are swept")
        assert row(workspace, job_id).state == "failed", "the kill came too late: let the job take longer"
        assert "retry" in row(workspace, job_id).error
        with workspace.db.read() as session:
            assert session.scalar(select(func.count()).select_from(Patch)) == 0
            assert session.scalar(select(func.count()).select_from(Dataset)) == 0
        assert list(workspace.settings.home.glob("leftover-*")) == []
        (workspace.settings.home / "child.pid").unlink()
        with workspace.db.write() as session:
            queue.retry(session, job_id)
            if moment == 4:
                session.get_one(Job, job_id).args = {"chunks": 40, "pause": 0.0}
    until(lambda: row(workspace, job_id).state == "done", "the last retry succeeds")
    with workspace.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Patch)) == 40 * 50
        assert session.scalars(select(Dataset.state)).all() == ["ready"]


def test_a_worker_beside_the_web_is_restarted_when_killed_and_ends_with_it(workspace: Workspace, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", worker_environment(workspace)["PYTHONPATH"])
    beside = WorkerProcess(workspace.settings, tasks="fake_tasks", shortest_s=0.1)
    second = WorkerProcess(workspace.settings, tasks="fake_tasks", shortest_s=0.1)
    with beside, second:  # as two web processes of one host would
        until(lambda: beside.pids or second.pids, "a worker starts")
        one = (beside.pids + second.pids)[0]
        os.kill(one, signal.SIGKILL)
        until(lambda: (beside.pids + second.pids) not in ([], [one]), "another one starts")
        assert len(beside.pids + second.pids) == 1
        two = (beside.pids + second.pids)[0]
        job_id = add(workspace, JobKind.FEATURES, steps=1)
        until(lambda: row(workspace, job_id).state == "done", "it works")
    assert beside.pids == second.pids == []
    assert not alive(two)


def test_settings_survive_the_way_to_a_new_process(settings, monkeypatch) -> None:
    from eobench_dash.settings import Settings

    odd = settings.model_copy(update={"public": True, "data_roots": "/a:/b c", "log_format": "json", "workers": 3})
    for name in [n for n in os.environ if n.startswith("EOBENCH_")]:
        monkeypatch.delenv(name)
    for name, value in environment(odd).items():
        if name.startswith("EOBENCH_"):
            monkeypatch.setenv(name, value)
    assert Settings(_env_file=None) == odd
