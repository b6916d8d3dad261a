"""Import a dataset: rows go in, chunk by chunk, out of everybody's sight, and are shown by one last transaction."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import delete, select, update

from eobench_dash.db.models import (
    AnnotationBatch,
    AnnotationEvent,
    Dataset,
    Job,
    Label,
    Patch,
    PatchLabel,
)
from eobench_dash.domain.annotations import EventSource
from eobench_dash.domain.datasets import DatasetState, SourceKind
from eobench_dash.domain.importing import ImportOptions, PatchRecord
from eobench_dash.errors import BadInput, Conflict
from eobench_dash.formats import read
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.services.importing import confine
from eobench_dash.services.workspace import Workspace
from eobench_dash.simulate import SimulatedScenes
from eobench_dash.tasks.importer import CHUNK, Importer


def run(ws: Workspace, job: JobHandle) -> None:
    """Import what the job names. Its last transaction shows the rows, or nothing is left."""
    dataset_id = _ensure_dataset(ws, job)
    if job.args["source"] == SourceKind.SIMULATED:
        params = job.args["params"]
        importer = Importer(ws, job, dataset_id, root=None, params=params)
        importer.add_all(_simulated(params), total=lambda: params["count"])
        importer.finish(None)
        return
    path = confine(ws.settings, job.args["path"])  # again: links may have changed since it was asked for

    def reading(done: int, total: int | None) -> None:
        job.progress(0.98 * done / total if total else 0.0, f"reading {path.name}")

    with read(
        path,
        format=job.args["format"],
        root=None,
        check_images=job.args["images"],
        progress=reading,
        workdir=ws.store.tmp(job.id),
        options=ImportOptions.from_dict(job.args.get("options", {})),
    ) as reader:
        if job.args["append"]:
            reader.skip(_known_paths(ws, dataset_id))
        root = str(reader.root) if reader.pictures else None
        importer = Importer(ws, job, dataset_id, root=root, params={}, pictures=reader.pictures)
        if job.args["append"]:
            reader.expect_vectors(importer.features.dim if importer.features else None)
        importer.add_all(reader.records(), total=lambda: reader.total_hint)
        seen = reader.report()
        importer.learn(
            params=reader.source_params() if reader.pictures else {},
            origin=reader.origin(),
            modality=reader.modality,
            attribution=reader.attribution,
        )
    if seen.imported == 0:
        first = seen.issues[0].message if seen.issues else "It holds no image and no row."
        raise BadInput(f"Nothing could be imported from {path.name}. {first}")
    importer.finish(seen)
    ws.store.sweep_tmp(job.id)


def sweep(ws: Workspace, job_id: int) -> None:
    """Remove what an import that did not end well has left behind."""
    ws.store.sweep_tmp(job_id)
    with ws.db.write() as session:
        job = session.get(Job, job_id)
        dataset = session.get(Dataset, job.dataset_id) if job and job.dataset_id else None
        if dataset is None:
            return
        dataset_id = dataset.id
        shown = dataset.patch_count
        new = dataset.state == DatasetState.IMPORTING
        unseen = (AnnotationEvent.dataset_id == dataset_id, AnnotationEvent.ordinal >= shown)
        session.execute(delete(AnnotationEvent).where(*unseen))
        session.execute(delete(PatchLabel).where(PatchLabel.dataset_id == dataset_id, PatchLabel.ordinal >= shown))
        session.execute(delete(Patch).where(Patch.dataset_id == dataset_id, Patch.ordinal >= shown))
        session.execute(delete(Label).where(Label.dataset_id == dataset_id, Label.import_job_id == job_id))
        with_events = select(AnnotationEvent.batch_id).where(AnnotationEvent.dataset_id == dataset_id)
        session.execute(
            delete(AnnotationBatch).where(
                AnnotationBatch.dataset_id == dataset_id,
                AnnotationBatch.source == EventSource.IMPORT,
                AnnotationBatch.id.not_in(with_events),
            )
        )
        if new:
            session.delete(dataset)
    if new:
        ws.store.remove_dataset(dataset_id)


def _ensure_dataset(ws: Workspace, job: JobHandle) -> int:
    """The dataset row: made when the import was asked for, made again when a swept import is retried."""
    args = job.args
    with ws.db.write() as session:
        job.fence(session)
        if job.dataset_id is not None and session.get(Dataset, job.dataset_id) is not None:
            return job.dataset_id
        if args["append"]:
            raise Conflict(f"The dataset {args['name']} that this was to be appended to does not exist any more.")
        if session.scalar(select(Dataset.id).where(Dataset.name == args["name"])) is not None:
            raise Conflict(f"There is another dataset called {args['name']} by now; import under another name.")
        dataset = Dataset(
            name=args["name"],
            state=DatasetState.IMPORTING,
            source_kind=args["source"],
            modality=args["modality"],
            simulated=args["source"] == SourceKind.SIMULATED,
            created_by=job.owner_id,
            attribution=args["attribution"],
        )
        session.add(dataset)
        session.flush()
        job.dataset_id = dataset.id
        session.execute(update(Job).where(Job.id == job.id).values(dataset_id=dataset.id))
        return dataset.id


def _known_paths(ws: Workspace, dataset_id: int) -> frozenset[str]:
    with ws.db.read() as session:
        query = select(Patch.path).where(Patch.dataset_id == dataset_id, Patch.path.is_not(None))
        return frozenset(path for path in session.scalars(query) if path is not None)


def _simulated(params: dict[str, Any]) -> Iterator[PatchRecord]:
    scenes = SimulatedScenes(**params)
    for start in range(0, params["count"], CHUNK):
        ordinals = np.arange(start, min(start + CHUNK, params["count"]))
        lonlat = np.asarray(scenes.lonlat(ordinals))
        for ordinal, label, (lon, lat) in zip(ordinals.tolist(), scenes.labels(ordinals), lonlat.tolist(), strict=True):
            yield PatchRecord(path=f"simulated/{ordinal:08d}", labels=(label,), lon=lon, lat=lat)
