"""The explore page without a browser: what its pieces say, and what its callbacks answer behind the real gate."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lakes import Lakes, add_crew, add_lakes
from sqlalchemy import func, select
from verified import add_features, add_map

from eobench_dash import web
from eobench_dash.db.models import Assignment, Job
from eobench_dash.domain.jobs import JobInfo, JobKind, JobState
from eobench_dash.domain.labels import NO_LABEL, LabelInfo
from eobench_dash.domain.patches import EmbeddingInfo, FeatureSetInfo, Neighbour, PatchInfo
from eobench_dash.pages.explore import ids, link, new_map, panel, views
from eobench_dash.services import datasets
from eobench_dash.services.embeddings import embedding_methods
from eobench_dash.services.workspace import Workspace

MIX = "eob-explore__mix"
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
    assert link.parse_view(text) is None


def test_a_view_is_read() -> None:
    assert link.parse_view("1.5,-2e-3,4") == {"x": 1.5, "y": -0.002, "k": 4.0}


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
    (row,) = [c for part in shown for c in [part, *part._traverse()] if getattr(c, "className", "") == MIX]
    mix = [part.children for part in row.children]
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

        def fill(items: list[dict[str, str]]) -> list[Any]:
            """Values by "id.property"; of a pattern, as many as ``values`` holds under its text."""
            return [
                [{"id": i, "property": one["property"], "value": v} for i, v in values.get(one["id"], {}).items()]
                if one["id"].startswith("{")
                else {**one, "value": values.get(f"{one['id']}.{one['property']}")}
                for one in items
            ]

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
    builder, reader = page(ask, lakes, "ben", "?mode=clean"), page(ask, lakes, "rob", "?mode=clean")
    assert '"data-mode":"clean"' in builder and "Undo my last change" in builder and '"data-why-not":""' in builder
    assert '"data-mode":"visualise"' in reader and '"mode":"visualise"' in reader
    assert "Undo my last change" not in reader and '"value":"clean"' not in reader and '"data-why-not":""' in reader


def test_an_expert_without_an_assignment_is_told_before_not_after(ask: Any, lakes: Lakes) -> None:
    shown = page(ask, lakes, "eva", "?mode=clean")
    (clean,) = [p for p in pieces(json.loads(shown)) if p.get("value") == "clean" and "disabled" in p]
    assert clean["disabled"] and "Ask a builder for an assignment" in clean["title"]
    assert '"data-mode":"visualise"' in shown and '"data-may-clean":""' in shown
    with lakes.ws.db.write() as session:
        session.add(Assignment(user_id=lakes.who["eva"].user_id, dataset_id=lakes.id, label_id=None))
    shown = page(ask, lakes, "eva", "?mode=clean")
    assert '"data-mode":"clean"' in shown and '"data-may-clean":"1"' in shown and '"disabled":false' in shown


@pytest.mark.parametrize("search", ["?map=999&patch=-1&v=x", "?patch=99999999999999", "?patch=12&map=a", "?v=1,2,nan"])
def test_a_link_that_says_nonsense_opens_the_page_all_the_same(ask: Any, lakes: Lakes, search: str) -> None:
    shown = page(ask, lakes, "rob", search)
    the_map = json.loads(shown)["response"]["shell-page"]["children"]
    (stage,) = [c for c in the_map["props"]["children"] if c["props"].get("className") == "eob-explore__stage"]
    props = stage["props"]["children"]["props"]["children"][0]["props"]["children"][0]["props"]
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


class Id(dict):  # type: ignore[type-arg]
    """The id of a field of a pattern, which can be a key."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


def asked_for(lakes: Lakes, **typed: str) -> dict[str, Any]:
    fields = {Id(ids.param("umap", name)): text for name, text in {"n_neighbors": "15", "spread": "", **typed}.items()}
    fields[Id(ids.param("tsne", "perplexity"))] = "nonsense that is not meant"
    pattern = '{"method":["ALL"],"name":["ALL"],"type":"explore-param"}'
    return {
        f"{ids.COMPUTE}.n_clicks": 1, f"{ids.METHOD}.value": "umap", f"{ids.DATASET}.data": lakes.id, pattern: fields,
    }  # fmt: skip


def test_a_reader_starts_no_map(ask: Any, lakes: Lakes) -> None:
    answer = ask("rob", f"{ids.WANTED}.data", asked_for(lakes), f"{ids.COMPUTE}.n_clicks").get_data(as_text=True)
    assert "you need the role expert" in answer
    started = ask("eva", f"{ids.WANTED}.data", asked_for(lakes), f"{ids.COMPUTE}.n_clicks").get_json()["response"]
    assert started[ids.WANTED]["data"] == 1 and started[ids.NEW_STATE]["data"]["open"] is None


