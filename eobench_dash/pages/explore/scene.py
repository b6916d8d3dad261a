"""The scene beside the map: the product that a patch was cut from. assets/explore-scene.js fills it in."""

from dash import html
from dash.development.base_component import Component


def pane() -> Component:
    """The place of the scene, closed at first."""
    return html.Section(
        [
            html.Div(
                className="eob-explore__second-head",
                role="toolbar",
                **{"aria-label": "Scene tools", "data-scene": "head"},
            ),
            html.Div(className="eob-explore__scene-place", **{"data-scene": "place"}),
        ],
        className="eob-explore__scene",
        **{"aria-label": "Scene"},
    )
