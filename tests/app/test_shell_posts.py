"""What is posted to Dash's callbacks by nobody's page: refused with a sentence, never a fault of the server."""

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eobench_dash import web
from eobench_dash.pages.shell import ids
from eobench_dash.pages.shell.posts import CALLBACKS


@pytest.fixture
def app(workspace):
    return web.create_app(workspace.settings, ws=workspace)


@pytest.fixture
def client(app, people):
    client = app.server.test_client()
    with client.session_transaction() as session:
        session.update({"_user_id": f"{people.builder.user_id}:0", "key": "k", "renewed": time.time()})
    return client


def a_call(app) -> dict[str, Any]:
    """What the browser sends to draw a page."""
    spec = next(c for c in app._callback_list if f"{ids.PAGE}.children" in c["output"])
    outputs = [
        dict(zip(("id", "property"), p.rsplit(".", 1), strict=True)) for p in spec["output"].strip(".").split("...")
    ]
    values = {"pathname": "/", "search": ""}
    fill = [[{**part, "value": values.get(part["property"])} for part in spec[name]] for name in ("inputs", "state")]
    return {
        "output": spec["output"], "outputs": outputs if len(outputs) > 1 else outputs[0],
        "inputs": fill[0], "state": fill[1], "changedPropIds": [f"{spec['inputs'][0]['id']}.pathname"],
    }  # fmt: skip


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_what_no_page_sends_is_refused_with_a_sentence(app, client) -> None:
    good = a_call(app)
    assert client.post(CALLBACKS, json=good).status_code == 200
    for body in (b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"output": 3}', b"\xff\xfe"):
        answer = client.post(CALLBACKS, data=body, content_type="application/json")
        assert (answer.status_code, "not what a page sends" in answer.json["error"]) == (400, True), body
    for name, bad in (
        ("inputs", [3]), ("inputs", {"id": 3}), ("inputs", [{"id": "a"}]), ("inputs", [[{"id": 3, "property": "x"}]]),
        ("state", None), ("changedPropIds", [3]), ("changedPropIds", None), ("outputs", [3]), ("output", None),
    ):  # fmt: skip
        answer = client.post(CALLBACKS, json={**good, name: bad})
        assert answer.status_code == 400, (name, bad)


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_a_page_of_another_version_is_told_to_reload(app, client) -> None:
    good = a_call(app)
    one_more = [*good["inputs"], {"id": "gone", "property": "value", "value": 1}]
    browsers_own = next(c["output"] for c in app._callback_list if c["clientside_function"])
    outputs = good["outputs"] if isinstance(good["outputs"], list) else [good["outputs"]]
    for change in (
        {"output": "gone.children"}, {"output": browsers_own}, {"inputs": one_more}, {"inputs": []},
        {"outputs": [{"id": "gone", "property": "children"}, *outputs[1:]]}, {"outputs": [*outputs, outputs[0]]},
    ):  # fmt: skip
        answer = client.post(CALLBACKS, json={**good, **change})
        assert answer.status_code == 412, change
        assert "reload the page" in answer.json["error"]


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
def test_nothing_that_is_posted_is_the_server_s_fault(app, client) -> None:
    good = a_call(app)
    keys = st.sampled_from(["id", "property", "value", "x"])
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner),
        max_leaves=6,
    )

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from([*good, "background", "cancelJob"]), values, min_size=1))
    def post(change: dict[str, Any]) -> None:
        body = json.dumps({**good, **change})
        answer = client.post(CALLBACKS, data=body, content_type="application/json")
        assert answer.status_code in (200, 204, 400, 412), (change, answer.get_data(as_text=True))

    post()
