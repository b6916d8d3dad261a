"""What the page fills in when it is wanted: a tab when it is first opened, the form of a new map once the map is there.

People come for the map. What they cannot see yet is neither made nor sent nor mounted before it (a chart alone brings
Plotly, which takes longer than all the rest).
"""

from collections.abc import Mapping
from typing import Protocol

from dash import MATCH, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.people import Role
from eobench_dash.pages import asking
from eobench_dash.pages.explore import charts, clusters, history, ids, new_map
from eobench_dash.services import datasets


class Content(Protocol):
    """What a place holds for a dataset."""

    def __call__(self, dataset: DatasetSummary, *, may_clean: bool) -> Component: ...


CONTENT: Mapping[str, Content] = {
    "clusters": clusters.tab,
    "charts": charts.tab,
    "history": history.tab,
    "new": new_map.form,
}


def place(name: str, dataset: DatasetSummary, *, now: bool, may_clean: bool) -> list[Component]:
    """The place called ``name``: filled ``now``, or when assets/explore-view.js asks for it."""
    content = CONTENT[name](dataset, may_clean=may_clean) if now else None
    return [dcc.Store(id=ids.ask(name)), html.Div(content, id=ids.later(name), **{"data-later": name})]


def register(app: Dash) -> None:
    """Add the callback that fills a place."""

    @app.callback(
        Output(ids.later(MATCH), "children"),
        Input(ids.ask(MATCH), "data"),
        State(ids.ask(MATCH), "id"),
        State(ids.DATASET, "data"),
        prevent_initial_call=True,
    )
    def fill(_asked: int, place: dict[str, str], dataset_id: int) -> Component:
        ws, who = asking()
        dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
        return CONTENT[place["name"]](dataset, may_clean=who.role.rank >= Role.EXPERT.rank)
