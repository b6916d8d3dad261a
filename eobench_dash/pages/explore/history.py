"""The tab "History" of the explore page's right panel: every step, who made it, and the way back."""

from collections.abc import Sequence
from typing import Any

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from eobench_dash.components.ui import ago, button, chip, count, empty
from eobench_dash.domain.annotations import BatchInfo, EventSource
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.pages import asking
from eobench_dash.pages.explore import ids
from eobench_dash.pages.explore.views import image_url
from eobench_dash.services import datasets
from eobench_dash.services.history import PAGE, list_batches


def tab(dataset: DatasetSummary, *, may_clean: bool) -> Component:
    """What the tab holds when the page opens; the steps come when the tab is opened."""
    whose = dcc.RadioItems(
        id=ids.HISTORY_WHO,
        options=[{"label": "All", "value": "all"}, {"label": "Mine", "value": "mine"}],
        value="all",
        inline=True,
        className="eob-explore__modes",
        style={} if may_clean else {"display": "none"},  # who changes nothing has no steps of their own
    )
    head = html.Div([html.H2("Steps, newest first"), whose], className="eob-explore__head")
    return html.Div([dcc.Store(id=ids.HISTORY_BEFORE), head, html.Div(id=ids.HISTORY, className="eob-history")])


def register(app: Dash) -> None:
    """Add the tab's callbacks. Undo and "show on map" are the browser's (assets/explore-history.js)."""

    @app.callback(
        Output(ids.HISTORY, "children"),
        Input(ids.TAB, "data"),
        Input(ids.TICK, "data"),
        Input(ids.HISTORY_WHO, "value"),
        Input(ids.HISTORY_BEFORE, "data"),
        State(ids.DATASET, "data"),
    )
    def show_steps(tab: str | None, _tick: Any, whose: str, before: int | None, dataset_id: int) -> Any:
        if tab != "history":
            raise PreventUpdate
        ws, who = asking()
        found = list_batches(ws, who, dataset_id=dataset_id, mine=whose == "mine", before=before)
        return steps(datasets.get_dataset(ws, who, dataset_id=dataset_id), found, older=before is not None)


def steps(dataset: DatasetSummary, found: Sequence[BatchInfo], *, older: bool) -> list[Component]:
    """One page of steps, with the ways to the newer and the older ones."""
    if not found:
        words = "There is nothing older." if older else "Every change of a label will be listed here, with its undo."
        return [empty("No steps", words, icon_name="clock"), *([_turn(None)] if older else [])]
    ways = [_turn(None)] if older else []
    ways += [_turn(found[-1].id)] if len(found) == PAGE else []
    return [
        html.Ol([_step(dataset, step) for step in found], className="eob-history__steps"),
        html.Div(ways, className="eob-row"),
    ]


def _turn(before: int | None) -> Component:
    words = "Newest" if before is None else "Older"
    return button(words, look="quiet small", **{"data-history-before": "" if before is None else str(before)})


def _step(dataset: DatasetSummary, step: BatchInfo) -> Component:
    named = {"data-batch": str(step.id), "data-summary": step.summary}
    show = button("Show on map", look="quiet small", **{"data-history": "show", **named})
    again = step.source is EventSource.UNDO
    words = "Redo" if again else "Undo"
    undo = button(words, look="quiet small", title=f"{words}: {step.summary}", **{"data-history": "undo", **named})
    done = [chip("done again" if again else "taken back")] if step.undone else []
    by = [step.who or "the system", ", ", ago(step.at)]
    return html.Li(
        [
            html.Div(_what(step), className="eob-history__what"),
            html.Div(by, className="eob-muted eob-small"),
            *([html.Div(f"“{step.why}”", className="eob-muted eob-small eob-break")] if step.why else []),
            html.Div([_thumb(dataset, ordinal) for ordinal in step.first], className="eob-history__first"),
            html.Div([show, *([undo] if step.may_undo else []), *done], className="eob-history__ways"),
        ],
        className="eob-history__step eob-history__step--undone" if step.undone else "eob-history__step",
    )


def _what(step: BatchInfo) -> str:
    """An import's own summary is but the dataset's name."""
    if step.source is not EventSource.IMPORT:
        return step.summary
    return f"Import of {count(step.patches, 'patch', 'patches')}"


def _thumb(dataset: DatasetSummary, ordinal: int) -> Component:
    picture = html.Img(src=image_url(dataset, ordinal, 96), alt="", width=36, height=36)
    words = f"Patch {ordinal}"
    return html.Button(
        picture,
        type="button",
        title=words,
        className="eob-history__thumb",
        **{"data-ordinal": str(ordinal), "aria-label": words},
    )
