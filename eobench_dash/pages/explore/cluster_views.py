"""Pieces of the tab "Clusters"; data attributes of the buttons say what assets/explore-clusters.js does."""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components.ui import ago, button, count, dot, empty, icon_button
from eobench_dash.domain.clusters import METHOD_TITLES, Cluster, ClusterMethod, ClusterSetInfo
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.figures.clusters import choice_curve, holds
from eobench_dash.pages.explore.views import image_url

METHODS = {
    ClusterMethod.GMM: "Gaussian mixture: groups of any size and shape",
    ClusterMethod.KMEANS: "k-means: round groups of similar size; fastest",
    ClusterMethod.HDBSCAN: "HDBSCAN: dense groups, odd patches left out",
}
ASKS = {
    ClusterMethod.GMM: "How many clusters, 2 to 60. Empty: the number that fits best (BIC).",
    ClusterMethod.KMEANS: "How many clusters, 2 to 60. Empty: the number whose clusters lie best apart.",
    ClusterMethod.HDBSCAN: "The fewest patches of a cluster, from 3. Empty: by the number of patches.",
}
LISTED = 60
"""As many clusters are listed with pictures; more than that nobody looks through."""


def set_options(sets: Sequence[ClusterSetInfo]) -> list[dict[str, Any]]:
    """The sets to choose from, newest first."""
    return [
        {"label": f"{len(s.clusters)} of {s.label or 'all patches'} · {METHOD_TITLES[s.method]}", "value": s.id}
        for s in sets
    ]


def nothing(*, may_clean: bool) -> Component:
    """What the list says while there are no clusters."""
    words = "Clusters are groups of patches that look alike, found in their features and not on the map."
    more = " Find some to see what a label holds." if may_clean else " An expert can have them found."
    return empty("No clusters yet", words + more, icon_name="grid")


def cluster_set(dataset: DatasetSummary, found: ClusterSetInfo, *, may_clean: bool, theme: str) -> list[Component]:
    """One set: how far to trust it, how its number was chosen, and its clusters."""
    tools = [
        button("Colour the map", look="small", icon_name="tag", **_does("colour", found)),
        *(
            [icon_button("Remove these clusters", "trash", look="quiet small", **_does("remove", found))]
            if may_clean
            else []
        ),
    ]
    noise = f", {found.noise:,} of them in no cluster" if found.noise else ""
    facts = [
        html.P(f"{count(len(found.clusters), 'cluster')} of {count(found.rows, 'patch', 'patches')}{noise}."),
        *[html.P(text) for text in quality_words(found.quality, advised=found.advised)],
        html.P(
            [
                "By advice, asked by " if found.advised else "By ",
                found.created_by or "the system",
                ", ",
                ago(found.created_at),
                f", from the features “{found.feature_kind}”.",
            ]
        ),
    ]
    shown = [_cluster(dataset, found, c, may_clean=may_clean) for c in found.clusters[:LISTED]]
    more = [html.P(f"The {LISTED} largest of {len(found.clusters)} are listed.", className="eob-muted eob-small")]
    return [
        html.Div(tools, className="eob-clusters__tools"),
        html.Div(facts, className="eob-clusters__facts"),
        *_curve(found, theme),
        html.Ul(shown, className="eob-clusters__list"),
        *(more if len(found.clusters) > LISTED else []),
    ]


def quality_words(quality: Mapping[str, Any], *, advised: bool = False) -> list[str]:
    """What was measured of a clustering, in plain words with the numbers; the advice's own sentence tells stability."""
    words = []
    if (silhouette := quality.get("silhouette")) is not None:
        apart = "well apart" if silhouette >= 0.5 else "apart, with overlap" if silhouette >= 0.2 else "close together"
        words.append(f"They lie {apart} (silhouette {silhouette:.2f}).")
    if not advised and (stability := quality.get("stability")) is not None:
        again = "the same" if stability >= 0.8 else "mostly the same" if stability >= 0.6 else "different"
        words.append(f"Another run finds {again} clusters (agreement {stability:.2f} of 1).")
    return [*words, *[str(text) for text in quality.get("notes") or ()]]


def _curve(found: ClusterSetInfo, theme: str) -> list[Component]:
    curve = [(int(k), float(value)) for k, value in found.quality.get("curve") or () if value is not None]
    if len(curve) < 2:
        return []
    drawn = choice_curve(curve, chosen=len(found.clusters), of=str(found.quality.get("curve_of", "bic")), theme=theme)
    graph = dcc.Graph(
        figure=drawn, config={"displayModeBar": False, "responsive": True}, className="eob-clusters__curve"
    )
    return [html.Details([html.Summary("How the number was chosen"), graph], className="eob-clusters__why")]


def _cluster(dataset: DatasetSummary, found: ClusterSetInfo, cluster: Cluster, *, may_clean: bool) -> Component:
    does = {"data-set": str(found.id), "data-cluster": str(cluster.index), "data-name": cluster.name}
    head = html.Button(
        [
            dot(cluster.color),
            html.Span(cluster.name, className="eob-clip", **{"data-cluster-name": ""}),
        ],
        type="button",
        title=f"{cluster.name}: {count(cluster.size, 'patch', 'patches')}. Click: only this cluster; again: all.",
        className="eob-explore__toggle",
        **{"data-clusters": "isolate"},
    )
    acts = [icon_button("Select its patches", "select", look="quiet small", **{"data-clusters": "select"})]
    if may_clean:
        acts += [
            icon_button("Rename", "annotate", look="quiet small", **{"data-clusters": "rename"}),
            icon_button("Split off as label …", "fork", look="quiet small", **{"data-clusters": "split"}),
        ]
    told = holds(cluster) if found.label is None else ""  # of one label's group it would say the same of all
    size = count(cluster.size, "patch", "patches")
    inside = html.Span(f"{size} · {told}" if told else size, className="eob-muted eob-small eob-clip")
    return html.Li(
        [
            html.Div([head, *acts], className="eob-clusters__head"),
            thumbs(dataset, cluster.typical, f"typical of {cluster.name}"),
            inside,
        ],
        className="eob-cluster",
        **does,
    )


def thumbs(dataset: DatasetSummary, ordinals: Sequence[int], what: str) -> Component:
    """Small pictures of patches: a click marks one on the map, a right click opens its menu (explore.js)."""
    pictures = [
        html.Button(
            html.Img(src=image_url(dataset, o, 96), alt="", width=40, height=40),
            type="button",
            className="eob-thumb",
            title=f"Patch {o}, {what}",
            **{"data-ordinal": str(o), "aria-label": f"Patch {o}, {what}"},
        )
        for o in ordinals
    ]
    return html.Div(pictures, className="eob-thumbs")


def _does(what: str, found: ClusterSetInfo) -> dict[str, str]:
    return {"data-clusters": what, "data-set": str(found.id), "data-name": found.title}
