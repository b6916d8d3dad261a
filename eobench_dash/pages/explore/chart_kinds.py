"""What the tab "Charts" can draw: which numbers, in which forms, and the figure of each."""

from collections.abc import Callable, Mapping

from plotly.graph_objects import Figure

from eobench_dash.domain.analytics import LabelRef, cross_counts
from eobench_dash.figures.changes import before_after, flow, moves_chart, people_chart
from eobench_dash.figures.clusters import NO_CLUSTERS, clusters_chart, composition
from eobench_dash.figures.labels import label_bar, label_pie, label_treemap
from eobench_dash.figures.template import empty
from eobench_dash.figures.timeline import timeline
from eobench_dash.pages import asking
from eobench_dash.services import analytics, clusters, datasets, labels
from eobench_dash.services.changes import label_codes

SHARES = {"bar": "Bars", "pie": "Ring", "tree": "Tiles"}
CHOICES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "labels": ("Patches per label", SHARES),
    "changes": ("Changes: import → now", {"flow": "Flows", "pairs": "Sizes", "bar": "Bars", "tree": "Tiles"}),
    "time": ("Changes over time", {"auto": "Auto", "hour": "Hours", "day": "Days"}),
    "people": ("Changes per annotator", SHARES),
    "clusters": ("Clusters", {**SHARES, "mix": "Labels"}),
}
"""What is shown → its title and the forms that suit it, the usual one first."""


def kind_options(what: str) -> list[dict[str, str]]:
    """The forms of a chart; a value names both, as in ``labels:bar``."""
    return [{"label": title, "value": f"{what}:{kind}"} for kind, title in CHOICES[what][1].items()]


def draw(dataset_id: int, chart: str, *, cluster_set: int | None, theme: str, compact: bool) -> Figure:
    """The figure of ``chart`` (``labels:bar``); of one that there is not, a sentence."""
    what, _, kind = chart.partition(":")
    if what not in CHOICES or kind not in CHOICES[what][1]:
        return empty("There is no such chart; choose another", theme=theme)
    # What one chart was zoomed to, and which way its axes run, is not the next one's.
    return DRAWN[what](dataset_id, kind, cluster_set, theme, compact).update_layout(uirevision=chart)


def _labels(dataset_id: int, kind: str, _set: int | None, theme: str, compact: bool) -> Figure:
    ws, who = asking()
    rows = labels.list_labels(ws, who, dataset_id=dataset_id)
    dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
    form = {"bar": label_bar, "pie": label_pie, "tree": label_treemap}[kind]
    return form(rows, unlabelled=dataset.patch_count - dataset.labelled_count, theme=theme, compact=compact)


def _changes(dataset_id: int, kind: str, _set: int | None, theme: str, compact: bool) -> Figure:
    moves = analytics.before_after(*asking(), dataset_id=dataset_id)
    if kind == "flow":
        return flow(moves, theme=theme, compact=compact)
    if kind == "pairs":
        return before_after(moves, theme=theme, compact=compact)
    return moves_chart(moves, draw=kind, theme=theme, compact=compact)


def _time(dataset_id: int, kind: str, _set: int | None, theme: str, compact: bool) -> Figure:
    return timeline(analytics.over_time(*asking(), dataset_id=dataset_id, step=kind), theme=theme, compact=compact)


def _people(dataset_id: int, kind: str, _set: int | None, theme: str, compact: bool) -> Figure:
    return people_chart(analytics.by_person(*asking(), dataset_id=dataset_id), draw=kind, theme=theme, compact=compact)


def _clusters(dataset_id: int, kind: str, cluster_set: int | None, theme: str, compact: bool) -> Figure:
    if cluster_set is None:
        return empty(NO_CLUSTERS, theme=theme)
    ws, who = asking()
    found = clusters.get_cluster_set(ws, who, dataset_id=dataset_id, cluster_set_id=cluster_set)
    if kind != "mix":
        return clusters_chart(found.clusters, noise=found.noise, draw=kind, theme=theme, compact=compact)
    codes = clusters.cluster_codes(ws, who, dataset_id=dataset_id, cluster_set_id=cluster_set)
    now, _ = label_codes(ws, who, dataset_id=dataset_id)
    counts, columns = cross_counts(codes, now, row_codes=[c.index for c in found.clusters])
    names = {
        label.code: LabelRef(label.code, label.name, label.color)
        for label in labels.list_labels(ws, who, dataset_id=dataset_id)
    }
    return composition(found.clusters, counts, columns, names, theme=theme, compact=compact)


DRAWN: Mapping[str, Callable[[int, str, int | None, str, bool], Figure]] = {
    "labels": _labels,
    "changes": _changes,
    "time": _time,
    "people": _people,
    "clusters": _clusters,
}
