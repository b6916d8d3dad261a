"""How many patches each label has, as bars, ring or treemap; a click gives the label's code back for filtering."""

from collections.abc import Sequence

import plotly.graph_objects as go

from eobench_dash.domain.labels import NO_LABEL, LabelInfo
from eobench_dash.figures.parts import Part, bars, ring, treemap
from eobench_dash.figures.template import tones

REST = -1
"""The code in ``customdata`` of the element that stands for all labels that are not shown one by one."""
NONE = "No patch yet"


def top_labels(labels: Sequence[LabelInfo], *, unlabelled: int, top: int, rest_color: str) -> list[Part]:
    """The ``top`` largest labels in falling order, then one part for the others and one for patches without a label."""
    ordered = sorted((item for item in labels if item.count), key=lambda item: (-item.count, item.name.casefold()))
    # A "rest" of one label would hide a name and save nothing.
    shown = ordered if len(ordered) <= top + 1 else ordered[:top]
    others = ordered[len(shown) :]
    parts = [Part((item.code,), item.name, item.color, item.count) for item in shown]
    if others:
        parts.append(Part((REST,), f"{len(others):,} other labels", rest_color, sum(item.count for item in others)))
    if unlabelled:
        parts.append(Part((NO_LABEL,), "no label", rest_color, unlabelled))
    return parts


def label_bar(
    labels: Sequence[LabelInfo], *, unlabelled: int = 0, theme: str = "light", top: int = 40, compact: bool = False
) -> go.Figure:
    """Horizontal bars, largest on top, in the labels' own colours; ``customdata`` of a bar is ``[code]``."""
    parts = top_labels(labels, unlabelled=unlabelled, top=top, rest_color=tones(theme).rest)
    return bars(parts, unit="patches", none=NONE, theme=theme, compact=compact)


def label_pie(
    labels: Sequence[LabelInfo], *, unlabelled: int = 0, theme: str = "light", top: int = 11, compact: bool = False
) -> go.Figure:
    """A ring of the ``top`` largest labels and the rest; ``customdata`` of a slice is ``[code]``."""
    parts = top_labels(labels, unlabelled=unlabelled, top=top, rest_color=tones(theme).rest)
    return ring(parts, unit="patches", none=NONE, theme=theme, compact=compact)


def label_treemap(
    labels: Sequence[LabelInfo], *, unlabelled: int = 0, theme: str = "light", top: int = 60, compact: bool = False
) -> go.Figure:
    """Tiles of the ``top`` largest labels and the rest; ``customdata`` of a tile is ``[code]``."""
    parts = top_labels(labels, unlabelled=unlabelled, top=top, rest_color=tones(theme).rest)
    return treemap(parts, unit="patches", none=NONE, theme=theme, compact=compact)
