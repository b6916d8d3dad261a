"""From product to map: choose products, see their grid, draw an area, start; then patches on the map and its scene."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scenes import textured, write_scene
from seats import REFUSED, House, Seat, add_people

from eobench_dash.domain.ingesting import IngestPlan
from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.people import Principal
from eobench_dash.services import datasets, ingesting, products
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import Settings

pytestmark = [
    pytest.mark.browser,
    # the browser's driver and the server's threads are closed by their own ends, at times a moment after the test
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SCENE = "window.eob.exploreScene.scene()"
SHOWN = f"{SCENE}?.windows && {SCENE}.picture && {SCENE}.words.hidden"


def land(rng: np.random.Generator, side: int = 256) -> np.ndarray:
    """Water at the left, fields at the right: two clumps on the map."""
    pixels = textured(rng, 3, side, side).astype(float)
    pixels[:, :, : side // 2] *= 0.15
    return np.clip(pixels, 1, 255).astype(np.uint8)


def make_empty(folder: Path) -> tuple[Settings, int, dict[str, Principal]]:
    """A workspace without datasets, beside two products that are whole and one that is not."""
    rng = np.random.default_rng(11)
    data = folder / "data" / "tiles"
    for number in range(2):
        write_scene(data / f"S2_{number}.tif", land(rng), east_m=4000.0 * number)
    (data / "broken.tif").write_bytes((data / "S2_0.tif").read_bytes()[:3000])
    settings = Settings(_env_file=None, home=folder / "home", data_roots=str(folder / "data"), workers=0)
    ws = open_workspace(settings, create=True)
    who = add_people(ws)
    ws.close()
    return settings, 0, who


@pytest.fixture
def house(tmp_path: Path, make_house: Callable[..., House]) -> House:
    return make_house(*make_empty(tmp_path / "world"))


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The two products cut at two sizes, described and mapped."""
    folder = tmp_path_factory.mktemp("mapped")
    settings, _, who = make_empty(folder)
    ws = open_workspace(settings)
    paths = [str(folder / "data" / "tiles" / f"S2_{i}.tif") for i in range(2)]
    plan = IngestPlan.from_dict({"patch": 32, "scales": [64]})
    ingesting.start_ingest(ws, who["ben"], paths=paths, name="Tiles", plan=plan, features=["color_stats"])
    jobs = House(ws, "", 0, who).do_jobs()
    assert {job.state for job in jobs} == {JobState.DONE}, [job.error for job in jobs]
    number = datasets.find_dataset(ws, who["ben"], name="Tiles").id
    ws.close()
    return settings, number, who


@pytest.fixture
def cut(mapped: Any, make_house: Callable[..., House]) -> House:
    return make_house(*mapped)


def open_folder(seat: Seat, name: str) -> None:
    seat.page.goto(f"{seat.house.url}/ingest")
    seat.page.locator("#ingest-browser .eob-menu__item").first.click()  # the data root
    seat.page.locator("#ingest-browser .eob-menu__item", has_text=name).click()
    seat.page.locator("#ingest-found [data-path]").first.wait_for()


def note(seat: Seat) -> str:
    return seat.page.locator("[data-ingest-note]").inner_text()


def middle(seat: Seat, i: int) -> tuple[float, float]:
    """Where the middle of a window of the scene is drawn, in pixels of the page."""
    place = f"""((s, i) => {{
      const {{ row, col, size }} = s.windows, box = s.canvas.getBoundingClientRect();
      const at = s.over(col[i] + size[i] / 2, row[i] + size[i] / 2);
      return [box.x + at.x, box.y + at.y];
    }})({SCENE}, a[0])"""
    x, y = seat.js(place, i)
    return x, y


READ = """((c, x, y, w, h) => {
  const own = new OffscreenCanvas(c.width, c.height).getContext('2d', {willReadFrequently: true});
  own.drawImage(c, 0, 0);
  return [...own.getImageData(x, y, w, h).data];
})"""
"""Pixels of a canvas, read from a copy."""


