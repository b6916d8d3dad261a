"""The shell and the home page in a real browser: by mouse and keyboard, wide and narrow, with the real policy and gate.

No worker runs here: what is started stays in the queue, which is what the job bar has to show.
"""

import io
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image
from seats import ARGS, CHROMIUM, PASSWORD, Quiet, log_in
from sqlalchemy import func, select
from werkzeug.security import generate_password_hash
from werkzeug.serving import make_server

from eobench_dash import web
from eobench_dash.db.models import Dataset, Job, Label, Patch, User
from eobench_dash.domain.jobs import JobState
from eobench_dash.services.workspace import Workspace, open_workspace
from eobench_dash.settings import Settings

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


# Refusals that a test provokes (the browser logs them), software rendering.
EXPECTED = ("400 (BAD REQUEST)", "401 (UNAUTHORIZED)", "WebGL")


@dataclass
class House:
    """A served workspace."""

    ws: Workspace
    url: str
    pages: list = field(default_factory=list)


def seed(ws: Workspace) -> None:
    """Four people; a simulated dataset of 40 patches with two labels and features, but no map."""
    hashed = generate_password_hash(PASSWORD, method="scrypt:1024:8:1")
    with ws.db.write() as session:
        for name, role in (("ada", "admin"), ("ben", "builder"), ("eva", "expert"), ("rob", "reader")):
            session.add(User(name=name, role=role, password_hash=hashed))
        params = {"seed": 1, "count": 40, "modality": "optical", "size": 64}
        row = Dataset(name="Coasts <i>&amp;", state="ready", source_kind="simulated", simulated=True, patch_count=40)
        row.source_params = params
        session.add(row)
        session.flush()
        labels = [Label(dataset_id=row.id, code=i, name=n, color=c) for i, (n, c) in enumerate(LABELS)]
        session.add_all(labels)
        session.flush()
        session.add_all(
            Patch(dataset_id=row.id, ordinal=i, label_id=labels[i % 2].id, imported_label_id=labels[i % 2].id)
            for i in range(40)
        )


