"""Figures of a verification: scores per class, and where labels moved."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from eobench_dash.domain.labels import LabelInfo
from eobench_dash.domain.quality import Classification, PerClass
from eobench_dash.domain.readings import name_of
from eobench_dash.domain.report import Move
from eobench_dash.figures.template import distinct, empty, escape, figure, tones

MARKS = (("precision", "diamond"), ("recall", "circle"), ("F1", "line-ns-open"))


def per_class(
    scores: Classification, labels: Mapping[int, LabelInfo], *, theme: str = "light", top: int = 60
) -> go.Figure:
    """Precision, recall and F1 of each class on one line, weakest F1 on top: the eye goes to what needs work.

    The three differ in shape, not in colour alone; ``customdata`` of a point is ``[code]``.
    """
    c = tones(theme)
    codes = scores.confusion.codes
    order = np.argsort(np.nan_to_num(scores.f1, nan=2.0), kind="stable")[:top]
    if not len(order):
        return empty("Nothing was classified", theme=theme)
    full = [name_of(labels, code) for code in codes[order].tolist()]
    names = distinct(full, 22)
    low = np.fmin(scores.precision[order], scores.recall[order])
    high = np.fmax(scores.precision[order], scores.recall[order])
    bars = go.Scatter(
        x=[v for a, b in zip(_clean(low), _clean(high), strict=True) for v in (a, b, None)],
        y=[n for name in names for n in (name, name, None)],
        mode="lines", line={"color": c.border, "width": 4}, hoverinfo="skip",
    )  # fmt: skip
    points = [
        go.Scatter(
            name=name,
            x=_clean(values[order]),
            y=names,
            mode="markers",
            marker={"symbol": symbol, "size": 12 if name == "F1" else 9, "color": color,
                    "line": {"width": 2.5 if name == "F1" else 0, "color": color}},
            customdata=[[code] for code in codes[order].tolist()],
            hovertext=[f"<b>{escape(full[i])}</b><br>{name} {v:.3f}<br>{int(scores.support[k]):,} patches"
                       for i, (k, v) in enumerate(zip(order, values[order], strict=True))],
            hovertemplate="%{hovertext}<extra></extra>",
        )
        for (name, symbol), values, color in zip(
            MARKS, (scores.precision, scores.recall, scores.f1), (c.accent, c.warn, c.text), strict=True
        )
    ]  # fmt: skip
    lowest = float(np.nanmin(low)) if np.isfinite(low).any() else 0.0
    return figure(
        [bars, *points],
        theme=theme,
        height=24 * len(order) + 90,
        showlegend=True,
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "font": {"color": c.muted}, "itemclick": False,
                "itemdoubleclick": False},
        xaxis={"range": [max(0.0, np.floor((lowest - 0.02) * 10) / 10), 1.01], "tickformat": ".2~f",
               "fixedrange": True},
        yaxis={"type": "category", "autorange": "reversed", "ticks": "", "fixedrange": True, "dtick": 1,
               "tickfont": {"color": c.text}, "categoryorder": "array", "categoryarray": names},
    ).update_traces(showlegend=False, selector={"mode": "lines"})  # fmt: skip


def class_values(
    measure: PerClass, labels: Mapping[int, LabelInfo], *, theme: str = "light", top: int = 60
) -> go.Figure:
    """One number per class (kNN purity, silhouette), lowest on top, with the overall value as a line."""
    c = tones(theme)
    order = np.argsort(np.nan_to_num(measure.values, nan=np.inf), kind="stable")[:top]
    if not len(order):
        return empty("No class to measure", theme=theme)
    full = [name_of(labels, code) for code in measure.codes[order].tolist()]
    values = measure.values[order]
    bars = go.Bar(
        orientation="h",
        x=_clean(values),
        y=distinct(full, 22),
        marker={"color": [c.bad if v < 0 else c.accent for v in values], "line": {"width": 0}},
        text=[f"{v:.2f}" if np.isfinite(v) else "–" for v in values],
        textposition="outside",
        cliponaxis=False,
        textfont={"color": c.muted, "size": 12},
        customdata=[[code] for code in measure.codes[order].tolist()],
        hovertext=[f"<b>{escape(full[i])}</b><br>{escape(measure.name)} {v:.3f}<br>{int(measure.support[k]):,} patches"
                   for i, (k, v) in enumerate(zip(order, values, strict=True))],
        hovertemplate="%{hovertext}<extra></extra>",
    )  # fmt: skip
    finite = values[np.isfinite(values)]
    low, high = (min(0.0, float(finite.min())), max(0.0, float(finite.max()))) if len(finite) else (0.0, 1.0)
    room = (high - low or 1.0) * (0.3 if low < 0 else 0.18)
    fig = figure(
        [bars],
        theme=theme,
        height=24 * len(order) + 56,
        bargap=0.3,
        xaxis={"range": [low - (room if low < 0 else 0), high + room], "fixedrange": True, "nticks": 6},
        yaxis={"type": "category", "autorange": "reversed", "ticks": "", "fixedrange": True, "dtick": 1,
               "showgrid": False, "tickfont": {"color": c.text}},
    )  # fmt: skip
    if np.isfinite(measure.overall):
        fig.add_vline(x=measure.overall, line={"color": c.text, "width": 1.5, "dash": "dot"})
    return fig


def changes_flow(moves: Sequence[Move], colors: Mapping[str, str], *, theme: str = "light", top: int = 25) -> go.Figure:
    """What patches were called before (left) and are called now (right), as ribbons of the ``top`` largest moves.

    ``colors`` maps a label's name to its colour.
    """
    c = tones(theme)
    moves = sorted((m for m in moves if m.before != m.after and m.patches > 0), key=lambda m: -m.patches)
    if not moves:
        return empty("No label has changed since the import", theme=theme)
    shown, hidden = moves[:top], moves[top:]
    before = list(dict.fromkeys(move.before for move in shown))
    after = list(dict.fromkeys(move.after for move in shown))
    left, right = {name: i for i, name in enumerate(before)}, {name: i + len(before) for i, name in enumerate(after)}
    names = [name if name is not None else "no label" for name in [*before, *after]]
    shades = [colors.get(name, c.rest) if name is not None else c.rest for name in [*before, *after]]
    ribbons = go.Sankey(
        arrangement="snap",
        node={"label": [escape(name if len(name) <= 24 else name[:23] + "…") for name in names], "color": shades,
              "pad": 14, "thickness": 14, "line": {"width": 0},
              "hovertemplate": "%{label}: %{value:,} patches<extra></extra>"},
        link={"source": [left[move.before] for move in shown], "target": [right[move.after] for move in shown],
              "value": [move.patches for move in shown], "color": [_faint(shades[left[move.before]]) for move in shown],
              "hovertemplate": "%{source.label} → %{target.label}<br>%{value:,} patches<extra></extra>"},
        textfont={"color": c.text, "size": 12},
    )  # fmt: skip
    fig = figure([ribbons], theme=theme, height=max(220, 30 * max(len(before), len(after)) + 60))
    if hidden:
        rest = f"and {sum(move.patches for move in hidden):,} patches in {len(hidden):,} smaller moves"
        at = {"xref": "paper", "yref": "paper", "x": 0.5, "y": -0.04}
        fig.add_annotation(text=rest, showarrow=False, font={"color": c.muted}, **at)
    return fig


def _clean(values: np.ndarray) -> list[float | None]:
    """Plain floats; NaN (not defined) as a gap."""
    return [float(v) if np.isfinite(v) else None for v in values]


def _faint(color: str) -> str:
    return f"rgba({int(color[1:3], 16)},{int(color[3:5], 16)},{int(color[5:7], 16)},0.35)"