def colours(seat: Seat, selector: str) -> int:
    """How many colours the middle of a canvas holds: one, where nothing is drawn."""
    canvas = f"document.querySelector('{selector} canvas')"
    pixels = seat.js(f"{READ}({canvas}, {canvas}.width / 2 - 80, {canvas}.height / 2 - 80, 160, 160)")
    return len({tuple(pixels[i : i + 3]) for i in range(0, len(pixels), 4)})


def open_scene(seat: Seat) -> None:
    seat.page.keyboard.press("s")
    seat.until(SHOWN)


# -- from product to map -----------------------------------------------------------------------------------------------
def test_from_product_to_map(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "ben", viewport=(1440, 900))
    seat.allowed += (REFUSED,)  # the quick-look and the preview of the broken product
    page = seat.page
    open_folder(seat, "tiles")
    assert page.locator("#ingest-start").is_disabled()
    # a product that cannot be read says why, and is no dead end
    page.locator("#ingest-found label", has_text="broken.tif").click()
    seat.wait(lambda: "broken.tif" in page.locator(".eob-scene__words").inner_text(), "the sentence in the preview")
    seat.wait(lambda: "broken.tif" in page.locator("#ingest-estimate").inner_text(), "the sentence in the estimate")
    page.locator("#ingest-found label", has_text="broken.tif").click()
    # the others: their grid on their picture
    for name in ("S2_0.tif", "S2_1.tif"):
        page.locator("#ingest-found label", has_text=name).click()
    seat.wait(lambda: "16 patches in this product." in note(seat), "the grid")
    seat.wait(lambda: colours(seat, "#ingest-scene") > 50, "the picture")
    page.keyboard.press("]")
    seat.wait(lambda: "S2_1" in page.locator("#ingest-facts").inner_text(), "the next product")
    page.keyboard.press("[")
    seat.wait(lambda: "S2_0" in page.locator("#ingest-facts").inner_text(), "the product before")
    page.locator("#ingest-patch").fill("32")
    page.keyboard.press("Tab")
    seat.wait(lambda: "64 patches in this product." in note(seat), "the finer grid")
    seat.wait(lambda: "128" in page.locator("#ingest-estimate").inner_text(), "the estimate")
    # the upper half of the first one is drawn as the area of interest
    page.get_by_role("button", name="Draw area").click()
    box = page.locator("#ingest-scene canvas").bounding_box()
    side = min(box["width"], box["height"])
    left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
    page.mouse.move(left + 2, top + 2)
    page.mouse.down()
    page.mouse.move(left + side - 2, top + side / 2, steps=5)
    page.mouse.up()
    seat.wait(lambda: "Polygon" in page.locator("#ingest-area").input_value(), "the area")
    # descriptors: the quickest one only
    for name, wanted in (("all", False), ("color_stats", True)):
        tick = page.locator("#ingest-kinds label").filter(has=page.locator("strong", has_text=re.compile(f"^{name}$")))
        tick.locator("input").set_checked(wanted, force=True)
    page.locator("#ingest-name").fill("Upper halves")
    page.keyboard.press("Tab")
    seat.wait(lambda: not page.locator("#ingest-start").is_disabled(), "the start")
    page.locator("#ingest-start").click()
    seat.told("It has started")
    assert {job.state for job in house.do_jobs()} == {JobState.DONE}
    page.get_by_role("link", name="Read the report").click()
    page.get_by_role("heading", name="Ingest of Upper halves").wait_for()
    assert page.get_by_text("32 patches from 1 product").is_visible()
    assert page.get_by_text("Refused: outside of the area of interest").is_visible()
    # on to the map and the scene
    page.get_by_role("link", name="Scene", exact=True).click()
    seat.until("map && map.state().ready && map.state().settled")
    seat.until(SHOWN)
    assert seat.js("map.state().n") == 32
    assert page.locator("[data-scene=product] option").all_inner_texts()[0].endswith("· 32")


