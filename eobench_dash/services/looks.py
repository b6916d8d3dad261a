"""Which looks a dataset's pixels allow."""

import numpy as np
from sqlalchemy import select

from eobench_dash.db.models import Patch
from eobench_dash.db.queries.datasets import visible_patches
from eobench_dash.domain.looks import Looks, looks_of
from eobench_dash.domain.people import Principal
from eobench_dash.errors import PatchUnreadable, PathRefused
from eobench_dash.services.access import visible_dataset
from eobench_dash.services.pixels import open_pixels, shown_as
from eobench_dash.services.workspace import Workspace

TRIED = 5
"""Patches looked at until one can be read."""


def image_looks(ws: Workspace, who: Principal, *, dataset_id: int) -> Looks:
    """The looks of a dataset's patches, told from the first that can be read; none where there are no pixels."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        query = select(Patch.ordinal, Patch.path).where(visible_patches(dataset)).order_by(Patch.ordinal).limit(TRIED)
        rows = [(ordinal, path) for ordinal, path in session.execute(query)]
    try:
        source = open_pixels(dataset, ws.settings)
    except PatchUnreadable:
        return Looks()
    for ordinal, path in rows:
        try:
            pixels = source.read(ordinal, path)
        except (PatchUnreadable, PathRefused):
            continue
        return looks_of(
            bands=len(pixels),
            eight_bit=pixels.dtype == np.uint8,
            modality=dataset.modality,
            names=shown_as(dataset)["names"],
        )
    return Looks()
