"""The tab Charts: what each chart shows, what a click on it shows on the map, what is downloaded.

60 patches: city, forest and sea, 20 each; people have changed 6 of them.
"""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from coasts import COLORS, Prepared, prepare
from PIL import Image
from seats import House, Seat

from eobench_dash.services import annotate

pytestmark = [
    pytest.mark.browser,
    # the browser's driver and the server's threads are closed by their own ends, at times a moment after the test
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
EACH = 20
GRAPH = "#explore-charts-graph"


def work(house: House) -> None:
    """What people changed before the tests."""
    for name, ordinals, label in (("ben", [0, 1, 2, 3], "forest"), ("eva", [40, 41], "city")):
        annotate.relabel(house.ws, house.who[name], dataset_id=house.dataset_id, ordinals=ordinals, label=label)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    groups = {name: [color] * EACH for name, color in COLORS.items()}
    return prepare(tmp_path_factory.mktemp("charts"), groups=groups, maps=({"method": "tsne"},), then=work)


@pytest.fixture(scope="module")
def house(prepared: Prepared, share_house: Callable[..., House]) -> House:
    return share_house(*prepared)  # charts change nothing


def shown(seat: Seat) -> int:
    return seat.js("map.state().shown")


def showing(seat: Seat, n: int) -> None:
    seat.until("map.state().shown === a[0]", n)


def choose(seat: Seat, what: str, kind: str | None = None) -> None:
    """Open a chart by its two controls."""
    if what not in seat.page.locator("#explore-charts-what").inner_text():
        seat.page.locator("#explore-charts-what").click()
        seat.page.locator(".dash-dropdown-option", has_text=what).first.click()
    if kind:
        seat.page.locator("#explore-charts-kind").get_by_text(kind, exact=True).click()


def trace(seat: Seat) -> dict[str, Any]:
    """What the drawn chart holds."""
    code = """(() => { const gd = document.querySelector('#explore-charts-graph .js-plotly-plot'), t = gd?.data?.[0];
      return t ? {type: t.type, custom: t.customdata ?? t.link?.customdata, count: t.x ?? t.values ?? t.link?.value,
                  y: t.y} : {}; })()"""
    return seat.js(code)


def drawn(seat: Seat, kind: str, parts: int) -> dict[str, Any]:
    return seat.wait(
        lambda: (t := trace(seat)).get("type") == kind and len(t["custom"]) == parts and t, f"{kind}, not {trace(seat)}"
    )


def click(seat: Seat, mark: str, n: int = 0) -> None:
    """Click the middle of a mark with the mouse, after the pointer has come to rest there."""
    found = seat.page.locator(f"{GRAPH} {mark}").nth(n)
    found.wait_for()
    box = found.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    seat.page.mouse.move(x - 2, y)
    seat.page.mouse.move(x, y)
    seat.page.wait_for_timeout(150)  # Plotly looks every 50 ms what is pointed at, and means that by a click
    seat.page.mouse.click(x, y)


def test_a_click_on_a_label_shows_it_alone_and_a_second_click_all(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore("?tab=charts")
    assert drawn(seat, "bar", 3)["count"] == [24, 18, 18]  # forest, city, sea
    click(seat, ".bars .point path")
    showing(seat, 24)
    click(seat, ".bars .point path")
    showing(seat, 60)
    choose(seat, "Patches per label", "Tiles")
    drawn(seat, "treemap", 3)
    for n in (24, 60):
        seat.page.wait_for_timeout(300)  # the tiles are laid out anew
        click(seat, "path.surface")
        showing(seat, n)


def test_flows_people_and_times_show_their_patches(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore("?tab=charts")
    choose(seat, "Changes: import")
    assert drawn(seat, "sankey", 2)["count"] == [4, 2]
    click(seat, ".sankey-link")
    showing(seat, 4)
    assert "city → forest" in seat.page.locator(".eob-map").first.inner_text()
    click(seat, ".sankey-link")
    showing(seat, 60)
    choose(seat, "Changes per annotator")
    seat.wait(lambda: trace(seat).get("y") == ["ben", "eva"], "the people")
    click(seat, ".bars .point path", 1)
    showing(seat, 2)
    click(seat, ".bars .point path", 0)  # another part instead of this one
    showing(seat, 4)
    choose(seat, "Changes over time")
    seat.wait(lambda: trace(seat).get("y") == [4], "the newest hour of ben")
    click(seat, ".bars .point path")
    seat.until("document.querySelector('.eob-map').innerText.includes('UTC by ben')")
    assert shown(seat) == 4


def test_downloads_hold_the_chart_and_its_numbers(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore("?tab=charts")
    drawn(seat, "bar", 3)
    files: dict[str, tuple[str, bytes]] = {}
    for name in ("PNG", "SVG", "CSV"):
        with seat.page.expect_download() as got:
            seat.page.locator(".eob-chart > .eob-chart__downloads").get_by_text(name).click()
        files[name] = (got.value.suggested_filename, Path(got.value.path()).read_bytes())
    assert [stem for stem, _ in files.values()] == [
        "Coasts-labels-bar.png",
        "Coasts-labels-bar.svg",
        "Coasts-labels.csv",
    ]
    picture = Image.open(io.BytesIO(files["PNG"][1]))
    assert picture.width > 700 and len(picture.convert("RGB").getcolors(10**6)) > 20
    assert picture.convert("RGBA").getpixel((2, 2))[3] == 255  # a ground of its own
    assert b"<svg" in files["SVG"][1] and b"forest" in files["SVG"][1]
    rows = list(csv.reader(io.StringIO(files["CSV"][1].decode("utf-8-sig"))))
    assert rows == [["label", "patches"], ["city", "18"], ["forest", "24"], ["sea", "18"], ["", "0"]]


def test_the_large_chart_filters_too(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore("?tab=charts")
    drawn(seat, "bar", 3)
    seat.page.get_by_role("button", name="Show the chart large").click()
    bar = seat.page.locator("#explore-charts-large .bars .point path").first
    bar.wait_for()
    seat.wait(lambda: bar.bounding_box()["width"] > 200, "a wide bar")
    box = bar.bounding_box()
    seat.page.mouse.move(box["x"] + 40, box["y"] + box["height"] / 2)
    seat.page.mouse.click(box["x"] + 42, box["y"] + box["height"] / 2)
    showing(seat, 24)
    assert not seat.page.locator("#explore-charts-dialog").is_visible()


def test_an_empty_chart_says_why(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore("?tab=charts")
    choose(seat, "Clusters")
    seat.until("document.querySelector('#explore-charts-graph').textContent.includes('No clusters yet')")
    seat.page.locator(".eob-chart > .eob-chart__downloads").get_by_text("PNG").click()
    seat.told("nothing in this chart")
