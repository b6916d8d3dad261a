"""Callbacks of the import dialog: look around, look at what would come in, start."""

from collections.abc import Sequence
from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from eobench_dash.components import ids as shared
from eobench_dash.components.toasts import toast
from eobench_dash.components.ui import note
from eobench_dash.errors import EOBenchError
from eobench_dash.pages import asking
from eobench_dash.pages.home import ids, import_views
from eobench_dash.pages.home.views import may_build
from eobench_dash.services import datasets, importing, uploads

PANELS = (ids.PANEL_BROWSE, ids.PANEL_UPLOAD, ids.PANEL_EUROSAT, ids.PANEL_SIMULATE)


def register(app: Dash) -> None:
    """Add the dialog's callbacks."""
    _register_browser(app)
    _register_browsing(app)
    _register_preview(app)
    _register_starts(app)


def _register_browser(app: Dash) -> None:
    show = ClientsideFunction(namespace="eob", function_name="showSource")
    app.clientside_callback(show, *[Output(panel, "hidden") for panel in PANELS], Input(ids.SOURCE, "value"))
    given = ClientsideFunction(namespace="eob", function_name="isGiven")
    app.clientside_callback(given, Output(ids.NAME, "disabled"), Input(ids.APPEND, "value"))
    close = ClientsideFunction(namespace="eob", function_name="closeDialogs")
    app.clientside_callback(close, Input(ids.CLOSE, "data"), prevent_initial_call=True)


def _register_browsing(app: Dash) -> None:
    @app.callback(
        Output(ids.BROWSER, "children"),
        Output(ids.ENTRIES, "data"),
        Input(ids.FOLDER, "data"),
    )
    def show_folder(folder: str | None) -> tuple[Component, list[list[Any]]]:
        ws, who = asking()
        if not may_build(who):
            raise PreventUpdate
        entries = importing.browse(ws, who, folder=folder)
        return import_views.folder_view(entries, folder), [[entry.path, entry.is_dir] for entry in entries]

    @app.callback(
        Output(ids.FOLDER, "data"),
        Output(ids.CHOSEN, "data"),
        Input(ids.entry(ALL), "n_clicks"),
        State(ids.FOLDER, "data"),
        State(ids.ENTRIES, "data"),
        prevent_initial_call=True,
    )
    def open_entry(_clicks: list[int | None], folder: str | None, entries: list[list[Any]]) -> tuple[Any, Any]:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            raise PreventUpdate
        index = ctx.triggered_id["index"]
        if index == "use":
            return no_update, folder
        if index == "up":
            return uploads.folder_above(*asking(), folder=folder), no_update
        path, is_dir = entries[index]
        return (path, no_update) if is_dir else (no_update, path)


def _register_preview(app: Dash) -> None:
    @app.callback(
        Output(ids.PREVIEW, "children"),
        Output(ids.OPTIONS, "hidden"),
        Output(ids.NAME, "value"),
        Output(ids.APPEND, "options"),
        Output(ids.APPEND, "value"),
        Output(ids.TICKED, "options"),
        Output(ids.TICKED, "value"),
        Output(ids.MODALITY, "value"),
        *[Output(ids.told_field(name), "hidden") for name in ids.FIELDS],
        Input(ids.CHOSEN, "data"),
        *[State(ids.told(name), "value") for name in ids.FIELDS],
        prevent_initial_call=True,
    )
    def show_preview(path: str | None, *told: Any) -> tuple[Any, ...]:
        rest = [no_update] * (6 + len(ids.FIELDS))
        if not path:
            return None, True, *rest
        look, shown = _look(path, told)
        if look is None:
            return shown, True, *rest
        rows = datasets.list_datasets(*asking())
        into = [{"label": row.name, "value": row.id} for row in rows if not row.simulated]
        asked = (*import_views.choices(look), look.modality or no_update, *import_views.hidden_fields(look))
        return shown, False, import_views.suggested_name(path), into, None, *asked

    @app.callback(
        Output(ids.PREVIEW, "children", allow_duplicate=True),
        *[Input(ids.told(name), "value") for name in ids.FIELDS],
        State(ids.CHOSEN, "data"),
        prevent_initial_call=True,
    )
    def preview_again(*given: Any) -> Component:
        *told, path = given
        if not path:
            raise PreventUpdate
        return _look(path, told)[1]


def _look(path: str, told: Sequence[Any]) -> tuple[uploads.Preview | None, Component]:
    """What would come in, told so much of it, and how that is shown; or what is wrong."""
    try:
        options = import_views.told_options(told)
        look, pictures = uploads.look_into(*asking(), path=path, options=options)
    except EOBenchError as error:
        return None, note(str(error), "danger", role="alert")
    return look, import_views.preview_view(path, look, pictures, patch_size=options.patch_size)


def _register_starts(app: Dash) -> None:
    started = (
        Output(shared.JOBS_KICK, "data", allow_duplicate=True),
        Output(ids.CLOSE, "data", allow_duplicate=True),
        Output(ids.CHOSEN, "data", allow_duplicate=True),
    )

    @app.callback(
        *started,
        Input(ids.START, "n_clicks"),
        State(ids.CHOSEN, "data"),
        State(ids.NAME, "value"),
        State(ids.APPEND, "value"),
        State(ids.MODALITY, "value"),
        State(ids.TICKED, "value"),
        *[State(ids.told(name), "value") for name in ids.FIELDS],
        prevent_initial_call=True,
    )
    def start_import(
        clicks: int | None, path: str, name: str, into: int | None, kind: str, ticked: list[str], *told: Any
    ) -> Any:
        if not clicks:
            raise PreventUpdate
        options: dict[str, Any] = {"append_to": into, "modality": kind, "options": import_views.told_options(told)}
        options["follow_up"] = import_views.FOLLOW_UP in ticked
        options["images"] = import_views.NO_PICTURES not in ticked
        return _started(importing.start_import(*asking(), path=path or "", name=name or "", **options))

    @app.callback(
        *started,
        Input(ids.SIMULATE, "n_clicks"),
        State(ids.SIM_NAME, "value"),
        State(ids.SIM_MODALITY, "value"),
        State(ids.SIM_COUNT, "value"),
        State(ids.SIM_SEED, "value"),
        prevent_initial_call=True,
    )
    def simulate(clicks: int | None, name: str, modality: str, count: int | None, seed: int | None) -> Any:
        if not clicks:
            raise PreventUpdate
        wanted: dict[str, Any] = {"name": name or "", "modality": modality, "count": count or 0, "seed": seed or 0}
        return _started(importing.start_simulation(*asking(), **wanted))

    @app.callback(*started, Input(ids.EUROSAT, "n_clicks"), prevent_initial_call=True)
    def download_eurosat(clicks: int | None) -> Any:
        if not clicks:
            raise PreventUpdate
        return _started(importing.start_download(*asking()))


def _started(job_id: int) -> tuple[dict[str, int], int, None]:
    """Say so, have the shell look at the jobs, close the dialog, forget the choice."""
    toast("It has started. Progress shows at the top; you may leave this page.", kind="ok")
    return {"job": job_id}, job_id, None
