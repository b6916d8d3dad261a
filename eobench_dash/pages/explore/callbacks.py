"""Callbacks of the explore page. What must be instant (hover, filter, relabel) is in assets/explore.js."""

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from dash.exceptions import PreventUpdate
from plotly.graph_objects import Figure

from eobench_dash.components import ids as shared
from eobench_dash.components.embedding_map import label_table
from eobench_dash.components.toasts import toast
from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.people import Role
from eobench_dash.figures.labels import label_bar, label_pie
from eobench_dash.pages import asking
from eobench_dash.pages.explore import ids, panel, views
from eobench_dash.services import datasets, embeddings, features, jobs, labels, patches
from eobench_dash.services.neighbours import neighbours


def register(app: Dash) -> None:
    """Add the page's callbacks."""
    _register_map(app)
    _register_panels(app)
    _register_jobs(app)


def _register_map(app: Dash) -> None:
    def browser(name: str, *parts: Output | Input | State, initial: bool = False) -> None:
        function = ClientsideFunction(namespace="eobExplore", function_name=name)
        app.clientside_callback(function, *parts, prevent_initial_call=not initial)

    browser(
        "openMap",
        Output(ids.MAP, "coordsUrl"),
        Output(ids.MAP, "view"),
        Input(ids.MAPS, "value"),
        State(ids.DATASET, "data"),
    )
    whole = (Input(ids.MAPS, "value"), Input(ids.WHOLE, "data"))
    browser("hideBack", Output(ids.BACK, "hidden"), *whole, initial=True)
    value = Output(ids.MAPS, "value", allow_duplicate=True)
    browser("goBack", value, Input(ids.BACK, "n_clicks"), State(ids.WHOLE, "data"))
    browser("setMode", Output(ids.MAP, "mode"), Input(ids.MODE, "value"), initial=True)
    browser("theme", Output(ids.THEME, "data"), Input(ids.DATASET, "data"), initial=True)
    browser("isolate", Output(ids.CHART, "clickData"), Input(ids.CHART, "clickData"))
    browser("picked", Input(ids.PICK, "data"), initial=True)
    browser("table", Input(ids.TABLE, "data"), initial=True)

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


def _register_panels(app: Dash) -> None:
    @app.callback(
        Output(ids.NEIGHBOURS, "children"),
        Input(ids.MAP, "clickData"),
        Input(ids.PICK, "data"),
        State(ids.DATASET, "data"),
    )
    def show_neighbours(click: dict[str, int] | None, pick: dict[str, int] | None, dataset_id: int) -> Any:
        asked = click if ctx.triggered_id == ids.MAP else pick
        if not asked:
            raise PreventUpdate
        ws, who = asking()
        dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
        patch = patches.patch_info(ws, who, dataset_id=dataset_id, ordinal=asked["ordinal"])
        found = neighbours(ws, who, dataset_id=dataset_id, ordinal=asked["ordinal"], k=20)
        return panel.neighbours(dataset, patch, found)

    @app.callback(
        Output(ids.GROUPS, "children"),
        Output(ids.MAP, "labels"),
        Output(ids.TABLE, "data"),
        Input(ids.DATASET, "data"),
        Input(ids.TICK, "data"),
    )
    def show_groups(dataset_id: int, _tick: Any) -> tuple[Any, Any, Any]:
        ws, who = asking()
        rows = labels.list_labels(ws, who, dataset_id=dataset_id)
        dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
        unlabelled = dataset.patch_count - dataset.labelled_count
        may_clean = who.role.rank >= Role.EXPERT.rank
        shown = views.groups(rows, unlabelled=unlabelled, may_clean=may_clean)
        return shown, label_table(rows), views.label_rows(rows)

    @app.callback(
        Output(ids.CHART, "figure"),
        Input(ids.THEME, "data"),
        Input(ids.CHART_KIND, "value"),
        Input(ids.TICK, "data"),
        State(ids.DATASET, "data"),
    )
    def show_chart(theme: str | None, kind: str, _tick: Any, dataset_id: int) -> Figure:
        ws, who = asking()
        rows = labels.list_labels(ws, who, dataset_id=dataset_id)
        dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
        draw = label_pie if kind == "pie" else label_bar
        unlabelled = dataset.patch_count - dataset.labelled_count
        return views.fit_chart(draw(rows, unlabelled=unlabelled, theme=theme or "light"))


