"""Colouring by columns, with the legend: real clicks, drags and keys."""

from collections.abc import Callable

import numpy as np
import pytest
from maps import Driver, World, clusters, lone

pytestmark = pytest.mark.browser

N = 1500
NONE = 65535
STILL = {"reduced_motion": "reduce"}


def with_columns() -> World:
    world = clusters(N)
    rng = np.random.default_rng(5)
    batches = (np.arange(N) % 3).astype(np.uint16)
    batches[:60] = NONE
    named = [{"code": c, "name": f"Cluster {c + 1}", "color": color, "count": int((batches == c).sum())}
             for c, color in ((0, "#aa3377"), (1, "#228833"), (2, None))]  # fmt: skip
    numbers = rng.random(N).astype(np.float32)
    numbers[:40] = np.nan
    extent = {"min": 0.0, "max": 1.0, "low": 0.02, "high": 0.98, "scale": "sequential", "unit": ""}
    world.columns = {
        "cluster-1": (
            {"name": "cluster-1", "title": "Clusters of July", "kind": "category", "categories": named},
            batches,
        ),
        "confidence": ({"name": "confidence", "title": "Confidence", "kind": "number", **extent}, numbers),
    }
    return world


def colour_at(driver: Driver, ordinal: int) -> np.ndarray:
    box = driver.page.locator("#map .eob-map__base").bounding_box()
    x, y = driver.at(ordinal)
    return driver.pixels()[int(y - box["y"]), int(x - box["x"])]


def rows(driver: Driver) -> dict[str, tuple[int, bool]]:
    """The legend's rows: name -> (count, shown)."""
    told = driver.page.eval_on_selector_all(
        "#map .eob-map__legend-row",
        "(rows) => rows.map((r) => [r.children[1].textContent, r.children[2].textContent, r.ariaPressed])",
    )
    return {name: (int(number.replace(",", "")), pressed == "true") for name, number, pressed in told}


def test_a_column_colours_the_points_and_the_legend_counts_them(opened: Callable[..., Driver]) -> None:
    world = with_columns()
    driver = opened(world, colourBy="cluster-1", context=STILL).ready()
    codes = world.columns["cluster-1"][1]
    ordinal = next(o for o in (lone(world, label) for label in range(10)) if codes[o] == 0)
    assert np.abs(colour_at(driver, ordinal) - (0xAA, 0x33, 0x77)).max() < 40
    driver.until("document.querySelector('.eob-map__legend-row')")
    wanted = {f"Cluster {c + 1}": (int((codes == c).sum()), True) for c in range(3)}
    assert rows(driver) == wanted | {"none": (60, True)}
    assert list(rows(driver))[-1] == "none"
    assert driver.js("map.labelOf(a[0])", ordinal)["code"] == world.codes[ordinal]  # labels are what they were
    assert driver.events("column")[-1]["title"] == "Clusters of July" and "codes" not in driver.events("column")[-1]
    driver.js("void map.recolour([a[0]], 9)", ordinal)
    assert np.abs(colour_at(driver, ordinal) - (0xAA, 0x33, 0x77)).max() < 40
    driver.props(colourBy="label")
    assert driver.js("map.state().column") is None and driver.events("column")[-1] is None
    assert np.abs(colour_at(driver, ordinal) - (0xAA, 0x33, 0x77)).max() > 60


