"""A small dataset with people around it, for tests of the services and routes that change labels."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import select

from eobench_dash.db.models import AnnotationEvent, Assignment, Dataset, Label, Patch, User
from eobench_dash.domain.annotations import EventKind
from eobench_dash.domain.labels import default_color
from eobench_dash.domain.people import Principal, Role
from eobench_dash.services.workspace import Workspace


@dataclass
class Lakes:
    """A dataset of 12 patches: 0-4 River, 5-8 Lake, 9-10 Sea, 11 without label. ``who``: principals by name."""

    ws: Workspace
    id: int
    who: dict[str, Principal]
    names: tuple[str, ...] = ("River", "Lake", "Sea")
    initial: dict[int, str | None] = field(default_factory=dict)

    def labels(self) -> list[str | None]:
        """The current label of every patch, read from the patch rows."""
        query = select(Label.name).select_from(Patch).outerjoin(Label, Label.id == Patch.label_id)
        with self.ws.db.read() as session:
            return list(session.scalars(query.where(Patch.dataset_id == self.id).order_by(Patch.ordinal)))

    def patches(self) -> list[Patch]:
        with self.ws.db.read() as session:
            return list(session.scalars(select(Patch).where(Patch.dataset_id == self.id).order_by(Patch.ordinal)))

    def events(self) -> list[AnnotationEvent]:
        with self.ws.db.read() as session:
            query = select(AnnotationEvent).where(AnnotationEvent.dataset_id == self.id)
            return list(session.scalars(query.order_by(AnnotationEvent.id)))

    def dataset(self) -> Dataset:
        with self.ws.db.read() as session:
            return session.get_one(Dataset, self.id)

    def assign(self, user: str, label: str | None) -> None:
        with self.ws.db.write() as session:
            label_id = session.scalar(select(Label.id).where(Label.dataset_id == self.id, Label.name == label))
            session.add(Assignment(user_id=self.who[user].user_id, dataset_id=self.id, label_id=label_id))

    def check_in_step(self) -> None:
        """The invariants: patch rows follow the log, each event starts where the one before it ended."""
        with self.ws.db.read() as session:
            label_ids = {
                label.name: label.id for label in session.scalars(select(Label).where(Label.dataset_id == self.id))
            }
        by_patch: dict[int, list[AnnotationEvent]] = {}
        for event in self.events():
            by_patch.setdefault(event.ordinal, []).append(event)
        for patch in self.patches():
            log = by_patch.get(patch.ordinal, [])
            label_id = label_ids.get(self.initial[patch.ordinal] or "")
            before, flags = None, {EventKind.UNSURE: False, EventKind.EXCLUDE: False}
            for event in log:
                assert event.from_label_id == label_id
                assert event.replaces_id == before
                before = event.id
                if event.kind == EventKind.SET:
                    label_id = event.to_label_id
                else:
                    flags[EventKind(event.kind)] ^= True
            assert patch.label_id == label_id
            assert patch.last_event_id == before
            assert (patch.unsure, patch.excluded) == tuple(flags.values())


PEOPLE = {"ada": Role.ADMIN, "ben": Role.BUILDER, "eva": Role.EXPERT, "eli": Role.EXPERT, "rob": Role.READER}


def add_crew(workspace: Workspace) -> dict[str, Principal]:
    """People with rows of their own: ada (admin), ben (builder), eva and eli (experts), rob (reader)."""
    with workspace.db.write() as session:
        rows = [User(name=f"lake-{name}", password_hash="x", role=role) for name, role in PEOPLE.items()]
        session.add_all(rows)
        session.flush()
        return {
            name: Principal(row.id, row.name, role, session_key=f"s-{name}")
            for (name, role), row in zip(PEOPLE.items(), rows, strict=True)
        }


def _group(ordinal: int) -> int | None:
    return int(np.searchsorted([5, 9], ordinal, "right")) if ordinal < 11 else None


def add_lakes(
    workspace: Workspace,
    crew: dict[str, Principal],
    name: str = "Lakes",
    *,
    count: int = 12,
    label_of: Callable[[int], int | None] = _group,
    **columns: object,
) -> Lakes:
    """A dataset of any size: ``label_of(ordinal)`` is the index of a name, or None; ``columns``: of the dataset."""
    with workspace.db.write() as session:
        dataset = Dataset(name=name, patch_count=count, **{"state": "ready", "source_kind": "none"} | columns)
        session.add(dataset)
        session.flush()
        made = Lakes(workspace, dataset.id, crew)
        labels = [
            Label(dataset_id=dataset.id, code=code, name=title, color=default_color(code))
            for code, title in enumerate(made.names)
        ]
        session.add_all(labels)
        session.flush()
        for ordinal in range(count):
            index = label_of(ordinal)
            label = None if index is None else labels[index]
            made.initial[ordinal] = label.name if label else None
            path = f"{label.name if label else 'none'}/{ordinal}.png"
            label_id = label.id if label else None
            session.add(
                Patch(dataset_id=dataset.id, ordinal=ordinal, path=path, label_id=label_id, imported_label_id=label_id)
            )
    return made
