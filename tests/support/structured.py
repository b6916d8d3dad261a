"""A dataset of vectors alone, whose clusters are known: for tests of clusters and advice."""

from collections.abc import Mapping

import numpy as np
from lakes import Lakes, add_lakes

from eobench_dash.db.models import FeatureSet
from eobench_dash.domain.people import Principal
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.features import FeatureWriter


def blobs(
    counts: tuple[int, ...], *, dim: int = 8, apart: float = 12.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian clouds of these sizes at distance ``apart`` from the origin: (vectors, which cloud)."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(counts)), counts)
    centres = apart * np.eye(len(counts), dim)
    return (centres[truth] + rng.normal(size=(len(truth), dim))).astype(np.float32), truth


def add_structured(
    ws: Workspace, who: Mapping[str, Principal], *, x: np.ndarray, label_of: np.ndarray, name: str = "Structured"
) -> Lakes:
    """len(x) patches with features of kind ``imported``; ``label_of[i]``: 0 River, 1 Lake, 2 Sea, -1 none."""
    made = add_lakes(
        ws, dict(who), name, count=len(x), label_of=lambda o: None if label_of[o] < 0 else int(label_of[o])
    )
    with FeatureWriter(ws.store.tmp("support") / name, x.shape[1]) as writer:
        writer.append(x)
        ledger = writer.commit(ws.store.feature_dir(made.id, "f1"))
    with ws.db.write() as session:
        session.add(
            FeatureSet(
                dataset_id=made.id, kind="imported", dim=x.shape[1], rows=len(x), folder="f1",
                fingerprint=ledger.fingerprint,
            )
        )  # fmt: skip
    return made
