"""The ingest page, its routes and those of a dataset's products, over the real gate and for every role."""

import io
import json
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scenes import textured, write_scene

from eobench_dash import tasks, web
from eobench_dash.domain.feature_statistics import FeatureStatistics
from eobench_dash.domain.ingesting import IngestPlan, IngestReport, ProductTally
from eobench_dash.domain.jobs import JobState
from eobench_dash.jobs.inline import run_inline
from eobench_dash.pages.ingest import ids, views
from eobench_dash.pages.ingest.report import report
from eobench_dash.services import datasets, estimating, ingesting, products

FORM = {"patch": "32", "scales": "64", "nodata": 20}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(2)
    data = tmp_path / "data" / "tiles"
    for number in range(2):
        pixels = textured(rng, 3, 128, 160)
        pixels[:, :, : 48 * number] = 0
        write_scene(data / f"S2_{number}.tif", pixels, east_m=5000.0 * number)
    (data / "broken.tif").write_bytes((data / "S2_0.tif").read_bytes()[:2000])
    return data


@pytest.fixture
def app(workspace, people):
    return web.create_app(workspace.settings, ws=workspace)


@pytest.fixture
def client_of(app, people):
    def make(role: str | None):
        client = app.server.test_client()
        if role is not None:
            who = getattr(people, role)
            with client.session_transaction() as session:
                session.update(
                    {"_user_id": f"{who.user_id}:0", "_fresh": True, "key": who.session_key, "renewed": time.time()}
                )
        return client

    return make


@pytest.fixture
def made(workspace, people, folder) -> int:
    """The id of a dataset cut from the two scenes that are whole."""
    plan = IngestPlan.from_dict({"patch": 32, "scales": [64]})
    whole = [str(folder / f"S2_{i}.tif") for i in range(2)]
    job_id = ingesting.start_ingest(workspace, people.builder, paths=whole, name="Tiles", plan=plan)
    job = run_inline(workspace, job_id, tasks=tasks)
    assert job.state == JobState.DONE, job.error
    return job.dataset_id


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


# -- the gate ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", [None, "reader", "expert", "builder", "admin"])
def test_only_builders_look_at_the_server_s_products(client_of, folder, role) -> None:
    client = client_of(role)
    path = str(folder / "S2_0.tif")
    answers = {
        "quicklook": client.get("/data/ingest/quicklook.jpg", query_string={"path": path, "longest": 256}),
        "preview": client.post("/api/ingest/preview", json={"path": path, "form": FORM}),
        "area": client.post("/api/ingest/area", json={"path": path, "form": FORM, "box": [0, 0, 64, 64]}),
    }
    expected = {None: 401, "reader": 403, "expert": 403, "builder": 200, "admin": 200}[role]
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, expected)
    if expected != 200:
        assert not any(str(folder) in answer.get_data(as_text=True) for answer in answers.values())


@pytest.mark.parametrize("role", [None, "reader", "expert", "builder"])
def test_products_of_a_dataset_are_for_everybody_who_sees_it(client_of, workspace, people, made, role) -> None:
    (first, _) = products.dataset_products(workspace, people.builder, dataset_id=made)
    paths = [
        f"/api/datasets/{made}/products",
        f"/data/datasets/{made}/products/{first.id}/windows.bin",
        f"/data/datasets/{made}/products/{first.id}/quicklook.jpg",
    ]
    client = client_of(role)
    assert {client.get(path).status_code for path in paths} == {401 if role is None else 200}


