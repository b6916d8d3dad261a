"""Advice on a dataset's labels: which to split, which to merge. Start the look, read the latest."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from eobench_dash.db.models import ClusterSet, Dataset, Label
from eobench_dash.db.queries import clusters as queries
from eobench_dash.domain.clusters import AdviceReport, MergeAdvice, SplitAdvice, advice_from_plain, cluster_from
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.errors import EOBenchError
from eobench_dash.jobs.queue import enqueue_once
from eobench_dash.services.access import check_seed, default_feature_set, visible_dataset
from eobench_dash.services.batches import newest_event
from eobench_dash.services.clusters import stored_codes
from eobench_dash.services.vocabulary import heir, heirs
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
    """The dataset's latest advice, or None where there has been none. ``stale`` where labels changed since.

    What was followed by now is marked so (``left`` of a part, ``done`` of a merge), until it is taken back.
    """
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        found = session.execute(queries.newest_advice(dataset_id)).one_or_none()
        if found is None:
            return None
        row, kind = found
        told = advice_from_plain(
            row.result,
            id=row.id,
            feature_kind=kind,
            last_event=row.last_event_id,
            stale=newest_event(session, dataset_id) > row.last_event_id,
            created_at=row.created_at,
        )
        merged = heirs(session, dataset_id)
        labels = {label.code: label for label in session.scalars(select(Label).where(Label.dataset_id == dataset_id))}
        splits = tuple(_split_now(ws, session, dataset, labels, merged, split) for split in told.splits)
        return replace(told, splits=splits, merges=tuple(_merge_now(labels, merged, pair) for pair in told.merges))


def _split_now(
    ws: Workspace,
    session: Session,
    dataset: Dataset,
    labels: Mapping[int, Label],
    merged: Mapping[int, int],
    split: SplitAdvice,
) -> SplitAdvice:
    """The split with the names of today, and how many patches of each part carry the label still."""
    label = labels.get(split.code)
    split = replace(split, label=label.name if label else split.label)
    if split.cluster_set_id is None:
        return split
    row = session.get(ClusterSet, split.cluster_set_id)
    if row is None or row.dataset_id != dataset.id:  # somebody removed the clusters
        return replace(split, cluster_set_id=None)
    names = {data["index"]: cluster_from(data).name for data in row.clusters}
    parts = tuple(replace(part, name=names.get(part.index, part.name)) for part in split.parts)
    try:
        codes = stored_codes(ws, dataset, row)
    except EOBenchError:  # the artefact is gone: the advice can be read, not followed
        return replace(split, parts=parts, cluster_set_id=None)
    members = queries.members_of(session, dataset, heir(merged, row.label_id) or 0)
    left = np.bincount(codes[members], minlength=len(names))
    return replace(split, parts=tuple(replace(part, left=int(left[part.index])) for part in parts))


def _merge_now(labels: Mapping[int, Label], merged: Mapping[int, int], pair: MergeAdvice) -> MergeAdvice:
    """The merge with the names of today, and whether the two are one by now."""
    first, second = labels.get(pair.first_code), labels.get(pair.second_code)
    if first is None or second is None:
        return pair
    one = heir(merged, first.id) == heir(merged, second.id)
    return replace(pair, first=first.name, second=second.name, done=one)
