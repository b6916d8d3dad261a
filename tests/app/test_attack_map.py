"""The map's routes under attack: wrong people, other datasets' numbers, odd and huge input, on the real application."""

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest
from flask.testing import FlaskClient
from lakes import Lakes, add_crew, add_lakes
from structured import add_structured, blobs

from eobench_dash.db.models import ClusterSet, Dataset, Embedding, User
from eobench_dash.domain.clusters import Cluster
from eobench_dash.routes.bodies import MAX_BODY
from eobench_dash.services import annotate, selections
from eobench_dash.store.arrays import save_array, save_arrays
from eobench_dash.web import create_app

Client = Callable[[str | None], FlaskClient]
ROUTES = ("columns?map={map}", "clusters", "clusters/{set}", "clusters/{set}/members/0", "advice", "selections/{sel}",
          "members?person=-1", "batches/{batch}", "looks")  # fmt: skip
BYTES = ("columns/imported.bin", "columns/cluster-{set}.bin", "columns/honesty.bin?map={map}", "embeddings/{map}.bin",
         "embeddings/{map}/sheets.bin", "embeddings/{map}/sheets/64/0.jpg")  # fmt: skip


@pytest.fixture
def lakes(make_workspace) -> Lakes:
    """60 patches in two clusters with a map of them; a public dataset ``Open`` beside it. The server is public."""
    ws = make_workspace(public=True)
    crew = add_crew(ws)
    x, truth = blobs((40, 20))
    made = add_structured(ws, crew, x=x, label_of=np.zeros(60, int))
    save_array(ws.store.artefact_path(made.id, "c", ".npy"), truth.astype(np.uint16))
    found = [asdict(Cluster(c, f"Part {c}", "#3b7dd8", s)) for c, s in enumerate((40, 20))]
    save_arrays(ws.store.artefact_path(made.id, "m", ".npz"), xy=x[:, :2], honesty=np.ones(60, np.float32))
    with ws.db.write() as session:
        row = ClusterSet(
            dataset_id=made.id, feature_set_id=1, method="gmm", key="k", rows=60, artefact="c", clusters=found,
            created_by=crew["ben"].user_id,
        )  # fmt: skip
        shown = Embedding(dataset_id=made.id, feature_set_id=1, method="umap", key="m", rows=60, artefact="m")
        session.add_all([row, shown])
        session.flush()
        made.set, made.map = row.id, shown.id
    made.batch = annotate.relabel(ws, crew["ben"], dataset_id=made.id, ordinals=[0], label="Sea").batch_id
    made.sel = selections.save_selection(ws, crew["ben"], dataset_id=made.id, ordinals=[1, 2])
    made.other = add_lakes(ws, crew, "Open", public=True)
    return made


@pytest.fixture
def client_of(lakes: Lakes) -> Client:
    server = create_app(lakes.ws.settings, ws=lakes.ws).server

    def make(name: str | None) -> FlaskClient:
        client = server.test_client()
        if name:
            who = lakes.who[name]
            with lakes.ws.db.read() as session:
                epoch = session.get_one(User, who.user_id).session_epoch
            with client.session_transaction() as session:
                session["_user_id"], session["key"] = f"{who.user_id}:{epoch}", who.session_key
        return client

    return make


def paths(lakes: Lakes, dataset_id: int) -> list[str]:
    numbers = {name: getattr(lakes, name) for name in ("set", "map", "sel", "batch")}
    return [f"/api/datasets/{dataset_id}/{path.format(**numbers)}" for path in ROUTES] + [
        f"/data/datasets/{dataset_id}/{path.format(**numbers)}" for path in BYTES
    ]


# -- who may see ------------------------------------------------------------------------------------------------------
def test_a_closed_dataset_tells_readers_without_account_nothing(lakes, client_of) -> None:
    nobody, rob = client_of(None), client_of("rob")
    for path in paths(lakes, lakes.id):
        answer = nobody.get(path)
        assert answer.status_code == 404 and "no dataset" in answer.json["error"], path
        seen = rob.get(path)
        assert seen.status_code == 200 or "without images" in seen.json["error"], path


