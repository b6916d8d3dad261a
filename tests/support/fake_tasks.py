"""Tasks for tests of the worker, in the shape of ``eobench_dash.tasks``; imported by the processes it spawns."""

import os
import signal
import time

from sqlalchemy import delete, insert, update

from eobench_dash.db.models import Dataset, Job, Patch
from eobench_dash.domain.jobs import JobKind
from eobench_dash.errors import BadInput
from eobench_dash.services.workspace import open_workspace  # noqa: F401

CHUNK = 50


def _say_pid(ws) -> None:
    (ws.settings.home / "child.pid").write_text(str(os.getpid()))


def chunked(ws, job) -> None:
    """Like an import: rows in chunks behind ``patch_count``, a file, and one last transaction that shows them."""
    _say_pid(ws)
    with ws.db.write() as session:
        job.fence(session)
        dataset = Dataset(name="d", state="importing", source_kind="none", patch_count=0)
        session.add(dataset)
        session.flush()
        dataset_id = dataset.id
        session.execute(update(Job).where(Job.id == job.id).values(dataset_id=dataset_id))
    (ws.settings.home / f"leftover-{job.id}").write_text("half")
    total = job.args["chunks"]
    for chunk in range(total):
        rows = [{"dataset_id": dataset_id, "ordinal": n} for n in range(chunk * CHUNK, (chunk + 1) * CHUNK)]
        with ws.db.write() as session:
            job.fence(session)
            session.execute(insert(Patch), rows)
        time.sleep(job.args["pause"])
        job.progress((chunk + 1) / total, f"chunk {chunk}")
    with ws.db.write() as session:
        job.fence(session)
        dataset = session.get_one(Dataset, dataset_id)
        dataset.state, dataset.patch_count = "ready", total * CHUNK
        job.mark_done_in(session, {"patches": total * CHUNK})
    (ws.settings.home / f"leftover-{job.id}").unlink()


def sweep_chunked(ws, job_id) -> None:
    with ws.db.write() as session:
        dataset_id = session.get_one(Job, job_id).dataset_id
        session.execute(delete(Patch).where(Patch.dataset_id == dataset_id))
        session.execute(delete(Dataset).where(Dataset.id == dataset_id, Dataset.state == "importing"))
    (ws.settings.home / f"leftover-{job_id}").unlink(missing_ok=True)


def polite(ws, job) -> None:
    """Looks whether it should stop."""
    _say_pid(ws)
    for step in range(job.args["steps"]):
        job.progress(step / job.args["steps"], f"step {step}")
        time.sleep(0.05)
    job.set_result({"steps": job.args["steps"]})


def deaf(ws, job) -> None:
    """Never looks, as compiled code does."""
    _say_pid(ws)
    job.progress(0.1, "deaf")
    time.sleep(120)


def wrong(ws, job) -> None:
    errors = {"ours": BadInput("The file is empty."), "bug": KeyError("secret detail"), "memory": MemoryError()}
    raise errors[job.args["error"]]


def dying(ws, job) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def bad_sweep(ws, job_id) -> None:
    raise RuntimeError("cannot sweep")


TASKS = {
    JobKind.IMPORT: chunked,
    JobKind.FEATURES: polite,
    JobKind.EMBED: deaf,
    JobKind.INGEST: deaf,
    JobKind.VERIFY: wrong,
    JobKind.DELETE: dying,
}
SWEEPS = {JobKind.IMPORT: sweep_chunked, JobKind.DELETE: bad_sweep}


def warm_up() -> None:
    pass
