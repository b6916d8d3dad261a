"""The verify and publish pages in a real browser: drawn in both themes, nothing wider than the screen, no error."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from lakes import Lakes, add_crew, add_lakes
from playwright.sync_api import Browser, Page, sync_playwright
from seats import ARGS, CHROMIUM
from verified import FINGERPRINT, add_features, add_verification
from werkzeug.security import generate_password_hash
from werkzeug.serving import make_server

from eobench_dash import web
from eobench_dash.db.models import User
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import Settings

pytestmark = [
    pytest.mark.browser,
    # the browser's driver and the server's threads are closed by their own ends, at times a moment after the test
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
WORDS = "correct horse battery"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Lakes]]:
    """A server with a verified dataset: its address, the dataset."""
    settings = Settings(_env_file=None, home=tmp_path_factory.mktemp("home"))
    ws = open_workspace(settings, create=True)
    crew = add_crew(ws)
    lakes = add_lakes(ws, crew, name="Lakes <b>")
    add_features(ws, lakes.id)
    add_verification(ws, lakes.id, crew["ben"])
    with ws.db.write() as session:
        session.get_one(User, crew["eva"].user_id).password_hash = generate_password_hash(
            WORDS, method="scrypt:1024:8:1"
        )
    server = make_server("127.0.0.1", 0, web.create_app(settings, ws=ws).server, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}", lakes
    server.shutdown()
    server.server_close()
    thread.join()
    ws.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, place: tuple[str, Lakes]) -> Iterator[Page]:
    """A browser in which eva is logged in; complaints of the console fail the test at its end."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    shown = context.new_page()
    complaints: list[str] = []
    shown.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    shown.on("pageerror", lambda error: complaints.append(str(error)))
    shown.goto(f"{place[0]}/auth/login")
    shown.fill("input[name=name]", "lake-eva")
    shown.fill("input[type=password]", WORDS)
    shown.click("button[type=submit]")
    yield shown
    context.close()
    assert not complaints


def open_page(page: Page, place: tuple[str, Lakes], name: str) -> None:
    page.goto(f"{place[0]}/{name}/{place[1].id}")
    page.wait_for_selector(f".eob-{name} .eob-card")


def test_numbers_figures_and_sorting(page: Page, place: tuple[str, Lakes]) -> None:
    open_page(page, place, "verify")
    page.wait_for_selector(".eob-verify .heatmaplayer")
    text = page.inner_text(".eob-verify")
    assert "90.0" in text and FINGERPRINT[:16] in text and "Lakes <b>" in text
    assert page.locator(".eob-verify .js-plotly-plot").count() >= 4
    first = page.inner_text(".eob-verify__table tbody tr:first-child td:first-child")
    page.click(".eob-verify__table th:first-child button")
    page.wait_for_selector('.eob-verify__table th:first-child[aria-sort="ascending"]')
    assert page.inner_text(".eob-verify__table tbody tr:first-child td:first-child") == "Lake" and first


def test_theme_changes_the_figures(page: Page, place: tuple[str, Lakes]) -> None:
    open_page(page, place, "verify")
    page.wait_for_selector(".eob-verify .heatmaplayer")
    tick = page.locator(".eob-verify .ytick text").first
    light = tick.evaluate("text => getComputedStyle(text).fill")
    page.evaluate("window.eob.theme.choose('dark')")
    for _ in range(100):
        if tick.evaluate("text => getComputedStyle(text).fill") != light:
            break
        page.wait_for_timeout(100)
    assert tick.evaluate("text => getComputedStyle(text).fill") == "rgb(231, 238, 236)" != light


@pytest.mark.parametrize("name", ["verify", "publish"])
def test_nothing_is_wider_than_a_telephone(page: Page, place: tuple[str, Lakes], name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, place, name)
    if name == "verify":
        page.wait_for_selector(".eob-verify .heatmaplayer")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_report_and_export_come_home(page: Page, place: tuple[str, Lakes]) -> None:
    open_page(page, place, "publish")
    with page.expect_download() as pdf:
        page.click("text=Report (PDF)")
    assert Path(pdf.value.path()).read_bytes().startswith(b"%PDF")
    card = page.locator("article", has_text="Index (CSV)")
    card.get_by_role("button", name="Make the file").click()
    with page.expect_download() as csv:
        card.get_by_role("link", name="Download").click()
    assert "River/0.png" in Path(csv.value.path()).read_text("utf-8-sig")