# -- routes ------------------------------------------------------------------------------------------------------------
def test_the_windows_are_those_that_were_cut(client_of, workspace, people, made) -> None:
    rob = client_of("reader")
    listed = rob.get(f"/api/datasets/{made}/products").get_json()["products"]
    assert (listed[0]["first"], listed[0]["height"], listed[0]["width"]) == (0, 128, 160)
    assert listed[1]["first"] == listed[0]["patches"]
    answer = rob.get(f"/data/datasets/{made}/products/{listed[1]['id']}/windows.bin")
    magic, version, n, height, width, _ = struct.unpack_from("<4sIIIII", answer.data)
    assert (magic, version, height, width, n) == (b"EOMW", 1, 128, 160, listed[1]["patches"])
    ordinal, row, col, size, parent = np.frombuffer(answer.data, "<i4", offset=24).reshape(5, n)
    known = products.product_windows(workspace, people.reader, dataset_id=made, product_id=listed[1]["id"])
    for got, want in zip((ordinal, row, col, size, parent),
                         (known.ordinal, known.row, known.col, known.size, known.parent), strict=True):  # fmt: skip
        assert got.tolist() == want.tolist()
    assert (np.diff(ordinal) == 1).all(), "the browser finds a patch by bisection"
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert rob.get(f"/data/datasets/{made}/products/{listed[1]['id']}/windows.bin", headers=tag).status_code == 304
    picture = Image.open(io.BytesIO(rob.get(f"/data/datasets/{made}/products/{listed[0]['id']}/quicklook.jpg").data))
    assert picture.size == (160, 128)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/data/datasets/{}/products/999/windows.bin", 404),
        ("/data/datasets/999/products/1/windows.bin", 404),
        ("/data/datasets/{}/products/{}/quicklook.jpg?longest=0", 400),
        ("/data/datasets/{}/products/{}/quicklook.jpg?longest=99999", 400),
        ("/data/datasets/{}/products/{}/quicklook.jpg?longest=x", 400),
        ("/data/ingest/quicklook.jpg?path=/etc/passwd", 400),
        ("/data/ingest/quicklook.jpg?path=/vsicurl/http://x/y.tif", 400),
        ("/data/ingest/quicklook.jpg?path=%00", 400),
        ("/data/ingest/quicklook.jpg?resolution=ten", 400),
        ("/data/ingest/quicklook.jpg?resolution=nan", 400),
    ],
)
def test_what_cannot_be_is_refused(client_of, made, path, status) -> None:
    answer = client_of("builder").get(path.format(made, 1))
    assert answer.status_code == status and answer.get_json()["error"]


def test_the_preview_tells_the_grid_and_the_flags(client_of, folder) -> None:
    ben = client_of("builder")
    told = ben.post("/api/ingest/preview", json={"path": str(folder / "S2_1.tif"), "form": FORM}).get_json()
    assert (told["height"], told["width"], told["counts"]) == (128, 160, {"32": 20, "64": 4})
    assert len(told["rows"]) == len(told["sizes"]) == 24 == told["measured"]
    assert set(told["inside"]) == {1}
    edge = told["flags"]["black_edge"]
    black = {told["cols"][i] for i, value in zip(edge["at"], edge["values"], strict=True) if value > 0.9}
    assert black == {0}, "the first column of patches lies in the black edge"
    assert ben.get(told["picture"]).status_code == 200
    area = ben.post("/api/ingest/area", json={"path": str(folder / "S2_1.tif"), "form": FORM, "box": [0, 64, 128, 96]})
    form = {**FORM, "area": area.get_json()["area"], "bands": ["B04"], "resolution": 20}
    told = ben.post("/api/ingest/preview", json={"path": str(folder / "S2_1.tif"), "form": form}).get_json()
    assert (told["height"], told["width"]) == (64, 80)
    outside = {told["cols"][i] for i, inside in enumerate(told["inside"]) if not inside}
    assert outside and max(outside) + 16 <= 32 + 1, "left of the rectangle drawn"
    assert "bands=B04" in told["picture"] and ben.get(told["picture"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"path": "{}/broken.tif", "form": FORM}, "broken.tif"),
        ({"path": "{}/S2_0.tif", "form": {"patch": "huge"}}, "no size"),
        ({"path": "{}/S2_0.tif", "form": {**FORM, "bands": ["B99"]}}, "B99"),
        ({"path": "{}/S2_0.tif"}, ""),
        ({"path": 7, "form": FORM}, ""),
        ({"path": "{}/S2_0.tif", "form": [1]}, ""),
    ],
)
def test_a_preview_that_cannot_be_says_why(client_of, folder, body, words) -> None:
    body = json.loads(json.dumps(body).replace("{}", str(folder)))
    answer = client_of("builder").post("/api/ingest/preview", json=body)
    assert 400 <= answer.status_code < 500
    assert words in answer.get_json()["error"]


