"""The values of each column, one function each; columns.py says what confidence and suspicion are."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eobench_dash.db.models import ClusterSet
from eobench_dash.db.queries import columns as queries
from eobench_dash.domain import columns as domain
from eobench_dash.domain.columns import NO_CATEGORY, VOTERS, CategoryColumn, ColumnInfo, NumberColumn
from eobench_dash.domain.datasets import SourceKind
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.errors import NotFound
from eobench_dash.ml import votes
from eobench_dash.services.access import shown_name
from eobench_dash.services.column_sources import Source
from eobench_dash.services.window_columns import WINDOW_MAKERS, product_column
from eobench_dash.store.arrays import load_array, load_arrays

Column = CategoryColumn | NumberColumn


def make_column(source: Source, name: str) -> tuple[ColumnInfo, Column]:
    """A column and what is said about it; NotFound where the dataset has none of this name."""
    if (number := domain.cluster_id(name)) is not None:
        for row, title in source.cluster_sets:
            if row.id == number:
                return domain.cluster_column(number, title), _clusters(source, row)
    elif name in _MAKERS:
        return domain.COLUMNS[name], _MAKERS[name](source)
    raise NotFound(f"This dataset has no column {name[:40]!r}.")


def _imported(source: Source) -> Column:
    return domain.counted(source.label_names, source.label_codes(queries.IMPORTED_LABEL))


def _changed(source: Source) -> Column:
    names = [(i, *pair) for i, pair in enumerate(zip(domain.CHANGES, domain.CHANGE_COLORS, strict=True))]
    return domain.counted(names, source.numbers(queries.CHANGED, np.uint16, NO_CATEGORY))


def _marks(source: Source) -> Column:
    names = [(i, *pair) for i, pair in enumerate(zip(domain.MARKS, domain.MARK_COLORS, strict=True))]
    return domain.counted(names, source.numbers(queries.MARKED, np.uint16, NO_CATEGORY))


def _annotator(source: Source) -> Column:
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


def _suggested(source: Source) -> Column:
    codes, _ = votes.label_mix(source.neighbours, source.labels_now, k=VOTERS, top=1)
    return domain.counted(source.label_names, source.padded(codes[:, 0], NO_CATEGORY))


def _agreement(source: Source) -> Column:
    return NumberColumn(source.padded(votes.agreement(source.neighbours, source.labels_now, k=VOTERS), np.nan))


def _predictions(source: Source) -> Mapping[str, NDArray[Any]]:
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


def _predicted(source: Source) -> Column:
    found = _predictions(source)
    return domain.counted(source.label_names, source.placed(found["rows"], found["predicted"], NO_CATEGORY))


def _confidence(source: Source) -> Column:
    found = _predictions(source)
    return NumberColumn(source.placed(found["rows"], _self_confidence(source, found), np.nan))


def _suspicion(source: Source) -> Column:
    found = _predictions(source)
    confidence = _self_confidence(source, found)
    agrees = found["predicted"] == source.labels_now[found["rows"]]
    doubted = np.where(agrees & ~np.isnan(confidence), np.float32(0), 1 - confidence)
    return NumberColumn(source.placed(found["rows"], doubted, np.nan))


def _self_confidence(source: Source, found: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The probability of the label that each predicted patch carries now; NaN where the classifier knew it not."""
    now, codes = source.labels_now[found["rows"]], found["codes"]
    column = np.minimum(np.searchsorted(codes, now), len(codes) - 1)
    value = found["probabilities"][np.arange(len(now)), column]
    return np.where((codes[column] == now) & (now != NO_LABEL), value, np.nan).astype(np.float32)


def _honesty(source: Source) -> Column:
    arrays = load_arrays(source.map_path) if source.map_path else {}
    if "honesty" not in arrays:
        raise NotFound("How far this map can be trusted was not measured patch by patch; compute the map anew.")
    values = arrays["honesty"].astype(np.float32)
    return NumberColumn(source.placed(arrays.get("ordinals", np.arange(len(values))), values, np.nan))


def _clusters(source: Source, row: ClusterSet) -> Column:
    stored = load_array(source.ws.store.artefact_path(source.dataset.id, row.artefact, ".npy"))
    names = [(cluster["index"], cluster["name"], cluster["color"]) for cluster in row.clusters]
    return domain.counted(names, source.padded(stored[: source.dataset.patch_count].astype(np.uint16), NO_CATEGORY))


def _product(source: Source) -> Column:
    if source.dataset.source_kind == SourceKind.PRODUCTS:
        return product_column(source)
    number_of: dict[str, int] = {}
    numbers = np.full(source.dataset.patch_count, -1, np.int32)
    for ordinal, path in source.session.execute(queries.paths(source.dataset)).yield_per(50_000):
        if (product := domain.product_of(path)) is not None:
            numbers[ordinal] = number_of.setdefault(product, len(number_of))
    names = sorted(number_of)[:NO_CATEGORY]
    code_of = np.full(len(number_of) + 1, NO_CATEGORY, np.uint16)  # the last: of no product (-1)
    code_of[[number_of[name] for name in names]] = np.arange(len(names))
    named = [(code, name, domain.palette_color(code)) for code, name in enumerate(names)]
    return domain.counted(named, code_of[numbers])


def _longitude(source: Source) -> Column:
    return NumberColumn(source.numbers(queries.LONGITUDE, np.float32, np.nan), unit="°")


def _latitude(source: Source) -> Column:
    return NumberColumn(source.numbers(queries.LATITUDE, np.float32, np.nan), unit="°")


_MAKERS: Mapping[str, Callable[[Source], Column]] = {
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
    **WINDOW_MAKERS,
}
