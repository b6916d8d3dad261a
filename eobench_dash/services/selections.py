"""Selections that a link names: saved once, opened by everybody who sees the dataset."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from eobench_dash.db.models import SavedSelection
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.domain.selections import check_ordinals, pack_ordinals, selection_fingerprint, unpack_ordinals
from eobench_dash.errors import Conflict, NotFound
from eobench_dash.services.access import MAX_ID, visible_dataset
from eobench_dash.services.workspace import Workspace

MAX_KEPT = 2_000
"""So many different selections of one dataset are kept for one person: links are for a view, not for storage."""
MAX_KEPT_PATCHES = 20_000_000
"""And so many patches in all of them together: some 40 MB where they lie at random."""


def save_selection(ws: Workspace, who: Principal, *, dataset_id: int, ordinals: Sequence[int]) -> int:
    """Keep a selection for a link; its id (the one it has, where it was saved before). Anybody logged in may."""
    owner = require(who, Role.READER, what="save a selection")
    with ws.db.read() as session:
        patch_count = visible_dataset(session, who, ws.settings, dataset_id).patch_count
    chosen = check_ordinals(ordinals, patch_count=patch_count)
    mark, packed = selection_fingerprint(chosen), pack_ordinals(chosen)  # a million take a while: not under the lock
    with ws.db.write() as session:
        visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        saved = SavedSelection.dataset_id == dataset_id
        known = session.scalar(select(SavedSelection.id).where(saved, SavedSelection.fingerprint == mark).limit(1))
        if known is not None:
            return known
        _check_room(session, owner, dataset_id, len(chosen))
        row = SavedSelection(
            dataset_id=dataset_id, fingerprint=mark, patch_count=len(chosen), ordinals=packed, user_id=owner
        )
        session.add(row)
        session.flush()
        return row.id


def _check_room(session: Session, owner: int, dataset_id: int, patches: int) -> None:
    sizes = select(func.count(SavedSelection.id), func.coalesce(func.sum(SavedSelection.patch_count), 0))
    of_owner = sizes.where(SavedSelection.dataset_id == dataset_id, SavedSelection.user_id == owner)
    kept, kept_patches = session.execute(of_owner).one()
    full = f"{MAX_KEPT:,} selections" if kept >= MAX_KEPT else ""
    if kept_patches + patches > MAX_KEPT_PATCHES:
        full = f"selections of {MAX_KEPT_PATCHES:,} patches"
    if full:
        raise Conflict(f"You have saved {full} of this dataset; links to older ones still work.")


def open_selection(ws: Workspace, who: Principal, *, dataset_id: int, selection_id: int) -> NDArray[np.uint32]:
    """The patches of a saved selection, ascending, shape (n,)."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        row = session.get(SavedSelection, selection_id) if 0 < selection_id <= MAX_ID else None
        if row is None or row.dataset_id != dataset_id:
            raise NotFound("The selection of this link is not known; the view is shown without it.")
        ordinals = unpack_ordinals(row.ordinals)
    return ordinals[ordinals < dataset.patch_count]
