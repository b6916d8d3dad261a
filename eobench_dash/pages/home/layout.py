"""The home page's frame; its parts are filled by callbacks, so that they can be filled again when something changes."""

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components.ui import link_button, opener, page_head
from eobench_dash.domain.people import Role
from eobench_dash.pages import asking
from eobench_dash.pages.home import ids
from eobench_dash.pages.home.import_layout import import_dialog
from eobench_dash.pages.home.views import may_build


def layout() -> Component:
    """Datasets at the left, tasks and activity at the right, the import dialog where it may be used."""
    _, who = asking()
    builds = may_build(who)
    ways = [
        link_button("Ingest products", "/ingest", icon_name="ingest"),
        opener("Import a dataset", ids.IMPORT, look="primary", icon_name="plus"),
    ]
    actions = ways if builds else []
    head = page_head("Datasets", "From Sentinel products to benchmark datasets that people can trust.", actions)
    left = html.Div(
        [html.Div(id=ids.JOBS), html.Div(_waiting(), id=ids.DATASETS)],
        className="eob-stack eob-home__left",
    )
    right = html.Aside(
        [html.Section(id=ids.TASKS, hidden=who.role.rank < Role.EXPERT.rank), html.Section(id=ids.ACTIVITY)],
        className="eob-stack",
        hidden=who.anonymous,
    )
    body = html.Div([left, right], className="eob-stack" if who.anonymous else "eob-columns")
    # Without the role the dialog has no opener; its parts stay, so that the callbacks find what they name.
    return html.Div([dcc.Store(id=ids.TASKS_CHANGED), head, body, import_dialog()], className="eob-page")


def _waiting() -> Component:
    return html.Div([html.Div(className="eob-ghost") for _ in range(2)], className="eob-datasets")
