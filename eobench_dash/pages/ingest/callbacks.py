"""Callbacks of the ingest page: look around, see what a product is, how much it will be, start, how far it is."""

from datetime import UTC, datetime
from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from eobench_dash.components import ids as shared
from eobench_dash.components.jobs import job_row
from eobench_dash.components.toasts import toast
from eobench_dash.components.ui import link_button
from eobench_dash.domain import ingest_form as form
from eobench_dash.domain.jobs import JobState
from eobench_dash.errors import EOBenchError, UnreadableProduct
from eobench_dash.pages import asking
from eobench_dash.pages.ingest import ids, views
from eobench_dash.services import estimating, importing, ingesting, jobs, products, uploads

FILLED_IN = (
    Input(ids.FOUND, "value"),
    Input(ids.ONLY, "value"),
    *(Input(name, "value") for name in (ids.PATCH, ids.STRIDE, ids.SCALES, ids.RESOLUTION, ids.BANDS, ids.UNIT)),
    *(Input(name, "value") for name in (ids.GRID, ids.NODATA, ids.CLOUD, ids.AREA, ids.KINDS)),
    *(Input(name, "value") for name in (ids.NAME, ids.ATTRIBUTION)),
)


def register(app: Dash) -> None:
    """Add the page's callbacks."""
    _register_browser(app)
    _register_folders(app)
    _register_product(app)
    _register_start(app)


def _register_browser(app: Dash) -> None:
    """What the browser answers by itself: assets/ingest.js."""

    def browser(name: str, *parts: Any, **more: Any) -> None:
        app.clientside_callback(ClientsideFunction(namespace="eobIngest", function_name=name), *parts, **more)

    rest = (State(ids.FOLDER, "data"), State(ids.FOUND, "options"))
    browser("gather", Output(ids.FORM, "data"), *FILLED_IN, *rest)
    filled_in = (State(each.component_id, each.component_property) for each in FILLED_IN)
    browser("start", Output(ids.ASKED, "data"), Input(ids.START, "n_clicks"), *filled_in, *rest,
            prevent_initial_call=True)  # fmt: skip
    browser("choose", Output(ids.SHOWN, "data"), Input(ids.FOUND, "value"), Input(ids.ONLY, "value"),
            State(ids.SHOWN, "data"))  # fmt: skip
    browser("preview", Output(ids.DREW, "data"), Input(ids.FORM, "data"), Input(ids.SHOWN, "data"))
    browser(
        "colour", Output(ids.DREW, "data", allow_duplicate=True), Input(ids.FLAG, "value"), prevent_initial_call=True
    )
    ticked = Output(ids.FOUND, "value", allow_duplicate=True)
    browser("tick", ticked, Input(ids.TICK_ALL, "n_clicks"), Input(ids.TICK_NONE, "n_clicks"),
            State(ids.FOUND, "options"), prevent_initial_call=True)  # fmt: skip


def _register_folders(app: Dash) -> None:
    @app.callback(
        Output(ids.BROWSER, "children"),
        Output(ids.ENTRIES, "data"),
        Output(ids.FOUND, "options"),
        Output(ids.FOUND, "value"),
        Output(ids.NONE, "children"),
        Output(ids.NAME, "value"),
        Input(ids.FOLDER, "data"),
    )
    def show_folder(folder: str | None) -> tuple[Any, ...]:
        ws, who = asking()
        folders = [entry for entry in importing.browse(ws, who, folder=folder) if entry.is_dir]
        found, none = _listed(folder)
        shown = views.folder_view(folders, folder), [entry.path for entry in folders]
        name = views.suggested_name(folder, datetime.now(UTC)) if found else no_update
        return *shown, views.product_options(found), [], none, name

    @app.callback(
        Output(ids.FOLDER, "data"),
        Input(ids.entry(ALL), "n_clicks"),
        State(ids.FOLDER, "data"),
        State(ids.ENTRIES, "data"),
        prevent_initial_call=True,
    )
    def open_entry(_clicks: list[int | None], folder: str | None, entries: list[str]) -> str | None:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            raise PreventUpdate
        index = ctx.triggered_id["index"]
        return uploads.folder_above(*asking(), folder=folder) if index == "up" else entries[index]


def _listed(folder: str | None) -> tuple[list[products.Found], str]:
    """The products of a folder and what is to be said of them: why there are none, or that there are more."""
    if folder is None:
        return [], views.NO_FOLDER
    try:
        found, left_out = products.listing(*asking(), path=folder)
        more = views.and_more(len(found)) if len(found) == products.MAX_LISTED else ""
        return found, " ".join(filter(None, (more, left_out)))
    except UnreadableProduct as error:
        return [], str(error)


def _register_product(app: Dash) -> None:
    @app.callback(
        Output(ids.FACTS, "children"),
        Output(ids.BANDS, "options"),
        Output(ids.KINDS, "options"),
        Input(ids.SHOWN, "data"),
        *(Input(name, "value") for name in (ids.UNIT, ids.BANDS, ids.RESOLUTION, ids.GRID)),
        prevent_initial_call=True,
    )
    def show_product(path: str | None, unit: str, bands: list[str], metres: Any, grid: list[str]) -> tuple[Any, ...]:
        if not path:
            return views.no_facts(), no_update, no_update
        asked = {"unit": unit, "bands": bands, "resolution": metres, "grid": grid}
        known = no_update if bands else views.usual_bands(path)  # to choose those that are there
        try:
            info = products.look(*asking(), path=path, options=form.read_options(asked))
        except EOBenchError as error:
            return views.unreadable(path, str(error)), known, no_update
        return views.facts(info), no_update if bands else list(info.band_names), views.kind_options(info)


def _register_start(app: Dash) -> None:
    @app.callback(
        Output(ids.ESTIMATE, "children"),
        Output(ids.START, "disabled"),
        Input(ids.FORM, "data"),
        prevent_initial_call=True,
    )
    def show_estimate(data: dict[str, Any]) -> tuple[Component, bool]:
        if not data["paths"]:
            return views.nothing_chosen(), True
        try:
            told = estimating.estimate(*asking(), **form.read(data).asked)
        except EOBenchError as error:
            return views.complaint(str(error)), True
        return views.estimate(told), told.total == 0 and not told.about  # of many products, a few were looked at

    @app.callback(
        Output(ids.JOB, "data"),
        Output(shared.JOBS_KICK, "data", allow_duplicate=True),
        Input(ids.ASKED, "data"),
        prevent_initial_call=True,
    )
    def start(data: dict[str, Any] | None) -> tuple[int, dict[str, int]]:
        if not data:
            raise PreventUpdate
        asked = form.read(data)
        job = ingesting.start_ingest(*asking(), name=asked.name, attribution=asked.attribution, **asked.asked)
        toast("It has started. Progress shows here and at the top; you may leave this page.", kind="ok")
        return job, {"job": job}

    @app.callback(
        Output(ids.PROGRESS, "children"),
        Input(ids.JOB, "data"),
        Input(shared.JOBS_NOW, "data"),
        Input(shared.JOBS_DONE, "data"),
        prevent_initial_call=True,
    )
    def show_progress(job_id: int | None, _now: Any, _done: Any) -> Any:
        if job_id is None:
            raise PreventUpdate
        job = jobs.get_job(*asking(), job_id=job_id)
        report = link_button("Read the report", f"/ingest?report={job.dataset_id}", icon_name="verify", look="primary")
        return [job_row(job, at="ingest"), *([report] if job.state == JobState.DONE else [])]
