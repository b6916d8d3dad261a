"""The explore page's first seconds, and what it says before somebody tries: what is missing, or not allowed."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from coasts import Prepared, prepare
from seats import REFUSED, House, Seat
from sqlalchemy import delete, select

from eobench_dash.db.models import Assignment, Embedding, FeatureSet
from eobench_dash.services.neighbours import graph_name

pytestmark = [
    pytest.mark.browser,
    # the browser's driver and the server's threads are closed by their own ends, at times a moment after the test
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
GL = """const real = HTMLCanvasElement.prototype.getContext;
window.order = [];
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  if (kind === "webgl2") window.order.push(kind);
  return real.call(this, kind, ...more);
};
document.addEventListener("eob:ready", () => window.order.push("ready"));"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(tmp_path_factory.mktemp("first"))


@pytest.fixture
def house(prepared: Any, make_house: Callable[..., House]) -> Iterator[House]:
    yield make_house(*prepared)


def asked_by(seat: Seat) -> list[str]:
    """The paths that the seat's page asks for, from now on."""
    asked: list[str] = []
    seat.page.on("request", lambda request: asked.append(re.sub(r"^https?://[^/]+|\?.*$", "", request.url)))
    return asked


# -- the first picture -------------------------------------------------------------------------------------------------
def test_the_maps_bytes_and_program_are_asked_for_once_and_before_dash_knows_the_page(
    house: House, sit: Callable[..., Seat]
) -> None:
    seat = sit(house, "rob")
    asked = asked_by(seat)
    seat.explore()
    base = f"/data/datasets/{house.dataset_id}"
    (coords,) = [path for path in asked if path.startswith(f"{base}/embeddings/") and path.endswith(".bin")]
    assert asked.count(f"{base}/labels.bin") == 1
    (program,) = [path for path in asked if path.startswith("/program/")]
    first = asked.index("/_dash-update-component")
    assert max(asked.index(coords), asked.index(f"{base}/labels.bin"), asked.index(program)) < first
    modules = [path for path in asked if "/embedding_map/js/" in path]
    assert len(modules) == 1 and "/loader." in modules[0]


