"""Callbacks of the explore page. What must be instant (hover, filter, relabel) is in assets/explore.js."""

from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, ctx
from dash.exceptions import PreventUpdate

from eobench_dash.components.embedding_map import label_table
from eobench_dash.domain.people import Role
from eobench_dash.pages import asking
from eobench_dash.pages.explore import charts, clusters, history, ids, later, maps, new_map, panel, views
from eobench_dash.services import datasets, labels, patches


def register(app: Dash) -> None:
    """Add the page's callbacks."""
    _register_browser(app)
    _register_panels(app)
    for part in (later, maps, new_map, clusters, charts, history):
        part.register(app)


def _register_browser(app: Dash) -> None:
    def browser(name: str, *parts: Output | Input | State, initial: bool = False) -> None:
        function = ClientsideFunction(namespace="eobExplore", function_name=name)
        app.clientside_callback(function, *parts, prevent_initial_call=not initial)

    browser("setMode", Output(ids.MAP, "mode"), Output(ids.MAP2, "mode"), Input(ids.MODE, "value"))
    # At first, when Dash calls only what has an output; then whenever something changes.
    first = (Input(ids.DATASET, "data"), State(ids.TABLE, "data"), State(ids.PICK, "data"))
    browser("begin", Output(ids.THEME, "data"), *first, initial=True)
    browser("picked", Input(ids.PICK, "data"))
    browser("table", Input(ids.TABLE, "data"), State(ids.DATASET, "data"))


def _register_panels(app: Dash) -> None:
    @app.callback(
        Output(ids.MAP, "focus"),
        Output(ids.PICK, "data"),
        Input(ids.GOTO, "n_submit"),
        State(ids.GOTO, "value"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def go_to(times: int | None, query: str | None, dataset_id: int) -> tuple[dict[str, int], dict[str, int]]:
        if not times or not query:
            raise PreventUpdate
        ordinal = patches.find_patch(*asking(), dataset_id=dataset_id, query=query)
        return {"ordinal": ordinal, "n": times + 1}, {"ordinal": ordinal, "n": times}

    @app.callback(
        Output(ids.NEIGHBOURS, "children"),
        Input(ids.MAP, "clickData"),
        Input(ids.MAP2, "clickData"),
        Input(ids.PICK, "data"),
        State(ids.NEAR, "data"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,  # what a link asks for comes with the layout
    )
    def show_neighbours(click: Any, click2: Any, pick: dict[str, int] | None, near: str | None, dataset_id: int) -> Any:
        asked = {ids.MAP: click, ids.MAP2: click2}.get(str(ctx.triggered_id), pick)
        if not asked:
            raise PreventUpdate
        dataset = datasets.get_dataset(*asking(), dataset_id=dataset_id)
        return panel.of_patch(dataset, asked["ordinal"], near=near)

    @app.callback(
        Output(ids.GROUPS, "children"),
        Output(ids.MAP, "labels"),
        Output(ids.MAP2, "labels"),
        Output(ids.TABLE, "data"),
        Input(ids.TICK, "data"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,  # at first they come with the layout
    )
    def show_groups(_tick: Any, dataset_id: int) -> tuple[Any, Any, Any, Any]:
        ws, who = asking()
        rows = labels.list_labels(ws, who, dataset_id=dataset_id)
        dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
        shown = views.groups_of(dataset, rows, may_clean=who.role.rank >= Role.EXPERT.rank)
        return shown, label_table(rows), label_table(rows), views.label_rows(rows)
