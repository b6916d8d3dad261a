"""The panel on the right: tabs of labels, clusters, charts and history. assets/explore-view.js turns them."""

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, text_input
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.pages.explore import charts, clusters, history, ids

TITLES = {"labels": "Labels", "clusters": "Clusters", "charts": "Charts", "history": "History"}


def right(dataset: DatasetSummary, *, chosen: str, findable: bool, may_clean: bool) -> Component:
    """The panel with one tab open; ``findable``: so many groups that one wants a field to find one."""
    panels = {
        "labels": _labels(findable=findable),
        "clusters": clusters.tab(dataset, may_clean=may_clean),
        "charts": charts.tab(dataset, may_clean=may_clean),
        "history": history.tab(dataset, may_clean=may_clean),
    }
    return html.Aside(
        [
            html.Div(
                [_handle(name, title, chosen=name == chosen) for name, title in TITLES.items()],
                className="eob-explore__tabs",
                role="tablist",
                **{"aria-label": "Right panel"},
            ),
            *[_panel(name, content, chosen=name == chosen) for name, content in panels.items()],
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


def _panel(name: str, content: Component, *, chosen: bool) -> Component:
    return html.Div(
        content,
        role="tabpanel",
        className="eob-explore__panel",
        hidden=not chosen,
        **{"data-panel": name, "aria-label": TITLES[name]},
    )


def _labels(*, findable: bool) -> Component:
    return html.Div(
        [
            html.Div(
                [html.H2("Groups"), button("Show all", look="quiet small", **{"data-explore": "all"})],
                className="eob-explore__head",
            ),
            html.Div(
                text_input(ids.FIND, placeholder="Find a group", type="search"),
                hidden=not findable,
                className="eob-explore__find",
            ),
            html.Div(id=ids.GROUPS, className="eob-explore__groups"),
        ]
    )
