"""The log-in form, the session it begins, and how it ends. On both databases."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from eobench_dash import auth
from eobench_dash.routes import auth as routes
from eobench_dash.routes.auth import safe_next
from eobench_dash.services import users
from eobench_dash.services.workspace import Workspace

PASSWORD = "correct horse battery"


def server(ws: Workspace) -> Flask:
    app = Flask("login", static_folder=None)
    app.extensions["eobench"] = ws
    auth.install(app, settings=ws.settings, db=ws.db)
    app.register_blueprint(routes.blueprint)
    app.add_url_rule("/me", "me", auth.rule("member")(lambda: f"{auth.current_principal()!r}"))
    return app


@pytest.fixture
def client(workspace: Workspace, people) -> FlaskClient:
    return server(workspace).test_client()


def submit(client: FlaskClient, path: str = "/auth/login", *, token: str | None = None, **fields: str) -> TestResponse:
    page = client.get(path).get_data(as_text=True)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    data = {"csrf_token": token if token is not None else found[1] if found else "", **fields}
    return client.post(path, data=data)


def test_logging_in_and_out(client: FlaskClient) -> None:
    answer = submit(client, name="eva", password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/")
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("eobench="))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert "name='eva'" in client.get("/me").get_data(as_text=True)
    assert client.get("/auth/login?next=/verify/3").location == "/verify/3"
    assert client.post("/auth/logout").location == "/auth/login"
    assert client.get("/me").status_code == 401
    assert "logged out" in client.get("/auth/login").get_data(as_text=True)


def test_a_wrong_password_says_so_and_keeps_the_name_but_never_the_password(client: FlaskClient) -> None:
    answer = submit(client, name='eva"><script>', password="HUNTER2")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 401
    assert users.WRONG in page
    assert "eva&#34;&gt;&lt;script&gt;" in page
    assert "HUNTER2" not in page


def test_the_form_needs_its_token(client: FlaskClient) -> None:
    for token in ("", "nonsense"):
        assert submit(client, token=token, name="eva", password=PASSWORD).status_code == 400
    assert client.get("/me").status_code == 401


def test_the_sixth_try_is_429_with_a_sentence_and_when_to_come_back(client: FlaskClient) -> None:
    for _ in range(5):
        assert submit(client, name="eva", password="wrong").status_code == 401
    answer = submit(client, name="eva", password=PASSWORD)
    assert answer.status_code == 429
    assert "Too many failed log-ins. Wait 15 minutes" in answer.get_data(as_text=True)
    assert int(answer.headers["Retry-After"]) == 900


def test_the_session_before_the_log_in_is_not_the_one_after(client: FlaskClient) -> None:
    client.get("/auth/login")
    before = client.get_cookie("eobench").value
    submit(client, name="eva", password=PASSWORD)
    with client.session_transaction() as session:
        first = session["key"]
        assert "csrf_token" not in session
    assert client.get_cookie("eobench").value != before
    client.post("/auth/logout")
    submit(client, name="eva", password=PASSWORD)
    with client.session_transaction() as session:
        assert session["key"] != first


def test_two_browsers_of_one_user_have_different_keys(workspace: Workspace, people) -> None:
    app = server(workspace)
    keys = set()
    for _ in range(2):
        browser = app.test_client()
        submit(browser, name="eva", password=PASSWORD)
        keys.add(re.search(r"session_key='(\w+)'", browser.get("/me").get_data(as_text=True))[1])
    assert len(keys) == 2


def test_a_changed_password_ends_other_log_ins_but_not_this_one(workspace: Workspace, people) -> None:
    app = server(workspace)
    here, elsewhere = app.test_client(), app.test_client()
    for browser in (here, elsewhere):
        submit(browser, name="eva", password=PASSWORD)
    fields = {"current": PASSWORD, "new": "another good one", "again": "another good one"}
    assert submit(here, "/auth/password", **(fields | {"again": "a different one"})).status_code == 400
    wrong = submit(here, "/auth/password", **(fields | {"current": "wrong"}))
    assert "The current password is wrong." in wrong.get_data(as_text=True)
    assert submit(here, "/auth/password", **(fields | {"new": "short", "again": "short"})).status_code == 400
    assert elsewhere.get("/me").status_code == 200
    answer = submit(here, "/auth/password", **fields)
    assert (answer.status_code, "is changed" in answer.get_data(as_text=True)) == (200, True)
    assert here.get("/me").status_code == 200
    assert elsewhere.get("/me").status_code == 401
    assert submit(elsewhere, name="eva", password="another good one").status_code == 303


@pytest.mark.parametrize(
    "end",
    [
        lambda ws, people: users.disable_user(ws, people.admin, name="eva"),
        lambda ws, people: users.set_password(ws, people.admin, name="eva", password="another good one"),
    ],
)
def test_what_an_admin_ends_is_over_at_the_next_request(workspace: Workspace, people, end: Callable) -> None:
    client = server(workspace).test_client()
    submit(client, name="eva", password=PASSWORD)
    end(workspace, people)
    assert client.get("/me").status_code == 401


def test_a_changed_role_holds_at_the_next_request(workspace: Workspace, people, client: FlaskClient) -> None:
    submit(client, name="eva", password=PASSWORD)
    users.set_role(workspace, people.admin, name="eva", role=users.Role.READER)
    assert "Role.READER" in client.get("/me").get_data(as_text=True)


def test_a_cookie_of_another_key_or_another_shape_is_worth_nothing(workspace: Workspace, people) -> None:
    app = server(workspace)
    client = app.test_client()
    submit(client, name="eva", password=PASSWORD)
    good = client.get_cookie("eobench").value
    for value in (good[:-3] + "AAA", "nonsense", ""):
        client.set_cookie("eobench", value)
        assert client.get("/me").status_code == 401
    for named in ("1", "1:", ":0", "1:1", "99:0", "-1:0", "1:0:0", "9" * 40 + ":0", "²:0"):
        with client.session_transaction() as session:
            session["_user_id"] = named
        assert client.get("/me").status_code == 401, named


def test_behind_tls_cookies_are_bound_to_this_host_and_https(make_workspace: Callable[..., Workspace]) -> None:
    client = server(make_workspace(secure_cookies=True)).test_client()
    answer = client.get("/auth/login", base_url="https://eo.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-eobench=") and "Secure" in cookie and "Path=/" in cookie and "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_a_huge_form_is_refused(client: FlaskClient) -> None:
    assert submit(client, name="eva", password="x" * 100_000).status_code == 413


@pytest.mark.parametrize(
    "bad",
    [
        None, "", "http://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "/\n/evil.example", "javascript:alert(1)", "explore/3", " /explore", "/explore\x00", "/auth/logout",
        "/" + "x" * 3000,
        "https:evil.example", "///evil.example", "/a\\..\\b",
    ],
)  # fmt: skip
def test_the_way_onwards_stays_on_this_site(bad: str | None) -> None:
    assert safe_next(bad) == "/"


@pytest.mark.parametrize("good", ["/", "/explore/3", "/explore/3?view=clean&q=a%20b#x", "/x?next=//y", "/a//b"])
def test_pages_of_ours_are_kept(good: str) -> None:
    assert safe_next(good) == good


@given(st.text(alphabet="/\\:?#@.%ea \t\n\x00[]", max_size=20))
@example("/%2f/evil")
@example("//[")
def test_no_text_leads_to_another_host(raw: str) -> None:
    from urllib.parse import urljoin, urlsplit

    assert urlsplit(urljoin("http://here.example/auth/login", safe_next(raw))).netloc == "here.example"
