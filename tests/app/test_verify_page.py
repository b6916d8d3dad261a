"""The verify page and the downloads of reports, behind the real gate."""

import io
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from lakes import Lakes, add_crew, add_lakes
from pypdf import PdfReader
from verified import FINGERPRINT, add_features, add_verification

from eobench_dash import web
from eobench_dash.components import ids as shared
from eobench_dash.domain.jobs import JobInfo, JobKind, JobState
from eobench_dash.pages.verify import ids, views
from eobench_dash.pages.verify.table import FIRST, Row, next_sort, sorted_rows
from eobench_dash.services import annotate, jobs


@pytest.fixture
def lakes(workspace) -> Lakes:
    return add_lakes(workspace, add_crew(workspace))


@pytest.fixture
def app(workspace):
    return web.create_app(workspace.settings, ws=workspace)


@pytest.fixture
def client_of(app, lakes: Lakes):
    def make(name: str | None):
        client = app.server.test_client()
        if name is not None:
            who = lakes.who[name]
            with client.session_transaction() as session:
                session.update(
                    {"_user_id": f"{who.user_id}:0", "_fresh": True, "key": who.session_key, "renewed": time.time()}
                )
        return client

    return make


def call(client, app, output: str, values: dict[str, Any], changed: str):
    """Run the callback whose output is named, as the browser would."""
    spec = next(c for c in app._callback_list if output in c["output"])
    parts = [p.rsplit(".", 1) for p in spec["output"].strip(".").split("...")]
    outputs = [{"id": i, "property": p} for i, p in parts]
    fill = lambda items: [{**i, "value": values.get(f"{i['id']}.{i['property']}")} for i in items]  # noqa: E731
    body = {
        "output": spec["output"], "outputs": outputs if len(outputs) > 1 else outputs[0],
        "inputs": fill(spec["inputs"]), "state": fill(spec["state"]), "changedPropIds": [changed],
    }  # fmt: skip
    return client.post("/_dash-update-component", json=body)


def show(client, app, lakes: Lakes, theme: str | None = "light"):
    values = {f"{ids.THEME}.data": theme, f"{ids.DATASET}.data": lakes.id, f"{ids.SORT}.data": FIRST}
    return call(client, app, f"{ids.BODY}.children", values, f"{ids.THEME}.data")


def test_before_the_first_verification(app, client_of, lakes: Lakes) -> None:
    for name, words in (("eva", "Press “Run verification”"), ("rob", "An expert or builder can run it")):
        text = show(client_of(name), app, lakes).get_data(as_text=True)
        assert "Not verified yet" in text and words.replace("“", "\\u201c").replace("”", "\\u201d") in text
    assert client_of("rob").get(f"/download/datasets/{lakes.id}/report.pdf").status_code == 409


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_shows_the_numbers(app, client_of, lakes: Lakes, theme: str) -> None:
    add_verification(lakes.ws, lakes.id, lakes.who["ben"])
    text = show(client_of("rob"), app, lakes, theme).get_data(as_text=True)
    for words in (
        "Overall accuracy",
        "90.0\\u00a0%",
        "Wilson",
        FINGERPRINT[:16],
        "Confused most",
        "report.pdf",
        "report.csv",
    ):
        assert words in text, words
    assert "Out of date" not in text
    assert ("#e7eeec" in text) == (theme == "dark")


def test_says_when_it_is_out_of_date(app, client_of, lakes: Lakes) -> None:
    add_verification(lakes.ws, lakes.id, lakes.who["ben"])
    annotate.relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label="Sea")
    text = show(client_of("rob"), app, lakes).get_data(as_text=True)
    assert "Out of date" in text and "1 label event" in text and "Cleaning history" in text


def test_without_classifier_the_rest_is_shown_and_the_reason(app, client_of, lakes: Lakes) -> None:
    add_verification(lakes.ws, lakes.id, lakes.who["ben"], classified=False)
    text = show(client_of("rob"), app, lakes).get_data(as_text=True)
    assert "there is one label" in text and "Silhouette" in text and "Confused most" not in text


def test_waits_for_the_theme(app, client_of, lakes: Lakes) -> None:
    assert show(client_of("rob"), app, lakes, theme=None).status_code == 204


