"""The nearest neighbours of one patch in feature space."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset, FeatureSet, Label, Patch
from eobench_dash.db.queries.datasets import newest_feature_sets
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.patches import Neighbour
from eobench_dash.domain.people import Principal
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.ml.neighbours import nearest
from eobench_dash.services.access import default_feature_set, visible_dataset
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import load_array
from eobench_dash.store.features import FeatureArray

GRAPH_VERSION = 1
MAX_K = 1000
MAX_SEARCHED = 1 << 28
"""Numbers (patches × dimensions) that one question may look through where no graph was computed: about a second."""


def neighbours(
    ws: Workspace, who: Principal, *, dataset_id: int, ordinal: int, k: int = 20, feature: str | None = None
) -> list[Neighbour]:
    """The ``k`` nearest other patches, nearest first, with today's labels.

    Read from the shared graph where it has been computed and holds enough, else searched exactly; BadInput where that
    would be too much.
    """
    if not 1 <= k <= MAX_K:
        raise BadInput(f"Ask for 1 to {MAX_K} neighbours.")
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        features = default_feature_set(session, dataset_id, feature)
        if not 0 <= ordinal < dataset.patch_count:
            raise NotFound(f"There is no patch {ordinal}: this dataset's patches are 0 to {dataset.patch_count - 1}.")
        if ordinal >= features.rows:
            raise BadInput("This patch was appended after the features were computed; compute them again.")
        found, distances = _search(ws, features, ordinal, k)
        return _with_labels(session, dataset, found.tolist(), distances.tolist())


def neighbour_kinds(ws: Workspace, who: Principal, *, dataset_id: int) -> list[str]:
    """The kinds of features by which neighbours can be asked for, the one that is meant without a name first."""
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        kinds = [row.kind for row in session.scalars(newest_feature_sets(dataset_id)) if row.rows]
        usual = [default_feature_set(session, dataset_id, None).kind] if kinds else []
        return [*usual, *sorted(kind for kind in kinds if kind not in usual)]


def graph_name(features: FeatureSet) -> str:
    """The artefact's name of a feature set's neighbour graph (indices and distances are two files)."""
    return f"knn{GRAPH_VERSION}-{features.fingerprint[:24]}"


def space_dir(ws: Workspace, features: FeatureSet) -> Path:
    """The folder of the vectors between which distances are measured (a plain descriptor's transformed twin)."""
    return ws.store.feature_dir(features.dataset_id, features.params.get("space", features.folder))


def _search(
    ws: Workspace, features: FeatureSet, ordinal: int, k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    name = graph_name(features)
    index_file = ws.store.artefact_path(features.dataset_id, f"{name}-indices", ".npy")
    distance_file = ws.store.artefact_path(features.dataset_id, f"{name}-distances", ".npy")
    if index_file.exists() and distance_file.exists():
        indices = load_array(index_file)
        if indices.shape[1] >= min(k, features.rows - 1):
            row = np.asarray(indices[ordinal, :k], dtype=np.int64)
            return row, np.asarray(load_array(distance_file)[ordinal, :k])
    if features.rows * features.dim > MAX_SEARCHED:
        raise BadInput(
            f"The neighbours by {features.kind} have not been computed yet, and {features.rows:,} patches are too many "
            "to look through at a click. Compute a map of these features: it finds them all."
        )
    space = FeatureArray(space_dir(ws, features)).as_array()
    return nearest(space, np.asarray(space[ordinal]), k=k, exclude=ordinal)


def _with_labels(
    session: Session, dataset: Dataset, ordinals: Sequence[int], distances: Sequence[float]
) -> list[Neighbour]:
    query = (
        select(Patch.ordinal, Patch.path, Label.code, Label.name, Label.color)
        .outerjoin(Label, Label.id == Patch.label_id)
        .where(Patch.dataset_id == dataset.id, Patch.ordinal.in_(ordinals))
    )
    known = {row.ordinal: row for row in session.execute(query)}
    return [
        Neighbour(
            rank=rank,
            ordinal=ordinal,
            distance=float(distance),
            code=NO_LABEL if known[ordinal].code is None else known[ordinal].code,
            label=known[ordinal].name,
            color=known[ordinal].color or "",
            path=known[ordinal].path,
        )
        for rank, (ordinal, distance) in enumerate(zip(ordinals, distances, strict=True), start=1)
    ]
