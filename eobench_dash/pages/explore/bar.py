"""The bar above the map, and the head of the second map."""

from collections.abc import Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, icon, icon_button, simulated_mark, text_input
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.patches import EmbeddingInfo
from eobench_dash.pages.explore import ids, views
from eobench_dash.pages.explore.link import Link


def bar(
    dataset: DatasetSummary, maps: Sequence[EmbeddingInfo], link: Link, *, may_clean: bool, why_not: str
) -> Component:
    """Which map, coloured by what, how far to trust it; the second map, links and downloads; where to go, the mode.

    ``why_not``: why somebody who ``may_clean`` may change nothing here.
    """
    back = button(
        "All patches", id=ids.BACK, look="small", icon_name="left", title="Back to the map of all patches",
        hidden=link.map is None or link.map.label is None,
    )  # fmt: skip
    undo = icon_button("Undo my last change (Ctrl+Z)", "undo", look="quiet", **{"data-explore": "undo"})
    redo = icon_button("Nothing to redo", "redo", look="quiet", disabled=True, **{"data-explore": "redo"})
    left = [
        back,
        map_choice(ids.MAPS, maps, link.map),
        colour_menu(ids.MAP, link.map, link.colour),
        html.Div(views.quality_note(link.map), id=ids.QUALITY, className="eob-explore__quality"),
        *([_new_map()] if may_clean else []),
        *([simulated_mark()] if dataset.simulated else []),
    ]
    right = [
        _looks(link, scenes=dataset.from_products),
        _share(),
        _goto(),
        _modes(link.mode, may_clean=may_clean, why_not=why_not),
        *([undo, redo] if may_clean else []),
    ]
    return html.Div(
        [html.H1(f"Explore {dataset.name}", className="eob-hide"), *left, html.Span(className="eob-grow"), *right],
        className="eob-explore__bar",
        role="toolbar",
        **{"aria-label": "Map tools"},
    )


def second_head(maps: Sequence[EmbeddingInfo], link: Link) -> Component:
    """What the second map shows, and the way to close it."""
    close = icon_button("Close the second map", "close", look="quiet small", **{"data-do": "split"})
    return html.Div(
        [
            map_choice(ids.MAPS2, maps, link.map2),
            colour_menu(ids.MAP2, link.map2, link.colour2),
            html.Span(className="eob-grow"),
            close,
        ],
        className="eob-explore__second-head",
        role="toolbar",
        **{"aria-label": "Second map"},
    )


def map_choice(id: str, maps: Sequence[EmbeddingInfo], shown: EmbeddingInfo | None) -> Component:
    """Which of the dataset's maps. Dash draws a choice late: its place is kept, so that nothing beside it jumps."""
    choice = dcc.Dropdown(
        id=id,
        options=views.map_options(maps),
        value=shown.id if shown else None,
        clearable=False,
        searchable=False,
        placeholder="No map yet",
    )
    return html.Div(choice, className="eob-explore__maps")


def colour_menu(map_id: str, shown: EmbeddingInfo | None, chosen: str) -> Component:
    """What a map's points are coloured by; assets/explore-view.js fills in what this dataset offers."""
    words = html.Span("Label" if chosen == "label" else "…", className="eob-clip", **{"data-colour-title": map_id})
    return html.Details(
        [
            html.Summary(
                [icon("drop"), html.Span("Colour by", className="eob-explore__by"), words, icon("down")],
                className="eob-button eob-button--quiet eob-button--small eob-explore__summary",
                title="What the points are coloured by",
            ),
            html.Div(className="eob-menu__panel eob-colours", role="menu", **{"aria-label": "Colour by"}),
        ],
        className="eob-menu eob-explore__colour eob-explore__of-map",
        **{"data-colour-menu": map_id, "data-colour": chosen, "data-map": str(shown.id) if shown else ""},
    )


def _new_map() -> Component:
    opens: dict[str, Any] = {"data-eob-open": ids.NEW_DIALOG, "aria-haspopup": "dialog"}  # shell.js does
    return button("New map", look="quiet small", icon_name="plus", title="Compute a new map", **opens)


def _looks(link: Link, *, scenes: bool) -> Component:
    """Switches of what is drawn. ``scenes``: whether the patches were cut from products."""
    return html.Div(
        [
            _switch("Thumbnails in place of points when zoomed in (t)", "image", "thumbs", pressed=True),
            _switch("Second map beside this one (d)", "split", "split", pressed=link.map2 is not None),
            *(
                [_switch("Scene: the product beside the map (s)", "satellite", "scene", pressed=False)]
                if scenes
                else []
            ),
        ],
        className="eob-explore__switches eob-explore__of-map",
    )


def _switch(label: str, icon_name: str, what: str, *, pressed: bool) -> Component:
    more: dict[str, Any] = {"data-do": what, "aria-pressed": "true" if pressed else "false"}
    return icon_button(label, icon_name, look="quiet", **more)


def _share() -> Component:
    items = (
        ("link", "Copy link to this view", "link"),
        ("png", "Map as PNG", "download"),
        ("svg", "Map as SVG", "download"),
        ("csv", "Patches shown as CSV", "download"),
    )
    return html.Details(
        [
            html.Summary(
                icon("share"),
                className="eob-button eob-button--quiet eob-button--icon",
                title="Link and downloads",
                **{"aria-label": "Link and downloads"},
            ),
            html.Div(
                [
                    html.Button(
                        [icon(icon_name), words], type="button", className="eob-menu__item", **{"data-do": what}
                    )
                    for what, words, icon_name in items
                ],
                className="eob-menu__panel",
            ),
        ],
        className="eob-menu",
    )


def _goto() -> Component:
    box = text_input(ids.GOTO, placeholder="Go to…", type="search", n_submit=0)
    name = html.Span("Go to patch", className="eob-hide")
    return html.Label(
        [icon("search"), name, box], title="Go to a patch by its number or path", className="eob-explore__goto"
    )


def _modes(chosen: str, *, may_clean: bool, why_not: str) -> Component:
    options: list[dict[str, Any]] = [{"label": "Visualise", "value": "visualise"}]
    clean = {"label": "Clean", "value": "clean", "disabled": bool(why_not), "title": why_not}
    options += [clean] if may_clean else []
    look = {} if may_clean else {"display": "none"}  # who may not clean has nothing to switch
    return dcc.RadioItems(
        id=ids.MODE, options=options, value=chosen, inline=True, className="eob-explore__modes", style=look
    )
