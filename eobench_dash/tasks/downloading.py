"""Download EuroSAT RGB into the workspace and queue its import."""

import requests
from sqlalchemy import select

from eobench_dash.db.models import Dataset
from eobench_dash.domain.datasets import DatasetState, Modality, SourceKind
from eobench_dash.domain.jobs import JobKind
from eobench_dash.errors import Conflict
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.jobs.queue import enqueue
from eobench_dash.sentinel import zenodo
from eobench_dash.services.workspace import Workspace


def run(ws: Workspace, job: JobHandle) -> None:
    """Download, prove, unpack, and queue the import under the name that was asked for."""
    folder = ws.settings.home / "uploads" / "eurosat-rgb"
    folder.mkdir(parents=True, exist_ok=True)
    with requests.Session() as network:
        remote = zenodo.look_up(network)
        archive = zenodo.download(network, remote, folder / zenodo.FILE_NAME, lambda f, m: job.progress(0.8 * f, m))
    root = zenodo.unpack(archive, folder / "images", lambda f, m: job.progress(0.8 + 0.19 * f, m))
    name = job.args["name"]
    with ws.db.write() as session:
        job.fence(session)
        if session.scalar(select(Dataset.id).where(Dataset.name == name)) is not None:
            raise Conflict(f"There is another dataset called {name!r} by now; rename it, then retry.")
        dataset = Dataset(
            name=name,
            state=DatasetState.IMPORTING,
            source_kind=SourceKind.FILES,
            modality=Modality.OPTICAL,
            created_by=job.owner_id,
            attribution=zenodo.ATTRIBUTION,
        )
        session.add(dataset)
        session.flush()
        args = {
            "source": SourceKind.FILES,
            "path": str(root),
            "format": "imagefolder",
            "modality": Modality.OPTICAL,
            "attribution": zenodo.ATTRIBUTION,
            "images": True,
            "follow_up": True,
            "append": False,
            "name": name,
        }
        enqueue(
            session,
            kind=JobKind.IMPORT,
            title=f"Import {name}",
            args=args,
            owner_id=job.owner_id,
            dataset_id=dataset.id,
        )
        job.mark_done_in(session, {"dataset_id": dataset.id})
