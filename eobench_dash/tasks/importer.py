"""Rows of an import on their way into the database: written behind the dataset's patch count, then shown at once."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from eobench_dash.db.models import (
    AnnotationBatch,
    AnnotationEvent,
    Dataset,
    FeatureSet,
    Label,
    Patch,
    PatchLabel,
)
from eobench_dash.domain.annotations import EventKind, EventSource
from eobench_dash.domain.datasets import DatasetState, SourceKind
from eobench_dash.domain.importing import ImportReport, PatchRecord, VectorOrigin
from eobench_dash.domain.labels import MAX_LABELS, default_color
from eobench_dash.errors import BadInput, Conflict
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.services.embeddings import queue_map
from eobench_dash.services.features import queue_features
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.features import FeatureArray, FeatureWriter

CHUNK = 5000


class Importer:
    """Writes records in chunks behind the dataset's patch count; ``finish`` moves the count."""

    def __init__(
        self,
        ws: Workspace,
        job: JobHandle,
        dataset_id: int,
        *,
        root: str | None,
        params: dict[str, Any],
        pictures: bool = True,
    ) -> None:
        self.ws, self.job, self.dataset_id, self.root, self.params = ws, job, dataset_id, root, params
        self.pictures = pictures
        self.origin: VectorOrigin | None = None
        self.modality: str | None = None
        self.attribution = ""
        with ws.db.read() as session:
            dataset = session.get_one(Dataset, dataset_id)
            if dataset.root is not None and root is not None and dataset.root != root:
                raise Conflict(
                    f"The dataset's images lie below {dataset.root}, these below {root}. "
                    "Append data from the same folder, or import it as a dataset of its own."
                )
            self.start = self.next = dataset.patch_count
            self.kept_params = dict(dataset.source_params) if self.start else None
            if self.start and not pictures and dataset.source_kind == SourceKind.FILES:
                raise Conflict(
                    f"The patches of {dataset.name} have pictures, these have none; import them by themselves."
                )
            if self.root is None:
                self.root = dataset.root
            labels = list(session.scalars(select(Label).where(Label.dataset_id == dataset_id)))
            self.features = session.scalar(
                select(FeatureSet).where(FeatureSet.dataset_id == dataset_id, FeatureSet.kind == "imported")
            )
        merged = {label.id: label.merged_into_id for label in labels}
        self.label_ids = {label.name: heir(label.id, merged) for label in labels}
        self.next_code = max((label.code for label in labels), default=-1) + 1
        self.any_path = False
        self.batch_id: int | None = None
        self.writer: FeatureWriter | None = None

    def learn(
        self, *, params: dict[str, Any], origin: VectorOrigin | None, modality: str | None, attribution: str
    ) -> None:
        """Take in what the reader found out on the way. Conflict where an append would be read in another way."""
        old = self.kept_params
        if old is not None and self.pictures:
            for key in ("layout", "unit", "bands"):
                if old.get(key) != params.get(key) and (key != "bands" or (old.get(key) and params.get(key))):
                    raise Conflict(
                        f"These pictures are read in another way than the dataset's own ({key}: "
                        f"{_said(params.get(key))} in place of {_said(old.get(key))}); import them by themselves."
                    )
        self.params = {**params, **(old or {})}
        self.origin, self.modality, self.attribution = origin, modality, attribution

    def add_all(self, records: Iterator[PatchRecord], *, total: Callable[[], int | None]) -> None:
        """Every record, with progress; the job may be cancelled between chunks. ``total`` may know more as it goes."""
        while chunk := list(islice(records, CHUNK)):
            with self.ws.db.write() as session:
                self.job.fence(session)
                self._add(session, chunk)
            if chunk[0].vector is not None:
                self._write_vectors(np.stack([r.vector for r in chunk if r.vector is not None]))
            self.next += len(chunk)
            done = self.next - self.start
            expected = total()
            of = f" of about {expected:,}" if expected else ""
            self.job.progress(min(0.98, done / expected) if expected else 0.5, f"{done:,}{of} patches")

    def _add(self, session: Session, chunk: list[PatchRecord]) -> None:
        for name in dict.fromkeys(name for record in chunk for name in record.labels):
            if name not in self.label_ids:
                self.label_ids[name] = self._new_label(session, name)
        rows, further = [], []
        for ordinal, record in enumerate(chunk, start=self.next):
            ids = [self.label_ids[name] for name in record.labels]
            primary = ids[0] if ids else None
            self.any_path = self.any_path or record.path is not None
            rows.append(
                {
                    "dataset_id": self.dataset_id,
                    "ordinal": ordinal,
                    "path": record.path,
                    "lon": record.lon,
                    "lat": record.lat,
                    "label_id": primary,
                    "imported_label_id": primary,
                    "unsure": False,
                    "excluded": False,
                }
            )
            further += [
                {"dataset_id": self.dataset_id, "ordinal": ordinal, "label_id": i} for i in dict.fromkeys(ids[1:])
            ]
        session.execute(insert(Patch), rows)
        if further:
            session.execute(insert(PatchLabel), further)
        self._log(session, self.next, self.next + len(chunk))

    def _new_label(self, session: Session, name: str) -> int:
        if self.next_code >= MAX_LABELS:
            raise BadInput(f"A dataset has at most {MAX_LABELS:,} labels; this one has more. Check the label column.")
        label = Label(
            dataset_id=self.dataset_id,
            code=self.next_code,
            name=name,
            color=default_color(self.next_code),
            import_job_id=self.job.id,
        )
        session.add(label)
        session.flush()
        self.next_code += 1
        return label.id

    def _log(self, session: Session, start: int, stop: int) -> None:
        """One SET event for each labelled patch of the range, written by the database itself."""
        if self.batch_id is None:
            batch = AnnotationBatch(
                dataset_id=self.dataset_id,
                user_id=self.job.owner_id,
                source=EventSource.IMPORT,
                summary=self.job.args["name"],
            )
            session.add(batch)
            session.flush()
            self.batch_id = batch.id
        span = (Patch.dataset_id == self.dataset_id, Patch.ordinal >= start, Patch.ordinal < stop)
        labelled = (
            select(
                Patch.dataset_id,
                Patch.ordinal,
                text(str(int(self.batch_id))),
                text(f"'{EventKind.SET.value}'"),
                Patch.label_id,
            )
            .where(*span, Patch.label_id.is_not(None))
            .order_by(Patch.ordinal)
        )
        columns = ["dataset_id", "ordinal", "batch_id", "kind", "to_label_id"]
        session.execute(insert(AnnotationEvent).from_select(columns, labelled))
        newest = (
            select(func.max(AnnotationEvent.id))
            .where(AnnotationEvent.dataset_id == Patch.dataset_id, AnnotationEvent.ordinal == Patch.ordinal)
            .scalar_subquery()
        )
        session.execute(
            update(Patch).where(*span).values(last_event_id=newest).execution_options(synchronize_session=False)
        )

    def _write_vectors(self, vectors: np.ndarray) -> None:
        if self.writer is None:
            self.writer = FeatureWriter(self.ws.store.tmp(self.job.id) / "vectors", dim=vectors.shape[1])
            if self.features is not None:  # an append: the old rows come first
                old = FeatureArray(self.ws.store.feature_dir(self.dataset_id, self.features.folder))
                for block in old.blocks():
                    self.writer.append(block)
        self.writer.append(vectors)

    def finish(self, report: ImportReport | None) -> None:
        """Show everything, in one transaction."""
        folder = fingerprint = None
        dim = rows = 0
        if self.writer is not None:
            folder = f"imported-{self.job.id}"
            ledger = self.writer.commit(self.ws.store.feature_dir(self.dataset_id, folder))
            dim, rows, fingerprint = ledger.dim, ledger.rows, ledger.fingerprint
        with self.ws.db.write() as session:
            self.job.fence(session)
            dataset = session.get_one(Dataset, self.dataset_id, with_for_update=True)
            dataset.state = DatasetState.READY
            dataset.patch_count = self.next
            dataset.root = self.root
            dataset.source_params = self.params
            dataset.labels_revision += 1
            dataset.import_report = report.to_dict() if report else {}
            if report and not self.start:
                if not (self.any_path and self.job.args["images"] and self.pictures):
                    dataset.source_kind = SourceKind.NONE
                dataset.modality = self.modality or dataset.modality
                dataset.attribution = dataset.attribution or self.attribution
            session.execute(update(Label).where(Label.import_job_id == self.job.id).values(import_job_id=None))
            batch = session.get(AnnotationBatch, self.batch_id) if self.batch_id else None
            if batch is not None:
                batch.patch_count = self.next - self.start
            if folder and fingerprint:
                features = self.features or FeatureSet(dataset_id=self.dataset_id, kind="imported", version=1)
                features = session.merge(features) if self.features else features
                features.dim, features.rows, features.folder, features.fingerprint = dim, rows, folder, fingerprint
                features.source = f"vectors that came with {self.job.args['name']}"
                if self.origin is not None:
                    features.source = self.origin.summary
                    features.params = {**(features.params or {}), "origin": dict(self.origin.facts)}
                session.add(features)
            if self.job.args.get("follow_up"):
                self._follow_up(session, dataset, has_vectors=folder is not None)
            result = {"dataset_id": self.dataset_id, "imported": self.next - self.start}
            self.job.mark_done_in(session, result)

    def _follow_up(self, session: Session, dataset: Dataset, *, has_vectors: bool) -> None:
        """Queue what makes the dataset worth looking at: a map of its own vectors, else descriptors and their map."""
        if has_vectors:
            queue_map(session, dataset, feature="imported", owner=self.job.owner_id)
        elif dataset.source_kind != SourceKind.NONE:
            queue_features(session, dataset, kind="all", owner=self.job.owner_id, follow_up=True)


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "nothing said")


def heir(label_id: int, merged: Mapping[int, int | None]) -> int:
    """The label that holds the patches of one that was merged (and perhaps merged again) away."""
    while (into := merged[label_id]) is not None:
        label_id = into
    return label_id
