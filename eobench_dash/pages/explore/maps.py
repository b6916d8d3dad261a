"""Which maps are shown: choosing them, waiting for new ones, a group's own map and the way back, the second map."""

from collections.abc import Mapping
from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from dash.exceptions import PreventUpdate

from eobench_dash.components import ids as shared
from eobench_dash.components.toasts import toast
from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.people import Role
from eobench_dash.pages import asking
from eobench_dash.pages.explore import ids, views
from eobench_dash.services import embeddings, features, jobs, labels


def register(app: Dash) -> None:
    """Add the callbacks of the choice of maps."""
    _register_browser(app)
    _register_groups(app)
    _register_news(app)


def _register_browser(app: Dash) -> None:
    def browser(name: str, *parts: Output | Input | State) -> None:
        function = ClientsideFunction(namespace="eobView", function_name=name)
        app.clientside_callback(function, *parts, prevent_initial_call=True)  # at first the layout says it

    def urls(map_id: str) -> list[Output]:
        return [Output(map_id, name) for name in ("coordsUrl", "sheetsUrl", "columnsUrl", "view")]

    browser("openMap", *urls(ids.MAP), Input(ids.MAPS, "value"), State(ids.DATASET, "data"))
    browser("openSecond", *urls(ids.MAP2), Input(ids.MAPS2, "value"), State(ids.DATASET, "data"))
    whole = (Input(ids.MAPS, "value"), Input(ids.WHOLE, "data"))
    browser("hideBack", Output(ids.BACK, "hidden"), *whole)
    value = Output(ids.MAPS, "value", allow_duplicate=True)
    browser("goBack", value, Input(ids.BACK, "n_clicks"), State(ids.WHOLE, "data"))
    browser("thumbnails", Output(ids.MAP, "thumbnails"), Output(ids.MAP2, "thumbnails"), Input(ids.THUMBS, "data"))
    second = Output(ids.MAPS2, "value", allow_duplicate=True)
    browser("split", second, Input(ids.SPLIT, "data"), State(ids.MAPS2, "value"), State(ids.MAPS2, "options"),
            State(ids.MAPS, "value"))  # fmt: skip


def _register_groups(app: Dash) -> None:
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
        Output(ids.QUALITY, "children"),
        Input(ids.MAPS, "value"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def show_quality(shown: int | None, dataset_id: int) -> Any:
        maps = embeddings.list_embeddings(*asking(), dataset_id=dataset_id)
        return views.quality_note(next((m for m in maps if m.id == shown), None))


def _register_news(app: Dash) -> None:
    @app.callback(
        Output(ids.MAPS, "options"),
        Output(ids.MAPS2, "options"),
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
        whole, options = views.whole_maps(maps), views.map_options(maps)
        made, over = finished_map(wanted)
        kept = shown if any(m.id == shown for m in maps) else next(iter(whole), None)
        value = made or kept
        return options, options, whole, no_update if value == shown else value, None if over else no_update

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


def start_map(
    dataset_id: int, *, method: str, feature: str | None, label: str | None, params: Mapping[str, Any] | None = None
) -> tuple[int, int]:
    """Queue a map; the job to wait for, and something new for the shell's jobs."""
    job = embeddings.start_embedding(
        *asking(), dataset_id=dataset_id, method=method, feature=feature, label=label, params=params
    )
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
