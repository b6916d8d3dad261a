"""A map's thumbnail sheets: made when somebody looks, or ahead by a job; kept until map or pictures change."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset, Embedding, Patch
from eobench_dash.domain.datasets import SourceKind
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.people import Principal
from eobench_dash.domain.sheets import PER_SHEET, check_tile, pack_places, sheet_count
from eobench_dash.errors import NotFound, PatchUnreadable, PathRefused
from eobench_dash.jobs.queue import enqueue_once
from eobench_dash.ml.sheets import inverse_order, sheet_order
from eobench_dash.services.access import visible_dataset
from eobench_dash.services.pixels import FilePixels, open_pixels, shown_as
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import load_arrays
from eobench_dash.store.render import Rgb, render
from eobench_dash.store.sheets import COARSE, FINE, SheetFolder, draw_coarse, draw_fine, missing_tile, tile_of

VERSION = 1
"""Of the order and the drawing; another one makes all sheets anew."""
WAIT_S = 1.0
BYTES_PER_PATCH = 1000
_AT_ONCE = 64  # simulated pictures drawn together


class SheetBook:
    """The sheets of one map: reads those there are, makes those there are not. PatchUnreadable without pictures."""

    def __init__(self, ws: Workspace, dataset: Dataset, embedding: Embedding) -> None:
        self._ws, self._dataset, self._embedding = ws, dataset, embedding
        self._source = open_pixels(dataset, ws.settings)
        self.rows = embedding.rows
        self.key = sheets_key(dataset, embedding)
        self.folder = SheetFolder(ws.store, dataset.id, self.key)

    def order(self) -> npt.NDArray[np.uint32]:
        """The ordinals in sheet order, (rows,)."""
        known = self.folder.order()
        if known is not None:
            return known
        with _ORDERING:  # seconds of a million patches: once is enough
            return self._ordered()

    def _ordered(self) -> npt.NDArray[np.uint32]:
        known = self.folder.order()
        if known is not None:
            return known
        self.folder.make_room(self.rows * BYTES_PER_PATCH)
        arrays = self._arrays()
        order = sheet_order(arrays["xy"], coarse=PER_SHEET[COARSE], fine=PER_SHEET[FINE])
        if "ordinals" in arrays:
            order = arrays["ordinals"][order]
        self.folder.keep_order(order)
        return order

    def places(self) -> npt.NDArray[np.uint32]:
        """The place of every point of the map, (rows,)."""
        order = np.asarray(self.order())
        ordinals = self._arrays().get("ordinals")
        if ordinals is None:
            return inverse_order(order)
        ascending = np.argsort(order)
        return ascending[np.searchsorted(order, ordinals, sorter=ascending)].astype(np.uint32)

    def sheet(self, tile: int, number: int) -> bytes:
        """One sheet, made and kept if need be."""
        known = self.folder.read(tile, number)
        if known is not None:
            return known
        made = self._fine(number) if tile == FINE else self._coarse(number)
        self.folder.keep(tile, number, made)
        return made

    def _coarse(self, number: int) -> bytes:
        ratio = PER_SHEET[COARSE] // PER_SHEET[FINE]
        last = min((number + 1) * ratio, sheet_count(self.rows, FINE))
        return draw_coarse([self.sheet(FINE, fine) for fine in range(number * ratio, last)])

    def _fine(self, number: int) -> bytes:
        per = PER_SHEET[FINE]
        ordinals = self.order()[number * per : (number + 1) * per].tolist()
        with self._ws.db.read() as session:
            query = select(Patch.ordinal, Patch.path).where(
                Patch.dataset_id == self._dataset.id, Patch.ordinal.in_(ordinals)
            )
            paths: dict[int, str | None] = {row.ordinal: row.path for row in session.execute(query)}
        # Files may be large: one after the other. The simulator draws many as quickly as one.
        step = 1 if isinstance(self._source, FilePixels) else _AT_ONCE
        tiles: list[Rgb] = []
        for start in range(0, len(ordinals), step):
            some = ordinals[start : start + step]
            tiles += self._tiles(some, [paths.get(ordinal) for ordinal in some])
        return draw_fine(tiles)

    def _tiles(self, ordinals: list[int], paths: list[str | None]) -> list[Rgb]:
        try:
            read = self._source.read_many(ordinals, paths)
            shown = shown_as(self._dataset)
            return [tile_of(render(pixels, self._dataset.modality, **shown)) for pixels in read]
        except (PatchUnreadable, PathRefused):
            return [missing_tile()] * len(ordinals)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        path = self._ws.store.artefact_path(self._dataset.id, self._embedding.artefact, ".npz")
        return load_arrays(path)


def sheets_key(dataset: Dataset, embedding: Embedding) -> str:
    """The versioned key of a map's sheets: the map as it was computed, and where its pictures come from."""
    made_of = [
        VERSION, embedding.id, embedding.key, embedding.job_id, embedding.rows,
        dataset.created_at.timestamp(), dataset.source_kind, dataset.root, dataset.source_params, dataset.modality,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(made_of, sort_keys=True, default=str).encode()).hexdigest()[:32]


