"""The whole application on an empty workspace: pages for each role, errors, ids of layouts and callbacks."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from dash.development.base_component import Component

from eobench_dash import web
from eobench_dash.auth import rule
from eobench_dash.db.models import Dataset, Label, Patch
from eobench_dash.pages import asking
from eobench_dash.pages.explore import later
from eobench_dash.pages.shell import ids as shell_ids
from eobench_dash.pages.shell.layout import shell
from eobench_dash.services import datasets

HTML = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture
def app(workspace, people):
    with workspace.db.write() as session:
        row = Dataset(name="Rivers <b>", state="ready", source_kind="simulated", patch_count=3, simulated=True)
        row.source_params = {"seed": 1, "count": 3, "modality": "optical", "size": 64}
        session.add(row)
        session.flush()
        session.add(Label(dataset_id=row.id, code=0, name="River", color="#3b7dd8"))
        session.flush()
        session.add_all([Patch(dataset_id=row.id, ordinal=i) for i in range(3)])
    return web.create_app(workspace.settings, ws=workspace)


def client_of(app, who):
    client = app.server.test_client()
    if who is not None and not who.anonymous:
        with client.session_transaction() as session:
            session.update(
                {"_user_id": f"{who.user_id}:0", "_fresh": True, "key": who.session_key, "renewed": time.time()}
            )
    return client


def call(client, app, output: str, values: dict[str, object], changed: str):
    """Run the callback whose output is named, as the browser would."""
    spec = next(c for c in app._callback_list if output in c["output"])
    parts = [p.rsplit(".", 1) for p in spec["output"].strip(".").split("...")]
    outputs = [{"id": i, "property": p} for i, p in parts]

    def fill(items):
        return [{**item, "value": values.get(f"{item['id']}.{item['property']}")} for item in items]

    body = {
        "output": spec["output"],
        "outputs": outputs if len(outputs) > 1 else outputs[0],
        "inputs": fill(spec["inputs"]),
        "state": fill(spec["state"]),
        "changedPropIds": [changed],
    }
    return client.post("/_dash-update-component", json=body)


def show(client, app, path: str, search: str = ""):
    values = {"shell-location.pathname": path, "shell-location.search": search}
    return call(client, app, f"{shell_ids.PAGE}.children", values, "shell-location.pathname")


def walk(component) -> Iterator[Component]:
    if isinstance(component, Component):
        yield component
        yield from walk(getattr(component, "children", None))
    elif isinstance(component, (list, tuple)):
        for part in component:
            yield from walk(part)


def ids_in(component) -> set[str]:
    return {part.id for part in walk(component) if isinstance(getattr(part, "id", None), str)}


def made_later(name: str) -> bool:
    """Whether a page's views (what callbacks put in) make the id; test_ids_contract looks at those."""
    folder = Path(web.__file__).parent / "pages" / name.split("-")[0]
    constant = next(
        (line.split(" =")[0] for line in (folder / "ids.py").read_text().splitlines() if f'"{name}"' in line), "?"
    )
    return any(f"ids.{constant}" in path.read_text() for path in folder.glob("*views.py"))


def log_in_here(app, who):
    context = app.server.test_request_context("/")
    context.push()
    from flask import g

    g.eobench_principal = who
    return context


@pytest.mark.parametrize("role", ["admin", "builder", "expert", "reader"])
def test_every_callback_finds_its_ids_in_the_layouts_of_each_role(app, people, role):
    who = getattr(people, role)
    context = log_in_here(app, who)
    try:
        present = ids_in(shell())
        shown = []
        for page in web.PAGES:
            if page.path in ("/admin", "/ingest") and role in ("expert", "reader"):  # they are refused it
                continue
            variables = {"dataset_id": 1} if page.of_dataset else {}
            found = ids_in(page.layout(**variables))
            if page.path.startswith("/explore"):  # what it fills in when it is wanted
                dataset = datasets.get_dataset(*asking(), dataset_id=1)
                found |= ids_in([content(dataset, may_clean=True) for content in later.CONTENT.values()])
            assert not found & present, f"{page.path} uses ids of the shell: {found & present}"
            shown.append(page.path)
            present |= found
    finally:
        context.pop()
    wanted = set()
    for spec in app._callback_list:
        if spec["no_output"]:
            continue
        named = [*spec["inputs"], *spec["state"]]
        wanted |= {item["id"] for item in named if not item["id"].startswith("{")}
        wanted |= {p.rsplit(".", 1)[0] for p in spec["output"].strip(".").split("...") if p and not p.startswith("{")}
    missing = {name for name in wanted - present if not made_later(name)}
    closed = tuple(f"{name}-" for name in ("admin", "ingest") if f"/{name}" not in shown)
    missing = {name for name in missing if not name.startswith(closed)}
    assert not missing


