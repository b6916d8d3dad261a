"""Columns, label mix, looks and looked-at pictures over the real gate."""

import io

import numpy as np
import pytest
from flask import Flask
from lakes import Lakes, add_crew, add_lakes
from PIL import Image
from sqlalchemy import update

from eobench_dash import auth
from eobench_dash.db.models import Patch
from eobench_dash.domain.wire import unpack_column
from eobench_dash.routes import bytes as byte_routes
from eobench_dash.routes import columns


@pytest.fixture
def lakes(make_workspace, tmp_path) -> Lakes:
    ws = make_workspace()
    root = tmp_path / "pictures"
    root.mkdir()
    ramp = np.linspace(80, 120, 16 * 16).reshape(16, 16)
    Image.fromarray(np.repeat(ramp[..., None], 3, axis=2).astype(np.uint8)).save(root / "dull.png")
    made = add_lakes(ws, add_crew(ws), source_kind="files", root=str(root))
    with ws.db.write() as session:
        session.execute(update(Patch).where(Patch.ordinal == 0).values(path="dull.png"))
    return made


@pytest.fixture
def client(lakes):
    server = Flask("eobench_dash", static_folder=None)
    server.extensions["eobench"] = lakes.ws
    auth.install(server, settings=lakes.ws.settings, db=lakes.ws.db)
    server.register_blueprint(columns.blueprint)
    server.register_blueprint(byte_routes.blueprint)

    def make(name: str | None):
        browser = server.test_client()
        if name is not None:
            with browser.session_transaction() as session:
                session["_user_id"] = f"{lakes.who[name].user_id}:0"
                session["_fresh"] = True
                session["key"] = f"s-{name}"
        return browser

    return make


def test_list_and_bytes(lakes, client) -> None:
    rob = client("rob")
    listed = rob.get(f"/api/datasets/{lakes.id}/columns").get_json()["columns"]
    assert listed == [
        {"name": "imported", "title": "Label at import", "kind": "category", "group": "Labels",
         "help": "The label a patch came in with."}
    ]  # fmt: skip
    answer = rob.get(f"/data/datasets/{lakes.id}/columns/imported.bin")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-cache")
    told, codes = unpack_column(answer.data)
    assert told["name"] == "imported" and codes.tolist() == [0] * 5 + [1] * 4 + [2] * 2 + [65535]
    again = rob.get(
        f"/data/datasets/{lakes.id}/columns/imported.bin", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/data/datasets/{}/columns/nothing.bin", 404),
        ("/data/datasets/{}/columns/..%2Fsecret.bin", 404),
        ("/data/datasets/{}/columns/honesty.bin?map=7", 404),
        ("/data/datasets/{}/columns/imported.bin?map=", 400),
        ("/data/datasets/{}/columns/imported.bin?map=-1", 400),
        ("/data/datasets/{}/columns/imported.bin?map=x", 400),
        ("/api/datasets/{}/columns?map=99999999999", 400),
        ("/data/datasets/{}/mix.bin", 404),
        ("/data/datasets/{}/patches/0/image?look=xray", 400),
        ("/data/datasets/{}/patches/0/image?stretch=%00", 400),
        ("/data/datasets/{}/patches/0/image?look=false", 404),
        ("/api/datasets/99/looks", 404),
    ],
)
def test_what_cannot_be_had(lakes, client, path: str, status: int) -> None:
    assert client("rob").get(path.format(lakes.id)).status_code == status


def test_nobody_is_let_in_without_logging_in(lakes, client) -> None:
    for path in ("/api/datasets/{}/columns", "/api/datasets/{}/looks", "/data/datasets/{}/mix.bin",
                 "/data/datasets/{}/columns/imported.bin"):  # fmt: skip
        assert client(None).get(path.format(lakes.id)).status_code in (302, 303, 401), path


def test_looks_and_a_stretched_picture(lakes, client) -> None:
    rob = client("rob")
    told = rob.get(f"/api/datasets/{lakes.id}/looks").get_json()
    assert [look["name"] for look in told["looks"]] == ["true"]
    assert [look["name"] for look in told["stretches"]] == ["none", "percentile"]

    def picture(query: str) -> np.ndarray:
        answer = rob.get(f"/data/datasets/{lakes.id}/patches/0/image{query}")
        assert answer.status_code == 200, answer.data
        return np.asarray(Image.open(io.BytesIO(answer.data)).convert("RGB"))

    plain, stretched = picture("?size=64"), picture("?size=64&stretch=percentile")
    assert np.ptp(plain) < 60 and np.ptp(stretched) > 240
    assert np.ptp(picture("?size=64")) < 60  # kept apart in the cache
    assert np.ptp(picture("?stretch=percentile")) > 240  # without a size too
