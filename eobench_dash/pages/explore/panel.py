"""The panel on the left: one patch, large, and its nearest neighbours."""

from collections import Counter
from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, chip, dot, icon
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.patches import Neighbour, PatchInfo
from eobench_dash.errors import BadInput
from eobench_dash.pages import asking
from eobench_dash.pages.explore import ids, place
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


def of_patch(dataset: DatasetSummary, ordinal: int, *, near: str | None = None) -> list[Component]:
    """What the panel says of one patch, in the name of who asks; its neighbours by the features ``near``, if there."""
    ws, who = asking()
    patch = patches.patch_info(ws, who, dataset_id=dataset.id, ordinal=ordinal)
    kinds = nearest.neighbour_kinds(ws, who, dataset_id=dataset.id)
    near = near if near in kinds else None
    try:
        found = nearest.neighbours(ws, who, dataset_id=dataset.id, ordinal=ordinal, k=SHOWN, feature=near)
    except BadInput as error:  # no features yet, or too many patches to search: the patch is shown all the same
        return [*_top(dataset, patch), _head(kinds, near), hint(str(error))]
    return neighbours(dataset, patch, found, kinds=kinds, near=near)


def neighbours(
    dataset: DatasetSummary,
    patch: PatchInfo,
    found: Sequence[Neighbour],
    *,
    kinds: Sequence[str] = (),
    near: str | None = None,
) -> list[Component]:
    """The patch and its neighbours, ranked; those with another label are marked. ``kinds``: to choose from, the usual
    one first."""
    top = _top(dataset, patch)
    if not found:
        words = html.P("It has no neighbours: nothing else was described yet.", className="eob-muted eob-small")
        return [*top, words]
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
    items = [_neighbour(dataset, n, clash=n.label != patch.label) for n in found]
    return [
        *top,
        _head(kinds, near, [clashes, these] if clashing else [these]),
        _mix(patch, found),
        html.Ol(items, className="eob-explore__neighbours"),
    ]


def _top(dataset: DatasetSummary, patch: PatchInfo) -> list[Component]:
    return [_patch(dataset, patch), *place.details(patch), _story(patch.ordinal)]


def _head(kinds: Sequence[str], near: str | None, verbs: Sequence[Component] = ()) -> Component:
    """The words above the neighbours; where there are several feature sets, by which of them."""
    head = html.Div([html.H2("Neighbours"), html.Span(list(verbs))], className="eob-explore__head")
    return html.Div([head, *([_switch(kinds, near or kinds[0])] if len(kinds) > 1 else [])])


def _switch(kinds: Sequence[str], chosen: str) -> Component:
    """By which features neighbours are told (assets/explore-panel.js); the usual one needs no name."""
    summary = html.Summary(
        [html.Span("by", className="eob-muted"), html.Span(chosen, className="eob-clip"), icon("down")],
        className="eob-button eob-button--quiet eob-button--small",
        title=f"Neighbours by {chosen}: click for those by other features",
    )
    items = [
        html.Button(
            [html.Span(kind, className="eob-clip eob-grow"), *([html.Span("usual", className="eob-muted")] * (i == 0))],
            type="button",
            className="eob-menu__item",
            **{"data-near": kind if i else "", "data-kind": kind},
            **({"aria-current": "true"} if kind == chosen else {}),
        )
        for i, kind in enumerate(kinds)
    ]
    return html.Details([summary, html.Div(items, className="eob-menu__panel")], className="eob-menu eob-near")


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
        *_source(patch),
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


def _source(patch: PatchInfo) -> list[Component]:
    """Its file and place; of a window of a product the product and its day, for ``place`` tells the rest."""
    path = patch.path or ""
    if patch.window and patch.product:
        day = patch.window.sensed_at
        shown = [html.Div(patch.product, className="eob-muted eob-clip", title=path)]
        return [
            *shown,
            *([html.Div(f"{day:%Y-%m-%d %H:%M}", className="eob-muted", title="Taken, in UTC")] if day else []),
        ]
    shown = [html.Div(path.rpartition("/")[2], className="eob-muted eob-clip", title=path)]
    if patch.lon is None or patch.lat is None:
        return shown
    return [*shown, html.Div(f"{patch.lat:.4f}°, {patch.lon:.4f}°", className="eob-muted")]


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
