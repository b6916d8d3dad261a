"""What hands do on the map: combining selections, going back, looking at some; two maps that go together."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from maps import Driver, World, clusters, lone, places

pytestmark = pytest.mark.browser

STILL = {"reduced_motion": "reduce"}


def selected(driver: Driver) -> list[int]:
    return driver.js("Array.from(map.selection())")


def inside(xy: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    x0, y0, x1, y1 = box
    return (xy[:, 0] > x0) & (xy[:, 0] < x1) & (xy[:, 1] > y0) & (xy[:, 1] < y1)


def around(box: tuple[int, int, int, int]) -> list[tuple[float, float]]:
    x0, y0, x1, y1 = box
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


A, B = (50, 90, 620, 660), (380, 90, 980, 640)  # below the bar of buttons


def test_a_lasso_adds_takes_away_and_meets(opened: Callable[..., Driver]) -> None:
    n = 1200
    driver = opened(clusters(n), context=STILL).ready()
    xy = places(driver, n)
    a, b = inside(xy, A), inside(xy, B)
    assert (a & b).any() and (a & ~b).any() and (b & ~a).any()
    driver.drag(around(A), "Shift")
    assert selected(driver) == np.flatnonzero(a).tolist()
    driver.drag(around(B), "Shift", "Control", "Alt")
    assert selected(driver) == np.flatnonzero(a & b).tolist()
    driver.drag(around(B), "Shift", "Control")
    assert selected(driver) == np.flatnonzero(b).tolist()
    driver.drag(around(A), "Shift", "Alt")
    assert selected(driver) == np.flatnonzero(b & ~a).tolist()


def test_buttons_say_what_a_selection_does_where_no_key_is_held(opened: Callable[..., Driver]) -> None:
    n = 1200
    driver = opened(clusters(n), context=STILL).ready()
    xy = places(driver, n)
    a, b = inside(xy, A), inside(xy, B)
    assert not driver.page.is_visible(".eob-map__combines")
    driver.page.click("button[aria-label^='Box']")
    driver.drag([A[:2], A[2:]])
    driver.page.click(".eob-map__combine[data-how=intersect]")
    driver.page.mouse.move(*B[:2])
    driver.page.mouse.down()
    driver.page.mouse.move(*B[2:], steps=4)
    assert driver.page.text_content(".eob-map__hint:not([hidden])") == "Keep the overlap"  # said while it is drawn
    driver.page.mouse.up()
    driver.settle()
    assert selected(driver) == np.flatnonzero(a & b).tolist()
    driver.page.click(".eob-map__combine[data-how=replace]")
    driver.drag([B[:2], B[2:]])
    driver.drag([A[:2], A[2:]], "Shift", "Alt")
    assert selected(driver) == np.flatnonzero(a & b).tolist()
    driver.page.click("button[aria-label^='Move']")
    assert driver.js("map.state().combine") == "replace" and not driver.page.is_visible(".eob-map__combines")


def test_back_and_forward_through_the_views(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(600), context=STILL).ready()
    assert driver.js("map.state().history") == {"back": False, "forward": False}
    back = driver.page.locator("button[aria-label^='View before']")
    assert back.is_disabled()
    first = driver.js("map.state().view")
    driver.page.mouse.move(300, 300)
    driver.page.mouse.wheel(0, -500)
    driver.until("map.state().history.back")
    second = driver.js("map.state().view")
    driver.drag([(500, 350), (300, 300)])
    driver.page.wait_for_timeout(400)  # the view rests
    third = driver.js("map.state().view")
    driver.page.locator(".eob-map__top").focus()
    driver.page.keyboard.press("Backspace")
    driver.settle()
    assert driver.js("map.state().view") == second
    back.click()
    driver.settle()
    assert driver.js("map.state().view") == first and back.is_disabled()
    driver.page.wait_for_timeout(400)  # having gone back is no new view
    driver.page.locator(".eob-map__top").focus()
    driver.page.keyboard.press("Shift+Backspace")
    driver.page.keyboard.press("Shift+Backspace")
    driver.settle()
    assert driver.js("map.state().view") == third and driver.js("map.forward()") is False
    assert {"back": True, "forward": True} in driver.events("history")


def test_only_some_patches_with_a_chip_that_ends_it(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    driver = opened(world, context=STILL).ready()
    driver.js("map.select([1, 2, 3])")
    driver.js("map.only([2, 3, 4, 99999], 'Batch 7')")
    assert driver.js("map.state().shown") == 3 and selected(driver) == [2, 3]
    chip = driver.page.locator(".eob-map__pill--accent", has_text="Batch 7")
    assert driver.js("map.screenOf(1)") is None and driver.js("map.screenOf(4)") is not None
    driver.js("map.setFilter({labels: [a[0]]})", int(world.codes[4]))
    assert driver.js("map.screenOf(4)") is None  # filters add up
    driver.js("map.setFilter({labels: []})")
    chip.click()
    driver.settle()
    assert driver.js("map.state().shown") == 600 and not chip.is_visible()


def test_a_patch_is_ringed_or_marked_without_a_flight(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    driver = opened(world, context=STILL).ready()
    view, ordinal = driver.js("map.state().view"), lone(world, 4)
    ring = driver.page.locator(".eob-map__ring--linked")
    assert driver.js("map.highlight(a[0])", ordinal) is True
    driver.settle()
    box, (x, y) = ring.bounding_box(), driver.at(ordinal)
    assert abs(box["x"] + box["width"] / 2 - x) < 1 and abs(box["y"] + box["height"] / 2 - y) < 1
    assert driver.js("map.highlight(null)") is False
    driver.settle()
    assert not ring.is_visible()
    assert driver.js("map.mark(a[0])", ordinal) is True and driver.js("map.mark(70000)") is False
    driver.js("map.mark(a[0])", ordinal)
    assert driver.js("map.state().current") == ordinal and driver.js("map.state().view") == view


def test_the_picture_comes_as_a_png(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(600), viewport=(500, 400), context=STILL).ready()
    size = driver.page.evaluate(
        "async () => { const blob = await document.getElementById('map').eobMap.png();"
        " const image = await createImageBitmap(blob); return [blob.type, image.width, image.height]; }"
    )
    assert size == ["image/png", 484, 400]


# ---- two maps ----


def other_places(world: World) -> dict[int, tuple[Any, Any, Any]]:
    return {2: (world.y.copy(), world.x.copy(), None)}


def second(driver: Driver, code: str, *args: Any) -> Any:
    return driver.page.evaluate(
        f"(a) => {{ const map = document.getElementById('second').eobMap; return {code}; }}", list(args)
    )


def test_linked_maps_share_hover_selection_colour_and_filter(opened: Callable[..., Driver]) -> None:
    world = clusters(800)
    world.others = other_places(world)
    driver = opened(
        world, viewport=(1200, 600), link="both", second={"coordsUrl": "/coords/2", "link": "both"}, context=STILL
    ).ready()
    driver.until("document.getElementById('second').eobMap.state().ready")
    ordinal = lone(world, 3)
    driver.page.mouse.move(*driver.at(ordinal))
    driver.settle()
    assert second(driver, "map.state().linked") == ordinal
    ring = driver.page.locator("#second .eob-map__ring--linked").bounding_box()
    place = second(driver, "map.screenOf(a[0])", ordinal)
    assert abs(ring["x"] + ring["width"] / 2 - place["x"]) < 1.5 and place["x"] > 600
    driver.drag([(620, 20), (1180, 20), (1180, 300), (620, 300)], "Shift")  # in the second
    mine = second(driver, "Array.from(map.selection())")
    assert mine and selected(driver) == mine
    driver.drag([(20, 20), (580, 20), (580, 300), (20, 300)], "Shift", "Control", "Alt")  # in the first
    less = selected(driver)
    assert 0 < len(less) < len(mine) and second(driver, "Array.from(map.selection())") == less
    driver.js("void (window.back = map.recolour([a[0]], 8))", ordinal)
    assert second(driver, "map.labelOf(a[0]).code", ordinal) == 8
    driver.js("window.back()")
    assert second(driver, "map.labelOf(a[0]).code", ordinal) == 3
    driver.props(hidden=[3])
    assert second(driver, "map.screenOf(a[0])", ordinal) is None
    heard = len(driver.events("filter"))
    second(driver, "map.setFilter({labels: []})")
    assert driver.js("map.state().shown") == 800
    assert len(driver.events("filter")) > heard  # the page hears of both
    assert driver.events("filter")[-1]["labels"] == []
    driver.page.keyboard.press("Escape")
    driver.settle()
    assert selected(driver) == [] and second(driver, "map.state().selected") == 0
    assert len(driver.page.query_selector_all("canvas.eob-map__base")) == 2


def test_a_map_that_comes_later_shows_what_the_other_shows(opened: Callable[..., Driver]) -> None:
    world = clusters(500)
    world.others = other_places(world)
    driver = opened(
        world, viewport=(1200, 600), link="both", second={"coordsUrl": None, "link": "both"}, context=STILL
    ).ready()
    driver.js("map.select([4, 5, 6])")
    driver.props(hidden=[int(world.codes[4])])
    driver.props(of="second", coordsUrl="/coords/2")
    driver.until("document.getElementById('second').eobMap.state().ready")
    assert second(driver, "Array.from(map.selection())") == selected(driver)
    assert second(driver, "map.state().shown") == driver.js("map.state().shown") < 500


def cards(driver: Driver) -> list[bool]:
    return [driver.page.is_visible(f"#{name} .eob-map__card") for name in ("map", "second")]


def test_of_linked_maps_one_shows_the_card(opened: Callable[..., Driver]) -> None:
    world = clusters(500)
    world.others = other_places(world)
    driver = opened(
        world, viewport=(1200, 600), link="both", second={"coordsUrl": "/coords/2", "link": "both"}, context=STILL
    ).ready()
    driver.until("document.getElementById('second').eobMap.state().ready")
    ordinal, other = lone(world, 3), lone(world, 5)
    driver.page.mouse.click(*driver.at(ordinal))
    driver.settle()
    assert cards(driver) == [True, False] and second(driver, "map.state().current") == ordinal
    place = second(driver, "map.screenOf(a[0])", other)
    driver.page.mouse.move(place["x"], place["y"])
    driver.settle()
    assert cards(driver) == [False, True] and driver.js("map.state().linked") == other
    driver.page.mouse.move(1190, 590)  # nothing there
    driver.settle()
    assert cards(driver) == [True, False]
    driver.page.mouse.click(place["x"], place["y"])
    driver.settle()
    assert cards(driver) == [False, True] and driver.js("map.state().current") == other
    driver.props(of="second", link=None)  # as when it is closed: nothing of it is left on the other
    assert driver.js("map.state().linked") is None and cards(driver)[0]
    assert not driver.page.is_visible("#map .eob-map__ring--linked")


def test_a_group_beside_the_whole_keeps_out_of_the_pages_selection(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    group = np.flatnonzero(world.codes == 2)
    world.others = {2: (world.x[group], world.y[group], group)}
    world.columns = {"cluster-1": (
        {"name": "cluster-1", "title": "Halves", "kind": "category",
         "categories": [{"code": c, "name": f"Half {c}", "color": None, "count": 300} for c in (0, 1)]},
        (np.arange(600) % 2).astype(np.uint16),
    )}  # fmt: skip
    driver = opened(
        world, viewport=(1200, 600), link="both", colourBy="cluster-1",
        second={"coordsUrl": "/coords/2", "link": "both", "colourBy": "label"}, context=STILL,
    ).ready()  # fmt: skip
    driver.until("document.getElementById('second').eobMap.state().ready")
    chosen = [*group[:6].tolist(), *np.flatnonzero(np.isin(world.codes, [4, 5]))[:20].tolist()]
    driver.js("map.select(a[0])", chosen)
    assert second(driver, "Array.from(map.selection())") == sorted(group[:6].tolist())
    driver.js("map.setFilter({labels: [5]})")
    left = [o for o in chosen if world.codes[o] != 5]
    assert selected(driver) == sorted(left)
    driver.js("map.setFilter({column: {hidden: [1]}})")  # of the first map only: the second has other colours
    even = sorted(o for o in left if o % 2 == 0)
    assert selected(driver) == even and second(driver, "Array.from(map.selection())") == [o for o in even if o in group]
    driver.settle()
    assert driver.events("select")[-1]["count"] == len(even)  # the last that the page heard is the whole's
    assert all(e["count"] >= len(even) for e in driver.events("select"))


# ---- from one embedding to another ----


def test_a_selection_that_another_map_does_not_hold_is_told_to_be_gone(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    group = np.flatnonzero(world.codes == 2)
    world.others = {2: (world.x[group], world.y[group], group)}
    driver = opened(world, context=STILL).ready()
    driver.js("map.select(a[0])", np.flatnonzero(world.codes == 4)[:5].tolist())
    driver.told("selectedData", lambda d: d["count"] == 5)
    driver.props(coordsUrl="/coords/2")
    driver.until("map.state().ready && map.state().n < 600")
    driver.told("selectedData", lambda d: d["count"] == 0)


def test_another_embedding_and_another_column_at_once_keep_the_old_picture_whole(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    world.others = other_places(world)
    extent = {"min": 0.0, "max": 1.0, "low": 0.0, "high": 1.0, "scale": "sequential", "unit": ""}
    numbers = np.linspace(0, 1, 600).astype(np.float32)
    world.columns = {"confidence": ({"name": "confidence", "title": "Confidence", "kind": "number", **extent}, numbers)}
    driver = opened(world, context=STILL).ready()
    before = driver.pixels()
    world.slow["coords"] = 1.5
    driver.props(coordsUrl="/coords/2", colourBy="confidence")
    driver.until("performance.getEntriesByType('resource').some((r) => r.name.endsWith('/columns/confidence'))")
    driver.page.mouse.move(*driver.at(lone(world, 3)))  # the column is here, the places are not
    driver.settle()
    assert driver.page.is_visible(".eob-map__card") and not driver.page.is_visible(".eob-map__value")
    assert (driver.redrawn() == before).all()
    driver.until("map.state().column")
    assert driver.js("map.state().column.title") == "Confidence"


def test_going_back_at_once_goes_back_one_view(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(600), view={"x": None, "y": 0, "k": 1}, context=STILL).ready()  # no view: all of it
    first = driver.js("map.state().view")
    assert first["k"] == 1 and first["x"] is not None
    driver.js("map.flyTo(3)")
    driver.until("map.state().history.back")
    second = driver.js("map.state().view")
    driver.page.locator(".eob-map__top").focus()
    driver.page.keyboard.press("ArrowLeft")
    driver.page.keyboard.press("Backspace")
    driver.settle()
    assert driver.js("map.state().view") == second and driver.js("map.forward()") is True


def test_points_travel_to_another_embedding_and_arrive_exactly(opened: Callable[..., Driver]) -> None:
    world = clusters(3000)
    world.others = other_places(world)
    driver = opened(world).ready()
    driver.js("map.select([7, 8])")
    driver.js("map.mark(9)")
    before = driver.pixels()
    driver.page.evaluate("() => dash_clientside.set_props('map', {coordsUrl: '/coords/2'})")
    driver.until("map.state().ready && !map.state().settled")
    middle = driver.pixels()
    driver.until("map.state().settled && map.screenOf(0)")
    after = driver.pixels()
    assert (after == driver.redrawn()).all()
    assert (before != after).any() and (middle != after).any()
    assert selected(driver) == [7, 8] and driver.js("map.state().current") == 9  # the same patches, elsewhere
    fresh = opened(world, coordsUrl="/coords/2", selection=[7, 8]).ready()
    assert (fresh.pixels() == after).all()


def test_to_a_group_and_back_only_common_patches_travel(opened: Callable[..., Driver]) -> None:
    world = clusters(2000)
    group = np.flatnonzero(world.codes == 2)
    world.others = {2: (world.x[group], world.y[group], group)}
    driver = opened(world).ready()
    for number, n in ((2, len(group)), (1, 2000)):
        driver.page.evaluate("(url) => dash_clientside.set_props('map', {coordsUrl: url})", f"/coords/{number}")
        driver.until("map.state().n === a[0] && map.state().settled", n)
        assert (driver.pixels() == driver.redrawn()).all()


def test_a_drag_ends_the_journey(opened: Callable[..., Driver]) -> None:
    world = clusters(1000)
    world.others = other_places(world)
    driver = opened(world).ready()
    driver.page.evaluate("() => dash_clientside.set_props('map', {coordsUrl: '/coords/2'})")
    driver.until("!map.state().settled")
    driver.drag([(500, 300), (540, 320)])
    assert (driver.pixels() == driver.redrawn()).all()


def test_another_embedding_that_does_not_come_is_an_error(opened: Callable[..., Driver]) -> None:
    world = clusters(300)
    driver = opened(world, context=STILL).ready()
    world.fail["coords"] = 404
    driver.props(coordsUrl="/coords/2")
    driver.page.wait_for_selector(".eob-map__state[data-kind=error]", timeout=10_000)
    world.fail.clear()
    driver.page.click(".eob-map__retry")
    driver.ready()
