"""People (admins change them, builders see them) and tasks (builders and above)."""

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, dialog, field, opener, page_head, text_input
from eobench_dash.domain.people import MIN_PASSWORD, Role, require
from eobench_dash.pages import asking
from eobench_dash.pages.admin import ids
from eobench_dash.pages.admin.views import ROLES
from eobench_dash.services import datasets


def layout() -> Component:
    """NotAllowed below builder."""
    ws, who = asking()
    require(who, Role.BUILDER, what="see people and tasks")
    rows = datasets.list_datasets(ws, who)
    is_admin = who.role is Role.ADMIN
    add = [opener("Add a person", ids.ADD, look="primary", icon_name="plus")] if is_admin else []
    head = page_head("People and tasks", "Who may log in, as what, and who is to clean what.", add)
    stores = [dcc.Store(id=ids.CHANGED), dcc.Store(id=ids.DIALOG_STATE), dcc.Store(id=ids.WHO)]
    tasks = _tasks([(row.name, row.id) for row in rows])
    people_card = html.Section([html.H2("People"), html.Div(id=ids.USERS)], className="eob-card eob-stack")
    return html.Div([*stores, head, people_card, tasks, _add_dialog(), _editor()], className="eob-page")


def _tasks(rows: list[tuple[str, int]]) -> Component:
    which = dcc.Dropdown(
        id=ids.TASK_DATASET,
        options=[{"label": name, "value": key} for name, key in rows],
        value=rows[0][1] if rows else None,
        clearable=False,
        placeholder="No dataset yet",
    )
    fields = [
        field("Who", dcc.Dropdown(id=ids.TASK_USER, options=[], placeholder="An expert")),
        field("Label group", dcc.Dropdown(id=ids.TASK_LABEL, options=[], placeholder="The whole dataset")),
        field("Note", text_input(ids.TASK_NOTE, placeholder="What to look for", maxLength=2000)),
    ]
    form = html.Div(
        [
            html.Div(fields, className="eob-fields"),
            html.Div(button("Assign", id=ids.ASSIGN, icon_name="plus", look="primary")),
        ],
        className="eob-stack eob-apart",
    )
    return html.Section(
        [html.H2("Tasks"), field("Dataset", which), html.Div(id=ids.TASKS), form], className="eob-card eob-stack"
    )


def _roles(id: str) -> Component:
    options = [
        {
            "label": html.Span([html.Strong(name), html.Span(f" {does}", className="eob-muted eob-small")]),
            "value": value,
        }
        for value, name, does in ROLES
    ]
    return dcc.RadioItems(id=id, options=options, value="expert", className="eob-checks eob-stack")


_SECRET = f"At least {MIN_PASSWORD} characters. Tell it in person; they can change it themselves."


def _password(id: str) -> Component:
    return dcc.Input(
        id=id, type="password", value="", className="eob-input", autoComplete="new-password", maxLength=1024
    )


def _add_dialog() -> Component:
    fields = [
        field("Log-in name", text_input(ids.ADD_NAME, maxLength=40)),
        field("Role", _roles(ids.ADD_ROLE)),
        field("First password", _password(ids.ADD_PASSWORD), hint=_SECRET),
        html.Div(button("Add", id=ids.ADD_SAVE, look="primary", icon_name="plus")),
    ]
    return dialog(ids.ADD, "Add a person", fields, small=True)


def _editor() -> Component:
    fields = [
        html.H3(id=ids.NAME),
        field("Role", _roles(ids.ROLE)),
        field("New password", _password(ids.PASSWORD), hint=f"Leave it empty to keep the old one. {_SECRET}"),
        html.Div(
            [
                button("Save", id=ids.SAVE, look="primary", icon_name="check"),
                html.Button("Disable", id=ids.SWITCH, type="button", className="eob-button"),
            ],
            className="eob-row eob-row--apart",
        ),
    ]
    return dialog(ids.EDITOR, "Change a person", fields, small=True)
