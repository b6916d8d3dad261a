"""Compute a feature set in blocks of patches: finished blocks survive a pause, a kill and a lost worker.

Each block is described by one thread here or by a worker of a Dask cluster, and stored once (``store.blocks``). When
all are there, they become the feature set in one sequential pass. A set whose dataset was appended to is only
continued: the new patches are described, and land in the space that was fitted to the old ones.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import delete, select

from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Job
from eobench_dash.db.queries.jobs import pending
from eobench_dash.domain.datasets import SourceKind
from eobench_dash.domain.jobs import JobKind, JobState
from eobench_dash.domain.pixels import PixelSpec
from eobench_dash.domain.products import split_window
from eobench_dash.errors import EOBenchError, PatchUnreadable
from eobench_dash.jobs.blocks import run_blocks
from eobench_dash.jobs.cluster import Probe, open_pool, probe_of
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml import features as ml
from eobench_dash.ml.features.combiner import SAMPLE, Combiner
from eobench_dash.ml.threads import workers
from eobench_dash.services.block_vectors import PatchBlock, describe_block, stacked
from eobench_dash.services.embeddings import queue_map
from eobench_dash.services.pixels import open_spec, pixel_spec
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import load_arrays, save_arrays
from eobench_dash.store.blocks import BlockFolder, block_key, remove_blocks
from eobench_dash.store.features import FeatureArray, FeatureWriter
from eobench_dash.tasks.countdown import Rate
from eobench_dash.tasks.patch_blocks import PatchBlocks, cut_blocks, paths_of

BLOCK_ROWS = (64, 2048)
BLOCK_BYTES = 64 * 2**20
BATCH_BYTES = 16 * 2**20
LEARN_PATCHES = 2_000
LEARN_BYTES = 256 * 2**20
STATE = "state.npz"
"""What was fitted, beside the vectors of the space: ``combiner.*``, and ``<kind>.*`` of kinds that learn."""
States = dict[str, dict[str, npt.NDArray[Any]]]


@dataclass(frozen=True)
class Plan:
    """What one job computes: patches ``first`` … ``count - 1``, in ``blocks``.

    ``base``: the set that is continued, None for a new one.
    """

    kind: ml.FeatureKind
    names: tuple[str, ...]
    spec: PixelSpec
    dataset_id: int
    first: int
    count: int
    blocks: PatchBlocks
    batch: int
    base: FeatureSet | None

    @property
    def folder(self) -> str:
        """The name of the blocks' folder: equal exactly when the blocks are."""
        key = block_key(
            kind=self.kind.name,
            version=self.kind.version,
            params=dict(self.kind.params),
            names=self.names,
            first=self.first,
            count=self.count,
            blocks=self.blocks.bounds,
            modality=self.spec.modality,
            root=self.spec.root,
            source=dict(self.spec.params),
            base=self.base and self.base.fingerprint,
        )
        return f"{_prefix(self.kind)}{key}"


def run(ws: Workspace, job: JobHandle) -> None:
    """Describe every patch of a dataset by one kind, and store the vectors in ordinal order.

    A plain kind is stored as it is, with its *space* beside it: the transformed, standardised, rotated vectors in which
    distances are measured. A combined kind is its own space.
    """
    kind = ml.find(job.args["kind"])
    if _known(ws, job, kind)[1]:
        _finish(ws, job, kind=kind, features=None)
        return
    plan = _plan(ws, job, kind)
    with BlockFolder(ws.store.work_dir(plan.dataset_id, plan.folder), tick=job.check) as folder:
        if _known(ws, job, kind)[1]:  # an equal job held the folder, and has done it meanwhile
            folder.discard()
            _finish(ws, job, kind=kind, features=None)
            return
        states = _states(ws, plan, folder, job)
        _describe_all(ws, plan, folder, states, job)
        features = _store(ws, plan, folder, states, job)
        counts = {"blocks": len(folder), "block_writes": sum(folder.written.values())}
        _finish(ws, job, kind=kind, features=features, counts=counts)
        folder.discard()
    remove_blocks(ws.store.work_dir(plan.dataset_id, plan.folder).parent, _prefix(kind))
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
        remove_blocks(dataset / "work", _prefix(ml.find(job.args["kind"])))


def _prefix(kind: ml.FeatureKind) -> str:
    return f"features-{kind.folder}-"


def _known(ws: Workspace, job: JobHandle, kind: ml.FeatureKind) -> tuple[FeatureSet | None, bool]:
    """The dataset's set of this kind, and whether it is complete."""
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, job.dataset_id)
        query = select(FeatureSet).where(FeatureSet.dataset_id == dataset.id, FeatureSet.kind == kind.name)
        known = session.scalar(query)
    whole = known is not None and (known.rows, known.version) == (dataset.patch_count, kind.version)
    return known, whole and dataset.patch_count > 0


