"""The queue of long work: rows that workers claim by lease. Every change of a job's state is in this module.

A running job belongs to whoever holds its ``lease_token``; the lease is renewed by heartbeats, and one that has run
out is reaped: the job is marked failed (a person decides on the retry). A job that did not end well keeps
``needs_sweep`` until a worker has removed its leftovers, and is not started again before that. What a resumable kind
has finished is no leftover: its sweep keeps that unless the job is cancelled.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update
from sqlalchemy.orm import Session

from eobench_dash.db.engine import Database
from eobench_dash.db.models import Job, utc_now
from eobench_dash.db.queries import jobs as queries
from eobench_dash.domain.jobs import RESUMABLE, JobKind, JobState
from eobench_dash.errors import Conflict, JobCancelled, JobLost, JobPaused, NotFound

LEASE_S = 20.0
"""A worker not heard of for so long is taken for dead."""
WORKER_GONE = "The worker that ran this stopped without a word. Nothing half done is kept; retry it."
WORKER_GONE_KEPT = "The worker that ran this stopped without a word. What it had finished is kept; retry it to go on."
CANCELLED = "Cancelled on request."
PAUSED = "Paused; what is done so far is kept."


@dataclass(frozen=True)
class Claim:
    """A job that is ours until the lease runs out."""

    job_id: int
    kind: JobKind
    args: dict[str, Any]
    lease_token: str
    dataset_id: int | None = None
    owner_id: int | None = None
    lease_s: float = LEASE_S


def now_of(session: Session) -> datetime:
    """The database's own clock where several hosts share it (their clocks differ), else this host's."""
    if session.get_bind().dialect.name == "postgresql":
        clock: datetime = session.scalars(select(func.clock_timestamp())).one()
        return clock
    return utc_now()


def enqueue(
    session: Session,
    *,
    kind: JobKind,
    title: str,
    args: Mapping[str, Any],
    owner_id: int | None,
    dataset_id: int | None = None,
    after_id: int | None = None,
) -> Job:
    """Add a job. With ``after_id`` it starts when that job is done, and is cancelled if that one does not get there."""
    before = None
    if after_id is not None:
        before = session.get(Job, after_id, with_for_update={"read": True})
        if before is None:
            raise NotFound(f"There is no job {after_id} to wait for.")
    job = Job(
        kind=kind.value,
        state=JobState.QUEUED.value,
        title=title,
        args=dict(args),
        owner_id=owner_id,
        dataset_id=dataset_id,
        after_id=after_id,
    )
    session.add(job)
    session.flush()
    if before is not None and before.state in (JobState.FAILED, JobState.CANCELLED):
        _cancel_orphans(session)
    return job


def enqueue_once(
    session: Session, *, kind: JobKind, title: str, args: Mapping[str, Any], owner_id: int | None, dataset_id: int
) -> Job:
    """The equal job of this dataset that is still to be done (a paused one goes on), else a new one: a second click
    starts nothing more.

    The caller holds the dataset's row, so that two clicks at once meet here one after the other.
    """
    for job in session.scalars(queries.pending(dataset_id, kind)):
        if job.args == args:
            return resume(session, job.id) if job.state == JobState.PAUSED or job.pause_requested else job
    return enqueue(session, kind=kind, title=title, args=args, owner_id=owner_id, dataset_id=dataset_id)


def claim(db: Database, *, lease_s: float = LEASE_S, job_id: int | None = None) -> Claim | None:
    """Take the oldest job that may start (or just ``job_id``), or None. An idle look costs one read."""
    with db.read() as session:
        if session.scalar(queries.startable(job_id=job_id)) is None:
            return None
    with db.write() as session:
        job = session.scalar(queries.startable(job_id=job_id).with_for_update(skip_locked=True, of=Job))
        if job is None:
            return None
        now = now_of(session)
        job.state = JobState.RUNNING
        job.started_at, job.attempts = now, job.attempts + 1
        job.progress = job.progress if job.kind in RESUMABLE else 0.0  # what goes on does not begin at nothing
        job.message, job.error = "", ""
        return _lease(job, now, lease_s)


def claim_sweep(db: Database, *, lease_s: float = LEASE_S, job_id: int | None = None) -> Claim | None:
    """Take the oldest job whose leftovers nobody sweeps yet (or just ``job_id``), or None."""
    with db.read() as session:
        if session.scalar(queries.to_sweep(now_of(session), job_id=job_id)) is None:
            return None
    with db.write() as session:
        now = now_of(session)
        job = session.scalar(queries.to_sweep(now, job_id=job_id).with_for_update(skip_locked=True))
        return None if job is None else _lease(job, now, lease_s)


def _lease(job: Job, now: datetime, lease_s: float) -> Claim:
    job.lease_token = secrets.token_hex(16)
    job.lease_until = now + timedelta(seconds=lease_s)
    return Claim(job.id, JobKind(job.kind), dict(job.args), job.lease_token, job.dataset_id, job.owner_id, lease_s)


def _ours(claim: Claim) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Job.id == claim.job_id, Job.lease_token == claim.lease_token


def heartbeat(db: Database, claim: Claim, progress: float | None = None, message: str | None = None) -> None:
    """Renew the lease and, where given, write progress (0..1) and message.

    Raises JobLost where the job is not ours any more, JobCancelled or JobPaused where its owner asked for that.
    """
    values: dict[str, Any] = {}
    if progress is not None:
        values["progress"] = min(1.0, max(0.0, progress))
    if message is not None:
        values["message"] = message[:500]
    with db.write() as session:
        values["lease_until"] = now_of(session) + timedelta(seconds=claim.lease_s)
        asked = session.execute(update(Job).where(*_ours(claim)).values(values).returning(*_ASKED)).first()
    _judge(claim, asked)


def watch(db: Database, claim: Claim) -> None:
    """Only look: JobLost where the job is not ours any more, JobCancelled or JobPaused where its owner asked for it."""
    with db.read() as session:
        asked = session.execute(select(*_ASKED).where(*_ours(claim))).first()
    _judge(claim, asked)


def hold(session: Session, claim: Claim) -> None:
    """Lock the job's row in the caller's transaction; JobLost / JobCancelled / JobPaused where it must not go on."""
    _judge(claim, session.execute(select(*_ASKED).where(*_ours(claim)).with_for_update()).first())


def renew_in(session: Session, claim: Claim) -> None:
    """Renew the lease inside the caller's transaction (which may have lasted longer than the lease)."""
    until = now_of(session) + timedelta(seconds=claim.lease_s)
    session.execute(update(Job).where(*_ours(claim)).values(lease_until=until))


