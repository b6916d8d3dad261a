"""SQL of a dataset's report: who changed what since the import, and whether anything changed since the verification."""

from datetime import datetime

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import aliased

from eobench_dash.db.models import AnnotationBatch, AnnotationEvent, Dataset, Label, Patch, User
from eobench_dash.db.queries.annotations import UNDOABLE
from eobench_dash.db.queries.datasets import visible_patches


def contributions(dataset_id: int) -> Select[str, int, int, int, datetime]:
    """Per person: name, batches, patches changed, of these taken back since, time of the last batch; most first."""
    undo = aliased(AnnotationBatch)
    undone = select(undo.id).where(undo.undoes_id == AnnotationBatch.id).exists()
    name = func.coalesce(User.name, "the command line")
    patches = func.sum(AnnotationBatch.patch_count)
    return (
        select(
            name,
            func.count(),
            patches,
            func.sum(case((undone, AnnotationBatch.patch_count), else_=0)),
            func.max(AnnotationBatch.at),
        )
        .outerjoin(User, User.id == AnnotationBatch.user_id)
        .where(
            AnnotationBatch.dataset_id == dataset_id,
            AnnotationBatch.source.in_([source.value for source in UNDOABLE]),
        )
        .group_by(name)
        .order_by(patches.desc(), name)
    )


def moves(dataset: Dataset) -> Select[str | None, str | None, int]:
    """(label at import, label now, patches) where the two differ, most first."""
    before, after, patches = aliased(Label), aliased(Label), func.count()
    return (
        select(before.name, after.name, patches)
        .select_from(Patch)
        .outerjoin(before, before.id == Patch.imported_label_id)
        .outerjoin(after, after.id == Patch.label_id)
        .where(
            visible_patches(dataset),
            or_(
                Patch.imported_label_id != Patch.label_id,
                Patch.imported_label_id.is_(None) & Patch.label_id.is_not(None),
                Patch.imported_label_id.is_not(None) & Patch.label_id.is_(None),
            ),
        )
        .group_by(before.name, after.name)
        .order_by(patches.desc(), before.name, after.name)
    )


def marks(dataset: Dataset) -> Select[int, int, int]:
    """(patches without a label, unsure, excluded)."""
    return select(
        func.coalesce(func.sum(case((Patch.label_id.is_(None), 1), else_=0)), 0),
        func.coalesce(func.sum(case((Patch.unsure, 1), else_=0)), 0),
        func.coalesce(func.sum(case((Patch.excluded, 1), else_=0)), 0),
    ).where(visible_patches(dataset))


def events_since(dataset_id: int, event_id: int) -> Select[int]:
    """How many events came after one."""
    return select(func.count()).where(AnnotationEvent.dataset_id == dataset_id, AnnotationEvent.id > event_id)
