"""Columns: one value per patch to colour the map by, and what is said about each."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eobench_dash.domain.ingesting import FLAGS
from eobench_dash.domain.labels import NO_LABEL, PALETTE

NO_CATEGORY = NO_LABEL
"""The code of a patch without a value (categories travel as uint16, as labels do)."""
VOTERS = 20
"""How many nearest neighbours vote in ``suggested``, ``agreement`` and the label mix."""
LIMITS = (2.0, 98.0)
"""Percentiles between which a colour ramp is spread, so that a few extreme values do not use it up."""
GREY = "#8a929c"
"""For what is as it was: it should not shout on either ground."""


class ColumnKind(StrEnum):
    """Names to tell apart, or numbers to order."""

    CATEGORY = "category"
    NUMBER = "number"


@dataclass(frozen=True)
class ColumnInfo:
    """A column as a menu offers it: ``group`` is the menu's heading, ``help`` one sentence on what the value means."""

    name: str
    title: str
    kind: ColumnKind
    group: str
    help: str


@dataclass(frozen=True)
class Category:
    """One name of a category column; ``count`` patches have it."""

    code: int
    name: str
    color: str
    count: int = 0


@dataclass(frozen=True, eq=False)
class CategoryColumn:
    """uint16 ``codes`` (n,) by ordinal; NO_CATEGORY where a patch has none."""

    categories: tuple[Category, ...]
    codes: NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class NumberColumn:
    """float32 ``values`` (n,) by ordinal; NaN where a patch has none. ``diverging``: about a neutral middle."""

    values: NDArray[np.float32]
    scale: Literal["sequential", "diverging"] = "sequential"
    unit: str = ""


_LABELS, _MODEL, _SOURCE, _QUALITY = "Labels", "Suspicion", "Source", "Quality of pixels"
_FIXED = (
    ColumnInfo("imported", "Label at import", ColumnKind.CATEGORY, _LABELS, "The label a patch came in with."),
    ColumnInfo(
        "changed", "Changed since import", ColumnKind.CATEGORY, _LABELS, "Whether today's label is the imported one."
    ),
    ColumnInfo(
        "annotator",
        "Annotator",
        ColumnKind.CATEGORY,
        _LABELS,
        "Who changed a patch last; none where nobody did.",
    ),
    ColumnInfo("marks", "Marks", ColumnKind.CATEGORY, _LABELS, "Patches marked as unsure or excluded."),
    ColumnInfo(
        "suggested",
        "Neighbours' label",
        ColumnKind.CATEGORY,
        _MODEL,
        f"The commonest label among the {VOTERS} nearest neighbours in feature space.",
    ),
    ColumnInfo(
        "agreement",
        "Neighbour agreement",
        ColumnKind.NUMBER,
        _MODEL,
        f"Share of the {VOTERS} nearest neighbours in feature space that carry the patch's own label.",
    ),
    ColumnInfo(
        "predicted",
        "Predicted label",
        ColumnKind.CATEGORY,
        _MODEL,
        "What the last verification's classifier called a patch that it had not been trained on.",
    ),
    ColumnInfo(
        "confidence",
        "Confidence in the label",
        ColumnKind.NUMBER,
        _MODEL,
        "How probable the last verification's classifier finds the label of a patch that it was not trained on.",
    ),
    ColumnInfo(
        "suspicion",
        "Suspicion",
        ColumnKind.NUMBER,
        _MODEL,
        "1 - confidence where the classifier calls the patch something else, 0 where it agrees with the label.",
    ),
    ColumnInfo(
        "honesty",
        "Map honesty",
        ColumnKind.NUMBER,
        "Map",
        "How far this map can be trusted around a patch: low where its neighbours on the map are not those in feature "
        "space.",
    ),
    ColumnInfo("product", "Product", ColumnKind.CATEGORY, _SOURCE, "The Sentinel product that a patch was cut from."),
    ColumnInfo("longitude", "Longitude", ColumnKind.NUMBER, _SOURCE, "Degrees east of Greenwich (WGS 84)."),
    ColumnInfo("latitude", "Latitude", ColumnKind.NUMBER, _SOURCE, "Degrees north of the equator (WGS 84)."),
    ColumnInfo("time", "Time", ColumnKind.NUMBER, _SOURCE, "When the product was sensed, as a year with its part."),
    ColumnInfo("scale", "Scale", ColumnKind.CATEGORY, _SOURCE, "How many pixels a patch has each way in its product."),
    *(ColumnInfo(flag.name, flag.title, ColumnKind.NUMBER, _QUALITY, flag.help) for flag in FLAGS.values()),
)
COLUMNS: dict[str, ColumnInfo] = {info.name: info for info in _FIXED}
"""The columns with a fixed name, in the order in which menus show them; cluster columns are added by their id."""
CLUSTER_PREFIX = "cluster-"
AS_IMPORTED = frozenset({"product", "longitude", "latitude", "time", "scale", *FLAGS})
"""Columns that stay as they came in, whatever people change."""

