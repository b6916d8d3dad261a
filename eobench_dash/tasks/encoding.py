"""Describe every patch of a dataset by a model of the user's own, and store the vectors in ordinal order.

Distances are measured in the model's vectors as they are, as with imported ones. Not done in blocks: a run that is
killed begins again.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice

import numpy as np
from sqlalchemy import delete, select

from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Patch
from eobench_dash.errors import BadInput, NotFound, UnsupportedPatch
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml.encoder import OnnxEncoder
from eobench_dash.ml.threads import workers
from eobench_dash.services.encoding import model_path
from eobench_dash.services.pixels import Masked, PixelSource, open_pixels
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.features import FeatureWriter
from eobench_dash.tasks.countdown import Rate

CHUNK = 64
AHEAD = 3


def run(ws: Workspace, job: JobHandle) -> None:
    """Encode every patch; the new features take the place of older ones of the same name (whose maps go with them)."""
    kind, model = job.args["kind"], model_path(ws, job.args["model"])
    if not model.is_file():
        raise NotFound("The model is not in the workspace any more; start this again from the model's file.")
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, job.dataset_id)
        here = Patch.dataset_id == dataset.id, Patch.ordinal < dataset.patch_count
        paths = list(session.scalars(select(Patch.path).where(*here).order_by(Patch.ordinal)))
    job.progress(0.0, f"loading {job.args['file']}")
    encoder = OnnxEncoder(model.read_bytes(), mean=job.args["mean"], std=job.args["std"], threads=workers())
    folder, done, rate = f"{kind}-{job.id}", 0, Rate()
    with ExitStack() as stack:
        writer: FeatureWriter | None = None
        for patches in _read_ahead(open_pixels(dataset, ws.settings), paths):
            vectors = _encode(encoder, patches, first=done)
            if writer is None:
                writer = stack.enter_context(FeatureWriter(ws.store.tmp(job.id) / "vectors", dim=vectors.shape[1]))
            writer.append(vectors)
            done += len(patches)
            words = f"{done:,} of {len(paths):,} patches described", rate.told(done, len(paths))
            job.progress(0.98 * done / len(paths), " · ".join(filter(None, words)))
        if writer is None:
            raise BadInput("The dataset holds no patch.")
        ledger = writer.commit(ws.store.feature_dir(dataset.id, folder))
    facts = {"model": job.args["file"], "sha256": job.args["model"]}
    made = FeatureSet(
        dataset_id=dataset.id, kind=kind, version=1, rows=ledger.rows, dim=ledger.dim, folder=folder,
        fingerprint=ledger.fingerprint, job_id=job.id, source=f"the model {job.args['file']}",
        params={"origin": facts, "mean": job.args["mean"], "std": job.args["std"]},
    )  # fmt: skip
    _show(ws, job, made)
    ws.store.sweep_tmp(job.id)


def sweep(ws: Workspace, job_id: int) -> None:
    """Remove vectors that no feature set names."""
    ws.store.sweep_tmp(job_id)
    with ws.db.read() as session:
        for dataset_id in session.scalars(select(Dataset.id)):
            named = set(session.scalars(select(FeatureSet.folder).where(FeatureSet.dataset_id == dataset_id)))
            for folder in (ws.store.dataset_dir(dataset_id) / "features").glob(f"onnx-*-{job_id}"):
                if folder.name not in named:
                    shutil.rmtree(folder, ignore_errors=True)


def _read_ahead(source: PixelSource, paths: list[str | None]) -> Iterator[list[Masked]]:
    """Chunks of patches in order; decoding leaves Python's lock, so it goes on while the model works."""
    starts = iter(range(0, len(paths), CHUNK))

    def read(start: int) -> list[Masked]:
        stop = min(start + CHUNK, len(paths))
        return source.read_masked(range(start, stop), paths[start:stop])

    with ThreadPoolExecutor(2) as pool:
        waiting: list[Future[list[Masked]]] = [pool.submit(read, start) for start in islice(starts, AHEAD)]
        while waiting:
            yield waiting.pop(0).result()
            if (start := next(starts, None)) is not None:
                waiting.append(pool.submit(read, start))


def _encode(encoder: OnnxEncoder, patches: list[Masked], *, first: int) -> np.ndarray:
    """Vectors of a chunk whose patches may differ in size."""
    groups: dict[tuple[str, tuple[int, ...]], list[int]] = {}
    for i, (pixels, _) in enumerate(patches):
        groups.setdefault((pixels.dtype.str, pixels.shape), []).append(i)
    made: dict[int, np.ndarray] = {}
    for rows in groups.values():
        try:
            made.update(zip(rows, encoder.encode(np.stack([_plain(patches[i]) for i in rows])), strict=True))
        except UnsupportedPatch as error:
            raise BadInput(f"Patch {first + rows[0]} cannot be described. {error}") from error
    return np.stack([made[i] for i in range(len(patches))])


def _plain(patch: Masked) -> np.ndarray:
    """Floating-point pixels with NaN wherever the mask says that they mean nothing."""
    pixels, nodata = patch
    return pixels if nodata is None or pixels.dtype.kind != "f" else np.where(nodata, np.float32(np.nan), pixels)


def _show(ws: Workspace, job: JobHandle, made: FeatureSet) -> None:
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
        job.mark_done_in(session, {"kind": made.kind})
    if outdated is not None:
        shutil.rmtree(ws.store.feature_dir(made.dataset_id, outdated), ignore_errors=True)
