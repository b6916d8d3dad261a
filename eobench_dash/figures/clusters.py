"""Clusters: their sizes, what they hold, and how their number was chosen."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from eobench_dash.domain.analytics import LabelRef
from eobench_dash.domain.clusters import NO_CLUSTER, Cluster
from eobench_dash.figures.changes import DRAW
from eobench_dash.figures.parts import Part
from eobench_dash.figures.template import distinct, empty, escape, figure, tones

NO_CLUSTERS = "No clusters yet: find some in the tab Clusters"


def clusters_chart(
    clusters: Sequence[Cluster], *, noise: int = 0, draw: str = "bar", theme: str = "light", top: int = 40,
    compact: bool = False,
) -> go.Figure:  # fmt: skip
    """Patches per cluster as bars, ring or tiles; ``customdata`` is ``[cluster]``, 65535 for what no cluster holds."""
    rest = tones(theme).rest
    shown, others = clusters[:top], clusters[top:]
    parts = [Part((c.index,), c.name, c.color, c.size, told=holds(c)) for c in shown]
    if others:
        parts.append(Part((-1,), f"{len(others):,} smaller clusters", rest, sum(c.size for c in others)))
    if noise:
        parts.append(Part((NO_CLUSTER,), "in no cluster", rest, noise))
    return DRAW[draw](parts, unit="patches", none=NO_CLUSTERS, theme=theme, compact=compact)


def holds(cluster: Cluster) -> str:
    """What most of a cluster's patches are called, in words."""
    return f"{cluster.share:.0%} {cluster.label}" if cluster.label else ""


def composition(
    clusters: Sequence[Cluster],
    counts: npt.NDArray[np.int64],
    codes: Sequence[int],
    labels: Mapping[int, LabelRef],
    *,
    theme: str = "light",
    top: int = 30,
    compact: bool = False,
) -> go.Figure:
    """One bar per cluster, cut into the labels that its patches carry now, as shares of the cluster.

    ``counts`` (clusters, labels) has the rows of ``clusters`` and the columns of ``codes``; ``customdata`` of a piece
    is ``[cluster, label code]``.
    """
    c = tones(theme)
    shown = [(at, cluster) for at, cluster in enumerate(clusters[:top]) if counts[at].sum()]
    if not shown:
        return empty(NO_CLUSTERS if not clusters else "These clusters hold no patch", theme=theme)
    names = distinct([cluster.name for _, cluster in shown], 16 if compact else 24)
    rows = counts[[at for at, _ in shown]]
    totals = rows.sum(axis=1)
    pieces = []
    for column in np.argsort(-rows.sum(axis=0), kind="stable").tolist():
        here = rows[:, column]
        if not here.any():
            continue
        ref = labels.get(codes[column]) or LabelRef(codes[column], "no label", "")
        pieces.append(
            go.Bar(
                orientation="h",
                name=escape(ref.name),
                y=names,
                x=(here / totals).tolist(),
                marker={"color": ref.color or c.rest, "line": {"width": 0.5, "color": c.surface}},
                customdata=[[cluster.index, ref.code] for _, cluster in shown],
                hovertext=[
                    f"<b>{escape(cluster.name)}</b><br>{n:,} of {total:,} patches: {escape(ref.name)}, {n / total:.1%}"
                    for (_, cluster), n, total in zip(shown, here.tolist(), totals.tolist(), strict=True)
                ],
                hovertemplate="%{hovertext}<extra></extra>",
            )
        )
    return figure(
        pieces,
        theme=theme,
        height=26 * len(shown) + 40,
        barmode="stack",
        bargap=0.28,
        xaxis={"range": [0, 1], "tickformat": ".0%", "nticks": 5, "fixedrange": True, "showgrid": False},
        yaxis={"autorange": "reversed", "type": "category", "ticks": "", "showgrid": False, "fixedrange": True,
               "tickfont": {"color": c.text}},
    )  # fmt: skip


def choice_curve(curve: Sequence[tuple[int, float]], *, chosen: int, of: str, theme: str = "light") -> go.Figure:
    """How well each number of clusters fits; the chosen one is marked. ``of``: "bic" (lower is better) or another."""
    c = tones(theme)
    lowest = of == "bic"
    marked = [k == chosen for k, _ in curve]
    line = go.Scatter(
        x=[k for k, _ in curve],
        y=[value for _, value in curve],
        mode="lines+markers",
        line={"color": c.rest, "width": 2},
        marker={"size": [10 if m else 6 for m in marked], "color": [c.accent if m else c.rest for m in marked]},
        hovertemplate=f"%{{x}} clusters: {'BIC' if lowest else escape(of)} %{{y:,.4~g}}<extra></extra>",
    )
    words = "BIC, lower fits better" if lowest else f"{escape(of)}, higher is better"
    return figure(
        [line],
        theme=theme,
        height=132,
        margin={"l": 6, "r": 6, "t": 22, "b": 6},
        annotations=[{"text": words, "showarrow": False, "xref": "paper", "yref": "paper", "x": 0, "y": 1,
                      "yanchor": "bottom", "xanchor": "left", "font": {"color": c.muted, "size": 11}}],
        xaxis={"fixedrange": True, "nticks": 6, "tickformat": "d"},
        yaxis={"fixedrange": True, "showticklabels": False, "nticks": 3},
    )  # fmt: skip
