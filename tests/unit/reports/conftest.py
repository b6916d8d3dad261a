"""A hand-made report of any number of labels, for PDF, CSV and figures alike."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.labels import LabelInfo, default_color
from eobench_dash.domain.quality import PerClass
from eobench_dash.domain.report import Cleaning, Contribution, DatasetReport, MapData, Move, Since
from eobench_dash.domain.verification import VerificationReport
from eobench_dash.ml import metrics

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def build(names: list[str], *, per_label: int = 80, simulated: bool = False, **changes: object) -> DatasetReport:
    rng = np.random.default_rng(7)
    k = len(names)
    true = np.repeat(np.arange(k), per_label + 3 * np.arange(k) % 50)
    slips = rng.random(len(true)) < 0.12
    predicted = np.where(slips, (true + rng.integers(1, 4, len(true))) % k, true)
    centres = rng.normal(0, 6, (k, 2))
    coords = (centres[true] + rng.normal(0, 1, (len(true), 2))).astype(np.float32)
    counts = np.bincount(true, minlength=k)
    spread = PerClass("Silhouette", 0.31, np.arange(k), rng.uniform(-0.1, 0.8, k), counts, len(true), "seed 0")
    verification = VerificationReport(
        dataset_id=1,
        dataset_name="d",
        fingerprint="0123456789abcdef" * 4,
        simulated=simulated,
        labels=tuple(LabelInfo(i, name, default_color(i), "", int(counts[i])) for i, name in enumerate(names)),
        patch_count=len(true) + 5,
        last_event=40,
        feature_kind="all",
        feature_version=1,
        feature_dim=128,
        folds=5,
        seed=0,
        created_at=NOON,
        who="ada",
        program_version="0.1.0",
        balance=metrics.label_balance(np.concatenate([true, np.full(5, 65535)])),
        classification=metrics.classification_scores(metrics.confusion_matrix(true, predicted)),
        classifier="RBF support vector machine (C=10, gamma=scale) on standardised features",
        purity=replace(spread, name="kNN purity", detail="k = 10", overall=0.85),
        silhouette=spread,
        notes=(),
    )
    cleaning = Cleaning(
        changed=42,
        unsure=3,
        excluded=1,
        contributions=(Contribution("ada", 12, 41, 2, NOON), Contribution("grace", 1, 3, 0, NOON)),
        moves=(Move(names[0], names[-1], 40), Move(None, names[0], 2)),
    )
    report = DatasetReport(
        name="EuroSAT, cleaned",
        description="Patches of 34 countries.",
        modality=Modality.OPTICAL,
        credit="",
        verification=verification,
        since=Since(0, 0),
        cleaning=cleaning,
        map=MapData("UMAP", "all", coords, true.astype(np.uint16), {"trustworthiness": 0.97, "knn_preservation": 0.31}),
        made_at=NOON,
        made_by="ada",
    )  # fmt: skip
    return replace(report, **changes)


@pytest.fixture
def make_report() -> Callable[..., DatasetReport]:
    return build