def test_parameters_reach_the_job_and_bad_ones_are_told(ask: Any, lakes: Lakes) -> None:
    asked = lambda **typed: ask(  # noqa: E731
        "eva", f"{ids.WANTED}.data", asked_for(lakes, **typed), f"{ids.COMPUTE}.n_clicks"
    ).get_data(as_text=True)
    assert "Neighbours (n_neighbors) must be a whole number from 2 to 200, not '1.5'" in asked(n_neighbors="1.5")
    assert "Closest distance (min_dist) must be a number" in asked(min_dist="1,5")
    assert "cannot be larger than Spread" in asked(min_dist="2")
    with lakes.ws.db.read() as session:
        assert session.scalar(select(func.count(Job.id))) == 0
    asked(n_neighbors=" 5 ", min_dist="0.3")
    with lakes.ws.db.read() as session:
        (job,) = session.scalars(select(Job))
        assert (job.args["params"]["n_neighbors"], job.args["params"]["min_dist"]) == (5, 0.3)


def test_every_parameter_has_a_field_with_its_words() -> None:
    shown = words(new_map.fields([a_feature_set("all")], ["River"]))
    for method in embedding_methods():
        for param in method.params:
            assert json.dumps(ids.param(method.name, param.name))[1:-1] in shown, param.name
            assert json.dumps(param.help) in shown and json.dumps(f"{param.default:g}") in shown


# -- links -------------------------------------------------------------------------------------------------------------
def read(maps: Any = (), may_clean: bool = True, **query: str) -> link.Link:
    return link.read_link(query, maps=maps, patch_count=12, may_clean=may_clean)


def test_a_link_says_maps_colours_views_groups_and_tab() -> None:
    maps = [an_embedding(4, "River"), an_embedding(3), an_embedding(2)]
    asked = read(maps, map="4", map2="2", colour="cluster-12", colour2="honesty", v="1,2,3", v2="0,0,9", mode="clean",
                 patch="11", hide="3,1,65535,3", tab="history")  # fmt: skip
    assert (asked.map.id, asked.map2.id, asked.colour, asked.colour2) == (4, 2, "cluster-12", "honesty")
    assert asked.v == {"x": 1.0, "y": 2.0, "k": 3.0} and asked.v2["k"] == 9.0
    assert (asked.mode, asked.patch, asked.hide, asked.tab) == ("clean", 11, (1, 3, 65535), "history")


def test_what_a_link_says_wrongly_is_left_out() -> None:
    asked = read([an_embedding(4, "River"), an_embedding(3)], map="9", map2="x", colour="<b>", colour2="A", v="a",
                 patch="12", hide="1,-2,a,65536,99999,", tab="secrets", mode="edit")  # fmt: skip
    assert (asked.map.id, asked.map2, asked.colour, asked.colour2, asked.v) == (3, None, "label", "label", None)
    assert (asked.patch, asked.hide, asked.tab, asked.mode) == (None, (1,), "labels", "visualise")
    assert read(mode="clean", may_clean=False).mode == "visualise" and read().map is None
    assert len(read(hide=",".join(map(str, range(9000)))).hide) == link.MAX_HIDDEN


@given(st.dictionaries(st.sampled_from([*link.Link.__dataclass_fields__, "sel"]), st.text(max_size=40)))
def test_no_link_breaks_the_page(query: dict[str, str]) -> None:
    read([an_embedding(1)], **query)


def test_maps_of_other_parameters_are_told_apart() -> None:
    usual = {p.name: p.default for p in embedding_methods()[0].params}
    a, b = (
        EmbeddingInfo(i, "umap", "all", None, None, 5, {}, {**usual, **more, "seed": 42}, NOW, "key")
        for i, more in enumerate([{}, {"n_neighbors": 50, "negatives": 9}])
    )
    assert views.map_name(a) == "All patches · UMAP on all"
    assert views.map_name(b) == "All patches · UMAP on all · Neighbours 50 · Pushes per pull 9"
    assert "Neighbours 15, Closest distance 0.1." in words(views.quality_note(a))
    assert "Pushes per pull 9" in words(views.quality_note(b))


def test_the_note_on_a_map_says_how_far_to_trust_it() -> None:
    assert views.quality_note(None) == []
    good = words(views.quality_note(an_embedding(1, trustworthiness=0.976, knn_preservation=0.256)))
    assert "Trust 0.98" in good and "0.976" in good and "26% of the nearest neighbours kept" in good
    assert "icon--alert" not in good and "Colour by map honesty" in good
    assert "icon--alert" in words(views.quality_note(an_embedding(1, trustworthiness=0.7)))
    assert "Trust not measured" in words(views.quality_note(an_embedding(1)))


def test_a_link_with_two_maps_opens_both(ask: Any, lakes: Lakes) -> None:
    shown = page(ask, lakes, "rob", "?map2=1&colour=agreement&colour2=none&tab=charts")
    assert '"data-split":"1"' in shown and shown.replace("\\u002f", "/").count("/embeddings/1.bin") == 2
    assert '"colourBy":"agreement"' in shown and '"colourBy":"none"' in shown
    # Attributes come in any order: whichever piece says that it is the switch has to say that it is pressed.
    told = [piece for piece in pieces(json.loads(shown)) if piece.get("data-do") == "split" and "aria-pressed" in piece]
    assert [piece["aria-pressed"] for piece in told] == ["true"]
    assert '"data-split":""' in page(ask, lakes, "rob")


def pieces(node):
    """Every dictionary in what a callback answered."""
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from pieces(part)
