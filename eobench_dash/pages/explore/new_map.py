"""The dialog that makes a new map: the method with its parameters in plain words, the features, which patches."""

import json
from collections.abc import Sequence
from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from eobench_dash.components import ids as shared
from eobench_dash.components.ui import button, dialog, field, text_input
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.embeddings import EmbeddingMethod, EmbeddingParam
from eobench_dash.domain.patches import FeatureSetInfo
from eobench_dash.pages import asking
from eobench_dash.pages.explore import ids, views
from eobench_dash.pages.explore.maps import start_map
from eobench_dash.services import features, labels
from eobench_dash.services.embeddings import embedding_methods


def new_map(content: Sequence[Component]) -> Component:
    """The dialog around the form."""
    return dialog(ids.NEW_DIALOG, "New map", content)


def form(dataset: DatasetSummary, *, may_clean: bool) -> Component:
    """The form for a dataset; the services ask whether who sends it ``may_clean``."""
    ws, who = asking()
    kinds = features.list_feature_sets(ws, who, dataset_id=dataset.id)
    names = labels.list_labels(ws, who, dataset_id=dataset.id)
    return fields(kinds, [label.name for label in names])


def fields(kinds: Sequence[FeatureSetInfo], names: Sequence[str]) -> Component:
    """The form for these features and labels."""
    methods = embedding_methods()
    options = [{"label": f"{m.title}: {m.summary}", "value": m.name} for m in methods]
    groups = [{"label": "All patches", "value": ""}, *({"label": name, "value": name} for name in names)]
    usual = views.default_kind(kinds)
    compute = button("Compute", id=ids.COMPUTE, look="primary")
    reset = button("Reset to defaults", id=ids.RESET, look="quiet")
    return html.Div(
        [
            dcc.Store(id=ids.NEW_STATE),
            field("Method", dcc.RadioItems(id=ids.METHOD, options=options, value=methods[0].name)),
            *[_method(m, chosen=m is methods[0]) for m in methods],
            html.Div(
                [
                    field(
                        "Features",
                        dcc.Dropdown(id=ids.FEATURE, options=views.kind_options(kinds), value=usual, clearable=False),
                    ),
                    field("Patches", dcc.Dropdown(id=ids.GROUP, options=groups, value="", clearable=False)),
                ],
                className="eob-fields",
            ),
            html.P(
                "A map is a view; neighbours and distances are always those of the features.",
                className="eob-muted eob-small",
            ),
            html.Div([compute, reset], className="eob-row"),
        ],
        className="eob-stack",
    )


def _method(method: EmbeddingMethod, *, chosen: bool) -> Component:
    usual = [_param(method, p) for p in method.params if not p.advanced]
    rare = [_param(method, p) for p in method.params if p.advanced]
    more = html.Details([html.Summary("More parameters"), html.Div(rare, className="eob-params")], className="eob-more")
    return html.Div(
        [html.Div(usual, className="eob-params"), *([more] if rare else [])],
        id=ids.method_params(method.name),
        className="eob-stack",
        hidden=not chosen,
        role="group",
        **{"aria-label": f"Parameters of {method.title}"},
    )


def _param(method: EmbeddingMethod, param: EmbeddingParam) -> Component:
    # A plain field of text: what is typed reaches the server as it is, which says what is wrong with it.
    id = ids.param(method.name, param.name)
    box = text_input(id, value=f"{param.default:g}", inputMode="numeric" if param.whole else "decimal")
    in_page = json.dumps(id, sort_keys=True, separators=(",", ":"))  # as Dash writes such an id
    bounds = html.Span(f"{param.low:g} to {param.high:g}, usually {param.default:g}", className="eob-muted")
    head = html.Div([html.Label(param.title, htmlFor=in_page), bounds], className="eob-params__title")
    return html.Div([head, box, html.P(param.help, className="eob-field__hint")], className="eob-params__one")


def register(app: Dash) -> None:
    """Add the dialog's callbacks."""
    app.clientside_callback(
        ClientsideFunction(namespace="eobView", function_name="chosenMethod"),
        Output(ids.method_params(ALL), "hidden"),
        Input(ids.METHOD, "value"),
        State(ids.method_params(ALL), "id"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        ClientsideFunction(namespace="eob", function_name="dialogState"),
        Input(ids.NEW_STATE, "data"),
        prevent_initial_call=True,  # the form may come when a dialog is open
    )

    @app.callback(
        Output(ids.WANTED, "data"),
        Output(shared.JOBS_KICK, "data", allow_duplicate=True),
        Output(ids.NEW_STATE, "data"),
        Input(ids.COMPUTE, "n_clicks"),
        State(ids.METHOD, "value"),
        State(ids.FEATURE, "value"),
        State(ids.GROUP, "value"),
        State(ids.param(ALL, ALL), "value"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def compute(
        clicks: int | None, method: str, feature: str | None, group: str | None, _typed: Any, dataset_id: int
    ) -> Any:
        if not clicks:
            raise PreventUpdate
        params = params_of(method, ctx.states_list[3])
        started = start_map(dataset_id, method=method, feature=feature, label=group or None, params=params)
        return *started, {"open": None, "n": clicks}

    @app.callback(
        Output(ids.param(ALL, ALL), "value"),
        Input(ids.RESET, "n_clicks"),
        State(ids.param(ALL, ALL), "id"),
        prevent_initial_call=True,
    )
    def reset(clicks: int | None, fields: list[dict[str, str]]) -> list[str]:
        if not clicks:
            raise PreventUpdate
        usual = {(m.name, p.name): f"{p.default:g}" for m in embedding_methods() for p in m.params}
        return [usual[one["method"], one["name"]] for one in fields]

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


def params_of(method: str, states: Sequence[dict[str, Any]]) -> dict[str, str]:
    """What was typed for the chosen method, by parameter; an empty field means the default."""
    typed = {s["id"]["name"]: str(s.get("value") or "").strip() for s in states if s["id"]["method"] == method}
    return {name: text for name, text in typed.items() if text}