# -- the page ----------------------------------------------------------------------------------------------------------
def gathered(folder: Path, **more: Any) -> dict[str, Any]:
    return {"paths": [str(folder / "S2_0.tif")], "only": "auto", "name": "Mine", "features": [], **FORM, **more}


def test_a_folder_is_looked_into(client_of, app, folder) -> None:
    values = {f"{ids.FOLDER}.data": str(folder)}
    answer = call(client_of("builder"), app, f"{ids.BROWSER}.children", values, f"{ids.FOLDER}.data")
    told = answer.get_json()["response"]
    assert [Path(one["value"]).name for one in told[ids.FOUND]["options"]] == ["S2_0.tif", "S2_1.tif", "broken.tif"]
    assert told[ids.FOUND]["value"] == [] and told[ids.NAME]["value"].startswith("tiles ")
    assert told[ids.NONE]["children"] == ""
    outside = call(client_of("builder"), app, f"{ids.BROWSER}.children", {f"{ids.FOLDER}.data": "/etc"}, "x.y")
    assert "root:" not in outside.get_data(as_text=True) and str(folder) not in outside.get_data(as_text=True)
    refused = call(client_of("expert"), app, f"{ids.BROWSER}.children", values, f"{ids.FOLDER}.data")
    assert "S2_0" not in refused.get_data(as_text=True)


def test_a_list_that_is_cut_says_so(client_of, app, folder, monkeypatch) -> None:
    monkeypatch.setattr("eobench_dash.services.products.MAX_LISTED", 2)
    values = {f"{ids.FOLDER}.data": str(folder)}
    answer = call(client_of("builder"), app, f"{ids.BROWSER}.children", values, f"{ids.FOLDER}.data")
    told = answer.get_json()["response"]
    assert len(told[ids.FOUND]["options"]) == 2
    assert told[ids.NONE]["children"].startswith("The first 2 products are listed.")


@pytest.mark.parametrize("most, words", [(None, "no product that is read: Sentinel-2"), (1, "choose a folder inside")])
def test_a_folder_without_products_to_list_says_why(client_of, app, folder, monkeypatch, most, words) -> None:
    (folder / "notes").mkdir()
    if most:
        monkeypatch.setattr("eobench_dash.sentinel.opening.MAX_PRODUCTS", most)
    values = {f"{ids.FOLDER}.data": str(folder if most else folder / "notes")}
    told = call(client_of("builder"), app, f"{ids.BROWSER}.children", values, f"{ids.FOLDER}.data").get_json()[
        "response"
    ]
    assert told[ids.FOUND]["options"] == [] and words in told[ids.NONE]["children"]
    told = call(client_of("builder"), app, f"{ids.BROWSER}.children", {}, f"{ids.FOLDER}.data").get_json()["response"]
    assert told[ids.NONE]["children"] == views.NO_FOLDER


def test_the_facts_of_a_broken_product_say_so_and_the_bands_stay_open(client_of, app, folder) -> None:
    values = {f"{ids.SHOWN}.data": str(folder / "broken.tif"), f"{ids.UNIT}.value": "auto"}
    told = call(client_of("builder"), app, f"{ids.FACTS}.children", values, f"{ids.SHOWN}.data").get_json()["response"]
    assert "cannot be read as it is" in json.dumps(told[ids.FACTS])
    values[f"{ids.SHOWN}.data"] = str(folder / "S2_0.tif")
    told = call(client_of("builder"), app, f"{ids.FACTS}.children", values, f"{ids.SHOWN}.data").get_json()["response"]
    assert told[ids.BANDS]["options"] == ["B04", "B03", "B02"]
    misfits = {one["value"]: one["disabled"] for one in told[ids.KINDS]["options"]}
    assert misfits["sar_wld144"] and not misfits["color_stats"]


