"""What the verify page shows of a report."""

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component
from plotly.graph_objects import Figure

from eobench_dash.components.jobs import job_row
from eobench_dash.components.ui import ago, count, empty, link_button, note
from eobench_dash.domain.jobs import JobInfo, JobKind, JobState
from eobench_dash.domain.readings import (
    CAUTION,
    balance_reading,
    headlines,
    method_notes,
    name_of,
    protocol,
    share,
    weakest_reading,
)
from eobench_dash.domain.report import DatasetReport, top_confusions
from eobench_dash.figures.confusion import MAX_CLASSES, confusion_matrix
from eobench_dash.figures.labels import label_bar
from eobench_dash.figures.quality import changes_flow, class_values, per_class
from eobench_dash.figures.template import FIGURE_CONFIG
from eobench_dash.pages.verify import ids
from eobench_dash.pages.verify.table import label_table


def nothing_yet(may_run: bool) -> Component:
    """Before the first verification."""
    words = (
        "A verification trains a classifier on part of the patches and lets it name the others, counts how often "
        "neighbours share a label, and says which labels are weak. It needs features, and takes "
        "about a minute for 16,000 patches."
    )
    who = "Press “Run verification” above." if may_run else "An expert or builder can run it."
    return html.Section(empty("Not verified yet", f"{words} {who}", icon_name="verify"), className="eob-card")


def job_state(jobs: list[JobInfo], dataset_id: int, *, may_act: bool) -> Component | None:
    """The newest verification of this dataset while it runs, or where it failed; None where there is nothing to say."""
    mine = [job for job in jobs if job.kind == JobKind.VERIFY and job.dataset_id == dataset_id]
    if not mine or mine[0].state in {JobState.DONE, JobState.CANCELLED}:
        return None
    return html.Section(job_row(mine[0], at="verify", may_act=may_act), className="eob-card", role="status")


def running(jobs: list[JobInfo], dataset_id: int) -> bool:
    """Whether a verification of this dataset waits or runs."""
    return any(job.kind == JobKind.VERIFY and job.dataset_id == dataset_id and not job.state.over for job in jobs)


def take_home(dataset_id: int) -> list[Component]:
    """The buttons that download the report."""
    base = f"/download/datasets/{dataset_id}"
    return [
        link_button("PDF", f"{base}/report.pdf", icon_name="download", download=""),
        link_button("CSV", f"{base}/report.csv", icon_name="download", download=""),
    ]


def report_view(report: DatasetReport, *, theme: str, sort: dict[str, object]) -> list[Component]:
    """Everything that was measured, the most telling first."""
    return [
        _when(report),
        *_stale(report),
        *(note(text, "warn") for text in report.verification.notes),
        _cards(report),
        _reading(report),
        *_agreement(report, theme),
        *_label_by_label(report, theme, sort),
        *_separation(report, theme),
        _counts(report, theme),
        _cleaning(report, theme),
        _methods(report),
    ]


def _when(report: DatasetReport) -> Component:
    v = report.verification
    words: list[Any] = [
        "Measured ",
        ago(v.created_at),
        f" by {v.who} on {count(v.patch_count, 'patch', 'patches')}, features ",
    ]
    words += [
        html.Code(v.feature_kind),
        ". Fingerprint ",
        html.Code(v.fingerprint[:16], title=f"SHA-256 {v.fingerprint}"),
    ]
    return html.P(words, className="eob-muted eob-small")


def _stale(report: DatasetReport) -> list[Component]:
    if not report.since.stale:
        return []
    words = f"Out of date: the dataset has changed since ({report.since.words}). Run the verification again."
    return [note(words, "warn", role="status")]


def _cards(report: DatasetReport) -> Component:
    cards = [
        html.Div(
            [
                html.Div(line.name, className="eob-figure-card__name"),
                html.Div(line.value, className="eob-figure-card__value"),
                html.Div(line.detail, className="eob-figure-card__detail"),
                html.P(line.reading),
            ],
            className="eob-card eob-figure-card",
        )
        for line in headlines(report.verification)
    ]
    return html.Section(cards, className="eob-verify__cards", **_named("In short"))


def _reading(report: DatasetReport) -> Component:
    scores = report.verification.classification
    first = [html.P([html.Strong("Next. "), weakest_reading(scores, report.labels)])] if scores is not None else []
    return note([*first, html.P([html.Strong("Caution. "), CAUTION])])


def _card(title: str, *children: Component | str, lead: str = "") -> Component:
    head = [html.H2(title), *([html.P(lead, className="eob-muted eob-small")] if lead else [])]
    return html.Section([html.Div(head), *children], className="eob-card eob-stack")


def _named(label: str) -> dict[str, Any]:
    return {"aria-label": label}


