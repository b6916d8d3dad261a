"""The panel on the left: one patch, large, and its nearest neighbours."""

from collections import Counter
from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, chip, dot, icon
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.patches import Neighbour, PatchInfo
from eobench_dash.pages import asking
from eobench_dash.pages.explore import ids
from eobench_dash.pages.explore.views import NOBODY, image_url
from eobench_dash.services import neighbours as nearest
from eobench_dash.services import patches

SHOWN = 20
"""So many neighbours are shown."""
NAMED = 3
"""So many labels of the neighbours are counted by name."""


def hint(words: str = f"Click a patch: its {SHOWN} nearest neighbours in feature space appear here.") -> Component:
    """What the panel says before a patch is clicked."""
    return html.Div([icon("info"), html.P(words)], className="eob-explore__hint")


def of_patch(dataset: DatasetSummary, ordinal: int) -> list[Component]:
    """What the panel says of one patch, in the name of who asks."""
    ws, who = asking()
    patch = patches.patch_info(ws, who, dataset_id=dataset.id, ordinal=ordinal)
    return neighbours(dataset, patch, nearest.neighbours(ws, who, dataset_id=dataset.id, ordinal=ordinal, k=SHOWN))


def neighbours(dataset: DatasetSummary, patch: PatchInfo, found: Sequence[Neighbour]) -> list[Component]:
    """The patch and its neighbours, ranked; those with another label are marked."""
    top = [_patch(dataset, patch), _story(patch.ordinal)]
    if not found:
        return [*top, html.P("It has no neighbours: nothing else was described yet.", className="eob-muted eob-small")]
    clashing = sum(n.label != patch.label for n in found)
    these = button(
        "Select",
        look="quiet small",
        title="Select the patch and these neighbours",
        **{"data-explore": "select-neighbours"},
    )
    clashes = button(
        f"{clashing} other" if clashing == 1 else f"{clashing} others",
        look="quiet small",
        title="Select the neighbours with another label than the patch",
        **{"data-explore": "select-clashes"},
    )
    head = [html.H2("Neighbours"), html.Span([clashes, these] if clashing else these)]
    items = [_neighbour(dataset, n, clash=n.label != patch.label) for n in found]
    return [
        *top,
        html.Div(head, className="eob-explore__head"),
        _mix(patch, found),
        html.Ol(items, className="eob-explore__neighbours"),
    ]


def trail() -> list[Component]:
    """Where the browser shows the patches walked before this one, and says which neighbour the keys are at."""
    steps = html.Nav(id=ids.TRAIL, className="eob-trail", hidden=True, **{"aria-label": "Patches looked at before"})
    return [steps, html.Div(id=ids.SAID, className="eob-hide", **{"aria-live": "polite"})]


def _story(ordinal: int) -> Component:
    """What happened to the patch: the browser asks for it when it is opened (assets/explore-panel.js)."""
    lines = html.Ol(className="eob-story__lines", **{"data-story": ""})
    return html.Details([html.Summary("History"), lines], className="eob-story", **{"data-patch": str(ordinal)})


def _patch(dataset: DatasetSummary, patch: PatchInfo) -> Component:
    marks = [chip("unsure", "warn")] if patch.unsure else []
    marks += [chip("excluded", "danger")] if patch.excluded else []
    path = patch.path or ""
    facts = [
        html.Div(
            [
                dot(patch.color or NOBODY),
                html.Strong(patch.label or "No label", className="eob-clip", title=patch.label),
            ],
            className="eob-explore__caption",
        ),
        *([html.Div(marks)] if marks else []),
        html.Div(f"Patch {patch.ordinal}", className="eob-muted"),
        *_was(patch),
        html.Div(path.rpartition("/")[2], className="eob-muted eob-clip", title=path),
        *_place(patch),
    ]
    picture = _picture(dataset, patch.ordinal, 128, className="eob-explore__large")
    return html.Div(
        [picture, html.Div(facts, className="eob-explore__facts")],
        className="eob-explore__patch",
        **{"data-patch": str(patch.ordinal)},
    )


def _was(patch: PatchInfo) -> list[Component]:
    if patch.imported_label == patch.label:
        return []
    words = f"was {patch.imported_label or 'without label'}"
    return [html.Div(words, className="eob-muted eob-clip", title=f"At import it {words}.")]


def _place(patch: PatchInfo) -> list[Component]:
    if patch.lon is None or patch.lat is None:
        return []
    return [html.Div(f"{patch.lat:.4f}°, {patch.lon:.4f}°", className="eob-muted")]


def _mix(patch: PatchInfo, found: Sequence[Neighbour]) -> Component:
    """How many neighbours have which label, the patch's own first."""
    counts = Counter(n.label for n in found).most_common()
    counts.sort(key=lambda item: item[0] != patch.label)
    colors = {n.label: n.color or NOBODY for n in found}
    parts = [
        html.Span([html.Span(f"{n}"), dot(colors[label]), html.Span(label or "no label", className="eob-clip")])
        for label, n in counts[:NAMED]
    ]
    more = [html.Span(f"{sum(n for _, n in counts[NAMED:])} of others")] if len(counts) > NAMED else []
    return html.Div([*parts, *more], className="eob-explore__mix")


def _neighbour(dataset: DatasetSummary, n: Neighbour, *, clash: bool) -> Component:
    words = f"Neighbour {n.rank}: patch {n.ordinal}, {n.label or 'no label'}, distance {n.distance:.3f}"
    label = [dot(n.color or NOBODY), html.Span(n.label or "No label", className="eob-clip")]
    numbers = [html.Span(f"{n.rank}"), html.Span(f"{n.distance:.2f}")]
    return html.Li(
        html.Button(
            [
                _picture(dataset, n.ordinal, 96),
                html.Span(label, className="eob-explore__caption"),
                html.Span(numbers, className="eob-explore__caption eob-explore__caption--apart eob-muted"),
            ],
            type="button",
            title=words,
            className="eob-explore__neighbour eob-explore__neighbour--clash" if clash else "eob-explore__neighbour",
            **{"data-ordinal": str(n.ordinal), "data-clash": "1" if clash else "", "aria-label": words},
        )
    )


def _picture(dataset: DatasetSummary, ordinal: int, size: int, className: str = "") -> Component:
    return html.Img(src=image_url(dataset, ordinal, size), alt="", width=size, height=size, className=className)