def test_nothing_moves_once_the_map_is_there(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob")
    seat.page.add_init_script("""
      const places = window.places = [];
      const look = () => {
        const map = document.getElementById("explore-map")?.eobMap;
        const parts = [...document.querySelectorAll(".eob-map__top, .eob-explore__bar > :not([hidden])")];
        const now = JSON.stringify(parts.map((part) => {
          const { x, y, width, height } = part.getBoundingClientRect();
          return [part.className.replace("eob-map__top is-over", "eob-map__top"), x, y, width, height].join(" ");
        }));
        if (map?.state().ready && places.at(-1) !== now) places.push(now);
        requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    """)
    held: list[Any] = []
    seat.page.route("**/async-dropdown*", lambda route: held.append(route))  # so late on a slow line
    seat.explore()
    seat.wait(lambda: held, "the choice is asked for")
    for route in held:
        route.continue_()
    seat.until("document.querySelector('#explore-maps .dash-dropdown-value, #explore-maps.dash-dropdown')")
    seat.settle()
    places = [json.loads(told) for told in seat.js("window.places")]
    assert [sorted(set(now) ^ set(places[0])) for now in places[1:]] == []


def test_another_map_or_page_asks_for_its_own_bytes(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob")
    seat.page.goto(house.url)
    seat.page.wait_for_selector("main h1")
    asked = asked_by(seat)
    seat.page.evaluate("(path) => window.eob.go(path)", f"/explore/{house.dataset_id}")
    seat.ready()
    bytes_ = f"/data/datasets/{house.dataset_id}/labels.bin"
    assert asked.count(bytes_) == 1
    seat.page.evaluate("() => window.eob.go('/')")
    seat.wait(lambda: not seat.page.locator("#explore-root").count(), "home")
    seat.page.evaluate("(path) => window.eob.go(path)", f"/explore/{house.dataset_id}")
    seat.ready()
    assert asked.count(bytes_) == 2 and len([path for path in asked if path.startswith("/program/")]) == 1


def test_early_bytes_that_are_refused_are_asked_for_again(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob")
    seat.allowed += (REFUSED,)
    refused: list[str] = []

    def once(route: Any) -> None:
        refused.append(route.request.url)
        route.fulfill(status=503) if len(refused) == 1 else route.continue_()

    seat.page.route("**/labels.bin", once)
    seat.explore()
    assert len(refused) == 2 and seat.js("map.state().n") == 90


def test_nobody_waits_for_a_gpu(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob")
    seat.page.add_init_script(GL)
    seat.explore()
    order = seat.wait(
        lambda: (o := seat.page.evaluate("() => window.order")) and "webgl2" in o and o, "a look for a GPU"
    )
    assert order == ["ready", "webgl2"]


def test_charts_bring_plotly_when_they_are_opened(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob")
    asked = asked_by(seat)
    seat.explore()
    assert not seat.page.locator("#explore-charts-graph").count() and not [path for path in asked if "plotly" in path]
    seat.page.get_by_role("tab", name="Charts").click()
    seat.page.wait_for_selector("#explore-charts-graph .js-plotly-plot")
    assert len([path for path in asked if "plotly.min" in path]) == 1
    other = sit(house, "rob").explore("?tab=charts")  # a link to them
    other.page.wait_for_selector("#explore-charts-graph .js-plotly-plot")


def test_what_a_tab_was_set_to_stays_when_it_is_left(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore()
    seat.page.get_by_role("tab", name="History").click()
    seat.page.locator("#explore-history-who").get_by_text("Mine").click()
    seat.page.get_by_role("tab", name="Labels").click()
    seat.page.get_by_role("tab", name="History").click()
    assert seat.page.locator("#explore-history-who").get_by_label("Mine").is_checked()


def test_the_form_of_a_new_map_is_there_at_once(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore()
    seat.page.get_by_role("button", name="New map").click()
    seat.page.wait_for_selector("#explore-new[open] #explore-compute")
    seat.page.keyboard.press("Escape")
    assert not seat.page.locator("#explore-new[open]").count()


def test_nothing_is_asked_for_that_is_not_there(house: House, sit: Callable[..., Seat]) -> None:
    """Neighbours that nobody computed: the browser's word on a 404 would fail the test."""
    with house.ws.db.read() as session:
        for features in session.scalars(select(FeatureSet)):
            name = f"{graph_name(features)}-indices"
            house.ws.store.artefact_path(house.dataset_id, name, ".npy").unlink(missing_ok=True)
    seat = sit(house, "rob")
    asked = asked_by(seat)
    seat.explore()
    columns = f"/api/datasets/{house.dataset_id}/columns"
    seat.wait(lambda: seat.page.wait_for_timeout(20) or columns in asked, "what the card can tell")  # events need time
    seat.hover(seat.alone(label="sea"))
    seat.page.wait_for_load_state("networkidle")
    assert not [path for path in asked if path.endswith("mix.bin")]


# -- what is said before -----------------------------------------------------------------------------------------------
def test_who_has_no_assignment_is_told_why_not(house: House, sit: Callable[..., Seat]) -> None:
    with house.ws.db.write() as session:
        session.execute(delete(Assignment).where(Assignment.user_id == house.who["eli"].user_id))
    seat = sit(house, "eli").explore("?mode=clean")
    clean = seat.page.locator("#explore-mode").get_by_label("Clean")
    assert clean.is_disabled() and seat.js("map.state().mode") == "visualise"
    for key in ("m", "1", "u"):
        seat.page.keyboard.press(key)
        seat.told("Ask a builder for an assignment")
        seat.page.locator(".eob-toast button").first.click()
    assert seat.js("map.state().mode") == "visualise"


def test_who_was_logged_out_is_told_so_with_the_way_back(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore("?mode=clean")
    seat.allowed += (REFUSED,)
    ordinal = seat.alone(label="sea")
    seat.hover(ordinal)
    seat.page.context.clear_cookies()
    seat.page.keyboard.press("1")
    seat.told("You are logged out, and nothing was changed. Log in again to go on.")
    way = seat.page.locator(".eob-toast a", has_text="nothing was changed").get_attribute("href")
    assert way.startswith("/auth/login?next=%2Fexplore%2F") and seat.label(ordinal) == "sea"


def test_redo_has_a_button_beside_undo(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore("?mode=clean")
    undo, redo = (seat.page.locator(f'[data-explore="{verb}"]') for verb in ("undo", "redo"))
    seat.wait(lambda: undo.is_disabled() and redo.is_disabled(), "nothing to undo yet")
    ordinal = seat.alone(label="sea")
    seat.hover(ordinal)
    seat.page.keyboard.press("1")
    now = seat.wait(lambda: (name := house.label(ordinal)) != "sea" and name, "the change")
    seat.wait(lambda: "1 patch" in (undo.get_attribute("title") or ""), "its name")
    undo.click()
    seat.wait(lambda: house.label(ordinal) == "sea", "the undo")
    seat.wait(
        lambda: redo.is_enabled() and "Redo: 1 patch" in (redo.get_attribute("title") or ""), "what a redo would do"
    )
    redo.click()
    seat.wait(lambda: house.label(ordinal) == now, "the redo")
    seat.wait(redo.is_disabled, "nothing more to redo")


def test_without_a_map_nothing_is_offered_that_needs_one(house: House, sit: Callable[..., Seat]) -> None:
    with house.ws.db.write() as session:
        session.execute(delete(Embedding))
    seat = sit(house, "eva")
    seat.page.goto(f"{house.url}/explore/{house.dataset_id}")
    seat.page.wait_for_selector("text=No map yet >> visible=true")
    needing = [seat.page.locator(f".eob-explore__bar {one}") for one in ('[data-do="split"]', '[data-do="thumbs"]',
               '[data-colour-menu="explore-map"]')]  # fmt: skip
    assert not any(one.is_visible() for one in needing)
    for key in "tdc":
        seat.page.keyboard.press(key)
    assert seat.page.locator("#explore-root").get_attribute("data-split") == ""
    seat.page.evaluate("(id) => { window.dash_clientside.eobView.openMap(1, id); }", house.dataset_id)  # as Dash does
    assert all(one.is_visible() for one in needing)
