"""The explore page without a browser: what its pieces say, and what its callbacks answer behind the real gate."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from lakes import Lakes, add_crew, add_lakes
from plotly.graph_objects import Figure
from verified import add_features, add_map

from eobench_dash import web
from eobench_dash.domain.jobs import JobInfo, JobKind, JobState
from eobench_dash.domain.labels import NO_LABEL, LabelInfo
from eobench_dash.domain.patches import EmbeddingInfo, FeatureSetInfo, Neighbour, PatchInfo
from eobench_dash.figures.labels import label_bar, label_pie
from eobench_dash.pages.explore import ids, panel, views
from eobench_dash.services import datasets
from eobench_dash.services.workspace import Workspace

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def an_embedding(number: int, label: str | None = None, **quality: float) -> EmbeddingInfo:
    return EmbeddingInfo(number, "umap", "all", label, None, 5, quality, {}, NOW, "key")


def a_feature_set(kind: str) -> FeatureSetInfo:
    return FeatureSetInfo(id=1, kind=kind, version=1, dim=128, rows=5, source="", fingerprint="f", created_at=NOW)


def a_job(state: JobState, *, dataset_id: int = 1, kind: JobKind = JobKind.EMBED) -> JobInfo:
    return JobInfo(
        id=5, kind=kind, state=state, title="UMAP map", progress=0.4, message="arranging",
        error="It broke." if state is JobState.FAILED else "",
        dataset_id=dataset_id, owner_id=1, owner="ada", created_at=NOW, started_at=None, finished_at=None,
        cancel_requested=False,
    )  # fmt: skip


def words(component: Any) -> str:
    return json.dumps(component, default=lambda o: o.to_plotly_json())


# -- pieces ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", ["", None, "1,2", "1,2,3,4", "a,b,c", "1,2,0", "1,2,-3", "nan,1,1", "1,inf,1", "1,2,"])
def test_a_view_that_is_none_is_left_out(text: str | None) -> None:
    assert views.parse_view(text) is None


def test_a_view_is_read() -> None:
    assert views.parse_view("1.5,-2e-3,4") == {"x": 1.5, "y": -0.002, "k": 4.0}


def test_maps_of_all_patches_come_first_and_the_newest_is_come_back_to() -> None:
    maps = [an_embedding(1), an_embedding(2, "River"), an_embedding(3, trustworthiness=0.976), an_embedding(4, "Lake")]
    assert [option["value"] for option in views.map_options(maps)] == [3, 1, 4, 2]
    assert views.map_options(maps)[0]["label"] == "All patches · UMAP on all · trust 0.98"
    assert views.map_options(maps)[2]["label"] == "Only Lake · UMAP on all"
    assert views.whole_maps(maps) == [3, 1]


def test_the_usual_features_are_chosen() -> None:
    assert views.default_kind([a_feature_set("gabor"), a_feature_set("all")]) == "all"
    assert views.default_kind([a_feature_set("gabor")]) == "gabor"
    assert views.default_kind([]) is None


def test_groups_are_the_largest_first_and_thousands_are_not_all_listed() -> None:
    labels = [LabelInfo(code, f"Label {code}", "#123456", "", code) for code in range(1000)]
    rows = views.groups(labels, unlabelled=7, may_clean=True)
    assert len(rows) == views.LISTED + 2
    assert rows[0].children[0].to_plotly_json()["props"]["data-name"] == "Label 999"
    assert rows[views.LISTED].children[0].to_plotly_json()["props"]["data-code"] == str(NO_LABEL)
    assert "of 1,000" in rows[-1].children
    assert len(views.label_rows(labels)) == 1000 and views.label_rows(labels)[0] == [999, "Label 999", "#123456", 999]
    assert "explore-zoom" not in words(views.groups(labels, unlabelled=0, may_clean=False))


@pytest.mark.parametrize(
    ("jobs", "kinds", "said"),
    [
        ([], [], "No features yet"),
        ([], ["all"], "No map yet"),
        ([a_job(JobState.RUNNING)], ["all"], "on its way"),
        ([a_job(JobState.QUEUED, kind=JobKind.FEATURES)], [], "on its way"),
        ([a_job(JobState.FAILED)], ["all"], "could not be made"),
        ([a_job(JobState.FAILED, dataset_id=2)], ["all"], "No map yet"),
        ([a_job(JobState.FAILED, kind=JobKind.VERIFY)], ["all"], "No map yet"),
        ([a_job(JobState.DONE), a_job(JobState.FAILED)], ["all"], "No map yet"),
    ],
)
def test_what_stands_in_the_maps_place(jobs: list[JobInfo], kinds: list[str], said: str) -> None:
    shown = words(views.nothing([a_feature_set(k) for k in kinds], jobs, 1, may_clean=True))
    assert said in shown
    assert ("It broke." in shown) == ("could not" in said) and ("arranging" in shown) == (
        jobs[:1] == [a_job(JobState.RUNNING)]
    )


def test_a_reader_is_offered_nothing_to_start() -> None:
    for kinds in ([], [a_feature_set("all")]):
        assert "eob-button" not in words(views.nothing(kinds, [a_job(JobState.FAILED)], 2, may_clean=False))


@pytest.mark.parametrize("draw", [label_bar, label_pie])
def test_charts_fit_the_panel_and_keep_what_a_click_tells(draw: Any) -> None:
    labels = [LabelInfo(3, "River", "#123456", "", 5), LabelInfo(4, "Lake", "#654321", "", 2)]
    figure: Figure = views.fit_chart(draw(labels, unlabelled=1))
    assert [list(code) for code in figure.data[0].customdata] == [[3], [4], [NO_LABEL]]
    assert views.fit_chart(draw([])) is not None


# -- the panel ---------------------------------------------------------------------------------------------------------
def test_the_panel_marks_clashes_and_counts_the_neighbours_labels(workspace: Workspace) -> None:
    lakes = add_lakes(workspace, add_crew(workspace), name="L")
    dataset = datasets.get_dataset(workspace, lakes.who["rob"], dataset_id=lakes.id)
    patch = PatchInfo(
        dataset_id=lakes.id, ordinal=3, path="River/<b>3.png", label="River", label_code=0, color="#111111",
        imported_label="Lake", further_labels=(), lon=11.5, lat=48.25, unsure=True, excluded=False, last_event=None,
    )  # fmt: skip
    names = ["River"] * 2 + ["Lake"] * 4 + ["Sea"] + [None] + ["Moor"]
    found = [
        Neighbour(rank=i, ordinal=i, distance=i / 10, code=0, label=name, color="", path="p")
        for i, name in enumerate(names, start=1)
    ]
    shown = panel.neighbours(dataset, patch, found)
    text = words(shown)
    assert text.count("neighbour--clash") == 7 and "was Lake" in text and "unsure" in text and "48.2500" in text
    mix = [part.children for part in shown[2].children]
    assert [(p[0].children, p[2].children) for p in mix[:3]] == [("2", "River"), ("4", "Lake"), ("1", "Sea")]
    assert mix[3] == "2 of others"
    assert f"v={int(dataset.created_at.timestamp())}" in text


# -- behind the gate ---------------------------------------------------------------------------------------------------
@pytest.fixture
def lakes(workspace: Workspace) -> Lakes:
    made = add_lakes(workspace, add_crew(workspace))
    add_map(workspace, made.id, add_features(workspace, made.id))
    return made


@pytest.fixture
def ask(workspace: Workspace, lakes: Lakes) -> Any:
    """ask(who, output, values, changed): run the callback whose output is named, as the browser would."""
    app = web.create_app(workspace.settings, ws=workspace)

    def run(name: str, output: str, values: dict[str, Any], changed: str) -> Any:
        client = app.server.test_client()
        who = lakes.who[name]
        with client.session_transaction() as session:
            session.update(
                {"_user_id": f"{who.user_id}:0", "_fresh": True, "key": who.session_key, "renewed": time.time()}
            )
        spec = next(
            c
            for c in app._callback_list
            if output in c["output"] and any(f"{i['id']}.{i['property']}" == changed for i in c["inputs"])
        )
        parts = [p.split("@")[0].rsplit(".", 1) for p in spec["output"].strip(".").split("...")]
        outputs = [{"id": i, "property": p} for i, p in parts]
        fill = lambda items: [{**i, "value": values.get(f"{i['id']}.{i['property']}")} for i in items]  # noqa: E731
        body = {
            "output": spec["output"], "outputs": outputs if len(outputs) > 1 else outputs[0],
            "inputs": fill(spec["inputs"]), "state": fill(spec["state"]), "changedPropIds": [changed],
        }  # fmt: skip
        return client.post("/_dash-update-component", json=body)

    return run


def page(ask: Any, lakes: Lakes, who: str, search: str = "") -> str:
    path = f"/explore/{lakes.id}"
    values = {"shell-location.pathname": path, "shell-location.search": search}
    return ask(who, "shell-page.children", values, "shell-location.pathname").get_data(as_text=True)


def test_who_may_not_clean_gets_no_tools_for_it(ask: Any, lakes: Lakes) -> None:
    expert, reader = page(ask, lakes, "eva", "?mode=clean"), page(ask, lakes, "rob", "?mode=clean")
    assert '"data-mode":"clean"' in expert and "Undo my last change" in expert
    assert '"data-mode":"visualise"' in reader and '"mode":"visualise"' in reader
    assert "Undo my last change" not in reader and '"value":"clean"' not in reader


@pytest.mark.parametrize("search", ["?map=999&patch=-1&v=x", "?patch=99999999999999", "?patch=12&map=a", "?v=1,2,nan"])
def test_a_link_that_says_nonsense_opens_the_page_all_the_same(ask: Any, lakes: Lakes, search: str) -> None:
    shown = page(ask, lakes, "rob", search)
    the_map = json.loads(shown)["response"]["shell-page"]["children"]
    (stage,) = [c for c in the_map["props"]["children"] if c["props"].get("className") == "eob-explore__stage"]
    props = stage["props"]["children"][0]["props"]
    assert props["coordsUrl"].endswith("/embeddings/1.bin") and not props.get("focus") and not props.get("view")


def test_a_link_to_a_patch_marks_it(ask: Any, lakes: Lakes) -> None:
    shown = page(ask, lakes, "rob", "?patch=7&v=1,2,3")
    assert '"ordinal":7' in shown and '"data-view":"1,2,3"' in shown


def test_groups_and_the_menus_labels_come_together(ask: Any, lakes: Lakes) -> None:
    values = {f"{ids.DATASET}.data": lakes.id}
    answer = ask("rob", f"{ids.GROUPS}.children", values, f"{ids.TICK}.data").get_json()["response"]
    assert [row[1] for row in answer[ids.TABLE]["data"]] == ["River", "Lake", "Sea"]
    assert len(answer[ids.GROUPS]["children"]) == 4  # and the patch without label
    assert [label["name"] for label in answer[ids.MAP]["labels"]] == ["River", "Lake", "Sea"]


def test_a_reader_starts_no_map(ask: Any, lakes: Lakes) -> None:
    values = {f"{ids.COMPUTE}.n_clicks": 1, f"{ids.METHOD}.value": "umap", f"{ids.DATASET}.data": lakes.id}
    answer = ask("rob", f"{ids.WANTED}.data", values, f"{ids.COMPUTE}.n_clicks").get_data(as_text=True)
    assert "you need the role expert" in answer
    started = ask("eva", f"{ids.WANTED}.data", values, f"{ids.COMPUTE}.n_clicks").get_json()["response"]
    assert started[ids.WANTED]["data"] == 1
