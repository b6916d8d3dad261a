"""Ingest products: look at each, cut and measure it band by band, and show all patches by one last transaction.

What was measured is kept in blocks, which survive a kill, a pause and a failure: no band is read twice. Rows are
written from the blocks once all are there (``ingest_rows``).
"""

import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import delete, select, update

from eobench_dash.db.models import Dataset, Job, Patch, PatchWindow, Product, utc_now
from eobench_dash.domain.datasets import DatasetState, SourceKind
from eobench_dash.domain.ingesting import IngestPlan, ProductTally
from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.products import ReadOptions
from eobench_dash.errors import BadInput, Conflict, NotFound
from eobench_dash.jobs.blocks import Pool, run_blocks
from eobench_dash.jobs.cluster import open_pool, probe_of
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.services.importing import confine
from eobench_dash.services.measuring import BandTask, ProductTask, measure_band
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.blocks import BlockFolder, block_key, remove_blocks
from eobench_dash.tasks.countdown import Rate
from eobench_dash.tasks.ingest_keep import KeptPatches
from eobench_dash.tasks.ingest_products import Cut, choose, look_at
from eobench_dash.tasks.ingest_rows import IngestRows

VERSION = 2
"""Of what is measured; another one makes all blocks anew."""
THREADS = 2
KEPT = timedelta(days=14)
"""For so long a failed or paused ingest may go on from what it had measured."""
_TELL_S = 0.5
_READ, _CUT = 0.05, 0.8  # parts of the bar: looking at products, cutting them; the rest is writing rows


def run(ws: Workspace, job: JobHandle) -> None:
    """Ingest what the job names. A product that cannot be used is told of and left out; one at least must be usable."""
    began = time.monotonic()
    plan, options = IngestPlan.from_dict(job.args["plan"]), ReadOptions.from_dict(job.args["options"])
    root = Path(job.args["root"])
    tasks, gone = _tasks(ws, job, options, root)
    _forget_old(ws)
    dataset_id = _ensure_dataset(ws, job)
    parent, mine = ws.store.tmp(f"ingest-{job.id}"), f"cut-{VERSION}-"
    with open_pool(ws.settings.dask_scheduler, threads=THREADS, probe=lambda: probe_of(tasks[0].path)) as pool:
        with BlockFolder(parent / "read", tick=job.check) as folder:
            told = look_at(pool, tasks, folder, job, share=_READ)
        usable, refused, skipped = choose(tasks, told, plan=plan, only=job.args.get("only"), root=root)
        key = block_key(
            products=[(one.path, one.fingerprint) for one in usable], options=options.to_dict(), plan=plan.to_dict()
        )
        remove_blocks(parent, mine, but=[mine + key])
        with BlockFolder(parent / f"{mine}{key}", tick=job.check) as folder:
            blocks = sum(one.bands for one in usable)
            fresh = len(folder.missing(blocks))
            _measure(pool, usable, plan, folder, job)
            kept = KeptPatches(usable, folder, plan=plan, check=job.check)
            rows = IngestRows(ws, job, dataset_id, plan=plan, kept=kept)
            rows.write(low=_READ + _CUT, high=0.99)
            # equal numbers of blocks and of block writes show that no band was measured twice
            counts = {"blocks": blocks, "block_writes": sum(folder.written.values())}
            pixels = sum(one.info.height * one.info.width * len(one.info.bands) for one in usable)
            counts["pixels"] = round(
                pixels * fresh / max(blocks, 1)
            )  # of this attempt, as its seconds: they tell the pace
            rows.finish(
                refused=[*gone, *refused], skipped=skipped, root=root, options=options, began=began, counts=counts
            )
    ws.store.sweep_tmp(f"ingest-{job.id}")