def test_a_click_on_the_legend_hides_and_a_double_click_isolates(opened: Callable[..., Driver]) -> None:
    world = with_columns()
    driver = opened(world, colourBy="cluster-1", context=STILL).ready()
    codes = world.columns["cluster-1"][1]
    row = driver.page.locator("#map .eob-map__legend-row")
    row.filter(has_text="Cluster 2").click()
    driver.settle()
    assert driver.js("map.filter()") == {"labels": [], "column": {"hidden": [1], "range": None}}
    assert driver.js("map.state().shown") == int((codes != 1).sum()) and rows(driver)["Cluster 2"][1] is False
    assert driver.events("filter")[-1]["column"]["hidden"] == [1]
    hidden = int(np.flatnonzero(codes == 1)[3])
    assert driver.js("map.screenOf(a[0])", hidden) is None
    row.filter(has_text="Cluster 2").click()
    driver.page.wait_for_timeout(500)  # later than a double click
    row.filter(has_text="Cluster 3").dblclick()
    driver.settle()
    assert driver.js("map.state().shown") == int((codes == 2).sum())
    assert [name for name, (_, shown) in rows(driver).items() if shown] == ["Cluster 3"]
    driver.page.wait_for_timeout(500)
    row.filter(has_text="Cluster 3").dblclick()  # once more: all of them
    driver.settle()
    assert driver.js("map.state().shown") == N
    row.filter(has_text="Cluster 1").click()
    driver.page.locator("#map .eob-map__link").click()
    driver.settle()
    assert driver.js("map.state().shown") == N
    driver.js("map.setFilter({column: {hidden: [0]}})")
    driver.props(colourBy="confidence")  # hidden clusters mean nothing there
    driver.until("map.state().shown === a[0]", N)


def test_numbers_are_a_bar_whose_ends_are_dragged(opened: Callable[..., Driver]) -> None:
    world = with_columns()
    driver = opened(world, colourBy="confidence", context=STILL).ready()
    values = world.columns["confidence"][1]
    high, low = int(np.nanargmax(values)), int(np.nanargmin(values))
    bright, dark = colour_at(driver, high), colour_at(driver, low)
    assert bright[1] > dark[1] + 60  # viridis: yellow-green against purple
    driver.until("document.querySelector('.eob-map__track')")
    assert "40 without a value" in driver.page.text_content("#map .eob-map__legend-note")
    track = driver.page.locator("#map .eob-map__track").bounding_box()
    y = track["y"] + track["height"] / 2
    driver.drag([(track["x"], y), (track["x"] + track["width"] / 2, y)])
    lo, hi = driver.js("map.filter()")["column"]["range"]
    assert lo == pytest.approx(0.5, abs=0.02) and hi == 1.0
    inside = (values >= np.float32(lo)) & (values <= hi)
    assert driver.js("map.state().shown") == int(inside.sum())
    assert driver.js("map.screenOf(a[0])", low) is None
    handle = driver.page.locator("#map .eob-map__handle").first
    assert handle.get_attribute("aria-valuetext").startswith("0.5") and handle.get_attribute("role") == "slider"
    handle.focus()
    driver.page.keyboard.press("End")
    driver.settle()
    assert driver.js("map.filter()")["column"]["range"] == pytest.approx([0.98, 1.0])  # both handles at the upper end
    driver.page.keyboard.press("Home")
    driver.settle()
    assert driver.js("map.filter()")["column"]["range"] is None  # the whole bar is no filter: those without come back
    assert driver.js("map.state().shown") == N


def test_a_link_restores_the_filter_of_a_column(opened: Callable[..., Driver]) -> None:
    world = with_columns()
    driver = opened(world, colourBy="confidence", hidden=[3], context=STILL).ready()
    driver.js("map.setFilter({column: {range: [0.25, 0.5]}})")
    values = world.columns["confidence"][1]
    wanted = (values >= 0.25) & (values <= 0.5) & (world.codes != 3)
    assert driver.js("map.state().shown") == int(wanted.sum())
    table = driver.js("(({ordinals, codes}) => [Array.from(ordinals), Array.from(codes)])(map.table())")
    assert table == [np.flatnonzero(wanted).tolist(), world.codes[wanted].tolist()]
    driver.props(hidden=[])
    assert driver.js("map.filter()") == {"labels": [], "column": {"hidden": [], "range": [0.25, 0.5]}}


def test_a_column_made_from_labels_follows_a_change(opened: Callable[..., Driver]) -> None:
    world = with_columns()
    meta, values = world.columns["confidence"]
    driver = opened(world, colourBy="confidence", context=STILL).ready()
    driver.js("map.setFilter({column: {range: [0, 0.5]}})")
    changed = values.copy()
    changed[:] = 0.75
    world.columns["confidence"] = (meta, changed)
    driver.js("void map.recolour([5], 9)")
    driver.until("map.state().shown === 0")  # the filter stays, the values are new
    assert driver.js("map.filter()")["column"]["range"] == [0, 0.5]


