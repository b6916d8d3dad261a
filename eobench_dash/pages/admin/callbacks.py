"""Callbacks of people and tasks."""

from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from eobench_dash.components.toasts import toast
from eobench_dash.domain.people import Role
from eobench_dash.errors import NotFound
from eobench_dash.pages import asking
from eobench_dash.pages.admin import ids, views
from eobench_dash.services import assignments, labels, users
from eobench_dash.services.users import UserInfo


def register(app: Dash) -> None:
    """Add the page's callbacks."""
    follow = ClientsideFunction(namespace="eob", function_name="dialogState")
    app.clientside_callback(follow, Input(ids.DIALOG_STATE, "data"), prevent_initial_call=True)
    _register_users(app)
    _register_editor(app)
    _register_tasks(app)


def _register_users(app: Dash) -> None:
    @app.callback(Output(ids.USERS, "children"), Output(ids.TASK_USER, "options"), Input(ids.CHANGED, "data"))
    def show_users(_changed: Any) -> tuple[Component, list[str]]:
        ws, who = asking()
        rows = users.list_users(ws, who)
        return views.user_table(rows, may_edit=who.role is Role.ADMIN), views.may_be_assigned(rows)

    @app.callback(
        Output(ids.CHANGED, "data", allow_duplicate=True),
        Output(ids.DIALOG_STATE, "data", allow_duplicate=True),
        Output(ids.ADD_NAME, "value"),
        Output(ids.ADD_PASSWORD, "value"),
        Input(ids.ADD_SAVE, "n_clicks"),
        State(ids.ADD_NAME, "value"),
        State(ids.ADD_ROLE, "value"),
        State(ids.ADD_PASSWORD, "value"),
        prevent_initial_call=True,
    )
    def add(clicks: int | None, name: str, role: str, password: str) -> Any:
        if not clicks:
            raise PreventUpdate
        added = users.add_user(*asking(), name=name or "", password=password or "", role=Role(role))
        toast(f"{added.name} may log in now, as {added.role.value}.", kind="ok")
        return {"add": clicks}, {"open": None, "n": clicks}, "", ""


def _register_editor(app: Dash) -> None:
    @app.callback(
        Output(ids.WHO, "data"),
        Output(ids.NAME, "children"),
        Output(ids.ROLE, "value"),
        Output(ids.PASSWORD, "value"),
        Output(ids.SWITCH, "children"),
        Output(ids.DIALOG_STATE, "data", allow_duplicate=True),
        Input(ids.edit(ALL), "n_clicks"),  # type: ignore[arg-type]
        prevent_initial_call=True,
    )
    def open_editor(_clicks: list[int | None]) -> tuple[Any, ...]:
        if not ctx.triggered_id or not ctx.triggered[0]["value"]:
            raise PreventUpdate
        user = find(ctx.triggered_id["name"])
        switch = "Let in again" if user.disabled else "Disable"
        return user.name, user.name, user.role.value, "", switch, {"open": ids.EDITOR, "n": ctx.triggered[0]["value"]}

    @app.callback(
        Output(ids.CHANGED, "data", allow_duplicate=True),
        Output(ids.DIALOG_STATE, "data", allow_duplicate=True),
        Input(ids.SAVE, "n_clicks"),
        Input(ids.SWITCH, "n_clicks"),
        State(ids.WHO, "data"),
        State(ids.ROLE, "value"),
        State(ids.PASSWORD, "value"),
        prevent_initial_call=True,
    )
    def change(_save: int | None, _switch: int | None, name: str, role: str, password: str) -> Any:
        clicks = ctx.triggered[0]["value"]
        if not clicks:
            raise PreventUpdate
        switch_user(name) if ctx.triggered_id == ids.SWITCH else change_user(name, role=Role(role), password=password)
        return {"user": name, "n": clicks}, {"open": None, "n": f"{ctx.triggered_id}{clicks}"}


def find(name: str) -> UserInfo:
    """The user called ``name``; NotFound where there is none."""
    for user in users.list_users(*asking()):
        if user.name == name:
            return user
    raise NotFound(f"There is no user {name!r} any more.")


def switch_user(name: str) -> None:
    """Disable who is let in, let in who is disabled."""
    turn = users.enable_user if find(name).disabled else users.disable_user
    turn(*asking(), name=name)


def change_user(name: str, *, role: Role, password: str | None) -> None:
    """Give the role, if it is another one, and the password, if one is given."""
    ws, who = asking()
    if find(name).role is not role:
        users.set_role(ws, who, name=name, role=role)
    if password:
        users.set_password(ws, who, name=name, password=password)
        toast(f"{name} has a new password and is logged out everywhere.", kind="ok")


def _register_tasks(app: Dash) -> None:
    @app.callback(
        Output(ids.TASKS, "children"),
        Output(ids.TASK_LABEL, "options"),
        Output(ids.TASK_LABEL, "value"),
        Input(ids.TASK_DATASET, "value"),
        Input(ids.CHANGED, "data"),
        State(ids.TASK_LABEL, "value"),
    )
    def show_tasks(dataset_id: int | None, _changed: Any, chosen: str | None) -> tuple[Any, list[str], str | None]:
        if dataset_id is None:
            return "Import a dataset first; then its label groups can be assigned.", [], None
        ws, who = asking()
        names = [label.name for label in labels.list_labels(ws, who, dataset_id=dataset_id)]
        stays = chosen if chosen in names and ctx.triggered_id != ids.TASK_DATASET else None
        return views.task_table(assignments.list_assignments(ws, who, dataset_id=dataset_id)), names, stays

    @app.callback(
        Output(ids.CHANGED, "data", allow_duplicate=True),
        Output(ids.TASK_NOTE, "value"),
        Input(ids.ASSIGN, "n_clicks"),
        State(ids.TASK_USER, "value"),
        State(ids.TASK_DATASET, "value"),
        State(ids.TASK_LABEL, "value"),
        State(ids.TASK_NOTE, "value"),
        prevent_initial_call=True,
    )
    def assign(clicks: int | None, user: str | None, dataset_id: int | None, label: str | None, note: str) -> Any:
        if not clicks:
            raise PreventUpdate
        if not user or dataset_id is None:
            raise NotFound("Choose a dataset and who is to do it.")
        assignments.assign(*asking(), user=user, dataset_id=dataset_id, label=label, note=note or "")
        return {"assign": clicks}, ""

    @app.callback(
        Output(ids.CHANGED, "data", allow_duplicate=True),
        Input(ids.task(ALL, ALL), "n_clicks"),  # type: ignore[arg-type]
        prevent_initial_call=True,
    )
    def act_on_task(_clicks: list[int | None]) -> Any:
        button = ctx.triggered_id
        if not button or not ctx.triggered[0]["value"]:
            raise PreventUpdate
        if button["act"] == "remove":
            assignments.unassign(*asking(), assignment_id=button["task"])
        else:
            assignments.set_done(*asking(), assignment_id=button["task"], done=button["act"] == "done")
        return {**button, "n": ctx.triggered[0]["value"]}
