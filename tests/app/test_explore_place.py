"""The panel of the explore page: where a patch lies in its product, and by which features its neighbours are near."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakes import Lakes, add_crew, add_lakes
from sqlalchemy import select

from eobench_dash.db.models import Embedding, FeatureSet, Label
from eobench_dash.domain.ingesting import FLAGS, LIMITABLE, flag_words, worst_flag
from eobench_dash.domain.patches import PatchInfo, WindowInfo
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.pages.explore import link, panel, place
from eobench_dash.services import datasets
from eobench_dash.services.neighbours import neighbour_kinds, neighbours
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.features import FeatureWriter

WINDOW = WindowInfo(
    product_id=7, row=1920, col=64, size=64, parent=3, crs="EPSG:32632", metres=(640.0, 640.2),
    sensed_at=datetime(2017, 6, 13, 10, 10, 31, tzinfo=UTC), corners=None,
    flags={"nodata": 0.0, "black_edge": 0.001, "blur": 0.3, "cloud": 0.43, "overlap": 0.0}, duplicate_of=11,
    worst="Cloud 0.43",
)  # fmt: skip
PATCH = PatchInfo(
    dataset_id=1, ordinal=12, path="a.tif#xywh=64,1920,64,64", label=None, label_code=65535, color="",
    imported_label=None, further_labels=(), lon=11.123456, lat=48.2, unsure=False, excluded=False, last_event=None,
    product="<img src=x onerror=alert(1)>", window=WINDOW,
)  # fmt: skip


def pieces(component: Any) -> list[Any]:
    return [p for p in (component, *component._traverse()) if not isinstance(p, str)]


def rows(patch: PatchInfo) -> dict[str, list[Any]]:
    (box,) = place.details(patch)
    lines = [p for p in pieces(box) if p.__class__.__name__ == "Div"]
    return {line.children[0].children: line.children[1].children for line in lines}


# -- place and quality -------------------------------------------------------------------------------------------------
def test_where_a_window_lies_and_how_good_it_is() -> None:
    told = rows(PATCH)
    assert list(told) == [
        "Product", "Taken (UTC)", "Size", "Lon, lat", "CRS", "Row, column", "Parent", "Repeats", "Flags"
    ]  # fmt: skip
    assert told["Product"][0].children == PATCH.product, "a name is text, whatever it holds"
    assert told["Taken (UTC)"] == ["2017-06-13 10:10:31"] and told["Size"] == ["64 × 64 px, 640 m"]
    assert told["CRS"] == ["EPSG:32632"] and told["Row, column"] == ["1,920, 64"]
    words, copy = told["Lon, lat"]
    assert words.children == "11.12346, 48.20000" == copy.to_plotly_json()["props"]["data-place"]
    shown = [told[name][0].to_plotly_json()["props"] for name in ("Parent", "Repeats")]
    assert [(one["data-show"], one["children"]) for one in shown] == [("3", "Patch 3"), ("11", "Patch 11")]
    chips = [(chip.children, "--warn" in chip.className) for chip in told["Flags"][0].children]
    assert chips == [("Black edge <0.01", False), ("Cloud 0.43", True), ("Blur 0.30", False)]


def test_what_is_not_known_is_not_told() -> None:
    bare = replace(WINDOW, parent=None, crs=None, metres=None, sensed_at=None, flags={"nodata": 0.0}, duplicate_of=None)
    told = rows(replace(PATCH, lon=None, lat=None, product=None, window=bare))
    assert told == {
        "Size": ["64 × 64 px"],
        "CRS": ["not a map"],
        "Row, column": ["1,920, 64"],
        "Flags": ["all zero"],
    }
    assert place.details(replace(PATCH, window=None)) == []
    assert place.size_words(replace(WINDOW, metres=(640.0, 1280.0))) == "64 × 64 px, 640 × 1,280 m"


def test_the_worst_flag_is_the_one_furthest_beyond_notable() -> None:
    assert worst_flag({"blur": 0.65, "cloud": 0.3, "overlap": 1.0}) == "Cloud 0.30"
    assert worst_flag({"blur": 0.9, "cloud": 0.3}) == "Blur 0.90"
    assert worst_flag({"blur": 0.6, "nodata": 0.1, "overlap": 1.0}) == ""
    assert worst_flag({"duplicate": 0.001}) == "Duplicate <0.01"


@given(st.dictionaries(st.sampled_from(list(FLAGS)), st.floats(0, 1)))
def test_a_flag_is_worst_exactly_when_one_is_notable(flags: dict[str, float]) -> None:
    notable = {flag_words(n, v) for n, v in flags.items() if n in LIMITABLE and v > FLAGS[n].notable}
    assert worst_flag(flags) in (notable or {""})


# -- by which features -------------------------------------------------------------------------------------------------
@pytest.fixture
def lakes(workspace: Workspace) -> Lakes:
    """Twelve patches in a row, and the same ones in another order."""
    made = add_lakes(workspace, add_crew(workspace), name="Near")
    shuffled = np.random.default_rng(1).permutation(12)
    for n, (kind, order) in enumerate((("all", np.arange(12)), ("gabor", shuffled))):
        with FeatureWriter(workspace.store.feature_dir(made.id, f"f{n}"), dim=1) as writer:
            writer.append(order[:, None].astype(np.float32))
            writer.commit()
        add_set(made, kind=kind, dim=1, folder=f"f{n}")
    return made


def add_set(lakes: Lakes, **columns: Any) -> None:
    with lakes.ws.db.write() as session:
        row = {"dataset_id": lakes.id, "rows": 12, "fingerprint": columns["folder"] * 20, **columns}
        session.add(FeatureSet(**row))


def test_kinds_to_choose_from_begin_with_the_usual_one(workspace: Workspace, lakes: Lakes) -> None:
    assert neighbour_kinds(workspace, lakes.who["rob"], dataset_id=lakes.id) == ["all", "gabor"]
    bare = add_lakes(workspace, lakes.who, name="Bare")
    assert neighbour_kinds(workspace, lakes.who["rob"], dataset_id=bare.id) == []
    with pytest.raises(NotFound):
        neighbour_kinds(workspace, lakes.who["rob"], dataset_id=lakes.id + 99)


def test_without_all_the_usual_one_is_that_of_the_newest_map_of_all_patches(workspace: Workspace) -> None:
    made = add_lakes(workspace, add_crew(workspace), name="Several")
    for n, kind in enumerate(("glcm", "gabor", "shape")):
        add_set(made, kind=kind, dim=1, folder=f"f{n}")

    def usual() -> str:
        first, *others = neighbour_kinds(workspace, made.who["rob"], dataset_id=made.id)
        assert others == sorted({"glcm", "gabor", "shape"} - {first})
        return first

    def add_map(kind: str, **more: Any) -> None:
        with workspace.db.write() as session:
            of = select(FeatureSet.id).where(FeatureSet.dataset_id == made.id, FeatureSet.kind == kind)
            session.add(
                Embedding(
                    dataset_id=made.id, feature_set_id=session.scalar(of), method="pca", key=f"{kind}{more}",
                    rows=12, artefact="a", **more,
                )
            )  # fmt: skip

    assert usual() == "glcm", "described first, of which a map is being made"
    add_map("gabor")
    assert usual() == "gabor"
    with workspace.db.read() as session:
        label = session.scalars(select(Label.id).where(Label.dataset_id == made.id)).first()
    add_map("shape", label_id=label)
    assert usual() == "gabor", "a group's map is not where one begins"
    add_map("shape")
    assert usual() == "shape"
    add_set(made, kind="all", dim=1, folder="f3")
    assert neighbour_kinds(workspace, made.who["rob"], dataset_id=made.id)[0] == "all"


def switch(shown: list[Any]) -> list[tuple[str, bool]]:
    """What the switch offers as (what is asked for, is it chosen)."""
    buttons = [p.to_plotly_json()["props"] for part in shown for p in pieces(part)]
    return [(b["data-near"], "aria-current" in b) for b in buttons if "data-near" in b]


def order(shown: list[Any]) -> list[int]:
    props = [p.to_plotly_json()["props"] for part in shown for p in pieces(part)]
    return [int(p["data-ordinal"]) for p in props if "data-ordinal" in p]


@pytest.fixture
def of_patch(workspace: Workspace, lakes: Lakes, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The panel of patch 4, as rob asks for it."""
    monkeypatch.setattr(panel, "asking", lambda: (workspace, lakes.who["rob"]))
    dataset = datasets.get_dataset(workspace, lakes.who["rob"], dataset_id=lakes.id)
    return lambda near: panel.of_patch(dataset, 4, near=near)


