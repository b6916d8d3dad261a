"""The explore page: neighbours on the left, the map (or two, linked), the tabs on the right."""

import time
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components.embedding_map import EmbeddingMap, label_table
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.labels import LabelInfo
from eobench_dash.domain.patches import EmbeddingInfo
from eobench_dash.domain.people import Role
from eobench_dash.errors import EOBenchError
from eobench_dash.pages import asking
from eobench_dash.pages.explore import bar, ids, later, panel, scene, views
from eobench_dash.pages.explore.link import Link, read_link
from eobench_dash.pages.explore.new_map import new_map
from eobench_dash.pages.explore.right import right
from eobench_dash.services import assignments, datasets, embeddings, features, jobs, labels

TOGETHER = "explore"
"""Maps of equal link share hover, selection, recolouring and filter."""


def layout(*, dataset_id: int, **query: str) -> Component:
    """The page for one dataset; ``query`` is what a link to a view says (``link.Link``)."""
    ws, who = asking()
    dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
    maps = embeddings.list_embeddings(ws, who, dataset_id=dataset_id)
    names = labels.list_labels(ws, who, dataset_id=dataset_id)
    kinds = features.list_feature_sets(ws, who, dataset_id=dataset_id)
    may_clean = who.role.rank >= Role.EXPERT.rank
    why_not = assignments.refusal(ws, who, dataset_id=dataset_id) if may_clean else ""
    cleans = may_clean and not why_not
    described = {f.kind for f in kinds}
    link = read_link(query, maps=maps, patch_count=dataset.patch_count, may_clean=cleans, kinds=described)
    rows = jobs.list_jobs(ws, who, limit=50) if link.map is None else []
    nothing = views.nothing(kinds, rows, dataset_id, may_clean=may_clean)
    picked = link.patch
    return html.Div(
        [
            dcc.Store(id=ids.PICK, data={"ordinal": picked, "n": 0} if picked is not None else None),
            *[dcc.Store(id=name) for name in (ids.TICK, ids.THEME, ids.WANTED, ids.SPLIT)],
            dcc.Store(id=ids.THUMBS, storage_type="local"),
            dcc.Store(id=ids.TAB, data=link.tab),
            dcc.Store(id=ids.NEAR, data=link.near),
            dcc.Store(id=ids.DATASET, data=dataset_id),
            dcc.Store(id=ids.TABLE, data=views.label_rows(names)),
            dcc.Store(id=ids.WHOLE, data=views.whole_maps(maps)),
            bar.bar(dataset, maps, link, may_clean=may_clean, why_not=why_not),
            html.Aside(
                [*panel.trail(), html.Div(_neighbours(dataset, picked, link.near), id=ids.NEIGHBOURS)],
                className="eob-explore__left",
                **{"aria-label": "Nearest neighbours"},
            ),
            _stage(dataset, names, maps, link, nothing),
            right(dataset, names, chosen=link.tab, may_clean=may_clean),
            new_map(later.place("new", dataset, now=link.map is None, may_clean=may_clean)),
        ],
        id=ids.ROOT,
        className="eob-explore",
        **{
            "data-dataset": str(dataset_id),
            "data-image": views.image_url(dataset, "{ordinal}", 96),
            "data-name": dataset.name,
            "data-pictures": "1" if dataset.pictures else "",
            "data-mode": link.mode,
            "data-may-clean": "1" if cleans else "",
            "data-why-not": why_not,
            "data-map": "1" if link.map else "",
            "data-may-save": "" if who.anonymous else "1",
            "data-split": "1" if link.map2 else "",
            # Marking a patch flies to it: explore.js then puts the link's view back.
            "data-view": query.get("v", "") if picked is not None and link.v else "",
        },
    )


def _neighbours(dataset: DatasetSummary, picked: int | None, near: str | None) -> Any:
    if picked is None:
        return panel.hint()
    try:
        return panel.of_patch(dataset, picked, near=near)
    except EOBenchError as error:  # the rest of the page is of use all the same
        return panel.hint(str(error))


def early(*, dataset_id: int, **query: str) -> list[str]:
    """What the first map asks for at once: where the patches lie and how they are labelled."""
    ws, who = asking()
    dataset = datasets.get_dataset(ws, who, dataset_id=dataset_id)
    maps = embeddings.list_embeddings(ws, who, dataset_id=dataset_id)
    shown = read_link(query, maps=maps, patch_count=dataset.patch_count, may_clean=False).map
    return [f"{_on_map(dataset_id, shown)}.bin", _labels_url(dataset_id)] if shown else []


def _stage(
    dataset: DatasetSummary, names: list[LabelInfo], maps: list[EmbeddingInfo], link: Link, nothing: Component
) -> Component:
    picked = link.patch
    first = _map(
        ids.MAP,
        dataset,
        names,
        link,
        link.map,
        colourBy=link.colour,
        view=link.v if picked is None else None,
        focus={"ordinal": picked, "n": time.time_ns() // 10**6} if picked is not None else None,
        title=f"Map of {dataset.name}",
    )
    second = _map(
        ids.MAP2, dataset, names, link, link.map2, colourBy=link.colour2, view=link.v2, title="Second map, linked"
    )
    nowhere = html.Div(nothing, id=ids.NOTHING, className="eob-explore__nothing", hidden=link.map is not None)
    beside = html.Section(
        [bar.second_head(maps, link), html.Div(second, className="eob-explore__pane")],
        className="eob-explore__second",
        **{"aria-label": "Second map"},
    )
    panes = [html.Div([first, nowhere], className="eob-explore__pane"), beside]
    panes += [scene.pane()] if dataset.from_products else []
    return html.Div(html.Div(panes, className="eob-explore__panes"), className="eob-explore__stage")


def _map(
    id: str, dataset: DatasetSummary, names: list[LabelInfo], link: Link, shown: EmbeddingInfo | None, **more: Any
) -> Component:
    base = f"/data/datasets/{dataset.id}"
    on_map = _on_map(dataset.id, shown) if shown else ""
    return EmbeddingMap(
        id=id,
        coordsUrl=f"{on_map}.bin" if shown else None,
        sheetsUrl=f"{on_map}/sheets" if shown and dataset.pictures else None,
        columnsUrl=f"{base}/columns/{{name}}.bin?map={shown.id}" if shown else None,
        labels=label_table(names),
        labelsUrl=_labels_url(dataset.id),
        imageUrl=views.image_url(dataset, "{ordinal}", 256),
        mixUrl=f"{base}/mix.bin" if shown else None,
        looksUrl=f"/api/datasets/{dataset.id}/looks",
        changesUrl=f"/api/datasets/{dataset.id}/changes",
        mode=link.mode,
        hidden=link.hide,
        link=TOGETHER,
        className="eob-explore__map",
        **more,
    )


def _on_map(dataset_id: int, shown: EmbeddingInfo) -> str:
    return f"/data/datasets/{dataset_id}/embeddings/{shown.id}"


def _labels_url(dataset_id: int) -> str:
    return f"/data/datasets/{dataset_id}/labels.bin"