def _register_jobs(app: Dash) -> None:
    @app.callback(
        Output(ids.WANTED, "data"),
        Output(shared.JOBS_KICK, "data", allow_duplicate=True),
        Input(ids.COMPUTE, "n_clicks"),
        State(ids.METHOD, "value"),
        State(ids.FEATURE, "value"),
        State(ids.GROUP, "value"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def compute(clicks: int | None, method: str, feature: str | None, group: str | None, dataset_id: int) -> Any:
        if not clicks:
            raise PreventUpdate
        return start_map(dataset_id, method=method, feature=feature, label=group or None)

    @app.callback(
        Output(ids.MAPS, "value", allow_duplicate=True),
        Output(ids.WANTED, "data", allow_duplicate=True),
        Output(shared.JOBS_KICK, "data", allow_duplicate=True),
        Input(ids.zoom(ALL), "n_clicks"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def zoom(_clicks: list[int | None], dataset_id: int) -> Any:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            raise PreventUpdate
        return open_group(dataset_id, int(ctx.triggered_id["code"]))

    @app.callback(
        Output(ids.MAPS, "options"),
        Output(ids.WHOLE, "data"),
        Output(ids.MAPS, "value"),
        Output(ids.WANTED, "data", allow_duplicate=True),
        Input(shared.JOBS_DONE, "data"),
        State(ids.WANTED, "data"),
        State(ids.MAPS, "value"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def maps_changed(_done: Any, wanted: int | None, shown: int | None, dataset_id: int) -> Any:
        maps = embeddings.list_embeddings(*asking(), dataset_id=dataset_id)
        whole = views.whole_maps(maps)
        made, over = finished_map(wanted)
        kept = shown if any(m.id == shown for m in maps) else next(iter(whole), None)
        value = made or kept
        return views.map_options(maps), whole, no_update if value == shown else value, None if over else no_update

    @app.callback(
        Output(ids.FEATURE, "options"),
        Output(ids.FEATURE, "value"),
        Input(shared.JOBS_DONE, "data"),
        State(ids.FEATURE, "value"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def features_changed(_done: Any, chosen: str | None, dataset_id: int) -> tuple[list[dict[str, Any]], str | None]:
        kinds = features.list_feature_sets(*asking(), dataset_id=dataset_id)
        kept = any(f.kind == chosen for f in kinds)
        return views.kind_options(kinds), chosen if kept else views.default_kind(kinds)

    @app.callback(
        Output(ids.NOTHING, "hidden"),
        Output(ids.NOTHING, "children"),
        Input(ids.MAPS, "value"),
        Input(shared.JOBS_NOW, "data"),
        Input(shared.JOBS_DONE, "data"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def show_nothing(shown: int | None, _now: Any, _done: Any, dataset_id: int) -> tuple[bool, Any]:
        if shown is not None:
            return True, no_update
        ws, who = asking()
        kinds = features.list_feature_sets(ws, who, dataset_id=dataset_id)
        rows = jobs.list_jobs(ws, who, limit=50)
        return False, views.nothing(kinds, rows, dataset_id, may_clean=who.role.rank >= Role.EXPERT.rank)


def start_map(dataset_id: int, *, method: str, feature: str | None, label: str | None) -> tuple[int, int]:
    """Queue a map; the job to wait for, and something new for the shell's jobs."""
    job = embeddings.start_embedding(*asking(), dataset_id=dataset_id, method=method, feature=feature, label=label)
    toast("The map is being computed; it opens when it is ready.")
    return job, job


def open_group(dataset_id: int, code: int) -> tuple[Any, Any, Any]:
    """Show the newest map of a label's group if it is of today's patches, else compute it."""
    ws, who = asking()
    label = next((row for row in labels.list_labels(ws, who, dataset_id=dataset_id) if row.code == code), None)
    if label is None:
        raise PreventUpdate
    maps = embeddings.list_embeddings(ws, who, dataset_id=dataset_id)
    known = next((m for m in maps if m.label_code == code and m.rows == label.count), None)
    if known is not None:
        return known.id, no_update, no_update
    return no_update, *start_map(dataset_id, method="umap", feature=None, label=label.name)


def finished_map(job_id: int | None) -> tuple[int | None, bool]:
    """The map that the job made, if it is done; and whether the waiting is over."""
    if job_id is None:
        return None, False
    job = jobs.get_job(*asking(), job_id=job_id)
    made = job.result.get("embedding_id") if job.state is JobState.DONE else None
    return made, job.state.over
