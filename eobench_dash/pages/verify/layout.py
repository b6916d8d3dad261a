"""The verify page: what to do at the top, what was found below."""

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, page_head, simulated_mark
from eobench_dash.domain.people import Role
from eobench_dash.pages import asking
from eobench_dash.pages.verify import ids
from eobench_dash.pages.verify.table import FIRST
from eobench_dash.services import datasets

LEAD = "How far can the labels be trusted? Numbers with their uncertainty, and where to look first."


def layout(dataset_id: int, **_: str) -> Component:
    """The page of one dataset; only experts may start a verification (the service says so too)."""
    ws, who = asking()
    dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
    start = button("Run verification", id=ids.RUN, look="primary", icon_name="verify")
    may = who.role.rank >= Role.EXPERT.rank
    actions = [html.Div(id=ids.ACTIONS, className="eob-row"), html.Div(start, hidden=not may)]
    head = page_head(f"Verify {dataset.name}", LEAD, actions)
    mark = [html.Div(simulated_mark())] if dataset.simulated else []
    return html.Div(
        [
            dcc.Store(id=ids.DATASET, data=dataset_id),
            dcc.Store(id=ids.THEME),
            dcc.Store(id=ids.SORT, data=FIRST),
            head,
            *mark,
            html.Div(id=ids.STATE),
            html.Div(id=ids.BODY, className="eob-stack eob-stack--wide"),
        ],
        className="eob-page eob-verify",
    )
