"""Where a patch that was cut from a product lies in it, and how good its pixels are: below the facts of the panel."""

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.ui import Child, button, chip
from eobench_dash.domain.ingesting import FLAGS, flag_words
from eobench_dash.domain.patches import PatchInfo, WindowInfo


def details(patch: PatchInfo) -> list[Component]:
    """ "Place and quality", folded (assets/explore-panel.js keeps it open on a walk); nothing for other patches."""
    if patch.window is None:
        return []
    rows = [
        *_product(patch, patch.window),
        ("Size", [size_words(patch.window)]),
        *_centre(patch),
        ("CRS", [patch.window.crs or "not a map"]),
        ("Row, column", [f"{patch.window.row:,}, {patch.window.col:,}"]),
        *_family(patch.window),
        ("Flags", _flags(patch.window)),
    ]
    lines = [html.Div([html.Dt(title), html.Dd(words)]) for title, words in rows]
    worst = [chip(patch.window.worst, "warn")] if patch.window.worst else []
    summary = html.Summary([html.Span("Place and quality"), *worst])
    return [html.Details([summary, html.Dl(lines, className="eob-place__facts")], className="eob-place")]


def size_words(window: WindowInfo) -> str:
    """ "64 × 64 px, 640 m"; both sides where they differ by more than a hundredth."""
    words = f"{window.size} × {window.size} px"
    if window.metres is None:
        return words
    across, down = window.metres
    alike = abs(across - down) <= 0.01 * max(across, down)
    return f"{words}, {across:,.0f} m" if alike else f"{words}, {across:,.0f} × {down:,.0f} m"


Row = tuple[str, list[Child]]


def _product(patch: PatchInfo, window: WindowInfo) -> list[Row]:
    rows: list[Row] = [("Product", [html.Span(patch.product)])] if patch.product else []
    return [*rows, ("Taken (UTC)", [f"{window.sensed_at:%Y-%m-%d %H:%M:%S}"])] if window.sensed_at else rows


def _centre(patch: PatchInfo) -> list[Row]:
    if patch.lon is None or patch.lat is None:
        return []
    words = f"{patch.lon:.5f}, {patch.lat:.5f}"
    title = "Copy the middle of the patch: longitude, latitude in degrees (WGS 84)"
    copy = button("Copy place", look="quiet small", title=title, **{"data-explore": "copy-place", "data-place": words})
    return [("Lon, lat", [html.Span(words), copy])]


def _family(window: WindowInfo) -> list[Row]:
    parent = window.parent, "Parent", "the coarser patch that this one lies in"
    twin = window.duplicate_of, "Repeats", "the first patch that this one is like"
    return [(title, [_shows(number, words)]) for number, title, words in (parent, twin) if number is not None]


def _shows(ordinal: int, words: str) -> Component:
    return button(f"Patch {ordinal}", look="quiet small", title=f"Show {words}", **{"data-show": str(ordinal)})


def _flags(window: WindowInfo) -> list[Child]:
    """Every flag that is not zero, those worth a look marked."""
    told = [
        chip(flag_words(name, window.flags[name]), "warn" if window.flags[name] > flag.notable else "", title=flag.help)
        for name, flag in FLAGS.items()
        if window.flags.get(name, 0.0) > 0
    ]
    return [html.Span(told, className="eob-place__flags")] if told else ["all zero"]
