"""Advice on a dataset's labels: which to split, which to merge. Start the look, read the latest."""

from eobench_dash.db.queries import clusters as queries
from eobench_dash.domain.clusters import AdviceReport, advice_from_plain
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.jobs.queue import enqueue_once
from eobench_dash.services.access import check_seed, default_feature_set, visible_dataset
from eobench_dash.services.batches import newest_event
from eobench_dash.services.workspace import Workspace


def start_advice(ws: Workspace, who: Principal, *, dataset_id: int, feature: str | None = None, seed: int = 0) -> int:
    """Queue a look at every label: does it hold several structures, is it told apart from the others; the job's id."""
    owner = require(who, Role.EXPERT, what="ask for advice")
    check_seed(seed)
    with ws.db.write() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id, lock=True)
        features = default_feature_set(session, dataset_id, feature)
        job = enqueue_once(
            session,
            kind=JobKind.ADVISE,
            title=f"Split and merge advice for {dataset.name}",
            args={"feature": features.kind, "seed": seed},
            owner_id=owner,
            dataset_id=dataset_id,
        )
        return job.id


def latest_advice(ws: Workspace, who: Principal, *, dataset_id: int) -> AdviceReport | None:
    """The dataset's latest advice, or None where there has been none. ``stale`` where labels changed since."""
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        found = session.execute(queries.newest_advice(dataset_id)).one_or_none()
        if found is None:
            return None
        row, kind = found
        return advice_from_plain(
            row.result,
            id=row.id,
            feature_kind=kind,
            last_event=row.last_event_id,
            stale=newest_event(session, dataset_id) > row.last_event_id,
            created_at=row.created_at,
        )
