"""The steps of a dataset's history: who changed what, when, and what can be taken back."""

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from eobench_dash.db.models import AnnotationBatch
from eobench_dash.db.queries import annotations as queries
from eobench_dash.domain.annotations import BatchInfo, EventSource
from eobench_dash.domain.people import Principal, Role
from eobench_dash.errors import NotAllowed, NotFound
from eobench_dash.services.access import may_relabel, shown_name, visible_dataset
from eobench_dash.services.workspace import Workspace

PAGE = 50
FIRST = 6
"""So many patches of a step are shown as pictures."""
MAX_ORDINALS = 200_000
"""As many patches of a step are named at most (an import may hold millions)."""
_REVERSIBLE = frozenset((*queries.UNDOABLE, EventSource.UNDO))


def list_batches(
    ws: Workspace, who: Principal, *, dataset_id: int, mine: bool = False, before: int | None = None, limit: int = PAGE
) -> list[BatchInfo]:
    """The newest steps (if ``mine``, those of ``who`` alone), newest first; ``before``: only those older than that."""
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        query = queries.batches_before(dataset_id, before).limit(max(1, min(limit, PAGE)))
        rows = session.execute(query.where(AnnotationBatch.user_id == who.user_id) if mine else query).all()
        first = _first_patches(session, [batch.id for batch, _, _ in rows])
        everything = _may_undo_all(session, who, dataset_id)
    return [
        BatchInfo(
            id=batch.id,
            at=batch.at,
            who=shown_name(who, name),
            mine=(own := batch.user_id is not None and batch.user_id == who.user_id),
            source=EventSource(batch.source),
            summary=batch.summary,
            why=batch.why,
            patches=batch.patch_count,
            undone=undone,
            may_undo=not undone and batch.source in _REVERSIBLE and (everything or (own and everything is not None)),
            first=first.get(batch.id, ()),
        )
        for batch, name, undone in rows
    ]


def batch_ordinals(ws: Workspace, who: Principal, *, dataset_id: int, batch_id: int) -> tuple[str, list[int]]:
    """A step's summary and its patches, ascending, at most 200,000 of them. NotFound where there is no such step."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        batch = session.get(AnnotationBatch, batch_id)
        if batch is None or batch.dataset_id != dataset_id:
            raise NotFound(f"There is no step {batch_id} in the history of this dataset.")
        found = session.scalars(queries.batch_ordinals(batch_id).limit(MAX_ORDINALS))
        return batch.summary, sorted({ordinal for ordinal in found if ordinal < dataset.patch_count})


def _first_patches(session: Session, batch_ids: list[int]) -> dict[int, tuple[int, ...]]:
    if not batch_ids:
        return {}
    # Each part reads its first rows from the index; a window function would read every event of a large import.
    parts = [queries.first_of_batch(batch_id, FIRST).subquery() for batch_id in batch_ids]
    found: dict[int, list[int]] = {}
    for batch_id, ordinal in session.execute(union_all(*(select(p.c.batch_id, p.c.ordinal) for p in parts))):
        found.setdefault(batch_id, []).append(ordinal)
    return {batch_id: tuple(sorted(set(ordinals))) for batch_id, ordinals in found.items()}


def _may_undo_all(session: Session, who: Principal, dataset_id: int) -> bool | None:
    """Whether ``who`` may take back other people's steps too; None: not even their own."""
    if who.role.rank < Role.EXPERT.rank:
        return None
    try:
        return may_relabel(session, who, dataset_id).everything
    except NotAllowed:  # nothing is assigned to them
        return None
