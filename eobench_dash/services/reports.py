"""A dataset's report as a value, as PDF, as CSV; and whether the dataset is ready to be published."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from sqlalchemy.orm import Session

from eobench_dash import reports
from eobench_dash.db.models import Dataset, MetricRun, utc_now
from eobench_dash.db.queries import datasets as dataset_queries
from eobench_dash.db.queries import reports as queries
from eobench_dash.db.queries.labels import label_arrays
from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import Principal
from eobench_dash.domain.report import Cleaning, Contribution, DatasetReport, MapData, Move, Readiness, Since
from eobench_dash.domain.verification import VerificationReport
from eobench_dash.errors import Conflict, NotFound
from eobench_dash.services.access import shown_name, visible_dataset
from eobench_dash.services.vocabulary import codes_by_id
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import load_arrays


def find_report(ws: Workspace, who: Principal, *, dataset_id: int) -> DatasetReport | None:
    """The report without its map picture, or None where the dataset has not been verified yet."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        run = session.scalar(dataset_queries.newest_metric_run(dataset_id))
        return None if run is None else _gather(session, who, dataset, run)


def report_pdf(ws: Workspace, who: Principal, *, dataset_id: int) -> bytes:
    """The report as PDF. Conflict where the dataset has not been verified yet."""
    return reports.report_pdf(_complete(ws, who, dataset_id))


def report_csv(ws: Workspace, who: Principal, *, dataset_id: int) -> bytes:
    """The report as one tidy CSV. Conflict where the dataset has not been verified yet."""
    if (report := find_report(ws, who, dataset_id=dataset_id)) is None:
        raise _not_verified()
    return reports.report_csv(report)


def readiness(ws: Workspace, who: Principal, *, dataset_id: int) -> Readiness:
    """What a publication would hold, and what still speaks against it."""
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        unlabelled, unsure, excluded = session.execute(queries.marks(dataset)).one()
        run = session.scalar(dataset_queries.newest_metric_run(dataset_id))
        features = session.scalar(dataset_queries.newest_feature_sets(dataset_id).limit(1))
        return Readiness(
            patches=dataset.patch_count,
            unlabelled=unlabelled,
            unsure=unsure,
            excluded=excluded,
            described=features is not None and features.rows >= dataset.patch_count,
            verified_at=None if run is None else run.created_at,
            since=None if run is None else _since(session, dataset, run),
            attributed=bool(dataset.attribution.strip()),
            explained=bool(dataset.description.strip()),
            simulated=dataset.simulated,
        )


def _complete(ws: Workspace, who: Principal, dataset_id: int) -> DatasetReport:
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        run = session.scalar(dataset_queries.newest_metric_run(dataset_id))
        if run is None:
            raise _not_verified()
        return _gather(session, who, dataset, run, picture=_map(ws, session, dataset))


def _not_verified() -> Conflict:
    return Conflict("There is nothing to report yet. Run the verification first.")


def _gather(
    session: Session, who: Principal, dataset: Dataset, run: MetricRun, *, picture: MapData | None = None
) -> DatasetReport:
    verification = VerificationReport.from_dict(run.result)
    return DatasetReport(
        name=dataset.name,
        description=dataset.description,
        modality=Modality(dataset.modality),
        credit=dataset.attribution,
        verification=replace(verification, who=shown_name(who, verification.who)),
        since=_since(session, dataset, run),
        cleaning=_cleaning(session, who, dataset),
        map=picture,
        made_at=utc_now(),
        made_by=who.name,
    )


def _since(session: Session, dataset: Dataset, run: MetricRun) -> Since:
    events = session.scalar(queries.events_since(dataset.id, run.last_event_id)) or 0
    return Since(events=events, patches=dataset.patch_count - int(run.result["patch_count"]))


def _cleaning(session: Session, who: Principal, dataset: Dataset) -> Cleaning:
    _, unsure, excluded = session.execute(queries.marks(dataset)).one()
    moved = tuple(Move(*row) for row in session.execute(queries.moves(dataset)))
    people = tuple(Contribution(*row) for row in session.execute(queries.contributions(dataset.id)))
    if who.anonymous:  # told apart, not named
        people = tuple(replace(person, who=f"annotator {n}") for n, person in enumerate(people, start=1))
    changed = sum(move.patches for move in moved)
    return Cleaning(changed=changed, unsure=unsure, excluded=excluded, contributions=people, moves=moved)


def _map(ws: Workspace, session: Session, dataset: Dataset) -> MapData | None:
    """The newest map of all patches; None where there is none, or its file is gone (a map can be computed again)."""
    rows = session.execute(dataset_queries.newest_embeddings(dataset.id)).all()
    found = next((row for row in rows if row[2] is None), None)
    if found is None:
        return None
    embedding, features = found[0], found[1]
    try:
        arrays = load_arrays(ws.store.artefact_path(dataset.id, embedding.artefact, ".npz"))
    except NotFound:
        return None
    coords = np.asarray(arrays["xy"], dtype=np.float32)
    codes = _codes(session, dataset)
    codes = codes[arrays["ordinals"]] if "ordinals" in arrays else codes[: len(coords)]
    quality = {name: float(value) for name, value in embedding.quality.items() if isinstance(value, int | float)}
    return MapData(_METHOD.get(embedding.method, embedding.method), features.kind, coords[: len(codes)], codes, quality)


_METHOD = {"umap": "UMAP", "tsne": "t-SNE"}


def _codes(session: Session, dataset: Dataset) -> npt.NDArray[np.uint16]:
    """The code of every patch's label, in ordinal order."""
    codes = codes_by_id(session, dataset.id)
    found = np.full(dataset.patch_count, NO_LABEL, np.uint16)
    ordinals, label_ids = session.execute(label_arrays(dataset)).one()
    if ordinals:
        at = [codes[label_id or None] for label_id in map(int, label_ids.split(","))]
        found[np.fromiter(map(int, ordinals.split(",")), np.int64)] = at
    return found
