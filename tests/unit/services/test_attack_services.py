"""Services under bad input, double clicks and races: a sentence each time, and nothing half done."""

import sqlite3
import threading
from collections.abc import Callable

import pytest
from lakes import Lakes
from sqlalchemy.exc import OperationalError
from verified import add_features

from eobench_dash.db.engine import Database
from eobench_dash.db.models import Dataset, Job
from eobench_dash.domain.datasets import DatasetState
from eobench_dash.domain.jobs import JobKind, JobState
from eobench_dash.domain.people import Role
from eobench_dash.errors import BadInput, Conflict, EOBenchError, NotAllowed, NotFound, PathRefused, Unavailable
from eobench_dash.jobs import queue
from eobench_dash.services import datasets, embeddings, features, importing, jobs, patches, users, verification
from eobench_dash.services.workspace import Workspace

STARTS: dict[str, Callable[[Lakes], int]] = {
    "features": lambda on: features.start_features(on.ws, on.who["ben"], dataset_id=on.id, kind="all"),
    "map": lambda on: embeddings.start_embedding(on.ws, on.who["ben"], dataset_id=on.id),
    "verification": lambda on: verification.start_verification(on.ws, on.who["ben"], dataset_id=on.id),
}


@pytest.fixture
def described(make_lakes) -> Lakes:
    lakes = make_lakes(source_kind="simulated")
    add_features(lakes.ws, lakes.id)
    return lakes


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What calls answered (or raised) that began together."""
    answers: list[object] = [None] * len(calls)
    ready = threading.Barrier(len(calls))

    def call(at: int) -> None:
        ready.wait()
        try:
            answers[at] = calls[at]()
        except Exception as error:
            answers[at] = error

    threads = [threading.Thread(target=call, args=(at,)) for at in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def job_ids(ws: Workspace, who) -> list[int]:
    return [job.id for job in jobs.list_jobs(ws, who, active_only=True)]


@pytest.mark.parametrize("start", STARTS)
def test_a_double_click_starts_one_job(described: Lakes, start: str) -> None:
    first, second = at_once(*[lambda: STARTS[start](described)] * 2)
    assert first == second
    assert job_ids(described.ws, described.who["ben"]) == [first]


@pytest.mark.parametrize("start", STARTS)
def test_what_is_not_equal_or_is_being_cancelled_starts_anew(described: Lakes, start: str) -> None:
    first = STARTS[start](described)
    queue.claim(described.ws.db, job_id=first)
    assert STARTS[start](described) == first
    jobs.cancel_job(described.ws, described.who["ben"], job_id=first)
    second = STARTS[start](described)
    assert second != first
    other = embeddings.start_embedding(described.ws, described.who["ben"], dataset_id=described.id, method="tsne")
    assert other not in (first, second)


@pytest.mark.parametrize("start", STARTS)
def test_a_deletion_and_a_start_at_once_do_not_both_succeed(described: Lakes, start: str) -> None:
    ws, ben = described.ws, described.who["ben"]
    name = described.dataset().name
    deleted, started = at_once(
        lambda: datasets.delete_dataset(ws, ben, dataset_id=described.id, typed_name=name),
        lambda: STARTS[start](described),
    )
    assert isinstance(deleted, Conflict) != isinstance(started, NotFound), (deleted, started)
    assert len(job_ids(ws, ben)) == 1


def test_two_imports_of_one_name_at_once_give_one_dataset_and_one_sentence(described: Lakes) -> None:
    ws, ben = described.ws, described.who["ben"]
    answers = at_once(*[lambda: importing.start_simulation(ws, ben, name="twin", modality="optical", count=3)] * 3)
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "Conflict", "int"], answers


def test_a_deletion_is_not_cancelled_and_nothing_else_of_its_dataset_is_retried(described: Lakes) -> None:
    ws, ben = described.ws, described.who["ben"]
    stopped = STARTS["map"](described)
    jobs.cancel_job(ws, ben, job_id=stopped)
    with ws.db.write() as session:
        appended = queue.enqueue(
            session,
            kind=JobKind.IMPORT,
            title="t",
            args={"append": True},
            owner_id=ben.user_id,
            dataset_id=described.id,
        )
        appended.state = JobState.FAILED
    deletion = datasets.delete_dataset(ws, ben, dataset_id=described.id, typed_name=described.dataset().name)
    with pytest.raises(Conflict, match="deletion"):
        jobs.cancel_job(ws, ben, job_id=deletion)
    for job_id in (stopped, appended.id):
        with pytest.raises(Conflict, match="deleted"):
            jobs.retry_job(ws, ben, job_id=job_id)
    with ws.db.write() as session:
        session.get_one(Job, deletion).state = JobState.FAILED
    assert jobs.retry_job(ws, ben, job_id=deletion).state is JobState.QUEUED


def test_a_job_of_a_dataset_that_is_gone_is_not_retried_but_its_import_is(described: Lakes) -> None:
    ws, ben = described.ws, described.who["ben"]
    made = {}
    with ws.db.write() as session:
        for kind in (JobKind.VERIFY, JobKind.IMPORT):
            job = queue.enqueue(session, kind=kind, title="t", args={}, owner_id=ben.user_id, dataset_id=999)
            job.state = JobState.FAILED
            session.flush()
            made[kind] = job.id
    with pytest.raises(Conflict, match="deleted"):
        jobs.retry_job(ws, ben, job_id=made[JobKind.VERIFY])
    assert jobs.retry_job(ws, ben, job_id=made[JobKind.IMPORT]).state is JobState.QUEUED


def test_who_lost_the_role_does_not_start_a_job_by_a_retry(described: Lakes) -> None:
    ws, ben = described.ws, described.who["ben"]
    job_id = STARTS["features"](described)
    jobs.cancel_job(ws, ben, job_id=job_id)
    users.set_role(ws, described.who["ada"], name=ben.name, role=Role.EXPERT)
    demoted = type(ben)(user_id=ben.user_id, name=ben.name, role=Role.EXPERT)
    with pytest.raises(NotAllowed, match="builder"):
        jobs.retry_job(ws, demoted, job_id=job_id)


@pytest.mark.parametrize(
    "path", ["~nosuchuser/x", "a" * 5000, "/" + "a" * 300, "\ud800", "/x/\ud800", "", "\0", "x\0y"]
)
def test_paths_that_no_system_knows_are_refused(lakes: Lakes, path: str) -> None:
    for call in (
        lambda: importing.browse(lakes.ws, lakes.who["ben"], folder=path),
        lambda: importing.preview_import(lakes.ws, lakes.who["ben"], path=path),
        lambda: importing.start_import(lakes.ws, lakes.who["ben"], path=path, name="x"),
    ):
        with pytest.raises(PathRefused):
            call()
    assert job_ids(lakes.ws, lakes.who["ben"]) == []


@pytest.mark.parametrize("dataset_id", [0, -1, 2**31, 2**63, 10**30, "1", None, 1.0, [1], {}])
def test_what_is_no_dataset_number_names_no_dataset(lakes: Lakes, dataset_id) -> None:
    with pytest.raises(NotFound):
        datasets.get_dataset(lakes.ws, lakes.who["ben"], dataset_id=dataset_id)


@pytest.mark.parametrize(
    "wanted", [{"count": 1.5}, {"count": True}, {"count": "3"}, {"seed": -1}, {"seed": 2**70}, {"seed": "x"}]
)
def test_a_simulation_that_could_only_fail_is_not_queued(lakes: Lakes, wanted: dict) -> None:
    with pytest.raises(BadInput):
        importing.start_simulation(lakes.ws, lakes.who["ben"], name="s", modality="optical", **({"count": 3} | wanted))
    for seed in (-1, 2**70, "x", 1.5, True):
        with pytest.raises(BadInput):
            embeddings.start_embedding(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, seed=seed)
        with pytest.raises(BadInput):
            verification.start_verification(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, seed=seed or -1)


@pytest.mark.parametrize("text", ["\ud800", "a\0b", "x" * 20_001])
def test_texts_that_no_database_keeps_are_refused(lakes: Lakes, text: str) -> None:
    for field in ("description", "attribution"):
        with pytest.raises(BadInput):
            datasets.describe_dataset(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, **{field: text})
    with pytest.raises(BadInput):
        patches.find_patch(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, query=text)


def test_names_and_passwords_of_lone_surrogates_are_wrong_and_nothing_worse(lakes: Lakes) -> None:
    with pytest.raises(EOBenchError, match="wrong"):
        users.authenticate(lakes.ws, name="\ud800", password="\ud800" * 12, address="::1")
    with pytest.raises(BadInput):
        users.set_password(lakes.ws, lakes.who["ada"], name=lakes.who["rob"].name, password="\ud800" * 12)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("database or disk is full", "full"),
        ("database is locked", "busy"),
        ("attempt to write a readonly database", "read only"),
    ],
)
def test_troubles_of_the_database_are_told(db: Database, said: str, sentence: str) -> None:
    with pytest.raises(Unavailable, match=sentence), db.write():
        raise OperationalError("INSERT", {}, sqlite3.OperationalError(said))
    with pytest.raises(OperationalError), db.read():
        raise OperationalError("SELECT", {}, sqlite3.OperationalError("no such table: x"))


def test_errors_of_the_database_hold_no_parameters(db: Database) -> None:
    with pytest.raises(Exception) as caught, db.write() as session:
        session.add(Dataset(name="HUNTER2", state=DatasetState.READY, source_kind=None))
        session.flush()
    assert "INSERT" in str(caught.value)
    assert "HUNTER2" not in str(caught.value).replace(str(caught.value.orig), "")
