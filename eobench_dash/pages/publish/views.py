"""What the publish page shows: the contents, the checklist, one card per format."""

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components.ui import ago, button, chip, count, icon, link_button
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.people import Role
from eobench_dash.domain.report import COPERNICUS, SIMULATED, Check, Readiness
from eobench_dash.pages.publish import ids
from eobench_dash.services.exporting import ExportFormat
from eobench_dash.services.publishing import PreparedExport


def ready_view(ready: Readiness, dataset_id: int, role: Role) -> list[Component]:
    """What the files will hold, and what still speaks against publishing (with a link for whose ``role`` can help)."""
    return [_contents(ready), _checklist(ready, dataset_id, role)]


def _contents(ready: Readiness) -> Component:
    facts = [
        (f"{ready.published:,}", "patches in the files"),
        (f"{ready.unlabelled:,}", "of all patches without a label"),
        (f"{ready.unsure:,}", "marked unsure (they stay in)"),
        (f"{ready.excluded:,}", "excluded by experts (left out)"),
    ]
    cells = [html.Div([html.Dd(value), html.Dt(word)], className="eob-publish__fact") for value, word in facts]
    return html.Section(
        [html.H2("What will be in it"), html.Dl(cells, className="eob-publish__facts")], className="eob-card"
    )


def _checklist(ready: Readiness, dataset_id: int, role: Role) -> Component:
    checks = ready.checks()
    missing = [check for check in checks if not check.good]
    verdict = chip("ready", "ok", icon_name="check") if not missing else chip(f"{len(missing)} to look at", "warn")
    if any(check.blocks for check in missing):
        verdict = chip("not ready", "danger", icon_name="alert")
    items = []
    for check in checks:
        page, needs = _WHERE.get(check.name, ("/datasets", Role.BUILDER))
        items.append(_check(check, f"{page}/{dataset_id}" if role.rank >= needs.rank else None))
    title = html.Div([html.H2("Is it ready?"), verdict], className="eob-row eob-row--apart")
    return html.Section([title, html.Ul(items, className="eob-publish__checks")], className="eob-card eob-stack")


_WHERE = {
    "Verified": ("/verify", Role.EXPERT),
    "Labelled": ("/explore", Role.EXPERT),
    "Certain": ("/explore", Role.EXPERT),
}


def _check(check: Check, href: str | None) -> Component:
    tone = "ok" if check.good else "danger" if check.blocks else "warn"
    state = html.Span("done: " if check.good else "open: ", className="eob-hide")
    words = html.Span([state, html.Strong(check.name), html.Span(f" {check.sentence}", className="eob-muted")])
    fix = [] if check.good or href is None else [html.A("Put right", href=href, className="eob-small")]
    mark = icon("check" if check.good else "alert")
    return html.Li(
        [mark, html.Div(words, className="eob-grow"), *fix], className=f"eob-publish__check eob-publish__check--{tone}"
    )


def format_card(kind: ExportFormat, ready: PreparedExport | None, dataset_id: int) -> Component:
    """One way to take the dataset home."""
    head = html.Div([html.H3(kind.title), html.Code(kind.suffix)], className="eob-row")
    place = html.Div(prepared_view(kind.name, ready, dataset_id), id=ids.prepared(kind.name))
    waiting = dcc.Loading(place, type="dot", delay_show=300, className="eob-publish__waiting")
    return html.Article(
        [head, html.P(kind.description, className="eob-muted"), waiting],
        className="eob-card eob-stack eob-publish__format",
    )


def prepared_view(format: str, ready: PreparedExport | None, dataset_id: int) -> Component:
    """The finished file with its checksum, or a word that there is none yet."""
    if ready is None:
        make = button("Make the file", id=ids.prepare(format), icon_name="file")
        words = html.P("Not made yet for the dataset as it is now.", className="eob-muted eob-small")
        return html.Div([words, html.Div(make)], className="eob-stack")
    href = f"/download/datasets/{dataset_id}/export/{format}"
    facts = [size_words(ready.size), ", ", count(ready.patches, "patch", "patches"), ", made ", ago(ready.made_at)]
    checksum = html.Details(
        [html.Summary("SHA-256"), html.Code(ready.sha256, className="eob-publish__sum")], className="eob-small"
    )
    get = link_button(f"Download {ready.filename}", href, look="primary", icon_name="download", download="")
    return html.Div([html.Div(get), html.P(facts, className="eob-muted eob-small"), checksum], className="eob-stack")


def size_words(size: int) -> str:
    """Bytes in words: ``512 bytes``, ``1.2 MB`` (powers of 1,000)."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size} bytes"


def reports_card(dataset_id: int, *, verified: bool) -> Component:
    """The reports to send along with the data."""
    base = f"/download/datasets/{dataset_id}"
    if not verified:
        words = [
            "The report is made from a verification. ",
            html.A("Verify the dataset", href=f"/verify/{dataset_id}"),
            ".",
        ]
        return html.Section([html.H2("Report"), html.P(words)], className="eob-card")
    buttons = [
        link_button("Report (PDF)", f"{base}/report.pdf", icon_name="download", download=""),
        link_button("Numbers (CSV)", f"{base}/report.csv", icon_name="download", download=""),
    ]
    lead = "What the labels are worth, for the people who will use the data."
    return html.Section(
        [html.H2("Report"), html.P(lead, className="eob-muted"), html.Div(buttons, className="eob-row")],
        className="eob-card eob-stack",
    )


def attribution_card(row: DatasetSummary) -> Component:
    """The words that users of the data have to give."""
    least = SIMULATED if row.simulated else COPERNICUS
    text = row.attribution or least
    copy = dcc.Clipboard(content=text, title="Copy the attribution", className="eob-publish__copy")
    hint = "Give these words wherever the data or what is made of them is shown."
    quote = html.Div([html.Blockquote(text), copy], className="eob-publish__quote")
    return html.Section(
        [html.H2("Attribution"), quote, html.P(hint, className="eob-muted eob-small")], className="eob-card eob-stack"
    )