def sweep(ws: Workspace, job_id: int) -> None:
    """Remove the rows of an ingest that did not end well; its blocks too, unless it may go on from them."""
    with ws.db.write() as session:
        job = session.get(Job, job_id)
        over = job is None or job.state in (JobState.CANCELLED, JobState.DONE)
        dataset = session.get(Dataset, job.dataset_id) if job and job.dataset_id else None
        if dataset is not None and dataset.state == DatasetState.IMPORTING:
            for model in (PatchWindow, Patch, Product):
                session.execute(delete(model).where(model.dataset_id == dataset.id))
            session.delete(dataset)
    if over:
        ws.store.sweep_tmp(f"ingest-{job_id}")
    if dataset is not None and dataset.state == DatasetState.IMPORTING:
        ws.store.remove_dataset(dataset.id)


def _tasks(
    ws: Workspace, job: JobHandle, options: ReadOptions, root: Path
) -> tuple[list[ProductTask], list[ProductTally]]:
    """The products that are still where they were when the ingest was asked for; and those that are not, or were left
    out then because of their names."""
    tasks, gone = [], []
    for path in map(Path, job.args["paths"]):
        try:
            if confine(ws.settings, str(path)) != path:
                raise BadInput(f"{path.name} is a link to another place by now; ingest what it leads to.")
        except (BadInput, NotFound) as error:
            gone.append(ProductTally(path.relative_to(root).as_posix(), path.name, error=str(error)))
        else:
            tasks.append(ProductTask(path, options, ws.store.products_dir))
    if not tasks:
        raise BadInput(gone[0].error)
    return tasks, gone + [ProductTally(path, path, error=why) for path, why in job.args.get("left_out", ())]


def _forget_old(ws: Workspace) -> None:
    """Remove blocks of ingests that failed, or were paused, long ago: nobody seems to come back to them."""
    blocks = {name: name.removeprefix("ingest-") for name in ws.store.tmp_jobs() if name.startswith("ingest-")}
    with ws.db.read() as session:
        jobs = {name: session.get(Job, int(number)) for name, number in blocks.items() if number.isdecimal()}
        since = utc_now() - KEPT
        old = [
            name
            for name, job in jobs.items()
            if job is None or (not JobState(job.state).moving and (job.finished_at or job.created_at) < since)
        ]
    for name in old:
        ws.store.sweep_tmp(name)


def _measure(pool: Pool, usable: Sequence[Cut], plan: IngestPlan, folder: BlockFolder, job: JobHandle) -> None:
    total = sum(one.bands for one in usable)
    patches = sum(one.patches for one in usable)
    rate = Rate(done=folder.rows)
    starts = [one.first_block for one in usable]
    told = float("-inf")

    def tell() -> None:
        nonlocal told
        job.check()
        if time.monotonic() - told < _TELL_S:
            return
        told = time.monotonic()
        missing = folder.missing(total)
        done = bisect_right(starts, missing[0]) if missing else len(usable)
        message = f"{done:,} of {len(usable):,} products · {folder.rows:,} of {patches:,} patches"
        if pace := rate.told(folder.rows, patches):
            message += f" · {pace}"
        job.progress(_READ + _CUT * (total - len(missing)) / max(total, 1), message)

    def todo() -> Iterator[tuple[int, BandTask]]:
        missing = set(folder.missing(total))
        for one in usable:
            for band in range(one.bands):
                if one.first_block + band in missing:
                    yield one.first_block + band, BandTask(one.task, one.info, plan, band)

    tell()
    run_blocks(pool, measure_band, todo(), folder, tell=tell)


def _ensure_dataset(ws: Workspace, job: JobHandle) -> int:
    """The dataset's row: made when the ingest was asked for, made again where it was swept after a failure."""
    with ws.db.write() as session:
        job.fence(session)
        if job.dataset_id is not None and session.get(Dataset, job.dataset_id) is not None:
            return job.dataset_id
        if session.scalar(select(Dataset.id).where(Dataset.name == job.args["name"])) is not None:
            raise Conflict(f"There is another dataset called {job.args['name']} by now; ingest under another name.")
        dataset = Dataset(
            name=job.args["name"],
            state=DatasetState.IMPORTING,
            source_kind=SourceKind.PRODUCTS,
            created_by=job.owner_id,
            attribution=job.args["attribution"],
        )
        session.add(dataset)
        session.flush()
        job.dataset_id = dataset.id
        session.execute(update(Job).where(Job.id == job.id).values(dataset_id=dataset.id))
        return dataset.id
