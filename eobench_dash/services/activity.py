"""What happened lately, and what the cleaning of a dataset changed altogether."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from eobench_dash.db.models import AnnotationBatch, Dataset, Job, Label, Patch, User
from eobench_dash.domain.annotations import EventSource
from eobench_dash.domain.datasets import DatasetState
from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import Principal
from eobench_dash.services.access import visible_dataset
from eobench_dash.services.batches import UNLABELLED
from eobench_dash.services.workspace import Workspace

OVER = {
    JobState.DONE: "finished",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "was cancelled",
}


@dataclass(frozen=True)
class ActivityInfo:
    """One line of "recent activity": ``who`` ``what`` in ``dataset``, at a time.

    ``kind`` is the batch's source (map, command, merge, undo, import) or ``job``; ``ref`` the batch's or job's id.
    """

    at: datetime
    who: str
    what: str
    why: str
    dataset_id: int | None
    dataset: str
    kind: str
    ref: int
    patches: int = 0


@dataclass(frozen=True)
class GroupChange:
    """How many patches carried a label when they came in, and how many do now. ``label`` ``unlabelled``: none."""

    code: int
    label: str
    color: str
    before: int
    after: int


@dataclass(frozen=True)
class Flow:
    """How many patches went from one label to another, between import and now."""

    from_label: str
    to_label: str
    patches: int


@dataclass(frozen=True)
class ChangeSummary:
    """What cleaning changed: the sizes of the groups before and after, and who went where (largest flow first)."""

    patches: int
    changed: int
    groups: tuple[GroupChange, ...]
    flows: tuple[Flow, ...]


def recent(ws: Workspace, who: Principal, *, limit: int = 20, dataset_id: int | None = None) -> list[ActivityInfo]:
    """The newest label batches and ended jobs, newest first; of one dataset, if given. Nothing for anonymous people."""
    if who.anonymous:
        return []
    limit = max(1, min(limit, 200))
    batches = (
        select(AnnotationBatch, func.coalesce(User.name, ""), Dataset.name)
        .join(Dataset, Dataset.id == AnnotationBatch.dataset_id)
        .outerjoin(User, User.id == AnnotationBatch.user_id)
        .where(Dataset.state == DatasetState.READY.value)
        .order_by(AnnotationBatch.id.desc())
        .limit(limit)
    )
    jobs = (
        select(Job, func.coalesce(User.name, ""), func.coalesce(Dataset.name, ""))
        .outerjoin(Dataset, Dataset.id == Job.dataset_id)
        .outerjoin(User, User.id == Job.owner_id)
        .where(Job.state.in_([state.value for state in OVER]), Job.finished_at.is_not(None))
        .order_by(Job.finished_at.desc())
        .limit(limit)
    )
    if dataset_id is not None:
        batches = batches.where(AnnotationBatch.dataset_id == dataset_id)
        jobs = jobs.where(Job.dataset_id == dataset_id)
    with ws.db.read() as session:
        found = [_batch(*row) for row in session.execute(batches)]
        found += [_job(*row) for row in session.execute(jobs)]
    return sorted(found, key=lambda activity: activity.at, reverse=True)[:limit]


def _batch(batch: AnnotationBatch, user: str, dataset: str) -> ActivityInfo:
    return ActivityInfo(
        at=batch.at,
        who=user,
        what=batch.summary,
        why=batch.why,
        dataset_id=batch.dataset_id,
        dataset=dataset,
        kind=EventSource(batch.source).value,
        ref=batch.id,
        patches=batch.patch_count,
    )


def _job(job: Job, user: str, dataset: str) -> ActivityInfo:
    return ActivityInfo(
        at=job.finished_at or job.created_at,
        who=user,
        what=f"{job.title} {OVER[JobState(job.state)]}",
        why=job.error,
        dataset_id=job.dataset_id,
        dataset=dataset,
        kind="job",
        ref=job.id,
    )


def change_summary(ws: Workspace, who: Principal, *, dataset_id: int) -> ChangeSummary:
    """How the labels of today differ from those that the dataset came with."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        pairs = session.execute(
            select(Patch.imported_label_id, Patch.label_id, func.count())
            .where(Patch.dataset_id == dataset_id, Patch.ordinal < dataset.patch_count)
            .group_by(Patch.imported_label_id, Patch.label_id)
        ).all()
        labels = session.scalars(select(Label).where(Label.dataset_id == dataset_id).order_by(Label.code)).all()
    names: dict[int | None, str] = {None: UNLABELLED, **{label.id: label.name for label in labels}}
    before: dict[int | None, int] = dict.fromkeys(names, 0)
    after: dict[int | None, int] = dict.fromkeys(names, 0)
    flows = []
    for old, new, patches in pairs:
        before[old] += patches
        after[new] += patches
        if old != new:
            flows.append(Flow(names[old], names[new], patches))
    groups = [
        GroupChange(label.code, label.name, label.color, before[label.id], after[label.id])
        for label in labels
        if label.merged_into_id is None or before[label.id]
    ]
    if before[None] or after[None]:
        groups.append(GroupChange(NO_LABEL, UNLABELLED, "", before[None], after[None]))
    flows.sort(key=lambda flow: (-flow.patches, flow.from_label, flow.to_label))
    return ChangeSummary(dataset.patch_count, sum(flow.patches for flow in flows), tuple(groups), tuple(flows))
