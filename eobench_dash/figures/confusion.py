"""The confusion matrix as a heat map."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from eobench_dash.domain.labels import LabelInfo
from eobench_dash.domain.quality import Confusion
from eobench_dash.domain.readings import name_of
from eobench_dash.domain.report import most_confused
from eobench_dash.figures.template import contrast_text, distinct, empty, escape, figure, ramp_color, tones

MAX_CLASSES = 60
"""Beyond it a cell is smaller than a pointer can hit; ``confusion_matrix`` shows the classes that are confused most."""
MAX_WRITTEN = 20


def confusion_matrix(
    confusion: Confusion, labels: Mapping[int, LabelInfo], *, theme: str = "light", order: Sequence[int] | None = None
) -> go.Figure:
    """Rows are the labels patches have, columns what the classifier foretold; colour is the share of the row.

    Cells hold the count up to 20 classes; hover tells count and both shares; ``customdata`` of a cell is
    ``[reference code, predicted code]``. ``order`` (codes) arranges the classes.
    """
    c = tones(theme)
    if not len(confusion.codes):
        return empty("Nothing was classified", theme=theme)
    full_rows = dict(zip(confusion.codes.tolist(), confusion.counts.sum(axis=1).tolist(), strict=True))
    full_columns = dict(zip(confusion.codes.tolist(), confusion.counts.sum(axis=0).tolist(), strict=True))
    shown = _ordered(confusion, order)
    shown = shown if len(shown.codes) <= MAX_CLASSES else most_confused(shown, limit=MAX_CLASSES)
    codes = shown.codes.tolist()
    rows = np.array([max(full_rows[code], 1) for code in codes])[:, None]
    columns = np.array([max(full_columns[code], 1) for code in codes])[None, :]
    shares = shown.counts / rows
    full_names = [name_of(labels, code) for code in codes]
    names = distinct(full_names, 20)
    told = [
        [
            f"<b>{escape(full_names[i])}</b> → <b>{escape(full_names[j])}</b><br>{n:,} patches"
            f"<br>{n / rows[i, 0]:.1%} of the label's patches<br>{n / columns[0, j]:.1%} of those foretold so"
            for j, n in enumerate(line)
        ]
        for i, line in enumerate(shown.counts.tolist())
    ]
    written = len(codes) <= MAX_WRITTEN
    heat = go.Heatmap(
        z=shares.tolist(),
        x=names,
        y=names,
        zmin=0,
        zmax=1,
        colorscale=[[at / 5, ramp_color((at / 5) ** 0.7, theme)] for at in range(6)],
        xgap=1,
        ygap=1,
        customdata=[[[row, column] for column in codes] for row in codes],
        hovertext=told,
        hovertemplate="%{hovertext}<extra></extra>",
        colorbar={"title": {"text": "of row"}, "thickness": 10, "tickformat": ".0%", "outlinewidth": 0},
        showscale=not written,
    )
    cell = 34 if written else 18 if len(codes) <= 40 else 14
    fig = figure(
        [heat],
        theme=theme,
        height=cell * len(codes) + 150,
        xaxis={"title": {"text": "foretold"}, "type": "category", "tickangle": -45, "showgrid": False, "ticks": "",
               "tickfont": {"color": c.text, "size": 12 if written else 10}, "side": "bottom", "dtick": 1},
        yaxis={"title": {"text": "label in the dataset"}, "type": "category", "autorange": "reversed", "dtick": 1,
               "showgrid": False, "ticks": "", "tickfont": {"color": c.text, "size": 12 if written else 10}},
    )  # fmt: skip
    if written:
        _write_counts(fig, shown, shares, names, theme)
    return fig


def _write_counts(fig: go.Figure, shown: Confusion, shares: np.ndarray, names: list[str], theme: str) -> None:
    for i, line in enumerate(shown.counts.tolist()):
        for j, n in enumerate(line):
            if n:
                ink = contrast_text(ramp_color(float(shares[i, j]) ** 0.7, theme))
                fig.add_annotation(
                    x=names[j], y=names[i], text=f"{n:,}", showarrow=False, font={"size": 11, "color": ink}
                )


def _ordered(confusion: Confusion, order: Sequence[int] | None) -> Confusion:
    if order is None:
        return confusion
    rank = {code: at for at, code in enumerate(order)}
    kept = sorted(range(len(confusion.codes)), key=lambda i: rank.get(int(confusion.codes[i]), len(rank)))
    return Confusion(codes=confusion.codes[kept], counts=confusion.counts[np.ix_(kept, kept)])
