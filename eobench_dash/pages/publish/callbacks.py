"""Callbacks of the publish page."""

from typing import Any

from dash import MATCH, Dash, Input, Output, State, ctx
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from eobench_dash.components import ids as shared
from eobench_dash.pages import asking
from eobench_dash.pages.publish import ids, views
from eobench_dash.services.publishing import prepare_export
from eobench_dash.services.reports import readiness


def register(app: Dash) -> None:
    """Add the page's callbacks."""

    @app.callback(
        Output(ids.prepared(MATCH), "children"),
        Input(ids.prepare(MATCH), "n_clicks"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def prepare(clicks: int | None, dataset_id: int) -> Component:
        if not clicks or ctx.triggered_id is None:
            raise PreventUpdate
        format = ctx.triggered_id["format"]
        ready = prepare_export(*asking(), dataset_id=dataset_id, format=format)
        return views.prepared_view(format, ready, dataset_id)

    @app.callback(
        Output(ids.READY, "children"),
        Output(ids.REPORTS, "children"),
        Input(shared.JOBS_DONE, "data"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def show_ready(_done: Any, dataset_id: int) -> tuple[list[Component], Component]:
        ws, who = asking()
        ready = readiness(ws, who, dataset_id=dataset_id)
        reports = views.reports_card(dataset_id, verified=ready.verified_at is not None)
        return views.ready_view(ready, dataset_id, who.role), reports
