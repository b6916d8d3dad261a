"""The real ``eobench worker``, or the process that does its job, killed in the middle of an import and of a map."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

import numpy as np
import pytest
from scenes import textured, write_scene
from sqlalchemy import func, select

from eobench_dash.db.models import Base, Job, Patch, PatchWindow
from eobench_dash.domain.ingesting import IngestPlan
from eobench_dash.domain.jobs import JobState
from eobench_dash.jobs.supervisor import environment
from eobench_dash.services import datasets, embeddings, encoding, features, importing, ingesting, jobs
from eobench_dash.services.workspace import Workspace

PATIENCE_S = 120.0  # for loaded machines; nothing here is timed
KILLS = 5
ROWS = 11_000


class Worker:
    """``eobench worker`` as a process, and what it and its children log."""

    def __init__(self, ws: Workspace) -> None:
        command = [sys.executable, "-m", "eobench_dash.cli", "worker", "--lease", "3"]
        env = environment(ws.settings) | {"EOBENCH_LOG_FORMAT": "json", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        self._lines: SimpleQueue[dict] = SimpleQueue()
        self.said: deque[str] = deque(maxlen=20)
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self.process.stderr as lines:
            for line in lines:
                self.said.append(line[:300])
                if line.startswith("{"):
                    self._lines.put(json.loads(line))

    def starts(self, job_id: int) -> int:
        """Wait until the job starts; the id of the process that does it."""
        deadline = time.monotonic() + PATIENCE_S
        while (left := deadline - time.monotonic()) > 0 and self.process.poll() is None:
            try:
                line = self._lines.get(timeout=min(left, 0.5))
            except Empty:
                continue
            if line["message"].startswith(f"job {job_id} (") and line["message"].endswith("starts"):
                return line["process"]
        raise AssertionError(f"job {job_id} did not start; the worker (ended: {self.process.poll()}) said {self.said}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE_S)  # its children, which share the pipe, die with it


@pytest.fixture
def start(workspace: Workspace) -> Iterator[Callable[[], Worker]]:
    """Starts workers; those that still run at the end are killed."""
    started: list[Worker] = []

    def run() -> Worker:
        started.append(Worker(workspace))
        return started[-1]

    yield run
    for worker in started:
        worker.kill()


@pytest.fixture
def vectors(tmp_path):
    """The paper's JSON with more rows than an import writes at once."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 8))
    codes = rng.integers(0, 4, ROWS)
    rows = (centres[codes] + rng.normal(scale=0.2, size=(len(codes), 8))).round(3).tolist()
    path = tmp_path / "vectors.json"
    path.write_text(json.dumps({"features": rows, "labels": [f"class {c}" for c in codes.tolist()]}))
    return path


