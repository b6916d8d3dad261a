"""Verify a dataset: how well its labels fit its features, with the numbers that scikit-learn gives."""

import hashlib

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from eobench_dash import __version__
from eobench_dash.db.models import AnnotationEvent, Dataset, FeatureSet, Label, MetricRun, Patch, User, utc_now
from eobench_dash.domain.labels import NO_LABEL, LabelInfo
from eobench_dash.domain.quality import Classification, PerClass, Predictions
from eobench_dash.domain.verification import VerificationReport
from eobench_dash.errors import BadInput
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml import metrics
from eobench_dash.ml.neighbours import as_features
from eobench_dash.services.access import default_feature_set
from eobench_dash.services.neighbours import space_dir
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import save_arrays
from eobench_dash.store.features import FeatureArray
from eobench_dash.tasks.embedding import shared_graph

PURITY_K = 10


def run(ws: Workspace, job: JobHandle) -> None:
    """Measure the dataset of the job and store the report."""
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, job.dataset_id)
        features = default_feature_set(session, dataset.id, job.args["feature"])
        if features.rows < dataset.patch_count:
            raise BadInput("Patches were appended after these features were computed; compute the features again.")
        labels, codes, paths_hash, last_event = _labels_now(session, dataset)
        owner = session.get(User, job.owner_id) if job.owner_id else None
    folds, seed = job.args["folds"], job.args["seed"]
    x = as_features(FeatureArray(space_dir(ws, features)).as_array()[: dataset.patch_count])
    notes: list[str] = []
    purity = _purity(ws, job, features, codes, notes)
    predictions = _predict(job, x, codes, folds=folds, seed=seed, own_scale=features.kind != "imported", notes=notes)
    artefact = None if predictions is None else _keep(ws, job, dataset.id, predictions)
    job.progress(0.95, "measuring how far the labels lie apart")
    report = VerificationReport(
        dataset_id=dataset.id,
        dataset_name=dataset.name,
        fingerprint=_fingerprint(paths_hash, labels, codes, features),
        simulated=dataset.simulated,
        labels=labels,
        patch_count=dataset.patch_count,
        last_event=last_event,
        feature_kind=features.kind,
        feature_version=features.version,
        feature_dim=features.dim,
        folds=folds,
        seed=seed,
        created_at=utc_now(),
        who=owner.name if owner else "the command line",
        program_version=__version__,
        balance=metrics.label_balance(codes),
        classification=None if predictions is None else _scores(predictions),
        classifier="" if predictions is None else predictions.method,
        purity=purity,
        silhouette=_silhouette(x, codes, seed=seed, notes=notes),
        notes=tuple(notes),
    )
    with ws.db.write() as session:
        job.fence(session)
        row = MetricRun(
            dataset_id=dataset.id,
            feature_set_id=features.id,
            last_event_id=last_event,
            fingerprint=report.fingerprint,
            params={"feature": features.kind, "folds": folds, "seed": seed},
            result=report.to_dict(),
            artefact=artefact,
            user_id=job.owner_id,
            job_id=job.id,
        )
        session.add(row)
        session.flush()
        job.mark_done_in(session, {"metric_run_id": row.id})


def _labels_now(session: Session, dataset: Dataset) -> tuple[tuple[LabelInfo, ...], np.ndarray, "hashlib._Hash", int]:
    rows = list(session.scalars(select(Label).where(Label.dataset_id == dataset.id).order_by(Label.code)))
    code_of = {row.id: row.code for row in rows}
    codes = np.full(dataset.patch_count, NO_LABEL, dtype=np.uint16)
    paths = hashlib.sha256()
    query = (
        select(Patch.ordinal, Patch.label_id, Patch.path, Patch.excluded)
        .where(Patch.dataset_id == dataset.id, Patch.ordinal < dataset.patch_count)
        .order_by(Patch.ordinal)
    )
    for ordinal, label_id, path, excluded in session.execute(query).yield_per(50_000):
        if label_id is not None and not excluded:
            codes[ordinal] = code_of[label_id]
        paths.update(f"{path}\n".encode("utf-8", "replace"))
    used, counts = np.unique(codes, return_counts=True)
    count_of = dict(zip(used.tolist(), counts.tolist(), strict=True))
    infos = tuple(
        LabelInfo(r.code, r.name, r.color, r.description, count_of.get(r.code, 0))
        for r in rows
        if r.merged_into_id is None
    )
    newest = select(func.max(AnnotationEvent.id)).where(AnnotationEvent.dataset_id == dataset.id)
    return infos, codes, paths, session.scalar(newest) or 0


def _purity(
    ws: Workspace, job: JobHandle, features: FeatureSet, codes: np.ndarray, notes: list[str]
) -> PerClass | None:
    try:
        return metrics.knn_purity(shared_graph(ws, features, job, share=0.3), codes, k=PURITY_K)
    except BadInput as error:
        notes.append(f"kNN purity was not measured. {error}")
        return None


def _predict(
    job: JobHandle, x: np.ndarray, codes: np.ndarray, *, folds: int, seed: int, own_scale: bool, notes: list[str]
) -> Predictions | None:
    try:
        predictions = metrics.cross_validated_predictions(
            x,
            codes,
            folds=folds,
            seed=seed,
            standardise=not own_scale,
            progress=lambda f, m: job.progress(0.3 + 0.6 * f, m),
        )
    except BadInput as error:
        notes.append(f"No classifier was trained. {error}")
        return None
    if len(predictions.rows) < int((codes != NO_LABEL).sum()):
        notes.append(f"The classifier was trained and tested on a seeded sample of {len(predictions.rows):,} patches.")
    return predictions


def _scores(predictions: Predictions) -> Classification:
    return metrics.classification_scores(metrics.confusion_matrix(predictions.true, predictions.predicted))


def _keep(ws: Workspace, job: JobHandle, dataset_id: int, predictions: Predictions) -> str:
    """Store what the classifier foretold of each patch, for the columns of the map; the artefact's name."""
    name = f"predictions-{job.id}"
    save_arrays(
        ws.store.artefact_path(dataset_id, name, ".npz"),
        rows=predictions.rows.astype(np.uint32),
        predicted=predictions.predicted.astype(np.uint16),
        codes=predictions.codes.astype(np.uint16),
        probabilities=predictions.probabilities.astype(np.float16),
    )
    return name


def _silhouette(x: np.ndarray, codes: np.ndarray, *, seed: int, notes: list[str]) -> PerClass | None:
    try:
        return metrics.silhouette(x, codes, seed=seed)
    except BadInput as error:
        notes.append(f"No silhouette was measured. {error}")
        return None


def _fingerprint(
    digest: "hashlib._Hash", labels: tuple[LabelInfo, ...], codes: np.ndarray, features: FeatureSet
) -> str:
    digest.update("\n".join(f"{label.code} {label.name}" for label in labels).encode())
    digest.update(codes.tobytes())
    digest.update(features.fingerprint.encode())
    return digest.hexdigest()
