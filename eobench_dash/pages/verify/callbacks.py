"""Callbacks of the verify page."""

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from eobench_dash.components import ids as shared
from eobench_dash.domain.people import Role
from eobench_dash.pages import asking
from eobench_dash.pages.verify import ids, views
from eobench_dash.pages.verify.table import label_table, next_sort
from eobench_dash.services import jobs
from eobench_dash.services.reports import find_report
from eobench_dash.services.verification import start_verification


def register(app: Dash) -> None:
    """Add the page's callbacks."""
    theme = ClientsideFunction(namespace="eobVerify", function_name="theme")
    app.clientside_callback(theme, Output(ids.THEME, "data"), Input(ids.DATASET, "data"))
    _register_run(app)
    _register_report(app)


def _register_run(app: Dash) -> None:
    @app.callback(
        Output(shared.JOBS_KICK, "data", allow_duplicate=True),
        Input(ids.RUN, "n_clicks"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def run(clicks: int | None, dataset_id: int) -> dict[str, int]:
        if not clicks:
            raise PreventUpdate
        return {"job": start_verification(*asking(), dataset_id=dataset_id)}

    @app.callback(
        Output(ids.STATE, "children"),
        Output(ids.RUN, "disabled"),
        Input(ids.DATASET, "data"),
        Input(shared.JOBS_NOW, "data"),
        Input(shared.JOBS_DONE, "data"),
    )
    def show_job(dataset_id: int, _now: Any, _done: Any) -> tuple[Component | None, bool]:
        ws, who = asking()
        rows = jobs.list_jobs(ws, who, limit=50)
        may_act = who.role.rank >= Role.EXPERT.rank
        return views.job_state(rows, dataset_id, may_act=may_act), views.running(rows, dataset_id)


def _register_report(app: Dash) -> None:
    @app.callback(
        Output(ids.BODY, "children"),
        Output(ids.ACTIONS, "children"),
        Input(ids.THEME, "data"),
        Input(shared.JOBS_DONE, "data"),
        State(ids.DATASET, "data"),
        State(ids.SORT, "data"),
    )
    def show(theme: str | None, _done: Any, dataset_id: int, sort: dict[str, Any]) -> tuple[Any, list[Component]]:
        if theme is None:
            raise PreventUpdate  # the browser is about to say; drawing twice would flicker
        ws, who = asking()
        report = find_report(ws, who, dataset_id=dataset_id)
        if report is None:
            return views.nothing_yet(who.role.rank >= Role.EXPERT.rank), []
        return views.report_view(report, theme=theme, sort=sort), views.take_home(dataset_id)

    @app.callback(
        Output(ids.TABLE, "children"),
        Output(ids.SORT, "data"),
        Input(ids.sort(ALL), "n_clicks"),
        State(ids.SORT, "data"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def sort_table(clicks: list[int | None], sort: dict[str, Any], dataset_id: int) -> tuple[Any, Any]:
        if not any(clicks) or not ctx.triggered_id:
            return no_update, no_update
        wanted = next_sort(sort, ctx.triggered_id["column"])
        report = find_report(*asking(), dataset_id=dataset_id)
        return (no_update, no_update) if report is None else (label_table(report, wanted), wanted)
