"""The explore page as experts use it: real mouse and keyboard, real gate and policy, a small dataset of pictures.

90 patches: forest, sea and city, 30 each, told apart by their colour; two of the forest's are pictures of the sea.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from coasts import EACH, Prepared, prepare
from seats import REFUSED, House, Seat
from sqlalchemy import delete, update

from eobench_dash.db.models import Embedding, FeatureSet, Job
from eobench_dash.domain.jobs import JobState

pytestmark = [
    pytest.mark.browser,
    # the browser's driver and the server's threads are closed by their own ends, at times a moment after the test
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """A workspace with the dataset imported, described and mapped; each test works on a copy."""
    return prepare(tmp_path_factory.mktemp("explore"))


@pytest.fixture
def house(prepared: Any, make_house: Callable[..., House]) -> Iterator[House]:
    yield make_house(*prepared)


# -- looking -----------------------------------------------------------------------------------------------------------
def test_hover_shows_the_picture_at_the_upper_left(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore()
    ordinal = seat.alone(label="sea")
    seat.hover(ordinal)
    card = seat.page.locator("#explore-map .eob-map__card").bounding_box()
    stage = seat.page.locator(".eob-explore__stage").bounding_box()
    assert card["x"] - stage["x"] < 40 and card["y"] - stage["y"] < 40 and card["width"] > 150
    assert seat.page.locator("#explore-map .eob-map__label").inner_text() == "sea"
    picture = seat.page.locator("#explore-map .eob-map__picture img")
    seat.wait(lambda: f"/patches/{ordinal}/image" in (picture.get_attribute("src") or ""), "the picture")
    seat.wait(lambda: picture.evaluate("(i) => i.complete && i.naturalWidth > 0"), "its pixels")


def test_click_shows_ranked_neighbours_and_marks_those_of_another_label(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore()
    ordinal = seat.alone(label="city")
    seat.click(ordinal)
    found = seat.neighbours(ordinal)
    assert len(found) == 20 and ordinal not in found
    titles = [b.get_attribute("title") for b in seat.page.locator("#explore-neighbours [data-ordinal]").all()]
    ranks, distances = zip(
        *(re.search(r"Neighbour (\d+):.*distance ([\d.]+)", t).groups() for t in titles), strict=True
    )
    assert [int(r) for r in ranks] == list(range(1, 21))
    assert list(map(float, distances)) == sorted(map(float, distances))
    stray = EACH + 4  # a picture of the sea under "forest"
    seat.page.fill("#explore-goto", str(stray))
    seat.page.press("#explore-goto", "Enter")
    near = seat.neighbours(stray)
    clashing = seat.page.locator(".eob-explore__neighbour--clash").evaluate_all(
        "(all) => all.map((b) => b.dataset.ordinal)"
    )
    assert [int(o) for o in clashing] == [o for o in near if house.label(o) != "forest"] and len(clashing) >= 15
    assert re.search(r"\d+\s*sea", seat.page.locator(".eob-explore__mix").inner_text())


def test_walking_from_neighbour_to_neighbour(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore()
    first = seat.alone(label="sea")
    seat.click(first)
    second = seat.neighbours(first)[2]
    seat.page.locator("#explore-neighbours [data-ordinal]").nth(2).click()
    assert first in seat.neighbours(second)
    seat.until("map.state().current === a[0]", second)
    seat.wait(lambda: f"patch={second}" in seat.url(), "the address")
    seat.page.get_by_role("button", name="Select", exact=True).click()
    assert seat.js("map.state().selected") == 21


def test_going_to_a_patch_by_number_and_by_path(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore()
    for query, ordinal in (("77", 77), ("forest_05.png", EACH + 5), ("#3", 3)):
        seat.page.fill("#explore-goto", query)
        seat.page.press("#explore-goto", "Enter")
        seat.neighbours(ordinal)
        seat.until("map.state().current === a[0]", ordinal)
    seat.page.fill("#explore-goto", "4711")
    seat.page.press("#explore-goto", "Enter")
    seat.told("There is no patch 4711")


def test_a_link_reopens_map_mode_patch_and_view(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore()
    seat.mode("Clean")
    ordinal = seat.alone(label="city")
    seat.click(ordinal)
    near = seat.neighbours(ordinal)
    seat.page.mouse.move(640, 420)
    seat.page.mouse.wheel(0, -600)
    seat.page.mouse.down()
    seat.page.mouse.move(700, 380, steps=5)
    seat.page.mouse.up()
    seat.wait(lambda: "v=" in seat.url() and "patch=" in seat.url(), "the address")
    seat.settle()
    view = seat.wait(lambda: _view_told(seat), "the view in the address")
    other = sit(house, "eva")
    other.page.goto(seat.url())
    other.ready()
    assert other.neighbours(ordinal) == near
    other.until("map.state().current === a[0]", ordinal)
    assert other.js("map.state().mode") == "clean"
    other.wait(lambda: np.allclose(_view(other), view, rtol=1e-3, atol=1e-3), f"the view {view}, not {_view(other)}")


def _view(seat: Seat) -> list[float]:
    return seat.js("['x', 'y', 'k'].map((key) => map.state().view[key])")


def _view_told(seat: Seat) -> list[float] | None:
    told = re.search(r"[?&]v=([-\d.e]+),([-\d.e]+),([-\d.e]+)", seat.url())
    now = _view(seat)
    return now if told and np.allclose([float(n) for n in told.groups()], now, rtol=1e-4, atol=1e-4) else None


# -- filtering ---------------------------------------------------------------------------------------------------------
def test_filter_by_the_groups(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore()
    sea = seat.page.locator("#explore-groups [data-name=sea]")
    sea.click()
    seat.until("map.state().shown === a[0]", 2 * EACH)
    assert sea.get_attribute("aria-pressed") == "false"
    seat.page.get_by_role("button", name="Show all", exact=True).click()
    seat.until("map.state().shown === a[0]", 3 * EACH)
    sea.dblclick()
    seat.until("map.state().shown === a[0] && map.state().counts[map.labelOf(a[1]).code] === a[0]", EACH, 2 * EACH)
    assert seat.page.locator("#explore-groups [data-name=city]").get_attribute("aria-pressed") == "false"
    sea.dblclick()
    seat.until("map.state().shown === a[0]", 3 * EACH)


# -- cleaning ----------------------------------------------------------------------------------------------------------
def test_in_visualise_a_right_click_says_where_to_clean(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore()
    ordinal = seat.alone(label="city")
    seat.click(ordinal, "right")
    assert seat.page.get_by_role("menuitem").all_inner_texts()[0] == "Find similar"
    assert seat.menu() == [] and seat.page.get_by_role("menuitem", name="Mark as unsure").count() == 0
    seat.page.keyboard.press("Escape")
    seat.page.keyboard.press("2")
    seat.told("Switch to Clean (m) to change labels")
    seat.page.keyboard.press("Control+z")
    seat.told("to take changes back")
    assert seat.page.locator(".eob-assign").count() == 0 and not house.history(ordinal)
    seat.click(ordinal, "right")
    seat.page.get_by_role("menuitem", name="Switch to Clean").click()
    seat.wait(lambda: set(seat.menu()) == {"city", "forest", "sea"}, "the labels")


def test_a_right_click_relabels_at_once_and_undo_takes_it_back(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore()
    seat.mode("Clean")
    ordinal = seat.alone(label="city")
    held: list[Any] = []
    seat.page.route("**/relabel", lambda route: held.append(route))
    seat.click(ordinal, "right")
    assert set(seat.menu()) == {"city", "forest", "sea"}
    seat.page.keyboard.type("for")
    assert seat.menu()[0] == "forest" and len(seat.menu()) == 2  # and the offer of a new label
    seat.page.get_by_placeholder("Reason (optional)").fill("roof gardens")
    seat.page.keyboard.press("Enter")
    seat.wait(lambda: held, "the request")
    assert seat.label(ordinal) == "forest" and house.label(ordinal) == "city"  # painted before the server knows
    held[0].continue_()
    seat.told("1 patch city → forest")
    (event,) = house.history(ordinal)
    assert (event.who, event.from_label, event.to_label, event.why) == ("eva", "city", "forest", "roof gardens")
    seat.wait(lambda: seat.counts() == {"forest": 31, "sea": 30, "city": 29}, "the counts")
    seat.page.keyboard.press("Control+z")
    seat.told("Undo: 1 patch city → forest")
    assert seat.label(ordinal) == house.label(ordinal) == "city"
    seat.wait(lambda: set(seat.counts().values()) == {30}, "the counts")


def test_the_likely_label_comes_first(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore("?mode=clean")
    stray = EACH + 4
    seat.page.fill("#explore-goto", str(stray))
    seat.page.press("#explore-goto", "Enter")
    seat.neighbours(stray)
    seat.page.locator("#explore-map .eob-map__top").focus()
    seat.page.keyboard.press("/")
    seat.wait(lambda: seat.menu()[0] == "sea", "the suggestion")
    assert "neighbours" in seat.page.locator(".eob-assign__item").first.inner_text()
    seat.page.keyboard.press("Escape")
    assert seat.page.locator(".eob-assign").count() == 0
    seat.page.keyboard.press("/")
    seat.wait(lambda: seat.menu()[0] == "sea", "the suggestion")
    seat.page.keyboard.press("Enter")
    seat.told("1 patch forest → sea")
    seat.wait(lambda: "was forest" in seat.page.locator(".eob-explore__facts").inner_text(), "the panel")


def test_a_lasso_is_relabelled_and_taken_back_as_one(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore("?mode=clean")
    spots = [seat.at(o) for o in range(3 * EACH) if seat.label(o) == "sea"]
    left, right = min(x for x, _ in spots) - 6, max(x for x, _ in spots) + 6
    top, bottom = min(y for _, y in spots) - 6, max(y for _, y in spots) + 6
    n = seat.lasso([(left, top), (right, top), (right, bottom), (left, bottom)])
    assert n >= EACH
    chosen = seat.js("Array.from(map.selection())")
    seat.page.mouse.click(*seat.at(chosen[0]), button="right")
    seat.until("document.querySelector('.eob-assign__title').textContent.includes(a[0])", f"{n} patches")
    seat.choose("city")
    seat.told("→ city")
    assert {house.label(o) for o in chosen} == {"city"}
    batches = {house.history(o)[0].batch_id for o in chosen if house.history(o)}
    assert len(batches) == 1
    assert seat.js("map.state().selected") == 0  # the next key is not meant for them
    seat.page.get_by_role("button", name=re.compile("Undo")).click()
    seat.told("Undo:")
    assert seat.label(chosen[0]) == house.label(chosen[0])
    assert sum(house.label(o) == "sea" for o in chosen) == EACH


def test_a_new_label_from_the_menu(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "ben").explore("?mode=clean")
    ordinal = seat.alone(label="city")
    seat.click(ordinal, "right")
    seat.choose("Old  town")
    seat.wait(lambda: seat.counts().get("Old town") == 1, "the new group")
    seat.until("map.labelOf(a[0]).name === 'Old town'", ordinal)
    assert house.label(ordinal) == "Old town"


def test_digits_assign_and_stay_what_they_were(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore()
    seat.page.keyboard.press("m")
    seat.until("map.state().mode === 'clean'")
    told = (
        "Object.fromEntries([...document.querySelectorAll('[data-key]')].map((b) => [b.dataset.name, b.dataset.key]))"
    )
    keys = seat.js(told)
    assert sorted(keys.values()) == ["1", "2", "3"]
    first = seat.alone(label="city")
    second = seat.alone(label="city", avoid=[first])
    for ordinal in (first, second):  # after the first, forest is the largest group
        seat.hover(ordinal)
        seat.page.keyboard.press(keys["forest"])
        seat.wait(lambda o=ordinal: house.label(o) == "forest", "the label")
        seat.wait(lambda: seat.counts()["forest"] > EACH, "the counts")
    seat.wait(lambda: seat.counts()["forest"] == EACH + 2, "the counts")
    seat.page.reload()
    seat.ready()
    assert seat.js(told) == keys
    stored = f"eob-digits-{house.dataset_id}"
    codes = seat.js(f"JSON.parse(localStorage.getItem('{stored}'))")
    kept = [codes[2], None, codes[1]]  # the second key was free: another label takes it, and the third stays
    seat.js(f"localStorage.setItem('{stored}', JSON.stringify(a[0])) ?? null", kept)
    seat.page.reload()
    seat.ready()
    assert seat.js("window.eob.explore.digit(3).code") == codes[1]
    assert seat.js("window.eob.explore.digit(2).code") == codes[0]


def test_undo_leaves_a_newer_change_of_somebody_else_and_names_it(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore("?mode=clean")
    ordinal = seat.alone(label="city")
    seat.click(ordinal, "right")
    seat.choose("forest")
    seat.told("city → forest")
    other = seat.alone(label="city", avoid=[ordinal])
    house.relabel("ben", [ordinal], "sea")
    seat.allowed += (REFUSED,)
    seat.page.keyboard.press("Control+z")
    seat.told(f"patch {ordinal} was changed since by ben to sea, and that stands")
    assert house.label(ordinal) == "sea"
    seat.until("map.labelOf(a[0]).name === 'sea'", ordinal)
    house.assign("eva", None)
    seat.js("window.eob.explore.assign(a[0], 'forest')", [ordinal, other])
    seat.told("2 patches")
    house.relabel("ben", [ordinal], "city")
    seat.page.keyboard.press("Control+z")
    seat.told("(1 of them)")
    seat.told(f"Left alone: patch {ordinal}, changed since by ben to city")


def test_a_change_of_somebody_else_arrives_within_five_seconds(house: House, sit: Callable[..., Seat]) -> None:
    one, two = sit(house, "eva").explore("?mode=clean"), sit(house, "rob").explore()
    ordinal = one.alone(label="city")
    two.click(two.alone(label="sea"))
    one.click(ordinal, "right")
    one.choose("sea")
    one.told("city → sea")
    two.until("map.labelOf(a[0]).name === 'sea'", ordinal, seconds=5)
    two.wait(lambda: two.counts()["sea"] == EACH + 1, "the counts", seconds=5)


def test_an_expert_is_told_what_is_not_theirs(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eli").explore("?mode=clean")
    seat.allowed += (REFUSED,)
    foreign, own = seat.alone(label="city"), seat.alone(label="sea")
    seat.click(foreign, "right")
    seat.choose("sea")
    seat.told("outside your groups (city), so nothing was changed. Assigned to you: sea")
    seat.until("map.labelOf(a[0]).name === 'city'", foreign)  # what was painted is taken back
    assert not house.history(foreign)
    seat.click(own, "right")
    seat.choose("city")
    seat.told("1 patch sea → city")
    assert house.label(own) == "city"


def test_a_change_that_cannot_be_sent_is_rolled_back(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore("?mode=clean")
    seat.allowed += (REFUSED,)
    seat.page.route("**/relabel", lambda route: route.abort())
    ordinal = seat.alone(label="city")
    seat.click(ordinal, "right")
    seat.choose("forest")
    seat.told("The server does not answer")
    assert seat.label(ordinal) == "city"


def test_a_reader_cannot_clean(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore("?mode=clean")
    assert seat.js("map.state().mode") == "visualise"
    assert not seat.page.locator("#explore-mode").is_visible()
    for name in ("New map", "Undo"):
        assert seat.page.get_by_role("button", name=re.compile(name)).count() == 0
    assert seat.page.locator(".eob-explore__group .eob-button--icon").count() == 0
    ordinal = seat.alone(label="city")
    seat.click(ordinal, "right")
    names = seat.page.get_by_role("menuitem").all_inner_texts()
    assert names == ["Find similar", "Select this patch", "History of this patch", "Copy link to patch"]
    seat.page.keyboard.press("Escape")
    seat.page.keyboard.press("m")
    seat.page.keyboard.press("1")
    seat.page.keyboard.press("Control+z")
    seat.settle()
    assert seat.page.locator(".eob-assign").count() == 0 and not house.history(ordinal)


# -- maps --------------------------------------------------------------------------------------------------------------
def test_the_map_of_a_group_and_the_way_back(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore()
    back = seat.page.get_by_role("button", name="All patches", exact=True)
    assert not back.is_visible()
    seat.page.get_by_role("button", name="Map of sea alone").click()
    seat.told("it opens when it is ready")
    job, *_ = house.do_jobs()
    assert job.state == JobState.DONE, job.error
    seat.until("map.state().ready && map.state().n === a[0]", EACH, seconds=25)
    assert seat.js("map.labelOf(a[0]).name", 2 * EACH) == "sea" and seat.js("map.labelOf(0)") is None
    seat.wait(lambda: "map=" in seat.url(), "the address")
    back.click()
    seat.until("map.state().ready && map.state().n === a[0]", 3 * EACH)
    seat.wait(lambda: not back.is_visible(), "the way back to go")
    seat.page.get_by_role("button", name="Map of sea alone").click()  # known by now
    seat.until("map.state().ready && map.state().n === a[0]", EACH)
    assert not house.do_jobs()


def test_without_a_map_it_says_so_and_shows_the_map_when_it_comes(house: House, sit: Callable[..., Seat]) -> None:
    with house.ws.db.write() as session:
        session.execute(delete(Embedding))
    seat = sit(house, "eva")
    seat.page.goto(f"{house.url}/explore/{house.dataset_id}")
    seat.page.get_by_role("heading", name="No map yet").wait_for()
    seat.page.get_by_role("button", name="Compute a map").click()
    seat.page.get_by_role("button", name="Compute", exact=True).click()
    seat.page.get_by_role("heading", name="The map is on its way").wait_for()
    house.do_jobs()
    seat.until("map && map.state().ready && map.state().n === a[0]", 3 * EACH, seconds=25)
    assert not seat.page.locator(".eob-explore__nothing").is_visible()


def test_a_failed_job_is_shown_where_the_map_would_be(house: House, sit: Callable[..., Seat]) -> None:
    with house.ws.db.write() as session:
        session.execute(delete(Embedding))
        session.execute(update(Job).where(Job.kind == "embed").values(state="failed", error="The disk is full."))
    seat = sit(house, "eva")
    seat.page.goto(f"{house.url}/explore/{house.dataset_id}")
    seat.page.get_by_role("heading", name="The map could not be made").wait_for()
    stage = seat.page.locator(".eob-explore__stage")
    assert "The disk is full." in stage.inner_text()


def test_without_features_it_says_where_to_get_them(house: House, sit: Callable[..., Seat]) -> None:
    with house.ws.db.write() as session:
        session.execute(delete(Embedding))
        session.execute(delete(FeatureSet))
        session.execute(delete(Job))
    seat = sit(house, "eva")
    seat.page.goto(f"{house.url}/explore/{house.dataset_id}")
    seat.page.get_by_role("heading", name="No features yet").wait_for()
    seat.page.get_by_role("link", name="Labels and settings").last.click()
    seat.page.wait_for_url(f"**/datasets/{house.dataset_id}")


# -- the page itself ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("viewport", "theme"), [((1440, 900), "light"), ((390, 844), "dark")])
def test_everything_is_in_reach(house: House, sit: Callable[..., Seat], viewport: tuple[int, int], theme: str) -> None:
    seat = sit(house, "eva", viewport=viewport, color_scheme=theme).explore("?mode=clean&patch=5")
    seat.neighbours(5)
    assert seat.js("document.documentElement.scrollWidth") == viewport[0]
    boxes = [seat.page.locator(f".eob-explore__{part}").bounding_box() for part in ("bar", "stage", "left", "right")]
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            apart = a["x"] + a["width"] <= b["x"] + 1 or b["x"] + b["width"] <= a["x"] + 1
            assert apart or a["y"] + a["height"] <= b["y"] + 1 or b["y"] + b["height"] <= a["y"] + 1, (a, b)
    assert boxes[1]["height"] > 300 and boxes[2]["y"] < viewport[1] - 100  # the panel shows its head
    last = seat.page.locator("#explore-groups > :last-child")
    last.scroll_into_view_if_needed()
    box = last.bounding_box()
    at = seat.js(
        "Boolean(document.elementFromPoint(a[0], a[1])?.closest('#explore-groups'))", box["x"] + 20, box["y"] + 10
    )
    assert at
    tools, toasts = seat.page.locator("#explore-map .eob-map__tools").bounding_box(), None
    seat.page.evaluate("() => window.eob.toast({ text: 'A message of usual length, as one is shown after a change' })")
    toasts = seat.page.locator(".eob-toast").bounding_box()
    if viewport[0] > 720:
        assert toasts["x"] + toasts["width"] < tools["x"]


def test_leaving_for_another_page_and_coming_back_starts_afresh(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore()
    seat.page.locator("#explore-groups [data-name=sea]").click()
    seat.until("map.state().shown === a[0]", 2 * EACH)
    seat.page.get_by_role("link", name="Verify").click()
    seat.until("!document.getElementById('explore-root')")
    seat.page.get_by_role("link", name="Explore").click()
    seat.ready()
    assert seat.js("map.state().shown") == 3 * EACH
    assert house.label(0) == "city"
