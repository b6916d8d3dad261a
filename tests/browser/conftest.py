"""Fixtures for pages in a real browser: ``make_house`` serves a workspace, ``sit`` logs somebody in."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from maps import opened, theatre  # noqa: F401
from seats import ARGS, CHROMIUM, House, Quiet, Seat, log_in
from werkzeug.serving import make_server

from eobench_dash import web
from eobench_dash.domain.people import Principal
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import Settings


@pytest.fixture(scope="module")
def chromium_here() -> Iterator[Any]:
    """A browser for the module (two drivers at a time cannot be in one process)."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium: install it or set EOBENCH_CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """``make_house(settings, dataset_id, who)``: serves a copy of the workspace in ``settings.home``."""
    stops: list[Callable[[], None]] = []

    def make(settings: Settings, dataset_id: int, who: dict[str, Principal]) -> House:
        home = tmp_path / "home"
        shutil.copytree(settings.home, home)
        copied = settings.model_copy(update={"home": home, "data_roots": settings.data_roots})
        ws = open_workspace(copied)
        app = web.create_app(copied, ws=ws)
        server = make_server("127.0.0.1", 0, app.server, threaded=True, request_handler=Quiet)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        stops.extend([server.shutdown, thread.join, server.server_close, ws.close])
        return House(ws, f"http://127.0.0.1:{server.server_port}", dataset_id, who)

    yield make
    for stop in stops:
        stop()


@pytest.fixture
def sit(chromium_here: Any) -> Iterator[Callable[..., Seat]]:
    """``sit(house, "eva", viewport=(…))``: somebody's own browser, logged in unless it is None; complaints fail."""
    seats: list[Seat] = []

    def start(house: House, name: str | None, *, viewport: tuple[int, int] = (1280, 800), **options: Any) -> Seat:
        size = {"width": viewport[0], "height": viewport[1]}
        context = chromium_here.new_context(viewport=size, accept_downloads=True, reduced_motion="reduce", **options)
        seat = Seat(context.new_page(), house)
        seats.append(seat)
        seat.page.on("console", lambda m: m.type in ("error", "warning") and seat.problems.append(m.text))
        seat.page.on("pageerror", lambda e: seat.problems.append(str(e)))
        if name is not None:
            log_in(context.request, house.url, name)
        return seat

    yield start
    for seat in seats:
        seat.page.context.close()
    for seat in seats:
        left = [text for text in seat.problems if not any(words in text for words in seat.allowed)]
        assert not left, left
