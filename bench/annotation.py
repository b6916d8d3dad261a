"""Relabel latency, commit included, beside a naive ORM loop on the same database in the same run.

``python -m bench.annotation [--quick] [--url postgresql://…]`` prints a markdown table. Data sets: 30,813 and 1,000,000
simulated patches of 20 labels; the patches of a request are drawn at random (seed 0). SQLite: WAL, synchronous=FULL.
Ours is ``services.annotate.relabel`` and ``undo`` as the routes call them. The peer loads each patch, adds an event,
flushes for its id, and commits once; it is run once where a request is large. Processor time (cpu) is what a busy
machine falsifies little; it leaves out the waiting for the disk.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sqlalchemy import text

from bench._common import machine_line, markdown_table
from eobench_dash.db.models import AnnotationBatch, AnnotationEvent, Dataset, Label, Patch, User
from eobench_dash.domain.people import Principal, Role
from eobench_dash.services.annotate import changes_since, label_codes, relabel, undo
from eobench_dash.services.labels import list_labels
from eobench_dash.services.workspace import Workspace, open_workspace
from eobench_dash.settings import Settings

LABELS = 20
HEADER = ["what", "patches", "times", "p50 ms", "p99 ms", "cpu ms", "peer p50 ms", "peer cpu ms", "cpu ratio"]


def make_dataset(ws: Workspace, *, count: int) -> tuple[int, Principal]:
    """A dataset of ``count`` patches, label code = ordinal mod 20, and a builder."""
    with ws.db.write() as session:
        user = User(name=f"bench-{count}", password_hash="x", role=Role.BUILDER)
        dataset = Dataset(name=f"Bench {count}", state="ready", source_kind="none", patch_count=count)
        session.add_all([user, dataset])
        session.flush()
        # The peer gets a label of its own for each request: every patch drawn then really changes.
        names = [*(f"Class {c}" for c in range(LABELS)), "Ours", *(f"Peer {i}" for i in range(30))]
        labels = [Label(dataset_id=dataset.id, code=c, name=name, color="#000000") for c, name in enumerate(names)]
        session.add_all(labels)
        session.flush()
        fill = """
            INSERT INTO patch (dataset_id, ordinal, path, label_id, imported_label_id, unsure, excluded)
            WITH RECURSIVE o(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM o WHERE n + 1 < :count)
            SELECT :dataset, n, 'patch/' || n || '.jpg', :first + n % :labels, :first + n % :labels, FALSE, FALSE FROM o
        """
        values = {"count": count, "dataset": dataset.id, "first": labels[0].id, "labels": LABELS}
        session.execute(text(fill), values)
    return dataset.id, Principal(user.id, user.name, Role.BUILDER, session_key="bench")


def naive(ws: Workspace, who: Principal, dataset_id: int, ordinals: list[int], label: str) -> None:
    """What one writes first: one object at a time."""
    with ws.db.write() as session:
        target = session.query(Label).filter_by(dataset_id=dataset_id, name=label).one()
        batch = AnnotationBatch(dataset_id=dataset_id, user_id=who.user_id, source="map", patch_count=len(ordinals))
        session.add(batch)
        session.flush()
        for ordinal in ordinals:
            patch = session.get_one(Patch, (dataset_id, ordinal))
            event = AnnotationEvent(
                dataset_id=dataset_id, ordinal=ordinal, batch_id=batch.id, kind="set",
                from_label_id=patch.label_id, to_label_id=target.id, replaces_id=patch.last_event_id,
            )  # fmt: skip
            session.add(event)
            session.flush()
            patch.label_id, patch.last_event_id = target.id, event.id


class Clock:
    """Collects wall and processor milliseconds of what runs inside ``with clock:``."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def __enter__(self) -> None:
        self._begun = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.wall.append((time.perf_counter() - self._begun[0]) * 1000)
        self.cpu.append((time.process_time() - self._begun[1]) * 1000)

    def row(self) -> list[object]:
        """Times, p50, p99 and processor time."""
        p50, p99 = np.percentile(self.wall, [50, 99])
        return [len(self.wall), float(p50), float(p99), float(np.median(self.cpu))]


def measure(ws: Workspace, *, count: int, repeats: dict[int, tuple[int, int]]) -> list[list[object]]:
    """Rows of the table for one dataset; ``repeats``: patches of a request → times of ours, times of the peer."""
    dataset_id, who = make_dataset(ws, count=count)
    rng = np.random.default_rng(0)
    where = {"dataset_id": dataset_id}
    rows: list[list[object]] = []
    for size, (ours, peers) in repeats.items():
        if size > count:
            continue
        forward, back, peer = Clock(), Clock(), Clock()
        for i in range(ours):
            ordinals = np.sort(rng.choice(count, size, replace=False)).tolist()
            with forward:
                relabel(ws, who, ordinals=ordinals, label="Ours", **where)
            with back:
                undo(ws, who, **where)
            if i < peers:
                with peer:
                    naive(ws, who, dataset_id, ordinals, f"Peer {i}")
        compared = [float(np.median(peer.wall)), float(np.median(peer.cpu))]
        for what, clock in (("relabel", forward), ("undo", back)):
            ratio = compared[1] / float(np.median(clock.cpu))
            rows.append([f"{what} {size:,}", count, *clock.row(), *compared, f"{ratio:.1f}x"])
    last = label_codes(ws, who, **where)[1]
    reads: dict[str, Callable[[], object]] = {
        "changes since (none)": lambda: changes_since(ws, who, event_id=last, **where),
        "changes since (1,000)": lambda: changes_since(ws, who, event_id=last - 1000, **where),
        "label array": lambda: label_codes(ws, who, **where),
        "labels with counts": lambda: list_labels(ws, who, **where),
    }
    for what, read in reads.items():
        clock = Clock()
        for _ in range(20):
            with clock:
                read()
        rows.append([what, count, *clock.row(), "–", "–", "–"])
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="30,813 patches only, fewer times")
    parser.add_argument("--url", default="", help="a database to use instead of SQLite in a new folder")
    options = parser.parse_args()
    repeats = {1: (50, 10), 100: (20, 3)} if options.quick else {1: (300, 30), 100: (100, 10), 50_000: (5, 1)}
    repeats |= {30_000: (2, 1)} if options.quick else {30_000: (5, 1)}
    with tempfile.TemporaryDirectory(prefix="eobench-bench-") as folder:
        ws = open_workspace(Settings(_env_file=None, home=Path(folder), database_url=options.url), create=True)
        rows = []
        for count in (30_813,) if options.quick else (30_813, 1_000_000):
            rows += measure(ws, count=count, repeats=dict(sorted(repeats.items())))
        print(f"{ws.db.engine.dialect.name}; {machine_line('sqlalchemy')}\n")
        print(markdown_table(HEADER, rows))
        ws.close()


if __name__ == "__main__":
    main()
