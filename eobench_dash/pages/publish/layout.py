"""The publish page: is it ready, what is in it, the files."""

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components.ui import page_head, simulated_mark
from eobench_dash.pages import asking
from eobench_dash.pages.publish import ids, views
from eobench_dash.services import datasets
from eobench_dash.services.exporting import EXPORTS
from eobench_dash.services.publishing import find_export
from eobench_dash.services.reports import readiness

LEAD = "Files that others can use, with the words and the checksum that go with them."


def layout(dataset_id: int, **_: str) -> Component:
    """The page of one dataset."""
    ws, who = asking()
    row = datasets.get_dataset(ws, who, dataset_id=dataset_id)
    ready = readiness(ws, who, dataset_id=dataset_id)
    cards = [
        views.format_card(kind, find_export(ws, who, dataset_id=dataset_id, format=kind.name), dataset_id)
        for kind in EXPORTS.values()
    ]
    formats = html.Section([html.H2("Files"), html.Div(cards, className="eob-publish__formats")], className="eob-stack")
    state = html.Div(views.ready_view(ready, dataset_id, who.role), id=ids.READY, className="eob-stack eob-stack--wide")
    left = html.Div([state, formats], className="eob-stack eob-stack--wide")
    reports = views.reports_card(dataset_id, verified=ready.verified_at is not None)
    right = [html.Div(reports, id=ids.REPORTS), views.attribution_card(row)]
    head = page_head(f"Publish {row.name}", LEAD, [simulated_mark()] if row.simulated else [])
    columns = html.Div([left, html.Div(right, className="eob-stack eob-stack--wide")], className="eob-columns")
    return html.Div([dcc.Store(id=ids.DATASET, data=dataset_id), head, columns], className="eob-page eob-publish")
