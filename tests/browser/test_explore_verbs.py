"""What an expert does with hands on the explore page: menu, marks, walk, history, undo, redo, two experts at once."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from coasts import Prepared, prepare
from seats import REFUSED, House, Seat, add_people, log_in
from sqlalchemy import func, insert, select

from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Label, Patch
from eobench_dash.services import annotate
from eobench_dash.services.patches import patch_info
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import Settings
from eobench_dash.store.arrays import save_arrays

pytestmark = [
    pytest.mark.browser,
    # the browser's driver and the server's threads are closed by their own ends, at times a moment after the test
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
MANY = 50_000


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare(tmp_path_factory.mktemp("verbs"))


@pytest.fixture
def house(prepared: Any, make_house: Callable[..., House]) -> Iterator[House]:
    yield make_house(*prepared)


def marks(house: House, ordinal: int) -> tuple[bool, bool]:
    info = patch_info(house.ws, house.who["ada"], dataset_id=house.dataset_id, ordinal=ordinal)
    return info.unsure, info.excluded


def go_to(seat: Seat, ordinal: int) -> list[int]:
    """Type a patch's number; its neighbours. The map has the focus then."""
    seat.page.fill("#explore-goto", str(ordinal))
    seat.page.press("#explore-goto", "Enter")
    near = seat.neighbours(ordinal)
    seat.settle()
    seat.page.locator("#explore-map .eob-map__top").focus()
    return near


def deaf(seat: Seat) -> Callable[[], None]:
    """The page hears of nobody's changes until the function returned is called."""
    listening: list[bool] = []

    def answer(route: Any) -> None:
        if listening:
            route.continue_()
            return
        asked = parse_qs(urlsplit(route.request.url).query)
        seen, revision = int(asked["since"][0]), int(asked.get("revision", ["0"])[0])
        told = {"last": seen, "changes": [], "reload": False, "revision": revision, "marks": []}
        route.fulfill(status=200, content_type="application/json", body=json.dumps(told))

    seat.page.route(re.compile(r"/changes\?"), answer)
    return lambda: listening.append(True)


