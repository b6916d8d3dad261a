"""Who is to clean what: assign a label group or a whole dataset to an expert, and see how far they are."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from eobench_dash.db.models import Assignment, Dataset, Label, Patch, User
from eobench_dash.db.queries import assignments as queries
from eobench_dash.domain.people import Principal, Role, clean_user_name, require
from eobench_dash.errors import BadInput, Conflict, NotAllowed, NotFound
from eobench_dash.services.access import may_relabel, visible_dataset
from eobench_dash.services.batches import clean_text
from eobench_dash.services.vocabulary import named_label
from eobench_dash.services.workspace import Workspace


@dataclass(frozen=True)
class TaskInfo:
    """An assignment, and how far it is. ``label`` None: the whole dataset.

    ``patches``: how many are in the group now; ``changed``: how many ``user`` moved out of it and did not take back.
    """

    id: int
    user: str
    dataset_id: int
    dataset: str
    label: str | None
    label_code: int | None
    color: str
    patches: int
    changed: int
    note: str
    done: bool
    created_at: datetime


def assign(
    ws: Workspace, who: Principal, *, user: str, dataset_id: int, label: str | None = None, note: str = ""
) -> TaskInfo:
    """Give an expert a label group, or (label None) the whole dataset, to clean.

    Raises NotFound (user, label), Conflict where it is theirs already, BadInput where the user could not work on it.
    """
    builder = require(who, Role.BUILDER, what="assign work")
    text = clean_text(note, what="A note")
    with ws.db.write() as session:
        # The lock also makes the look for a twin below sure: NULL labels are all different to a unique constraint.
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        person = session.scalar(select(User).where(User.name == clean_user_name(user)))
        if person is None or person.disabled:
            raise NotFound(f"There is no user {user!r} who can log in. Add the user first.")
        if Role(person.role).rank < Role.EXPERT.rank:
            raise BadInput(f"{person.name} is a reader and cannot change labels. Give the role expert first.")
        group = None if label is None else named_label(session, dataset, label, create=False)
        group_id = None if group is None else group.id
        same = select(Assignment.id).where(
            Assignment.user_id == person.id,
            Assignment.dataset_id == dataset_id,
            Assignment.label_id.is_not_distinct_from(group_id),
        )
        if session.scalar(same) is not None:
            what = dataset.name if group is None else f"{group.name} of {dataset.name}"
            raise Conflict(f"{what} is assigned to {person.name} already.")
        task = Assignment(user_id=person.id, dataset_id=dataset_id, label_id=group_id, note=text, created_by=builder)
        session.add(task)
        session.flush()
        return _info(session, task, person, dataset, group)


def unassign(ws: Workspace, who: Principal, *, assignment_id: int) -> None:
    """Take an assignment away; what was changed under it stays. NotFound where there is none."""
    require(who, Role.BUILDER, what="take an assignment away")
    with ws.db.write() as session:
        session.delete(_task(session, assignment_id))


def set_done(ws: Workspace, who: Principal, *, assignment_id: int, done: bool = True) -> TaskInfo:
    """Say that an assignment is (or is not) finished: whose it is says so, or a builder."""
    user_id = require(who, Role.EXPERT, what="finish an assignment")
    with ws.db.write() as session:
        task = _task(session, assignment_id)
        if task.user_id != user_id and who.role.rank < Role.BUILDER.rank:
            raise NotAllowed("This assignment is somebody else's. Only they or a builder can finish it.")
        task.done = done
        session.flush()
        visible_dataset(session, who, ws.settings, task.dataset_id)
        return _tasks(session, Assignment.id == task.id)[0]


def refusal(ws: Workspace, who: Principal, *, dataset_id: int) -> str:
    """Why ``who`` may not change any label of the dataset, as a sentence; "" where they may change some."""
    try:
        with ws.db.read() as session:
            may_relabel(session, who, dataset_id)
    except NotAllowed as error:
        return str(error)
    return ""


def my_tasks(ws: Workspace, who: Principal) -> list[TaskInfo]:
    """What is assigned to ``who``, unfinished first. Nothing for anonymous people."""
    if who.user_id is None:
        return []
    with ws.db.read() as session:
        return _tasks(session, Assignment.user_id == who.user_id)


def list_assignments(ws: Workspace, who: Principal, *, dataset_id: int) -> list[TaskInfo]:
    """Everything assigned in a dataset, unfinished first; for experts and above."""
    require(who, Role.EXPERT, what="see assignments")
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        return _tasks(session, Assignment.dataset_id == dataset_id)


def _task(session: Session, assignment_id: int) -> Assignment:
    task = session.get(Assignment, assignment_id)
    if task is None:
        raise NotFound(f"There is no assignment {assignment_id}; it may have been taken away.")
    return task


def _tasks(session: Session, wanted: ColumnElement[bool]) -> list[TaskInfo]:
    return [_info(session, *row) for row in session.execute(queries.assignments().where(wanted))]


def _info(session: Session, task: Assignment, user: User, dataset: Dataset, label: Label | None) -> TaskInfo:
    in_group = select(func.count()).where(Patch.dataset_id == dataset.id, Patch.label_id == task.label_id)
    return TaskInfo(
        id=task.id,
        user=user.name,
        dataset_id=dataset.id,
        dataset=dataset.name,
        label=label.name if label else None,
        label_code=label.code if label else None,
        color=label.color if label else "",
        patches=(session.scalar(in_group) or 0) if label else dataset.patch_count,
        changed=session.scalar(queries.patches_changed(task)) or 0,
        note=task.note,
        done=task.done,
        created_at=task.created_at,
    )
