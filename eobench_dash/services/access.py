"""Rules that need a look into the database: which datasets somebody sees, which patches they may relabel."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from eobench_dash.db.models import Assignment, Dataset, FeatureSet
from eobench_dash.db.queries import datasets as queries
from eobench_dash.domain.datasets import DatasetState
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.errors import BadInput, NotAllowed, NotFound
from eobench_dash.settings import Settings


@dataclass(frozen=True)
class Scope:
    """What somebody may relabel in a dataset: everything, or the groups of some labels."""

    everything: bool
    label_ids: frozenset[int | None] = frozenset()

    def covers(self, label_id: int | None) -> bool:
        """Whether a patch whose current label is ``label_id`` is in scope."""
        return self.everything or label_id in self.label_ids


MAX_ID = 2**31 - 1
"""PostgreSQL's integer; SQLite would take more, and break at 64 bits."""
MAX_SEED = 2**32 - 1


def check_seed(seed: int | None) -> None:
    """BadInput unless ``seed`` is one that every generator takes."""
    if seed is not None and (type(seed) is not int or not 0 <= seed <= MAX_SEED):
        raise BadInput(f"A seed is a whole number from 0 to {MAX_SEED:,}.")


def shown_name(who: Principal, name: str) -> str:
    """Log-in names are for people who have one: anonymous readers of a public dataset see that it was somebody."""
    return "somebody" if who.anonymous and name else name


def may_see(who: Principal, dataset: Dataset, settings: Settings) -> bool:
    """Everybody logged in sees every dataset; anonymous people the public ones, where EOBENCH_PUBLIC=1."""
    return not who.anonymous or (settings.public and dataset.public)


def visible_dataset(
    session: Session, who: Principal, settings: Settings, dataset_id: int, *, lock: bool = False
) -> Dataset:
    """The dataset, or NotFound where it is missing, not ready, or not for ``who`` to see. ``lock`` for update."""
    dataset = None
    if isinstance(dataset_id, int) and 0 < dataset_id <= MAX_ID:  # addresses and browsers send anything
        query = select(Dataset).where(Dataset.id == dataset_id)
        dataset = session.scalar(query.with_for_update(key_share=True) if lock else query)
    if dataset is None or dataset.state != DatasetState.READY or not may_see(who, dataset, settings):
        raise NotFound(f"There is no dataset {str(dataset_id)[:20]}, or it is not open to you.")
    return dataset


def may_relabel(session: Session, who: Principal, dataset_id: int) -> Scope:
    """What ``who`` may relabel: builders everything, experts what is assigned to them; NotAllowed otherwise."""
    user_id = require(who, Role.EXPERT, what="change labels")
    if who.role.rank >= Role.BUILDER.rank:
        return Scope(everything=True)
    mine = select(Assignment.label_id).where(Assignment.user_id == user_id, Assignment.dataset_id == dataset_id)
    assigned = frozenset(session.scalars(mine))
    if not assigned:
        raise NotAllowed("Nothing in this dataset is assigned to you. Ask a builder for an assignment.")
    return Scope(everything=None in assigned, label_ids=assigned)


def default_feature_set(session: Session, dataset_id: int, kind: str | None) -> FeatureSet:
    """The feature set of ``kind``, or (None) the one people mean: the vectors that came with the
    data, else ``all``, else that of the newest map of all patches (which people look at), else the oldest.

    BadInput says what to do where there is none.
    """
    rows = list(session.scalars(queries.newest_feature_sets(dataset_id)))
    if kind:
        order = [kind]
    else:
        maps = session.execute(queries.newest_embeddings(dataset_id))
        mapped = [features.kind for _, features, label in maps if label is None]
        order = ["imported", "all", *mapped, *(row.kind for row in reversed(rows))]
    for wanted in order:
        for row in rows:
            if row.kind == wanted:
                return row
    if kind:
        have = ", ".join(row.kind for row in rows) or "none yet"
        raise BadInput(f"This dataset has no features of kind {kind!r} (it has: {have}). Compute them first.")
    raise BadInput(
        "This dataset has no features yet. Compute them first: on the dataset's page, or by eobench features."
    )
