"""Make a map's thumbnail sheets ahead, so that nobody waits for them. What is there already is kept."""

import time

from eobench_dash.db.models import Dataset, Embedding
from eobench_dash.domain.sheets import PER_SHEET, sheet_count
from eobench_dash.errors import NotFound
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.services.sheets import SheetBook
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.sheets import COARSE, FINE


def run(ws: Workspace, job: JobHandle) -> None:
    """Make the sheets of the map the job names. Each is kept once it is whole: a retry goes on where it stopped."""
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, job.dataset_id)
        embedding = session.get(Embedding, job.args["embedding_id"])
        if embedding is None or embedding.dataset_id != dataset.id:
            raise NotFound("The map whose thumbnails were asked for does not exist any more.")
    book = SheetBook(ws, dataset, embedding)
    total, made, began = sheet_count(book.rows, FINE), 0, time.monotonic()
    for number in range(total):
        job.progress(
            number / total, _told(number * PER_SHEET[FINE], book.rows, made / (time.monotonic() - began + 1e-9))
        )
        if not book.folder.has(FINE, number):
            book.sheet(FINE, number)
            made += min(PER_SHEET[FINE], book.rows - number * PER_SHEET[FINE])
        last_of_four = (number + 1) % (PER_SHEET[COARSE] // PER_SHEET[FINE]) == 0
        if last_of_four or number == total - 1:
            book.sheet(COARSE, number * PER_SHEET[FINE] // PER_SHEET[COARSE])
    with ws.db.write() as session:
        job.fence(session)
        job.mark_done_in(session, {"embedding_id": embedding.id, "sheets": total})


def _told(done: int, rows: int, pace: float) -> str:
    return f"{done:,} of {rows:,} patches, {pace:,.0f} a second"
