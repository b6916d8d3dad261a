"""What cleaning changed: flows from the label at import to the label now, groups before and after, who did it."""

from collections.abc import Sequence

import plotly.graph_objects as go

from eobench_dash.domain.analytics import LabelMove, LabelRef, PersonShare
from eobench_dash.domain.labels import PALETTE
from eobench_dash.figures.parts import Part, bars, ring, treemap
from eobench_dash.figures.template import distinct, empty, escape, figure, shorten, tones

UNCHANGED = "No label has changed since the import"
NOBODY_YET = "Nobody has changed a label yet"
DRAW = {"bar": bars, "pie": ring, "tree": treemap}


def changed_only(moves: Sequence[LabelMove]) -> list[LabelMove]:
    """The moves between two different labels, largest first."""
    kept = [m for m in moves if m.before.code != m.after.code and m.patches > 0]
    return sorted(kept, key=lambda m: (-m.patches, m.before.name, m.after.name))


def moves_chart(
    moves: Sequence[LabelMove], *, draw: str = "bar", theme: str = "light", top: int = 30, compact: bool = False
) -> go.Figure:
    """The largest moves as bars or tiles in the colour of the label now; ``customdata``: ``[before, now]`` codes."""
    rest = tones(theme).rest
    parts = [
        Part(
            (m.before.code, m.after.code),
            f"{m.before.name} → {m.after.name}",
            m.after.color or rest,
            m.patches,
            short=f"{_cut(m.before.name)} → {_cut(m.after.name)}" if compact else f"{m.before.name} → {m.after.name}",
        )
        for m in changed_only(moves)[:top]
    ]
    return DRAW[draw](parts, unit="patches", none=UNCHANGED, theme=theme, compact=compact)


def flow(moves: Sequence[LabelMove], *, theme: str = "light", top: int = 25, compact: bool = False) -> go.Figure:
    """Ribbons from the label at import (left) to the label now (right), for patches whose label changed.

    ``customdata`` of a ribbon is the text ``<code before>,<code now>`` (a list would be lost on its way back).
    """
    c = tones(theme)
    changed = changed_only(moves)
    if not changed:
        return empty(UNCHANGED, theme=theme)
    shown, hidden = changed[:top], changed[top:]
    left = list({m.before.code: m.before for m in shown}.values())
    right = list({m.after.code: m.after for m in shown}.values())
    at = {("l", ref.code): i for i, ref in enumerate(left)} | {
        ("r", ref.code): i + len(left) for i, ref in enumerate(right)
    }
    refs = [*left, *right]
    ribbons = go.Sankey(
        arrangement="snap",
        node={"label": [shorten(ref.name, 14 if compact else 24) for ref in refs],
              "color": [ref.color or c.rest for ref in refs], "customdata": [escape(ref.name) for ref in refs],
              "pad": 12, "thickness": 10 if compact else 14, "line": {"width": 0},
              "hovertemplate": "%{customdata}: %{value:,} patches<extra></extra>"},
        link={"source": [at["l", m.before.code] for m in shown], "target": [at["r", m.after.code] for m in shown],
              "value": [m.patches for m in shown], "color": [_faint(m.before.color or c.rest) for m in shown],
              "customdata": [f"{m.before.code},{m.after.code}" for m in shown],
              "label": [f"{escape(m.before.name)} → {escape(m.after.name)}" for m in shown],
              "hovertemplate": "%{label}<br>%{value:,} patches<extra></extra>"},
        textfont={"color": c.text, "size": 12},
    )  # fmt: skip
    tall = max(len(left), len(right))
    fig = figure([ribbons], theme=theme, height=max(200, (26 if compact else 30) * tall + 50))
    if hidden:
        rest = f"and {sum(m.patches for m in hidden):,} patches in {len(hidden):,} smaller moves"
        place = {"xref": "paper", "yref": "paper", "x": 0.5, "y": -0.02, "yanchor": "top"}
        fig.add_annotation(text=rest, showarrow=False, font={"color": c.muted, "size": 12}, **place)
        fig.update_layout(margin_b=28)
    return fig


