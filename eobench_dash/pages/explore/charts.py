"""The tab "Charts" of the explore page's right panel. What a click on a chart does is in assets/explore-charts.js."""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from plotly.graph_objects import Figure

from eobench_dash.components import ids as shared
from eobench_dash.components.ui import button, dialog, icon, icon_button
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.figures.template import empty
from eobench_dash.pages import asking
from eobench_dash.pages.explore import ids
from eobench_dash.pages.explore.chart_kinds import CHOICES, draw, kind_options
from eobench_dash.services import clusters

FIRST = "labels"
WORDS = "Click a part to see only its patches on the map; click it again to see all."


def tab(dataset: DatasetSummary, *, may_clean: bool) -> Component:
    """What to show, in which form, the chart, its downloads."""
    what = dcc.Dropdown(
        id=ids.CHARTS_WHAT,
        options=[{"label": title, "value": name} for name, (title, _) in CHOICES.items()],
        value=FIRST,
        clearable=False,
        searchable=False,
        className="eob-chart__what",
    )
    options = kind_options(FIRST)
    kinds = dcc.RadioItems(
        id=ids.CHARTS_KIND, options=options, value=options[0]["value"], inline=True, className="eob-explore__modes"
    )
    sets = dcc.Dropdown(id=ids.CHARTS_SET, clearable=False, searchable=False, placeholder="No clusters yet")
    opens = {"data-eob-open": ids.CHARTS_DIALOG, "aria-haspopup": "dialog"}
    large = icon_button("Show the chart large", "zoom", id=ids.CHARTS_ENLARGE, look="quiet small", **opens)
    return html.Div(
        [
            html.Label([html.Span("What the chart shows", className="eob-hide"), what]),
            html.Div(sets, id=ids.CHARTS_OF, hidden=True, className="eob-chart__of"),
            html.Div([kinds, large], className="eob-chart__kinds"),
            _graph(ids.CHARTS_GRAPH),
            html.Div(_downloads(dataset), className="eob-chart__downloads"),
            html.P(WORDS, className="eob-muted eob-small"),
            dialog(
                ids.CHARTS_DIALOG,
                "Chart",
                [_graph(ids.CHARTS_LARGE), html.Div(_downloads(dataset), className="eob-chart__downloads")],
            ),
        ],
        className="eob-chart",
    )


def _graph(name: str) -> Component:
    config = {"displayModeBar": False, "responsive": True}
    return dcc.Graph(id=name, config=config, figure=empty("", theme="light"), className="eob-chart__graph")


def _downloads(dataset: DatasetSummary) -> list[Component]:
    formats = {"png": "PNG", "svg": "SVG", "csv": "CSV"}
    tips = {"png": "the chart as a picture", "svg": "the chart as vectors", "csv": "the numbers behind the chart"}
    stem = {"data-stem": dataset.name}
    return [
        icon("download"),
        *[
            button(text, look="quiet small", title=f"Download {tips[name]}", **{"data-chart-as": name}, **stem)
            for name, text in formats.items()
        ],
    ]


def register(app: Dash) -> None:
    """Add the tab's callbacks."""
    _register_choice(app)
    _register_figures(app)
    for graph in (ids.CHARTS_GRAPH, ids.CHARTS_LARGE):
        app.clientside_callback(
            ClientsideFunction(namespace="eobCharts", function_name="clicked"),
            Output(graph, "clickData"),
            Input(graph, "clickData"),
            State(ids.CHARTS_KIND, "value"),
            State(ids.CHARTS_SET, "value"),
            prevent_initial_call=True,
        )
        tame = ClientsideFunction(namespace="eobCharts", function_name="keepTiles")
        app.clientside_callback(tame, Input(graph, "figure"), State(graph, "id"))
    remember = ClientsideFunction(namespace="eobCharts", function_name="remember")
    app.clientside_callback(remember, Input(ids.CHARTS_SET, "value"))


def _register_choice(app: Dash) -> None:
    @app.callback(
        Output(ids.CHARTS_KIND, "options"),
        Output(ids.CHARTS_KIND, "value"),
        Output(ids.CHARTS_OF, "hidden"),
        Input(ids.CHARTS_WHAT, "value"),
        prevent_initial_call=True,
    )
    def choose(what: str) -> tuple[list[dict[str, str]], str, bool]:
        if what not in CHOICES:
            raise PreventUpdate
        options = kind_options(what)
        return options, options[0]["value"], what != "clusters"

    @app.callback(
        Output(ids.CHARTS_SET, "options"),
        Output(ids.CHARTS_SET, "value"),
        Input(ids.CHARTS_WHAT, "value"),
        Input(shared.JOBS_DONE, "data"),
        Input(ids.CLUSTERS_CHANGED, "data", allow_optional=True),  # of a tab that may not have been opened yet
        State(ids.CHARTS_SET, "value"),
        State(ids.DATASET, "data"),
    )
    def list_sets(what: str, _done: Any, _changed: Any, shown: int | None, dataset_id: int) -> tuple[Any, Any]:
        if what != "clusters":
            raise PreventUpdate
        found = clusters.list_cluster_sets(*asking(), dataset_id=dataset_id)
        kept = shown if any(s.id == shown for s in found) else next((s.id for s in found), None)
        return [{"label": s.title, "value": s.id} for s in found], no_update if kept == shown else kept


def _register_figures(app: Dash) -> None:
    @app.callback(
        Output(ids.CHARTS_GRAPH, "figure"),
        Input(ids.CHARTS_KIND, "value"),
        Input(ids.CHARTS_SET, "value"),
        Input(ids.THEME, "data"),
        Input(ids.TICK, "data"),
        Input(ids.TAB, "data"),
        State(ids.DATASET, "data"),
    )
    def show(chart: str, cluster_set: int | None, theme: str | None, _tick: Any, tab: str, dataset_id: int) -> Figure:
        if tab != "charts":
            raise PreventUpdate
        return draw(dataset_id, chart, cluster_set=cluster_set, theme=theme or "light", compact=True)

    @app.callback(
        Output(ids.CHARTS_LARGE, "figure"),
        Input(ids.CHARTS_ENLARGE, "n_clicks"),
        State(ids.CHARTS_KIND, "value"),
        State(ids.CHARTS_SET, "value"),
        State(ids.THEME, "data"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def enlarge(clicks: int | None, chart: str, cluster_set: int | None, theme: str | None, dataset_id: int) -> Figure:
        if not clicks:
            raise PreventUpdate
        return draw(dataset_id, chart, cluster_set=cluster_set, theme=theme or "light", compact=False)