def test_numbers_of_another_dataset_open_nothing(lakes, client_of) -> None:
    """The closed dataset's sets, maps, steps and selections are not reached through the open one's address."""
    for name in (None, "rob"):
        for path in paths(lakes, lakes.other.id):
            own = path.endswith(("/clusters", "/advice", "/looks", "imported.bin", "person=-1"))
            assert client_of(name).get(path).status_code == (200 if own else 404), (name, path)


@pytest.mark.parametrize("name", [None, "rob", "eva"])
def test_who_may_not_write_does_not(lakes, client_of, name) -> None:
    """Anonymous: 401; a reader: 403; an expert without assignment changes no label and removes nobody's clusters."""
    at, client = f"/api/datasets/{lakes.id}", client_of(name)
    asked = [
        ("POST", f"{at}/clusters/{lakes.set}/split-off", {"cluster": 1, "label": "Creek"}),
        ("DELETE", f"{at}/clusters/{lakes.set}", None),
        ("POST", f"{at}/relabel", {"ordinals": [1], "label": "Sea"}),
        ("POST", f"{at}/mark", {"ordinals": [1], "unsure": True}),
        ("POST", f"{at}/undo", {"batch": lakes.batch}),
        ("POST", f"{at}/redo", {}),
    ]
    if name != "eva":
        asked += [
            ("POST", f"{at}/clusters/{lakes.set}/rename", {"cluster": 1, "name": "Creek"}),
            ("POST", f"{at}/clusters", {}),
            ("POST", f"{at}/advice", {}),
        ]
    for method, path, body in asked:
        answer = client.open(path, method=method, json=body)
        assert answer.status_code == (403 if name else 401), (path, answer.json)
    assert lakes.labels() == ["Sea"] + ["River"] * 59


def test_a_request_of_another_site_is_refused_whatever_its_method(lakes, client_of) -> None:
    answer = client_of("ben").delete(
        f"/api/datasets/{lakes.id}/clusters/{lakes.set}", headers={"Origin": "https://elsewhere.test"}
    )
    assert answer.status_code == 403 and "another site" in answer.json["error"]


def test_names_of_people_are_told_only_of_those_who_worked_on_it(lakes, client_of) -> None:
    at = f"/api/datasets/{lakes.id}/members?person="
    ben, ada = lakes.who["ben"].user_id, lakes.who["ada"].user_id
    assert client_of("rob").get(f"{at}{ben}").json["words"] == "changed by lake-ben"
    assert client_of("rob").get(f"{at}{ada}").status_code == 404, "ada's log-in name is no business of a reader"
    with lakes.ws.db.write() as session:
        session.get_one(Dataset, lakes.id).public = True
    for person in (ben, ada, 0, 99):
        answer = client_of(None).get(f"{at}{person}")
        assert answer.status_code == 403 and "lake-" not in answer.get_data(as_text=True)
    for path in ("columns/annotator.bin", "columns/imported.bin"):
        assert b"lake-" not in client_of(None).get(f"/data/datasets/{lakes.id}/{path}").data
    for path in paths(lakes, lakes.id):
        assert b"lake-" not in client_of(None).get(path).data, path
    for what in ("labels", "changes", "time", "people", f"clusters.csv?set={lakes.set}"):
        address = f"/download/datasets/{lakes.id}/charts/{what}" + ("" if "?" in what else ".csv")
        answer = client_of(None).get(address)
        assert answer.status_code == 200 and b"lake-" not in answer.data, address


# -- odd input --------------------------------------------------------------------------------------------------------
ODD = ["\0", "a\0b", "\u202e", "x" * 5001, "'; DROP TABLE patch; --", "", " ", "森", "../../etc/passwd", "%00"]
NUMBERS = [-1, 2**31, 2**32, 2**63, 2**64, 10**40, 1.5, True, None, "1", [], {}]


