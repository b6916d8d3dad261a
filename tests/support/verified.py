"""A verified dataset without running a verification: numbers made of labels and of how a classifier might err."""

import numpy as np
from sqlalchemy import select

from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Label, MetricRun, utc_now
from eobench_dash.db.queries.annotations import last_event
from eobench_dash.domain.labels import LabelInfo
from eobench_dash.domain.people import Principal
from eobench_dash.domain.quality import PerClass
from eobench_dash.domain.verification import VerificationReport
from eobench_dash.ml import metrics
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import save_arrays

FINGERPRINT = "c0ffee" * 10 + "beef"


def add_features(ws: Workspace, dataset_id: int) -> int:
    """A row that says every patch has a vector; the feature set's id."""
    with ws.db.write() as session:
        patches = session.get_one(Dataset, dataset_id).patch_count
        row = FeatureSet(
            dataset_id=dataset_id, kind="color_stats", dim=3, rows=patches, folder="f1", fingerprint="f" * 64
        )
        session.add(row)
        session.flush()
        return row.id


def add_map(ws: Workspace, dataset_id: int, feature_set_id: int) -> None:
    """A map of all patches."""
    with ws.db.write() as session:
        n = session.get_one(Dataset, dataset_id).patch_count
        row = Embedding(
            dataset_id=dataset_id, feature_set_id=feature_set_id, method="umap", key="k1", rows=n, artefact="k1",
            quality={"trustworthiness": 0.97},
        )  # fmt: skip
        session.add(row)
    angle = np.linspace(0, 6, n, dtype=np.float32)
    save_arrays(ws.store.artefact_path(dataset_id, "k1", ".npz"), xy=np.stack([np.cos(angle), np.sin(angle)], axis=1))


def add_verification(ws: Workspace, dataset_id: int, who: Principal, *, classified: bool = True) -> VerificationReport:
    """A verification of the dataset as it is now: ten patches of each label, one in ten mistaken for the next."""
    with ws.db.write() as session:
        dataset = session.get_one(Dataset, dataset_id)
        rows = list(session.scalars(select(Label).where(Label.dataset_id == dataset_id).order_by(Label.code)))
        newest = session.scalar(last_event(dataset_id)) or 0
        codes = np.array([row.code for row in rows])
        true = np.repeat(codes, 10)
        predicted = np.where(np.arange(len(true)) % 10 == 0, np.roll(np.repeat(codes, 10), -10), true)
        per_label = PerClass(
            "Silhouette", 0.4, codes, np.linspace(0.2, 0.6, len(codes)), np.full(len(codes), 10), 30, "seed 0"
        )
        scores = metrics.classification_scores(metrics.confusion_matrix(true, predicted))
        report = VerificationReport(
            dataset_id=dataset_id, dataset_name=dataset.name, fingerprint=FINGERPRINT, simulated=dataset.simulated,
            labels=tuple(LabelInfo(row.code, row.name, row.color, "", 10) for row in rows),
            patch_count=dataset.patch_count, last_event=newest, feature_kind="color_stats", feature_version=1,
            feature_dim=3, folds=5, seed=0, created_at=utc_now(), who=who.name, program_version="0.1.0",
            balance=metrics.label_balance(true),
            classification=scores if classified else None,
            classifier="SVM" if classified else "", purity=None, silhouette=per_label,
            notes=() if classified else ("No classifier was trained: there is one label.",),
        )  # fmt: skip
        session.add(
            MetricRun(
                dataset_id=dataset_id, last_event_id=newest, fingerprint=FINGERPRINT, params={},
                result=report.to_dict(), user_id=who.user_id,
            )
        )  # fmt: skip
        return report
