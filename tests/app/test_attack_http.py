"""Requests that nobody's browser sends, at the real application: each is answered by a sentence, none by a stack."""

import io
import zipfile
from collections.abc import Callable

import pytest
import waitress
from flask.testing import FlaskClient
from lakes import Lakes, add_crew, add_lakes
from verified import add_features, add_verification

from eobench_dash.auth.gate import LARGEST_BODY
from eobench_dash.db.models import Dataset, User
from eobench_dash.services import annotate
from eobench_dash.web import create_app, serve

HUGE = "9" * 30


@pytest.fixture
def lakes(make_workspace) -> Lakes:
    """The lakes, verified and public, on a server that is open to the public."""
    ws = make_workspace(public=True)
    lakes = add_lakes(ws, add_crew(ws))
    annotate.relabel(ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label="Sea", why="a wave")
    add_features(ws, lakes.id)
    add_verification(ws, lakes.id, lakes.who["ben"])
    with ws.db.write() as session:
        session.get_one(Dataset, lakes.id).public = True
    return lakes


@pytest.fixture
def client_of(lakes: Lakes) -> Callable[[str | None], FlaskClient]:
    server = create_app(lakes.ws.settings, ws=lakes.ws).server

    def make(name: str | None) -> FlaskClient:
        client = server.test_client()
        if name:
            who = lakes.who[name]
            with lakes.ws.db.read() as session:
                epoch = session.get_one(User, who.user_id).session_epoch
            with client.session_transaction() as session:
                session["_user_id"], session["key"] = f"{who.user_id}:{epoch}", "k"
        return client

    return make


@pytest.mark.parametrize("file", ["report.pdf", "report.csv", "export/index-csv"])
def test_downloads_of_a_dataset_whose_name_no_header_can_hold(lakes, client_of, file: str) -> None:
    with lakes.ws.db.write() as session:
        session.get_one(Dataset, lakes.id).name = '森 "lake"; filename=evil.exe'
    answer = client_of("rob").get(f"/download/datasets/{lakes.id}/{file}")
    assert answer.status_code == 200
    sent = answer.headers["Content-Disposition"].encode("latin-1").decode()  # what every WSGI server does
    assert sent.startswith("attachment; filename=") and "%E6%A3%AE" in sent
    assert '"' not in sent and "filename=evil" not in sent
    answer.close()


@pytest.mark.parametrize("file", ["report.pdf", "report.csv", "export/index-csv", "import-report.csv"])
def test_a_dataset_number_that_no_database_holds_is_not_found(client_of, file: str) -> None:
    assert client_of("rob").get(f"/download/datasets/{HUGE}/{file}").status_code == 404


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "https://localhost:x]", "null", ""])
def test_an_origin_that_cannot_be_read_is_another_site(client_of, lakes, origin: str) -> None:
    answer = client_of("ben").post(f"/api/datasets/{lakes.id}/undo", json={}, headers={"Origin": origin})
    assert answer.status_code == 403
    assert "another site" in answer.json["error"]


def test_nobody_sends_a_callback_more_than_it_can_need(client_of) -> None:
    body = b'{"a":"' + b"x" * LARGEST_BODY + b'"}'
    answer = client_of(None).post("/_dash-update-component", data=body, content_type="application/json")
    assert answer.status_code == 413


def test_anonymous_readers_learn_no_log_in_names(client_of, lakes) -> None:
    for name, named in (("rob", True), (None, False)):
        client = client_of(name)
        history = client.get(f"/api/datasets/{lakes.id}/patches/0").json["history"]
        assert (history[0]["who"] == "lake-ben") is named, name
        assert history[0]["who"], "that somebody did it is no secret"
        table = client.get(f"/download/datasets/{lakes.id}/report.csv").get_data(as_text=True)
        assert ("lake-ben" in table) is named, name
        assert ("annotator 1" in table) is not named


def damaged(compression: int) -> bytes:
    """A ZIP whose compressed bytes are wrong, with headers that are right."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        archive.writestr("a/b.json", bytes(range(256)) * 20)
    data = bytearray(out.getvalue())
    start = len("a/b.json") + 30 + 12
    data[start : start + 30] = b"\xff" * 30
    return bytes(data)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_archive_is_said_to_be_damaged_and_not_kept(client_of, lakes, compression: int) -> None:
    answer = client_of("ben").post("/uploads?name=a.zip", data=damaged(compression))
    assert answer.status_code == 400, answer.get_data(as_text=True)
    assert not any((lakes.ws.settings.home / "uploads").iterdir())


@pytest.mark.parametrize(
    "name", ["a" * 300 + ".json", "森" * 120 + ".json", "x\r\nSet-Cookie: a=b.json", "../../x.json"]
)
def test_uploads_with_long_and_odd_names_are_kept_under_safe_ones(client_of, lakes, name: str) -> None:
    answer = client_of("ben").post("/uploads", query_string={"name": name}, data=b"[]")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    (folder,) = (lakes.ws.settings.home / "uploads").iterdir()
    (kept,) = folder.iterdir()
    assert kept.suffix == ".json" and len(kept.name.encode()) <= 255 and kept.name.isprintable()


def test_the_server_passes_on_what_named_proxies_say_and_takes_uploads_of_the_size_set(
    make_workspace, monkeypatch
) -> None:
    made: dict[str, object] = {}

    class Stop(Exception):
        pass

    def create(app: object, **options: object) -> None:
        made.update(options)
        raise Stop

    monkeypatch.setattr(waitress, "create_server", create)
    for proxies in (0, 1):
        ws = make_workspace(trusted_proxies=proxies, workers=0, max_upload_mb=3000)
        with pytest.raises(Stop):
            serve(create_app(ws.settings, ws=ws), ws.settings)
        assert made["clear_untrusted_proxy_headers"] is (proxies == 0)
        assert made["max_request_body_size"] >= 3000 * 2**20