CHANGES = ("As imported", "Relabelled", "Newly labelled", "Label taken away")
CHANGE_COLORS = (GREY, "#d55e00", "#0072b2", "#cc79a7")
MARKS = ("Unsure", "Excluded", "Unsure and excluded")
MARK_COLORS = ("#e69f00", "#56b4e9", "#cc79a7")
"""Of Okabe and Ito's palette (2008), which colour-blind readers tell apart."""


def cluster_column(cluster_set_id: int, title: str) -> ColumnInfo:
    """The column of a set of clusters."""
    return ColumnInfo(
        f"{CLUSTER_PREFIX}{cluster_set_id}", title, ColumnKind.CATEGORY, "Clusters", "Clusters found in feature space."
    )


def cluster_id(name: str) -> int | None:
    """The cluster set that a column's name means; None where it means none."""
    match = re.fullmatch(rf"{CLUSTER_PREFIX}([1-9][0-9]{{0,9}})", name)
    return int(match[1]) if match else None


def counted(categories: list[tuple[int, str, str]], codes: NDArray[np.uint16]) -> CategoryColumn:
    """A column of (code, name, colour) with their counts; names that no patch has are left out."""
    counts = np.bincount(codes, minlength=NO_CATEGORY + 1)
    kept = tuple(Category(code, name, color, int(counts[code])) for code, name, color in categories if counts[code])
    return CategoryColumn(kept, codes)


def palette_color(index: int) -> str:
    """The colour of the ``index``-th of any number of names."""
    return PALETTE[index % len(PALETTE)]


def meta(info: ColumnInfo, column: CategoryColumn | NumberColumn) -> dict[str, Any]:
    """What travels with a column's values: its names with colours and counts, or its range.

    ``low`` and ``high`` are the 2nd and 98th percentile; all four numbers are None where no patch has a value.
    """
    told: dict[str, Any] = {"name": info.name, "title": info.title, "kind": info.kind.value}
    if isinstance(column, CategoryColumn):
        names = [{"code": c.code, "name": c.name, "color": c.color, "count": c.count} for c in column.categories]
        return {**told, "categories": names}
    known = column.values[np.isfinite(column.values)]
    low = high = least = most = None
    if known.size:
        low, high = (float(x) for x in np.percentile(known, LIMITS))
        least, most = float(known.min()), float(known.max())
    ends = {"min": least, "max": most, "low": low, "high": high}
    return {**told, **ends, "scale": column.scale, "unit": column.unit}


_PRODUCT = re.compile(
    r"(?<![A-Za-z0-9])("
    r"S1[A-D]_(?:IW|EW|WV|S[1-6])_[A-Z0-9_]{4}_[A-Z0-9]{4}_\d{8}T\d{6}(?:_\d{8}T\d{6}_\d{6}_[0-9A-F]{6}_[0-9A-F]{4})?"
    r"|S2[A-D]_MSIL(?:1C|2A)_\d{8}T\d{6}(?:_N\d{4}_R\d{3}(?:_T\d{2}[A-Z]{3}_\d{8}T\d{6})?)?"
    r")(?![A-Za-z0-9])"
)


def product_of(path: str | None) -> str | None:
    """The Sentinel product that a patch's path names (whole or, as BigEarthNet has it, up to its time); else None.

    ``a/S2A_MSIL2A_20170613T101031_87_48_B04.tif`` → ``S2A_MSIL2A_20170613T101031``.
    """
    found = _PRODUCT.search(path or "")
    return found[1] if found else None
