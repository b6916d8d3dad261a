"""The columns that a map can be coloured by, and the label mix of each patch's neighbours, as bytes for the browser.

``confidence`` and ``suspicion`` rest on the predictions that the newest verification kept: of patches that its
classifier had not been trained on (Northcutt, Jiang and Chuang 2021: confident learning). Confidence is the probability
of the label that the patch carries *now* ("self-confidence", the order in which a reviewer meets most label errors
first); suspicion is 1 - confidence where the classifier calls the patch something else and 0 where it agrees, so that a
merely hard patch is not accused. The probabilities are made from the margins of a support vector machine
(metrics.crossval says how): they order patches well, but 0.8 does not mean right four times in five.
Both are NaN for patches that the verification did not sample, and for labels that its classifier did not know.
"""

import hashlib
from collections.abc import Callable, Mapping
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
from eobench_dash.domain import columns as domain
from eobench_dash.domain.columns import NO_CATEGORY, VOTERS, CategoryColumn, ColumnInfo, NumberColumn
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import Principal
from eobench_dash.domain.wire import pack_column, pack_mix
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.ml import votes
from eobench_dash.services.access import MAX_ID, default_feature_set, shown_name, visible_dataset
from eobench_dash.services.batches import newest_event
from eobench_dash.services.neighbours import graph_name
from eobench_dash.services.vocabulary import heir, heirs
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import array_names, load_array, load_arrays

VERSION = 1
LOOKED_AT = 512
"""Patches, evenly spread, in which paths and coordinates are looked for: fewer than 1 in 512 make no column."""
Codes = NDArray[np.uint16]
Column = CategoryColumn | NumberColumn


def list_columns(ws: Workspace, who: Principal, *, dataset_id: int, map_id: int | None = None) -> list[ColumnInfo]:
    """What the dataset's maps can be coloured by, beside today's label; ``map_id`` adds what is known of that map."""
    with ws.db.read() as session:
        source = _open(ws, who, session, dataset_id, map_id)
        there = _there(source)
        found = [info for name, info in domain.COLUMNS.items() if there.get(name)]
        return found + [domain.cluster_column(row.id, title) for row, title in source.cluster_sets]


def column_etag(ws: Workspace, who: Principal, *, dataset_id: int, name: str, map_id: int | None = None) -> str:
    """What tells a column from the same one at another time: cheap, whatever the column costs."""
    with ws.db.read() as session:
        return _etag(_open(ws, who, session, dataset_id, map_id), name)


def column_bytes(
    ws: Workspace, who: Principal, *, dataset_id: int, name: str, map_id: int | None = None
) -> tuple[bytes, str]:
    """A column as wire.pack_column writes it, and its ETag. NotFound where the dataset has no such column."""
    with ws.db.read() as session:
        source = _open(ws, who, session, dataset_id, map_id)
        etag = _etag(source, name)  # read before the values: never ahead of them
        key = f"column/{etag}"
        if (cached := ws.cache.get(key)) is None:
            info, column = _column(source, name)
            values = column.codes if isinstance(column, CategoryColumn) else column.values
            cached = pack_column(domain.meta(info, column), values)
            ws.cache.put(key, cached)
        return cached, etag


def mix_etag(ws: Workspace, who: Principal, *, dataset_id: int) -> str:
    """As column_etag, for the label mix."""
    with ws.db.read() as session:
        return _etag(_open(ws, who, session, dataset_id, None), "mix")


def mix_bytes(ws: Workspace, who: Principal, *, dataset_id: int) -> tuple[bytes, str]:
    """The three commonest labels among each patch's neighbours, as wire.pack_mix writes them, and the ETag."""
    with ws.db.read() as session:
        source = _open(ws, who, session, dataset_id, None)
        etag = _etag(source, "mix")
        key = f"column/{etag}"
        if (cached := ws.cache.get(key)) is None:
            indices = source.neighbours
            k = min(VOTERS, indices.shape[1])
            codes, counts = votes.label_mix(indices, source.labels_now, k=k)
            cached = pack_mix(source.padded(codes, NO_LABEL), source.padded(counts, 0), k=k)
            ws.cache.put(key, cached)
        return cached, etag


@dataclass
class _Source:
    """What columns are made from, each part read when it is first asked for."""

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


def _open(ws: Workspace, who: Principal, session: Session, dataset_id: int, map_id: int | None) -> _Source:
    dataset = visible_dataset(session, who, ws.settings, dataset_id)
    shown = None
    if map_id is not None:
        shown = session.scalar(queries.map_of(dataset_id, map_id)) if 0 < map_id <= MAX_ID else None
        if shown is None:
            raise NotFound(f"This dataset has no map {map_id}.")
    return _Source(ws, who, session, dataset, shown)


