"""The one look of all figures: the colours of ``assets/tokens.css`` for light and dark, and shared helpers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

Theme = Literal["light", "dark"]
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
FIGURE_CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "responsive": True,
    "scrollZoom": False,
    "displayModeBar": "hover",
    "modeBarButtons": [["toImage", "resetScale2d"]],
}
"""What ``dcc.Graph`` is to be given as ``config`` with these figures."""


@dataclass(frozen=True)
class Tones:
    """Colours of one theme. ``ramp`` runs from the card's own colour (0) to full strength (1), in even lightness."""

    text: str
    muted: str
    border: str
    surface: str
    accent: str
    good: str
    warn: str
    bad: str
    rest: str
    ramp: tuple[str, ...]


TONES: dict[str, Tones] = {
    "light": Tones(
        text="#14201e", muted="#51605c", border="#d5dcd9", surface="#ffffff", accent="#0b6660",
        good="#216337", warn="#865000", bad="#ac2739", rest="#a9b5b1",
        ramp=("#f4f6f5", "#cfe4e1", "#9bcac4", "#5fa9a1", "#2b827a", "#084f4a"),
    ),
    "dark": Tones(
        text="#e7eeec", muted="#9eb0ab", border="#2b3835", surface="#151d1b", accent="#4cc4b5",
        good="#7fd29b", warn="#f0bd6a", bad="#ff8c93", rest="#51625d",
        ramp=("#1a2422", "#173f3a", "#1c5f57", "#268377", "#4cb3a5", "#b4f0e6"),
    ),
}  # fmt: skip


def tones(theme: str) -> Tones:
    """The colours of a theme; anything but "dark" is light."""
    return TONES["dark" if theme == "dark" else "light"]


def figure(data: Sequence[Any], *, theme: str, height: int | None = None, **layout: Any) -> go.Figure:
    """A figure in the house's look: transparent ground, quiet grid, no mode bar clutter, room for long tick labels."""
    c = tones(theme)
    axis = {
        "gridcolor": c.border,
        "linecolor": c.border,
        "zerolinecolor": c.border,
        "tickcolor": c.border,
        "tickfont": {"color": c.muted, "size": 12},
        "title": {"font": {"color": c.muted, "size": 12}, "standoff": 8},
        "automargin": True,
    }
    template = go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": c.text},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": axis,
            "yaxis": {**axis, "ticklabelstandoff": 6},
            "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
            "hoverlabel": {
                "bgcolor": c.surface,
                "bordercolor": c.border,
                "font": {"color": c.text, "family": FONT, "size": 13},
                "align": "left",
            },
            "showlegend": False,
            "colorway": [c.accent, c.good, c.warn, c.bad, c.muted],
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": c.muted, "activecolor": c.accent},
        }
    )
    layout.setdefault("autosize", True)
    # One zoom stays where the user put it when the same figure is drawn again in another theme.
    layout.setdefault("uirevision", "keep")
    return go.Figure(list(data), layout={"template": template, "height": height, **layout})


def empty(message: str, *, theme: str, height: int = 160) -> go.Figure:
    """A figure without data that says so."""
    c = tones(theme)
    note = {"text": escape(message), "showarrow": False, "font": {"color": c.muted, "size": 14}, "x": 0.5, "y": 0.5}
    hidden = {"visible": False}
    fig = figure([], theme=theme, height=height, xaxis=hidden, yaxis=hidden)
    return fig.add_annotation(xref="paper", yref="paper", **note)


def escape(text: str) -> str:
    """Text that plotly shows as it is: its pseudo-HTML, entities and hover templates are switched off."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "% {")


def shorten(text: str, limit: int = 24) -> str:
    """A name cut to ``limit`` characters, ending in an ellipsis, and escaped."""
    return escape(text if len(text) <= limit else text[: limit - 1].rstrip() + "…")


def distinct(names: Sequence[str], limit: int = 24) -> list[str]:
    """Shortened names, made different where cutting made them equal (plotly would merge equal categories)."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        short = shorten(name, limit)
        seen[short] = seen.get(short, 0) + 1
        result.append(short if seen[short] == 1 else f"{short} ·{seen[short]}")
    return result


def contrast_text(color: str) -> str:
    """Black or white, whichever is read better on ``#rrggbb`` (WCAG relative luminance)."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"


def ramp_color(share: float, theme: str) -> str:
    """The theme's ramp at ``share`` in 0..1 as #rrggbb."""
    steps = tones(theme).ramp
    at = min(max(share, 0.0), 1.0) * (len(steps) - 1)
    low = min(int(at), len(steps) - 2)
    mixed = (
        round(int(steps[low][i : i + 2], 16) * (low + 1 - at) + int(steps[low + 1][i : i + 2], 16) * (at - low))
        for i in (1, 3, 5)
    )
    return "#" + "".join(f"{v:02x}" for v in mixed)
