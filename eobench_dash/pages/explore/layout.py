"""The explore page: neighbours on the left, the map, the groups on the right."""

import time
from typing import Literal

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components.embedding_map import EmbeddingMap, label_table
from eobench_dash.components.ui import button, dialog, field, icon, icon_button, opener, simulated_mark, text_input
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.patches import EmbeddingInfo, FeatureSetInfo
from eobench_dash.domain.people import Role
from eobench_dash.pages import asking
from eobench_dash.pages.explore import ids, panel, views
from eobench_dash.services import datasets, embeddings, features, jobs, labels


def layout(
    *, dataset_id: int, map: str | None = None, mode: str = "", patch: str | None = None, v: str | None = None, **_: str
) -> Component:
    """The page for one dataset. ``map``, ``mode``, ``patch`` and ``v`` (x, y, zoom) come from a link to a view."""
    ws, who = asking()
    dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
    maps = embeddings.list_embeddings(ws, who, dataset_id=dataset_id)
    names = labels.list_labels(ws, who, dataset_id=dataset_id)
    kinds = features.list_feature_sets(ws, who, dataset_id=dataset_id)
    may_clean = who.role.rank >= Role.EXPERT.rank
    shown = next((m for m in maps if str(m.id) == map), None) or next((m for m in maps if m.label is None), None)
    chosen: Literal["visualise", "clean"] = "clean" if mode == "clean" and may_clean else "visualise"
    base = f"/data/datasets/{dataset_id}"
    picked = int(patch) if patch and patch.isdecimal() and int(patch) < dataset.patch_count else None
    the_map = EmbeddingMap(
        id=ids.MAP,
        coordsUrl=f"{base}/embeddings/{shown.id}.bin" if shown else None,
        labels=label_table(names),
        labelsUrl=f"{base}/labels.bin",
        imageUrl=views.image_url(dataset, "{ordinal}", 256),
        changesUrl=f"/api/datasets/{dataset_id}/changes",
        mode=chosen,
        # Marking a patch flies to it: explore.js then puts the link's view back.
        view=views.parse_view(v) if picked is None else None,
        focus={"ordinal": picked, "n": time.time_ns() // 10**6} if picked is not None else None,
        title=f"Map of {dataset.name}",
        className="eob-explore__map",
    )
    rows = jobs.list_jobs(ws, who, limit=50) if shown is None else []
    nothing = views.nothing(kinds, rows, dataset_id, may_clean=may_clean)
    return html.Div(
        [
            dcc.Store(id=ids.PICK, data={"ordinal": picked, "n": 0} if picked is not None else None),
            *[dcc.Store(id=name) for name in (ids.TICK, ids.TABLE, ids.THEME, ids.WANTED)],
            dcc.Store(id=ids.DATASET, data=dataset_id),
            dcc.Store(id=ids.WHOLE, data=views.whole_maps(maps)),
            _bar(dataset, maps, shown, chosen, may_clean=may_clean),
            html.Aside(
                html.Div(panel.hint(), id=ids.NEIGHBOURS),
                className="eob-explore__left",
                **{"aria-label": "Nearest neighbours"},
            ),
            html.Div(
                [
                    the_map,
                    html.Div(nothing, id=ids.NOTHING, className="eob-explore__nothing", hidden=shown is not None),
                ],
                className="eob-explore__stage",
            ),
            _right(findable=len(names) > views.MANY),
            _new_map(kinds, [label.name for label in names]),
        ],
        id=ids.ROOT,
        className="eob-explore",
        **{
            "data-dataset": str(dataset_id),
            "data-mode": chosen,
            "data-may-clean": "1" if may_clean else "",
            "data-view": v if picked is not None and views.parse_view(v) else "",
        },
    )


def _bar(
    dataset: DatasetSummary, maps: list[EmbeddingInfo], shown: EmbeddingInfo | None, mode: str, *, may_clean: bool
) -> Component:
    choice = dcc.Dropdown(
        id=ids.MAPS,
        options=views.map_options(maps),
        value=shown.id if shown else None,
        clearable=False,
        searchable=False,
        placeholder="No map yet",
        className="eob-explore__maps",
    )
    back = button(
        "All patches", id=ids.BACK, look="small", icon_name="left", hidden=True, title="Back to the map of all patches"
    )
    undo = icon_button("Undo my last change (Ctrl+Z)", "undo", look="quiet", **{"data-explore": "undo"})
    new_map = opener("New map", ids.NEW_DIALOG, look="quiet small", icon_name="plus")
    return html.Div(
        [
            html.H1(f"Explore {dataset.name}", className="eob-hide"),
            back,
            choice,
            *([new_map] if may_clean else []),
            *([simulated_mark()] if dataset.simulated else []),
            html.Span(className="eob-grow"),
            _goto(),
            _modes(mode, may_clean=may_clean),
            *([undo] if may_clean else []),
        ],
        className="eob-explore__bar",
        role="toolbar",
        **{"aria-label": "Map tools"},
    )


def _goto() -> Component:
    box = text_input(ids.GOTO, placeholder="Patch number or path", type="search", n_submit=0)
    name = html.Span("Go to patch", className="eob-hide")
    return html.Label([icon("search"), name, box], className="eob-explore__goto")


def _modes(chosen: str, *, may_clean: bool) -> Component:
    options = [{"label": "Visualise", "value": "visualise"}]
    options += [{"label": "Clean", "value": "clean"}] if may_clean else []
    look = {} if may_clean else {"display": "none"}  # who may not clean has nothing to switch
    return dcc.RadioItems(
        id=ids.MODE, options=options, value=chosen, inline=True, className="eob-explore__modes", style=look
    )


def _right(*, findable: bool) -> Component:
    chart = dcc.Graph(id=ids.CHART, config={"displayModeBar": False}, className="eob-explore__chart")
    kinds = dcc.RadioItems(
        id=ids.CHART_KIND,
        options=[{"label": "Bars", "value": "bar"}, {"label": "Ring", "value": "pie"}],
        value="bar",
        inline=True,
        className="eob-explore__modes",
    )
    return html.Aside(
        [
            html.Div(
                [html.H2("Groups"), button("Show all", look="quiet small", **{"data-explore": "all"})],
                className="eob-explore__head",
            ),
            html.Div(
                text_input(ids.FIND, placeholder="Find a group", type="search"),
                hidden=not findable,
                className="eob-explore__find",
            ),
            html.Div(id=ids.GROUPS, className="eob-explore__groups"),
            html.Div([html.H2("Patches per label"), kinds], className="eob-explore__head"),
            chart,
        ],
        className="eob-explore__right",
        **{"aria-label": "Groups"},
    )


def _new_map(kinds: list[FeatureSetInfo], names: list[str]) -> Component:
    methods = [{"label": text, "value": name} for name, text in views.METHODS.items()]
    groups = [{"label": "All patches", "value": ""}, *({"label": name, "value": name} for name in names)]
    return dialog(
        ids.NEW_DIALOG,
        "New map",
        [
            field("Method", dcc.Dropdown(id=ids.METHOD, options=methods, value="umap", clearable=False)),
            field(
                "Features",
                dcc.Dropdown(
                    id=ids.FEATURE, options=views.kind_options(kinds), value=views.default_kind(kinds), clearable=False
                ),
            ),
            field("Patches", dcc.Dropdown(id=ids.GROUP, options=groups, value="", clearable=False)),
            html.P(
                "A map is a view; neighbours and distances are always those of the features.", className="eob-muted"
            ),
            html.Div(button("Compute", id=ids.COMPUTE, look="primary", **{"data-eob-close": ""}), className="eob-row"),
        ],
        small=True,
    )