def _there(source: _Source) -> dict[str, bool]:
    """Which of the columns with a fixed name the dataset has."""
    session, dataset = source.session, source.dataset
    spread = np.unique(np.linspace(0, dataset.patch_count - 1, LOOKED_AT).astype(int)).tolist()
    rows = session.execute(queries.sources(dataset, spread)).all() if dataset.patch_count else []
    changed = session.scalar(queries.any_change(dataset.id)) is not None
    located = any(lon is not None for _, lon, _ in rows)
    labelled = any(label is not None for _, _, label in rows)
    verified = source.run is not None
    honest = source.map_path is not None and source.map_path.exists() and "honesty" in array_names(source.map_path)
    return {
        "imported": labelled,
        "changed": changed,
        "annotator": changed,
        "marks": changed and session.scalar(queries.any_mark(dataset)) is not None,
        "suggested": source.graph is not None,
        "agreement": source.graph is not None,
        "predicted": verified,
        "confidence": verified,
        "suspicion": verified,
        "honesty": honest,
        "product": any(domain.product_of(path) for path, _, _ in rows),
        "longitude": located,
        "latitude": located,
    }


def _etag(source: _Source, name: str) -> str:
    dataset = source.dataset
    made_of: list[Any] = [VERSION, name, dataset.id, dataset.created_at.timestamp(), dataset.patch_count]
    if name not in ("product", "longitude", "latitude", "honesty") and domain.cluster_id(name) is None:
        made_of += [newest_event(source.session, dataset.id), dataset.labels_revision]
    if name == "annotator":
        made_of += [source.who.anonymous]
    if name in ("suggested", "agreement", "mix"):
        made_of += [source.graph and (source.graph[1].name, source.graph[1].stat().st_mtime_ns)]
    if name in ("predicted", "confidence", "suspicion"):
        made_of += [source.run and source.run.id]
    if name == "honesty" and source.map is not None:
        made_of += [source.map.key, source.map.created_at.timestamp()]
    if (number := domain.cluster_id(name)) is not None:
        made_of += [[row.key, row.clusters] for row, _ in source.cluster_sets if row.id == number]
    return hashlib.blake2b(repr(made_of).encode(), digest_size=16).hexdigest()


def _column(source: _Source, name: str) -> tuple[ColumnInfo, Column]:
    if (number := domain.cluster_id(name)) is not None:
        for row, title in source.cluster_sets:
            if row.id == number:
                return domain.cluster_column(number, title), _clusters(source, row)
    elif name in _MAKERS:
        return domain.COLUMNS[name], _MAKERS[name](source)
    raise NotFound(f"This dataset has no column {name[:40]!r}.")


def _imported(source: _Source) -> Column:
    return domain.counted(source.label_names, source.label_codes(queries.IMPORTED_LABEL))


def _changed(source: _Source) -> Column:
    names = [(i, *pair) for i, pair in enumerate(zip(domain.CHANGES, domain.CHANGE_COLORS, strict=True))]
    return domain.counted(names, source.numbers(queries.CHANGED, np.uint16, NO_CATEGORY))


def _marks(source: _Source) -> Column:
    names = [(i, *pair) for i, pair in enumerate(zip(domain.MARKS, domain.MARK_COLORS, strict=True))]
    return domain.counted(names, source.numbers(queries.MARKED, np.uint16, NO_CATEGORY))


def _annotator(source: _Source) -> Column:
    """Names for those who have one themselves; anonymous readers see that it was somebody."""
    people = [(row[0], row[1]) for row in source.session.execute(queries.user_names())]
    code_of: dict[int | None, int] = {number: code for code, (number, _) in enumerate(people)}
    names = [(code, name, domain.palette_color(code)) for code, (_, name) in enumerate(people)]
    names.append((len(people), "the command line", domain.palette_color(len(people))))
    if source.who.anonymous:
        code_of = dict.fromkeys(code_of, 0)
        names = [(0, shown_name(source.who, "-"), domain.palette_color(0))]
    code_of[None] = names[-1][0]
    codes = np.full(source.dataset.patch_count, NO_CATEGORY, np.uint16)
    for ordinal, user_id in source.session.execute(queries.annotators(source.dataset)).yield_per(50_000):
        codes[ordinal] = code_of.get(user_id, code_of[None])
    return domain.counted(names, codes)


def _suggested(source: _Source) -> Column:
    codes, _ = votes.label_mix(source.neighbours, source.labels_now, k=VOTERS, top=1)
    return domain.counted(source.label_names, source.padded(codes[:, 0], NO_CATEGORY))


