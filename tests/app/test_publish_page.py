"""The publish page and the download of the dataset itself."""

import base64
import hashlib
import time

import pytest
from lakes import Lakes, add_crew, add_lakes
from verified import add_features, add_verification

from eobench_dash import web
from eobench_dash.domain.people import Role
from eobench_dash.pages.publish import ids, views
from eobench_dash.services import annotate, exporting, reports
from eobench_dash.services.publishing import find_export


@pytest.fixture
def lakes(workspace) -> Lakes:
    return add_lakes(workspace, add_crew(workspace))


@pytest.fixture
def rob(workspace, lakes: Lakes):
    client = web.create_app(workspace.settings, ws=workspace).server.test_client()
    who = lakes.who["rob"]
    with client.session_transaction() as session:
        session.update({"_user_id": f"{who.user_id}:0", "_fresh": True, "key": who.session_key, "renewed": time.time()})
    return client


@pytest.mark.parametrize("format", ["index-csv", "paper-json"])
def test_the_file_is_what_its_checksum_says(rob, lakes: Lakes, format: str) -> None:
    annotate.mark(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[3], excluded=True)
    path = f"/download/datasets/{lakes.id}/export/{format}"
    with rob.get(path) as answer:
        digest = hashlib.sha256(answer.data)
        assert answer.status_code == 200 and b"River/0.png" in answer.data and b"River/3.png" not in answer.data
        assert answer.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
        assert answer.headers["ETag"] == f'"{digest.hexdigest()}"'
        assert "attachment" in answer.headers["Content-Disposition"]
        assert answer.mimetype == exporting.EXPORTS[format].mimetype
    with rob.get(path, headers={"If-None-Match": answer.headers["ETag"]}) as again:
        assert again.status_code == 304


def test_unknown_formats_are_refused(rob, lakes: Lakes) -> None:
    assert rob.get(f"/download/datasets/{lakes.id}/export/zip").status_code == 400
    assert rob.get(f"/download/datasets/{lakes.id}/export/..%2f..%2fx").status_code in (400, 404)


def test_checklist_says_what_is_missing(lakes: Lakes) -> None:
    ready = reports.readiness(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    words = str(views.ready_view(ready, lakes.id, Role.BUILDER))
    assert "not ready" in words and "Never verified" in words and f"/verify/{lakes.id}" in words
    assert "1 patch has no label" in words
    add_features(lakes.ws, lakes.id)
    add_verification(lakes.ws, lakes.id, lakes.who["ben"])
    ready = reports.readiness(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    words = str(views.ready_view(ready, lakes.id, Role.BUILDER))
    assert "not ready" not in words and "3 to look at" in words
    assert "Put right" in words and "Put right" not in str(views.ready_view(ready, lakes.id, Role.READER))


def test_prepared_file_shows_checksum_and_link(rob, lakes: Lakes) -> None:
    rob.get(f"/download/datasets/{lakes.id}/export/index-csv").close()
    ready = find_export(lakes.ws, lakes.who["rob"], dataset_id=lakes.id, format="index-csv")
    words = str(views.prepared_view("index-csv", ready, lakes.id))
    assert (
        ready.sha256 in words and f"/download/datasets/{lakes.id}/export/index-csv" in words and "12 patches" in words
    )
    words = str(views.prepared_view("index-csv", None, lakes.id))
    assert "Not made yet" in words and str(ids.prepare("index-csv")) in words


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2_345_678, "2.3 MB"), (7 * 10**9, "7.0 GB")],
)
def test_sizes(size: int, words: str) -> None:
    assert views.size_words(size) == words