def before_after(
    moves: Sequence[LabelMove], *, theme: str = "light", top: int = 30, compact: bool = False
) -> go.Figure:
    """Two bars per label: thin and grey for the import, in the label's colour for now; ``customdata`` is ``[code]``."""
    c = tones(theme)
    refs: dict[int, LabelRef] = {}
    before: dict[int, int] = {}
    after: dict[int, int] = {}
    for m in moves:
        refs[m.before.code], refs[m.after.code] = m.before, m.after
        before[m.before.code] = before.get(m.before.code, 0) + m.patches
        after[m.after.code] = after.get(m.after.code, 0) + m.patches
    if not refs:
        return empty("No patch yet", theme=theme)
    # What changed most is what one looks for; ties fall back to size.
    gap = {code: abs(after.get(code, 0) - before.get(code, 0)) for code in refs}
    codes = sorted(refs, key=lambda code: (-gap[code], -after.get(code, 0), refs[code].name))[:top]
    names = distinct([refs[code].name for code in codes], 16 if compact else 24)
    told = [
        f"<b>{escape(refs[k].name)}</b><br>{before.get(k, 0):,} at import<br>{after.get(k, 0):,} now "
        f"({after.get(k, 0) - before.get(k, 0):+,})"
        for k in codes
    ]
    shared = {"orientation": "h", "y": names, "hovertext": told, "hovertemplate": "%{hovertext}<extra></extra>",
              "customdata": [[code] for code in codes], "cliponaxis": False}  # fmt: skip
    now = go.Bar(
        name="now", x=[after.get(k, 0) for k in codes], marker={"color": [refs[k].color or c.rest for k in codes]},
        text=[_signed(after.get(k, 0) - before.get(k, 0)) for k in codes], textposition="outside",
        textfont={"color": c.muted, "size": 12}, constraintext="none", **shared,
    )  # fmt: skip
    came = go.Bar(name="at import", x=[before.get(code, 0) for code in codes], marker={"color": c.rest}, **shared)
    most = max([*before.values(), *after.values()], default=1) or 1
    fig = figure(
        [came, now],
        theme=theme,
        height=34 * len(codes) + 24,
        bargap=0.3,
        bargroupgap=0.06,
        xaxis={"visible": False, "range": [0, most * (1 if compact else 1.2)], "fixedrange": True},
        yaxis={"autorange": "reversed", "type": "category", "ticks": "", "showgrid": False, "fixedrange": True,
               "tickfont": {"color": c.text}},
    )  # fmt: skip
    return fig.update_layout(margin_r=50, minreducedwidth=40) if compact else fig


def person_color(key: int) -> str:
    """A person's colour, the same in every chart."""
    return PALETTE[(key - 1) % len(PALETTE)]


def people_chart(
    people: Sequence[PersonShare], *, draw: str = "bar", theme: str = "light", top: int = 30, compact: bool = False
) -> go.Figure:
    """Patches changed per person as bars, ring or tiles; ``customdata`` is ``[user id]``."""
    parts = []
    for person in people[:top]:
        undone = f", {person.undone:,} taken back" if person.undone else ""
        steps = f"{person.batches:,} step{'' if person.batches == 1 else 's'}{undone}"
        parts.append(Part((person.key,), person.name, person_color(person.key), person.patches, told=steps))
    return DRAW[draw](parts, unit="changes", none=NOBODY_YET, theme=theme, compact=compact)


def _cut(text: str, limit: int = 9) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _signed(change: int) -> str:
    return f"{change:+,}" if change else "="


def _faint(color: str) -> str:
    return f"rgba({int(color[1:3], 16)},{int(color[3:5], 16)},{int(color[5:7], 16)},0.4)"