def _agreement(source: _Source) -> Column:
    return NumberColumn(source.padded(votes.agreement(source.neighbours, source.labels_now, k=VOTERS), np.nan))


def _predictions(source: _Source) -> Mapping[str, NDArray[Any]]:
    if source.run is None:
        raise NotFound("No verification of this dataset has kept its predictions yet. Verify it first.")
    arrays = load_arrays(source.run_path(source.run))
    inside = arrays["rows"] < source.dataset.patch_count
    kept = {name: arrays[name][inside] for name in ("rows", "predicted", "probabilities")}
    today = [source.heir_codes.get(int(code), NO_LABEL) for code in arrays["codes"]]
    codes, column = np.unique(np.array(today, np.uint16), return_inverse=True)
    summed = np.zeros((len(kept["rows"]), len(codes)), np.float32)
    for number, into in enumerate(column.tolist()):  # merged labels are one now
        summed[:, into] += kept["probabilities"][:, number]
    standing = np.array([source.heir_codes.get(code, NO_LABEL) for code in range(NO_LABEL + 1)], np.uint16)
    return {"rows": kept["rows"], "predicted": standing[kept["predicted"]], "codes": codes, "probabilities": summed}


def _predicted(source: _Source) -> Column:
    found = _predictions(source)
    return domain.counted(source.label_names, source.placed(found["rows"], found["predicted"], NO_CATEGORY))


def _confidence(source: _Source) -> Column:
    found = _predictions(source)
    return NumberColumn(source.placed(found["rows"], _self_confidence(source, found), np.nan))


def _suspicion(source: _Source) -> Column:
    found = _predictions(source)
    confidence = _self_confidence(source, found)
    agrees = found["predicted"] == source.labels_now[found["rows"]]
    doubted = np.where(agrees & ~np.isnan(confidence), np.float32(0), 1 - confidence)
    return NumberColumn(source.placed(found["rows"], doubted, np.nan))


def _self_confidence(source: _Source, found: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The probability of the label that each predicted patch carries now; NaN where the classifier knew it not."""
    now, codes = source.labels_now[found["rows"]], found["codes"]
    column = np.minimum(np.searchsorted(codes, now), len(codes) - 1)
    value = found["probabilities"][np.arange(len(now)), column]
    return np.where((codes[column] == now) & (now != NO_LABEL), value, np.nan).astype(np.float32)


def _honesty(source: _Source) -> Column:
    arrays = load_arrays(source.map_path) if source.map_path else {}
    if "honesty" not in arrays:
        raise NotFound("How far this map can be trusted was not measured patch by patch; compute the map anew.")
    values = arrays["honesty"].astype(np.float32)
    return NumberColumn(source.placed(arrays.get("ordinals", np.arange(len(values))), values, np.nan))


def _clusters(source: _Source, row: ClusterSet) -> Column:
    stored = load_array(source.ws.store.artefact_path(source.dataset.id, row.artefact, ".npy"))
    names = [(cluster["index"], cluster["name"], cluster["color"]) for cluster in row.clusters]
    return domain.counted(names, source.padded(stored[: source.dataset.patch_count].astype(np.uint16), NO_CATEGORY))


def _product(source: _Source) -> Column:
    found: dict[int, str] = {}
    for ordinal, path in source.session.execute(queries.paths(source.dataset)).yield_per(50_000):
        if (product := domain.product_of(path)) is not None:
            found[ordinal] = product
    names = sorted(set(found.values()))[:NO_CATEGORY]
    code_of = {name: code for code, name in enumerate(names)}
    codes = np.full(source.dataset.patch_count, NO_CATEGORY, np.uint16)
    codes[list(found)] = [code_of.get(name, NO_CATEGORY) for name in found.values()]
    return domain.counted([(code, name, domain.palette_color(code)) for code, name in enumerate(names)], codes)


def _longitude(source: _Source) -> Column:
    return NumberColumn(source.numbers(queries.LONGITUDE, np.float32, np.nan), unit="°")


def _latitude(source: _Source) -> Column:
    return NumberColumn(source.numbers(queries.LATITUDE, np.float32, np.nan), unit="°")


_MAKERS: Mapping[str, Callable[[_Source], Column]] = {
    "imported": _imported,
    "changed": _changed,
    "annotator": _annotator,
    "marks": _marks,
    "suggested": _suggested,
    "agreement": _agreement,
    "predicted": _predicted,
    "confidence": _confidence,
    "suspicion": _suspicion,
    "honesty": _honesty,
    "product": _product,
    "longitude": _longitude,
    "latitude": _latitude,
}