LABELS = (("Sea", "#3b7dd8"), ("Forest", "#2f9e6e"))


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    data = tmp_path / "data" / "fields"
    for name in ("Wheat", "Maize"):
        (data / name).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (64, 64), (30 * i, 120, 60)).save(data / name / f"{i}.png")
    settings = Settings(_env_file=None, home=tmp_path / "home", data_roots=str(tmp_path / "data"))
    ws = open_workspace(settings, create=True)
    seed(ws)
    server = make_server("127.0.0.1", 0, web.create_app(settings, ws=ws).server, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield House(ws, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()
    ws.close()


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def enter(chromium, house):
    """``enter("ada", viewport=NARROW)``: a page of somebody who is logged in. Fails on any console error at the end."""
    contexts, said = [], []

    def go(name: str, *, viewport=WIDE, path: str = "/", scheme: str = "light"):
        context = chromium.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: said.append(str(e)))
        log_in(context.request, house.url, name)
        page.goto(house.url + path)
        page.wait_for_selector(".eob-way a")
        return page

    yield go
    for context in contexts:
        context.close()
    assert not [line for line in said if not any(known in line for known in EXPECTED)]


def test_log_in_leads_back_to_the_page_asked_for(enter):
    page = enter("ada", path="/datasets/1")
    page.wait_for_selector("h1")
    assert page.url.endswith("/datasets/1")
    assert page.inner_text("h1") == "Coasts <i>&amp;"
    assert page.title() == "Labels and settings · EO Bench"


def test_home_shows_where_a_dataset_stands(enter, house):
    page = enter("ben")
    card = page.wait_for_selector(".eob-dataset")
    words = card.inner_text()
    assert (
        "Coasts <i>&amp;" in words and "simulated data" in words and "40 patches" in words and "100 % labelled" in words
    )
    assert page.locator(".eob-track__step--done").count() == 1
    loaded = "[...document.querySelectorAll('.eob-strip img')].every(i => i.complete && i.naturalWidth)"
    for _ in range(100):  # not wait_for_function: it evaluates in the page, which the policy forbids
        if page.evaluate(loaded):
            break
        page.wait_for_timeout(100)
    assert page.evaluate(loaded)
    assert page.locator(".eob-strip img").count() == 10


def test_the_next_step_is_a_button_and_a_job(enter, house):
    page = enter("ben")
    page.click("text=Compute features")
    page.wait_for_selector("text=At work")
    page.wait_for_selector(".eob-jobs__pill--busy >> text=1 job")
    page.click("#home-jobs button[aria-label^='Cancel']")
    page.wait_for_selector(".eob-toast >> text=cancelled")
    with house.ws.db.read() as session:
        assert session.scalars(select(Job.state)).all() == [JobState.CANCELLED]
    page.click(".eob-jobs > summary")
    page.click(".eob-jobs__panel button[aria-label^='Retry']")
    page.wait_for_selector(".eob-jobs__panel >> text=waiting")


def test_readers_see_no_tools(enter):
    page = enter("rob")
    page.wait_for_selector(".eob-dataset")
    assert not page.is_visible("text=Import a dataset") and not page.is_visible("text=Compute features")
    page.goto(page.url + "admin")
    page.wait_for_selector("text=you need the role builder")


def test_import_from_a_folder_previews_first(enter, house):
    page = enter("ben")
    page.click("text=Import a dataset")
    page.click(".eob-browser__list >> text=data")
    page.click(".eob-browser__list >> text=fields")
    page.click("text=Import this folder")
    page.wait_for_selector("#home-options:not([hidden])")
    words = page.inner_text("#home-preview")
    assert "Image folder" in words and "Wheat · 4" in words and "Maize · 4" in words
    assert page.locator(".eob-samples img").count() == 8
    assert page.input_value("#home-name") == "fields"
    page.fill("#home-name", "Coasts <i>&amp;")
    page.click("#home-start")
    page.wait_for_selector("dialog .eob-toast--danger >> text=already a dataset")  # shown inside of the dialog
    page.fill("#home-name", "Fields of June")
    page.wait_for_timeout(300)
    page.click("#home-start")
    page.wait_for_selector("dialog#home-import", state="hidden")
    page.wait_for_selector("#home-jobs >> text=Import Fields of June")


def test_another_patch_size_previews_again(enter, house):
    data = house.ws.settings.roots[0]
    np.save(data / "fields.npy", np.ones((96, 96, 128), np.int8))
    np.save(data / "fields_scales.npy", np.ones((96, 96), np.float32))
    page = enter("ben")
    page.click("text=Import a dataset")
    page.click(".eob-browser__list >> text=data")
    page.click(".eob-browser__list >> text=/^fields.npy$/")
    page.wait_for_selector("#home-preview >> text=1 of 64 × 64 pixels")
    page.fill("#home-name", "Mine")
    size = page.locator("#home-options input[type=number]")
    size.fill("32")
    size.press("Tab")
    page.wait_for_selector("#home-preview >> text=9 of 32 × 32 pixels")
    size.fill("97")
    size.press("Enter")
    page.wait_for_selector("#home-preview >> text=choose a smaller patch size")
    assert page.input_value("#home-name") == "Mine" and size.is_visible()  # nothing else begins anew


def test_an_upload_shows_its_preview_and_a_bad_one_its_reason(enter, house):
    page = enter("ben")
    page.click("text=Import a dataset")
    page.click(".eob-tabs >> text=Upload")
    out, png = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (16, 16), "teal").save(png, "PNG")
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("Pond/1.png", png.getvalue())
        made.writestr("Pool/1.png", png.getvalue())

    def choose(name: str, data: bytes) -> None:
        with page.expect_file_chooser() as chooser:
            page.click("text=Choose a file")
        chooser.value.set_files({"name": name, "mimeType": "application/octet-stream", "buffer": data})

    choose("notes.txt", b"hello")
    page.wait_for_selector("#home-upload >> text=Upload a file of vectors")
    choose("ponds.zip", out.getvalue())
    page.wait_for_selector("#home-preview >> text=Pond · 1")
    assert page.input_value("#home-name") == "ponds"
    choose("broken.zip", b"PK\x03\x04nonsense")
    page.wait_for_selector("#home-upload >> text=broken, encrypted")


def test_simulate_queues_a_marked_dataset(enter, house):
    page = enter("ben")
    page.click("text=Import a dataset")
    page.click(".eob-tabs >> text=Simulate")
    page.fill("#home-sim-count", "300")
    page.wait_for_timeout(300)
    page.click("#home-simulate")
    page.wait_for_selector("#home-jobs >> text=Simulated land cover")
    with house.ws.db.read() as session:
        assert session.scalar(select(Dataset.simulated).where(Dataset.name == "Simulated land cover"))
        assert session.scalar(select(Job.args))["params"]["count"] == 300


def test_labels_are_made_renamed_and_merged(enter, house):
    page = enter("ben", path="/datasets/1")
    page.click("text=New label")
    page.wait_for_selector("#datasets-editor[open]")
    page.fill("#datasets-name", "Cliff <script>")
    page.wait_for_timeout(300)
    page.click("#datasets-save")
    page.wait_for_selector("#datasets-labels >> text=Cliff <script>")
    page.wait_for_selector("#datasets-head >> text=3 labels")
    page.click("button[aria-label='Edit Sea']")
    page.wait_for_selector("#datasets-merge-part:not([hidden])")
    page.fill("#datasets-name", "Open sea")
    page.fill("#datasets-color", "#112233")
    page.fill("#datasets-description", "No land in sight")
    page.wait_for_timeout(300)
    page.click("#datasets-save")
    page.wait_for_selector("#datasets-labels >> text=No land in sight")
    page.click("button[aria-label='Edit Forest']")
    page.wait_for_selector("#datasets-editor[open]")
    page.click("#datasets-merge-into")
    page.click(".dash-dropdown-content >> text=Open sea")
    page.click("#datasets-editor [data-eob-close]")
    page.click("button[aria-label='Edit Forest']")
    page.wait_for_selector("#datasets-merge-into >> text=Another label")  # nothing is left of a choice not taken
    page.click("#datasets-merge-into")
    page.click(".dash-dropdown-content >> text=Open sea")
    page.click("#datasets-merge")
    page.wait_for_selector("#datasets-editor", state="hidden")
    page.wait_for_selector("button[aria-label='Edit Forest']", state="detached")
    with house.ws.db.read() as session:
        sea = session.scalar(select(Label).where(Label.name == "Open sea"))
        assert sea.color == "#112233"
        assert session.scalar(select(func.count()).where(Patch.label_id == sea.id)) == 40


