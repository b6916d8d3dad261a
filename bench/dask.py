"""Describing a dataset on a Dask cluster beside the same job by threads of one process: what the way there costs.

``python -m bench.dask [--quick] [--patches N] [--kind KIND]`` prints a markdown table. The whole job is measured, as
``eobench features`` runs it: pixels drawn by the simulator, blocks described, stored, read again, put on one scale and
stored as a feature set. First by two threads here, then on two Dask workers of one thread each on this machine, warm
(they have described a small dataset before), turn by turn. Every run must give the same bytes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench._common import machine_line, markdown_table, timed
from eobench_dash import tasks
from eobench_dash.db.models import FeatureSet, User
from eobench_dash.domain.people import Principal, Role
from eobench_dash.jobs.inline import run_inline
from eobench_dash.services import datasets, features, importing
from eobench_dash.services.workspace import Workspace, open_workspace
from eobench_dash.settings import Settings

WORKERS = 2
HEADER = ["where", "patches", "seconds", "patches/s", "share of the threads' pace"]


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """The address of a scheduler on loopback with its workers, as processes of their own."""
    scheduler = folder / "scheduler.json"
    log = (folder / "dask.log").open("wb")
    programs = [["dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(scheduler)]]
    worker = ["dask_worker", "--scheduler-file", str(scheduler), "--nthreads", "1", "--no-nanny", "--host", "127.0.0.1"]
    programs += [[*worker, "--local-directory", str(folder)]] * WORKERS
    started = [
        subprocess.Popen([sys.executable, "-m", f"distributed.cli.{p[0]}", *p[1:], "--no-dashboard"], stderr=log)
        for p in programs
    ]
    try:
        from distributed import Client

        with Client(scheduler_file=str(scheduler), timeout=60) as client:
            client.wait_for_workers(WORKERS, timeout=60)
            address = str(client.scheduler.address)
        yield address
    finally:
        for process in started:
            process.kill()
            process.wait()
        log.close()


def described(home: Path, scheduler: str, *, patches: int, kind: str) -> tuple[float, str]:
    """Seconds that the job took in a new workspace, and the fingerprint of what it made."""
    settings = Settings(_env_file=None, home=home, dask_scheduler=scheduler)  # type: ignore[call-arg]
    ws = open_workspace(settings, create=True)
    try:
        who = _builder(ws)
        run_inline(
            ws,
            importing.start_simulation(ws, who, name="S", modality="optical", count=patches, follow_up=False),
            tasks=tasks,
        )
        dataset_id = datasets.find_dataset(ws, who, name="S").id
        job_id = features.start_features(ws, who, dataset_id=dataset_id, kind=kind)
        seconds, job = timed(lambda: run_inline(ws, job_id, tasks=tasks))
        if job.state != "done" or job.result["blocks"] != job.result["block_writes"]:
            raise SystemExit(f"The job is {job.state}: {job.error or job.result}")
        with ws.db.read() as session:
            return seconds, session.query(FeatureSet).one().fingerprint
    finally:
        ws.close()


def _builder(ws: Workspace) -> Principal:
    with ws.db.write() as session:
        user = User(name="ada", role=Role.BUILDER, password_hash="-")
        session.add(user)
        session.flush()
        return Principal(user.id, "ada", Role.BUILDER, session_key="bench")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.dask", description="A describing job on a Dask cluster.")
    parser.add_argument("--patches", type=int, default=20_000)
    parser.add_argument("--kind", default="all")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="few patches: what starting costs shows more")
    options = parser.parse_args()
    patches, turns = (2_000, 1) if options.quick else (options.patches, options.turns)
    os.environ["OMP_NUM_THREADS"] = str(WORKERS)
    seconds: dict[str, list[float]] = {"two threads here": [], "two Dask workers": []}
    prints = set()
    with tempfile.TemporaryDirectory() as name, cluster(Path(name)) as address:
        for warm in ("", address):
            described(Path(name) / f"warm{bool(warm)}", warm, patches=500, kind=options.kind)
        for turn in range(turns):
            for where, scheduler in zip(seconds, ("", address), strict=True):
                home = Path(name) / f"{turn}{bool(scheduler)}"
                took, fingerprint = described(home, scheduler, patches=patches, kind=options.kind)
                seconds[where].append(took)
                prints.add(fingerprint)
    if len(prints) != 1:
        raise SystemExit("The runs did not give the same bytes.")
    here = min(seconds["two threads here"])
    rows = [[where, patches, min(took), patches / min(took), here / min(took)] for where, took in seconds.items()]
    print(machine_line("distributed"))
    print(f"\n`{options.kind}`, simulated patches of 13 bands, 64 x 64; best of {turns}; the same bytes each time.\n")
    print(markdown_table(HEADER, rows))


if __name__ == "__main__":
    main()
