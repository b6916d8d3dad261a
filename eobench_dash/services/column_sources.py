"""What columns are made from: the patches' rows, labels, neighbour graph, predictions and clusters of one dataset."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from eobench_dash.db.models import ClusterSet, Dataset, Embedding, FeatureSet, Label, MetricRun, Patch
from eobench_dash.db.queries import clusters as cluster_queries
from eobench_dash.db.queries import columns as queries
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import Principal
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.services.access import MAX_ID, default_feature_set, visible_dataset
from eobench_dash.services.neighbours import graph_name
from eobench_dash.services.vocabulary import heir, heirs
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import load_array

Codes = NDArray[np.uint16]


@dataclass
class Source:
    """What the columns of a dataset (and of a ``map`` of it) are made from, each part read when first asked for."""

    ws: Workspace
    who: Principal
    session: Session
    dataset: Dataset
    map: Embedding | None

    @cached_property
    def labels(self) -> list[Label]:
        """All labels, merged ones too, by code."""
        return list(self.session.scalars(select(Label).where(Label.dataset_id == self.dataset.id).order_by(Label.code)))

    @property
    def label_names(self) -> list[tuple[int, str, str]]:
        return [(label.code, label.name, label.color) for label in self.labels]

    @cached_property
    def heir_codes(self) -> dict[int, int]:
        """Label code to the code of the label that stands for it today."""
        merged = heirs(self.session, self.dataset.id)
        by_id = {label.id: label.code for label in self.labels}
        return {label.code: by_id[heir(merged, label.id) or label.id] for label in self.labels}

    @cached_property
    def labels_now(self) -> Codes:
        return self.label_codes(func.coalesce(Patch.label_id, 0))

    def label_codes(self, label_id: ColumnElement[Any]) -> Codes:
        """A column of label ids (0: none) as codes."""
        ids = self.numbers(label_id, np.int64, 0)
        known = sorted((label.id, label.code) for label in self.labels)
        of_known = np.array([NO_LABEL, *(code for _, code in known)], np.uint16)
        return of_known[np.searchsorted([0, *(number for number, _ in known)], ids)]

    def numbers(self, value: ColumnElement[Any], kind: Any, empty: Any) -> NDArray[Any]:
        """``value`` of every patch, by ordinal."""
        found = np.full(self.dataset.patch_count, empty, kind)
        ordinals, values = self.session.execute(queries.patch_numbers(self.dataset, value)).one()
        if ordinals:
            found[np.fromstring(ordinals, np.int64, sep=",")] = np.fromstring(values, np.float64, sep=",")
        return found

    @cached_property
    def graph(self) -> tuple[FeatureSet, Path] | None:
        """The features that neighbours are found by, and the file of their neighbour graph, where there is one."""
        try:
            features = default_feature_set(self.session, self.dataset.id, None)
        except BadInput:
            return None
        path = self.ws.store.artefact_path(self.dataset.id, f"{graph_name(features)}-indices", ".npy")
        return (features, path) if path.exists() else None

    @property
    def neighbours(self) -> NDArray[np.int32]:
        """The neighbour graph (rows, k), memory-mapped."""
        if self.graph is None:
            raise NotFound("The neighbours of this dataset's patches are not known yet. Compute a map first.")
        indices: NDArray[np.int32] = load_array(self.graph[1])
        if len(indices) > self.dataset.patch_count or indices.shape[1] == 0:
            raise NotFound("The neighbours on disk are not this dataset's. Compute features and a map anew.")
        return indices

    @cached_property
    def run(self) -> MetricRun | None:
        """The newest verification that kept its predictions."""
        run = self.session.scalar(queries.newest_predictions(self.dataset.id))
        return run if run is not None and self.run_path(run).exists() else None

    def run_path(self, run: MetricRun) -> Path:
        return self.ws.store.artefact_path(self.dataset.id, str(run.artefact), ".npz")

    @cached_property
    def cluster_sets(self) -> list[tuple[ClusterSet, str]]:
        rows = self.session.execute(cluster_queries.cluster_sets(self.dataset.id))
        return [(row[0], cluster_queries.cluster_set_info(row, shown_by="").title) for row in rows]

    @property
    def map_path(self) -> Path | None:
        return self.ws.store.artefact_path(self.dataset.id, self.map.artefact, ".npz") if self.map else None

    def padded(self, values: NDArray[Any], empty: Any) -> NDArray[Any]:
        """``values`` with rows of ``empty`` for the patches that were appended since."""
        missing = self.dataset.patch_count - len(values)
        return np.pad(values, [(0, missing)] + [(0, 0)] * (values.ndim - 1), constant_values=empty)

    def placed(self, ordinals: NDArray[Any], values: NDArray[Any], empty: Any) -> NDArray[Any]:
        """``values`` of these patches, ``empty`` for all others."""
        found = np.full(self.dataset.patch_count, empty, values.dtype)
        found[ordinals] = values
        return found


def open_source(ws: Workspace, who: Principal, session: Session, dataset_id: int, map_id: int | None) -> Source:
    """The dataset's source, if ``who`` may see it; NotFound where not, or where it has no such map."""
    dataset = visible_dataset(session, who, ws.settings, dataset_id)
    shown = None
    if map_id is not None:
        shown = session.scalar(queries.map_of(dataset_id, map_id)) if 0 < map_id <= MAX_ID else None
        if shown is None:
            raise NotFound(f"This dataset has no map {map_id}.")
    return Source(ws, who, session, dataset, shown)
