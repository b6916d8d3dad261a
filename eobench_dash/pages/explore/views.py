"""Pieces of the explore page, from values to components."""

import math
from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import button, chip, dot, empty, icon, icon_button, opener
from eobench_dash.domain.labels import NO_LABEL, LabelInfo
from eobench_dash.domain.patches import EmbeddingInfo, Neighbour, PatchInfo
from eobench_dash.pages.explore import ids

METHODS = {
    "umap": "UMAP: tight groups, wide gaps; keeps the overall arrangement",
    "tsne": "t-SNE: keeps the nearest neighbours together best",
}
_SHORT = {"umap": "UMAP", "tsne": "t-SNE"}


def default_kind(kinds: Sequence[str]) -> str | None:
    """The features people mean when they name none."""
    return next((k for k in ("imported", "all") if k in kinds), kinds[0] if kinds else None)


def map_options(maps: Sequence[EmbeddingInfo]) -> list[dict[str, Any]]:
    """The maps to choose from: those of all patches first, then the groups'."""
    ordered = sorted(maps, key=lambda m: (m.label is not None, (m.label or "").casefold(), -m.id))
    return [{"label": map_name(m), "value": m.id} for m in ordered]


def map_name(m: EmbeddingInfo) -> str:
    """Which patches, which method, which features, how far to trust it."""
    trust = f" · trust {m.quality['trustworthiness']:.2f}" if "trustworthiness" in m.quality else ""
    who = m.label or "All patches"
    return f"{who} · {_SHORT.get(m.method, m.method)} of {m.feature_kind}{trust}"


def parse_view(text: str | None) -> dict[str, float] | None:
    """``x,y,k`` of a link as the map's view; None where it is none."""
    try:
        x, y, k = (float(part) for part in (text or "").split(","))
    except ValueError:
        return None
    return {"x": x, "y": y, "k": k} if all(map(math.isfinite, (x, y, k))) and k > 0 else None


def no_map(kinds: Sequence[str], *, may_clean: bool) -> Component:
    """What the stage says while there is no map."""
    if not kinds:
        return html.Div(
            empty(
                "No features yet",
                "A map needs features. They are computed after an import; the jobs at the top show how far it is.",
                icon_name="explore",
            ),
            className="eob-explore__nothing",
        )
    actions = [opener("Compute a map", ids.NEW_DIALOG, look="primary")] if may_clean else []
    text = "The features are there, the map is not. It takes seconds to a minute."
    return html.Div(empty("No map yet", text, icon_name="explore", actions=actions), className="eob-explore__nothing")


def neighbours_hint() -> Component:
    """What the left panel says before a patch is clicked."""
    return html.Div(
        [icon("info"), html.P("Click a patch: its 20 nearest neighbours in feature space appear here.")],
        className="eob-explore__hint",
    )


def groups(labels: Sequence[LabelInfo], *, unlabelled: int, may_clean: bool) -> list[Component]:
    """One row per label, largest first: click filters, double click isolates, the button opens the group's own map."""
    ordered = sorted(labels, key=lambda label: (-label.count, label.name.casefold()))
    rows = [_group(label.code, label.name, label.color, label.count, zoomable=may_clean and label.count > 1) for label in ordered]
    if unlabelled:
        rows.append(_group(NO_LABEL, "No label", "var(--eob-border-strong)", unlabelled, zoomable=False))
    return rows


def _group(code: int, name: str, color: str, count: int, *, zoomable: bool) -> Component:
    toggle = html.Button(
        [dot(color), html.Span(name, className="eob-clip"), html.Span(f"{count:,}", className="eob-explore__count")],
        type="button",
        title="Click: hide or show. Double click: only this group.",
        className="eob-explore__toggle",
        **{"aria-pressed": "true", "data-code": str(code), "data-name": name, "data-color": color, "data-count": str(count)},
    )
    zoom = icon_button(f"Map of {name} alone", "zoom", id=ids.zoom(code), look="quiet small") if zoomable else ""
    return html.Div([toggle, zoom], className="eob-explore__group")


def neighbours(dataset_id: int, patch: PatchInfo, found: Sequence[Neighbour]) -> list[Component]:
    """The patch, large, and its neighbours, ranked; those with another label are marked."""
    clashes = sum(n.label != patch.label for n in found)
    verdict = f"{clashes} of {len(found)} have another label" if clashes else f"all {len(found)} have this label"
    marks = [chip("unsure", "warn")] if patch.unsure else []
    marks += [chip("excluded", "danger")] if patch.excluded else []
    head = html.Div(
        [
            _picture(dataset_id, patch.ordinal, 128, className="eob-explore__large"),
            html.Div(
                [
                    html.Div([dot(patch.color or "var(--eob-border-strong)"), html.Strong(patch.label or "No label", className="eob-clip")], className="eob-explore__caption"),
                    html.Div(marks),
                    html.Div([f"Patch {patch.ordinal}", *_was(patch)], className="eob-muted"),
                    html.Div((patch.path or "").rpartition("/")[2], className="eob-muted eob-clip", title=patch.path),
                    html.Div(_place(patch), className="eob-muted"),
                ],
                className="eob-explore__facts",
            ),
        ],
        className="eob-explore__patch",
    )
    items = [_neighbour(dataset_id, n, clash=n.label != patch.label) for n in found]
    title = html.Div(
        [html.H2("Nearest neighbours"), button("Select these", look="quiet small", **{"data-explore": "select-neighbours"})],
        className="eob-row eob-explore__head",
    )
    return [head, title, html.P(verdict, className="eob-explore__verdict"), html.Ol(items, className="eob-explore__neighbours")]


def _was(patch: PatchInfo) -> list[str]:
    return [f" · imported as {patch.imported_label or 'no label'}"] if patch.imported_label != patch.label else []


def _place(patch: PatchInfo) -> str:
    return "" if patch.lon is None or patch.lat is None else f"{patch.lat:.4f}°, {patch.lon:.4f}°"


def _neighbour(dataset_id: int, n: Neighbour, *, clash: bool) -> Component:
    words = f"Neighbour {n.rank}: patch {n.ordinal}, {n.label or 'no label'}, distance {n.distance:.3f}"
    return html.Li(
        html.Button(
            [
                _picture(dataset_id, n.ordinal, 96),
                html.Span([dot(n.color or "var(--eob-border-strong)"), html.Span(n.label or "No label", className="eob-clip")], className="eob-explore__caption"),
                html.Span([html.Span(f"{n.rank}"), html.Span(f"{n.distance:.2f}")], className="eob-explore__caption eob-muted"),
            ],
            type="button",
            title=words,
            className="eob-explore__neighbour eob-explore__neighbour--clash" if clash else "eob-explore__neighbour",
            **{"data-ordinal": str(n.ordinal), "aria-label": words},
        )
    )


def _picture(dataset_id: int, ordinal: int, size: int, className: str = "") -> Component:
    return html.Img(
        src=f"/data/datasets/{dataset_id}/patches/{ordinal}/image?size={size}",
        alt="",
        width=size,
        height=size,
        className=className,
    )