def sheet_places(ws: Workspace, who: Principal, *, dataset_id: int, embedding_id: int) -> tuple[bytes, str]:
    """Where each point of the map lies on its sheets, as ``domain.sheets`` says, and the sheets' key."""
    book = _book(ws, who, dataset_id, embedding_id)
    places = book.places()
    book.folder.touch()
    return pack_places(places), book.key


def sheet(
    ws: Workspace, who: Principal, *, dataset_id: int, embedding_id: int, tile: int, number: int, key: str | None = None
) -> tuple[bytes | None, str]:
    """One sheet and its key; None in place of the sheet where others are being made: ask again in a moment.

    ``key``: the one that came with the places. NotFound where the sheets are others by now, or have not so many.
    """
    check_tile(tile)
    book = _book(ws, who, dataset_id, embedding_id)
    if key is not None and key != book.key:
        raise NotFound("These thumbnails were made anew meanwhile; reload the map.")
    if not 0 <= number < sheet_count(book.rows, tile):
        raise NotFound(f"This map has no sheet {number} of tile {tile}.")
    known = book.folder.read(tile, number)
    if known is None:
        with _turn() as ours:
            known = book.sheet(tile, number) if ours else None
    return known, book.key


def queue_sheets(session: Session, dataset: Dataset, *, embedding_id: int, owner: int | None) -> int | None:
    """The job that makes a map's sheets ahead, in the caller's transaction; its id, None without pictures."""
    if dataset.source_kind == SourceKind.NONE:
        return None
    job = enqueue_once(
        session,
        kind=JobKind.SHEETS,
        title=f"Thumbnails of {dataset.name}",
        args={"embedding_id": embedding_id},
        owner_id=owner,
        dataset_id=dataset.id,
    )
    return job.id


def _book(ws: Workspace, who: Principal, dataset_id: int, embedding_id: int) -> SheetBook:
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        row = session.get(Embedding, embedding_id)
        if row is None or row.dataset_id != dataset_id:
            raise NotFound(f"This dataset has no map {embedding_id}.")
    return SheetBook(ws, dataset, row)


_ORDERING = threading.Lock()
_MAKING = threading.Lock()
_IN_LINE = threading.BoundedSemaphore(3)


@contextmanager
def _turn() -> Iterator[bool]:
    """One sheet is made at a time in a process; a few wait for a second. False: too many, or it took too long.

    Making is Python and pixels: more at once would be no quicker, and would keep threads that answer others.
    """
    if not _IN_LINE.acquire(blocking=False):
        yield False
        return
    try:
        ours = _MAKING.acquire(timeout=WAIT_S)
    finally:
        _IN_LINE.release()
    try:
        yield ours
    finally:
        if ours:
            _MAKING.release()
