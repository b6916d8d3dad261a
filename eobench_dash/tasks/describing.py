"""Compute a feature set in blocks of patches: finished blocks survive a pause, a kill and a lost worker.

Each block is described by one thread here or by a worker of a Dask cluster, and stored once (``store.blocks``). When
all are there, they become the feature set in one sequential pass. A set whose dataset was appended to is only
continued: the new patches are described, and land in the space that was fitted to the old ones.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import delete, select

from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Job
from eobench_dash.db.queries.jobs import pending
from eobench_dash.domain.datasets import SourceKind
from eobench_dash.domain.jobs import JobKind, JobState
from eobench_dash.domain.pixels import PixelSpec
from eobench_dash.domain.products import split_window
from eobench_dash.errors import EOBenchError
from eobench_dash.jobs.blocks import run_blocks
from eobench_dash.jobs.cluster import Probe, open_pool, probe_of
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml import features as ml
from eobench_dash.ml.features.combiner import SAMPLE, Combiner
from eobench_dash.ml.threads import workers
from eobench_dash.services.block_vectors import PatchBlock, describe_block
from eobench_dash.services.embeddings import queue_map
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import save_arrays
from eobench_dash.store.blocks import BlockFolder, remove_blocks
from eobench_dash.store.features import FeatureArray, FeatureWriter
from eobench_dash.tasks.countdown import Rate
from eobench_dash.tasks.describe_plan import (
    STATE,
    Plan,
    States,
    flat,
    folder_prefix,
    known_set,
    load_state,
    plan_for,
    space_dir,
    states_for,
)
from eobench_dash.tasks.describe_together import Shelf, Shelves, shelves
from eobench_dash.tasks.patch_blocks import paths_of


def run(ws: Workspace, job: JobHandle) -> None:
    """Describe every patch of a dataset by one kind, and store the vectors in ordinal order.

    A plain kind is stored as it is, with its *space* beside it: the transformed, standardised, rotated vectors in which
    distances are measured. A combined kind is its own space.
    """
    kind = ml.find(job.args["kind"])
    dataset_id = int(job.dataset_id or 0)
    if known_set(ws, dataset_id, kind)[1]:
        _finish(ws, job, kind=kind, features=None)
        return
    plan = plan_for(ws, dataset_id, kind)
    with BlockFolder(ws.store.work_dir(dataset_id, plan.folder), tick=job.check) as folder:
        if known_set(ws, dataset_id, kind)[1]:  # an equal job held the folder, and has done it meanwhile
            folder.discard()
            _finish(ws, job, kind=kind, features=None)
            return
        own = Shelf(plan, folder, states_for(ws, plan, folder, job))
        _describe_all(ws, own, job)
        features = _store(ws, plan, folder, own.states, job)
        counts = {"blocks": len(folder), "block_writes": sum(folder.written.values())}
        _finish(ws, job, kind=kind, features=features, counts=counts)
        folder.discard()
    remove_blocks(ws.store.work_dir(dataset_id, plan.folder).parent, folder_prefix(kind))
    ws.store.sweep_tmp(job.id)


def sweep(ws: Workspace, job_id: int) -> None:
    """Remove vectors that no feature set names and, where the job was cancelled, its finished blocks."""
    ws.store.sweep_tmp(job_id)
    with ws.db.read() as session:
        job = session.get(Job, job_id)
        if job is None or job.dataset_id is None or session.get(Dataset, job.dataset_id) is None:
            return
        named: set[str] = set()
        for row in session.scalars(select(FeatureSet).where(FeatureSet.dataset_id == job.dataset_id)):
            named |= {row.folder, row.params.get("space", row.folder)}
        wanted = [other.args["kind"] for other in session.scalars(pending(job.dataset_id, JobKind.FEATURES))]
    dataset = ws.store.dataset_dir(job.dataset_id)
    for folder in (dataset / "features").glob(f"*-{job_id}*"):
        if folder.name.endswith((f"-{job_id}", f"-{job_id}-space")) and folder.name not in named:
            shutil.rmtree(folder, ignore_errors=True)
    if job.state == JobState.CANCELLED and job.args["kind"] not in wanted:
        remove_blocks(dataset / "work", folder_prefix(ml.find(job.args["kind"])))


def _describe_all(ws: Workspace, own: Shelf, job: JobHandle) -> None:
    """Compute the blocks that are missing and, where there are some, those of kinds that wait for the same patches."""
    plan, folder = own.plan, own.folder
    total, rate = plan.count - plan.first, Rate(done=folder.rows)

    def blocks(into: Shelves) -> Iterator[tuple[int, PatchBlock]]:
        token = f"{plan.folder}/{job.id}"
        every = PatchBlock(plan.spec, 0, (), plan.names, batch=plan.batch, tile=plan.blocks.tile, token=token)
        for number in folder.missing(len(plan.blocks)):
            first, stop = plan.blocks.spans[number]
            paths = paths_of(ws, plan.dataset_id, first, stop)
            yield number, replace(every, first=first, paths=paths, also=into.also, states=into.states)

    def tell(into: Shelves | None = None) -> None:
        done = folder.rows
        beside = ", ".join(other.plan.kind.name for other in into.others) if into else ""
        words = f"{done:,} of {total:,} patches described", rate.told(done, total), beside and f"with {beside}"
        job.progress(0.9 * done / total, " · ".join(filter(None, words)))

    def probe() -> Probe:
        return _probe(plan.spec, paths_of(ws, plan.dataset_id, 0, 1)[0])

    tell()
    if folder.missing(len(plan.blocks)):
        with (
            shelves(ws, job, own) as into,
            open_pool(ws.settings.dask_scheduler, threads=workers(), probe=probe) as pool,
        ):
            run_blocks(pool, describe_block, blocks(into), into, tell=partial(tell, into))


def _probe(spec: PixelSpec, path: str | None) -> Probe:
    """A file of the dataset that whoever describes it has to see."""
    if spec.root is None or path is None or spec.source_kind == SourceKind.SIMULATED:
        return Probe()
    name = split_window(path)[0] if spec.source_kind == SourceKind.PRODUCTS else path
    return probe_of(Path(spec.root) / name)


def _store(ws: Workspace, plan: Plan, folder: BlockFolder, states: States, job: JobHandle) -> FeatureSet:
    """The blocks (behind the rows of the set that is continued) as vectors and space, in one pass over them."""
    job.progress(0.9, "putting the descriptors on one scale")
    base = plan.base
    kind, plain = plan.kind, not plan.kind.blocks
    if base is None:
        combiner = Combiner.fit(_sample(plan, folder, job))
    else:
        combiner = Combiner.from_arrays(load_state(space_dir(ws, base))["combiner"])
    ws.store.sweep_tmp(job.id)
    tmp = ws.store.tmp(job.id)
    name = f"{kind.folder}-{job.id}"
    with ExitStack() as stack:
        space = stack.enter_context(FeatureWriter(tmp / "space", dim=combiner.dim))
        raw = stack.enter_context(FeatureWriter(tmp / "raw", dim=sum(combiner.sizes))) if plain else None
        if base is not None:
            _copy(space_dir(ws, base), base.rows, space, job)
            if raw is not None:
                _copy(ws.store.feature_dir(plan.dataset_id, base.folder), base.rows, raw, job)
        for number in range(len(plan.blocks)):
            arrays = folder.read(number)
            space.append(combiner.transform(arrays))
            if raw is not None:
                raw.append(arrays[kind.name])
            job.progress(0.92 + 0.07 * (number + 1) / len(plan.blocks), "storing the features")
        save_arrays(tmp / "space" / STATE, **flat({**states, "combiner": combiner.to_arrays()}))
        features = FeatureSet(
            dataset_id=plan.dataset_id,
            kind=kind.name,
            version=kind.version,
            rows=plan.count,
            dim=combiner.dim,
            source=kind.description,
            folder=name,
            params={
                "descriptor": dict(kind.params),
                "blocks": list(plan.names),
                "space": f"{name}-space" if plain else name,
            },
        )
        fitted = space.commit(ws.store.feature_dir(plan.dataset_id, features.params["space"]))
        features.fingerprint = fitted.fingerprint
        if raw is not None:
            features.dim = raw.commit(ws.store.feature_dir(plan.dataset_id, name)).dim
    return features


def _sample(plan: Plan, folder: BlockFolder, job: JobHandle) -> dict[str, npt.NDArray[np.float32]]:
    """The seeded rows that the space is fitted to, read block by block: all of them, or a sample of many."""
    rows = np.arange(plan.count)
    if plan.count > SAMPLE:
        rows = np.sort(np.random.default_rng(0).choice(plan.count, SAMPLE, replace=False))
    parts: dict[str, list[npt.NDArray[np.float32]]] = {name: [] for name in plan.names}
    at = np.searchsorted(plan.blocks.bounds, rows, side="right") - 1
    for number in np.unique(at).tolist():
        job.progress(0.9 + 0.02 * number / len(plan.blocks), "putting the descriptors on one scale")
        here = rows[at == number] - plan.blocks.bounds[number]
        arrays = folder.read(number)
        for name in plan.names:
            parts[name].append(arrays[name][here])
    widths = {name: {part.shape[1] for part in found} for name, found in parts.items()}
    if any(len(found) > 1 for found in widths.values()):
        raise EOBenchError(
            "Patches of this dataset have different numbers of bands. One descriptor needs patches with the same "
            "bands; import them as two datasets."
        )
    return {name: np.concatenate(found) for name, found in parts.items()}


def _copy(source: Path, rows: int, writer: FeatureWriter, job: JobHandle) -> None:
    for block in FeatureArray(source, rows=rows).blocks():
        job.check()
        writer.append(block)


def _finish(
    ws: Workspace, job: JobHandle, *, kind: ml.FeatureKind, features: FeatureSet | None, counts: Mapping[str, int] = {}
) -> None:
    """Put the new feature set in place of an older one of its kind (whose maps go with it), and queue what follows.

    ``counts`` goes into the job's result: equal numbers of blocks and of block writes show that none was done twice.
    """
    outdated: list[str] = []
    with ws.db.write() as session:
        job.fence(session)
        dataset = session.get_one(Dataset, job.dataset_id)
        if features is not None:
            old = session.scalar(
                select(FeatureSet).where(FeatureSet.dataset_id == dataset.id, FeatureSet.kind == features.kind)
            )
            if old is not None:
                outdated = [old.folder, old.params.get("space", old.folder)]
                session.execute(delete(Embedding).where(Embedding.feature_set_id == old.id))
                _replace(old, features)
            else:
                features.job_id = job.id
                session.add(features)
        if job.args.get("follow_up"):
            queue_map(session, dataset, feature=kind.name, owner=job.owner_id)
        job.mark_done_in(session, {"kind": kind.name, **counts})
    for name in outdated:
        shutil.rmtree(ws.store.feature_dir(int(job.dataset_id or 0), name), ignore_errors=True)


def _replace(old: FeatureSet, new: FeatureSet) -> None:
    for column in ("version", "params", "dim", "rows", "source", "folder", "fingerprint"):
        setattr(old, column, getattr(new, column))