# -- the scene beside the map ------------------------------------------------------------------------------------------
def test_map_and_scene_are_one(cut: House, sit: Callable[..., Seat]) -> None:
    seat = sit(cut, "ben", viewport=(1440, 900)).explore()
    page = seat.page
    open_scene(seat)
    seat.wait(lambda: re.search(r"scene=\d+", seat.url()), "the scene in the address")
    seat.wait(lambda: colours(seat, ".eob-explore__scene-place") > 50, "the picture")
    # to point in the scene points on the map, and the other way
    place = middle(seat, 30)
    ordinal = seat.js(f"{SCENE}.windows.ordinal[30]")
    page.mouse.move(*place)
    seat.until("map.state().linked === a[0]", ordinal)
    assert f"Patch {ordinal}" in page.locator(".eob-scene__told").inner_text()
    # a click makes it the current one there, with its neighbours
    page.mouse.click(*place)
    seat.until("map.state().current === a[0]", ordinal)
    assert seat.neighbours(of=ordinal)
    seat.wait(lambda: f"patch={ordinal}" in seat.url(), "the address")
    # arrows walk the scene
    page.keyboard.press("ArrowRight")
    seat.until("map.state().current === a[0]", ordinal + 1)
    # a lasso on the map is framed in the scene
    box = page.locator("#explore-map").bounding_box()
    x0, y0, x1, y1 = box["x"] + 4, box["y"] + 4, box["x"] + box["width"] - 80, box["y"] + box["height"] - 60
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    chosen = seat.lasso(corners)
    assert chosen > 40
    seat.until(f"{SCENE}.selected.size > 0 && {SCENE}.selected.size < map.state().selected")
    here = f"Array.from(map.selection()).filter((o) => o < {SCENE}.windows.n).length === {SCENE}.selected.size"
    assert seat.js(here)
    # Escape in the scene drops it; shift and click, shift and drag choose here
    page.locator(".eob-scene__canvas").focus()
    page.keyboard.press("Escape")
    seat.until("map.state().selected === 0")
    page.keyboard.down("Shift")
    page.mouse.click(*middle(seat, 30))
    seat.until("map.state().selected === 1")
    (x0, y0), (x1, y1) = middle(seat, 16), middle(seat, 16 + 9)  # two by two patches of the fine grid
    page.mouse.move(x0 - 4, y0 - 4)
    page.mouse.down()
    page.mouse.move(x1 + 4, y1 + 4, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    seat.until("map.state().selected === 5")
    assert sorted(seat.js("Array.from(map.selection())")) == sorted({16, 17, 24, 25, 30})


def test_a_click_on_the_map_turns_to_its_product(cut: House, sit: Callable[..., Seat]) -> None:
    first, second = products.dataset_products(cut.ws, cut.who["ben"], dataset_id=cut.dataset_id)
    seat = sit(cut, "rob", viewport=(1440, 900)).explore(f"?scene={second.id}")
    seat.until(SHOWN)
    page = seat.page
    assert page.locator("[data-scene=product]").input_value() == str(second.id)
    seat.js("window.eob.explore.showPatch(3)")
    seat.until(f"{SCENE}.product && window.eob.exploreScene.product().id === a[0] && {SCENE}.current === 3", first.id)
    assert seat.js(f"{SCENE}.size") == 64, "the patch is of the coarse grid: the scene shows that"
    page.locator("[data-scene=size]", has_text="32").click()
    assert seat.js(f"{SCENE}.size") == 32
    page.keyboard.press("]")
    seat.until("window.eob.exploreScene.product().id === a[0]", second.id)
    # an old link's scene that is not there opens the first; the switch closes it and says so in the address
    page.get_by_role("button", name="Close the scene").click()
    seat.wait(lambda: "scene=" not in seat.url(), "the address")
    assert not page.locator(".eob-explore__scene").is_visible()


def test_labels_given_in_the_scene_colour_it(cut: House, sit: Callable[..., Seat]) -> None:
    seat = sit(cut, "ben", viewport=(1440, 900)).explore()
    page = seat.page
    open_scene(seat)
    seat.mode("Clean")
    ordinal = seat.js(f"{SCENE}.windows.ordinal[40]")
    assert seat.js("map.cssOf(a[0])", ordinal) is None, "without a label the picture keeps its own colours"
    page.mouse.click(*middle(seat, 40), button="right")
    seat.choose("water")
    seat.wait(lambda: cut.label(ordinal) == "water", "the label")
    seat.until("window.eob.explore.labels().some((label) => label.name === 'water')")
    grid = f"{SCENE}.grid()"
    at = f"{grid}.at.indexOf(40)"
    cell = f"{SCENE}.cells && {READ}({SCENE}.cells, {at} % {grid}.cols, Math.floor({at} / {grid}.cols), 1, 1)"
    colour = "map.labelOf(a[0]).name === 'water' && map.cssOf(a[0])"
    seat.wait(
        lambda: seat.js(cell) == [*map(int, re.findall(r"\d+", seat.js(colour, ordinal) or "")), 255],
        "the cell's colour",
    )
    page.keyboard.press("Control+z")
    seat.until("map.cssOf(a[0]) === null", ordinal)
    seat.wait(lambda: (seat.js(cell) or [0] * 4)[3] == 0, "the cell without a colour")
    # from the map's menu to the scene
    page.keyboard.press("s")
    assert not page.locator(".eob-explore__scene").is_visible()
    seat.js("window.eob.explore.menu([5], {x: 400, y: 300})")
    page.get_by_text("Show in scene").click()
    seat.until(f"{SCENE}.current === 5")


def test_on_a_phone_map_and_scene_stand_one_above_the_other(cut: House, sit: Callable[..., Seat]) -> None:
    seat = sit(cut, "rob", viewport=(390, 844), color_scheme="dark").explore()
    seat.page.get_by_role("button", name="Scene: the product beside the map").click()
    seat.until(SHOWN)
    boxes = [seat.page.locator(name).bounding_box() for name in ("#explore-map", ".eob-explore__scene-place")]
    assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"] and boxes[1]["height"] > 150
    assert seat.js("document.documentElement.scrollWidth") <= 390


def test_while_a_folder_opens_the_one_before_takes_no_ticks(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "ben")
    page = seat.page
    page.goto(f"{house.url}/ingest")
    page.locator("#ingest-browser .eob-menu__item").first.click()  # the data root lists what its folders hold, too
    page.locator("#ingest-found [data-path]").first.wait_for()
    held: list[Any] = []
    page.route(re.compile("_dash-update-component"), lambda route: held.append(route))
    page.locator("#ingest-browser .eob-menu__item", has_text="tiles").click()
    seat.wait(lambda: held, "the request")
    assert seat.js("document.querySelector('.eob-ingest__list').inert")
    page.unroute(re.compile("_dash-update-component"))  # and what was held goes on
    seat.until("!document.querySelector('.eob-ingest__list').inert")
    page.locator("#ingest-found label", has_text="S2_0.tif").click()
    seat.wait(lambda: "16 patches in this product." in note(seat), "the grid")
    seat.allowed += (REFUSED,)  # the quick-look of the broken product


# -- what the scene draws ----------------------------------------------------------------------------------------------
def own_scene(seat: Seat) -> Seat:
    """A scene of the test's own on the page, ``own``: 100 × 100 pixels in a square of 400."""
    seat.page.goto(f"{seat.house.url}/ingest")
    seat.until("document.getElementById('ingest-scene') && !!window.eob?.scene")
    seat.js(
        """(() => {
      const place = document.body.appendChild(document.createElement('div'));
      place.style.cssText = 'position:fixed;inset:0 auto auto 0;width:400px;height:400px;z-index:999';
      window.own = window.eob.scene(place);
      own.show({height: 100, width: 100, image: ''});
    })()"""
    )
    return seat


@pytest.mark.parametrize("part, between", [(False, False), (True, True)])
def test_windows_that_stand_apart_are_drawn_as_they_are(house: House, sit: Any, part: bool, between: bool) -> None:
    """Four of 30 pixels, 50 apart; only those that stand for what lies between them take its room."""
    seat = own_scene(sit(house, "ben"))
    seat.js(
        """(() => {
      const scene = window.own;
      scene.give({n: 4, row: [0, 0, 50, 50], col: [0, 50, 0, 50], size: [30, 30, 30, 30], part: a[0]});
      scene.set({opacity: 1});
      scene.paint(() => 'rgb(255 0 0)');
    })()""",
        part,
    )

    def red(col: int, row: int) -> bool:
        return seat.js(f"{READ}(own.canvas, a[0] * 4, a[1] * 4, 1, 1)", col, row) == [255, 0, 0, 255]

    seat.wait(lambda: red(15, 15), "the first window")
    assert all(red(*at) for at in [(3, 3), (27, 27), (53, 53), (77, 77), (53, 27)])
    assert [red(*at) for at in [(35, 15), (15, 36), (35, 36)]] == [between] * 3
    assert not red(98, 98)
    assert seat.js("[own.pick(60, 60), own.pick(220, 60), own.pick(250, 250)]") == [0, 1, 3]
    assert (seat.js("own.pick(140, 60)") >= 0) == between


def test_on_a_phone_the_grid_s_preview_stands_below_its_fields(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "ben", viewport=(390, 844))
    open_folder(seat, "tiles")
    parts = ["#ingest-found", "#ingest-patch", "#ingest-scene", "#ingest-kinds", "#ingest-start"]
    tops = [seat.page.locator(part).bounding_box()["y"] for part in parts]
    assert tops == sorted(tops) and seat.js("document.documentElement.scrollWidth") <= 390
    seat.allowed += (REFUSED,)  # the quick-look of the broken product


def test_what_is_unknown_is_hatched_however_small(house: House, sit: Any) -> None:
    """Of two windows one is unknown; then of many that are a few pixels large each."""
    seat = own_scene(sit(house, "ben"))
    seat.js(
        """(() => {
      const scene = window.own;
      scene.give({n: 2, row: [0, 0], col: [0, 50], size: [50, 50]});
      scene.paint(() => null, null, (i) => i === 0);
    })()"""
    )

    def shades(col: int, row: int, side: int) -> int:
        pixels = seat.js(f"{READ}(own.canvas, a[0] * 4, a[1] * 4, a[2] * 4, a[2] * 4)", col, row, side)
        return len({tuple(pixels[i : i + 4]) for i in range(0, len(pixels), 4)})

    seat.wait(lambda: shades(10, 10, 20) > 3, "the hatch")
    assert shades(60, 10, 20) == 1 and shades(10, 60, 20) == 1
    seat.js(
        """(() => {
      const at = Array.from({length: 2500}, (_, i) => i);
      const row = at.map((i) => 2 * Math.floor(i / 50)), col = at.map((i) => 2 * (i % 50));
      own.give({n: 2500, row, col, size: at.map(() => 2)});
      own.paint(() => null, null, (i) => i % 50 < 25);
    })()"""
    )
    seat.wait(lambda: shades(10, 60, 20) > 3, "the hatch over small windows")
    assert shades(60, 10, 20) == 1


def test_the_preview_tells_outside_unmeasured_and_flawless_apart(
    house: House, sit: Callable[..., Seat], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eobench_dash.services.previewing.SAMPLED", 4)
    seat = sit(house, "ben", viewport=(1440, 900))
    seat.allowed += (REFUSED,)  # the quick-look of the broken product
    page = seat.page
    open_folder(seat, "tiles")
    page.locator("#ingest-found label", has_text="S2_0.tif").click()
    seat.wait(lambda: "16 patches in this product. 4 were measured" in note(seat), "the grid")
    legend = page.locator("[data-ingest-legend]")
    assert legend.inner_text().split("\n") == ["none", "0.004", "0.28", "1", "not measured", "✕ refused"]
    page.locator("#ingest-area").fill("9.0, 46, 9.0168, 48")  # the left half
    page.keyboard.press("Tab")
    seat.wait(lambda: "8 of 16 patches in this product lie in the area of interest. 4 were" in note(seat), "the area")
    seat.wait(lambda: "8" in page.locator("#ingest-estimate dd").first.inner_text(), "the estimate of the area")
    assert "outside of the area" in legend.inner_text()
    box = page.locator("#ingest-scene canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2 + 100, box["y"] + box["height"] / 2)
    seat.wait(lambda: "outside of the area" in page.locator(".eob-scene__told").inner_text(), "what is outside")
    page.locator("#ingest-area").fill("0, 0, 1, 1")
    page.keyboard.press("Tab")
    seat.wait(lambda: "None of the 16 patches in this product lies in the area" in note(seat), "that none is inside")
    seat.wait(lambda: "No patch of these products lies" in page.locator("#ingest-estimate").inner_text(), "the same")
    assert page.locator("#ingest-start").is_disabled()


def test_on_a_phone_a_report_says_in_sight_why_a_product_failed(
    tmp_path: Path, make_house: Callable[..., House], sit: Callable[..., Seat]
) -> None:
    settings, _, who = make_empty(tmp_path / "world")
    ws = open_workspace(settings)
    ingesting.start_ingest(ws, who["ben"], paths=settings.data_roots.split(), name="Tiles", plan=IngestPlan())
    House(ws, "", 0, who).do_jobs()
    number = datasets.find_dataset(ws, who["ben"], name="Tiles").id
    ws.close()
    seat = sit(make_house(settings, number, who), "rob", viewport=(390, 844))
    seat.page.goto(f"{seat.house.url}/ingest?report={number}")
    why = seat.page.locator(".eob-ingest__tallies .eob-ingest__error")
    why.wait_for()
    box = why.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert seat.page.locator(".eob-ingest__tallies tr", has_text="S2_0").inner_text().count("\n") >= 2
    assert seat.js("document.documentElement.scrollWidth") <= 390


# -- what is not there -------------------------------------------------------------------------------------------------
def test_without_a_data_root_it_says_what_to_set(tmp_path: Path, make_house: Callable[..., House], sit: Any) -> None:
    settings, _, who = make_empty(tmp_path / "world")
    seat = sit(make_house(settings.model_copy(update={"data_roots": ""}), 0, who), "ben")
    seat.page.goto(f"{seat.house.url}/ingest")
    seat.wait(lambda: "EOBENCH_DATA_ROOTS" in seat.page.locator("#ingest-browser").inner_text(), "what to set")
    seat.page.goto(f"{seat.house.url}/")
    seat.page.get_by_role("link", name="Ingest products").first.wait_for()


def test_readers_are_told_who_may(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob")
    seat.page.goto(f"{house.url}/ingest")
    seat.wait(lambda: "builder" in seat.page.locator("#shell-main").inner_text().lower(), "the refusal")
    assert not seat.page.locator("#ingest-root").count()


def test_real_scenes(shared_dir: Path, tmp_path: Path, make_house: Callable[..., House], sit: Any) -> None:
    """Two real scenes, of which the optical one is taken: patches with their places, on the map and in the scene."""
    data = tmp_path / "data"
    data.mkdir()
    for name in ("scene_003_S1_VH.tif", "scene_003_S2_RGB.tif"):
        (data / name).write_bytes((shared_dir / "data" / "scenes" / name).read_bytes())
    settings = Settings(_env_file=None, home=tmp_path / "ready", data_roots=str(data), workers=0)
    ws = open_workspace(settings, create=True)
    who = add_people(ws)
    ingesting.start_ingest(
        ws, who["ben"], paths=[str(data)], name="Real", plan=IngestPlan(), only="optical", features=["color_stats"]
    )
    jobs = House(ws, "", 0, who).do_jobs()
    assert {job.state for job in jobs} == {JobState.DONE}, [job.error for job in jobs]
    number = datasets.find_dataset(ws, who["ben"], name="Real").id
    ws.close()
    seat = sit(make_house(settings, number, who), "rob", viewport=(1440, 900)).explore()
    open_scene(seat)
    assert seat.js(f"{SCENE}.windows.n") == 256 == seat.js("map.state().n")
    assert "T11SLT · 2020-11-04 18:35 · S2A · 256" in seat.page.locator("[data-scene=product] option").inner_text()
    seat.page.mouse.click(*middle(seat, 100))
    seat.until("map.state().current === 100")
