"""Describe every patch of a dataset by a model of the user's own, and store the vectors in ordinal order.

In blocks, as descriptors are (``describing``): what is finished survives a pause, a failure and a kill. Distances are
measured in the model's vectors as they are, as with imported ones.

Always on this machine, also where there is a cluster: the model is a file of up to 2 GB in this workspace, which the
cluster's workers cannot see, and not all of them need have onnxruntime, or the same one (whose numbers may differ).
"""

import shutil
from collections.abc import Iterator
from functools import partial
from threading import Lock

import numpy as np
from sqlalchemy import delete, select

from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Job
from eobench_dash.db.queries.jobs import pending
from eobench_dash.domain.jobs import JobKind, JobState
from eobench_dash.errors import BadInput, NotFound, UnsupportedPatch
from eobench_dash.jobs.blocks import ThreadPool, run_blocks
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml.encoder import Encoder, OnnxEncoder
from eobench_dash.ml.threads import workers
from eobench_dash.services.block_vectors import PatchBlock, Vectors, alike, batches, put
from eobench_dash.services.encoding import model_path
from eobench_dash.services.pixels import Masked, pixel_spec
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.blocks import BlockFolder, block_key, remove_blocks
from eobench_dash.store.features import FeatureWriter, Ledger
from eobench_dash.tasks.countdown import Rate
from eobench_dash.tasks.patch_blocks import PatchBlocks, cut_blocks, paths_of

BLOCK_ROWS = (64, 1536)
"""Twice the larger one holds a row of tiles of a Sentinel-2 product, of patches of 64 pixels."""
LIGHT = 256
"""Patches of a block of anything else: seconds of work that a pause gives up."""
CHUNK = 64
READERS = 3
"""Blocks under way: one is with the model, others are read meanwhile (decoding leaves Python's lock)."""
NAME = "vectors"


def run(ws: Workspace, job: JobHandle) -> None:
    """Encode every patch; the new features take the place of older ones of the same name (whose maps go with them)."""
    kind, model = job.args["kind"], model_path(ws, job.args["model"])
    if not model.is_file():
        raise NotFound("The model is not in the workspace any more; start this again from the model's file.")
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, job.dataset_id)
    if dataset.patch_count == 0:
        raise BadInput("The dataset holds no patch.")
    few, many = BLOCK_ROWS
    blocks = cut_blocks(ws, dataset, first=0, few=few, many=many, light=LIGHT)
    key = block_key(
        args={name: job.args[name] for name in ("model", "mean", "std")}, blocks=blocks.bounds, root=dataset.root,
        source=dataset.source_params,
    )  # fmt: skip
    with BlockFolder(ws.store.work_dir(dataset.id, f"{_prefix(kind)}{key}"), tick=job.check) as folder:
        if folder.missing(len(blocks)):
            _encode_all(ws, job, dataset, model.read_bytes(), blocks, folder)
        name = f"{kind}-{job.id}"
        ledger = _store(ws, job, dataset.id, name, len(blocks), folder)
        facts = {"model": job.args["file"], "sha256": job.args["model"]}
        made = FeatureSet(
            dataset_id=dataset.id, kind=kind, version=1, rows=ledger.rows, dim=ledger.dim, folder=name,
            fingerprint=ledger.fingerprint, job_id=job.id, source=f"the model {job.args['file']}",
            params={"origin": facts, "mean": job.args["mean"], "std": job.args["std"]},
        )  # fmt: skip
        _show(ws, job, made, counts={"blocks": len(folder), "block_writes": sum(folder.written.values())})
        folder.discard()
    _forget(ws, dataset.id, kind)
    ws.store.sweep_tmp(job.id)


def sweep(ws: Workspace, job_id: int) -> None:
    """Remove vectors that no feature set names and, where the job was cancelled, its finished blocks."""
    ws.store.sweep_tmp(job_id)
    with ws.db.read() as session:
        job = session.get(Job, job_id)
        if job is None or job.dataset_id is None or session.get(Dataset, job.dataset_id) is None:
            return
        named = set(session.scalars(select(FeatureSet.folder).where(FeatureSet.dataset_id == job.dataset_id)))
    dataset = ws.store.dataset_dir(job.dataset_id)
    for folder in (dataset / "features").glob(f"onnx-*-{job_id}"):
        if folder.name not in named:
            shutil.rmtree(folder, ignore_errors=True)
    if job.state == JobState.CANCELLED:
        _forget(ws, job.dataset_id, job.args["kind"])


