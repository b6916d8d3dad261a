"""Callbacks of a dataset's page."""

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from eobench_dash.components import ids as shared
from eobench_dash.components.toasts import toast
from eobench_dash.domain.labels import PALETTE, LabelInfo, default_color
from eobench_dash.pages import asking
from eobench_dash.pages.datasets import ids, views
from eobench_dash.services import assignments, datasets, embeddings, features, labels


def register(app: Dash) -> None:
    """Add the page's callbacks."""
    _register_labels(app)
    _register_editor(app)
    _register_settings(app)
    _register_vectors(app)


def _register_labels(app: Dash) -> None:
    @app.callback(
        Output(ids.LABELS, "children"),
        Input(ids.DATASET, "data"),
        Input(ids.FILTER, "value"),
        Input(ids.CHANGED, "data"),
    )
    def show_labels(dataset_id: int, words: str | None, _changed: Any) -> Component:
        ws, who = asking()
        rows = labels.list_labels(ws, who, dataset_id=dataset_id)
        edits = views.may_edit(who, assignments.my_tasks(ws, who), dataset_id)
        return views.label_table(rows, words=words or "", may_edit=edits)

    @app.callback(
        Output(ids.HEAD, "children"),
        Output(ids.DELETE_ASK, "children"),
        Input(ids.CHANGED, "data"),
        Input(shared.JOBS_DONE, "data"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def show_head(_changed: Any, _done: Any, dataset_id: int) -> tuple[Component, Any]:
        row = datasets.get_dataset(*asking(), dataset_id=dataset_id)
        return views.head(row), views.deletion_words(row.name)

    @app.callback(
        Output(ids.CODE, "data"),
        Output(ids.NAME, "value"),
        Output(ids.COLOR, "value"),
        Output(ids.DESCRIPTION, "value"),
        Output(ids.PALETTE, "value"),
        Output(ids.MERGE_INTO, "options"),
        Output(ids.MERGE_INTO, "value"),
        Output(ids.EDITOR_STATE, "data"),
        Input(ids.edit(ALL), "n_clicks"),
        Input(ids.NEW, "n_clicks"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def open_editor(_edit: list[int | None], _new: int | None, dataset_id: int) -> tuple[Any, ...]:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            raise PreventUpdate
        code = None if ctx.triggered_id == ids.NEW else ctx.triggered_id["code"]
        return editor_of(labels.list_labels(*asking(), dataset_id=dataset_id), code)


def editor_of(rows: list[LabelInfo], code: int | None) -> tuple[Any, ...]:
    """What the editor's fields hold for the label with this code, or (None, or merged meanwhile) for a new one."""
    known = next((row for row in rows if row.code == code), None)
    label = known or _new_label(rows)
    options = views.merge_options(rows, but=label.code) if known else []
    state = {"open": ids.EDITOR, "merge": known is not None}
    swatch = label.color if label.color in PALETTE else None
    return known and known.code, label.name, label.color, label.description, swatch, options, None, state


def _new_label(rows: list[LabelInfo]) -> LabelInfo:
    code = max((row.code for row in rows), default=-1) + 1
    return LabelInfo(code=code, name="", color=default_color(code))


def _register_editor(app: Dash) -> None:
    follow = ClientsideFunction(namespace="eob", function_name="editor")
    app.clientside_callback(
        follow, Output(ids.MERGE_PART, "hidden"), Input(ids.EDITOR_STATE, "data"), prevent_initial_call=True
    )
    pick = ClientsideFunction(namespace="eob", function_name="pickColour")
    app.clientside_callback(
        pick, Output(ids.COLOR, "value", allow_duplicate=True), Input(ids.PALETTE, "value"), prevent_initial_call=True
    )

    @app.callback(
        Output(ids.CHANGED, "data", allow_duplicate=True),
        Output(ids.EDITOR_STATE, "data", allow_duplicate=True),
        Input(ids.SAVE, "n_clicks"),
        State(ids.DATASET, "data"),
        State(ids.CODE, "data"),
        State(ids.NAME, "value"),
        State(ids.COLOR, "value"),
        State(ids.DESCRIPTION, "value"),
        prevent_initial_call=True,
    )
    def save(clicks: int | None, dataset_id: int, code: int | None, name: str, color: str, about: str) -> Any:
        if not clicks:
            raise PreventUpdate
        wanted = {"name": name or "", "color": color or "", "description": about or ""}
        if code is None:
            new_label(dataset_id, wanted)
        else:
            change_label(dataset_id, code, wanted)
        return {"save": clicks}, {"open": None, "n": clicks}

    @app.callback(
        Output(ids.CHANGED, "data", allow_duplicate=True),
        Output(ids.EDITOR_STATE, "data", allow_duplicate=True),
        Input(ids.MERGE, "n_clicks"),
        State(ids.DATASET, "data"),
        State(ids.CODE, "data"),
        State(ids.MERGE_INTO, "value"),
        prevent_initial_call=True,
    )
    def merge(clicks: int | None, dataset_id: int, code: int, into: int | None) -> Any:
        if not clicks or into is None:
            raise PreventUpdate
        done = labels.merge_labels(*asking(), dataset_id=dataset_id, source=code, target=into)
        toast(done.summary or "Merged.", kind="ok")
        return {"merge": clicks}, {"open": None, "n": clicks}


def new_label(dataset_id: int, wanted: dict[str, str]) -> None:
    """Add a label."""
    ws, who = asking()
    labels.create_label(ws, who, dataset_id=dataset_id, **wanted)


def change_label(dataset_id: int, code: int, wanted: dict[str, str]) -> None:
    """Call the service for each part of a label that differs from what is stored."""
    ws, who = asking()
    now = next((row for row in labels.list_labels(ws, who, dataset_id=dataset_id) if row.code == code), None)
    if now is None or wanted["name"] != now.name:
        labels.rename_label(ws, who, dataset_id=dataset_id, code=code, name=wanted["name"])
    if now is None or wanted["color"] != now.color:
        labels.recolour_label(ws, who, dataset_id=dataset_id, code=code, color=wanted["color"])
    if now is None or wanted["description"] != now.description:
        labels.describe_label(ws, who, dataset_id=dataset_id, code=code, description=wanted["description"])


def _register_settings(app: Dash) -> None:
    @app.callback(
        Output(ids.CHANGED, "data", allow_duplicate=True),
        Output(shared.DATASETS_CHANGED, "data", allow_duplicate=True),
        Input(ids.KEEP, "n_clicks"),
        State(ids.DATASET, "data"),
        State(ids.TITLE, "value"),
        State(ids.ABOUT, "value"),
        State(ids.ATTRIBUTION, "value"),
        State(ids.PUBLIC, "value"),
        prevent_initial_call=True,
    )
    def keep(clicks: int | None, dataset_id: int, name: str, about: str, credit: str, public: list[str]) -> Any:
        if not clicks:
            raise PreventUpdate
        ws, who = asking()
        datasets.rename_dataset(ws, who, dataset_id=dataset_id, name=name or "")
        texts = {"description": about or "", "attribution": credit or ""}
        datasets.describe_dataset(ws, who, dataset_id=dataset_id, public=bool(public), **texts)
        toast("Saved.", kind="ok")
        return {"keep": clicks}, {"keep": clicks}

    @app.callback(
        Output(shared.LOCATION, "pathname", allow_duplicate=True),
        Output(shared.JOBS_KICK, "data", allow_duplicate=True),
        Input(ids.DELETE, "n_clicks"),
        State(ids.DATASET, "data"),
        State(ids.DELETE_NAME, "value"),
        prevent_initial_call=True,
    )
    def delete(clicks: int | None, dataset_id: int, typed: str | None) -> Any:
        if not clicks:
            raise PreventUpdate
        job = datasets.delete_dataset(*asking(), dataset_id=dataset_id, typed_name=typed or "")
        return "/", {"job": job}


def _register_vectors(app: Dash) -> None:
    @app.callback(
        Output(ids.VECTORS, "children"),
        Output(ids.FEATURE, "options"),
        Input(ids.DATASET, "data"),
        Input(shared.JOBS_DONE, "data"),
    )
    def show_vectors(dataset_id: int, _done: Any) -> tuple[Component, list[str]]:
        ws, who = asking()
        sets = features.list_feature_sets(ws, who, dataset_id=dataset_id)
        maps = embeddings.list_embeddings(ws, who, dataset_id=dataset_id)
        return views.vectors_view(sets, maps), list(dict.fromkeys(row.kind for row in sets))

    @app.callback(
        Output(shared.JOBS_KICK, "data", allow_duplicate=True),
        Input(ids.COMPUTE, "n_clicks"),
        Input(ids.EMBED, "n_clicks"),
        State(ids.DATASET, "data"),
        State(ids.KIND, "value"),
        State(ids.METHOD, "value"),
        State(ids.FEATURE, "value"),
        prevent_initial_call=True,
    )
    def start(_compute: Any, _embed: Any, dataset_id: int, kind: str, method: str, feature: str | None) -> Any:
        if not ctx.triggered[0]["value"]:
            return no_update
        ws, who = asking()
        if ctx.triggered_id == ids.COMPUTE:
            return {"job": features.start_features(ws, who, dataset_id=dataset_id, kind=kind)}
        return {"job": embeddings.start_embedding(ws, who, dataset_id=dataset_id, method=method, feature=feature)}
