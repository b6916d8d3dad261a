"""Tables of users and of tasks."""

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import ago, chip, dot, icon_button
from eobench_dash.domain.people import Role
from eobench_dash.pages.admin import ids
from eobench_dash.services.assignments import TaskInfo
from eobench_dash.services.users import UserInfo

ROLES = (
    ("reader", "Reader", "sees maps and reports"),
    ("expert", "Expert", "also changes the labels assigned to them"),
    ("builder", "Builder", "also imports datasets and assigns work"),
    ("admin", "Admin", "also manages people"),
)


def user_table(users: Sequence[UserInfo], *, may_edit: bool) -> Component:
    """Everybody who may log in, or once might."""
    titles = ["Name", "Role", "Last log-in", *([""] if may_edit else [])]
    rows = [_user_row(user, may_edit) for user in users]
    return _table(titles, rows)


def _user_row(user: UserInfo, may_edit: bool) -> Component:
    state = [" ", chip("disabled", "danger")] if user.disabled else []
    cells = [
        html.Td([html.Strong(user.name), *state]),
        html.Td(chip(user.role.value, "accent" if user.role.value == "admin" else "")),
        html.Td(ago(user.last_login_at) if user.last_login_at else "never", className="eob-muted"),
    ]
    if may_edit:
        change = icon_button(f"Change {user.name}", "annotate", id=ids.edit(user.name), look="quiet small")
        cells.append(html.Td(change, className="eob-right"))
    return html.Tr(cells)


def may_be_assigned(users: Sequence[UserInfo]) -> list[str]:
    """Names of those who can be given work: experts and above who may log in."""
    return [user.name for user in users if not user.disabled and user.role.rank >= Role.EXPERT.rank]


def task_table(tasks: Sequence[TaskInfo]) -> Component:
    """The assignments of a dataset, with how far they are."""
    if not tasks:
        return html.P("Nothing of this dataset is assigned yet.", className="eob-muted")
    return _table(["Who", "What", "Patches", "Changed", "State", ""], [_task_row(task) for task in tasks])


def _task_row(task: TaskInfo) -> Component:
    what = [dot(task.color), " ", task.label] if task.label else ["The whole dataset"]
    note = [html.Div(task.note, className="eob-muted eob-small")] if task.note else []
    turn = ("Open again", "retry", "open") if task.done else ("Finished", "check", "done")
    buttons = [
        icon_button(f"{turn[0]}: {task.user}", turn[1], id=ids.task(task.id, turn[2]), look="quiet small"),
        icon_button(f"Take away from {task.user}", "trash", id=ids.task(task.id, "remove"), look="quiet small"),
    ]
    return html.Tr(
        [
            html.Td(html.Strong(task.user)),
            html.Td([html.Span(what), *note]),
            html.Td(f"{task.patches:,}", className="eob-right"),
            html.Td(f"{task.changed:,}", className="eob-right"),
            html.Td(chip("done", "ok") if task.done else chip("open")),
            html.Td(html.Div(buttons, className="eob-row eob-row--tight eob-nowrap")),
        ]
    )


def _table(titles: Sequence[str], rows: Sequence[Component]) -> Component:
    numbers = {"Patches", "Changed"}
    header = html.Thead(html.Tr([html.Th(t, className="eob-right" if t in numbers else None) for t in titles]))
    return html.Div(html.Table([header, html.Tbody(list(rows))], className="eob-table"), className="eob-scroll")
