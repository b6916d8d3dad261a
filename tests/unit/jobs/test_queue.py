"""The queue: who gets a job, who keeps it, what happens to those that do not end well. On both databases."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import update

from eobench_dash.db.engine import Database
from eobench_dash.db.models import Job, utc_now
from eobench_dash.domain.jobs import JobKind, JobState
from eobench_dash.errors import Conflict, JobCancelled, JobLost, JobPaused, NotFound
from eobench_dash.jobs import queue
from eobench_dash.jobs.handle import JobHandle, Wishes


def add(db: Database, title: str = "work", *, after: int | None = None, kind: JobKind = JobKind.FEATURES) -> int:
    with db.write() as session:
        return queue.enqueue(session, kind=kind, title=title, args={"n": 1}, owner_id=None, after_id=after).id


def row(db: Database, job_id: int) -> Job:
    with db.read() as session:
        return session.get_one(Job, job_id)


def let_lease_run_out(db: Database, job_id: int) -> None:
    with db.write() as session:
        session.execute(update(Job).where(Job.id == job_id).values(lease_until=utc_now() - timedelta(seconds=1)))


def test_an_empty_queue_gives_nothing(db: Database) -> None:
    assert queue.claim(db) is None
    assert queue.claim_sweep(db) is None
    assert queue.reap_expired(db) == []


def test_the_oldest_job_comes_first_and_only_once(db: Database) -> None:
    first, second = add(db, "first"), add(db, "second")
    one, two = queue.claim(db), queue.claim(db)
    assert (one.job_id, two.job_id) == (first, second)
    assert queue.claim(db) is None
    assert one.lease_token != two.lease_token
    assert one.args == {"n": 1}
    found = row(db, first)
    assert (found.state, found.attempts) == ("running", 1)
    assert found.started_at is not None


def test_a_named_job_can_be_claimed_before_older_ones(db: Database) -> None:
    add(db)
    wanted = add(db)
    assert queue.claim(db, job_id=wanted).job_id == wanted


def test_eight_workers_at_once_never_share_a_job(db: Database) -> None:
    ids = {add(db) for _ in range(40)}
    got: list[int] = []

    def work() -> None:
        while (claim := queue.claim(db)) is not None:
            got.append(claim.job_id)
            queue.finish(db, claim, {})

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # skip_locked lets a worker leave early while others hold the last rows, so what is left is claimed now
    work()
    assert sorted(got) == sorted(ids)


def test_a_follower_starts_when_its_predecessor_is_done_not_before(db: Database) -> None:
    first = add(db)
    follower = add(db, after=first)
    claim = queue.claim(db)
    assert claim.job_id == first
    assert queue.claim(db) is None
    queue.finish(db, claim, {"rows": 3})
    assert row(db, first).result == {"rows": 3}
    assert queue.claim(db).job_id == follower


@pytest.mark.parametrize("end", [lambda db, c: queue.fail(db, c, "no space left"), queue.cancelled])
def test_what_waits_for_a_job_that_ends_badly_is_cancelled_and_comes_back_with_its_retry(db: Database, end) -> None:
    first = add(db, "import")
    second = add(db, "features", after=first)
    third = add(db, "map", after=second)
    end(db, queue.claim(db))
    assert [row(db, i).state for i in (second, third)] == ["cancelled", "cancelled"]
    assert "import" in row(db, second).error
    with db.write() as session, pytest.raises(Conflict, match="retry that one"):
        queue.retry(session, third)
    with db.write() as session:
        queue.retry(session, first)
    assert [row(db, i).state for i in (first, second, third)] == ["queued"] * 3
    assert row(db, third).error == ""


def test_a_follower_that_a_person_cancelled_does_not_come_back(db: Database) -> None:
    first = add(db)
    second = add(db, after=first)
    with db.write() as session:
        queue.request_cancel(session, second)
    queue.fail(db, queue.claim(db), "broken")
    with db.write() as session:
        queue.retry(session, first)
    assert row(db, second).state == "cancelled"


def test_waiting_for_what_has_failed_already_is_cancelled_at_once(db: Database) -> None:
    first = add(db)
    queue.fail(db, queue.claim(db), "broken")
    assert row(db, add(db, after=first)).state == "cancelled"


def test_waiting_for_what_does_not_exist_is_refused(db: Database) -> None:
    with pytest.raises(NotFound):
        add(db, after=99)


def test_a_heartbeat_renews_the_lease_and_writes_progress(db: Database) -> None:
    add(db)
    claim = queue.claim(db, lease_s=5)
    before = row(db, claim.job_id).lease_until
    queue.heartbeat(db, claim, 0.25, "4,000 of 16,000 patches")
    after = row(db, claim.job_id)
    assert after.lease_until > before
    assert (after.progress, after.message) == (0.25, "4,000 of 16,000 patches")
    queue.heartbeat(db, claim)
    assert row(db, claim.job_id).progress == 0.25
    queue.heartbeat(db, claim, 7.0)
    assert row(db, claim.job_id).progress == 1.0


def test_a_silent_worker_loses_its_job_and_can_write_nothing_more(db: Database) -> None:
    job_id = add(db)
    claim = queue.claim(db)
    assert queue.reap_expired(db) == []
    let_lease_run_out(db, job_id)
    assert queue.reap_expired(db) == [job_id]
    found = row(db, job_id)
    assert (found.state, found.error, found.needs_sweep) == ("failed", queue.WORKER_GONE_KEPT, True)
    for late in (
        lambda: queue.heartbeat(db, claim, 0.5),
        lambda: queue.watch(db, claim),
        lambda: queue.finish(db, claim, {}),
        lambda: queue.fail(db, claim, "late"),
        lambda: queue.cancelled(db, claim),
        lambda: queue.release(db, claim),
    ):
        with pytest.raises(JobLost):
            late()
    with db.write() as session, pytest.raises(JobLost):
        JobHandle(db, claim).fence(session)
    assert row(db, job_id).state == "failed"


def test_a_lease_that_ran_out_is_still_ours_while_nobody_has_reaped_it(db: Database) -> None:
    job_id = add(db)
    claim = queue.claim(db)
    let_lease_run_out(db, job_id)
    queue.heartbeat(db, claim)
    assert queue.reap_expired(db) == []


def test_a_failed_job_is_swept_before_it_starts_again(db: Database) -> None:
    job_id = add(db)
    queue.fail(db, queue.claim(db), "broken")
    with db.write() as session:
        queue.retry(session, job_id)
    assert queue.claim(db) is None
    sweep = queue.claim_sweep(db)
    assert sweep.job_id == job_id
    assert queue.claim_sweep(db) is None  # nobody sweeps beside it
    queue.swept(db, sweep)
    assert queue.claim(db).job_id == job_id
    assert row(db, job_id).attempts == 2


def test_a_sweep_whose_worker_dies_is_taken_over(db: Database) -> None:
    job_id = add(db)
    queue.fail(db, queue.claim(db), "broken")
    first = queue.claim_sweep(db)
    let_lease_run_out(db, job_id)
    second = queue.claim_sweep(db)
    assert second.job_id == job_id
    queue.swept(db, first)  # the dead one wakes up: it may not clear the mark of the other
    assert row(db, job_id).needs_sweep
    queue.swept(db, second)
    assert not row(db, job_id).needs_sweep


def test_a_sweep_that_fails_waits_before_the_next_try(db: Database) -> None:
    add(db)
    queue.fail(db, queue.claim(db), "broken")
    queue.postpone_sweep(db, queue.claim_sweep(db), seconds=60)
    assert queue.claim_sweep(db) is None


def test_cancelling_a_waiting_job_is_immediate_and_a_running_one_is_asked(db: Database) -> None:
    running, waiting = add(db), add(db)
    claim = queue.claim(db)
    with db.write() as session:
        queue.request_cancel(session, running)
        queue.request_cancel(session, waiting)
    assert row(db, waiting).state == "cancelled"
    assert row(db, waiting).needs_sweep  # an import that waits has already made its dataset
    assert row(db, running).state == "running"
    for call in (lambda: queue.heartbeat(db, claim), lambda: queue.watch(db, claim)):
        with pytest.raises(JobCancelled):
            call()
    with db.write() as session, pytest.raises(JobCancelled):
        JobHandle(db, claim).fence(session)
    queue.cancelled(db, claim)
    with db.write() as session, pytest.raises(Conflict, match="cancelled already"):
        queue.request_cancel(session, running)


def test_a_cancelled_job_whose_worker_died_ends_as_cancelled(db: Database) -> None:
    job_id = add(db)
    queue.claim(db)
    with db.write() as session:
        queue.request_cancel(session, job_id)
    let_lease_run_out(db, job_id)
    queue.reap_expired(db)
    assert row(db, job_id).state == "cancelled"


def test_only_what_ended_badly_can_be_retried(db: Database) -> None:
    job_id = add(db)
    with db.write() as session, pytest.raises(Conflict, match="queued"):
        queue.retry(session, job_id)
    claim = queue.claim(db)
    queue.finish(db, claim, {})
    with db.write() as session, pytest.raises(Conflict, match="done"):
        queue.retry(session, job_id)
    with db.write() as session, pytest.raises(NotFound):
        queue.retry(session, 99)


def test_a_retry_forgets_the_last_try(db: Database) -> None:
    job_id = add(db)
    claim = queue.claim(db)
    queue.heartbeat(db, claim, 0.7, "nearly")
    with db.write() as session:
        queue.request_cancel(session, job_id)
    queue.cancelled(db, claim)
    with db.write() as session:
        queue.retry(session, job_id)
    found = row(db, job_id)
    assert (found.state, found.progress, found.message, found.error) == ("queued", 0.0, "", "")
    assert not found.cancel_requested
    assert found.finished_at is None


def test_a_released_job_waits_again(db: Database) -> None:
    job_id = add(db)
    queue.release(db, queue.claim(db))
    found = row(db, job_id)
    assert (found.state, found.needs_sweep, found.finished_at) == ("queued", True, None)


def test_done_and_what_it_shows_become_true_together(db: Database) -> None:
    job_id = add(db)
    handle = JobHandle(db, queue.claim(db))
    with pytest.raises(ZeroDivisionError), db.write() as session:
        handle.fence(session)
        handle.mark_done_in(session, {"rows": 1})
        raise ZeroDivisionError
    assert row(db, job_id).state == "running"
    with db.write() as session:
        handle.fence(session)
        handle.mark_done_in(session, {"rows": 1})
    found = row(db, job_id)
    assert (found.state, found.progress, found.result, found.lease_token) == ("done", 1.0, {"rows": 1}, None)


def test_the_fence_renews_the_lease_when_its_transaction_commits(db: Database) -> None:
    job_id = add(db)
    handle = JobHandle(db, queue.claim(db))
    let_lease_run_out(db, job_id)
    with db.write() as session:
        handle.fence(session)
    assert queue.reap_expired(db) == []
    assert row(db, job_id).lease_until > utc_now() + timedelta(seconds=10)


def test_progress_is_written_at_most_once_a_second(db: Database) -> None:
    job_id = add(db)
    handle = JobHandle(db, queue.claim(db))
    for step in range(200):
        handle.progress(step / 200, f"step {step}")
    assert row(db, job_id).message == "step 0"


def test_the_handle_heeds_what_its_worker_says_without_asking_the_database(db: Database) -> None:
    add(db)
    add(db)
    wishes = Wishes()
    handle = JobHandle(db, queue.claim(db), wishes=wishes)
    handle.check()
    wishes.pause.set()
    with pytest.raises(JobPaused):
        handle.check()
    wishes.cancel.set()
    with pytest.raises(JobCancelled):
        handle.check()
    wishes.lost.set()
    with pytest.raises(JobLost):
        handle.progress(0.5)


def test_long_messages_are_cut_not_refused(db: Database) -> None:
    add(db)
    claim = queue.claim(db)
    queue.heartbeat(db, claim, 0.1, "x" * 10_000)
    queue.fail(db, claim, "y" * 10_000)
    found = row(db, claim.job_id)
    assert (len(found.message), len(found.error)) == (500, 2000)
    assert JobState(found.state).over


def test_at_the_usual_pace_a_dead_worker_is_noticed_within_30_seconds_and_a_busy_one_is_not_taken_for_dead() -> None:
    from eobench_dash.jobs.worker import USUAL_PACE

    assert USUAL_PACE.lease_s + USUAL_PACE.poll_s + USUAL_PACE.tick_s <= 30
    assert USUAL_PACE.lease_s >= 3 * (USUAL_PACE.beat_s + USUAL_PACE.tick_s)


# -- pausing ----------------------------------------------------------------------------------------------------------
def pause(db: Database, job_id: int) -> None:
    with db.write() as session:
        queue.request_pause(session, job_id)


def resume(db: Database, job_id: int) -> None:
    with db.write() as session:
        queue.resume(session, job_id)


def test_a_waiting_job_pauses_at_once_and_stands_in_nobodys_way(db: Database) -> None:
    first, second = add(db), add(db)
    pause(db, first)
    assert row(db, first).state == "paused" and row(db, first).finished_at is None
    assert queue.claim(db).job_id == second
    assert queue.claim(db) is None
    resume(db, first)
    assert row(db, first).state == "queued"
    assert queue.claim(db).job_id == first


def test_a_running_job_is_asked_to_pause_and_keeps_its_progress(db: Database) -> None:
    job_id = add(db)
    claim = queue.claim(db)
    queue.heartbeat(db, claim, 0.4, "40 of 100")
    pause(db, job_id)
    assert row(db, job_id).state == "running"
    for call in (lambda: queue.heartbeat(db, claim), lambda: queue.watch(db, claim)):
        with pytest.raises(JobPaused):
            call()
    with db.write() as session, pytest.raises(JobPaused):
        JobHandle(db, claim).fence(session)
    queue.paused(db, claim)
    found = row(db, job_id)
    assert (found.state, found.progress, found.message) == ("paused", 0.4, queue.PAUSED)
    assert (found.pause_requested, found.lease_token, found.finished_at) == (False, None, None)
    assert queue.claim_sweep(db).job_id == job_id  # what it left half done goes; its kind knows what to keep
    with pytest.raises(JobLost):
        queue.heartbeat(db, claim)


def test_cancel_wins_over_pause_and_a_paused_job_can_be_cancelled(db: Database) -> None:
    running, waiting = add(db), add(db)
    claim = queue.claim(db)
    pause(db, running)
    pause(db, waiting)
    with db.write() as session:
        queue.request_cancel(session, running)
        queue.request_cancel(session, waiting)
    with pytest.raises(JobCancelled):
        queue.watch(db, claim)
    assert (row(db, waiting).state, row(db, waiting).needs_sweep) == ("cancelled", True)


def test_resuming_before_the_pause_was_heeded_runs_on(db: Database) -> None:
    job_id = add(db)
    claim = queue.claim(db)
    pause(db, job_id)
    resume(db, job_id)
    queue.watch(db, claim)
    pause(db, job_id)
    with pytest.raises(JobPaused):
        queue.watch(db, claim)
    resume(db, job_id)  # too late for the process, which stops
    queue.paused(db, claim)
    assert row(db, job_id).state == "queued"


def test_only_what_can_go_on_can_be_paused_and_only_what_is_paused_resumed(db: Database) -> None:
    deaf, done, stopped = add(db, kind=JobKind.EMBED), add(db), add(db)
    with db.write() as session, pytest.raises(Conflict, match="cannot be paused"):
        queue.request_pause(session, deaf)
    queue.finish(db, queue.claim(db, job_id=done), {})
    for call, says in ((queue.request_pause, "nothing to pause"), (queue.resume, "Only a paused")):
        with db.write() as session, pytest.raises(Conflict, match=says):
            call(session, done)
    queue.claim(db, job_id=stopped)
    with db.write() as session:
        queue.request_cancel(session, stopped)
    with db.write() as session, pytest.raises(Conflict, match="being cancelled"):
        queue.request_pause(session, stopped)
    with db.write() as session, pytest.raises(Conflict, match="Only a paused"):
        queue.resume(session, stopped)
    pause(db, paused := add(db))
    with db.write() as session, pytest.raises(Conflict, match="paused; there is nothing"):
        queue.request_pause(session, paused)
    with db.write() as session, pytest.raises(Conflict, match="Only a failed"):
        queue.retry(session, paused)


def test_a_pausing_job_whose_worker_died_is_paused(db: Database) -> None:
    job_id = add(db)
    queue.claim(db)
    pause(db, job_id)
    let_lease_run_out(db, job_id)
    assert queue.reap_expired(db) == [job_id]
    found = row(db, job_id)
    assert (found.state, found.pause_requested, found.needs_sweep, found.finished_at) == ("paused", False, True, None)


def test_what_waits_for_a_paused_job_goes_on_waiting(db: Database) -> None:
    first = add(db)
    second = add(db, after=first)
    pause(db, first)
    assert queue.claim(db) is None
    assert row(db, second).state == "queued"
    third = add(db, after=first)
    assert row(db, third).state == "queued"


def test_asking_again_for_what_is_paused_goes_on_with_it(db: Database) -> None:
    job_id = add(db)
    with db.write() as session:
        session.get_one(Job, job_id).dataset_id = 7
    pause(db, job_id)
    with db.write() as session:
        same = queue.enqueue_once(
            session, kind=JobKind.FEATURES, title="again", args={"n": 1}, owner_id=None, dataset_id=7
        )
        assert (same.id, same.state) == (job_id, "queued")