def encode_block(encoder: Encoder, turn: Lock, block: PatchBlock) -> dict[str, Vectors]:
    """The vectors of a block, in the order of its patches. ``turn``: held while the model works, which uses all cores
    by itself and whose memory is there once.

    PatchUnreadable or BadInput names the patch that cannot be read or encoded, and says why.
    """
    made: dict[str, Vectors] = {}
    for places, patches in batches(block):
        for rows in alike(patches):
            pixels = np.stack([_plain(patches[i]) for i in rows])
            here = [places[i] for i in rows]
            try:
                with turn:
                    vectors = encoder.encode(pixels)
            except UnsupportedPatch as error:
                raise BadInput(f"Patch {block.first + here[0]} cannot be described. {error}") from error
            put(made, NAME, vectors, block=block, places=here)
    return made


def _prefix(kind: str) -> str:
    """Of the folders of a kind's blocks: a hash, as names of models may begin like one another."""
    return f"encode-{block_key(kind=kind)[:12]}-"


def _forget(ws: Workspace, dataset_id: int, kind: str) -> None:
    """Remove a kind's finished blocks, unless a job that waits, runs or is paused goes on from them."""
    with ws.db.read() as session:
        wanted = [other.args["kind"] for other in session.scalars(pending(dataset_id, JobKind.ENCODE))]
    if kind not in wanted:
        remove_blocks(ws.store.dataset_dir(dataset_id) / "work", _prefix(kind))


def _encode_all(
    ws: Workspace, job: JobHandle, dataset: Dataset, model: bytes, blocks: PatchBlocks, folder: BlockFolder
) -> None:
    job.progress(0.0, f"loading {job.args['file']}")
    encoder = OnnxEncoder(model, mean=job.args["mean"], std=job.args["std"], threads=workers())
    spec, total, rate = pixel_spec(dataset, ws.settings), dataset.patch_count, Rate(done=folder.rows)

    def missing() -> Iterator[tuple[int, PatchBlock]]:
        for number in folder.missing(len(blocks)):
            first, stop = blocks.spans[number]
            paths = paths_of(ws, dataset.id, first, stop)
            yield number, PatchBlock(spec, first, paths, (), batch=CHUNK, tile=blocks.tile, token=f"encode/{job.id}")

    def tell() -> None:
        words = f"{folder.rows:,} of {total:,} patches described", rate.told(folder.rows, total)
        job.progress(0.95 * folder.rows / total, " · ".join(filter(None, words)))

    tell()
    with ThreadPool(READERS) as pool:
        run_blocks(pool, partial(encode_block, encoder, Lock()), missing(), folder, tell=tell)


def _store(ws: Workspace, job: JobHandle, dataset_id: int, name: str, blocks: int, folder: BlockFolder) -> Ledger:
    """The blocks as one array."""
    ws.store.sweep_tmp(job.id)
    dim = folder.read(0)[NAME].shape[1]
    with FeatureWriter(ws.store.tmp(job.id) / "vectors", dim=dim) as writer:
        for number in range(blocks):
            writer.append(folder.read(number)[NAME])
            job.progress(0.95 + 0.04 * (number + 1) / blocks, "storing the features")
        return writer.commit(ws.store.feature_dir(dataset_id, name))


def _plain(patch: Masked) -> np.ndarray:
    """Floating-point pixels with NaN wherever the mask says that they mean nothing."""
    pixels, nodata = patch
    return pixels if nodata is None or pixels.dtype.kind != "f" else np.where(nodata, np.float32(np.nan), pixels)


def _show(ws: Workspace, job: JobHandle, made: FeatureSet, *, counts: dict[str, int]) -> None:
    """``counts`` goes into the job's result: equal numbers of blocks and of block writes show that none was done
    twice."""
    outdated: str | None = None
    with ws.db.write() as session:
        job.fence(session)
        old = session.scalar(
            select(FeatureSet).where(FeatureSet.dataset_id == made.dataset_id, FeatureSet.kind == made.kind)
        )
        if old is not None:
            outdated = old.folder
            session.execute(delete(Embedding).where(Embedding.feature_set_id == old.id))
            for column in ("version", "params", "dim", "rows", "source", "folder", "fingerprint", "job_id"):
                setattr(old, column, getattr(made, column))
        else:
            session.add(made)
        job.mark_done_in(session, {"kind": made.kind, **counts})
    if outdated is not None and outdated != made.folder:
        shutil.rmtree(ws.store.feature_dir(made.dataset_id, outdated), ignore_errors=True)
