"""Shares of a whole (labels, people, clusters) as bars, as a ring, as a treemap; each element gives its key back."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from eobench_dash.figures.template import contrast_text, distinct, empty, escape, figure, tones

Key = int | str
NARROW, WIDE = 16, 24
"""As many characters of a name are written beside a bar; a part's own short name is never cut."""
TILE = 12
"""As many are written on a tile of a narrow treemap."""


@dataclass(frozen=True)
class Part:
    """One share: what its element's ``customdata`` holds, how it is called and coloured, how many it counts."""

    key: tuple[Key, ...]
    name: str
    color: str
    count: int
    told: str = ""
    """A further line for the hover label, as plain text."""
    short: str = ""
    """What is written beside a bar, where that is not the name."""


def bars(parts: Sequence[Part], *, unit: str, none: str, theme: str = "light", compact: bool = False) -> go.Figure:
    """Horizontal bars in the parts' order, from the top. ``compact``: for a panel of 260 pixels."""
    c = tones(theme)
    if not parts:
        return empty(none, theme=theme)
    most, longest = max(part.count for part in parts), NARROW if compact else WIDE
    drawn = go.Bar(
        orientation="h",
        x=[part.count for part in parts],
        y=distinct([part.short or part.name for part in parts], max(longest, *(len(part.short) for part in parts))),
        marker={"color": [part.color for part in parts], "line": {"width": 0}},
        text=[f"{part.count:,}" for part in parts],
        textposition="outside",
        textfont={"color": c.muted, "size": 12},
        cliponaxis=False,
        constraintext="none",
        customdata=[list(part.key) for part in parts],
        hovertext=_told(parts, unit),
        hovertemplate="%{hovertext}<extra></extra>",
    )
    # The numbers stand right of the bars: in the margin of a narrow chart, inside a wider one's axis.
    fig = figure(
        [drawn],
        theme=theme,
        height=24 * len(parts) + 24,
        bargap=0.28,
        xaxis={"visible": False, "range": [0, most * (1 if compact else 1.3) or 1], "fixedrange": True},
        yaxis={"autorange": "reversed", "type": "category", "ticks": "", "showgrid": False, "fixedrange": True,
               "tickfont": {"color": c.text}},
    )  # fmt: skip
    return fig.update_layout(margin_r=50, minreducedwidth=40) if compact else fig


def ring(parts: Sequence[Part], *, unit: str, none: str, theme: str = "light", compact: bool = False) -> go.Figure:
    """A ring, clockwise in the parts' order. Names are written where they fit; ``compact`` writes shares only."""
    c = tones(theme)
    parts = [part for part in parts if part.count > 0]
    if not parts:
        return empty(none, theme=theme)
    total = sum(part.count for part in parts)
    written = "%{percent:.0%}" if compact else "%{label}<br>%{percent}"
    drawn = go.Pie(
        labels=distinct([part.name for part in parts], 16),
        values=[part.count for part in parts],
        hole=0.55,
        sort=False,
        direction="clockwise",
        marker={"colors": [part.color for part in parts], "line": {"color": c.surface, "width": 1.5}},
        texttemplate=[written if part.count / total >= 0.03 else "" for part in parts],
        textposition="inside" if compact else "auto",
        insidetextorientation="horizontal",
        insidetextfont={"color": [contrast_text(part.color) for part in parts]},
        outsidetextfont={"color": c.muted},
        customdata=[list(part.key) for part in parts],
        hovertext=_told(parts, unit),
        hovertemplate="%{hovertext}<extra></extra>",
        automargin=True,
    )
    fig = figure([drawn], theme=theme, height=232 if compact else 320)
    if compact:
        fig.update_layout(margin={"l": 4, "r": 4, "t": 8, "b": 8})
    middle = {"x": 0.5, "y": 0.5, "font": {"size": 15, "color": c.text}}
    return fig.add_annotation(text=f"<b>{total:,}</b><br>{unit}", showarrow=False, **middle)


def treemap(parts: Sequence[Part], *, unit: str, none: str, theme: str = "light", compact: bool = False) -> go.Figure:
    """Tiles whose area is the count; names are written where they fit."""
    c = tones(theme)
    parts = [part for part in parts if part.count > 0]
    if not parts:
        return empty(none, theme=theme)
    drawn = go.Treemap(
        ids=[str(i) for i in range(len(parts))],
        labels=distinct([part.name for part in parts], TILE if compact else WIDE),
        parents=[""] * len(parts),
        values=[part.count for part in parts],
        marker={"colors": [part.color for part in parts], "line": {"color": c.surface, "width": 1.5}, "pad": {"t": 0}},
        text=[f"{part.count:,}" for part in parts],
        texttemplate="%{label}<br>%{text}",
        textfont={"color": [contrast_text(part.color) for part in parts], "size": 12},
        tiling={"pad": 0},
        pathbar={"visible": False},
        customdata=[list(part.key) for part in parts],
        hovertext=_told(parts, unit),
        hovertemplate="%{hovertext}<extra></extra>",
    )
    # The frame that holds all tiles would else be drawn in the template's first colour.
    drawn.update(root={"color": "rgba(0,0,0,0)"})
    fig = figure([drawn], theme=theme, height=280 if compact else 420)
    # Names too long for their tile are left to the hover label, not shrunk beyond reading.
    return fig.update_layout(margin={"l": 0, "r": 0, "t": 4, "b": 4}, uniformtext={"minsize": 10, "mode": "hide"})


def _told(parts: Sequence[Part], unit: str) -> list[str]:
    total = sum(part.count for part in parts) or 1
    return [
        f"<b>{escape(p.name)}</b><br>{p.count:,} {unit}, {p.count / total:.1%}"
        + (f"<br>{escape(p.told)}" if p.told else "")
        for p in parts
    ]