# -- the menu ----------------------------------------------------------------------------------------------------------
def test_the_menu_by_keys_alone(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore("?mode=clean")
    go_to(seat, 70)
    seat.page.keyboard.press("/")
    seat.menu()
    seat.page.keyboard.type("mark")
    field = seat.page.get_by_role("combobox", name="Assign patch 70")
    seat.wait(lambda: field.get_attribute("aria-activedescendant") == "explore-menu-0", "the first row")
    seat.page.keyboard.press("ArrowDown")  # beside the offer of a label "mark" there is the mark
    row = seat.page.locator(f"#{field.get_attribute('aria-activedescendant')}")
    assert row.get_attribute("aria-selected") == "true" and "Mark as unsure" in row.inner_text()
    seat.page.keyboard.press("Enter")
    seat.told("1 patch marked unsure")
    seat.wait(lambda: seat.page.locator("#explore-neighbours .eob-chip").all_inner_texts() == ["unsure"], "the chip")
    assert marks(house, 70) == (True, False)
    seat.page.keyboard.press("/")
    seat.page.keyboard.press("ArrowUp")  # around to the last
    items = seat.page.locator(".eob-assign__action").all_inner_texts()
    seat.wait(lambda: "No longer unsure" in seat.page.locator(".eob-assign__more").inner_text(), "the mark known")
    assert seat.page.locator("[data-at]").inner_text().strip() == items[-1].strip()
    seat.page.keyboard.press("Escape")
    assert seat.page.locator(".eob-assign").count() == 0


@pytest.mark.parametrize("viewport", [(1280, 800), (390, 844)])
def test_the_menu_stays_inside_the_window(house: House, sit: Callable[..., Seat], viewport: tuple[int, int]) -> None:
    seat = sit(house, "eva", viewport=viewport).explore("?mode=clean&patch=70")
    seat.neighbours(70)
    for at in (0, -1):
        thumb = seat.page.locator("#explore-neighbours [data-ordinal]").nth(at)
        thumb.scroll_into_view_if_needed()
        thumb.click(button="right")
        seat.menu()
        seat.wait(lambda: "Copy link" in seat.page.locator(".eob-assign__more").inner_text(), "the menu")
        box = seat.page.locator(".eob-assign").bounding_box()
        assert box["x"] >= 0 and box["y"] >= 0
        assert box["x"] + box["width"] <= viewport[0] and box["y"] + box["height"] <= viewport[1]
        seat.page.keyboard.press("Escape")


def test_a_picture_in_the_panel_has_the_menu_too(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva", permissions=["clipboard-read", "clipboard-write"]).explore("?mode=clean&patch=34")
    near = seat.neighbours(34)
    thumb = seat.page.locator("#explore-neighbours [data-ordinal]").nth(3)
    thumb.click(button="right")
    seat.page.get_by_role("option", name="Copy link to patch").click()
    seat.told("Link copied")
    assert f"patch={near[3]}" in seat.page.evaluate("() => navigator.clipboard.readText()")
    thumb.click(button="right")
    seat.choose("city")
    seat.told("→ city")
    assert house.label(near[3]) == "city"
    thumb.click(button="right")
    seat.page.get_by_role("option", name="History of this patch").click()
    seat.neighbours(near[3])
    seat.wait(lambda: "→ city" in seat.page.locator(".eob-story").inner_text(), "the history")
    assert "Came in as" in seat.page.locator(".eob-story").inner_text()


def test_a_long_press_opens_the_menu(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva", viewport=(390, 844), has_touch=True).explore("?mode=clean&patch=34")
    near = seat.neighbours(34)
    thumb = seat.page.locator("#explore-neighbours [data-ordinal]").first
    thumb.scroll_into_view_if_needed()
    box = thumb.bounding_box()
    finger = seat.page.context.new_cdp_session(seat.page)
    point = [{"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}]
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": point})
    seat.wait(lambda: seat.page.locator(".eob-assign").count(), "the menu")
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert f"patch {near[0]} " in seat.page.locator(".eob-assign__title").inner_text()
    seat.settle()
    assert seat.page.locator(".eob-assign").count() == 1


# -- keys --------------------------------------------------------------------------------------------------------------
def test_marks_by_key_and_back(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore("?mode=clean")
    ordinal = seat.alone(label="city")
    seat.hover(ordinal)
    for key, words, after in (
        ("u", "marked unsure", (True, False)),
        ("x", "excluded from the benchmark", (True, True)),
        ("Shift+U", "no longer marked unsure", (False, True)),
        ("z", "Undo: 1 patch no longer marked unsure", (True, True)),
        ("Shift+X", "included in the benchmark", (True, False)),
    ):
        seat.page.keyboard.press(key)
        seat.told(words)
        seat.wait(lambda want=after: marks(house, ordinal) == want, f"{key}: {after}")


def test_arrows_walk_the_neighbours_and_enter_goes_there(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore("?mode=clean")
    first = go_to(seat, 70)
    view = seat.js("map.state().view")
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "ArrowUp"):
        seat.page.keyboard.press(key)
    walked = seat.page.locator("#explore-neighbours [aria-current]")
    assert walked.get_attribute("data-ordinal") == str(first[1])
    assert seat.js("map.state().linked") == first[1] and seat.js("map.state().view") == view
    seat.page.keyboard.press("2")  # what a key acts on is what was walked to
    seat.wait(lambda: house.history(first[1]), "the label")
    seat.page.keyboard.press("Enter")
    seat.neighbours(first[1])
    seat.until("map.state().current === a[0]", first[1])
    seat.page.get_by_role("button", name="Back to the patch before").click()
    seat.neighbours(70)
    assert seat.page.locator("#explore-trail").is_hidden()
    seat.page.locator("#explore-map .eob-map__top").focus()
    seat.settle()
    view = seat.js("map.state().view")
    seat.page.keyboard.press("Shift+ArrowLeft")
    seat.until("map.state().view.x !== a[0]", view["x"])


def test_the_sheet_lists_the_keys(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore()
    seat.page.keyboard.press("?")
    sheet = seat.page.locator("#shell-keys-dialog")
    for words in ("mark as unsure", "walk along its neighbours", "find a label", "take my last change back"):
        assert words in sheet.inner_text()


# -- undo, redo, history -----------------------------------------------------------------------------------------------
def test_undo_names_the_step_and_redo_does_it_again(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore("?mode=clean")
    ordinal = seat.alone(label="city")
    seat.click(ordinal, "right")
    seat.choose("forest")
    seat.told("1 patch city → forest")
    button = seat.page.locator('[data-explore="undo"]')
    seat.wait(lambda: "Undo: 1 patch city → forest" in button.get_attribute("title"), "the tip")
    button.click()
    seat.told("Undo: 1 patch city → forest")
    seat.page.keyboard.press("Control+Shift+Z")
    seat.told("Redo: 1 patch city → forest")
    assert seat.label(ordinal) == house.label(ordinal) == "forest"


def test_history_shows_steps_on_the_map_and_takes_them_back(house: House, sit: Callable[..., Seat]) -> None:
    house.relabel("ben", [3, 4, 5], "sea")
    house.relabel("eva", [40, 41], "city")
    seat = sit(house, "eva").explore("?mode=clean")
    seat.page.get_by_role("tab", name="History").click()
    steps = seat.page.locator(".eob-history__step")
    seat.wait(lambda: steps.count() == 3, "the steps")
    assert "2 patches forest → city" in steps.first.inner_text() and "eva" in steps.first.inner_text()
    assert steps.first.locator("[data-ordinal]").count() == 2
    steps.nth(1).get_by_role("button", name="Show on map").click()
    seat.until("map.state().shown === 3")
    seat.js("map.only(null)")
    steps.first.get_by_role("button", name="Undo").click()
    seat.told("Undo: 2 patches forest → city")
    assert house.label(40) == "forest" and seat.label(40) == "forest"
    seat.wait(lambda: steps.count() == 4 and "taken back" in steps.nth(1).inner_text(), "the undo in the list")
    steps.first.get_by_role("button", name="Redo").click()
    seat.told("Redo: 2 patches forest → city")
    assert house.label(40) == "city"
    seat.page.locator("#explore-history-who").get_by_text("Mine").click()
    seat.wait(lambda: steps.count() == 3 and "ben" not in seat.page.locator("#explore-history").inner_text(), "mine")


def test_an_expert_of_one_group_takes_back_only_own_steps(house: House, sit: Callable[..., Seat]) -> None:
    house.relabel("eli", [61], "city")
    house.relabel("ben", [62], "city")
    seat = sit(house, "eli").explore("?mode=clean&tab=history")
    steps = seat.page.locator(".eob-history__step")
    seat.wait(lambda: steps.count() == 3, "the steps")
    assert [step.get_by_role("button", name="Undo").count() for step in steps.all()] == [0, 1, 0]


# -- two at once -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("choice", ["Keep theirs", "Use mine"])
def test_the_later_of_two_is_told_and_chooses(house: House, sit: Callable[..., Seat], choice: str) -> None:
    one, two = sit(house, "eva").explore("?mode=clean"), sit(house, "ben").explore("?mode=clean")
    hear = deaf(two)
    ordinal = one.alone(label="city")
    one.click(ordinal, "right")
    one.choose("sea")
    one.told("1 patch city → sea")
    two.click(ordinal, "right")
    two.choose("forest")
    dialog = two.page.get_by_role("dialog", name="Somebody else was here")
    dialog.wait_for()
    assert "eva: 1 patch → sea" in dialog.inner_text() and dialog.locator("img").count() == 1
    assert house.label(ordinal) == "sea"
    hear()
    dialog.get_by_role("button", name=choice).click()
    wanted = "sea" if choice == "Keep theirs" else "forest"
    steps = 1 if choice == "Keep theirs" else 2
    two.wait(lambda: len(house.history(ordinal)) == steps, "the server's word")
    two.until("map.labelOf(a[0]).name === a[1]", ordinal, wanted)
    assert house.label(ordinal) == wanted and len(house.history(ordinal)) == steps
    one.until("map.labelOf(a[0]).name === a[1]", ordinal, wanted)


def test_marks_of_others_reach_the_panel_and_conflict_too(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore("?mode=clean&patch=70")
    seat.neighbours(70)

    def set_mark(value: bool) -> None:
        annotate.mark(house.ws, house.who["ben"], dataset_id=house.dataset_id, ordinals=[70], excluded=value)

    set_mark(True)
    seat.wait(lambda: "excluded" in seat.page.locator(".eob-explore__facts").inner_text(), "the mark in the panel")
    deaf(seat)
    set_mark(False)
    seat.page.locator("#explore-map .eob-map__top").focus()
    seat.page.keyboard.press("x")
    dialog = seat.page.get_by_role("dialog", name="Somebody else was here")
    dialog.wait_for()
    assert "ben: 1 patch → included in the benchmark" in dialog.inner_text()
    seat.page.keyboard.press("Escape")  # theirs stands
    seat.wait(lambda: dialog.count() == 0, "the dialog to go")
    assert marks(house, 70) == (False, False)


# -- when it goes wrong ------------------------------------------------------------------------------------------------
def test_what_is_refused_returns_where_the_eye_sees_it(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eli").explore("?mode=clean")
    seat.allowed += (REFUSED,)
    ordinal = seat.alone(label="city")
    seat.hover(ordinal)
    seat.page.keyboard.press("3")
    seat.wait(lambda: seat.page.locator(".eob-flash").count() or seat.toasts(), "the flash")
    seat.told("outside your groups")
    assert seat.label(ordinal) == house.label(ordinal) == "city" and not house.history(ordinal)


# -- who is at it ------------------------------------------------------------------------------------------------------
def test_a_page_opened_by_somebody_else_changes_nothing(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "ben").explore("?mode=clean")
    seat.allowed += (REFUSED,)
    ordinal = seat.alone(label="city")
    elsewhere = seat.page.context.request  # another tab
    elsewhere.post(f"{house.url}/auth/logout", headers={"Origin": house.url})
    log_in(elsewhere, house.url, "ada")
    seat.js("window.eob.explore.assign([a[0]], 'forest') && null", ordinal)
    seat.told("This page was opened in another name; by now you are logged in as ada.")
    assert house.label(ordinal) == "city" == seat.label(ordinal) and not house.history(ordinal)
    seat.page.locator(".eob-toast a", has_text="another name").click()
    seat.until("document.querySelector('.eob-user-name')?.textContent === 'ada' && map?.state().ready")


# -- many --------------------------------------------------------------------------------------------------------------
HOLD_RELABEL = """() => {
  const send = window.fetch;
  window.fetch = (url, ...more) => String(url).endsWith("/relabel")
    ? new Promise((answer) => { window.held = () => answer(send(url, ...more)); })
    : send(url, ...more);
}"""
"""In the page itself: a body of 50,000 numbers is more than a browser's driver always shows us."""


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """50,000 patches without pictures on a map that was drawn by lot."""
    folder = tmp_path_factory.mktemp("crowd")
    settings = Settings(_env_file=None, home=folder / "home", data_roots=str(folder), workers=0)
    ws = open_workspace(settings, create=True)
    who = add_people(ws)
    with ws.db.write() as session:
        dataset = Dataset(name="Crowd", patch_count=MANY, state="ready", source_kind="none", simulated=True)
        session.add(dataset)
        session.flush()
        labels = [Label(dataset_id=dataset.id, code=i, name=name, color=color) for i, (name, color) in enumerate(
            (("River", "#3b78d8"), ("SeaLake", "#2a9d8f")))]  # fmt: skip
        session.add_all(labels)
        session.flush()
        rows = [{"dataset_id": dataset.id, "ordinal": o, "label_id": labels[0].id} for o in range(MANY)]
        session.execute(insert(Patch), rows)
        features = FeatureSet(dataset_id=dataset.id, kind="all", dim=3, rows=MANY, folder="f", fingerprint="f" * 64)
        session.add(features)
        session.flush()
        session.add(Embedding(dataset_id=dataset.id, feature_set_id=features.id, method="umap", key="k", rows=MANY,
                              artefact="k"))  # fmt: skip
        dataset_id = dataset.id
    xy = np.random.default_rng(5).normal(size=(MANY, 2)).astype(np.float32)
    save_arrays(ws.store.artefact_path(dataset_id, "k", ".npz"), xy=xy)
    ws.close()
    return settings, dataset_id, who


def test_fifty_thousand_patches_in_one_step(
    crowd: Any, make_house: Callable[..., House], sit: Callable[..., Seat]
) -> None:
    house = make_house(*crowd)
    seat = sit(house, "ben")
    seat.allowed += (REFUSED,)  # there are no pictures
    seat.explore("?mode=clean")
    box = seat.page.locator("#explore-map .eob-map__top").bounding_box()
    left, top, right, bottom = box["x"] + 1, box["y"] + 1, box["x"] + box["width"] - 2, box["y"] + box["height"] - 2
    assert seat.lasso([(left, top), (right, top), (right, bottom), (left, bottom)]) == MANY
    seat.page.evaluate(HOLD_RELABEL)
    seat.page.keyboard.press("2")
    seat.until("Boolean(window.held)")
    assert seat.js("map.state().counts[1]") == MANY  # painted before the server knows
    seat.page.evaluate("() => { window.held(); }")
    seat.told("50,000 patches River → SeaLake")
    count = select(func.count()).select_from(Patch).join(Label, Label.id == Patch.label_id)
    with house.ws.db.read() as session:
        assert session.scalar(count.where(Label.name == "SeaLake")) == MANY
    seat.page.keyboard.press("Control+z")
    seat.told("Undo: 50,000 patches River → SeaLake")
    seat.until("map.state().counts[0] === a[0]", MANY)
    with house.ws.db.read() as session:
        assert session.scalar(count.where(Label.name == "River")) == MANY