def test_odd_text_and_numbers_are_refused_by_a_sentence(lakes, client_of) -> None:
    ben, at = client_of("ben"), f"/api/datasets/{lakes.id}"
    bodies: list[tuple[str, dict]] = []
    for text in ODD:
        bodies += [
            ("/clusters", {"label": text}), ("/clusters", {"feature": text}), ("/clusters", {"method": text}),
            ("/advice", {"feature": text}),
            (f"/clusters/{lakes.set}/rename", {"cluster": 0, "name": text}),
            (f"/clusters/{lakes.set}/split-off", {"cluster": 0, "label": text, "create": False}),
            (f"/clusters/{lakes.set}/split-off", {"cluster": 9, "label": "Sea", "why": text}),
            ("/relabel", {"ordinals": [1], "label": text}),
            ("/mark", {"ordinals": [1], "unsure": False, "why": text}),
        ]  # fmt: skip
    for number in NUMBERS:
        bodies += [
            ("/clusters", {"k": number, "method": "kmeans"}), ("/clusters", {"min_size": number, "method": "hdbscan"}),
            ("/clusters", {"seed": number}), ("/advice", {"seed": number}),
            (f"/clusters/{lakes.set}/rename", {"cluster": number, "name": "Z"}),
            (f"/clusters/{lakes.set}/split-off", {"cluster": number, "label": "Z"}),
            ("/relabel", {"ordinals": [number], "label": "Sea"}), ("/relabel", {"ordinals": number, "label": "Sea"}),
            ("/relabel", {"ordinals": [1], "label": "River", "seen": number}),
            ("/selections", {"ordinals": [number]}), ("/selections", {"ordinals": number}),
            ("/undo", {"batch": number}),
        ]  # fmt: skip
    for path, body in bodies:
        answer = ben.post(at + path, json=body)
        assert answer.status_code in (200, 400, 404, 409), (path, body, answer.status_code)
        assert answer.status_code == 200 or len(answer.json["error"]) > 10, (path, body)


def test_odd_questions_about_members(lakes, client_of) -> None:
    times = ["9999-12-31", "9999-12-31T23", "0001-01-01", "0000-01-01", "2026-02-30", "2026-01-01T24", "2026-01-01%00",
             "%D9%A2%D9%A0%D9%A2%D9%A6-01-01", "8999-12-31T23", "2026-01-01&person="]  # fmt: skip
    others = ["before=0", "before=65535&after=65535", "before=65536&after=0", "person=2147483648", "person=1&person=2"]
    rob = client_of("rob")
    for query in [f"time={time}" for time in times] + others + [""]:
        answer = rob.get(f"/api/datasets/{lakes.id}/members?{query}")
        assert answer.status_code in (200, 400, 404) and answer.is_json, (query, answer.get_data(as_text=True))


