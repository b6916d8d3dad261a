"""A workspace with a data root of its own, and what an ingest does to it (SQLite only)."""

from pathlib import Path
from typing import Any

from seats import add_people
from sqlalchemy import func, select

from eobench_dash import tasks
from eobench_dash.db.models import Base, Dataset, Job, Patch, PatchWindow
from eobench_dash.domain.ingesting import IngestPlan, IngestReport
from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.people import Principal
from eobench_dash.domain.products import ReadOptions
from eobench_dash.errors import EOBenchError
from eobench_dash.jobs.inline import run_inline
from eobench_dash.services import ingesting
from eobench_dash.services.pixels import PixelSource, open_pixels
from eobench_dash.services.workspace import Workspace, open_workspace
from eobench_dash.settings import Settings


class House:
    """A workspace with a data root, and what an ingest does to it."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        settings = Settings(_env_file=None, home=folder / "home", data_roots=str(self.data))
        self.ws: Workspace = open_workspace(settings, create=True)
        self.ada: Principal = add_people(self.ws)["ada"]

    def start(self, path: Path | str, *, plan: Any = None, options: ReadOptions | None = None, **more: Any) -> int:
        number = sum(self.rows().values())
        return ingesting.start_ingest(
            self.ws,
            self.ada,
            paths=[str(path)],
            name=f"Set {number}",
            plan=IngestPlan.from_dict(plan or {"patch": 32}),
            options=options or ReadOptions(),
            **more,
        )

    def run(self, job_id: int, **more: Any) -> Job:
        return run_inline(self.ws, job_id, tasks=tasks, **more)

    def sentence(self, path: Path | str, **more: Any) -> str:
        """Why a path is not ingested: at the start, or as the error of the job; and nothing of it is left."""
        before = self.rows(), self.files()
        try:
            job = self.run(self.start(path, **more))
        except EOBenchError as error:
            told = str(error)
        else:
            assert job.state == JobState.FAILED, job.result
            told = job.error
        assert (self.rows(), self.files()) == before
        assert told.endswith(".") and "Traceback" not in told and "unexpectedly" not in told
        return told

    def rows(self) -> dict[str, int]:
        counts = {}
        with self.ws.db.read() as session:
            for table in Base.metadata.sorted_tables:
                if table.name != "job":
                    counts[table.name] = session.scalar(select(func.count()).select_from(table)) or 0
        return counts

    def files(self) -> set[str]:
        """Everything below the store but the blocks of what may be retried, and the locks of packed products."""
        home = self.ws.settings.home
        found = [path for name in ("datasets", "tmp", "products") for path in (home / name).rglob("*")]
        return {
            str(path)
            for path in found
            if path.is_file() and path.suffix != ".lock" and not path.relative_to(home).parts[1].startswith("ingest-")
        }

    def report(self, dataset_id: int) -> IngestReport:
        told = ingesting.ingest_report(self.ws, self.ada, dataset_id=dataset_id)
        assert told is not None
        return told

    def done(self, path: Path | str, **more: Any) -> Job:
        """The job of an ingest that works, and of all that follows it."""
        job = self.run(self.start(path, **more))
        assert job.state == JobState.DONE, job.error
        for follower in job.result["feature_jobs"]:
            described = self.run(follower)
            assert described.state == JobState.DONE, described.error
        return job

    def patches(self, dataset_id: int) -> list[tuple[Patch, PatchWindow]]:
        joined = (PatchWindow.dataset_id == Patch.dataset_id) & (PatchWindow.ordinal == Patch.ordinal)
        query = select(Patch, PatchWindow).join(PatchWindow, joined).where(Patch.dataset_id == dataset_id)
        with self.ws.db.read() as session:
            return [(patch, window) for patch, window in session.execute(query.order_by(Patch.ordinal))]

    def pixels(self, dataset_id: int) -> PixelSource:
        with self.ws.db.read() as session:
            return open_pixels(session.get_one(Dataset, dataset_id), self.ws.settings)
