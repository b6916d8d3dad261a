"""Pieces of the explore page, from values to components."""

import math
from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.jobs import job_row
from eobench_dash.components.ui import dot, empty, icon_button, link_button, opener
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.jobs import JobInfo, JobKind, JobState
from eobench_dash.domain.labels import NO_LABEL, LabelInfo
from eobench_dash.domain.patches import EmbeddingInfo, FeatureSetInfo
from eobench_dash.pages.explore import ids

METHODS = {
    "umap": "UMAP: tight groups, wide gaps",
    "tsne": "t-SNE: nearest neighbours stay together best",
}
_SHORT = {"umap": "UMAP", "tsne": "t-SNE"}
NOBODY = "var(--eob-border-strong)"
"""The colour of patches without label."""
MANY = 12
"""With more groups than this there is a field to find one."""
LISTED = 300
"""As many groups are listed; a list of thousands is nothing to look through."""
_LEADS_TO_A_MAP = {JobKind.IMPORT, JobKind.FEATURES, JobKind.EMBED}


def image_url(dataset: DatasetSummary, ordinal: int | str, size: int) -> str:
    """Where a patch's picture is; the browser keeps it for good (``v`` tells a later dataset of the same id apart)."""
    return f"/data/datasets/{dataset.id}/patches/{ordinal}/image?size={size}&v={int(dataset.created_at.timestamp())}"


# -- maps ------------------------------------------------------------------------------------------------------------
def default_kind(kinds: Sequence[FeatureSetInfo]) -> str | None:
    """The features people mean when they name none."""
    known = [f.kind for f in kinds]
    return next((k for k in ("all", "imported") if k in known), known[0] if known else None)


def kind_options(kinds: Sequence[FeatureSetInfo]) -> list[dict[str, Any]]:
    """The features a map can be made of."""
    return [{"label": f"{f.kind} · {f.dim} numbers per patch", "value": f.kind} for f in kinds]


def map_options(maps: Sequence[EmbeddingInfo]) -> list[dict[str, Any]]:
    """The maps to choose from: those of all patches first, then the groups'."""
    ordered = sorted(maps, key=lambda m: (m.label is not None, (m.label or "").casefold(), -m.id))
    return [{"label": map_name(m), "value": m.id} for m in ordered]


def whole_maps(maps: Sequence[EmbeddingInfo]) -> list[int]:
    """The maps of all patches, newest first."""
    return sorted((m.id for m in maps if m.label is None), reverse=True)


def map_name(m: EmbeddingInfo) -> str:
    """Which patches, which method, which features, how far to trust it."""
    trust = f" · trust {m.quality['trustworthiness']:.2f}" if "trustworthiness" in m.quality else ""
    who = f"Only {m.label}" if m.label else "All patches"
    return f"{who} · {_SHORT.get(m.method, m.method)} on {m.feature_kind}{trust}"


def parse_view(text: str | None) -> dict[str, float] | None:
    """``x,y,k`` of a link as the map's view; None where it is none."""
    try:
        x, y, k = (float(part) for part in (text or "").split(","))
    except ValueError:
        return None
    return {"x": x, "y": y, "k": k} if all(map(math.isfinite, (x, y, k))) and k > 0 else None


def nothing(kinds: Sequence[FeatureSetInfo], jobs: Sequence[JobInfo], dataset_id: int, *, may_clean: bool) -> Component:
    """What the stage says while there is no map: what is on its way, what went wrong, what to do."""
    row = next((job for job in jobs if job.dataset_id == dataset_id and job.kind in _LEADS_TO_A_MAP), None)
    told = [job_row(row, at="explore", may_act=may_clean)] if row and row.state is not JobState.DONE else []
    if row and not row.state.over:
        said = empty("The map is on its way", "It opens here by itself as soon as it is ready.", icon_name="explore")
    elif row and row.state is JobState.FAILED:
        words = "What went wrong is below. Try again; what was done so far is kept."
        said = empty("The map could not be made", words, icon_name="alert")
    elif not kinds:
        words = "A map shows features, and this dataset has none. Compute them on its page."
        page = link_button("Labels and settings", f"/datasets/{dataset_id}", look="primary")
        said = empty("No features yet", words, icon_name="explore", actions=[page] if may_clean else [])
    else:
        actions = [opener("Compute a map", ids.NEW_DIALOG, look="primary")] if may_clean else []
        words = "The features are there, the map is not. It takes seconds to a minute."
        said = empty("No map yet", words, icon_name="explore", actions=actions)
    return html.Div([said, *told], className="eob-explore__words")


# -- groups ----------------------------------------------------------------------------------------------------------
def label_rows(labels: Sequence[LabelInfo]) -> list[list[Any]]:
    """Every label as ``[code, name, color, count]``, largest first: what the browser chooses from."""
    ordered = sorted(labels, key=lambda label: (-label.count, label.name.casefold()))
    return [[label.code, label.name, label.color, label.count] for label in ordered]


def groups(labels: Sequence[LabelInfo], *, unlabelled: int, may_clean: bool) -> list[Component]:
    """One row per label, largest first: click filters, double click isolates, the button opens the group's own map."""
    table = label_rows(labels)
    rows: list[Component] = [_group(*row, zoomable=may_clean and row[3] > 1) for row in table[:LISTED]]
    if unlabelled:
        rows.append(_group(NO_LABEL, "No label", NOBODY, unlabelled, zoomable=False))
    if len(table) > LISTED:
        words = f"The {LISTED} largest of {len(table):,}. The others are in the menu of a right click."
        rows.append(html.P(words, className="eob-muted eob-small"))
    return rows


def _group(code: int, name: str, color: str, count: int, *, zoomable: bool) -> Component:
    toggle = html.Button(
        [dot(color), html.Span(name, className="eob-clip"), html.Span(f"{count:,}", className="eob-explore__count")],
        type="button",
        title=f"{name}. Click: hide or show. Double click: only this group.",
        className="eob-explore__toggle",
        **{"aria-pressed": "true", "data-code": str(code), "data-name": name},
    )
    zoom = icon_button(f"Map of {name} alone", "zoom", id=ids.zoom(code), look="quiet small") if zoomable else ""
    return html.Div([toggle, zoom], className="eob-explore__group")


def fit_chart(figure: Any) -> Any:
    """A chart of labels made to fit the narrow panel, whose list of groups says names and numbers already."""
    for trace in figure.data:
        if trace.type == "bar" and len(trace.x):
            # The numbers stand in the margin: 1.3 times the longest bar is too little room where bars are short.
            figure.update_xaxes(range=[0, max(trace.x)]).update_layout(margin_r=46, minreducedwidth=40)
        elif trace.type == "pie":
            trace.update(texttemplate="%{percent:.0%}", textposition="inside", insidetextorientation="horizontal")
            figure.update_layout(height=232, margin={"l": 4, "r": 4, "t": 8, "b": 8})
    return figure
