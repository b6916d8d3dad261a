"""A patch of a product says where it lies and how good it is, and its neighbours can be told by other features."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from scenes import textured, write_scene
from seats import House, Seat, add_people

from eobench_dash.domain.ingesting import IngestPlan
from eobench_dash.domain.jobs import JobState
from eobench_dash.services import datasets, ingesting, neighbours
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import Settings

pytestmark = [
    pytest.mark.browser,
    # the browser's driver and the server's threads are closed by their own ends, at times a moment after the test
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
NAME = "S2A_MSIL2A_20170613T101031_N0205_R022_T32UQD.tif"
PLACE = "document.querySelector('.eob-place')"
CARD = "document.querySelector('#explore-map .eob-map__card')"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, share_house: Callable[..., House]) -> House:
    """A product with a black edge, cut at two sizes, described in two ways and mapped: 64 small patches in 16 large."""
    folder = tmp_path_factory.mktemp("placed")
    pixels = textured(np.random.default_rng(3), 3, 256, 256)
    pixels[:, :, :20] = 0
    write_scene(folder / "data" / NAME, pixels)
    settings = Settings(_env_file=None, home=folder / "home", data_roots=str(folder / "data"), workers=0)
    ws = open_workspace(settings, create=True)
    who = add_people(ws)
    plan = IngestPlan.from_dict({"patch": 32, "scales": [64]})
    paths, kinds = [str(folder / "data" / NAME)], ["color_stats", "glcm"]
    ingesting.start_ingest(ws, who["ben"], paths=paths, name="Placed", plan=plan, features=kinds)
    jobs = House(ws, "", 0, who).do_jobs()
    assert {job.state for job in jobs} == {JobState.DONE}, [job.error for job in jobs]
    number = datasets.find_dataset(ws, who["ben"], name="Placed").id
    ws.close()
    return share_house(settings, number, who)


def near(house: House, ordinal: int, kind: str | None) -> list[int]:
    who = house.who["rob"]
    found = neighbours.neighbours(house.ws, who, dataset_id=house.dataset_id, ordinal=ordinal, k=20, feature=kind)
    return [n.ordinal for n in found]


def fact(seat: Seat, title: str) -> str:
    line = seat.page.locator(".eob-place__facts > div").filter(has=seat.page.locator("dt", has_text=title))
    return str(line.locator("dd").inner_text())


def test_place_stays_open_on_a_walk_and_leads_to_the_parent(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob", viewport=(1440, 900)).explore("?patch=16")
    page = seat.page
    seat.neighbours(of=16)
    assert not seat.js(f"{PLACE}.open")
    page.locator(".eob-place > summary").click()
    assert fact(seat, "Product") == NAME.removesuffix(".tif") and fact(seat, "Taken") == "2017-06-13 10:10:31"
    assert fact(seat, "Size") == "32 × 32 px, 320 m" and fact(seat, "Row, column") == "0, 0"
    assert re.fullmatch(r"-?\d+\.\d{5}, -?\d+\.\d{5}\s+Copy place", fact(seat, "Lon, lat"))
    assert re.search(r"Black edge 0\.6\d", fact(seat, "Flags"))
    # to the coarser one around it, which has none itself; what was opened stays open
    page.locator(".eob-place [data-show]").click()
    seat.neighbours(of=0)
    seat.until("map.state().current === 0")
    assert seat.js(f"{PLACE}.open") and fact(seat, "Size") == "64 × 64 px, 640 m"
    assert not page.locator(".eob-place dt", has_text="Parent").count()
    page.keyboard.press("Backspace")
    seat.neighbours(of=16)
    page.locator(".eob-place > summary").click()
    page.keyboard.press("ArrowRight")  # on the fold these keys are its own
    assert seat.js("window.eob.explore.walkedPatch()") is None
    seat.js("window.eob.explore.showPatch(40)")
    seat.neighbours(of=40)
    assert not seat.js(f"{PLACE}.open")


def test_the_place_is_copied(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob", viewport=(1440, 900)).explore("?patch=20")
    seat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    seat.neighbours(of=20)
    seat.page.locator(".eob-place > summary").click()
    words = fact(seat, "Lon, lat").split("Copy")[0].strip()
    seat.page.get_by_role("button", name="Copy place").click()
    seat.told(f"Copied: {words}")
    assert seat.page.evaluate("() => navigator.clipboard.readText()") == words


def test_the_card_says_which_product_how_large_and_what_is_wrong(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob", viewport=(1440, 900)).explore()
    seat.js("map.mark?.(null)")
    seat.js("map.flyTo(16)")
    seat.settle()
    seat.until(f"{CARD}.querySelector('.eob-map__folder').textContent.startsWith('320 m · Black edge 0.6')")
    shown = seat.js(f"{CARD}.querySelector('.eob-map__file').textContent")
    assert shown == f"{NAME[:16]}…{NAME.removesuffix('.tif')[-13:]}"


def test_neighbours_by_other_features(house: House, sit: Callable[..., Seat]) -> None:
    usual, other = neighbours.neighbour_kinds(house.ws, house.who["rob"], dataset_id=house.dataset_id)
    seat = sit(house, "rob", viewport=(1440, 900)).explore("?patch=16")
    page = seat.page
    assert seat.neighbours(of=16) == near(house, 16, None) == near(house, 16, usual) != near(house, 16, other)
    # by keyboard: the menu opens, its second entry is taken, and the keyboard is where it was
    page.locator(".eob-near > summary").focus()
    page.keyboard.press("Enter")
    page.locator(f".eob-near [data-near={other}]").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    seat.wait(lambda: seat.neighbours(of=16) == near(house, 16, other), "the other neighbours")
    assert seat.js("document.activeElement.matches('.eob-near > summary')")
    assert not seat.js("document.querySelector('.eob-near').open")
    seat.wait(lambda: f"near={other}" in seat.url(), "the address")
    # a walk keeps it, the link keeps it
    first = near(house, 16, other)[0]
    page.locator(f"#explore-neighbours [data-ordinal='{first}']").click()
    assert seat.neighbours(of=first) == near(house, first, other)
    seat.wait(lambda: f"patch={first}" in seat.url(), "the address")
    page.reload()
    seat.ready()
    assert seat.neighbours(of=first) == near(house, first, other)
    # back to the usual ones, which the address need not name
    page.locator(".eob-near > summary").click()
    page.locator(".eob-near [data-near='']").click()
    seat.wait(lambda: seat.neighbours(of=first) == near(house, first, usual), "the usual neighbours")
    seat.wait(lambda: "near=" not in seat.url(), "the address")


def test_on_a_phone_the_menu_fits(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob", viewport=(390, 844), color_scheme="dark").explore("?patch=16")
    seat.neighbours(of=16)
    seat.page.locator(".eob-near > summary").click()
    box = seat.page.locator(".eob-near .eob-menu__panel").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert seat.js("document.documentElement.scrollWidth") <= 390