WRONG = {
    "wrong items": b'{"label":"a","ordinals":[' + b'"",' * 300_000 + b"1]}",
    "wrong fields": b"{" + b",".join(b'"%x":0' % i for i in range(90_000)) + b"}",
    "deep": b'{"ordinals":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "a long number": b'{"ordinals":[' + b"9" * 500_000 + b"]}",
    "NaN": b'{"ordinals":[NaN]}',
    "half a character": b'{"ordinals":[1],"label":"\\ud800"}',
    "no text": b'{"ordinals":[1],"label":"\xff"}',
    "a list": b"[]",
    "nothing": b"",
}


def test_a_body_that_is_wrong_a_million_times_is_refused_for_the_first(lakes, client_of) -> None:
    client = client_of("ben")
    for what, raw in WRONG.items():
        tracemalloc.start()
        answer = client.post(f"/api/datasets/{lakes.id}/relabel", data=raw, content_type="application/json")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answer.status_code == 400 and 10 < len(answer.json["error"]) < 600, (what, answer.json)
        assert peak < 24 * len(raw) + 2**20, f"{what}: complaints about each item would take {peak >> 20} MiB"
    answer = client.post(
        f"/api/datasets/{lakes.id}/selections", data=WRONG["wrong items"], content_type="application/json"
    )
    assert answer.status_code == 400


def test_a_body_that_is_too_large_is_not_read(lakes, client_of) -> None:
    for path, limit in (("relabel", MAX_BODY), ("clusters", MAX_BODY), ("selections", 12 * 2**20)):
        answer = client_of("ben").post(
            f"/api/datasets/{lakes.id}/{path}", data=b"[" + b" " * limit, content_type="application/json"
        )
        assert answer.status_code == 413 and answer.json["error"], path


# -- what a browser keeps ---------------------------------------------------------------------------------------------
def test_nothing_of_one_person_s_is_given_to_another_by_an_etag(lakes, client_of) -> None:
    with lakes.ws.db.write() as session:
        session.get_one(Dataset, lakes.id).public = True
    address = f"/data/datasets/{lakes.id}/columns/annotator.bin"
    named = client_of("rob").get(address)
    unnamed = client_of(None).get(address, headers={"If-None-Match": named.headers["ETag"]})
    assert unnamed.status_code == 200 and b"lake-" not in unnamed.data and b"lake-ben" in named.data
    for path in paths(lakes, lakes.id):
        told = client_of("rob").get(path).headers.get("Cache-Control", "")
        assert "public" not in told, path
    with lakes.ws.db.write() as session:
        session.get_one(Dataset, lakes.id).public = False
    again = client_of(None).get(address, headers={"If-None-Match": unnamed.headers["ETag"]})
    assert again.status_code == 404, "a dataset that was closed is not said to be unchanged"


def test_a_column_that_is_not_there_is_not_found_whatever_the_browser_holds(lakes, client_of) -> None:
    answer = client_of("rob").get(f"/data/datasets/{lakes.id}/columns/nothing.bin", headers={"If-None-Match": "*"})
    assert answer.status_code == 404


def test_a_renamed_label_changes_the_title_of_its_clusters(lakes, client_of) -> None:
    from eobench_dash.services import labels

    with lakes.ws.db.write() as session:
        row = session.get_one(ClusterSet, lakes.set)
        row.label_id = annotate.named_label(session, session.get_one(Dataset, lakes.id), "River", create=False).id
    address = f"/data/datasets/{lakes.id}/columns/cluster-{lakes.set}.bin"
    before = client_of("rob").get(address)
    labels.rename_label(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, code=0, name="Stream")
    after = client_of("rob").get(address, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200 and b"Stream" in after.data and b"River" not in after.data


def test_lost_files_are_said_to_be_lost(lakes, client_of) -> None:
    for name in ("c.npy", "m.npz"):
        (lakes.ws.settings.home / "datasets" / str(lakes.id) / "artefacts" / name).unlink()
    rob = client_of("rob")
    for path in (f"/api/datasets/{lakes.id}/clusters/{lakes.set}/members/0",
                 f"/data/datasets/{lakes.id}/columns/cluster-{lakes.set}.bin",
                 f"/data/datasets/{lakes.id}/columns/honesty.bin?map={lakes.map}",
                 f"/data/datasets/{lakes.id}/embeddings/{lakes.map}.bin",
                 f"/download/datasets/{lakes.id}/charts/clusters.csv?set={lakes.set}"):  # fmt: skip
        answer = rob.get(path)
        assert answer.status_code == 404 and "\\" not in answer.json["error"], (path, answer.status_code)
        assert str(lakes.ws.settings.home) not in answer.json["error"]
    assert rob.get(f"/api/datasets/{lakes.id}/columns?map={lakes.map}").status_code == 200
    split = client_of("ben").post(
        f"/api/datasets/{lakes.id}/clusters/{lakes.set}/split-off", json={"cluster": 0, "label": "Sea"}
    )
    assert split.status_code == 404 and json.loads(split.data)["error"]
