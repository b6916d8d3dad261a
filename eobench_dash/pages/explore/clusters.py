"""The tab "Clusters" of the explore page's right panel: find clusters, look at them, take advice on labels."""

from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from eobench_dash.components import ids as shared
from eobench_dash.components.jobs import job_row
from eobench_dash.components.toasts import toast
from eobench_dash.components.ui import button, dialog, field, opener
from eobench_dash.domain.clusters import ClusterMethod
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.jobs import JobKind, JobState
from eobench_dash.domain.people import Role
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.pages import asking
from eobench_dash.pages.explore import advice_views, ids, views
from eobench_dash.pages.explore import cluster_views as pieces
from eobench_dash.services import advice, clusters, datasets, features, jobs, labels

OURS = {JobKind.CLUSTER, JobKind.ADVISE}


def tab(dataset: DatasetSummary, *, may_clean: bool) -> Component:
    """What the tab holds when the page opens; its callbacks fill it when it is looked at."""
    find = [opener("Find clusters", ids.CLUSTERS_DIALOG, look="quiet small", icon_name="plus")] if may_clean else []
    look = {} if may_clean else {"display": "none"}
    ask = button("Ask", id=ids.ADVICE_ASK, look="quiet small", icon_name="spark", style=look)
    sets = dcc.Dropdown(id=ids.CLUSTERS_SET, clearable=False, searchable=False, placeholder="No clusters yet")
    return html.Div(
        [
            dcc.Store(id=ids.CLUSTERS_CHANGED),
            dcc.Store(id=ids.CLUSTERS_WANTED),
            dcc.Store(id=ids.ADVICE_OPEN),
            html.Div(id=ids.CLUSTERS_JOBS, className="eob-clusters__jobs"),
            html.Div([html.H2("Advice on labels"), ask], className="eob-explore__head"),
            html.Div(id=ids.ADVICE, className="eob-clusters__advice"),
            html.Div([html.H2("Clusters"), *find], className="eob-explore__head", **{"data-clusters-found": ""}),
            html.Label([html.Span("Clusters shown", className="eob-hide"), sets]),
            html.Div(id=ids.CLUSTERS_LIST),
            _form(),
            dialog(ids.CONFIRM, "Please confirm", [html.P(), _answers()], small=True),
        ],
        className="eob-clusters",
    )


def _answers() -> Component:
    sure = button("Do it", look="primary", **{"data-confirm": "1", "data-eob-close": ""})
    return html.Div([sure, button("Cancel", **{"data-eob-close": ""})], className="eob-row")


def _form() -> Component:
    methods = [{"label": text, "value": str(name)} for name, text in pieces.METHODS.items()]
    # Without bounds: the browser would send nothing for a number out of them, which asks for an automatic one.
    number = dcc.Input(id=ids.CLUSTERS_NUMBER, type="number", placeholder="automatic", className="eob-input")
    asks = html.Span(pieces.ASKS[ClusterMethod.GMM], id=ids.CLUSTERS_ASKS)
    return dialog(
        ids.CLUSTERS_DIALOG,
        "Find clusters",
        [
            field("Method", dcc.Dropdown(id=ids.CLUSTERS_METHOD, options=methods, value="gmm", clearable=False)),
            field("Patches", dcc.Dropdown(id=ids.CLUSTERS_GROUP, options=[], value="", clearable=False)),
            field("Number", number, hint=asks),
            field("Features", dcc.Dropdown(id=ids.CLUSTERS_FEATURE, options=[], clearable=False)),
            html.P("Clusters are found in the features, never on the flat map.", className="eob-muted"),
            html.Div(
                button("Find", id=ids.CLUSTERS_COMPUTE, look="primary", **{"data-eob-close": ""}), className="eob-row"
            ),
        ],
        small=True,
    )


def register(app: Dash) -> None:
    """Add the tab's callbacks."""
    _register_form(app)
    _register_jobs(app)
    _register_lists(app)