def rows_of(ws: Workspace) -> dict[str, int]:
    """Rows of every table but the jobs'."""
    tables = [table for table in Base.metadata.sorted_tables if table.name != "job"]
    with ws.db.read() as session:
        return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def files_of(ws: Workspace) -> dict[str, str]:
    """Hashes of everything that the store holds, half-written things included."""
    folders = (ws.settings.home / "datasets", ws.settings.home / "tmp")
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def ended(ws: Workspace, who, job_id: int):
    """Wait until the job is over and swept; its row, as its owner sees it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        job = jobs.get_job(ws, who, job_id=job_id)
        with ws.db.read() as session:
            if job.state.over and not session.get_one(Job, job_id).needs_sweep:
                return job
        time.sleep(0.2)
    raise AssertionError(f"job {job_id} did not end")


def work_until(pid: int, seconds: float) -> float:
    """Wait until the process has worked so long, or has ended: how long it has. Processor time, as the load varies."""
    begun = now = None
    with suppress(FileNotFoundError, ProcessLookupError):
        while begun is None or now - begun < seconds:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            now = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            begun = now if begun is None else begun
            time.sleep(0.01)
    return 0.0 if begun is None else now - begun


def kill_and_retry(ws: Workspace, who, start, ask: Callable[[int], int], *, seed: str) -> tuple[set[str], dict]:
    """Kill the worker and its child in turn at random moments of the job that ``ask(n)`` queues; then let it be done.

    After each kill the job has failed and can be retried, and rows and files are as before. The files that a kill had
    finished and left to the retry, and the result of the retry.
    """
    rng = random.Random(seed)
    worker = start()
    first = ask(0)
    usual_s = work_until(worker.starts(first), float("inf"))
    assert ended(ws, who, first).state is JobState.DONE

    victims = cycle(["worker", "child"])
    left: set[str] = set()
    killed = number = 0
    job_id = None
    while killed < KILLS:
        if job_id is None:
            number += 1
            assert number <= KILLS, "the job is too short to be killed in its middle"
            rows, files = rows_of(ws), files_of(ws)
            job_id = ask(number)
            rows_asked = rows_of(ws)
        child = worker.starts(job_id)
        work_until(child, rng.uniform(0.0, 0.8 * usual_s))
        if (victim := next(victims)) == "worker":
            worker.kill()
            worker = start()
        else:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        job = ended(ws, who, job_id)
        if job.state is JobState.DONE:  # it was faster: no moment of the job
            job_id = None
            continue
        killed += 1
        assert job.state is JobState.FAILED
        assert "retry it" in job.error, (victim, job.error)
        assert rows_of(ws) in (rows, rows_asked), victim
        now = files_of(ws)
        assert {path: now.get(path) for path in files} == files, victim
        left |= now.keys() - files.keys()
        jobs.retry_job(ws, who, job_id=job_id)
    job = ended(ws, who, job_id)
    assert job.state is JobState.DONE, job.error
    return left, job.result


def test_an_import_survives_kills(workspace, builder, start, vectors) -> None:
    def ask(number: int) -> int:
        return importing.start_import(
            workspace, builder, path=str(vectors), name=f"Vectors {number}", images=False, follow_up=False
        )

    left, result = kill_and_retry(workspace, builder, start, ask, seed=f"import {workspace.db.is_sqlite}")
    assert left == set()
    assert result["imported"] == ROWS
    by_name = {d.name: d for d in datasets.list_datasets(workspace, builder)}
    assert {d.patch_count for d in by_name.values()} == {ROWS}
    folder = workspace.settings.home / "datasets"
    blocks = [
        sorted(hashlib.sha256(f.read_bytes()).hexdigest() for f in (folder / str(d.id)).rglob("*.f32"))
        for d in by_name.values()
    ]
    assert len(blocks[0]) == 1 and all(block == blocks[0] for block in blocks), "the same vectors as without a kill"


def test_a_map_survives_kills(workspace, builder, start, vectors, run) -> None:
    content = json.loads(vectors.read_text())
    vectors.write_text(json.dumps({key: values[:1000] for key, values in content.items()}))
    run(importing.start_import(workspace, builder, path=str(vectors), name="V", images=False, follow_up=False))
    dataset = datasets.find_dataset(workspace, builder, name="V")

    def ask(number: int) -> int:
        return embeddings.start_embedding(workspace, builder, dataset_id=dataset.id, method="tsne", seed=number)

    left, result = kill_and_retry(workspace, builder, start, ask, seed=f"embed {workspace.db.is_sqlite}")
    made = {e.id: e for e in embeddings.list_embeddings(workspace, builder, dataset_id=dataset.id)}
    assert made[result["embedding_id"]].rows == 1000
    assert all(e.key in str(files_of(workspace).keys()) for e in made.values())
    assert len(left) <= 1 and all(made[result["embedding_id"]].key in path for path in left)


def goes_on(ws: Workspace, who, start, run, ask: Callable[[int], int]) -> None:
    """What ``ask(dataset_id)`` queues, killed in the middle, the worker and then the child: no block is done twice."""

    def simulated(name: str) -> int:
        run(importing.start_simulation(ws, who, name=name, modality="optical", count=1_500, size=32, follow_up=False))
        return datasets.find_dataset(ws, who, name=name).id

    def blocks() -> int:
        return len(list((ws.settings.home / "datasets").rglob("work/*/*.npz")))

    def grown(by: int) -> None:
        before, deadline = blocks(), time.monotonic() + PATIENCE_S
        while blocks() < before + by:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    quiet = run(ask(simulated("Quiet")))
    assert quiet.state == JobState.DONE, quiet.error
    worker = start()
    job_id = ask(simulated("Killed"))
    for victim in ("worker", "child"):
        child = worker.starts(job_id)
        grown(by=3)
        if victim == "worker":
            worker.kill()
            worker = start()
        else:
            os.kill(child, signal.SIGKILL)
        job = ended(ws, who, job_id)
        assert job.state is JobState.FAILED and "What it had finished is kept; retry it to go on." in job.error
        assert not list((ws.settings.home / "datasets").rglob("2/features/*"))
        jobs.retry_job(ws, who, job_id=job_id)
    job = ended(ws, who, job_id)
    assert job.state is JobState.DONE, job.error
    assert job.result == quiet.result
    assert job.result["blocks"] == job.result["block_writes"] == 16
    sets = [features.list_feature_sets(ws, who, dataset_id=d)[0] for d in (1, 2)]
    assert sets[0].fingerprint == sets[1].fingerprint, "the same vectors as without a kill"
    deadline = time.monotonic() + PATIENCE_S
    while blocks():  # they go after the job is done
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_description_goes_on_from_its_finished_blocks(workspace, builder, start, run) -> None:
    goes_on(
        workspace, builder, start, run,
        lambda dataset_id: features.start_features(workspace, builder, dataset_id=dataset_id, kind="gabor"),
    )  # fmt: skip


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)  # its rows are tested on both elsewhere
def test_a_model_s_vectors_go_on_from_their_finished_blocks(workspace, builder, start, run, tmp_path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, floats, rng = onnx.helper, onnx.TensorProto.FLOAT, np.random.default_rng(0)
    weights = [rng.normal(scale=0.01, size=(96, bands, 5, 5)).astype(np.float32) for bands in (13, 96)]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["pixels", "w0"], ["maps"]), helper.make_node("Conv", ["maps", "w1"], ["out"])],
        "slow enough to be killed",
        [helper.make_tensor_value_info("pixels", floats, ["n", 13, "h", "w"])],
        [helper.make_tensor_value_info("out", floats, [None] * 4)],
        [onnx.numpy_helper.from_array(values, f"w{i}") for i, values in enumerate(weights)],
    )
    model = tmp_path / "slow.onnx"
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    model.write_bytes(made.SerializeToString())
    goes_on(
        workspace, builder, start, run,
        lambda dataset_id: encoding.start_encoding(workspace, builder, dataset_id=dataset_id, model=model)[0],
    )  # fmt: skip


def measured(ws: Workspace, dataset_id: int) -> list[tuple[object, ...]]:
    """Everything that an ingest found out about each patch."""
    columns = [column for column in PatchWindow.__table__.columns if column.name not in ("dataset_id", "product_id")]
    with ws.db.read() as session:
        paths = session.scalars(select(Patch.path).where(Patch.dataset_id == dataset_id).order_by(Patch.ordinal)).all()
        rows = session.execute(
            select(*columns).where(PatchWindow.dataset_id == dataset_id).order_by(PatchWindow.ordinal)
        )
        return [(path, *row) for path, row in zip(paths, rows, strict=True)]


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)  # rows of an ingest are tested on both elsewhere
def test_an_ingest_goes_on_from_its_finished_bands(workspace, builder, start, run, tmp_path) -> None:
    """Killed in the middle, the worker and then the child, then paused: no band is measured twice; cancelled: gone."""
    rng = np.random.default_rng(0)
    pixels = textured(rng, 3, 2048, 1024)
    for number in range(4):
        pixels = np.roll(pixels, (5 * number, 3 * number), (1, 2))
        write_scene(tmp_path / "scenes" / f"S2_{number}.tif", pixels, east_m=9000.0 * number)
    tmp = workspace.settings.home / "tmp"

    def ask(name: str) -> int:
        plan = IngestPlan.from_dict({"patch": 64, "scales": [128], "stride": 60})
        return ingesting.start_ingest(workspace, builder, paths=[str(tmp_path / "scenes")], name=name, plan=plan)

    def bands() -> int:
        return len(list(tmp.glob("ingest-*/cut-*/*.npz")))

    def grown(by: int) -> None:
        before, deadline = bands(), time.monotonic() + PATIENCE_S
        while bands() < before + by:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    quiet = run(ask("Quiet"))
    assert quiet.state == JobState.DONE, quiet.error
    before = rows_of(workspace)
    worker = start()
    job_id = ask("Killed")
    for how in ("worker", "child", "pause"):
        child = worker.starts(job_id)
        grown(by=2)
        if how == "worker":
            worker.kill()
            worker = start()
        elif how == "child":
            os.kill(child, signal.SIGKILL)
        else:
            jobs.pause_job(workspace, builder, job_id=job_id)
            deadline = time.monotonic() + PATIENCE_S
            while jobs.get_job(workspace, builder, job_id=job_id).state is not JobState.PAUSED:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            jobs.resume_job(workspace, builder, job_id=job_id)
            continue
        job = ended(workspace, builder, job_id)
        assert job.state is JobState.FAILED and "What it had finished is kept; retry it to go on." in job.error
        assert rows_of(workspace) == before, "nothing half done is to be seen"
        assert bands() >= 2, "what is measured is kept"
        jobs.retry_job(workspace, builder, job_id=job_id)
    job = ended(workspace, builder, job_id)
    assert job.state is JobState.DONE, job.error
    assert job.result["blocks"] == job.result["block_writes"] == 12
    assert measured(workspace, job.result["dataset_id"]) == measured(workspace, quiet.result["dataset_id"])

    left, counted = files_of(workspace), rows_of(workspace)
    job_id = ask("Cancelled")
    worker.starts(job_id)
    grown(by=2)
    jobs.cancel_job(workspace, builder, job_id=job_id)
    assert ended(workspace, builder, job_id).state is JobState.CANCELLED
    assert (files_of(workspace), rows_of(workspace)) == (left, counted)