def test_labels_have_a_legend_too_and_it_names_and_hides_them(opened: Callable[..., Driver]) -> None:
    world = clusters(900)
    driver = opened(world, context=STILL).ready()
    assert not driver.page.is_visible("#map .eob-map__legend")  # the page's list says the same
    driver.page.locator("#map .eob-map__top").focus()
    driver.page.keyboard.press("l")
    driver.page.wait_for_selector("#map .eob-map__legend-row")
    assert rows(driver)["Forest"] == (int((world.codes == 1).sum()), True)
    driver.page.locator("#map .eob-map__legend-row").filter(has_text="Forest").click()
    driver.settle()
    assert driver.events("filter")[-1]["labels"] == [1] and rows(driver)["Forest"][1] is False
    driver.js("void map.recolour([0, 1, 2], 7)")
    driver.until("map.legend().entries.find((e) => e.code === 7).count === a[0]",
                 int((world.codes == 7).sum()) + int((world.codes[:3] != 7).sum()))  # fmt: skip


def test_resting_on_a_row_shows_where_its_patches_are(opened: Callable[..., Driver]) -> None:
    world = with_columns()
    driver = opened(world, colourBy="cluster-1", context=STILL).ready()
    driver.until("document.querySelector('.eob-map__legend-row')")
    codes = world.columns["cluster-1"][1]
    ordinal = next(o for o in (lone(world, label) for label in range(10)) if codes[o] == 0)
    before = colour_at(driver, ordinal)
    driver.page.locator("#map .eob-map__legend-row").filter(has_text="Cluster 2").hover()
    driver.page.wait_for_timeout(400)
    assert colour_at(driver, ordinal).min() > before.min() + 60  # faded
    driver.page.mouse.move(500, 20)
    driver.page.wait_for_timeout(400)
    assert np.abs(colour_at(driver, ordinal) - before).max() < 3


@pytest.mark.parametrize("name", ["lost", "cut"])
def test_a_column_that_does_not_come_leaves_the_labels_and_says_so(opened: Callable[..., Driver], name: str) -> None:
    world = with_columns()
    driver = opened(world, context=STILL).ready()
    if name == "cut":
        driver.props(columnsUrl="/coords/1?{name}")
    driver.props(colourBy=name)
    driver.until("document.querySelector('.eob-map__hint.is-failed:not([hidden])')")
    assert "could not be loaded" in driver.page.text_content("#map .eob-map__hint.is-failed")
    assert driver.js("map.state().column") is None and driver.js("map.state().ready")
    driver.props(columnsUrl="/columns/{name}", colourBy="confidence")
    driver.until("map.state().column")
    driver.until("!document.querySelector('.eob-map__hint:not([hidden])')")


def test_switching_colours_fades_and_ends_exactly(opened: Callable[..., Driver]) -> None:
    driver = opened(with_columns()).ready()
    driver.page.evaluate("() => dash_clientside.set_props('map', {colourBy: 'confidence'})")
    driver.until("document.querySelector('.eob-map__ghost')", seconds=5)
    driver.until("!document.querySelector('.eob-map__ghost')")
    driver.settle()
    assert (driver.pixels() == driver.redrawn()).all()


def test_a_map_that_is_taken_away_takes_its_legend_along(opened: Callable[..., Driver]) -> None:
    driver = opened(with_columns(), colourBy="cluster-1", context=STILL).ready()
    driver.until("document.querySelector('.eob-map__legend-row')")
    driver.page.evaluate("() => dash_clientside.set_props('map', {coordsUrl: null})")
    driver.page.wait_for_selector(".eob-map__state[data-kind=empty]", timeout=10_000)
    driver.page.wait_for_selector(".eob-map__legend", state="hidden", timeout=5_000)