def _register_form(app: Dash) -> None:
    @app.callback(Output(ids.CLUSTERS_ASKS, "children"), Input(ids.CLUSTERS_METHOD, "value"), prevent_initial_call=True)
    def explain(method: str) -> str:
        return pieces.ASKS[ClusterMethod(method)]

    @app.callback(
        Output(ids.CLUSTERS_GROUP, "options"),
        Output(ids.CLUSTERS_FEATURE, "options"),
        Output(ids.CLUSTERS_FEATURE, "value"),
        Input(ids.TAB, "data"),
        Input(ids.TABLE, "data"),
        State(ids.CLUSTERS_FEATURE, "value"),
        State(ids.DATASET, "data"),
    )
    def offer(tab: str, table: list[list[Any]] | None, chosen: str | None, dataset_id: int) -> tuple[Any, Any, Any]:
        if tab != "clusters":
            raise PreventUpdate
        groups = [{"label": "All patches", "value": ""}, *({"label": row[1], "value": row[1]} for row in table or ())]
        kinds = features.list_feature_sets(*asking(), dataset_id=dataset_id)
        kept = chosen if any(f.kind == chosen for f in kinds) else views.default_kind(kinds)
        return groups, views.kind_options(kinds), kept

    @app.callback(
        Output(ids.CLUSTERS_WANTED, "data"),
        Output(shared.JOBS_KICK, "data", allow_duplicate=True),
        Input(ids.CLUSTERS_COMPUTE, "n_clicks"),
        State(ids.CLUSTERS_METHOD, "value"),
        State(ids.CLUSTERS_NUMBER, "value"),
        State(ids.CLUSTERS_GROUP, "value"),
        State(ids.CLUSTERS_FEATURE, "value"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def compute(
        clicks: int | None, method: str, number: float | None, group: str, feature: str | None, dataset_id: int
    ) -> tuple[int, int]:
        if not clicks:
            raise PreventUpdate
        job = start(dataset_id, method=method, number=number, label=group or None, feature=feature)
        toast("Clusters are being found; they open here when they are ready.")
        return job, job

    @app.callback(
        Output(shared.JOBS_KICK, "data", allow_duplicate=True),
        Input(ids.ADVICE_ASK, "n_clicks"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def ask(clicks: int | None, dataset_id: int) -> int:
        if not clicks:
            raise PreventUpdate
        job = advice.start_advice(*asking(), dataset_id=dataset_id)
        toast("Every label is being looked at; the advice appears here when it is ready.")
        return job


def start(dataset_id: int, *, method: str, number: float | None, label: str | None, feature: str | None) -> int:
    """Queue a clustering; the number is the clusters', or the size of the smallest one for HDBSCAN."""
    if number is not None and number != int(number):
        raise BadInput("The number is a whole one, or empty to let the method choose.")
    whole = None if number is None else int(number)
    dense = method == ClusterMethod.HDBSCAN
    ws, who = asking()
    return clusters.start_clusters(
        ws,
        who,
        dataset_id=dataset_id,
        method=method,
        k=None if dense else whole,
        min_size=whole if dense else None,
        feature=feature,
        label=label,
    )


def _register_jobs(app: Dash) -> None:
    @app.callback(
        Output(ids.CLUSTERS_JOBS, "children"),
        Input(shared.JOBS_NOW, "data"),
        Input(shared.JOBS_DONE, "data"),
        Input(ids.TAB, "data"),
        State(ids.DATASET, "data"),
    )
    def show_jobs(_now: Any, _done: Any, tab: str, dataset_id: int) -> list[Component]:
        if tab != "clusters":
            raise PreventUpdate
        ws, who = asking()
        rows = [j for j in jobs.list_jobs(ws, who, limit=50) if j.dataset_id == dataset_id and j.kind in OURS]
        # What is under way, and the newest one if it went wrong.
        shown = [j for i, j in enumerate(rows) if not j.state.over or (i == 0 and j.state is JobState.FAILED)]
        return [job_row(j, at="clusters", may_act=who.role.rank >= Role.EXPERT.rank) for j in shown]

    @app.callback(
        Output(ids.CLUSTERS_SET, "options"),
        Output(ids.CLUSTERS_SET, "value"),
        Output(ids.CLUSTERS_WANTED, "data", allow_duplicate=True),
        Input(shared.JOBS_DONE, "data"),
        Input(ids.CLUSTERS_CHANGED, "data"),
        Input(ids.TAB, "data"),
        State(ids.CLUSTERS_WANTED, "data"),
        State(ids.CLUSTERS_SET, "value"),
        State(ids.DATASET, "data"),
        prevent_initial_call="initial_duplicate",
    )
    def list_sets(
        _done: Any, _changed: Any, tab: str, wanted: int | None, shown: int | None, dataset_id: int
    ) -> tuple[Any, Any, Any]:
        if tab != "clusters":
            raise PreventUpdate
        sets = clusters.list_cluster_sets(*asking(), dataset_id=dataset_id)
        made, over = made_by(wanted)
        value = made or shown
        kept = value if any(s.id == value for s in sets) else next((s.id for s in sets), None)
        said = no_update if kept == shown and kept is not None else kept
        return pieces.set_options(sets), said, None if over else no_update


def made_by(job_id: int | None) -> tuple[int | None, bool]:
    """The clusters that the job made, if it is done; and whether the waiting is over."""
    if job_id is None:
        return None, False
    try:
        job = jobs.get_job(*asking(), job_id=job_id)
    except NotFound:
        return None, True
    return job.result.get("cluster_set_id") if job.state is JobState.DONE else None, job.state.over


def _register_lists(app: Dash) -> None:
    @app.callback(
        Output(ids.CLUSTERS_LIST, "children"),
        Input(ids.CLUSTERS_SET, "value"),
        Input(ids.CLUSTERS_CHANGED, "data"),
        Input(ids.THEME, "data"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def show_set(chosen: int | None, _changed: Any, theme: str | None, dataset_id: int) -> Any:
        ws, who = asking()
        may_clean = who.role.rank >= Role.EXPERT.rank
        dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
        found = [s for s in clusters.list_cluster_sets(ws, who, dataset_id=dataset_id) if s.id == chosen]
        if not found:
            return pieces.nothing(may_clean=may_clean)
        return pieces.cluster_set(dataset, found[0], may_clean=may_clean, theme=theme or "light")

    @app.callback(
        Output(ids.ADVICE, "children"),
        Input(shared.JOBS_DONE, "data"),
        Input(ids.TICK, "data"),
        Input(ids.TAB, "data"),
        State(ids.ADVICE_OPEN, "data"),
        State(ids.DATASET, "data"),
    )
    def show_advice(_done: Any, _tick: Any, tab: str, opened: list[str] | None, dataset_id: int) -> Any:
        if tab != "clusters":
            raise PreventUpdate
        ws, who = asking()
        may_clean = who.role.rank >= Role.EXPERT.rank
        told = advice.latest_advice(ws, who, dataset_id=dataset_id)
        if told is None:
            return advice_views.no_advice(may_clean=may_clean)
        colors = {label.code: label.color for label in labels.list_labels(ws, who, dataset_id=dataset_id)}
        dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
        return advice_views.advice(dataset, told, colors, may_clean=may_clean, opened=opened or ())
