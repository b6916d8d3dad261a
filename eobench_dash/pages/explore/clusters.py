"""The tab "Clusters" of the explore page's right panel."""

from dash import Dash, html
from dash.development.base_component import Component

from eobench_dash.domain.datasets import DatasetSummary


def tab(dataset: DatasetSummary, *, may_clean: bool) -> Component:
    """What the tab holds when the page opens."""
    return html.Div()


def register(app: Dash) -> None:
    """Add the tab's callbacks."""
