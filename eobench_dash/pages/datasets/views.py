"""Pieces of a dataset's page as functions of what services answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import (
    ago,
    button,
    chip,
    count,
    dot,
    icon_button,
    link_button,
    note,
    page_head,
    simulated_mark,
)
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.importing import ISSUE_TITLES, ImportReport
from eobench_dash.domain.labels import LabelInfo
from eobench_dash.domain.patches import EmbeddingInfo, FeatureSetInfo
from eobench_dash.domain.people import Principal, Role
from eobench_dash.pages.datasets import ids
from eobench_dash.services.assignments import TaskInfo

MAX_ROWS = 200
MAX_ISSUES = 50


def head(row: DatasetSummary) -> Component:
    """The dataset's name, marks and counts."""
    facts = [count(row.patch_count, "patch", "patches"), count(row.label_count, "label")]
    facts.append(f"{row.labelled_count:,} labelled")
    marks = [
        *([simulated_mark()] if row.simulated else []),
        *([chip("public", "accent", icon_name="globe")] if row.public else []),
    ]
    lead = html.Span([" · ".join(facts), ", imported ", ago(row.created_at), " ", *marks])
    return page_head(
        row.name, lead, [link_button("Explore", f"/explore/{row.id}", look="primary", icon_name="explore")]
    )


def label_table(labels: Sequence[LabelInfo], *, words: str, may_edit: bool) -> Component:
    """The labels whose name holds ``words``, largest first; at most MAX_ROWS of them."""
    wanted = words.strip().casefold()
    found = sorted((x for x in labels if wanted in x.name.casefold()), key=lambda x: (-x.count, x.name.casefold()))
    if not found:
        return html.P("No label is called so." if labels else "No label yet.", className="eob-muted")
    most = max(x.count for x in found) or 1
    explained = any(label.description for label in found)
    rows = [_label_row(label, most, may_edit=may_edit, explained=explained) for label in found[:MAX_ROWS]]
    titles = ["", "Label", *(["Meaning"] if explained else []), "Patches", *([""] if may_edit else [])]
    header = html.Thead(html.Tr([html.Th(t, className="eob-right" if t == "Patches" else None) for t in titles]))
    more = [html.P(f"{MAX_ROWS} of {len(found):,} labels; type to find others.", className="eob-muted eob-small")]
    table = html.Div(html.Table([header, html.Tbody(rows)], className="eob-table"), className="eob-scroll")
    return html.Div([table, *(more if len(found) > MAX_ROWS else [])])


def _label_row(label: LabelInfo, most: int, *, may_edit: bool, explained: bool) -> Component:
    bar = html.Div(
        className="eob-count__bar", style={"width": f"{100 * label.count / most:.1f}%", "background": label.color}
    )
    cells = [
        html.Td(dot(label.color)),
        html.Td(label.name, className="eob-label-name"),
        *([html.Td(label.description, className="eob-muted eob-small")] if explained else []),
        html.Td(html.Div([html.Span(f"{label.count:,}"), bar], className="eob-count"), className="eob-right"),
    ]
    if may_edit:
        cells.append(
            html.Td(icon_button(f"Edit {label.name}", "annotate", id=ids.edit(label.code), look="quiet small"))
        )
    return html.Tr(cells)


def ingest_view(row: DatasetSummary, notes: Sequence[str]) -> Component:
    """How patches were cut from products, in short."""
    words = f"{count(row.patch_count, 'patch was', 'patches were')} cut from products."
    report = link_button("Read the ingest report", f"/ingest?report={row.id}", icon_name="verify", look="small")
    scene = link_button("Open the scenes", f"/explore/{row.id}?scene=first", icon_name="satellite", look="small")
    told = [html.P(text, className="eob-muted eob-small") for text in notes]
    return html.Div([note(words, "ok"), *told, html.Div([report, scene], className="eob-row")], className="eob-stack")


def report_view(report: ImportReport | None, dataset_id: int) -> Component:
    """What the import took in and left out."""
    if report is None:
        return html.P("This dataset was simulated, so nothing was left out.", className="eob-muted")
    tone = "ok" if report.rejected == 0 else "warn"
    unlabelled = f", {report.unlabelled:,} of them without a label" if report.unlabelled else ""
    words = f"{report.imported:,} of {count(report.total, 'row')} imported{unlabelled}."
    parts: list[Component] = [note(words, tone), *[note(text) for text in report.notes]]  # type: ignore[arg-type]
    if report.rejected:
        kinds = [chip(f"{ISSUE_TITLES[kind]} · {n:,}", "warn") for kind, n in report.counts.items() if n]
        parts += [html.Div(kinds, className="eob-row eob-row--tight"), _issues(report)]
        href = f"/download/datasets/{dataset_id}/import-report.csv"
        parts.append(html.Div(link_button("Download as CSV", href, icon_name="download", look="small")))
    return html.Div(parts, className="eob-stack")


def _issues(report: ImportReport) -> Component:
    rows = [
        html.Tr([html.Td(ISSUE_TITLES[i.kind]), html.Td(i.where, className="eob-mono eob-small"), html.Td(i.message)])
        for i in report.issues[:MAX_ISSUES]
    ]
    header = html.Thead(html.Tr([html.Th(t) for t in ("What", "Where", "Why")]))
    part = f"The first {len(rows)} of " if len(rows) < report.rejected else ""
    shown = f"{part}{count(report.rejected, 'row')} left out"
    table = html.Div(html.Table([header, html.Tbody(rows)], className="eob-table eob-small"), className="eob-scroll")
    return html.Details([html.Summary(shown), table])


def vectors_view(features: Sequence[FeatureSetInfo], maps: Sequence[EmbeddingInfo]) -> Component:
    """The feature sets and maps there are."""
    lines = [
        _made(
            chip("features", "accent"), f.kind, f"{f.dim} numbers for {count(f.rows, 'patch', 'patches')}", f.created_at
        )
        for f in features
    ] + [
        _made(chip("map", "ok"), m.method, f"of {m.label or 'all patches'} from {m.feature_kind}", m.created_at)
        for m in maps
    ]
    return html.Ul(lines, className="eob-stack") if lines else html.P("Nothing is computed yet.", className="eob-muted")


def _made(mark: Component, name: str, words: str, moment: datetime) -> Component:
    text = html.Span([html.Strong(name), f" {words}, ", ago(moment)])
    return html.Li([mark, text], className="eob-row eob-row--tight eob-nowrap")


def deletion_words(name: str) -> list[Component | str]:
    """Which name has to be typed."""
    return ["Type its name to confirm: ", html.Strong(name, className="eob-break")]


def may_edit(who: Principal, tasks: Sequence[TaskInfo], dataset_id: int) -> bool:
    """Whether ``who`` may change labels themselves: builders, and experts of the whole dataset (``tasks``: theirs)."""
    whole = any(task.dataset_id == dataset_id and task.label is None for task in tasks)
    return who.role.rank >= Role.BUILDER.rank or (who.role is Role.EXPERT and whole)


def merge_options(labels: Sequence[LabelInfo], *, but: int) -> list[dict[str, Any]]:
    """Labels that one may be merged into."""
    return [
        {"label": x.name, "value": x.code} for x in sorted(labels, key=lambda x: x.name.casefold()) if x.code != but
    ]


def save_button(id: str, words: str = "Save") -> html.Button:
    """The button that keeps a form."""
    return button(words, id=id, look="primary", icon_name="check")
