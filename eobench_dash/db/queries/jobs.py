"""Jobs: which may start, which have lost their worker, which a person may see."""

from datetime import datetime

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import aliased

from eobench_dash.db.models import Dataset, Job, User
from eobench_dash.domain.datasets import DatasetState
from eobench_dash.domain.jobs import JobKind, JobState

JobsWithOwner = Select[Job, str]


def startable(*, job_id: int | None = None) -> Select[Job]:
    """Queued jobs, oldest first, whose predecessor (if any) is done and whose leftovers (if any) are swept."""
    before = aliased(Job)
    query = (
        select(Job)
        .outerjoin(before, Job.after_id == before.id)
        .where(
            Job.state == JobState.QUEUED,
            Job.needs_sweep.is_(False),
            or_(Job.after_id.is_(None), before.state == JobState.DONE),
        )
        .order_by(Job.id)
        .limit(1)
    )
    return query if job_id is None else query.where(Job.id == job_id)


def to_sweep(now: datetime, *, job_id: int | None = None) -> Select[Job]:
    """Jobs that left something behind and that nobody is sweeping at ``now``."""
    unattended = or_(Job.lease_until.is_(None), Job.lease_until < now)
    query = (
        select(Job)
        .where(Job.needs_sweep.is_(True), Job.state != JobState.RUNNING, unattended)
        .order_by(Job.id)
        .limit(1)
    )
    return query if job_id is None else query.where(Job.id == job_id)


def pending(dataset_id: int, kind: JobKind) -> Select[Job]:
    """Jobs of one kind on a dataset that wait, run or are paused, and that nobody has asked to cancel."""
    return select(Job).where(
        Job.dataset_id == dataset_id,
        Job.kind == kind,
        Job.state.in_([JobState.QUEUED, JobState.RUNNING, JobState.PAUSED]),
        Job.cancel_requested.is_(False),
    )


def expired(now: datetime) -> Select[Job]:
    """Running jobs whose worker has not been heard of in time."""
    return select(Job).where(Job.state == JobState.RUNNING, Job.lease_until < now).order_by(Job.id)


def orphaned() -> Select[Job]:
    """Queued jobs that wait for one that will never be done."""
    before = aliased(Job)
    return (
        select(Job)
        .join(before, Job.after_id == before.id)
        .where(Job.state == JobState.QUEUED, before.state.in_([JobState.FAILED, JobState.CANCELLED]))
    )


def seen_by(user_id: int, *, see_all: bool) -> JobsWithOwner:
    """Jobs with their owner's name: all, or one's own and those of datasets that are ready to be seen."""
    query = select(Job, User.name).outerjoin(User, Job.owner_id == User.id)
    if see_all:
        return query
    return query.outerjoin(Dataset, Job.dataset_id == Dataset.id).where(
        or_(Job.owner_id == user_id, and_(Dataset.id.is_not(None), Dataset.state == DatasetState.READY))
    )
