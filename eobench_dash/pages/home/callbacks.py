"""The home page's callbacks: its four lists, and the next step of a dataset."""

from typing import Any

from dash import ALL, Dash, Input, Output, ctx
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from eobench_dash.components import ids as shared
from eobench_dash.domain.datasets import Step
from eobench_dash.pages import asking
from eobench_dash.pages.home import ids, import_callbacks, views
from eobench_dash.services import activity, assignments, datasets, embeddings, features, jobs


def register(app: Dash) -> None:
    """Add the home page's callbacks."""
    import_callbacks.register(app)

    @app.callback(
        Output(ids.DATASETS, "children"),
        Output(ids.JOBS, "children"),
        Input(ids.DATASETS, "id"),
        Input(shared.JOBS_NOW, "data"),
        Input(shared.JOBS_DONE, "data"),
        Input(shared.DATASETS_CHANGED, "data"),
    )
    def show_datasets(*_: Any) -> tuple[Component, list[Component]]:
        ws, who = asking()
        rows = datasets.list_datasets(ws, who)
        active = jobs.list_jobs(ws, who, active_only=True)
        busy = {job.dataset_id: job for job in reversed(active) if job.dataset_id is not None}
        mine = {task.dataset_id for task in assignments.my_tasks(ws, who)}
        return views.dataset_list(rows, who, busy=busy, mine=mine), views.jobs_now(active)

    @app.callback(
        Output(ids.TASKS, "children"),
        Output(ids.ACTIVITY, "children"),
        Input(ids.DATASETS, "id"),
        Input(ids.TASKS_CHANGED, "data"),
        Input(shared.JOBS_DONE, "data"),
    )
    def show_people(*_: Any) -> tuple[list[Component], list[Component]]:
        ws, who = asking()
        if who.anonymous:
            raise PreventUpdate
        return views.tasks(assignments.my_tasks(ws, who)), views.activity(activity.recent(ws, who, limit=12))

    @app.callback(Output(ids.TASKS_CHANGED, "data"), Input(ids.task(ALL, ALL), "n_clicks"), prevent_initial_call=True)
    def finish_task(_clicks: list[int | None]) -> dict[str, Any]:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            raise PreventUpdate
        chosen = ctx.triggered_id
        assignments.set_done(*asking(), assignment_id=chosen["task"], done=chosen["act"] == "done")
        return {**chosen, "n": ctx.triggered[0]["value"]}

    @app.callback(
        Output(shared.JOBS_KICK, "data", allow_duplicate=True),
        Input(ids.next_step(ALL, ALL), "n_clicks"),
        prevent_initial_call=True,
    )
    def take_next_step(_clicks: list[int | None]) -> dict[str, int]:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            raise PreventUpdate
        ws, who = asking()
        chosen = ctx.triggered_id["dataset"]
        if ctx.triggered_id["step"] == Step.DESCRIBED:
            return {"job": features.start_features(ws, who, dataset_id=chosen, kind="all")}
        return {"job": embeddings.start_embedding(ws, who, dataset_id=chosen)}
