"""Verify a dataset: start the measuring, read the latest result."""

from eobench_dash.db.queries import datasets as queries
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.domain.verification import VerificationReport
from eobench_dash.errors import BadInput
from eobench_dash.jobs.queue import enqueue_once
from eobench_dash.services.access import check_seed, default_feature_set, visible_dataset
from eobench_dash.services.workspace import Workspace


def start_verification(
    ws: Workspace, who: Principal, *, dataset_id: int, feature: str | None = None, folds: int = 5, seed: int = 0
) -> int:
    """Queue the verification of a dataset's labels on one of its feature sets; the job's id."""
    owner = require(who, Role.EXPERT, what="verify a dataset")
    check_seed(seed)
    if type(folds) is not int or not 2 <= folds <= 20:
        raise BadInput("Cross-validation takes 2 to 20 folds.")
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        features = default_feature_set(session, dataset_id, feature)
        job = enqueue_once(
            session,
            kind=JobKind.VERIFY,
            title=f"Verify {dataset.name}",
            args={"feature": features.kind, "folds": folds, "seed": seed},
            owner_id=owner,
            dataset_id=dataset_id,
        )
        return job.id


def latest_verification(ws: Workspace, who: Principal, *, dataset_id: int) -> VerificationReport | None:
    """The dataset's latest verification, or None where there has been none."""
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        run = session.scalar(queries.newest_metric_run(dataset_id))
        return None if run is None else VerificationReport.from_dict(run.result)
