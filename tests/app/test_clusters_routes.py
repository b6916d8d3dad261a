"""The JSON routes of clusters and advice behind the real gate."""

from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from lakes import Lakes, add_crew
from structured import add_structured, blobs

from eobench_dash import auth
from eobench_dash.db.models import ClusterSet
from eobench_dash.routes import clusters as routes
from eobench_dash.store.arrays import save_array


@pytest.fixture
def lakes(workspace) -> Lakes:
    """60 patches in two clusters of 40 and 20, all of them River."""
    x, truth = blobs((40, 20))
    made = add_structured(workspace, add_crew(workspace), x=x, label_of=np.zeros(60, int))
    save_array(workspace.store.artefact_path(made.id, "c", ".npy"), truth.astype(np.uint16))
    found = [{"index": c, "name": f"Part {c}", "color": "#3b7dd8", "size": s} for c, s in enumerate((40, 20))]
    with workspace.db.write() as session:
        session.add(
            ClusterSet(
                dataset_id=made.id, feature_set_id=1, method="gmm", key="k", rows=60, artefact="c", clusters=found
            )
        )
    return made


@pytest.fixture
def client_of(lakes) -> Callable[[str | None], FlaskClient]:
    server = Flask("eobench_dash", static_folder=None)
    server.extensions["eobench"] = lakes.ws
    auth.install(server, settings=lakes.ws.settings, db=lakes.ws.db)
    server.register_blueprint(routes.blueprint)

    def make(name: str | None) -> FlaskClient:
        client = server.test_client()
        if name is not None:
            with client.session_transaction() as session:
                session |= {"_user_id": f"{lakes.who[name].user_id}:0", "_fresh": True, "key": f"s-{name}"}
        return client

    return make


def test_look_name_and_split_off(lakes, client_of) -> None:
    ben, at = client_of("ben"), f"/api/datasets/{lakes.id}"
    [listed] = ben.get(f"{at}/clusters").json["sets"]
    assert listed == ben.get(f"{at}/clusters/1").json["set"] and [c["size"] for c in listed["clusters"]] == [40, 20]
    assert ben.get(f"{at}/clusters/1/members/1").json == {"ordinals": list(range(40, 60))}
    named = ben.post(f"{at}/clusters/1/rename", json={"cluster": 1, "name": "Narrow"}).json["set"]
    assert named["clusters"][1]["name"] == "Narrow"
    answer = ben.post(f"{at}/clusters/1/split-off", json={"cluster": 1, "label": "Creek", "seen": 0}).json
    assert answer["summary"] == "20 patches River → Creek" and len(answer["changes"]) == 20 and not answer["reload"]
    assert lakes.labels()[39:41] == ["River", "Creek"]
    assert ben.delete(f"{at}/clusters/1").json == {} and ben.get(f"{at}/clusters").json == {"sets": []}


def test_jobs_are_started(lakes, client_of) -> None:
    eva, at = client_of("eva"), f"/api/datasets/{lakes.id}"
    assert eva.post(f"{at}/clusters", json={"method": "kmeans", "k": 2}).json == {"job": 1}
    assert eva.post(f"{at}/advice", json={}).json == {"job": 2}
    assert eva.get(f"{at}/advice").json == {"advice": None}


@pytest.mark.parametrize(
    ("who", "method", "path", "sent", "status"),
    [
        (None, "get", "clusters", None, 401),
        ("rob", "post", "clusters", {"k": 2}, 403),
        ("rob", "post", "clusters/1/split-off", {"cluster": 0, "label": "Pond"}, 403),
        ("ben", "post", "clusters", {"k": "2"}, 400),
        ("ben", "post", "clusters", {"k": 2, "more": 1}, 400),
        ("ben", "post", "clusters/1/rename", {"cluster": 5, "name": "X"}, 404),
        ("ben", "get", "clusters/1/members/7", None, 404),
        ("ben", "get", "clusters/99", None, 404),
        ("ben", "post", "clusters/1/rename", {"cluster": 1, "name": "Part 0"}, 409),
    ],
)
def test_refusals_are_sentences(lakes, client_of, who, method, path, sent, status) -> None:
    url = f"/api/datasets/{lakes.id}/{path}"
    client = client_of(who)
    answer = client.get(url) if method == "get" else client.post(url, json=sent)
    assert answer.status_code == status
    assert who is None or " " in answer.json["error"]
