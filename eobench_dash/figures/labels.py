"""How many patches each label has, as bars or as a ring; a click gives the label's code back for filtering."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from eobench_dash.domain.labels import NO_LABEL, LabelInfo
from eobench_dash.figures.template import contrast_text, distinct, empty, escape, figure, tones

REST = -1
"""The code in ``customdata`` of the bar or slice that stands for all labels that are not shown one by one."""


@dataclass(frozen=True)
class _Part:
    code: int
    name: str
    color: str
    count: int


def top_labels(labels: Sequence[LabelInfo], *, unlabelled: int, top: int, rest_color: str) -> list[_Part]:
    """The ``top`` largest labels in falling order, then one part for the others and one for patches without a label."""
    ordered = sorted((item for item in labels if item.count), key=lambda item: (-item.count, item.name.casefold()))
    # A "rest" of one label would hide a name and save nothing.
    shown = ordered if len(ordered) <= top + 1 else ordered[:top]
    others = ordered[len(shown) :]
    parts = [_Part(item.code, item.name, item.color, item.count) for item in shown]
    if others:
        parts.append(_Part(REST, f"{len(others):,} other labels", rest_color, sum(item.count for item in others)))
    if unlabelled:
        parts.append(_Part(NO_LABEL, "no label", rest_color, unlabelled))
    return parts


def label_bar(labels: Sequence[LabelInfo], *, unlabelled: int = 0, theme: str = "light", top: int = 40) -> go.Figure:
    """Horizontal bars, largest on top, in the labels' own colours; ``customdata`` of a bar is ``[code]``."""
    c = tones(theme)
    parts = top_labels(labels, unlabelled=unlabelled, top=top, rest_color=c.rest)
    if not parts:
        return empty("No patch yet", theme=theme)
    total = sum(part.count for part in parts)
    names = distinct([part.name for part in parts])
    bars = go.Bar(
        orientation="h",
        x=[part.count for part in parts],
        y=names,
        marker={"color": [part.color for part in parts], "line": {"width": 0}},
        text=[f"{part.count:,}" for part in parts],
        textposition="outside",
        textfont={"color": c.muted, "size": 12},
        cliponaxis=False,
        constraintext="none",
        customdata=[[part.code] for part in parts],
        hovertext=[f"<b>{escape(p.name)}</b><br>{p.count:,} patches, {p.count / total:.1%}" for p in parts],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    # The numbers stand right of the bars, so the axis leaves them room; it needs no ticks of its own.
    return figure(
        [bars],
        theme=theme,
        height=24 * len(parts) + 24,
        bargap=0.28,
        xaxis={"visible": False, "range": [0, max(part.count for part in parts) * 1.3], "fixedrange": True},
        yaxis={"autorange": "reversed", "type": "category", "ticks": "", "showgrid": False, "fixedrange": True,
               "tickfont": {"color": c.text}},
    )  # fmt: skip


def label_pie(labels: Sequence[LabelInfo], *, unlabelled: int = 0, theme: str = "light", top: int = 11) -> go.Figure:
    """A ring of the ``top`` largest labels and the rest; ``customdata`` of a slice is ``[code]``."""
    c = tones(theme)
    parts = top_labels(labels, unlabelled=unlabelled, top=top, rest_color=c.rest)
    if not parts:
        return empty("No patch yet", theme=theme)
    total = sum(part.count for part in parts)
    # Names inside the ring only where they fit: a legend would need colours to be matched by eye.
    ring = go.Pie(
        labels=distinct([part.name for part in parts], 16),
        values=[part.count for part in parts],
        hole=0.55,
        sort=False,
        direction="clockwise",
        marker={"colors": [part.color for part in parts], "line": {"color": c.surface, "width": 1.5}},
        texttemplate=["%{label}<br>%{percent}" if part.count / total >= 0.03 else "" for part in parts],
        textposition="auto",
        insidetextfont={"color": [contrast_text(part.color) for part in parts]},
        outsidetextfont={"color": c.muted},
        customdata=[[part.code] for part in parts],
        hovertext=[f"<b>{escape(p.name)}</b><br>{p.count:,} patches, {p.count / total:.1%}" for p in parts],
        hovertemplate="%{hovertext}<extra></extra>",
        automargin=True,
    )
    fig = figure([ring], theme=theme, height=320)
    return fig.add_annotation(
        text=f"<b>{total:,}</b><br>patches", showarrow=False, x=0.5, y=0.5, font={"size": 15, "color": c.text}
    )