def test_run_queues_a_job(app, client_of, lakes: Lakes) -> None:
    add_features(lakes.ws, lakes.id)
    values = {f"{ids.RUN}.n_clicks": 1, f"{ids.DATASET}.data": lakes.id}
    key = next(c["output"] for c in app._callback_list if any(i["id"] == ids.RUN for i in c["inputs"]))
    answer = call(client_of("eva"), app, key, values, f"{ids.RUN}.n_clicks")
    assert answer.status_code == 200
    (job,) = [j for j in jobs.list_jobs(lakes.ws, lakes.who["ada"]) if j.kind == JobKind.VERIFY]
    assert job.state == JobState.QUEUED and job.dataset_id == lakes.id
    values = {f"{ids.DATASET}.data": lakes.id}
    state = call(client_of("eva"), app, f"{ids.STATE}.children", values, f"{shared.JOBS_NOW}.data").get_json()[
        "response"
    ]
    assert state[ids.RUN]["disabled"] is True and "Verify Lakes" in json.dumps(state)


def test_a_reader_may_not_run_it(app, client_of, lakes: Lakes) -> None:
    add_features(lakes.ws, lakes.id)
    values = {f"{ids.RUN}.n_clicks": 1, f"{ids.DATASET}.data": lakes.id}
    key = next(c["output"] for c in app._callback_list if any(i["id"] == ids.RUN for i in c["inputs"]))
    call(client_of("rob"), app, key, values, f"{ids.RUN}.n_clicks")
    assert not jobs.list_jobs(lakes.ws, lakes.who["ada"])


def test_downloads(client_of, lakes: Lakes) -> None:
    add_verification(lakes.ws, lakes.id, lakes.who["ben"])
    base = f"/download/datasets/{lakes.id}"
    pdf = client_of("rob").get(f"{base}/report.pdf")
    assert pdf.mimetype == "application/pdf" and "filename=Lakes-report.pdf" in pdf.headers["Content-Disposition"]
    assert "Lakes" in PdfReader(io.BytesIO(pdf.data)).pages[0].extract_text()
    csv = client_of("rob").get(f"{base}/report.csv")
    assert csv.mimetype == "text/csv" and b"overall accuracy" in csv.data
    for path in ("report.pdf", "report.csv", "export/index-csv"):
        assert client_of(None).get(f"{base}/{path}").status_code in (302, 401)
        assert client_of("rob").get(f"/download/datasets/999/{path}").status_code == 404


def job(state: JobState, dataset_id: int = 1, kind: JobKind = JobKind.VERIFY) -> JobInfo:
    return JobInfo(
        id=5, kind=kind, state=state, title="Verify Lakes", progress=0.4, message="cross-validating", error="It broke.",
        dataset_id=dataset_id, owner_id=1, owner="ada", created_at=datetime.now(UTC), started_at=None, finished_at=None,
        cancel_requested=False,
    )  # fmt: skip


def test_job_state_tells_of_running_and_failed_ones_only() -> None:
    words = lambda *rows: str(views.job_state(list(rows), 1, may_act=True))  # noqa: E731
    assert "cross-validating" in words(job(JobState.RUNNING))
    assert "It broke." in words(job(JobState.FAILED))
    for rows in ([], [job(JobState.DONE), job(JobState.FAILED)], [job(JobState.RUNNING, dataset_id=2)],
                 [job(JobState.RUNNING, kind=JobKind.EMBED)]):  # fmt: skip
        assert views.job_state(rows, 1, may_act=True) is None
    assert views.running([job(JobState.QUEUED)], 1) and not views.running([job(JobState.DONE)], 1)


def test_sorting() -> None:
    nan = float("nan")
    rows = [Row(n, "#000000", p, 0.5, 0.5, f, nan, nan) for n, p, f in (("b", 3, 0.2), ("A", 9, nan), ("c", 1, 0.9))]
    order = lambda **how: [row.name for row in sorted_rows(rows, **how)]  # noqa: E731
    assert order(by="f1", falling=False) == ["b", "c", "A"] and order(by="f1", falling=True) == ["c", "b", "A"]
    assert order(by="name", falling=False) == ["A", "b", "c"] and order(by="patches", falling=True) == ["A", "b", "c"]
    assert order(by="__class__", falling=False) == ["b", "c", "A"]
    assert next_sort(FIRST, "f1") == {"by": "f1", "falling": True} and next_sort(FIRST, "name")["falling"] is False