_ASKED = (Job.cancel_requested, Job.pause_requested)


def _judge(claim: Claim, asked: Row[bool, bool] | None) -> None:
    if asked is None:
        raise JobLost(f"Job {claim.job_id} is not ours any more; nothing more is written.")
    cancel, pause = asked
    if cancel:
        raise JobCancelled(CANCELLED)
    if pause:
        raise JobPaused(PAUSED)


def finish_in(session: Session, claim: Claim, result: Mapping[str, Any]) -> None:
    """Mark the job done inside the caller's transaction; JobLost where it is not ours any more."""
    _end(session, claim, JobState.DONE, progress=1.0, result=dict(result), needs_sweep=False)


def finish(db: Database, claim: Claim, result: Mapping[str, Any]) -> None:
    """Mark the job done."""
    with db.write() as session:
        finish_in(session, claim, result)


def fail(db: Database, claim: Claim, error: str) -> None:
    """Mark the job failed with the sentence that people read; whatever waits for it is cancelled."""
    with db.write() as session:
        _end(session, claim, JobState.FAILED, error=error[:2000], needs_sweep=True)
        _cancel_orphans(session)


def cancelled(db: Database, claim: Claim) -> None:
    """Mark the job cancelled, as its owner asked; whatever waits for it is cancelled too."""
    with db.write() as session:
        _end(session, claim, JobState.CANCELLED, error=CANCELLED, needs_sweep=True)
        _cancel_orphans(session)


def paused(db: Database, claim: Claim, *, wanted: bool = False) -> None:
    """Mark the job paused, as its owner asked; whatever waits for it goes on waiting.

    Unless ``wanted`` anyway it is queued where the owner has changed their mind meanwhile.
    """
    with db.write() as session:
        asked = wanted or session.scalar(select(Job.pause_requested).where(*_ours(claim)).with_for_update())
        state, message = (JobState.PAUSED, PAUSED) if asked else (JobState.QUEUED, "Waits for a worker to go on.")
        _end(session, claim, state, message=message, pause_requested=False, needs_sweep=True)


def release(db: Database, claim: Claim) -> None:
    """Put the job back: a worker that is told to stop leaves it to the next one, which sweeps first."""
    with db.write() as session:
        _end(session, claim, JobState.QUEUED, progress=0.0, message="Waits for a worker again.", needs_sweep=True)


def _end(session: Session, claim: Claim, state: JobState, **values: Any) -> None:
    values |= {"state": state.value, "lease_token": None, "lease_until": None}
    if state.over:
        values["finished_at"] = now_of(session)
    changed = session.execute(update(Job).where(*_ours(claim)).values(values).returning(Job.id)).first()
    if changed is None:
        raise JobLost(f"Job {claim.job_id} is not ours any more; nothing more is written.")


def swept(db: Database, claim: Claim) -> None:
    """The leftovers are gone. Quiet where another worker took the sweep over."""
    with db.write() as session:
        session.execute(update(Job).where(*_ours(claim)).values(needs_sweep=False, lease_token=None, lease_until=None))


def postpone_sweep(db: Database, claim: Claim, *, seconds: float = 60.0) -> None:
    """The sweep failed: leave it to a later try."""
    with db.write() as session:
        until = now_of(session) + timedelta(seconds=seconds)
        session.execute(update(Job).where(*_ours(claim)).values(lease_until=until))


