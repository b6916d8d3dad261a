"""The same blocks on a Dask cluster: a real scheduler, two worker processes, one of them killed in the middle."""

import hashlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from distributed import Client
from scenes import textured, write_scene
from seats import add_people
from stored_blocks import stop_after

from eobench_dash import tasks
from eobench_dash.db.models import FeatureSet, Job, PatchWindow
from eobench_dash.domain.ingesting import IngestPlan
from eobench_dash.errors import EOBenchError, SettingsError, Unavailable
from eobench_dash.jobs import cluster
from eobench_dash.jobs.inline import run_inline
from eobench_dash.services import datasets, features, importing, ingesting, jobs
from eobench_dash.services.workspace import Workspace, open_workspace
from eobench_dash.settings import Settings, load_settings
from eobench_dash.tasks import describe_plan

PATIENCE_S = 90.0  # for loaded machines; nothing here is timed
PATCHES = 1200


class Cluster:
    """A scheduler and workers as processes of their own, on loopback."""

    def __init__(self, folder: Path, *, workers: int = 2) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self.scheduler = self._start("dask_scheduler", "--port", self.address.rpartition(":")[2], "--host", "127.0.0.1")
        options = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--local-directory", str(folder))
        self.workers = [self._start("dask_worker", self.address, *options) for _ in range(workers)]
        with Client(self.address, timeout=PATIENCE_S, set_as_default=False) as client:
            if workers:
                client.wait_for_workers(workers, timeout=PATIENCE_S)

    def _start(self, program: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{program}", *options, "--no-dashboard"]
        with (self.folder / "dask.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that is up: its scheduler answers, its workers are there."""
    made = Cluster(tmp_path)
    yield made
    made.close()


@pytest.fixture
def make_ws(tmp_path: Path) -> Iterator:
    """Workspaces of which each holds the same pictures as "Patches"; on SQLite only: the queue is tested elsewhere."""
    opened: list[Workspace] = []

    def make(name: str, **settings: str) -> tuple[Workspace, object, int]:
        chosen = Settings(_env_file=None, home=tmp_path / name, data_roots=str(tmp_path), **settings)
        ws = open_workspace(chosen, create=True)
        opened.append(ws)
        ada = add_people(ws)["ada"]
        job_id = importing.start_simulation(
            ws, ada, name="Patches", modality="optical", count=PATCHES, size=32, follow_up=False
        )
        run_inline(ws, job_id, tasks=tasks)
        return ws, ada, datasets.find_dataset(ws, ada, name="Patches").id

    yield make
    for ws in opened:
        ws.close()


def hashes(ws: Workspace) -> tuple[str, list[str]]:
    """Fingerprint of the only feature set, and of all its files."""
    with ws.db.read() as session:
        row = session.query(FeatureSet).one()
    files = sorted((ws.settings.home / "datasets").rglob("*.f32"))
    return row.fingerprint, [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


def describe(ws: Workspace, who, dataset_id: int, on_block=lambda done: None, kind: str = "gabor") -> Job:
    """Describe; ``on_block`` is told how many blocks are stored whenever progress is."""
    job_id = features.start_features(ws, who, dataset_id=dataset_id, kind=kind)
    work = ws.settings.home / "datasets"
    return run_inline(
        ws, job_id, tasks=tasks, show=lambda *_: on_block(len(list(work.rglob("work/*/*.npz"))))
    )  # fmt: skip


def test_byte_equal_to_the_local_run_though_a_worker_is_killed_in_the_middle(dask, make_ws, monkeypatch) -> None:
    monkeypatch.setattr(describe_plan, "BLOCK_ROWS", (40, 40))
    ws, ada, dataset_id = make_ws("local")
    assert describe(ws, ada, dataset_id).state == "done"
    expected = hashes(ws)

    stored = stop_after(monkeypatch, 5, dask.workers[0].kill)  # in the middle
    ws, ada, dataset_id = make_ws("cluster", dask_scheduler=dask.address)
    job = describe(ws, ada, dataset_id)
    assert job.state == "done", job.error
    assert len(stored) == 30 and dask.workers[0].wait(10) != 0, "it was killed"
    assert hashes(ws) == expected
    assert job.result == {"kind": "gabor", "blocks": 30, "block_writes": 30}
    log = (dask.folder / "dask.log").read_text()
    assert "Register worker" in log and log.count("Register worker") == 2


def test_an_ingest_is_equal_to_the_local_one_though_a_worker_is_killed(
    dask, make_ws, tmp_path: Path, monkeypatch
) -> None:
    rng = np.random.default_rng(0)
    for number in range(3):
        write_scene(tmp_path / "scenes" / f"S2_{number}.tif", textured(rng, 3, 2048, 512), east_m=5000.0 * number)
    plan = IngestPlan.from_dict({"patch": 64, "scales": [128], "stride": 60})

    def ingest(ws: Workspace, who) -> tuple[Job, list[tuple[object, ...]]]:
        job_id = ingesting.start_ingest(ws, who, paths=[str(tmp_path / "scenes")], name="Scenes", plan=plan)
        job = run_inline(ws, job_id, tasks=tasks)
        assert job.state == "done", job.error
        assert job.result["blocks"] == job.result["block_writes"] == 9
        columns = [column for column in PatchWindow.__table__.columns if column.name != "product_id"]
        with ws.db.read() as session:
            return job, [tuple(row) for row in session.query(*columns).order_by(PatchWindow.ordinal)]

    ws, ada, _ = make_ws("local")
    _, rows = ingest(ws, ada)
    stored = stop_after(monkeypatch, 2, dask.workers[0].kill, folder="cut-")  # in the middle
    ws, ada, _ = make_ws("cluster", dask_scheduler=dask.address)
    job, same = ingest(ws, ada)
    assert len(stored) == 9 and dask.workers[0].wait(10) != 0, "it was killed"
    assert same == rows and len(rows) == job.result["imported"] > 800
    log = (dask.folder / "dask.log").read_text()
    assert log.count("Register worker") == 2


def test_pausing_calls_the_cluster_off_and_a_scheduler_that_dies_fails_the_job(dask, make_ws, monkeypatch) -> None:
    monkeypatch.setattr(describe_plan, "BLOCK_ROWS", (40, 40))
    monkeypatch.setattr("eobench_dash.jobs.handle.EVERY_S", 0.0)
    ws, ada, dataset_id = make_ws("cluster", dask_scheduler=dask.address)
    asked = []

    def pause(done: int) -> None:
        if done >= 3 and not asked:
            asked.append(done)
            jobs.pause_job(ws, ada, job_id=2)

    job = describe(ws, ada, dataset_id, pause)
    assert (job.id, job.state) == (2, "paused")
    before = len(list((ws.settings.home / "datasets").rglob("work/*/*.npz")))
    assert 3 <= before < 30

    def kill(done: int) -> None:
        if done >= before + 2:
            dask.scheduler.kill()

    job = describe(ws, ada, dataset_id, kill)  # asking again resumes it
    assert (job.id, job.state) == (2, "failed")
    assert "The Dask scheduler at tcp://127.0.0.1" in job.error and "has gone" in job.error and "retry" in job.error
    jobs.retry_job(ws, ada, job_id=2)
    local = Workspace(ws.settings.model_copy(update={"dask_scheduler": ""}), ws.db, ws.store, ws.cache)
    job = run_inline(local, 2, tasks=tasks)
    assert job.state == "done", job.error
    assert job.result["block_writes"] == job.result["blocks"] == 30


def test_a_scheduler_that_is_not_there_or_has_no_worker_is_told(make_ws, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_S", 1.0)
    ws, ada, dataset_id = make_ws("none", dask_scheduler="tcp://127.0.0.1:1")
    job = describe(ws, ada, dataset_id)
    assert job.state == "failed"
    assert job.error.startswith("The Dask scheduler at tcp://127.0.0.1:1 does not answer. Start it, or unset")
    lonely = Cluster(tmp_path, workers=0)
    try:
        monkeypatch.setattr(cluster, "CONNECT_S", 3.0)
        with pytest.raises(Unavailable, match="has no worker"), cluster.ClusterPool(lonely.address, cluster.Probe()):
            pass
    finally:
        lonely.close()


def test_a_worker_that_does_not_see_the_files_is_named(dask, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "a.png").write_bytes(b"here")
    probe = cluster.probe_of(tmp_path / "a.png")
    with cluster.ClusterPool(dask.address, probe) as pool:
        assert pool.submit(len, "abc").result(PATIENCE_S) == 3
    elsewhere = cluster.Probe(probe.path, "0" * 64)  # as where another disk stands under the same path
    with pytest.raises(Unavailable) as caught, cluster.ClusterPool(dask.address, elsewhere):
        pass
    assert "The Dask worker tcp://127.0.0.1" in str(caught.value)
    assert f"sees another file at {probe.path}" in str(caught.value)


def test_what_a_probe_finds(tmp_path: Path) -> None:
    (tmp_path / "product").mkdir()
    (tmp_path / "product" / "manifest.safe").write_bytes(b"x" * 3 * 2**20)
    probe = cluster.probe_of(tmp_path / "product")
    assert probe.path.endswith("manifest.safe") and cluster.prove(probe) == ""
    assert cluster.prove(cluster.Probe()) == "" == cluster.prove(cluster.probe_of(None))
    assert "sees another file" in cluster.prove(cluster.Probe(probe.path, "00"))
    assert "cannot read" in cluster.prove(cluster.Probe(str(tmp_path / "none"), "00"))
    assert "install the same" in cluster.prove(cluster.Probe(version="0.0.0"))
    with pytest.raises(EOBenchError, match="A Dask worker"):
        cluster.Proven(len, cluster.Probe(probe.path, "00"))("x")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("127.0.0.1:8786", "tcp://127.0.0.1:8786"),
        ("tcp://localhost:8786", "tcp://localhost:8786"),
        ("tcp://[::1]:8786", "tcp://[::1]:8786"),
        ("tls://cluster.example.org:8786", "tls://cluster.example.org:8786"),
    ],
)
def test_safe_addresses_of_schedulers(tmp_path: Path, given: str, kept: str) -> None:
    assert Settings(_env_file=None, home=tmp_path, dask_scheduler=given).dask_scheduler == kept


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("tcp://10.0.0.7:8786", "not on this machine: use tls://"),
        ("cluster.example.org:8786", "not on this machine"),
        ("http://127.0.0.1:8786", "must be the address of a scheduler"),
        ("tcp://127.0.0.1", "must be the address"),
        ("tcp://127.0.0.1:99999", "must be the address"),
        ("tls://somebody@host:8786", "must be the address"),
        ("inproc://127.0.0.1/1", "must be the address"),
        ("tcp://127.0.0.1.example.org:8786", "not on this machine"),
    ],
)
def test_other_addresses_are_refused(given: str, says: str, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="EOBENCH_DASK_SCHEDULER") as caught:
        load_settings(home=tmp_path, dask_scheduler=given)
    assert says in str(caught.value)
