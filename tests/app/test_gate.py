"""The gate: who gets through to which route. On a small app of its own, and on every route of the real one."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from dash import Dash, Input, Output, html
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule as UrlRule

from eobench_dash import auth
from eobench_dash.auth.rules import FRAMEWORK_ROUTES, Rule, rule_of
from eobench_dash.errors import EOBenchError
from eobench_dash.routes import auth as auth_routes
from eobench_dash.routes import health as health_routes
from eobench_dash.services.workspace import Workspace

HTML = {"Accept": "text/html,application/xhtml+xml"}


def small_app(ws: Workspace) -> Dash:
    """An application of one Dash page and one route of each rule."""
    server = Flask("small", static_folder=None)
    server.extensions["eobench"] = ws
    auth.install(server, settings=ws.settings, db=ws.db)
    app = Dash("small", server=server, suppress_callback_exceptions=True)
    app.layout = html.Div([html.Button(id="b"), html.Div(id="o")])

    @app.callback(Output("o", "children"), Input("b", "n_clicks"), prevent_initial_call=True)
    def who_is_it(clicks: int) -> str:
        return auth.current_principal().name

    app.clientside_callback("function(n) { return n; }", Output("o", "title"), Input("b", "n_clicks"))
    for stated in Rule:
        view = auth.rule(stated.value)(lambda: f"hello {auth.current_principal().name}")
        server.add_url_rule(f"/x/{stated.value}", f"x_{stated.value}", view, methods=["GET", "POST"])
    for routes in (auth_routes, health_routes):
        server.register_blueprint(routes.blueprint)
    auth.seal(app)
    return app


@pytest.fixture
def client(workspace: Workspace, people) -> FlaskClient:
    return small_app(workspace).server.test_client()


CALLBACK = {
    "output": "o.children",
    "outputs": {"id": "o", "property": "children"},
    "inputs": [{"id": "b", "property": "n_clicks", "value": 1}],
    "changedPropIds": ["b.n_clicks"],
}


def test_anonymous_people_get_nothing_of_dash(client: FlaskClient) -> None:
    for path in ("/_dash-layout", "/_dash-dependencies", "/_reload-hash"):
        answer = client.get(path, headers=HTML)
        assert answer.status_code == 401, path
        assert answer.json == {"error": "Log in first."}
    assert client.post("/_dash-update-component", json=CALLBACK).status_code == 401


def test_pages_send_anonymous_people_to_the_form_and_back(client: FlaskClient, log_in) -> None:
    answer = client.get("/explore/3?view=clean&x=%2F", headers=HTML)
    assert answer.status_code == 302
    assert answer.location == "/auth/login?next=%2Fexplore%2F3%3Fview%3Dclean%26x%3D%252F"
    page = client.get(answer.location).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
    onwards = re.search(r'name="next"[^>]*value="([^"]+)"', page)[1].replace("&amp;", "&")
    answer = client.post(
        "/auth/login", data={"csrf_token": token, "next": onwards, "name": "ada", "password": "correct horse battery"}
    )
    assert (answer.status_code, answer.location) == (303, "/explore/3?view=clean&x=%2F")
    assert client.get(answer.location).status_code == 200


def test_what_asks_for_data_gets_401_and_no_redirect(client: FlaskClient) -> None:
    assert client.get("/x/reader").status_code == 401
    assert client.get("/x/reader", headers={"Sec-Fetch-Mode": "cors", **HTML}).status_code == 401
    assert client.get("/x/reader", headers={"Sec-Fetch-Mode": "navigate"}).status_code == 302


@pytest.mark.parametrize(
    ("name", "open_to_them"),
    [
        (None, {"public"}),
        ("rob", {"public", "reader", "member"}),
        ("eva", {"public", "reader", "member"}),
        ("ben", {"public", "reader", "member", "builder"}),
        ("ada", {"public", "reader", "member", "builder", "admin"}),
    ],
)
def test_each_rule_lets_in_whom_it_names(client: FlaskClient, log_in, name: str | None, open_to_them: set[str]) -> None:
    if name:
        log_in(client, name)
    let_in = {stated.value for stated in Rule if client.get(f"/x/{stated.value}").status_code == 200}
    assert let_in == open_to_them
    refused = 403 if name else 401
    assert all(client.get(f"/x/{s.value}").status_code == refused for s in Rule if s.value not in open_to_them)


def test_with_public_on_anonymous_people_are_readers_and_nothing_else(
    make_workspace: Callable[..., Workspace],
) -> None:
    client = small_app(make_workspace(public=True)).server.test_client()
    let_in = {stated.value for stated in Rule if client.get(f"/x/{stated.value}").status_code == 200}
    assert let_in == {"public", "reader"}
    assert client.get("/_dash-layout").status_code == 200
    answer = client.post("/_dash-update-component", json=CALLBACK)
    assert json.loads(answer.data)["response"]["o"]["children"] == "anonymous"


def test_callbacks_know_who_asks(client: FlaskClient, log_in) -> None:
    log_in(client, "eva")
    answer = client.post("/_dash-update-component", json=CALLBACK)
    assert json.loads(answer.data)["response"]["o"]["children"] == "eva"


def test_a_route_without_a_rule_stops_the_start_and_answers_nobody(workspace: Workspace, people, log_in) -> None:
    app = small_app(workspace)
    server = app.server
    server.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    with pytest.raises(EOBenchError, match="/forgotten"):
        auth.seal(app)
    answer = log_in(server.test_client(), "ada").get("/forgotten")
    assert answer.status_code == 500
    assert b"secret" not in answer.data


def test_other_sites_change_nothing(client: FlaskClient, log_in) -> None:
    cases = [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
        ({"Origin": "http://localhost"}, True),
        ({"Origin": "http://localhost:81"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "https://evil.example/http://localhost"}, False),
        ({"Origin": "null"}, False),
    ]
    for headers, passes in cases:
        if client.get("/auth/login").status_code == 200:  # the last case has logged out
            log_in(client, "ada")
        for path, body in (("/x/member", None), ("/_dash-update-component", CALLBACK)):
            assert client.post(path, json=body, headers=headers).status_code == (200 if passes else 403), headers
        assert client.get("/x/member", headers=headers).status_code == 200  # looking changes nothing
        assert client.post("/auth/logout", headers=headers).status_code == (303 if passes else 403), headers


def test_security_headers_are_on_every_answer(client: FlaskClient, log_in) -> None:
    for path in ("/auth/login", "/health", "/x/reader", "/_dash-layout", "/nothing-here"):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe-eval" not in policy, path
        script = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert "unsafe-inline" not in script and "*" not in script
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in headers


def test_the_policy_allows_each_inline_script_of_the_page_by_its_hash(client: FlaskClient, log_in) -> None:
    import base64
    import hashlib

    answer = log_in(client, "ada").get("/")
    page = re.sub(r"<!--.*?-->", "", answer.get_data(as_text=True), flags=re.S)
    inline = re.findall(r"<script(?![^>]*\ssrc=)([^>]*)>(.*?)</script>", page, re.S)
    run = [text for attributes, text in inline if "application/json" not in attributes]
    assert run, "Dash's renderer is started by an inline script"
    for text in run:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"], text[:80]


def test_files_of_the_program_are_served_without_asking_the_database(workspace: Workspace) -> None:
    client = small_app(workspace).server.test_client()
    workspace.db.dispose()
    asked: list[str] = []
    from sqlalchemy import event

    event.listen(workspace.db.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    client.set_cookie("eobench", "nonsense")
    assert client.get("/_dash-component-suites/dash/deps/react@18.v0_0_0m0.js").status_code in (200, 404, 500)
    assert client.get("/_favicon.ico").status_code == 200
    assert asked == []


def test_requests_have_an_id_of_ours_or_a_harmless_one_of_theirs(client: FlaskClient) -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", client.get("/health").headers["X-Request-ID"])
    assert client.get("/health", headers={"X-Request-ID": "abc-12345"}).headers["X-Request-ID"] == "abc-12345"
    odd = client.get("/health", headers={"X-Request-ID": "<script>alert(1)</script>"})
    assert re.fullmatch(r"[0-9a-f]{16}", odd.headers["X-Request-ID"])


def test_the_access_log_holds_no_query_and_no_line_of_somebody_elses(client: FlaskClient, caplog) -> None:
    with caplog.at_level("INFO", "eobench_dash.access"):
        client.get("/x/reader%0A2026 forged line?token=HUNTER2")
    assert [record.getMessage() for record in caplog.records] == ["GET /x/reader%0A2026%20forged%20line 401"]


def test_health_tells_its_state_to_everybody_and_503_without_its_database(workspace: Workspace, monkeypatch) -> None:
    from sqlalchemy.exc import OperationalError

    client = small_app(workspace).server.test_client()
    assert client.get("/health").json == {"status": "ok", "database": True, "worker_seen_s": None}
    (workspace.settings.home / "worker.seen").touch()
    assert client.get("/health").json["worker_seen_s"] < 60

    def refuse(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(type(workspace.db), "read", refuse)
    answer = client.get("/health")
    assert (answer.status_code, answer.json["status"]) == (503, "unfit")


# -- the real application -------------------------------------------------------------------------------------------


def addresses(server: Flask) -> Iterator[tuple[UrlRule, str, str]]:
    """Every route of the application with each of its methods and an address that leads to it."""
    adapter = server.url_map.bind("localhost")
    for route in server.url_map.iter_rules():
        filled = {name: _value(converter) for name, converter in route._converters.items()}
        address = adapter.build(route.endpoint, filled, method=next(iter(route.methods - {"OPTIONS", "HEAD"})))
        for method in sorted(route.methods - {"OPTIONS"}):
            yield route, method, address


def _value(converter: object) -> object:
    return 1 if type(converter).__name__ in ("IntegerConverter", "FloatConverter") else "x"


@pytest.mark.parametrize("public", [False, True])
def test_every_route_of_the_application_keeps_anonymous_people_to_its_rule(
    make_workspace: Callable[..., Workspace], public: bool
) -> None:
    from eobench_dash.web import create_app

    workspace = make_workspace(public=public)
    server = create_app(workspace.settings, ws=workspace).server
    walked = 0
    for route, method, address in addresses(server):
        stated = rule_of(server, route)
        answer = server.test_client().open(address, method=method, headers=HTML)
        closed = answer.status_code == 401 or (answer.status_code == 302 and answer.location.startswith("/auth/login"))
        must_be_closed = stated is not Rule.PUBLIC and not (public and stated is Rule.READER)
        if must_be_closed:
            assert closed, f"{method} {address} answered {answer.status_code} to an anonymous request"
        elif stated is Rule.PUBLIC:
            assert not closed, f"{method} {address} is public, and answered {answer.status_code}"
        walked += 1
    assert walked > 20


def test_the_applications_own_routes_are_open_only_where_expected(make_workspace: Callable[..., Workspace]) -> None:
    from eobench_dash.web import create_app

    workspace = make_workspace()
    server = create_app(workspace.settings, ws=workspace).server
    opened = {r.rule for r in server.url_map.iter_rules() if rule_of(server, r) is Rule.PUBLIC} - set(FRAMEWORK_ROUTES)
    expected = {"/auth/login", "/auth/logout", "/health", "/program/<name>"}
    assert opened <= expected, "a new public route: is it really for everybody?"


def test_what_a_page_of_somebody_else_asks_for_is_refused(client: FlaskClient, people, log_in) -> None:
    log_in(client, "eva")
    own, other = str(people.expert.user_id), str(people.admin.user_id)
    for path, more in (("/x/reader", {}), ("/_dash-update-component", {"json": CALLBACK})):
        assert client.post(path, headers={"X-EOBench-Opened-By": own}, **more).status_code == 200
        for wrong in (other, "nobody", "x' --"):
            answer = client.post(path, headers={"X-EOBench-Opened-By": wrong}, **more)
            assert answer.status_code == 412
            assert "you are logged in as eva" in answer.json["error"] and "reload the page" in answer.json["error"]
    client.post("/auth/logout")
    assert client.post("/x/reader", headers={"X-EOBench-Opened-By": own}).status_code == 401