def test_no_id_comes_twice(app, people):
    context = log_in_here(app, people.admin)
    try:
        for page in web.PAGES:
            tree = page.layout(**({"dataset_id": 1} if page.of_dataset else {}))
            names = [json.dumps(part.id) for part in walk(tree) if getattr(part, "id", None) is not None]
            assert len(names) == len(set(names)), page.path
    finally:
        context.pop()


@pytest.mark.parametrize("path", ["/", "/datasets/1", "/admin"])
def test_pages_answer(app, people, path):
    client = client_of(app, people.admin)
    assert client.get(path, headers=HTML).status_code == 200
    answer = show(client, app, path)
    assert answer.status_code == 200
    assert answer.json["response"][shell_ids.META]["data"]["title"] in {
        "Datasets",
        "Labels and settings",
        "People and tasks",
    }


def test_a_dataset_that_is_not_there_is_a_panel_with_a_sentence(app, people):
    answer = show(client_of(app, people.admin), app, "/datasets/99")
    assert "There is no dataset 99" in answer.text
    assert "Nothing is here" in answer.text


def test_what_one_may_not_see_is_a_panel_too(app, people):
    answer = show(client_of(app, people.reader), app, "/admin")
    assert "you need the role builder" in answer.text


def test_an_unknown_address_is_a_true_404(app, people):
    client = client_of(app, people.admin)
    answer = client.get("/no/such/page", headers=HTML)
    assert answer.status_code == 404
    assert "Nothing is here" in answer.text and "<html" in answer.text
    machine = client.get("/no/such/page", headers={"Accept": "application/json"})
    assert machine.status_code == 404
    assert set(machine.json) == {"error"}


def test_errors_of_routes_are_sentences(app, people):
    client = client_of(app, people.admin)
    page = client.get("/download/datasets/1/import-report.csv", headers=HTML)
    assert page.status_code == 404
    assert "not imported from files" in page.text


def test_a_bug_in_a_route_tells_a_reference_and_no_more(app, people, monkeypatch):
    client = client_of(app, people.admin)
    monkeypatch.setitem(app.server.view_functions, "importing.report_csv", rule("reader")(lambda dataset_id: 1 / 0))
    app.server.config["PROPAGATE_EXCEPTIONS"] = False
    page = client.get("/download/datasets/1/import-report.csv", headers=HTML)
    assert page.status_code == 500
    assert "Reference for the log" in page.text and "ZeroDivision" not in page.text


def test_a_refused_action_is_a_toast_and_nothing_else(app, people):
    values = {
        "datasets-delete.n_clicks": 1,
        "datasets-dataset.data": 1,
        "datasets-delete-name.value": "rivers",
    }
    answer = call(client_of(app, people.builder), app, "shell-location.pathname@", values, "datasets-delete.n_clicks")
    toast = answer.json["sideUpdate"]["shell-toast"]["data"]
    assert toast["kind"] == "danger"
    assert toast["text"] == "To delete the dataset type its name exactly: Rivers <b>"


def test_a_reader_cannot_press_what_is_hidden(app, people):
    values = {"datasets-delete.n_clicks": 1, "datasets-dataset.data": 1, "datasets-delete-name.value": "Rivers <b>"}
    answer = call(client_of(app, people.reader), app, "shell-location.pathname@", values, "datasets-delete.n_clicks")
    assert "you need the role builder" in answer.json["sideUpdate"]["shell-toast"]["data"]["text"]


def test_the_way_shows_the_dataset_of_the_address(app, people):
    values = {"shell-location.pathname": "/datasets/1"}
    answer = call(client_of(app, people.admin), app, f"{shell_ids.NAV}.children", values, "shell-location.pathname")
    assert answer.json["response"][shell_ids.LAST_DATASET]["data"] == 1
    assert "Rivers <b>" in str(answer.json)


def test_anonymous_people_are_sent_to_the_log_in(app):
    client = client_of(app, None)
    assert client.get("/", headers=HTML).status_code == 302
    assert client.get("/_dash-layout").status_code == 401
    assert show(client, app, "/").status_code == 401


def test_the_page_holds_no_inline_script_beside_what_the_policy_names(app, people):
    answer = client_of(app, people.admin).get("/", headers=HTML)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-eval" not in policy and "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert answer.text.count("<script>") == 0
    assert "http://" not in answer.text.split("_dash-config")[0]


def test_a_second_application_has_all_callbacks_too(app, workspace):
    again = web.create_app(workspace.settings, ws=workspace)
    assert len(again._callback_list) == len(app._callback_list) > 20