def request_cancel(session: Session, job_id: int) -> Job:
    """Cancel a queued or paused job at once; ask a running one to stop. Conflict where it is over."""
    job = _locked(session, job_id)
    state = JobState(job.state)
    if state.over:
        raise Conflict(f"The job is {state.value} already; there is nothing to cancel.")
    job.cancel_requested = True
    if state is not JobState.RUNNING:
        job.state, job.error, job.finished_at, job.needs_sweep = JobState.CANCELLED, CANCELLED, now_of(session), True
        session.flush()
        _cancel_orphans(session)
    return job


def request_pause(session: Session, job_id: int) -> Job:
    """Pause a queued job at once; ask a running one to stop and keep what it has finished.

    Conflict where it is over, paused or being cancelled, or of a kind that cannot go on where it was.
    """
    job = _locked(session, job_id)
    state = JobState(job.state)
    if JobKind(job.kind) not in RESUMABLE:
        raise Conflict(f"“{job.title}” cannot be paused: it could not go on where it was. Let it end, or cancel it.")
    if not state.moving or job.cancel_requested:
        raise Conflict(f"The job is {'being cancelled' if state.moving else state.value}; there is nothing to pause.")
    if state is JobState.QUEUED:
        job.state, job.message = JobState.PAUSED, PAUSED
    else:
        job.pause_requested = True
    session.flush()
    return job


def resume(session: Session, job_id: int) -> Job:
    """Queue a paused job again; one that has not heeded the wish to pause yet just runs on. Conflict for others."""
    job = _locked(session, job_id)
    if job.state == JobState.PAUSED:
        job.state, job.message = JobState.QUEUED, "Waits for a worker to go on."
    elif not (job.state == JobState.RUNNING and job.pause_requested):
        raise Conflict(f"Only a paused job can be resumed; this one is {job.state}.")
    job.pause_requested = False
    session.flush()
    return job


def retry(session: Session, job_id: int) -> Job:
    """Queue a failed or cancelled job again, and with it what was cancelled only because it failed."""
    job = _locked(session, job_id)
    if job.state not in (JobState.FAILED, JobState.CANCELLED):
        raise Conflict(f"Only a failed or cancelled job can be retried; this one is {job.state}.")
    before = None if job.after_id is None else session.get(Job, job.after_id)
    if before is not None and before.state in (JobState.FAILED, JobState.CANCELLED):
        raise Conflict(f"This waits for “{before.title}”, which is {before.state}: retry that one, this will follow.")
    _requeue(session, job)
    session.flush()
    return job


def _requeue(session: Session, job: Job) -> None:
    job.state, job.progress, job.message, job.error, job.result = JobState.QUEUED, 0.0, "", "", {}
    job.cancel_requested, job.pause_requested, job.started_at, job.finished_at = False, False, None, None
    followers = select(Job).where(
        Job.after_id == job.id, Job.state == JobState.CANCELLED, Job.cancel_requested.is_(False)
    )
    for follower in session.scalars(followers.with_for_update()):
        _requeue(session, follower)


def reap_expired(db: Database) -> list[int]:
    """Mark every job whose worker has gone silent as failed and to be swept; their ids. An idle look costs one read."""
    with db.read() as session:
        idle = session.scalar(queries.expired(now_of(session)).limit(1)) is None
        if idle and session.scalar(queries.orphaned().limit(1)) is None:
            return []
    with db.write() as session:
        now = now_of(session)
        jobs = list(session.scalars(queries.expired(now).with_for_update(skip_locked=True)))
        for job in jobs:
            job.needs_sweep, job.finished_at, job.lease_token, job.lease_until = True, now, None, None
            if job.cancel_requested:
                job.state, job.error = JobState.CANCELLED, CANCELLED
            elif job.pause_requested:
                job.state, job.message, job.finished_at, job.pause_requested = JobState.PAUSED, PAUSED, None, False
            else:
                job.state = JobState.FAILED
                job.error = WORKER_GONE_KEPT if JobKind(job.kind) in RESUMABLE else WORKER_GONE
        session.flush()
        _cancel_orphans(session)
        return [job.id for job in jobs]


def _cancel_orphans(session: Session) -> None:
    """Cancel what waits for jobs that failed or were cancelled, and what waits for those, and so on."""
    while orphans := list(session.scalars(queries.orphaned().with_for_update(of=Job))):
        for job in orphans:
            before = session.get_one(Job, job.after_id)
            job.error = f"Not started: “{before.title}”, which comes first, was {before.state}. Retry that one."
            job.state, job.finished_at, job.needs_sweep = JobState.CANCELLED, now_of(session), True
        session.flush()


def _locked(session: Session, job_id: int) -> Job:
    job = session.get(Job, job_id, with_for_update=True)
    if job is None:
        raise NotFound(f"There is no job {job_id}.")
    return job
