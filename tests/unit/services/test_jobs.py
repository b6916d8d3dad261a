"""Who sees and touches which job. On both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from eobench_dash.db.models import Dataset, Job, utc_now
from eobench_dash.domain.jobs import JobKind, JobState
from eobench_dash.errors import Conflict, NotAllowed, NotFound, NotLoggedIn
from eobench_dash.jobs import queue
from eobench_dash.services import jobs
from eobench_dash.services.workspace import Workspace


@pytest.fixture
def some(workspace: Workspace, people) -> dict[str, int]:
    """Jobs: eva's on a ready dataset, ben's on one that is being imported, ben's on none."""
    with workspace.db.write() as session:
        ready = Dataset(name="ready", state="ready", source_kind="none")
        coming = Dataset(name="coming", state="importing", source_kind="none")
        session.add_all([ready, coming])
        session.flush()
        made = {
            "evas": (people.expert.user_id, ready.id),
            "coming": (people.builder.user_id, coming.id),
            "none": (people.builder.user_id, None),
        }
        return {
            name: queue.enqueue(session, kind=JobKind.EMBED, title=name, args={}, owner_id=owner, dataset_id=dataset).id
            for name, (owner, dataset) in made.items()
        }


def titles(ws: Workspace, who, **options) -> list[str]:
    return [job.title for job in jobs.list_jobs(ws, who, **options)]


def test_everybody_sees_what_concerns_them(workspace: Workspace, people, some) -> None:
    assert titles(workspace, people.admin) == ["none", "coming", "evas"]
    assert titles(workspace, people.builder) == ["none", "coming", "evas"]
    assert titles(workspace, people.expert) == titles(workspace, people.reader) == ["evas"]
    assert titles(workspace, people.anonymous) == []
    assert jobs.get_job(workspace, people.reader, job_id=some["evas"]).owner == "eva"
    for who, name in ((people.reader, "coming"), (people.anonymous, "evas")):
        with pytest.raises(NotFound):
            jobs.get_job(workspace, who, job_id=some[name])
    with pytest.raises(NotFound):
        jobs.get_job(workspace, people.admin, job_id=99)


def test_active_jobs_come_first_then_the_newest(workspace: Workspace, people, some) -> None:
    queue.finish(workspace.db, queue.claim(workspace.db, job_id=some["none"]), {})
    assert titles(workspace, people.admin) == ["coming", "evas", "none"]
    assert titles(workspace, people.admin, active_only=True) == ["coming", "evas"]
    assert titles(workspace, people.admin, limit=1) == ["coming"]


def test_owners_and_builders_cancel_and_retry_others_do_not(workspace: Workspace, people, some) -> None:
    for act in (jobs.cancel_job, jobs.retry_job):
        with pytest.raises(NotAllowed, match="eva"):
            act(workspace, people.reader, job_id=some["evas"])
        with pytest.raises(NotFound):
            act(workspace, people.expert, job_id=some["coming"])
        with pytest.raises(NotLoggedIn):
            act(workspace, people.anonymous, job_id=some["evas"])
    assert jobs.cancel_job(workspace, people.expert, job_id=some["evas"]).state is JobState.CANCELLED
    assert jobs.retry_job(workspace, people.builder, job_id=some["evas"]).state is JobState.QUEUED
    with pytest.raises(Conflict):
        jobs.retry_job(workspace, people.expert, job_id=some["evas"])


def test_a_running_job_shows_that_it_is_being_cancelled(workspace: Workspace, people, some) -> None:
    queue.claim(workspace.db, job_id=some["evas"])
    found = jobs.cancel_job(workspace, people.expert, job_id=some["evas"])
    assert (found.state, found.cancel_requested) == (JobState.RUNNING, True)


def test_looking_notices_a_dead_worker(workspace: Workspace, people, some) -> None:
    queue.claim(workspace.db, job_id=some["evas"])
    with workspace.db.write() as session:
        session.execute(update(Job).where(Job.id == some["evas"]).values(lease_until=utc_now() - timedelta(seconds=1)))
    assert jobs.get_job(workspace, people.reader, job_id=some["evas"]).state is JobState.FAILED
    assert jobs.retry_job(workspace, people.expert, job_id=some["evas"]).state is JobState.QUEUED


def test_owners_and_builders_pause_and_resume_what_can_go_on(workspace: Workspace, people, some) -> None:
    with workspace.db.write() as session:
        ready = session.get_one(Job, some["evas"]).dataset_id
        session.execute(update(Job).where(Job.id == some["evas"]).values(kind=JobKind.FEATURES))
    for act in (jobs.pause_job, jobs.resume_job):
        with pytest.raises(NotAllowed, match="eva"):
            act(workspace, people.reader, job_id=some["evas"])
        with pytest.raises(NotFound):
            act(workspace, people.expert, job_id=some["coming"])
        with pytest.raises(NotLoggedIn):
            act(workspace, people.anonymous, job_id=some["evas"])
    assert jobs.pause_job(workspace, people.expert, job_id=some["evas"]).state is JobState.PAUSED
    assert titles(workspace, people.admin) == ["none", "coming", "evas"]
    assert titles(workspace, people.admin, active_only=True) == ["none", "coming", "evas"]
    with pytest.raises(NotAllowed, match="builder"):
        jobs.resume_job(workspace, people.expert, job_id=some["evas"])  # she may not start such any more
    assert jobs.resume_job(workspace, people.builder, job_id=some["evas"]).state is JobState.QUEUED
    queue.claim(workspace.db, job_id=some["evas"])
    found = jobs.pause_job(workspace, people.builder, job_id=some["evas"])
    assert (found.state, found.pause_requested) == (JobState.RUNNING, True)
    with pytest.raises(Conflict, match="cannot be paused"):
        jobs.pause_job(workspace, people.builder, job_id=some["none"])
    assert not jobs.resume_job(workspace, people.builder, job_id=some["evas"]).pause_requested
    jobs.cancel_job(workspace, people.builder, job_id=some["coming"])
    assert ready is not None


def test_a_dataset_with_a_paused_job_can_be_deleted_and_the_job_is_then_cancelled(
    workspace: Workspace, people, some
) -> None:
    from eobench_dash.services import datasets

    with workspace.db.write() as session:
        session.execute(update(Job).where(Job.id == some["evas"]).values(kind=JobKind.FEATURES))
        dataset_id = session.get_one(Job, some["evas"]).dataset_id
    jobs.pause_job(workspace, people.builder, job_id=some["evas"])
    datasets.delete_dataset(workspace, people.builder, dataset_id=dataset_id, typed_name="ready")
    assert jobs.get_job(workspace, people.builder, job_id=some["evas"]).state is JobState.CANCELLED
    with pytest.raises(Conflict):
        jobs.resume_job(workspace, people.builder, job_id=some["evas"])
