"""Pieces of the explore page, from values to components."""

from collections.abc import Sequence
from typing import Any

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.jobs import job_row
from eobench_dash.components.ui import button, count, dot, empty, icon, icon_button, link_button, opener
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.embeddings import EmbeddingParam
from eobench_dash.domain.jobs import JobInfo, JobKind, JobState
from eobench_dash.domain.labels import NO_LABEL, LabelInfo
from eobench_dash.domain.patches import EmbeddingInfo, FeatureSetInfo
from eobench_dash.pages.explore import ids
from eobench_dash.services.embeddings import embedding_methods

LOW_TRUST = 0.9
"""Below this trustworthiness the note warns."""
NOBODY = "var(--eob-border-strong)"
"""The colour of patches without label."""
MANY = 12
"""With more groups than this there is a field to find one."""
LISTED = 300
"""As many groups are listed; a list of thousands is nothing to look through."""
_LEADS_TO_A_MAP = {JobKind.IMPORT, JobKind.INGEST, JobKind.FEATURES, JobKind.EMBED}


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
    """Which patches, which method, which features, which parameters are not the usual ones, how far to trust it."""
    trust = f" · trust {m.quality['trustworthiness']:.2f}" if "trustworthiness" in m.quality else ""
    who = f"Only {m.label}" if m.label else "All patches"
    unusual = "".join(f" · {p.title} {m.params[p.name]:g}" for p in _params(m) if _set(p, m))
    return f"{who} · {_title(m)} on {m.feature_kind}{unusual}{trust}"


def quality_note(m: EmbeddingInfo | None) -> list[Component]:
    """How far a map can be trusted, in a word, with more behind it; nothing where there is no map."""
    if m is None:
        return []
    trust, kept = m.quality.get("trustworthiness"), m.quality.get("knn_preservation")
    short = "Trust not measured" if trust is None else f"Trust {trust:.2f}"
    facts = []
    if trust is not None:
        facts.append(
            html.P([html.Strong(f"Trustworthiness {trust:.3f}. "), "1: patches that lie together on the map belong "
                    "together in the features; 0.5 is what chance gives."])
        )  # fmt: skip
    if kept is not None:
        facts.append(
            html.P([html.Strong(f"{kept:.0%} of the nearest neighbours kept. "), "So many of a patch's 15 nearest in "
                    "the features are also among its 15 nearest here."])
        )  # fmt: skip
    words = "Gaps and sizes on a map can be made by the projection. Before you clean, look at a patch's neighbours."
    honest = button("Colour by map honesty", look="small", **{"data-do": "honesty"})
    panel = [html.H3(f"{_title(m)} of {count(m.rows, 'patch', 'patches')}"), *facts]
    panel += [html.P(words, className="eob-muted"), html.P(_made(m), className="eob-muted"), honest]
    summary = html.Summary(
        [icon("alert" if trust is not None and trust < LOW_TRUST else "info"), html.Span(short)],
        className="eob-button eob-button--quiet eob-button--small eob-explore__summary",
        title="How far to trust this map",
    )
    return [
        html.Details(
            [summary, html.Div(panel, className="eob-menu__panel eob-quality")],
            className="eob-menu",
        )
    ]


def _made(m: EmbeddingInfo) -> str:
    """From which features and with which parameters, those that are rarely set only where somebody set them."""
    said = [f"{p.title} {m.params[p.name]:g}" for p in _params(m) if not p.advanced or _set(p, m)]
    return f"Made of {m.feature_kind}{' with ' if said else ''}{', '.join(said)}."


def _title(m: EmbeddingInfo) -> str:
    return next((method.title for method in embedding_methods() if method.name == m.method), m.method)


def _params(m: EmbeddingInfo) -> list[EmbeddingParam]:
    """The parameters that the map was made with, as far as they are known today."""
    mine = [method for method in embedding_methods() if method.name == m.method]
    return [p for method in mine for p in method.params if isinstance(m.params.get(p.name), int | float)]


def _set(param: EmbeddingParam, m: EmbeddingInfo) -> bool:
    return bool(m.params[param.name] != param.default)


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


def groups_of(dataset: DatasetSummary, labels: Sequence[LabelInfo], *, may_clean: bool) -> list[Component]:
    """The groups of a dataset, those without label among them."""
    return groups(labels, unlabelled=dataset.patch_count - dataset.labelled_count, may_clean=may_clean)


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


def _group(code: int, name: str, color: str, patches: int, *, zoomable: bool) -> Component:
    toggle = html.Button(
        [dot(color), html.Span(name, className="eob-clip"), html.Span(f"{patches:,}", className="eob-explore__count")],
        type="button",
        title=f"{name}. Click: hide or show. Double click: only this group.",
        className="eob-explore__toggle",
        **{"aria-pressed": "true", "data-code": str(code), "data-name": name},
    )
    zoom = icon_button(f"Map of {name} alone", "zoom", id=ids.zoom(code), look="quiet small") if zoomable else ""
    return html.Div([toggle, zoom], className="eob-explore__group")
