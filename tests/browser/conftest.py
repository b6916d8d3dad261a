"""Fixtures for pages in a real browser: ``make_house`` serves a workspace, ``sit`` logs somebody in."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from maps import opened, theatre  # noqa: F401
from seats import ARGS, CHEAP, CHROMIUM, House, Quiet, Seat, log_in
from werkzeug.serving import make_server

from eobench_dash import web
from eobench_dash.domain.people import Principal
from eobench_dash.services import users
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


@pytest.fixture(scope="module", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """A log-in renews hashes of another strength; those worth their name take a third of a second each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users, "HASH_METHOD", CHEAP)
        yield


Stop = Callable[[], None]


def serve(home: Path, settings: Settings, dataset_id: int, who: dict[str, Principal], stops: list[Stop]) -> House:
    """Serve a copy of the workspace in ``settings.home``, until what is added to ``stops`` is called."""
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


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """``make_house(settings, dataset_id, who)``: serves a copy of the workspace in ``settings.home``."""
    stops: list[Stop] = []
    yield lambda *prepared: serve(tmp_path / "home", *prepared, stops)
    for stop in stops:
        stop()


@dataclass
class Shared:
    """Houses of a module's tests that only look, and browsers that have been in them: their caches are warm."""

    stops: list[Stop] = field(default_factory=list)
    urls: set[str] = field(default_factory=set)
    contexts: dict[tuple[str, ...], Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def shared(chromium_here: Any) -> Iterator[Shared]:
    found = Shared()
    yield found
    for stop in [context.close for context in found.contexts.values()] + found.stops:
        stop()


@pytest.fixture(scope="module")
def share_house(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., House]:
    """As ``make_house``, once for the module: for tests that change nothing that another one looks at."""

    def make(*prepared: Any) -> House:
        house = serve(tmp_path_factory.mktemp("shared") / "home", *prepared, shared.stops)
        shared.urls.add(house.url)
        return house

    return make


@pytest.fixture
def sit(chromium_here: Any, shared: Shared) -> Iterator[Callable[..., Seat]]:
    """``sit(house, "eva", viewport=(…))``: somebody's own browser, logged in unless it is None; complaints fail.

    In a shared house a person's browser is that of the tests before, without what they left in it.
    """
    seats: list[Seat] = []
    own: list[Any] = []

    def context_of(house: House, name: str | None, size: dict[str, int], options: dict[str, Any]) -> Any:
        key = (house.url, str(name), json.dumps(options, sort_keys=True))
        if key in shared.contexts:
            return shared.contexts[key]
        context = chromium_here.new_context(viewport=size, accept_downloads=True, reduced_motion="reduce", **options)
        if name is not None:
            log_in(context.request, house.url, name)
        if house.url in shared.urls:
            shared.contexts[key] = context
        else:
            own.append(context)
        return context

    def start(house: House, name: str | None, *, viewport: tuple[int, int] = (1280, 800), **options: Any) -> Seat:
        size = {"width": viewport[0], "height": viewport[1]}
        seat = Seat(context_of(house, name, size, options).new_page(), house)
        seats.append(seat)
        seat.page.set_viewport_size(size)
        seat.page.on("console", lambda m: m.type in ("error", "warning") and seat.problems.append(m.text))
        seat.page.on("pageerror", lambda e: seat.problems.append(str(e)))
        return seat

    yield start
    for seat in seats:
        if seat.house.url in shared.urls and seat.page.url.startswith(seat.house.url):
            seat.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        seat.page.close()
    for context in own:
        context.close()
    for seat in seats:
        left = [text for text in seat.problems if not any(words in text for words in seat.allowed)]
        assert not left, left