def test_a_new_name_is_the_one_to_type(enter, house):
    page = enter("ben", path="/datasets/1")
    page.fill("#datasets-title", "Shores")
    page.wait_for_timeout(300)
    page.click("#datasets-keep")
    page.wait_for_selector("#datasets-delete-ask >> text=Shores")
    page.wait_for_selector("#datasets-head >> text=Shores")


def test_deleting_needs_the_name(enter, house):
    page = enter("ben", path="/datasets/1")
    page.click("#datasets-delete")
    page.wait_for_selector(".eob-toast--danger >> text=type its name exactly")
    page.fill("#datasets-delete-name", "Coasts <i>&amp;")
    page.wait_for_timeout(300)
    page.click("#datasets-delete")
    page.wait_for_url(lambda url: url.endswith("/"))
    page.wait_for_selector("#home-jobs >> text=Delete Coasts")


def test_people_are_added_and_given_work(enter, house):
    page = enter("ada", path="/admin")
    page.click("text=Add a person")
    page.fill("#admin-add-name", "Zoe")
    page.fill("#admin-add-password", "short")
    page.wait_for_timeout(300)
    page.click("#admin-add-save")
    page.wait_for_selector(".eob-toast--danger >> text=at least 10")
    page.fill("#admin-add-password", PASSWORD)
    page.wait_for_timeout(300)
    page.click("#admin-add-save")
    page.wait_for_selector("#admin-users >> text=zoe")
    page.click("#admin-task-user")
    page.wait_for_selector(".dash-dropdown-content >> text=zoe")
    page.click(".dash-dropdown-content >> text=eva")
    page.click("#admin-assign")
    page.wait_for_selector("#admin-tasks >> text=The whole dataset")
    page.click("button[aria-label='Change ada']")
    page.wait_for_selector("#admin-editor[open]")
    page.click("#admin-switch")
    page.wait_for_selector(".eob-toast--danger >> text=admin")  # the last one stays
    page = enter("eva")
    assert page.wait_for_selector(".eob-task").inner_text().startswith("The whole dataset")
    page.click("button[aria-label^='I have finished']")
    page.wait_for_selector("#home-tasks >> text=done")
    page.click("button[aria-label^='Open again']")
    page.wait_for_selector("#home-tasks >> text=done", state="detached")


def test_experts_without_the_whole_dataset_see_no_pens(enter, house):
    page = enter("eva", path="/datasets/1")
    page.wait_for_selector("#datasets-labels >> text=Forest")
    assert page.locator("button[aria-label^='Edit']").count() == 0 and not page.is_visible("text=New label")


def test_keys_theme_and_menus(enter):
    page = enter("ada")
    page.wait_for_selector(".eob-dataset")
    page.keyboard.press("?")
    page.wait_for_selector("#shell-keys-dialog[open] >> text=show this sheet")
    page.keyboard.press("Escape")
    page.wait_for_selector("#shell-keys-dialog", state="hidden")
    page.click("[aria-label='Menu of ada']")
    page.click("[data-eob-theme=dark]")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    page.wait_for_selector(".eob-dataset")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.keyboard.press("g")
    page.keyboard.press("4")
    page.wait_for_url("**/verify/1")
    page.keyboard.press("g")
    page.keyboard.press("h")
    page.wait_for_selector(".eob-dataset")
    page.go_back()
    page.wait_for_url("**/verify/1")


def test_log_out_ends_it(enter):
    page = enter("ada")
    page.click("[aria-label='Menu of ada']")
    page.click("text=Log out")
    page.wait_for_selector("input[name=password]")
    page.goto(page.url.split("/auth")[0] + "/datasets/1")
    page.wait_for_selector("input[name=password]")


@pytest.mark.parametrize("path", ["/", "/datasets/1", "/admin", "/verify/1", "/publish/1", "/explore/1"])
def test_no_page_is_wider_than_a_phone(enter, path):
    page = enter("ada", viewport=NARROW, path=path)
    page.wait_for_timeout(1200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_server_that_is_gone_is_told_once_and_a_lost_log_in_too(enter, house):
    page = enter("ada")
    page.wait_for_selector(".eob-dataset")
    page.context.clear_cookies()
    page.click("text=Compute features")
    page.wait_for_selector(".eob-toast--danger >> text=Your log-in has ended")
