"""A job's row wherever it is shown: its words and its buttons, state by state."""

from datetime import UTC, datetime

import pytest

from eobench_dash.components.jobs import job_row, overall
from eobench_dash.domain.jobs import JobInfo, JobKind, JobState
from eobench_dash.pages.shell import views
from eobench_dash.pages.shell.callbacks import digest


def a_job(state: JobState, kind: JobKind = JobKind.FEATURES, **changes) -> JobInfo:
    now = datetime.now(UTC)
    given = {"progress": 0.4, "message": "4 of 10 patches described", "error": ""} | changes
    return JobInfo(
        id=3, kind=kind, state=state, title="Describe Lakes", dataset_id=1, owner_id=1, owner="ada", created_at=now,
        started_at=None, finished_at=None, cancel_requested=given.pop("cancel", False),
        pause_requested=given.pop("pause", False), **given,
    )  # fmt: skip


def buttons(job: JobInfo) -> list[str]:
    line = job_row(job, at="shell").children[0].children
    return [part.id["type"].removeprefix("shell-job-") for part in line if getattr(part, "id", None)]


@pytest.mark.parametrize(
    ("job", "has", "says"),
    [
        (a_job(JobState.RUNNING), ["pause", "cancel"], "40%"),
        (a_job(JobState.RUNNING, pause=True), ["resume", "cancel"], "pausing"),
        (a_job(JobState.RUNNING, cancel=True), [], "stopping"),
        (a_job(JobState.QUEUED), ["pause", "cancel"], "waiting"),
        (a_job(JobState.PAUSED), ["resume", "cancel"], "paused"),
        (a_job(JobState.RUNNING, JobKind.EMBED), ["cancel"], "40%"),
        (a_job(JobState.FAILED, error="No."), ["retry"], "failed"),
        (a_job(JobState.DONE), [], "done"),
        (a_job(JobState.RUNNING, JobKind.DELETE), [], "40%"),
    ],
)
def test_what_can_be_done_with_it(job: JobInfo, has: list[str], says: str) -> None:
    assert buttons(job) == has
    assert says in str(job_row(job, at="shell"))


def test_a_paused_job_shows_how_far_it_is_and_keeps_nobody_busy() -> None:
    paused, running = a_job(JobState.PAUSED), a_job(JobState.RUNNING, progress=0.8)
    assert "4 of 10 patches" in str(job_row(paused, at="home"))
    assert overall([paused, running]) == 0.8
    assert digest([paused]) == [] != digest([running])
    assert "1 job paused" in str(views.jobs_pill([paused]))
    assert "1 job · 80%" in str(views.jobs_pill([running, paused]))
