"""The embedding map in a real browser, driven by mouse and keyboard, in a tiny Dash app that serves made-up bytes."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from maps import NAMES, Driver, World, clusters, lone, places

from eobench_dash.domain.labels import NO_LABEL, PALETTE

pytestmark = pytest.mark.browser

LONG_PRESS = """([x, y]) => {
  const top = document.querySelector('.eob-map__top');
  const what = { pointerId: 9, pointerType: 'touch', clientX: x, clientY: y, bubbles: true, button: 0 };
  top.setPointerCapture = () => {};  // there is no such finger
  top.dispatchEvent(new PointerEvent('pointerdown', what));
  setTimeout(() => top.dispatchEvent(new PointerEvent('pointerup', what)), 700);
}"""
PINCH = """() => {
  const top = document.querySelector('.eob-map__top');
  top.setPointerCapture = () => {};
  const touch = (type, pointerId, clientX) => top.dispatchEvent(
    new PointerEvent(type, { pointerId, pointerType: 'touch', clientX, clientY: 300, bubbles: true, button: 0 }));
  touch('pointerdown', 1, 150); touch('pointerdown', 2, 250);
  for (let i = 1; i <= 10; i++) { touch('pointermove', 1, 150 - 5 * i); touch('pointermove', 2, 250 + 5 * i); }
  touch('pointerup', 1, 100); touch('pointerup', 2, 300);
}"""


# ---- it draws ----


def test_draws_each_label_in_its_colour_and_says_how_many(opened: Callable[..., Driver]) -> None:
    world = clusters(1500)
    driver = opened(world).ready()
    picture = driver.pixels()
    assert picture.shape == (700, 984, 3)  # the body's margin is the browser's own
    box = driver.page.locator(".eob-map__base").bounding_box()
    for label in (0, 3, 7):
        x, y = driver.at(lone(world, label))
        rgb = tuple(int(PALETTE[label][i : i + 2], 16) for i in (1, 3, 5))
        assert np.abs(picture[int(y - box["y"]), int(x - box["x"])] - rgb).max() < 40
    assert driver.page.text_content(".eob-map__pill") == "1,500 patches"
    assert driver.js("map.state().counts[65535]") == int((world.codes == NO_LABEL).sum())


def test_high_dpi_and_resize_keep_device_pixels(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(400), context={"device_scale_factor": 2}).ready()
    size = "(([c]) => [c.width, c.height, c.clientWidth, c.clientHeight])(document.querySelectorAll('.eob-map__base'))"
    assert driver.js(size) == [1968, 1400, 984, 700]
    driver.page.set_viewport_size({"width": 616, "height": 500})
    driver.until(f"JSON.stringify({size}) === '[1200,1000,600,500]'")
    driver.settle()
    assert (driver.pixels() != 255).any()


def test_a_moved_picture_is_the_picture_drawn_anew(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(3000)).ready()
    driver.drag([(500, 350), (537, 329), (460, 371)])
    assert driver.js("map.state().stats.strips") > 0
    assert (driver.pixels() == driver.redrawn()).all()


def test_a_million_points_stand_in_while_zooming_and_are_then_exact(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(400_000), viewport=(700, 500)).ready()
    driver.page.mouse.move(350, 250)
    for _ in range(3):
        driver.page.mouse.wheel(0, -90)
    driver.settle()
    stats = driver.js("map.state().stats")
    assert stats["approximate"] > 0 and stats["slices"] > 0
    assert (driver.pixels() == driver.redrawn()).all()


def test_themes_change_the_ground_at_once(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(300)).ready()
    assert driver.pixels()[2, 2].tolist() == [255, 255, 255]
    driver.page.evaluate("() => document.documentElement.setAttribute('data-theme', 'dark')")
    driver.settle()
    assert driver.pixels()[2, 2].max() < 60
    driver.page.evaluate("() => document.documentElement.setAttribute('data-theme', 'light')")
    driver.settle()
    driver.props(theme="dark")  # the map's own theme is stronger than the page's
    assert driver.pixels()[2, 2].max() < 60


# ---- it answers ----


def test_hover_shows_the_large_image_and_the_label(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    driver = opened(world).ready()
    first, second = lone(world, 2), lone(world, 5)
    driver.page.mouse.move(*driver.at(first))
    driver.until("document.querySelector('.eob-map__picture')?.dataset.ordinal === String(a[0])", first)
    assert driver.label_shown() == NAMES[2] and driver.image_shown() == f"/image/{first}"
    box = driver.page.locator(".eob-map__card").bounding_box()
    assert box["x"] < 40 and box["y"] < 40 and box["width"] >= 240
    world.delay = 0.4
    driver.page.mouse.move(*driver.at(second))
    driver.until("document.querySelector('.eob-map__label').textContent === a[0]", NAMES[5])
    assert driver.image_shown() == f"/image/{first}"  # the old one stays until the new one is decoded
    driver.until("document.querySelector('.eob-map__picture').dataset.ordinal === String(a[0])", second)
    assert driver.image_shown() == f"/image/{second}"
    assert [e["ordinal"] for e in driver.events("hover") if e["ordinal"] in (first, second)] == [first, second]
    driver.page.mouse.move(492, 350)  # the empty middle
    driver.until("document.querySelector('.eob-map__card').hidden")


def test_a_resting_pointer_means_what_the_page_moves_beneath_it(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    driver = opened(world).ready()
    patch = lone(world, 2)
    driver.page.mouse.move(*driver.at(patch))
    driver.until("map.state().hovered === a[0]", patch)
    driver.js("document.getElementById('map').style.cssText = 'margin-top: 40px; height: calc(100vh - 40px)'")
    driver.until("map.state().hovered !== a[0]", patch)  # all moved down, the pointer stayed
    driver.js("document.getElementById('map').style.cssText = 'height: 100vh'")
    driver.until("map.state().hovered === a[0]", patch)


def test_hover_asks_no_server_but_for_pictures(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    driver = opened(world, changesUrl=None).ready()
    requests: list[str] = []
    driver.page.on("request", lambda r: requests.append(r.url))
    for label in (1, 4, 8):
        driver.page.mouse.move(*driver.at(lone(world, label)))
        driver.settle()
    driver.until("document.querySelector('.eob-map__picture').dataset.ordinal")
    assert requests and all("/image/" in url for url in requests)


def test_neighbours_are_prefetched(opened: Callable[..., Driver]) -> None:
    world = clusters(1500)
    driver = opened(world).ready()
    driver.page.mouse.move(*driver.at(lone(world, 2)))
    end = time.monotonic() + 10
    while len([a for a in world.asked if a.startswith("/image/")]) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    assert len([a for a in world.asked if a.startswith("/image/")]) >= 3


def test_the_same_click_twice_is_two_events(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    driver = opened(world).ready()
    ordinal = lone(world, 6)
    driver.page.mouse.click(*driver.at(ordinal))
    one = driver.told("clickData", lambda d: d["ordinal"] == ordinal)
    time.sleep(0.5)  # later than a double click
    driver.page.mouse.click(*driver.at(ordinal))
    two = driver.told("clickData", lambda d: d["n"] > one["n"])
    assert two["ordinal"] == ordinal and driver.js("map.state().current") == ordinal
    assert len(driver.events("click")) == 2


def test_double_click_shows_all_and_clicks_once(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    driver = opened(world).ready()
    driver.page.mouse.move(300, 300)
    driver.page.mouse.wheel(0, -600)
    driver.settle()
    assert driver.js("map.state().view.k") > 1.5
    ordinal = driver.js("(() => { for (let i = 0; i < 600; i++) { const p = map.screenOf(i); "
                        "if (p && p.x > 300 && p.x < 900 && p.y > 50 && p.y < 600) return i; } })()")  # fmt: skip
    driver.page.mouse.dblclick(*driver.at(ordinal))
    driver.settle()
    assert driver.js("map.state().view.k") == 1
    assert len(driver.events("click")) == 1


def test_right_click_names_the_patch_under_the_pointer(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    driver = opened(world).ready()
    driver.page.evaluate(
        "() => document.addEventListener('contextmenu', (e) => { window.prevented = e.defaultPrevented; })"
    )
    ordinal = lone(world, 1)
    x, y = driver.at(ordinal)
    driver.page.mouse.click(x, y, button="right")
    data = driver.told("contextData", lambda d: d["ordinal"] == ordinal)
    assert abs(data["x"] - x) <= 1 and abs(data["y"] - y) <= 1 and "ordinals" not in data
    assert driver.page.evaluate("() => window.prevented") is True
    assert driver.events("click") == []  # a right click is no click
    driver.page.mouse.click(492, 350, button="right")  # nothing there
    driver.settle()
    assert len(driver.events("context")) == 1


def test_right_click_inside_the_selection_means_all_of_it(opened: Callable[..., Driver]) -> None:
    world = clusters(600, spread=0.2)
    driver = opened(world).ready()
    mine = np.flatnonzero(world.codes == 3)
    driver.js("map.select(a[0])", mine.tolist())
    driver.page.mouse.click(*driver.at(lone(world, 3)), button="right")
    data = driver.told("contextData", lambda d: "ordinals" in d)
    assert data["ordinals"] == mine.tolist() and data["count"] == len(mine)
    other = lone(world, 8)
    driver.page.mouse.click(*driver.at(other), button="right")
    driver.told("contextData", lambda d: d.get("ordinal") == other)


def test_right_click_in_a_gap_of_the_lasso_means_the_selection(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(300, spread=0.15)).ready()
    driver.drag([(20, 20), (960, 20), (960, 680), (20, 680)], "Shift")
    assert driver.js("map.state().selected") > 250
    driver.page.mouse.click(492, 350, button="right")
    assert driver.told("contextData", lambda d: "ordinals" in d)["count"] == driver.js("map.state().selected")


# ---- it selects ----


def test_lasso_takes_what_it_encloses_and_alt_takes_away(opened: Callable[..., Driver]) -> None:
    n = 2000
    driver = opened(clusters(n)).ready()
    xy = places(driver, n)
    corner = [(100.0, 60.0), (620.0, 60.0), (100.0, 580.0)]  # a right triangle: x + y < 680
    driver.drag(corner, "Shift")
    inside = (xy[:, 0] > 100) & (xy[:, 1] > 60) & (xy.sum(axis=1) < 680)
    data = driver.told("selectedData", lambda d: d["count"] > 0)
    assert data["ordinals"] == np.flatnonzero(inside).tolist() and data["count"] == inside.sum()
    driver.drag([(50, 50), (330, 50), (330, 650), (50, 650)], "Shift", "Alt")
    left = inside & ~((xy[:, 0] > 50) & (xy[:, 0] < 330) & (xy[:, 1] > 50) & (xy[:, 1] < 650))
    assert 0 < left.sum() < inside.sum()
    assert driver.js("Array.from(map.selection())") == np.flatnonzero(left).tolist()
    driver.drag([(700, 400), (980, 400), (980, 690), (700, 690)], "Control", "Shift")
    more = left | ((xy[:, 0] > 700) & (xy[:, 0] < 980) & (xy[:, 1] > 400) & (xy[:, 1] < 690))
    assert driver.js("Array.from(map.selection())") == np.flatnonzero(more).tolist()
    driver.page.keyboard.press("Escape")
    assert driver.told("selectedData", lambda d: d["count"] == 0)["ordinals"] == []


def test_box_tool_selects_a_rectangle(opened: Callable[..., Driver]) -> None:
    n = 1200
    driver = opened(clusters(n)).ready()
    xy = places(driver, n)
    driver.page.click("button[aria-label^='Box']")
    driver.drag([(700, 500), (300, 100)])  # from lower right to upper left
    inside = (xy[:, 0] > 300) & (xy[:, 0] < 700) & (xy[:, 1] > 100) & (xy[:, 1] < 500)
    assert driver.told("selectedData", lambda d: d["count"] > 0)["ordinals"] == np.flatnonzero(inside).tolist()
    assert driver.js("map.state().view.k") == 1  # nothing moved
    assert "selected" in driver.page.text_content(".eob-map__pill--accent")


def test_escape_while_drawing_leaves_the_selection(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(300)).ready()
    driver.js("map.select([1, 2, 3])")
    driver.page.keyboard.down("Shift")
    driver.page.mouse.move(100, 100)
    driver.page.mouse.down()
    driver.page.mouse.move(600, 400, steps=3)
    driver.page.keyboard.press("Escape")
    driver.page.mouse.up()
    driver.page.keyboard.up("Shift")
    driver.settle()
    assert driver.js("Array.from(map.selection())") == [1, 2, 3]


def test_hidden_labels_are_neither_drawn_nor_picked_nor_selected(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    driver = opened(world).ready()
    ordinal = lone(world, 4)
    x, y = driver.at(ordinal)
    driver.js("map.select(a[0])", np.flatnonzero(np.isin(world.codes, [4, 5])).tolist())
    driver.props(hidden=[4, NO_LABEL])
    shown = int((~np.isin(world.codes, [4, NO_LABEL])).sum())
    assert driver.js("map.state().shown") == shown
    assert driver.page.text_content(".eob-map__pill") == f"{shown} of 600 patches"
    assert driver.js("map.screenOf(a[0])", ordinal) is None
    assert driver.told("selectedData", lambda d: d["count"] == int((world.codes == 5).sum()))
    driver.page.mouse.click(x, y)
    driver.settle()
    assert all(e["ordinal"] != ordinal for e in driver.events("click"))


# ---- it moves ----


def test_wheel_zooms_at_the_pointer(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    driver = opened(world).ready()
    ordinal = lone(world, 1)
    x, y = driver.at(ordinal)
    driver.page.mouse.move(x, y)
    for _ in range(4):
        driver.page.mouse.wheel(0, -150)
    driver.settle()
    assert driver.js("map.state().view.k") > 3
    assert np.hypot(*(np.array(driver.at(ordinal)) - (x, y))) < 1
    assert driver.told("view", lambda v: v["k"] > 3)["k"] == pytest.approx(driver.js("map.state().view.k"))


def test_drag_pans_and_does_not_click(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    driver = opened(world).ready()
    x, y = driver.at(0)
    driver.drag([(500, 350), (560, 320)])
    assert np.allclose(driver.at(0), (x + 60, y - 30), atol=1)
    assert driver.events("click") == []


def test_keys_move_zoom_fit_and_open(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(600)).ready()
    for _ in range(20):  # the map is reached by Tab, and shows it
        driver.page.keyboard.press("Tab")
        if driver.js("document.activeElement.className === 'eob-map__top'"):
            break
    assert driver.js("document.activeElement.getAttribute('aria-label')") == "Map of the patches"
    assert driver.js("getComputedStyle(document.getElementById('map'), '::after').borderTopWidth") == "2px"
    x0, y0 = driver.at(0)
    driver.page.keyboard.press("ArrowRight")
    driver.page.keyboard.press("ArrowDown")
    driver.settle()
    assert np.allclose(driver.at(0), (x0 - 80, y0 - 80), atol=1)
    driver.page.keyboard.press("+")
    driver.until("map.state().view.k > 1.49 && map.state().settled")
    driver.page.keyboard.press("-")
    driver.page.keyboard.press("-")
    driver.until("map.state().view.k < 0.7 && map.state().settled")
    driver.page.keyboard.press("0")
    driver.until("map.state().view.k === 1 && map.state().settled")
    assert np.allclose(driver.at(0), (x0, y0), atol=0.01)
    driver.js("map.flyTo(17)")
    driver.settle()
    driver.page.keyboard.press("Enter")
    driver.told("clickData", lambda d: d["ordinal"] == 17)


def test_a_view_is_restored_and_a_focus_flown_to(opened: Callable[..., Driver]) -> None:
    world = clusters(600)
    view = {"x": float(world.x[5]), "y": float(world.y[5]), "k": 6.0}
    driver = opened(world, view=view).ready()
    assert driver.js("map.state().view") == view
    driver.props(focus={"ordinal": 200, "n": 1})
    now = driver.js("map.state()")
    assert now["current"] == 200
    assert (now["view"]["x"], now["view"]["y"]) == pytest.approx((float(world.x[200]), float(world.y[200])))
    driver.props(focus={"ordinal": 10**6, "n": 2})  # not on this map: said, and nothing moves
    assert driver.js("map.state().current") == 200 and driver.js("map.flyTo(-1)") is False


def test_touch_taps_and_long_presses(opened: Callable[..., Driver]) -> None:
    world = clusters(200)
    driver = opened(world, viewport=(390, 844), context={"has_touch": True, "is_mobile": True}).ready()
    ordinal = lone(world, 2)
    x, y = driver.at(ordinal)
    driver.page.touchscreen.tap(x, y)
    driver.told("clickData", lambda d: d["ordinal"] == ordinal)
    driver.page.evaluate(LONG_PRESS, [x, y])
    driver.told("contextData", lambda d: d["ordinal"] == ordinal)
    assert len(driver.events("click")) == 1


def test_two_fingers_zoom_between_them(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(200), viewport=(390, 844), context={"has_touch": True, "is_mobile": True}).ready()
    driver.page.evaluate(PINCH)
    driver.settle()
    assert driver.js("map.state().view.k") == pytest.approx(2.0, rel=1e-6)
    assert driver.events("click") == [] and driver.events("select") == []


# ---- labels change ----


def test_recolour_paints_at_once_as_a_redraw_would_and_undo_takes_back(opened: Callable[..., Driver]) -> None:
    world = clusters(4000)
    driver = opened(world).ready()
    before = driver.pixels()
    full = driver.js("map.state().stats.full")
    driver.js("void (window.undo = map.recolour([10, 500, 900], 9))")
    after = driver.pixels()
    assert driver.js("map.state().stats.full") == full  # only those points were drawn
    changed = (before != after).any(axis=2)
    assert 0 < changed.sum() < 400
    assert driver.js("map.labelOf(10)") == {"code": 9, "name": NAMES[9]}
    driver.js("window.undo()")
    assert (driver.pixels() == before).all()
    driver.js("void map.recolour([10, 500, 900], 9)")
    assert (driver.pixels() == driver.redrawn()).all()


def test_undo_respects_a_newer_change_of_somebody_else(opened: Callable[..., Driver]) -> None:
    world = clusters(300)
    driver = opened(world).ready()
    original = int(world.codes[20])
    driver.js("void (window.undo = map.recolour([20, 30], 8))")
    world.relabel(30, 2)
    driver.js("map.refresh()")
    driver.until("map.labelOf(30).code === 2")
    driver.js("window.undo()")
    assert driver.js("map.labelOf(20).code") == original and driver.js("map.labelOf(30).code") == 2
    driver.js("window.undo()")  # twice is once
    assert driver.js("map.labelOf(20).code") == original


def test_changes_of_others_arrive_by_themselves(opened: Callable[..., Driver]) -> None:
    world = clusters(300)
    driver = opened(world).ready()
    world.relabel(42, (int(world.codes[42]) + 1) % 10)
    driver.until("map.labelOf(42).code === a[0]", int(world.codes[42]))
    assert driver.events("changes")[-1]["changes"] == [[42, int(world.codes[42])]]
    assert driver.js("map.state().lastEvent") == world.last
    assert any(a.startswith("/changes/1?since=7") for a in world.asked)
    world.new_labels = [*world.labels, {"code": 77, "name": "<b>Wetland</b>", "color": "#123456"}]
    world.relabel(43, 77)
    driver.js("map.refresh()")
    driver.until("map.labelOf(43).name === '<b>Wetland</b>'")
    driver.js("map.flyTo(43)")
    driver.settle()
    assert driver.label_shown() == "<b>Wetland</b>"  # text, not markup


def test_offline_is_said_quietly_and_passes(opened: Callable[..., Driver]) -> None:
    world = clusters(300)
    driver = opened(world).ready()
    world.fail["changes"] = 503
    driver.js("map.refresh()")
    driver.until("map.state().offline")
    assert "Offline" in driver.page.text_content(".eob-map__pill--quiet")
    assert driver.js("map.state().ready")
    world.fail.clear()
    driver.js("map.refresh()")
    driver.until("!map.state().offline")
    assert not driver.page.is_visible(".eob-map__pill--quiet")


# ---- states ----


def test_loading_shows_a_skeleton(opened: Callable[..., Driver]) -> None:
    world = clusters(300)
    world.delay = 1.0
    driver = opened(world)
    driver.page.wait_for_selector(".eob-map__state[data-kind=loading] .eob-map__skeleton", timeout=10_000)
    driver.ready()
    assert not driver.page.is_visible(".eob-map__state")


@pytest.mark.parametrize(("status", "words"), [(401, "logged out"), (404, "not there"), (500, "error (500)")])
def test_errors_are_sentences_and_can_be_retried(opened: Callable[..., Driver], status: int, words: str) -> None:
    world = clusters(300)
    world.fail["coords"] = status
    driver = opened(world)
    driver.page.wait_for_selector(".eob-map__state[data-kind=error]", timeout=10_000)
    assert words in driver.page.text_content(".eob-map__message")
    world.fail.clear()
    driver.page.click(".eob-map__retry")
    driver.ready()
    assert driver.js("map.state().n") == 300


def test_damaged_bytes_are_refused(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(300), coordsUrl="/labels/1")
    driver.page.wait_for_selector(".eob-map__state[data-kind=error]", timeout=10_000)
    assert "not a map" in driver.page.text_content(".eob-map__message")


def test_an_empty_map_says_so(opened: Callable[..., Driver]) -> None:
    driver = opened(clusters(0))
    driver.page.wait_for_selector(".eob-map__state[data-kind=empty]", timeout=10_000)
    assert "no patches" in driver.page.text_content(".eob-map__message")
    driver.page.mouse.move(300, 300)
    driver.page.mouse.click(300, 300)
    driver.page.mouse.wheel(0, -200)


def test_a_subset_map_speaks_of_the_datasets_ordinals(opened: Callable[..., Driver]) -> None:
    whole = clusters(600)
    chosen = np.flatnonzero(whole.codes == 2)[::-1].copy()
    world = World(whole.x[chosen], whole.y[chosen], whole.codes, ordinals=chosen, labels=whole.labels)
    driver = opened(world).ready()
    assert driver.js("map.state().n") == len(chosen) and driver.js("map.state().counts") == {"2": len(chosen)}
    wanted = int(chosen[3])
    driver.js("map.flyTo(a[0])", wanted)
    driver.settle()
    driver.page.mouse.click(*driver.at(wanted))
    driver.told("clickData", lambda d: d["ordinal"] == wanted)
    assert driver.js("map.select(a[0])", [wanted, 0]) == 1  # patch 0 is not on this map


def test_unmounting_leaves_nothing_behind(opened: Callable[..., Driver]) -> None:
    world = clusters(300)
    driver = opened(world).ready()
    driver.page.mouse.move(*driver.at(5))
    driver.page.evaluate("() => document.getElementById('toggle').click()")
    driver.until("!document.querySelector('canvas')")
    time.sleep(0.2)
    asked = len(world.asked)
    driver.page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    driver.page.set_viewport_size({"width": 800, "height": 600})
    time.sleep(3)  # longer than a poll
    assert len(world.asked) == asked
    driver.page.evaluate("() => document.getElementById('toggle').click()")
    driver.ready()
    assert driver.js("document.querySelectorAll('canvas').length") == 2


def test_mounts_do_not_pile_up(opened: Callable[..., Driver]) -> None:
    own = {"locale": "en-GB"}  # a context of its own, and so a process: no other test's page is counted
    driver = opened(clusters(20_000), viewport=(500, 400), renderer="gpu", context=own).ready()
    devtools = driver.page.context.new_cdp_session(driver.page)

    def heap() -> tuple[int, int, int]:
        driver.page.evaluate("() => { window.seen.length = 0; performance.clearResourceTimings(); }")  # the test's own
        for _ in range(2):
            devtools.send("HeapProfiler.collectGarbage")
        held = devtools.send("Memory.getDOMCounters")
        return devtools.send("Runtime.getHeapUsage")["usedSize"], held["jsEventListeners"], held["nodes"]

    def again(times: int) -> tuple[int, int, int]:
        for _ in range(times):
            driver.page.evaluate("() => document.getElementById('toggle').click()")
            driver.until("!document.querySelector('canvas')")
            driver.page.evaluate("() => document.getElementById('toggle').click()")
            driver.ready()
        return heap()

    def grown(first: tuple[int, int, int], last: tuple[int, int, int]) -> bool:
        return last[0] > 1.05 * first[0] or last[1] > first[1] + 5 or last[2] > first[2] + 10

    rounds = [again(10)]
    while len(rounds) < 2 or grown(*rounds[-2:]):  # what piles up grows in every round; a browser gets warm once
        assert len(rounds) < 5, rounds
        rounds.append(again(6))
    assert driver.js("map.state().renderer.contexts") == 1


def test_real_patches_fill_the_card(opened: Callable[..., Driver], shared_dir: Path) -> None:
    files = sorted((shared_dir / "data" / "eurosat").glob("*/*.jpg"))[::200]
    world = clusters(len(files))
    world.pictures = lambda ordinal: files[ordinal].read_bytes()
    driver = opened(world).ready()
    driver.page.mouse.move(*driver.at(3))
    driver.until("document.querySelector('.eob-map__picture img')?.naturalWidth === 64")
    assert driver.js("getComputedStyle(document.querySelector('.eob-map__picture img')).imageRendering") == "pixelated"
