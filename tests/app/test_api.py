"""The JSON and byte routes behind the real gate: what they answer, and what they refuse."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from lakes import Lakes, add_crew, add_lakes
from PIL import Image

from eobench_dash import auth
from eobench_dash.db.models import Dataset, Embedding, FeatureSet
from eobench_dash.domain import wire
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.routes import answers, api, bodies
from eobench_dash.routes import bytes as byte_routes
from eobench_dash.store.arrays import save_arrays
from eobench_dash.store.features import FeatureWriter

RELABEL = {"ordinals": [0, 1], "label": "Sea"}
POSTS = {
    "relabel": RELABEL,
    "mark": {"ordinals": [0], "unsure": True},
    "undo": {},
    "redo": {},
    "labels": {"action": "create", "name": "Pond"},
}
GETS = ("changes", "labels", "patches/0", "find?q=0", "neighbours/0", "suggest?ordinals=0", "undo")
BYTES = ("labels.bin", "embeddings/1.bin", "patches/0/image")


@pytest.fixture
def ws(make_workspace):
    return make_workspace()


@pytest.fixture
def lakes(ws, tmp_path) -> Lakes:
    return add_lakes(ws, add_crew(ws), source_kind="files", root=str(tmp_path / "pictures"))


def serve(ws) -> Flask:
    server = Flask("eobench_dash", static_folder=None)
    server.extensions["eobench"] = ws
    auth.install(server, settings=ws.settings, db=ws.db)
    server.register_blueprint(api.blueprint)
    server.register_blueprint(byte_routes.blueprint)
    return server


@pytest.fixture
def client_of(ws, lakes) -> Callable[..., FlaskClient]:
    """A browser of somebody of the crew (None: nobody is logged in)."""
    server = serve(ws)

    def make(name: str | None, key: str = "") -> FlaskClient:
        client = server.test_client()
        if name is not None:
            with client.session_transaction() as session:
                session["_user_id"] = f"{lakes.who[name].user_id}:0"
                session["_fresh"] = True
                session["key"] = key or f"s-{name}"
        return client

    return make


@pytest.fixture
def ben(client_of) -> FlaskClient:
    return client_of("ben")


def url(lakes: Lakes, path: str) -> str:
    return f"/api/datasets/{lakes.id}/{path}"


def data(lakes: Lakes, path: str) -> str:
    return f"/data/datasets/{lakes.id}/{path}"


# Relabel and undo


def test_relabel_answers_what_changed(lakes, ben):
    answer = ben.post(url(lakes, "relabel"), json={**RELABEL, "why": "tides", "create": False, "seen": 0})
    assert answer.status_code == 200
    told = answer.get_json()
    assert told == {
        "batch": told["batch"], "last": told["last"], "changes": [[0, 2], [1, 2]], "reload": False, "skipped": [],
        "summary": "2 patches River → Sea",
    }  # fmt: skip
    assert lakes.labels()[:2] == ["Sea", "Sea"]
    assert ben.get(url(lakes, "undo")).get_json() == {"undo": "Undo: 2 patches River → Sea", "redo": None}
    assert ben.post(url(lakes, "undo"), json={}).get_json()["changes"] == [[0, 0], [1, 0]]
    assert ben.get(url(lakes, "undo")).get_json() == {"undo": None, "redo": "Redo: 2 patches River → Sea"}
    assert ben.post(url(lakes, "redo"), json={}).get_json()["changes"] == [[0, 2], [1, 2]]
    assert ben.get(url(lakes, f"batches/{told['batch']}")).get_json() == {
        "summary": "2 patches River → Sea", "ordinals": [0, 1],
    }  # fmt: skip
    assert ben.get(url(lakes, "batches/4711")).status_code == 404
    assert ben.post(url(lakes, "undo"), json={}).status_code == 200
    refused = ben.post(url(lakes, "undo"), json={})
    assert (refused.status_code, list(refused.get_json())) == (409, ["error"])


def test_undo_is_per_browser(lakes, client_of):
    one, two = client_of("ben"), client_of("ben", key="another browser")
    batch = one.post(url(lakes, "relabel"), json=RELABEL).get_json()["batch"]
    assert two.post(url(lakes, "undo"), json={}).status_code == 409
    assert two.post(url(lakes, "undo"), json={"batch": batch}).status_code == 200


def test_the_later_of_two_is_told_and_chooses(lakes, client_of):
    ada, ben = client_of("ada"), client_of("ben")
    ben.post(url(lakes, "relabel"), json=RELABEL)
    told = ada.post(url(lakes, "relabel"), json={"ordinals": [1, 2], "label": "Lake", "seen": 0}).get_json()
    assert told["changes"] == [[2, 1]]
    assert told["skipped"] == [{"ordinal": 1, "by": "lake-ben", "label": "Sea"}]
    told = ada.post(url(lakes, "relabel"), json={"ordinals": [1], "label": "Lake", "seen": told["last"]}).get_json()
    assert told["changes"] == [[1, 1]]


def test_marks(lakes, ben):
    told = ben.post(url(lakes, "mark"), json={"ordinals": [0], "unsure": True, "excluded": True, "why": "cloud"})
    assert told.get_json()["summary"] == "1 patch marked unsure and excluded from the benchmark"
    patch = ben.get(url(lakes, "patches/0")).get_json()
    assert (patch["patch"]["unsure"], patch["patch"]["excluded"]) == (True, True)
    assert {(entry["kind"], entry["to_label"]) for entry in patch["history"]} == {
        ("unsure", "unsure"), ("exclude", "excluded"),
    }  # fmt: skip


WRONG = (
    {},
    {"ordinals": [0]},
    {"ordinals": [0], "label": 5},
    {"ordinals": "0", "label": "Sea"},
    {"ordinals": [], "label": "Sea"},
    {"ordinals": [0.5], "label": "Sea"},
    {"ordinals": ["0"], "label": "Sea"},
    {"ordinals": [True], "label": "Sea"},
    {"ordinals": [99], "label": "Sea"},
    {"ordinals": [0, 0], "label": "Sea"},
    {"ordinals": [2**80], "label": "Sea"},
    {"ordinals": [0], "label": "Sea", "source": "import"},
    {"ordinals": [0], "label": "Sea", "seen": -1},
    {"ordinals": [0], "label": "Sea", "create": "yes"},
    {"ordinals": [0], "label": "x" * 121, "create": True},
    {"ordinals": [0], "label": "\0", "create": True},
    {"ordinals": [0], "label": "Sea", "why": "\0"},
    {"ordinals": [0], "label": "Sea", "why": "x" * 2001},
    [],
    None,
)


def test_bodies_that_cannot_be_used_are_refused_with_a_sentence(lakes, ben):
    for wrong in WRONG:
        answer = ben.post(url(lakes, "relabel"), json=wrong)
        assert answer.status_code == 400, wrong
        assert len(answer.get_json()["error"]) > 20
    assert lakes.events() == []


def test_bytes_that_are_no_json_are_refused(lakes, ben):
    surrogate = b'{"ordinals":[0],"label":"Sea","why":"\\ud800"}'
    for raw in (b"", b"{", b"[" * 100_000, b'{"ordinals":[0],"label":"\xff"}', b'{"a":NaN}', surrogate):
        answer = ben.post(url(lakes, "relabel"), data=raw, content_type="application/json")
        assert answer.status_code == 400 and "error" in answer.get_json(), raw[:60]


def test_only_json_is_taken_and_only_so_much(lakes, ben):
    form = ben.post(url(lakes, "relabel"), data={"ordinals": "0", "label": "Sea"})
    assert form.status_code == 400 and "JSON" in form.get_json()["error"]
    large = ben.post(url(lakes, "relabel"), data=b" " * (bodies.MAX_BODY + 1), content_type="application/json")
    assert large.status_code == 413 and "1 MiB" in large.get_json()["error"]


def test_fifty_thousand_ordinals_fit_into_a_request():
    body = json.dumps({"ordinals": list(range(9_950_000, 10_000_000)), "label": "x" * 120, "why": "x" * 2000})
    assert len(body) < bodies.MAX_BODY


def test_a_change_too_large_to_tell_asks_for_a_reload(lakes, ben, monkeypatch):
    monkeypatch.setattr(answers, "MAX_ANSWERED", 3)
    told = ben.post(url(lakes, "labels"), json={"action": "merge", "source": 0, "target": 2}).get_json()
    assert (told["changes"], told["reload"]) == ([], True)


# Who may ask


def test_who_may_change(lakes, client_of):
    for path, body in POSTS.items():
        assert client_of(None).post(url(lakes, path), json=body).status_code == 401
        for name in ("rob", "eva"):  # a reader; an expert without an assignment
            answer = client_of(name).post(url(lakes, path), json=body)
            assert answer.status_code == 403 and answer.get_json()["error"], (path, name)
        crossing = client_of("ben").post(url(lakes, path), json=body, headers={"Sec-Fetch-Site": "cross-site"})
        assert crossing.status_code == 403
    assert lakes.events() == []


def test_anonymous_people_read_nothing(lakes, client_of):
    for path in (*(url(lakes, p) for p in GETS), *(data(lakes, p) for p in BYTES)):
        assert client_of(None).get(path).status_code == 401, path


def test_a_dataset_that_is_not_there(lakes, client_of):
    ada = client_of("ada")
    for missing in (10_000, 2**31 - 1, 2**70):
        lakes.id = missing
        for path in (*(url(lakes, p) for p in GETS), *(data(lakes, p) for p in BYTES)):
            assert ada.get(path).status_code in (404, 405), path


def test_public_datasets_are_open_to_everybody_where_the_operator_says_so(make_workspace):
    ws = make_workspace(public=True)
    crew = add_crew(ws)
    shown, hidden = add_lakes(ws, crew, "Shown", public=True), add_lakes(ws, crew, "Hidden")
    anonymous = serve(ws).test_client()
    for path in ("changes", "labels", "patches/0", "find?q=0", "suggest?ordinals=0"):
        assert anonymous.get(url(shown, path)).status_code == 200
        assert anonymous.get(url(hidden, path)).status_code == 404
    assert anonymous.get(data(shown, "labels.bin")).status_code == 200
    assert anonymous.get(data(hidden, "labels.bin")).status_code == 404
    for path, body in POSTS.items():
        assert anonymous.post(url(shown, path), json=body).status_code == 401


# Following others, labels, patches


def test_changes_follow_the_last_event_seen(lakes, client_of):
    rob, ben = client_of("rob"), client_of("ben")
    none = {"changes": [], "reload": False, "marks": []}
    assert rob.get(url(lakes, "changes")).get_json() == {"last": 0, "revision": 0, **none}
    last = ben.post(url(lakes, "relabel"), json={"ordinals": [3], "label": "Pond", "create": True}).get_json()["last"]
    told = rob.get(url(lakes, "changes?since=0&revision=0")).get_json()
    assert (told["last"], told["changes"], told["revision"]) == (last, [[3, 3]], 1)
    assert [label["name"] for label in told["labels"]] == ["River", "Lake", "Sea", "Pond"]
    told = rob.get(url(lakes, f"changes?since={last}&revision=1")).get_json()
    assert told == {"last": last, "revision": 1, **none}
    ben.post(url(lakes, "mark"), json={"ordinals": [4], "excluded": True})
    assert rob.get(url(lakes, f"changes?since={last}&revision=1")).get_json()["marks"] == [[4, False, True]]


def test_queries_that_are_no_numbers(lakes, ben):
    for query in ("since=x", "since=-1", "since=1.5", "since=99999999999999999999", "since=٣", "revision="):
        answer = ben.get(url(lakes, f"changes?{query}"))
        assert answer.status_code == 400 and "whole number" in answer.get_json()["error"], query


def test_labels_and_their_changes(lakes, ben):
    def change(**body):
        return ben.post(url(lakes, "labels"), json=body)

    made = change(action="create", name="Pond", color="#00FF00").get_json()["label"]
    assert made == {"code": 3, "name": "Pond", "color": "#00ff00", "description": "", "count": 0}
    assert change(action="rename", code=3, name="Pool").get_json()["label"]["name"] == "Pool"
    assert change(action="recolour", code=3, color="#0000ff").get_json()["label"]["color"] == "#0000ff"
    assert change(action="describe", code=3, description="still").get_json()["label"]["description"] == "still"
    assert change(action="merge", source=1, target=3).get_json()["summary"] == "4 patches Lake → Pool"
    told = ben.get(url(lakes, "labels")).get_json()
    assert {label["name"]: label["count"] for label in told["labels"]} == {"River": 5, "Sea": 2, "Pool": 4}
    assert told["revision"] == lakes.dataset().labels_revision == 5
    assert change(action="create", name="RIVER").status_code == 409
    for wrong in (
        {"action": "drop"},
        {"action": "rename", "code": 3},
        {"action": "rename", "code": 65535, "name": "x"},
        {"action": "create", "name": "x", "code": 3},
        {"action": "describe", "code": 0, "description": "\0"},
    ):
        assert change(**wrong).status_code == 400, wrong


def test_names_with_markup_travel_as_text(lakes, ben):
    name = "<img src=x onerror=alert(1)>"
    answer = ben.post(url(lakes, "labels"), json={"action": "create", "name": name})
    assert answer.mimetype == "application/json"
    assert answer.get_json()["label"]["name"] == name


def test_one_patch_with_its_history(lakes, ben):
    ben.post(url(lakes, "relabel"), json={**RELABEL, "why": "tides"})
    told = ben.get(url(lakes, "patches/0")).get_json()
    assert (told["patch"]["label"], told["patch"]["imported_label"]) == ("Sea", "River")
    (entry,) = told["history"]
    assert (entry["who"], entry["from_label"], entry["to_label"], entry["why"]) == ("lake-ben", "River", "Sea", "tides")
    assert entry["at"].endswith("+00:00")
    assert ben.get(url(lakes, "patches/12")).status_code == 404
    assert ben.get(url(lakes, "patches/99999999999")).status_code == 404


def test_find_by_number_and_by_path(lakes, ben):
    assert ben.get(url(lakes, "find?q=7")).get_json() == {"ordinal": 7}
    assert ben.get(url(lakes, "find?q=Lake/6.png")).get_json() == {"ordinal": 6}
    assert ben.get(url(lakes, "find?q=nowhere")).status_code == 404
    assert ben.get(url(lakes, "find?q=%00")).status_code == 400


@pytest.fixture
def features(ws, lakes) -> None:
    """Vectors on a line: the neighbours of patch i are i±1, i±2, …"""
    with ws.db.write() as session:
        row = FeatureSet(dataset_id=lakes.id, kind="all", dim=2, rows=12, folder="line", fingerprint="f" * 64)
        session.add(row)
    with FeatureWriter(ws.store.feature_dir(lakes.id, "line"), 2) as writer:
        writer.append(np.stack([np.arange(12), np.zeros(12)], axis=1).astype(np.float32))
        writer.commit()


def test_neighbours_and_their_votes(lakes, ben, features):
    told = ben.get(url(lakes, "neighbours/0?k=3")).get_json()["neighbours"]
    assert [(n["rank"], n["ordinal"], n["distance"], n["label"]) for n in told] == [
        (1, 1, 1.0, "River"), (2, 2, 2.0, "River"), (3, 3, 3.0, "River"),
    ]  # fmt: skip
    assert ben.get(url(lakes, "neighbours/0?k=0")).status_code == 400
    assert ben.get(url(lakes, "neighbours/0?feature=nope")).status_code == 400
    first, *_ = ben.get(url(lakes, "suggest?ordinals=0")).get_json()["labels"]
    assert (first["name"], first["why"]) == ("Lake", "4 of 10 neighbours")


def test_suggestions_do_without_features(lakes, ben):
    told = ben.get(url(lakes, "suggest?ordinals=0,5")).get_json()["labels"]
    assert [s["name"] for s in told] == ["River", "Lake", "Sea"]
    for wrong in ("", "?ordinals=", "?ordinals=a", "?ordinals=1,", f"?ordinals={'1,' * 500}1", "?ordinals=99"):
        assert ben.get(url(lakes, f"suggest{wrong}")).status_code == 400, wrong


# Bytes


def test_the_label_array_travels_once(lakes, ben):
    answer = ben.get(data(lakes, "labels.bin"))
    codes = wire.unpack_labels(answer.data)
    assert codes.tolist() == [0] * 5 + [1] * 4 + [2] * 2 + [NO_LABEL]
    assert (answer.headers["X-EOBench-Event"], answer.headers["X-EOBench-Labels-Revision"]) == ("0", "0")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    same = ben.get(data(lakes, "labels.bin"), headers={"If-None-Match": answer.headers["ETag"]})
    assert (same.status_code, same.data, same.headers["X-EOBench-Event"]) == (304, b"", "0")
    last = ben.post(url(lakes, "relabel"), json=RELABEL).get_json()["last"]
    newer = ben.get(data(lakes, "labels.bin"), headers={"If-None-Match": answer.headers["ETag"]})
    assert (newer.status_code, newer.headers["X-EOBench-Event"]) == (200, str(last))
    assert wire.unpack_labels(newer.data)[:2].tolist() == [2, 2]


def test_a_dataset_of_a_reused_id_is_another_one(ws, lakes, ben):
    etag = ben.get(data(lakes, "labels.bin")).headers["ETag"]
    with ws.db.write() as session:
        session.get_one(Dataset, lakes.id).created_at += np.timedelta64(1, "s").item()
    assert ben.get(data(lakes, "labels.bin"), headers={"If-None-Match": etag}).status_code == 200


def test_a_map_travels_with_its_etag(ws, lakes, ben, features):
    xy = np.arange(24, dtype=np.float32).reshape(12, 2)
    save_arrays(ws.store.artefact_path(lakes.id, "map1", ".npz"), xy=xy)
    with ws.db.write() as session:
        row = Embedding(dataset_id=lakes.id, feature_set_id=1, method="umap", key="k" * 64, rows=12, artefact="map1")
        session.add(row)
        session.flush()
        path = data(lakes, f"embeddings/{row.id}.bin")
    answer = ben.get(path)
    assert wire.unpack_coords(answer.data).y.tolist() == xy[:, 1].tolist()
    assert ben.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert ben.get(data(lakes, "embeddings/99.bin")).status_code == 404


def test_pictures(lakes, ben, tmp_path):
    folder = tmp_path / "pictures" / "River"
    folder.mkdir(parents=True)
    Image.new("RGB", (8, 8), "teal").save(folder / "0.png")
    answer = ben.get(data(lakes, "patches/0/image"))
    assert (answer.status_code, answer.mimetype, answer.data[:4]) == (200, "image/png", b"\x89PNG")
    assert answer.headers["Cache-Control"] == "private, no-cache"
    etag = answer.headers["ETag"]
    assert ben.get(data(lakes, "patches/0/image"), headers={"If-None-Match": etag}).status_code == 304
    small = ben.get(data(lakes, "patches/0/image?size=64&v=1"))
    assert "immutable" in small.headers["Cache-Control"] and small.mimetype == "image/webp"
    for wrong in ("0", "-1", "x", "5000", "1e2", ""):
        assert ben.get(data(lakes, f"patches/0/image?size={wrong}")).status_code == 400, wrong
    missing = ben.get(data(lakes, "patches/1/image"))
    assert missing.status_code == 404 and missing.headers.get("Cache-Control") != answers.KEEP
    assert ben.get(data(lakes, "patches/12/image")).status_code == 404