def _graph(figure: Figure, *, label: str, scroll: bool = False) -> Component:
    # A responsive graph takes the size of its box, so the figure's own height has to be said there.
    style = {"height": f"{figure.layout.height}px"}
    graph = dcc.Graph(figure=figure, config=FIGURE_CONFIG, responsive=True, style=style, className="eob-verify__graph")
    classes = "eob-scroll eob-verify__wide" if scroll else ""
    return html.Div(graph, className=classes, role="img", **_named(label))


def _agreement(report: DatasetReport, theme: str) -> list[Component]:
    scores = report.verification.classification
    if scores is None:
        return []
    pairs = [
        html.Tr(
            [
                html.Td([name_of(report.labels, p.reference), " → ", name_of(report.labels, p.predicted)]),
                html.Td(f"{p.count:,}", className="eob-right"),
                html.Td(share(p.share), className="eob-right"),
            ]
        )
        for p in top_confusions(scores.confusion, limit=12)
    ]
    heads = [html.Th("Label → foretold"), *(html.Th(word, className="eob-right") for word in ("Patches", "Of label"))]
    table = html.Table([html.Thead(html.Tr(heads)), html.Tbody(pairs)], className="eob-table eob-small")
    k = len(scores.confusion.codes)
    lead = "Rows: the label patches have. Columns: what a classifier that never saw them foretells."
    if k > MAX_CLASSES:
        lead = f"The {MAX_CLASSES} of {k:,} labels with most errors. {lead}"
    matrix = _graph(
        confusion_matrix(scores.confusion, report.labels, theme=theme), label="Confusion matrix", scroll=True
    )
    most = html.Div([html.H3("Confused most"), html.Div(table, className="eob-scroll")], className="eob-stack")
    return [_card("Labels against a classifier", html.Div([matrix, most], className="eob-verify__pair"), lead=lead)]


def _label_by_label(report: DatasetReport, theme: str, sort: dict[str, object]) -> list[Component]:
    scores = report.verification.classification
    if scores is None:
        return []
    dots = _graph(per_class(scores, report.labels, theme=theme), label="Precision, recall and F1 of each label")
    table = html.Div(label_table(report, sort), id=ids.TABLE)
    return [
        _card("Precision, recall and F1", dots, lead="Weakest label on top."),
        _card("All numbers, label by label", table),
    ]


def _separation(report: DatasetReport, theme: str) -> list[Component]:
    measures = [m for m in (report.verification.purity, report.verification.silhouette) if m is not None]
    cards = [
        _card(
            measure.name,
            _graph(class_values(measure, report.labels, theme=theme), label=f"{measure.name} of each label"),
            lead=f"In feature space, {measure.detail}. The dotted line is the mean.",
        )
        for measure in measures
    ]
    return [html.Div(cards, className="eob-verify__pair eob-verify__pair--even")] if cards else []


def _counts(report: DatasetReport, theme: str) -> Component:
    v = report.verification
    bars = label_bar(v.labels, unlabelled=v.balance.unlabelled, theme=theme)
    return _card("Labels", _graph(bars, label="Patches of each label"), lead=balance_reading(v.balance))


def _cleaning(report: DatasetReport, theme: str) -> Component:
    c = report.cleaning
    colors = {label.name: label.color for label in report.verification.labels}
    changed = count(c.changed, "patch", "patches")
    lead = f"{changed} with another label than at import; {c.unsure:,} unsure, {c.excluded:,} excluded."
    if not c.moves:
        return _card("Cleaning history", lead=lead)
    people = [
        html.Tr([html.Td(x.who), html.Td(f"{x.changes:,}", className="eob-right"),
                 html.Td(f"{x.undone:,}", className="eob-right"), html.Td(ago(x.last))])
        for x in c.contributions
    ]  # fmt: skip
    head = html.Tr([html.Th("Who"), html.Th("Patches changed", className="eob-right"),
                    html.Th("Taken back", className="eob-right"), html.Th("Last")])  # fmt: skip
    table = html.Div(html.Table([html.Thead(head), html.Tbody(people)], className="eob-table"), className="eob-scroll")
    flow = _graph(changes_flow(c.moves, colors, theme=theme), label="Labels at import and now", scroll=True)
    return _card("Cleaning history", html.Div([flow, table], className="eob-verify__pair"), lead=lead)


def _methods(report: DatasetReport) -> Component:
    rows = [
        html.Tr([html.Td(html.Strong(n.name)), html.Td(n.definition), html.Td(n.measured), html.Td(n.source)])
        for n in method_notes(report.verification)
    ]
    head = html.Tr([html.Th(word) for word in ("Measure", "Definition", "Measured on", "Source")])
    table = html.Div(
        html.Table([html.Thead(head), html.Tbody(rows)], className="eob-table eob-small"), className="eob-scroll"
    )
    words = [html.P(protocol(report.verification))] if report.verification.classification is not None else []
    summary = html.Summary(html.H2("How it was measured"))
    return html.Details(
        [summary, html.Div([*words, table], className="eob-stack")], className="eob-card eob-verify__methods"
    )
