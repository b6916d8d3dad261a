"""See jobs, cancel, pause, resume and retry them. Looking also notices workers that have died."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import case, or_, select
from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset, Job
from eobench_dash.db.queries import jobs as queries
from eobench_dash.domain.datasets import DatasetState
from eobench_dash.domain.jobs import JobInfo, JobKind, JobState
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.errors import Conflict, NotAllowed, NotFound
from eobench_dash.jobs import queue
from eobench_dash.services.workspace import Workspace


def list_jobs(ws: Workspace, who: Principal, *, limit: int = 20, active_only: bool = False) -> list[JobInfo]:
    """Jobs that ``who`` may see, those not yet over first, then the newest. Anonymous people see none.

    ``active_only`` leaves out those that are over; paused ones come after those that wait or run.
    """
    if who.user_id is None:
        return []
    queue.reap_expired(ws.db)
    moving, paused = Job.state.in_([JobState.QUEUED, JobState.RUNNING]), Job.state == JobState.PAUSED
    first = case((moving, 0), (paused, 1), else_=2)
    query = _seen_by(who).order_by(first, Job.id.desc()).limit(max(1, min(limit, 500)))
    with ws.db.read() as session:
        rows = session.execute(query.where(or_(moving, paused)) if active_only else query)
        return [_info(job, owner) for job, owner in rows]


def get_job(ws: Workspace, who: Principal, *, job_id: int) -> JobInfo:
    """One job; NotFound where there is none or ``who`` may not see it."""
    queue.reap_expired(ws.db)
    with ws.db.read() as session:
        return _visible(session, who, job_id)


def cancel_job(ws: Workspace, who: Principal, *, job_id: int) -> JobInfo:
    """Cancel a waiting job at once, ask a running one to stop (it has 10 seconds). For its owner and builders.

    Conflict for a deletion: its dataset is out of sight already, and half of one cannot be given back.
    """
    with _touching(ws, who, job_id, "cancel", done="cancelled") as (session, job):
        if job.kind is JobKind.DELETE:
            raise Conflict("A deletion cannot be cancelled once it has been asked for.")
        queue.request_cancel(session, job_id)
        return _visible(session, who, job_id)


def pause_job(ws: Workspace, who: Principal, *, job_id: int) -> JobInfo:
    """Pause a waiting job at once, ask a running one to stop and keep what it has finished. For its owner and builders.

    Conflict where the job is over, or of a kind that could not go on.
    """
    with _touching(ws, who, job_id, "pause", done="paused") as (session, _):
        queue.request_pause(session, job_id)
        return _visible(session, who, job_id)


def resume_job(ws: Workspace, who: Principal, *, job_id: int) -> JobInfo:
    """Queue a paused job again: it goes on from what it had finished. For its owner and builders."""
    with _touching(ws, who, job_id, "resume", done="resumed") as (session, job):
        require(who, _STARTED_BY.get(job.kind, Role.BUILDER), what="go on with this")
        _check_dataset(session, job)
        queue.resume(session, job_id)
        return _visible(session, who, job_id)


def retry_job(ws: Workspace, who: Principal, *, job_id: int) -> JobInfo:
    """Queue a failed or cancelled job again, and what was waiting for it. For its owner and builders."""
    with _touching(ws, who, job_id, "retry", done="retried") as (session, job):
        require(who, _STARTED_BY.get(job.kind, Role.BUILDER), what="do this again")
        _check_dataset(session, job)
        queue.retry(session, job_id)
        return _visible(session, who, job_id)


_STARTED_BY = dict.fromkeys(
    (JobKind.EMBED, JobKind.SHEETS, JobKind.CLUSTER, JobKind.ADVISE, JobKind.VERIFY), Role.EXPERT
)
"""Who may start such a job; whoever lost that role cannot start it by a retry or by resuming."""
_MAKES_DATASET = (JobKind.IMPORT, JobKind.INGEST, JobKind.DOWNLOAD)


def _check_dataset(session: Session, job: JobInfo) -> None:
    """Conflict where the job's dataset is gone or going; its row is locked against a deletion at the same time."""
    if job.kind is JobKind.DELETE:
        return
    here = select(Dataset.state).where(Dataset.id == job.dataset_id).with_for_update(key_share=True)
    state = session.scalar(here)
    if state == DatasetState.DELETING or (state is None and job.kind not in _MAKES_DATASET):
        raise Conflict("The dataset that this job worked on has been deleted, so it cannot be done again.")


def _seen_by(who: Principal) -> queries.JobsWithOwner:
    return queries.seen_by(who.user_id or 0, see_all=who.role.rank >= Role.BUILDER.rank)


def _visible(session: Session, who: Principal, job_id: int) -> JobInfo:
    found = None if who.anonymous else session.execute(_seen_by(who).where(Job.id == job_id)).first()
    if found is None:
        raise NotFound(f"There is no job {job_id}, or it is not yours to see.")
    return _info(*found)


@contextmanager
def _touching(ws: Workspace, who: Principal, job_id: int, verb: str, *, done: str) -> Iterator[tuple[Session, JobInfo]]:
    """One transaction with a job that ``who`` may ``verb``: their own, or any where they are a builder."""
    require(who, Role.READER, what=f"{verb} a job")
    queue.reap_expired(ws.db)
    with ws.db.write() as session:
        job = _visible(session, who, job_id)
        if job.owner_id != who.user_id and who.role.rank < Role.BUILDER.rank:
            raise NotAllowed(f"A job is {done} by who started it ({job.owner or 'nobody'}) or by a builder.")
        yield session, job


def _info(job: Job, owner: str | None) -> JobInfo:
    return JobInfo(
        id=job.id,
        kind=JobKind(job.kind),
        state=JobState(job.state),
        title=job.title,
        progress=job.progress,
        message=job.message,
        error=job.error,
        dataset_id=job.dataset_id,
        owner_id=job.owner_id,
        owner=owner or "",
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        cancel_requested=job.cancel_requested,
        pause_requested=job.pause_requested,
        result=job.result,
    )