def _plan(ws: Workspace, job: JobHandle, kind: ml.FeatureKind) -> Plan:
    """What is left to compute."""
    known, _ = _known(ws, job, kind)
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, job.dataset_id)
    if dataset.patch_count == 0:
        raise PatchUnreadable("The dataset holds no patch.")
    spec = pixel_spec(dataset, ws.settings)
    names = kind.blocks_for(dataset.modality) or (kind.name,)
    base = known if known is not None and _continues(ws, known, kind, names, dataset.patch_count) else None
    first = base.rows if base is not None else 0
    pixels, _ = open_spec(spec).read_masked([first], paths_of(ws, dataset.id, first, first + 1))[0]
    few, many = BLOCK_ROWS
    return Plan(
        kind=kind,
        names=names,
        spec=spec,
        dataset_id=dataset.id,
        first=first,
        count=dataset.patch_count,
        blocks=cut_blocks(ws, dataset, first=first, few=few, many=many, light=BLOCK_BYTES // pixels.nbytes),
        batch=max(8, min(256, BATCH_BYTES // pixels.nbytes)),
        base=base,
    )


def _continues(ws: Workspace, known: FeatureSet, kind: ml.FeatureKind, names: tuple[str, ...], count: int) -> bool:
    """Whether the set can be appended to. One fitted to less than half of the patches is rather fitted again."""
    same = known.version == kind.version and tuple(known.params.get("blocks", ())) == names
    space = ws.store.feature_dir(known.dataset_id, known.params.get("space", known.folder))
    return same and count / 2 <= known.rows < count and (space / STATE).exists()


def _states(ws: Workspace, plan: Plan, folder: BlockFolder, job: JobHandle) -> States:
    """What the kinds that learn have learned: with the set that is continued, in an earlier attempt, or now."""
    learners = [name for name in plan.names if ml.needs_fit(name)]
    if not learners:
        return {}
    if plan.base is not None:
        found = _load_state(_space_dir(ws, plan.base))
        return {name: found[name] for name in learners}
    kept = folder.directory / STATE
    if not kept.exists():
        save_arrays(kept, **_flat({name: _learn(ws, plan, name, job) for name in learners}))
    return _load_state(folder.directory)


def _learn(ws: Workspace, plan: Plan, name: str, job: JobHandle) -> dict[str, npt.NDArray[Any]]:
    """Fit one kind to a seeded sample of patches of one shape."""
    source = open_spec(plan.spec)
    size = source.read_masked([0], paths_of(ws, plan.dataset_id, 0, 1))[0][0].nbytes
    wanted = min(plan.count, LEARN_PATCHES, max(16, LEARN_BYTES // size))
    chosen = np.sort(np.random.default_rng(0).choice(plan.count, wanted, replace=False)).tolist()
    patches = []
    for done, ordinal in enumerate(chosen):
        job.progress(0.0, f"learning {name} from {done:,} of {wanted:,} patches")
        patches += source.read_masked([ordinal], paths_of(ws, plan.dataset_id, ordinal, ordinal + 1))
    kinds = [(pixels.dtype.str, pixels.shape) for pixels, _ in patches]
    usual = max(kinds, key=kinds.count)
    pixels, nodata = stacked([patch for patch, kind in zip(patches, kinds, strict=True) if kind == usual])
    learned = ml.fit(
        name, pixels, modality=plan.spec.modality, nodata=nodata, band_names=plan.spec.band_names, seed=0
    )  # fmt: skip
    return learned or {}


def _describe_all(ws: Workspace, plan: Plan, folder: BlockFolder, states: States, job: JobHandle) -> None:
    total, rate = plan.count - plan.first, Rate(done=folder.rows)

    def blocks() -> Iterator[tuple[int, PatchBlock]]:
        token = f"{plan.folder}/{job.id}"
        every = PatchBlock(plan.spec, 0, (), plan.names, states, plan.batch, tile=plan.blocks.tile, token=token)
        for number in folder.missing(len(plan.blocks)):
            first, stop = plan.blocks.spans[number]
            yield number, replace(every, first=first, paths=paths_of(ws, plan.dataset_id, first, stop))

    def tell() -> None:
        done = folder.rows
        words = f"{done:,} of {total:,} patches described", rate.told(done, total)
        job.progress(0.9 * done / total, " · ".join(filter(None, words)))

    def probe() -> Probe:
        return _probe(plan.spec, paths_of(ws, plan.dataset_id, 0, 1)[0])

    tell()
    if folder.missing(len(plan.blocks)):
        with open_pool(ws.settings.dask_scheduler, threads=workers(), probe=probe) as pool:
            run_blocks(pool, describe_block, blocks(), folder, tell=tell)


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
        combiner = Combiner.from_arrays(_load_state(_space_dir(ws, base))["combiner"])
    ws.store.sweep_tmp(job.id)
    tmp = ws.store.tmp(job.id)
    name = f"{kind.folder}-{job.id}"
    with ExitStack() as stack:
        space = stack.enter_context(FeatureWriter(tmp / "space", dim=combiner.dim))
        raw = stack.enter_context(FeatureWriter(tmp / "raw", dim=sum(combiner.sizes))) if plain else None
        if base is not None:
            _copy(_space_dir(ws, base), base.rows, space, job)
            if raw is not None:
                _copy(ws.store.feature_dir(plan.dataset_id, base.folder), base.rows, raw, job)
        for number in range(len(plan.blocks)):
            arrays = folder.read(number)
            space.append(combiner.transform(arrays))
            if raw is not None:
                raw.append(arrays[kind.name])
            job.progress(0.92 + 0.07 * (number + 1) / len(plan.blocks), "storing the features")
        save_arrays(tmp / "space" / STATE, **_flat({**states, "combiner": combiner.to_arrays()}))
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


def _space_dir(ws: Workspace, features: FeatureSet) -> Path:
    return ws.store.feature_dir(features.dataset_id, features.params.get("space", features.folder))


def _flat(states: States) -> dict[str, npt.NDArray[Any]]:
    return {f"{name}.{key}": array for name, arrays in states.items() for key, array in arrays.items()}


def _load_state(folder: Path) -> States:
    states: States = {}
    for name, array in load_arrays(folder / STATE).items():
        owner, _, key = name.partition(".")
        states.setdefault(owner, {})[key] = array
    return states


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
