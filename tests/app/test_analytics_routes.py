"""The patches behind charts, and their numbers as CSV, behind the real gate."""

import csv
import io
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lakes import Lakes, add_crew, add_lakes

from eobench_dash import auth
from eobench_dash.errors import EOBenchError
from eobench_dash.routes import analytics
from eobench_dash.services.annotate import relabel
from eobench_dash.services.labels import create_label


@pytest.fixture
def lakes(workspace) -> Lakes:
    made = add_lakes(workspace, add_crew(workspace))
    relabel(workspace, made.who["ben"], dataset_id=made.id, ordinals=[0, 1], label="Sea")
    return made


@pytest.fixture
def client_of(workspace, lakes) -> Callable[[str | None], FlaskClient]:
    """A browser of somebody of the crew (None: nobody is logged in)."""
    server = Flask("eobench_dash", static_folder=None)
    server.extensions["eobench"] = workspace
    auth.install(server, settings=workspace.settings, db=workspace.db)
    server.register_error_handler(EOBenchError, lambda error: (str(error), error.http_status))
    server.register_blueprint(analytics.blueprint)

    def make(name: str | None) -> FlaskClient:
        client = server.test_client()
        if name is not None:
            with client.session_transaction() as session:
                session.update({"_user_id": f"{lakes.who[name].user_id}:0", "_fresh": True, "key": f"s-{name}"})
        return client

    return make


def table(answer) -> list[list[str]]:
    assert answer.status_code == 200 and answer.mimetype == "text/csv", answer.get_data(as_text=True)
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


def test_members_of_moves_people_and_times(lakes, client_of):
    rob = client_of("rob")
    base = f"/api/datasets/{lakes.id}/members"
    moved = rob.get(f"{base}?before=0&after=2").get_json()
    assert moved == {"ordinals": [0, 1], "words": "River → Sea", "more": False}
    assert rob.get(f"{base}?person={lakes.who['ben'].user_id}").get_json()["ordinals"] == [0, 1]
    assert rob.get(f"{base}?person=-1").get_json()["ordinals"] == [0, 1]
    assert rob.get(f"{base}?time=2001-01-01").get_json()["ordinals"] == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400), ("?before=0", 400), ("?before=0&after=x", 400), ("?before=0&after=70000", 400), ("?person=", 400),
        ("?person=-2", 400), ("?time=now", 400), ("?before=0&after=9", 404), ("?person=4711", 404),
        ("?person=1&before=0&after=2", 400), ("?time=2026-11-23&sql=1", 400),
    ],
)  # fmt: skip
def test_wrong_questions_are_refused(lakes, client_of, query, status):
    assert client_of("rob").get(f"/api/datasets/{lakes.id}/members{query}").status_code == status


def test_tables_hold_all_numbers_and_no_formulas(lakes, client_of):
    ben = lakes.who["ben"]
    create_label(lakes.ws, ben, dataset_id=lakes.id, name="=cmd()")
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[2], label="=cmd()")
    rob = client_of("rob")
    base = f"/download/datasets/{lakes.id}/charts"
    assert table(rob.get(f"{base}/labels.csv"))[1:] == [
        ["River", "2"], ["Lake", "4"], ["Sea", "4"], ["'=cmd()", "1"], ["", "1"],
    ]  # fmt: skip
    changes = table(rob.get(f"{base}/changes.csv"))
    assert changes[0] == ["label at import", "label now", "patches"]
    assert ["River", "Sea", "2"] in changes and ["River", "'=cmd()", "1"] in changes and ["", "", "1"] in changes
    assert table(rob.get(f"{base}/people.csv"))[1:] == [["lake-ben", "2", "3", "0"]]
    ((_, who, steps, patches),) = table(rob.get(f"{base}/time.csv"))[1:]
    assert (who, steps, patches) == ("lake-ben", "2", "3")
    assert rob.get(f"{base}/clusters.csv?set=5").status_code == 404
    assert rob.get(f"{base}/secrets.csv").status_code == 404


def test_nobody_asks_without_a_log_in(lakes, client_of):
    nobody = client_of(None)
    for path in (f"/api/datasets/{lakes.id}/members?person=-1", f"/download/datasets/{lakes.id}/charts/labels.csv"):
        assert nobody.get(path).status_code == 401
