"""The table of all labels with all their numbers, sorted by any column."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import dot
from eobench_dash.domain.labels import default_color
from eobench_dash.domain.quality import PerClass
from eobench_dash.domain.readings import name_of, number
from eobench_dash.domain.report import DatasetReport
from eobench_dash.pages.verify import ids

MAX_ROWS = 300
FIRST: dict[str, Any] = {"by": "f1", "falling": False}
"""Weakest labels first."""


@dataclass(frozen=True)
class Row:
    """One label; NaN where a number was not measured."""

    name: str
    color: str
    patches: int
    precision: float
    recall: float
    f1: float
    purity: float
    silhouette: float


COLUMNS: dict[str, tuple[str, str]] = {
    "name": ("Label", "Name of the label"),
    "patches": ("Patches", "How many patches were foretold"),
    "precision": ("Precision", "Of the patches foretold so, the share that has this label (user's accuracy)"),
    "recall": ("Recall", "Of the patches with this label, the share foretold so (producer's accuracy)"),
    "f1": ("F1", "Harmonic mean of precision and recall"),
    "purity": ("Purity", "Share of nearest neighbours with the same label"),
    "silhouette": ("Silhouette", "How separate the label lies in feature space, −1 to 1"),
}


def rows_of(report: DatasetReport) -> list[Row]:
    """One row per label that was classified."""
    scores, v = report.verification.classification, report.verification
    if scores is None:
        return []
    purity, silhouette, labels = _values(v.purity), _values(v.silhouette), report.labels
    return [
        Row(
            name=name_of(labels, code),
            color=labels[code].color if code in labels else default_color(code),
            patches=int(scores.support[i]),
            precision=float(scores.precision[i]),
            recall=float(scores.recall[i]),
            f1=float(scores.f1[i]),
            purity=purity.get(code, math.nan),
            silhouette=silhouette.get(code, math.nan),
        )
        for i, code in enumerate(scores.confusion.codes.tolist())
    ]


def sorted_rows(rows: list[Row], *, by: str, falling: bool) -> list[Row]:
    """Rows by a column, those without a number last in either direction, ties by name."""
    by = by if by in COLUMNS else FIRST["by"]
    value: Callable[[Row], Any] = lambda row: getattr(row, by)  # noqa: E731
    if by == "name":
        return sorted(rows, key=lambda row: row.name.casefold(), reverse=falling)
    known = sorted((row for row in rows if not math.isnan(value(row))), key=lambda row: row.name.casefold())
    lost = sorted((row for row in rows if math.isnan(value(row))), key=lambda row: row.name.casefold())
    return sorted(known, key=value, reverse=falling) + lost


def next_sort(now: dict[str, Any], column: str) -> dict[str, Any]:
    """The order after a click on a column's head: turned round where it is sorted by it already."""
    return {"by": column, "falling": not now["falling"] if now.get("by") == column else False}


def label_table(report: DatasetReport, sort: dict[str, Any]) -> Component:
    """The table; heads are buttons."""
    rows = sorted_rows(rows_of(report), by=sort["by"], falling=bool(sort["falling"]))
    heads = [_head(column, sort) for column in COLUMNS]
    body = [_row(row) for row in rows[:MAX_ROWS]]
    table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(body)], className="eob-table eob-verify__table")
    more = f"and {len(rows) - MAX_ROWS:,} more; the CSV lists all." if len(rows) > MAX_ROWS else ""
    return html.Div(
        [html.Div(table, className="eob-scroll"), html.P(more, className="eob-muted eob-small", hidden=not more)]
    )


def _head(column: str, sort: dict[str, Any]) -> Component:
    word, meaning = COLUMNS[column]
    chosen = sort["by"] == column
    order = ("descending" if sort["falling"] else "ascending") if chosen else "none"
    arrow = html.Span(("▾" if sort["falling"] else "▴") if chosen else "", **{"aria-hidden": "true"})
    words = [word, " ", arrow] if column == "name" else [arrow, " ", word]
    press = html.Button(words, id=ids.sort(column), type="button", title=meaning, className="eob-verify__sort")
    return html.Th(press, className="" if column == "name" else "eob-right", **{"aria-sort": order})


def _row(row: Row) -> Component:
    name = html.Td(html.Span([dot(row.color), html.Span(row.name)], className="eob-verify__label", title=row.name))
    share = 0.0 if math.isnan(row.f1) else row.f1
    bar = html.Span(
        html.Span(style={"width": f"{100 * share:.1f}%"}), className="eob-verify__bar", **{"aria-hidden": "true"}
    )
    numbers = [f"{row.patches:,}", number(row.precision), number(row.recall), [bar, number(row.f1)], number(row.purity)]
    return html.Tr([name, *(html.Td(cell, className="eob-right") for cell in [*numbers, number(row.silhouette)])])


def _values(measure: PerClass | None) -> dict[int, float]:
    return {} if measure is None else dict(zip(measure.codes.tolist(), measure.values.tolist(), strict=True))