def test_the_estimate_follows_the_form_and_says_what_is_wrong(client_of, app, folder) -> None:
    def estimate(form: dict[str, Any]) -> tuple[str, bool]:
        answer = call(client_of("builder"), app, f"{ids.ESTIMATE}.children", {f"{ids.FORM}.data": form}, "x.y")
        told = answer.get_json()["response"]
        return json.dumps(told[ids.ESTIMATE]), told[ids.START]["disabled"]

    words, disabled = estimate(gathered(folder))
    assert '"24 (4 of 64 px, 20 of 32 px)"' in words and not disabled
    for wrong, why in [
        ({"paths": []}, "Tick at least one"),
        ({"paths": [str(folder / "broken.tif")]}, "broken.tif"),
        ({"patch": "huge"}, "no size"),
        ({"patch": "512", "scales": ""}, "smaller than a patch"),
        ({"only": "sar"}, "radar"),
        ({"area": "0,0,1,1"}, "lies in the area of interest"),
        ({"features": ["sar_wld144"]}, "does not fit optical patches"),
    ]:
        words, disabled = estimate(gathered(folder, **wrong))
        assert why in words and disabled, wrong


def test_an_estimate_counts_only_what_will_be_taken(workspace, people, folder) -> None:
    for i in range(4):
        write_scene(folder / f"S1_{i}.tif", textured(np.random.default_rng(i), 1, 64, 64))
    (folder / "broken.tif").unlink()
    told = estimating.estimate(
        workspace,
        people.builder,
        paths=[str(folder)],
        plan=IngestPlan(),
        only="optical",
        clock=iter(range(99)).__next__,
    )
    assert (told.products, told.about) == (2, False), "radar is known by its name and not opened"


def test_it_starts_and_the_report_is_read_by_all_who_see_the_dataset(client_of, app, workspace, people, made) -> None:
    from eobench_dash.pages.ingest.layout import layout

    told = ingesting.ingest_report(workspace, people.reader, dataset_id=made)
    shown = report(
        datasets.get_dataset(workspace, people.reader, dataset_id=made), told, [], {"tiles/S2_0.tif": 7}, builds=False
    )
    words = json.dumps(shown.to_plotly_json(), default=lambda part: part.to_plotly_json())
    assert "Another ingest" not in words and f"/explore/{made}?scene=7" in words
    assert callable(layout)


def test_names_of_products_are_text(folder, workspace, people) -> None:
    bad = "<img src=x onerror=alert(1)>.tif"
    found = products.Found(name=bad, path=f"/data/{bad}&a=b#c", kind="raster", bytes=5)
    option = json.dumps(
        views.product_options([found])[0]["label"].to_plotly_json(), default=lambda p: p.to_plotly_json()
    )
    assert "onerror" in option and "dangerously" not in option
    assert "path=%2Fdata%2F%3Cimg%20src" in option and "&a=b" not in option.split("data-src")[1].split('"')[2]


def test_a_report_says_everything_in_plain_words() -> None:
    common = "An 8-bit stretched picture."
    told = IngestReport(
        products=(
            ProductTally("a.tif", "A", patches=5, refused={"nodata": 3, "outside": 2}, notes=(common, "Its own note.")),
            ProductTally("b.tif", "B", error="b.tif is cut short."),
        ),
        flags={"blur": {"mean": 0.1, "p50": 0.1, "p95": 0.2, "max": 0.25, "over": 0}, "gone": {}},
        scales={"64": 5},
        skipped={"sar products": 16},
        notes=(common,),
        plan={"patch": "640m", "stride": 64, "limits": {"nodata": 0.2}},
    )
    dataset = type("Row", (), {"id": 3, "name": "Mine"})()
    numbers = FeatureStatistics(rows=9000, sample=4096, dim=144, lowest=-1.5, highest=0.25, constant=3, not_finite=0,
                                effective=12.34)  # fmt: skip
    info = type("Row", (), {"kind": "wld144"})()
    page = report(dataset, told, [(info, numbers)], {}, builds=True)  # type: ignore[arg-type]
    words = json.dumps(page.to_plotly_json(), default=lambda part: part.to_plotly_json())
    assert words.count(common) == 1, "what all products say stands once"
    expected = [
        "Its own note.",
        "b.tif is cut short.",
        "16 radar products left out, as asked.",
        "640 m",
        "64 px",
        "Refused: too little data",
        "Refused: outside of the area of interest",
        "no data 20%",
        "0.250",
        "wld144",
        "9,000",
        "12.3",
        "Measured on 4,096 patches, spread evenly.",
    ]
    for part in expected:
        assert part in words, part
    assert "gone" not in words
