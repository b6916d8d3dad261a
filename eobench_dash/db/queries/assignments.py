"""SQL about who is to clean what, and how far they are."""

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from eobench_dash.db.models import AnnotationBatch, AnnotationEvent, Assignment, Dataset, Label, User
from eobench_dash.domain.annotations import EventKind, EventSource
from eobench_dash.domain.datasets import DatasetState


def assignments() -> Select[Assignment, User, Dataset, Label]:
    """Every assignment in a dataset that people may see, with whose it is and of what (label None: all of it)."""
    return (
        select(Assignment, User, Dataset, Label)
        .join(User, User.id == Assignment.user_id)
        .join(Dataset, Dataset.id == Assignment.dataset_id)
        .outerjoin(Label, Label.id == Assignment.label_id)
        .where(Dataset.state == DatasetState.READY.value)
        .order_by(Assignment.done, Dataset.name, Label.name, User.name, Assignment.id)
    )


def patches_changed(assignment: Assignment) -> Select[int]:
    """How many patches the assigned user moved out of the group (any group, if it is the whole dataset's).

    A patch counts once; batches that were taken back do not count.
    """
    undo = aliased(AnnotationBatch)
    changed = (
        select(func.count(AnnotationEvent.ordinal.distinct()))
        .join(AnnotationBatch, AnnotationBatch.id == AnnotationEvent.batch_id)
        .where(
            AnnotationBatch.dataset_id == assignment.dataset_id,
            AnnotationBatch.user_id == assignment.user_id,
            AnnotationBatch.source != EventSource.UNDO.value,
            ~select(undo.id).where(undo.undoes_id == AnnotationBatch.id).exists(),
            AnnotationEvent.kind == EventKind.SET.value,
        )
    )
    if assignment.label_id is None:
        return changed
    return changed.where(AnnotationEvent.from_label_id == assignment.label_id)
