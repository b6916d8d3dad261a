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
from typing import Any

import numpy as np

from eobench_dash.db.queries import columns as queries
from eobench_dash.domain import columns as domain
from eobench_dash.domain.columns import VOTERS, CategoryColumn, ColumnInfo
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import Principal
from eobench_dash.domain.wire import pack_column, pack_mix
from eobench_dash.ml import votes
from eobench_dash.services.batches import newest_event
from eobench_dash.services.column_sources import Source, open_source
from eobench_dash.services.column_values import make_column
from eobench_dash.services.window_columns import window_columns
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.arrays import array_names

VERSION = 1
LOOKED_AT = 512
"""Patches, evenly spread, in which paths and coordinates are looked for: fewer than 1 in 512 make no column."""


def list_columns(ws: Workspace, who: Principal, *, dataset_id: int, map_id: int | None = None) -> list[ColumnInfo]:
    """What the dataset's maps can be coloured by, beside today's label; ``map_id`` adds what is known of that map."""
    with ws.db.read() as session:
        source = open_source(ws, who, session, dataset_id, map_id)
        there = _there(source)
        found = [info for name, info in domain.COLUMNS.items() if there.get(name)]
        return found + [domain.cluster_column(row.id, title) for row, title in source.cluster_sets]


def column_etag(ws: Workspace, who: Principal, *, dataset_id: int, name: str, map_id: int | None = None) -> str:
    """What tells a column from the same one at another time: cheap, whatever the column costs."""
    with ws.db.read() as session:
        return _etag(open_source(ws, who, session, dataset_id, map_id), name)


def column_bytes(
    ws: Workspace, who: Principal, *, dataset_id: int, name: str, map_id: int | None = None
) -> tuple[bytes, str]:
    """A column as wire.pack_column writes it, and its ETag. NotFound where the dataset has no such column."""
    with ws.db.read() as session:
        source = open_source(ws, who, session, dataset_id, map_id)
        etag = _etag(source, name)  # read before the values: never ahead of them
        key = f"column/{etag}"
        if (cached := ws.cache.get(key)) is None:
            info, column = make_column(source, name)
            values = column.codes if isinstance(column, CategoryColumn) else column.values
            cached = pack_column(domain.meta(info, column), values)
            ws.cache.put(key, cached)
        return cached, etag


def mix_etag(ws: Workspace, who: Principal, *, dataset_id: int) -> str:
    """As column_etag, for the label mix."""
    with ws.db.read() as session:
        return _etag(open_source(ws, who, session, dataset_id, None), "mix")


def mix_bytes(ws: Workspace, who: Principal, *, dataset_id: int) -> tuple[bytes, str]:
    """The three commonest labels among each patch's neighbours, as wire.pack_mix writes them, and the ETag."""
    with ws.db.read() as session:
        source = open_source(ws, who, session, dataset_id, None)
        etag = _etag(source, "mix")
        key = f"column/{etag}"
        if (cached := ws.cache.get(key)) is None:
            indices = source.neighbours
            k = min(VOTERS, indices.shape[1])
            codes, counts = votes.label_mix(indices, source.labels_now, k=k)
            cached = pack_mix(source.padded(codes, NO_LABEL), source.padded(counts, 0), k=k)
            ws.cache.put(key, cached)
        return cached, etag


def _there(source: Source) -> dict[str, bool]:
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
        **window_columns(source),
    }


def _etag(source: Source, name: str) -> str:
    dataset = source.dataset
    made_of: list[Any] = [VERSION, name, dataset.id, dataset.created_at.timestamp(), dataset.patch_count]
    if name not in domain.AS_IMPORTED and name != "honesty" and domain.cluster_id(name) is None:
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
        made_of += [[row.key, row.clusters, title] for row, title in source.cluster_sets if row.id == number]
    return hashlib.blake2b(repr(made_of).encode(), digest_size=16).hexdigest()
