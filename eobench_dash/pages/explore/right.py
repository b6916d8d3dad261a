"""The panel on the right: tabs of labels, clusters, charts and history. assets/explore-view.js turns them."""

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, text_input
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.labels import LabelInfo
from eobench_dash.pages.explore import ids, later, views

TITLES = {"labels": "Labels", "clusters": "Clusters", "charts": "Charts", "history": "History"}


def right(dataset: DatasetSummary, names: Sequence[LabelInfo], *, chosen: str, may_clean: bool) -> Component:
    """The panel with one tab open."""
    return html.Aside(
        [
            html.Div(
                [_handle(name, title, chosen=name == chosen) for name, title in TITLES.items()],
                className="eob-explore__tabs",
                role="tablist",
                **{"aria-label": "Right panel"},
            ),
            _panel("labels", _labels(dataset, names, may_clean=may_clean), chosen=chosen == "labels"),
            *[_later(name, dataset, chosen=name == chosen, may_clean=may_clean) for name in TITLES if name != "labels"],
        ],
        className="eob-explore__right",
        **{"aria-label": "Labels, clusters, charts, history"},
    )


def _handle(name: str, title: str, *, chosen: bool) -> Component:
    return html.Button(
        title,
        type="button",
        role="tab",
        className="eob-explore__tab",
        tabIndex=0 if chosen else -1,
        **{"data-tab": name, "aria-selected": "true" if chosen else "false"},
    )


def _later(name: str, dataset: DatasetSummary, *, chosen: bool, may_clean: bool) -> Component:
    """A tab that is filled when it is first opened: now, or later."""
    return _panel(name, later.place(name, dataset, now=chosen, may_clean=may_clean), chosen=chosen)


def _panel(name: str, content: Sequence[Component], *, chosen: bool) -> Component:
    return html.Div(
        content,
        role="tabpanel",
        className="eob-explore__panel",
        hidden=not chosen,
        **{"data-panel": name, "aria-label": TITLES[name]},
    )


def _labels(dataset: DatasetSummary, names: Sequence[LabelInfo], *, may_clean: bool) -> list[Component]:
    return [
        html.Div(
            [html.H2("Groups"), button("Show all", look="quiet small", **{"data-explore": "all"})],
            className="eob-explore__head",
        ),
        html.Div(
            text_input(ids.FIND, placeholder="Find a group", type="search"),
            hidden=len(names) <= views.MANY,
            className="eob-explore__find",
        ),
        html.Div(views.groups_of(dataset, names, may_clean=may_clean), id=ids.GROUPS, className="eob-explore__groups"),
    ]