def test_neighbours_are_those_of_the_features_chosen(workspace: Workspace, lakes: Lakes, of_patch: Any) -> None:
    def expected(kind: str) -> list[int]:
        found = neighbours(workspace, lakes.who["rob"], dataset_id=lakes.id, ordinal=4, k=20, feature=kind)
        return [n.ordinal for n in found]

    assert order(of_patch(None)) == expected("all") != expected("gabor") == order(of_patch("gabor"))
    assert switch(of_patch(None)) == [("", True), ("gabor", False)]
    assert switch(of_patch("gabor")) == [("", False), ("gabor", True)]
    assert order(of_patch("<b>")) == expected("all"), "what is not there is as if nothing had been said"


def test_with_one_feature_set_there_is_no_switch(workspace: Workspace, lakes: Lakes) -> None:
    dataset = datasets.get_dataset(workspace, lakes.who["rob"], dataset_id=lakes.id)
    found = neighbours(workspace, lakes.who["rob"], dataset_id=lakes.id, ordinal=4, k=3)
    assert switch(panel.neighbours(dataset, PATCH, found, kinds=["all"])) == []


def test_too_many_to_search_is_told_beside_the_patch(workspace: Workspace, lakes: Lakes, of_patch: Any) -> None:
    add_set(lakes, kind="vast", dim=10**8, folder="f9")
    with pytest.raises(BadInput, match="by vast have not been computed yet, and 12 patches are too many"):
        neighbours(workspace, lakes.who["rob"], dataset_id=lakes.id, ordinal=4, feature="vast")
    shown = of_patch("vast")
    text = json.dumps(shown, default=lambda o: o.to_plotly_json())
    assert "too many" in text and "Patch 4" in text and order(shown) == []
    assert switch(shown) == [("", False), ("gabor", False), ("vast", True)], "the way back is there"


def test_a_link_says_the_features_that_are_there() -> None:
    def near(value: str) -> str | None:
        query = {"near": value}
        return link.read_link(query, maps=[], patch_count=1, may_clean=False, kinds={"all", "gabor"}).near

    assert near("gabor") == "gabor" and near("nonsense") is None and near("") is None
