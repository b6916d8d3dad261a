"""Compute a feature set: patches are read by threads, described block by block on all cores, and stored as blocks."""

import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import delete, select

from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Patch
from eobench_dash.errors import BadInput, UnsupportedPatch
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml import features as ml
from eobench_dash.services.embeddings import queue_map
from eobench_dash.services.pixels import Pixels, PixelSource, open_pixels
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.features import FeatureArray, FeatureWriter

CHUNK = 256
AHEAD = 4
Vectors = npt.NDArray[np.float32]


def run(ws: Workspace, job: JobHandle) -> None:
    """Describe every patch of a dataset by one kind, and store the vectors in ordinal order.

    A plain kind is stored as it is, with its *space* beside it: the transformed, standardised, rotated vectors in which
    distances are measured. A combined kind is its own space.
    """
    kind = ml.KINDS[job.args["kind"]]
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, job.dataset_id)
        count, modality = dataset.patch_count, dataset.modality
        known = session.scalar(
            select(FeatureSet).where(FeatureSet.dataset_id == dataset.id, FeatureSet.kind == kind.name)
        )
        paths = list(
            session.scalars(
                select(Patch.path).where(Patch.dataset_id == dataset.id, Patch.ordinal < count).order_by(Patch.ordinal)
            )
        )
    if known is not None and (known.rows, known.version) == (count, kind.version):
        _finish(ws, job, features=None)
        return
    names = kind.blocks_for(modality) or (kind.name,)
    folder = ws.store.tmp(job.id)
    _describe_all(open_pixels(dataset, ws.settings), paths, names, modality=modality, folder=folder, job=job)
    blocks = {name: FeatureArray(folder / name).as_array() for name in names}
    job.progress(0.9, "putting the descriptors on one scale")
    combined = ml.combine(blocks)
    features = FeatureSet(
        dataset_id=dataset.id,
        kind=kind.name,
        version=kind.version,
        params={"descriptor": dict(kind.params), "blocks": list(names)},
        rows=count,
        source=kind.description,
    )
    space = f"{kind.name}-{job.id}" if kind.blocks else f"{kind.name}-{job.id}-space"
    with FeatureWriter(folder / "space", dim=combined.shape[1]) as writer:
        writer.append(combined)
        features.fingerprint = writer.commit(ws.store.feature_dir(dataset.id, space)).fingerprint
    features.folder, features.dim = space, combined.shape[1]
    features.params["space"] = space
    if not kind.blocks:
        raw = blocks[kind.name]
        features.folder, features.dim = f"{kind.name}-{job.id}", raw.shape[1]
        with FeatureWriter(folder / "raw", dim=raw.shape[1]) as writer:
            writer.append(raw)
            writer.commit(ws.store.feature_dir(dataset.id, features.folder))
    _finish(ws, job, features=features)
    ws.store.sweep_tmp(job.id)


def sweep(ws: Workspace, job_id: int) -> None:
    """Remove vectors that no feature set names."""
    ws.store.sweep_tmp(job_id)
    with ws.db.read() as session:
        named: dict[int, set[str]] = {}
        for row in session.scalars(select(FeatureSet)):
            named.setdefault(row.dataset_id, set()).update({row.folder, row.params.get("space", row.folder)})
        for dataset_id in session.scalars(select(Dataset.id)):
            parent = ws.store.dataset_dir(dataset_id) / "features"
            for folder in parent.iterdir() if parent.is_dir() else ():
                mine = f"-{job_id}" in folder.name
                if mine and folder.name not in named.get(dataset_id, set()):
                    shutil.rmtree(folder)


def _describe_all(
    source: PixelSource,
    paths: list[str | None],
    names: tuple[str, ...],
    *,
    modality: str,
    folder: Any,
    job: JobHandle,
) -> None:
    writers: dict[str, FeatureWriter] = {}
    done = 0
    for pixels in _chunks(source, paths):
        for name in names:
            vectors = _describe(name, pixels, modality=modality, first=done)
            if name not in writers:
                writers[name] = FeatureWriter(folder / f"{name}-work", dim=vectors.shape[1])
            writers[name].append(vectors)
        done += len(pixels)
        job.progress(0.88 * done / len(paths), f"{done:,} of {len(paths):,} patches described")
    for name, writer in writers.items():
        writer.commit(folder / name)


def _chunks(source: PixelSource, paths: list[str | None]) -> Iterator[list[Pixels]]:
    """Chunks of patches in ordinal order, read ahead by threads (decoders leave Python's lock)."""
    starts = iter(range(0, len(paths), CHUNK))

    def read(start: int) -> list[Pixels]:
        stop = min(start + CHUNK, len(paths))
        return source.read_many(range(start, stop), paths[start:stop])

    with ThreadPoolExecutor(2) as pool:
        waiting: list[Future[list[Pixels]]] = [pool.submit(read, start) for start in islice(starts, AHEAD)]
        while waiting:
            yield waiting.pop(0).result()
            if (start := next(starts, None)) is not None:
                waiting.append(pool.submit(read, start))


def _describe(name: str, pixels: list[Pixels], *, modality: str, first: int) -> Vectors:
    """Vectors of a chunk whose patches may differ in size (but not in bands)."""
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for i, patch in enumerate(pixels):
        by_shape.setdefault(patch.shape, []).append(i)
    result: Vectors | None = None
    for shape, rows in by_shape.items():
        try:
            vectors = ml.describe(name, np.stack([pixels[i] for i in rows]), modality=modality)
        except UnsupportedPatch as error:
            raise BadInput(f"Patch {first + rows[0]} cannot be described. {error}") from error
        if result is None:
            result = np.empty((len(pixels), vectors.shape[1]), dtype=np.float32)
        if vectors.shape[1] != result.shape[1]:
            raise BadInput(
                f"Patch {first + rows[0]} has {shape[0]} bands, others have {pixels[0].shape[0]}. "
                "One descriptor needs patches with the same bands; import them as two datasets."
            )
        result[rows] = vectors
    if result is None:
        raise BadInput("The dataset holds no patch.")
    return result


def _finish(ws: Workspace, job: JobHandle, *, features: FeatureSet | None) -> None:
    """Put the new feature set in place of an older one of its kind (whose maps go with it), and queue what follows."""
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
            queue_map(session, dataset, feature=job.args["kind"], owner=job.owner_id)
        job.mark_done_in(session, {"kind": job.args["kind"]})
    for name in outdated:
        shutil.rmtree(ws.store.feature_dir(int(job.dataset_id or 0), name), ignore_errors=True)


def _replace(old: FeatureSet, new: FeatureSet) -> None:
    for column in ("version", "params", "dim", "rows", "source", "folder", "fingerprint"):
        setattr(old, column, getattr(new, column))
