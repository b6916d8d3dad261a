"""Changes over time, stacked by person."""

from datetime import timedelta

import plotly.graph_objects as go

from eobench_dash.domain.analytics import Timeline, TimeShare
from eobench_dash.figures.changes import NOBODY_YET, person_color
from eobench_dash.figures.template import distinct, empty, escape, figure, tones

MAX_BINS = 400


def timeline(times: Timeline, *, theme: str = "light", compact: bool = False) -> go.Figure:
    """Patches changed per hour or day (UTC), one colour per person; of very long work the newest 400 bins.

    ``customdata`` of a bar is ``[start, user id]``, the start as ``2026-11-23`` or ``2026-11-23T04``.
    """
    c = tones(theme)
    if not times.shares:
        return empty(NOBODY_YET, theme=theme)
    starts = sorted({share.start for share in times.shares})[-MAX_BINS:]
    people: dict[int, list[TimeShare]] = {}
    for share in times.shares:
        if share.start >= starts[0]:
            people.setdefault(share.key, []).append(share)
    ordered = sorted(people.items(), key=lambda item: -sum(share.patches for share in item[1]))
    names = distinct([shares[0].name for _, shares in ordered], 16)
    traces = [
        go.Bar(
            name=name,
            x=[share.start.isoformat() for share in shares],
            y=[share.patches for share in shares],
            offset=0.07 * _width(times.step),  # a bar stands over its hour or day, not around its beginning
            width=0.86 * _width(times.step),
            marker={"color": person_color(key), "line": {"width": 0.5, "color": c.surface}},
            customdata=[[_key(share, times.step), share.key] for share in shares],
            hovertext=[_told(share, times.step) for share in shares],
            hovertemplate="%{hovertext}<extra></extra>",
        )
        for (key, shares), name in zip(ordered, names, strict=True)
    ]
    step = timedelta(hours=1) if times.step == "hour" else timedelta(days=1)
    # A bar alone would fill the chart: a few bins of air on both sides tell that it is one hour or day.
    room = max(timedelta(0), 8 * step - (starts[-1] - starts[0])) / 2 + step
    return figure(
        traces,
        theme=theme,
        height=220 if compact else 340,
        barmode="stack",
        showlegend=len(ordered) > 1,
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "font": {"color": c.muted, "size": 12},
                "itemclick": False, "itemdoubleclick": False},
        xaxis={"type": "date", "range": [(starts[0] - room).isoformat(), (starts[-1] + step + room).isoformat()],
               "showgrid": False, "fixedrange": True, "nticks": 4 if compact else 10, "tickangle": 0},
        yaxis={"title": {"text": "patches changed"}, "rangemode": "tozero", "fixedrange": True, "nticks": 5,
               "tickformat": ",d"},
    )  # fmt: skip


def _width(step: str) -> float:
    """Milliseconds of a bin."""
    return (1 if step == "hour" else 24) * 3_600_000


def _key(share: TimeShare, step: str) -> str:
    return f"{share.start:%Y-%m-%dT%H}" if step == "hour" else f"{share.start:%Y-%m-%d}"


def _told(share: TimeShare, step: str) -> str:
    when = f"{share.start:%-d %b %Y}" + (f", {share.start:%H}:00 UTC" if step == "hour" else "")
    steps = f"{share.batches:,} step{'' if share.batches == 1 else 's'}"
    patches = f"{share.patches:,} patch{'' if share.patches == 1 else 'es'}"
    return f"<b>{escape(share.name)}</b>, {when}<br>{patches} in {steps}"
