"""Delete a dataset: its rows in pieces (a long transaction would hold everybody up), then its files."""

from pathlib import Path

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from eobench_dash.db.models import (
    Advice,
    AnnotationBatch,
    AnnotationEvent,
    Assignment,
    ClusterSet,
    Dataset,
    Embedding,
    FeatureSet,
    Job,
    Label,
    MetricRun,
    Patch,
    PatchLabel,
    PatchWindow,
    Product,
    SavedSelection,
)
from eobench_dash.domain.jobs import JobKind
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.services.uploads import remove_upload
from eobench_dash.services.workspace import Workspace

PIECE = 50_000


def run(ws: Workspace, job: JobHandle) -> None:
    """Delete the dataset of the job. Safe to run again after it was cut off."""
    dataset_id = int(job.dataset_id or 0)
    with ws.db.read() as session:
        dataset = session.get(Dataset, dataset_id)
        sources = _sources(session, dataset_id)
        others = session.scalars(select(Dataset.root).where(Dataset.id != dataset_id, Dataset.root.is_not(None)))
        in_use = [Path(root) for root in others if root]
    total = dataset.patch_count if dataset else 0
    for start in range(0, total, PIECE):
        with ws.db.write() as session:
            job.fence(session)
            for model in (AnnotationEvent, PatchLabel, PatchWindow, Patch):
                session.execute(
                    delete(model).where(
                        model.dataset_id == dataset_id, model.ordinal >= start, model.ordinal < start + PIECE
                    )
                )
        job.progress(0.9 * min(1.0, (start + PIECE) / total), f"{min(start + PIECE, total):,} of {total:,} patches")
    with ws.db.write() as session:
        job.fence(session)
        _rest(session, dataset_id)
        job.mark_done_in(session, {})
    ws.store.remove_dataset(dataset_id)
    for path in sources:
        remove_upload(ws, path=path, in_use=in_use)


def _sources(session: Session, dataset_id: int) -> list[Path]:
    """What the dataset was imported from."""
    imports = session.scalars(select(Job).where(Job.kind == JobKind.IMPORT, Job.dataset_id == dataset_id))
    return [Path(job.args["path"]) for job in imports if job.args.get("path")]


def _rest(session: Session, dataset_id: int) -> None:
    made = (MetricRun, Advice, ClusterSet, SavedSelection, Embedding, FeatureSet)
    for model in (AnnotationEvent, PatchLabel, PatchWindow, Patch, Product, *made, Assignment):
        session.execute(delete(model).where(model.dataset_id == dataset_id))
    session.execute(update(AnnotationBatch).where(AnnotationBatch.dataset_id == dataset_id).values(undoes_id=None))
    session.execute(delete(AnnotationBatch).where(AnnotationBatch.dataset_id == dataset_id))
    session.execute(update(Label).where(Label.dataset_id == dataset_id).values(merged_into_id=None))
    session.execute(delete(Label).where(Label.dataset_id == dataset_id))
    session.execute(delete(Dataset).where(Dataset.id == dataset_id))
