"""What is looked at on the explore page: tabs, colours, two linked maps, links, new maps, downloads, and no leaks."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from coasts import EACH, prepare
from seats import House, Seat

from eobench_dash.services import datasets

pytestmark = [
    pytest.mark.browser,
    # the browser's driver and the server's threads are closed by their own ends, at times a moment after the test
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SECOND = "document.getElementById('explore-map2')?.eobMap"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two maps of all patches, the second one told apart by its parameters."""
    folder = tmp_path_factory.mktemp("view")
    return prepare(folder, maps=({}, {"params": {"n_neighbors": 7}}), public=True)


@pytest.fixture(scope="module")
def house(prepared: Any, share_house: Callable[..., House]) -> House:
    """For the tests that only look."""
    return share_house(*prepared)


@pytest.fixture
def own(prepared: Any, make_house: Callable[..., House]) -> House:
    """For those that change something."""
    return make_house(*prepared)


def open_split(seat: Seat) -> None:
    seat.page.get_by_role("button", name="Second map beside this one").click()
    seat.until(f"{SECOND}.state().ready && {SECOND}.state().settled")
    seat.settle()


def corners(seat: Seat, map_id: str) -> list[tuple[float, float]]:
    """A frame around the leftmost third of the patches that a map shows, wherever its method has put them."""
    at = f"document.getElementById('{map_id}').eobMap"
    spots = seat.js(
        f"Array.from({at}.table().ordinals, (o) => {at}.screenOf(o)).filter(Boolean).map((p) => [p.x, p.y])"
    )
    left = sorted(spots)[: max(len(spots) // 3, 2)]
    (x0, x1), (y0, y1) = ((min(v) - 6, max(v) + 6) for v in zip(*left, strict=True))
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def colour(seat: Seat, name: str, *, map_id: str = "explore-map") -> None:
    menu = seat.page.locator(f'[data-colour-menu="{map_id}"]')
    menu.locator("summary").click()
    menu.get_by_role("menuitemradio", name=name, exact=True).click()


# -- tabs --------------------------------------------------------------------------------------------------------------
def test_tabs_turn_by_mouse_and_keys_and_are_in_the_address(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore()
    panel = lambda: seat.page.locator("[role=tabpanel]:visible").get_attribute("data-panel")  # noqa: E731
    assert panel() == "labels" and "tab=" not in seat.url()
    seat.page.get_by_role("tab", name="Charts").click()
    assert panel() == "charts"
    seat.wait(lambda: "tab=charts" in seat.url(), "the address")
    seat.page.keyboard.press("ArrowRight")
    assert panel() == "history"
    assert seat.page.get_by_role("tab", name="History").get_attribute("aria-selected") == "true"
    seat.page.keyboard.press("ArrowRight")
    assert panel() == "labels"
    seat.wait(lambda: "tab=" not in seat.url(), "the address")
    seat.page.keyboard.press("End")
    seat.wait(lambda: "tab=history" in seat.url(), "the address")
    seat.page.reload()
    seat.until("map && map.state().ready")
    assert panel() == "history"
    assert seat.page.evaluate("() => document.querySelectorAll('[role=tab][tabindex=\"0\"]').length") == 1


# -- colours -----------------------------------------------------------------------------------------------------------
def test_the_colour_menu_offers_what_there_is_and_explains_the_rest(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva").explore()
    seat.page.keyboard.press("c")
    menu = seat.page.locator('[data-colour-menu="explore-map"]')
    agreement = menu.get_by_role("menuitemradio", name="Neighbour agreement")
    seat.wait(agreement.is_visible, "the columns")
    assert menu.get_by_role("menuitemradio", checked=True).inner_text().strip() == "Label"
    lacking = menu.get_by_role("menuitem").all_inner_texts()
    assert any("verify first" in text for text in lacking) and any("Find clusters first" in text for text in lacking)
    steps = menu.get_by_role("menuitemradio").all_inner_texts().index(agreement.inner_text())
    seat.wait(lambda: seat.page.evaluate("() => document.activeElement?.dataset.colour === 'label'"), "the focus")
    for _ in range(steps):
        seat.page.keyboard.press("ArrowDown")
        if seat.page.evaluate("() => document.activeElement?.dataset.colour === 'agreement'"):
            break
    seat.page.keyboard.press("Enter")
    seat.until("map.state().column?.name === 'agreement'")
    assert "Neighbour agreement" in menu.locator("summary").inner_text() and not agreement.is_visible()
    seat.wait(lambda: "colour=agreement" in seat.url(), "the address")
    seat.page.keyboard.press("Escape")
    colour(seat, "Label")
    seat.until("map.state().column === null")
    seat.wait(lambda: "colour=" not in seat.url(), "the address")
    seat.page.keyboard.press("c")
    seat.wait(agreement.is_visible, "the menu")
    menu.get_by_text("Find clusters first").click()
    assert seat.page.locator("[role=tabpanel]:visible").get_attribute("data-panel") == "clusters"


def test_a_colouring_that_is_not_there_gives_way_to_the_labels(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob")
    seat.allowed = (*seat.allowed, "Failed to load resource")
    seat.explore("?colour=cluster-99")
    seat.told("not there (any more)")
    seat.wait(lambda: "colour=" not in seat.url(), "the address")
    seat.until("map.state().colourBy === 'label'")


# -- two maps ----------------------------------------------------------------------------------------------------------
def test_two_maps_share_hover_and_selection(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob", viewport=(1500, 900)).explore()
    open_split(seat)
    first, second = (seat.page.locator(f"#{name}").bounding_box() for name in ("explore-map", "explore-map2"))
    assert first["x"] + first["width"] <= second["x"] + 1 and abs(first["width"] - second["width"]) < 3
    assert seat.js(f"{SECOND}.state().n") == 3 * EACH
    shown = [seat.page.locator(f"#explore-{name}").inner_text() for name in ("maps", "maps2")]
    assert shown[0] != shown[1] and any("Neighbours 7" in text for text in shown)
    ordinal = seat.alone(label="city")
    seat.hover(ordinal)
    seat.until(f"{SECOND}.state().linked === a[0]", ordinal)
    corner = corners(seat, "explore-map2")
    chosen = seat.lasso(corner)
    assert 0 < chosen < 3 * EACH
    seat.until(f"String(map.selection()) === String({SECOND}.selection())")
    seat.page.locator("#explore-groups [data-name=sea]").click()
    seat.until(f"map.state().shown === a[0] && {SECOND}.state().shown === a[0]", 2 * EACH)
    seat.wait(lambda: "map2=" in seat.url() and "hide=" in seat.url(), "the address")
    seat.page.get_by_role("button", name="Close the second map").click()
    seat.until(f"!{SECOND}.state().ready")
    seat.wait(lambda: "map2=" not in seat.url(), "the address")
    assert seat.page.locator("#explore-map").bounding_box()["width"] > 1.9 * first["width"]


def test_two_maps_lie_one_above_the_other_where_it_is_narrow(house: House, sit: Callable[..., Seat]) -> None:
    for viewport in ((1000, 700), (390, 844)):
        seat = sit(house, "rob", viewport=viewport).explore()
        open_split(seat)
        first, second = (seat.page.locator(f"#{name}").bounding_box() for name in ("explore-map", "explore-map2"))
        assert first["y"] + first["height"] < second["y"] and first["width"] == second["width"]
        assert seat.js("document.documentElement.scrollWidth") == viewport[0]


# -- links -------------------------------------------------------------------------------------------------------------
def test_a_copied_link_reopens_all_of_the_view_for_somebody_else(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "eva", viewport=(1500, 900), permissions=["clipboard-read", "clipboard-write"]).explore()
    open_split(seat)
    colour(seat, "Neighbour agreement")
    seat.until("map.state().column?.name === 'agreement'")
    colour(seat, "Label at import", map_id="explore-map2")
    seat.until(f"{SECOND}.state().column?.name === 'imported'")
    seat.page.locator("#explore-groups [data-name=sea]").click()
    seat.until("map.state().shown === a[0]", 2 * EACH)
    seat.js("map.setFilter({ column: { hidden: [], range: [0.25, 1] } })")
    seat.settle()
    assert seat.lasso(corners(seat, "explore-map")) > 1
    box = seat.page.locator("#explore-map2 .eob-map__top").bounding_box()
    seat.page.mouse.move(box["x"] + 150, box["y"] + 200)
    seat.page.mouse.wheel(0, -240)
    seat.settle()
    seat.page.get_by_role("tab", name="History").click()
    seat.page.get_by_label("Link and downloads").click()
    seat.page.get_by_role("button", name="Copy link to this view").click()
    seat.told("selected.")
    link = seat.page.evaluate("() => navigator.clipboard.readText()")
    assert link == seat.url() and "sel=" in link
    what = "({ a: map.state().filter, b: map.state().colourBy, c: [...map.selection()], d: map.state().shown,"
    what += f" e: {SECOND}.state().colourBy, f: {SECOND}.state().view.k.toPrecision(4), g: map.state().view.k }})"
    seen = seat.js(what)
    assert seen["a"]["column"]["range"] == [0.25, 1] and seen["c"]

    other = sit(house, "rob", viewport=(1500, 900))
    other.page.goto(link)
    other.until(f"map?.state().ready && {SECOND}?.state().ready && map.state().selected === a[0]", len(seen["c"]))
    other.until(f"JSON.stringify({what}) === JSON.stringify(a[0])", seen)
    assert other.page.locator("[role=tabpanel]:visible").get_attribute("data-panel") == "history"
    other.page.get_by_role("tab", name="Labels").click()
    assert other.page.locator("#explore-groups [data-name=sea]").get_attribute("aria-pressed") == "false"
    # Equal selections share their id; another selection is no longer the link's.
    assert "sel=" in other.url()
    other.js("map.clearSelection()")
    other.wait(lambda: "sel=" not in other.url(), "the address")


def test_who_has_no_account_opens_links_and_copies_them_without_a_selection(
    own: House, sit: Callable[..., Seat]
) -> None:
    datasets.describe_dataset(own.ws, own.who["ben"], dataset_id=own.dataset_id, public=True)
    seat = sit(own, None, permissions=["clipboard-read", "clipboard-write"]).explore()
    assert seat.lasso(corners(seat, "explore-map")) > 1
    seat.page.get_by_label("Link and downloads").click()
    seat.page.get_by_role("button", name="Copy link to this view").click()
    seat.told("Log in to have your selection in it")
    assert "sel=" not in seat.page.evaluate("() => navigator.clipboard.readText()")


def told(seat: Seat) -> dict[str, str]:
    """The words of the address."""
    return dict(parse_qsl(urlsplit(seat.url()).query))


def test_the_filter_of_a_column_leaves_the_address_with_it(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore("?colour=imported")
    seat.page.locator("#explore-map .eob-map__legend-row", has_text="sea").click()
    seat.until("map.state().shown === a[0]", 2 * EACH)
    seat.wait(lambda: "chide" in told(seat), "the address")
    seat.page.reload()
    seat.ready()
    seat.until("map.state().shown === a[0]", 2 * EACH)
    assert "chide" in told(seat)
    colour(seat, "Neighbour agreement")
    seat.until("map.state().shown === a[0]", 3 * EACH)
    seat.wait(lambda: "chide" not in told(seat) and told(seat).get("colour") == "agreement", "the address")


def test_a_column_that_is_gone_takes_its_filter_along(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob")
    seat.allowed = (*seat.allowed, "Failed to load resource")
    seat.explore("?colour=cluster-99&chide=0")
    seat.wait(lambda: "chide" not in told(seat), "the address")


def test_the_filter_of_the_second_map_is_in_the_address(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob", viewport=(1500, 900)).explore()
    open_split(seat)
    colour(seat, "Label at import", map_id="explore-map2")
    seat.until(f"{SECOND}.state().column?.name === 'imported'")
    seat.page.get_by_role("button", name="Legend").last.click()  # closed at first where it is narrow
    seat.page.locator("#explore-map2 .eob-map__legend-row", has_text="sea").click()
    seat.until(f"{SECOND}.state().shown === a[0]", 2 * EACH)
    seat.wait(lambda: "chide2" in told(seat), "the address")
    assert seat.js("map.state().shown") == 3 * EACH and "chide" not in told(seat)
    seat.page.reload()
    seat.ready()
    seat.until(f"{SECOND}?.state().ready && {SECOND}.state().shown === a[0]", 2 * EACH)
    assert seat.js("map.state().shown") == 3 * EACH and "chide2" in told(seat)
    colour(seat, "Neighbour agreement", map_id="explore-map2")
    seat.wait(lambda: "chide2" not in told(seat), "the address")
    seat.js(f"{SECOND}.setFilter({{ column: {{ range: [0.25, 1] }} }})")
    seat.wait(lambda: told(seat).get("crange2") == "0.25,1", "the address")
    seat.page.get_by_role("button", name="Close the second map").click()
    seat.wait(lambda: not {"map2", "crange2"} & set(told(seat)), "the address")


def test_a_label_hidden_on_the_second_map_is_hidden_in_the_list_and_the_address(
    house: House, sit: Callable[..., Seat]
) -> None:
    seat = sit(house, "rob", viewport=(1500, 900)).explore()
    open_split(seat)
    seat.js(f"{SECOND}.isolate(map.labelOf(0).code)")
    seat.until("map.state().shown === a[0]", EACH)
    seat.wait(lambda: "hide" in told(seat), "the address")
    assert seat.page.locator("#explore-groups [aria-pressed=false]").count() >= 2


def test_after_a_click_the_address_says_where_one_looks(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore()
    assert "v" not in told(seat)
    patch = seat.alone(label="city")
    seat.click(patch)
    seat.wait(lambda: {"v", "patch"} <= set(told(seat)), "the address")
    seat.page.reload()
    seat.ready()
    seat.until("map.state().current === a[0]", patch)
    seat.until("Math.abs(map.state().view.k - 1) < 0.01")
    other = sit(house, "rob")  # a link that names only the patch flies to it
    other.explore(f"?patch={patch}")
    other.until("map.state().view.k > 1.5")


def test_a_copied_link_says_where_one_looks(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob", permissions=["clipboard-read", "clipboard-write"]).explore()
    seat.page.get_by_label("Link and downloads").click()
    seat.page.get_by_role("button", name="Copy link to this view").click()
    seat.told("Copied")
    assert "v=" in seat.page.evaluate("() => navigator.clipboard.readText()")


# -- keys of controls on the map ---------------------------------------------------------------------------------------
def test_controls_on_the_map_keep_their_keys(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore("?colour=agreement")
    patch = seat.alone(label="city")
    seat.click(patch)
    near = seat.neighbours(patch)
    seat.page.keyboard.press("ArrowDown")
    walked = "window.eob.explore.walkedPatch()"
    seat.until(f"{walked} === a[0]", near[0])
    seat.page.get_by_role("button", name="Zoom in").focus()
    seat.page.keyboard.press("Enter")
    seat.until("map.state().view.k > 1.4")
    assert seat.js("window.eob.explore.shown()") == patch
    seat.page.get_by_role("slider", name="Least value shown").focus()
    seat.page.keyboard.press("ArrowRight")
    seat.until("map.state().filter.column.range")
    assert seat.js(walked) == near[0]


# -- a silence of the server -------------------------------------------------------------------------------------------
def test_what_was_asked_in_a_silence_is_asked_again(own: House, sit: Callable[..., Seat]) -> None:
    seat = sit(own, "rob")
    seat.allowed = (*seat.allowed, "Failed to load resource", "did not respond")
    seat.explore()
    first = seat.alone(label="city")
    seat.click(first)
    seat.neighbours(first)
    second = seat.alone(label="forest")
    seat.page.context.set_offline(True)
    seat.click(second)
    seat.page.get_by_role("tab", name="Charts").click()
    seat.told("The server does not answer")
    seat.until("[...document.querySelectorAll('#explore-trail img')].some((i) => i.complete && !i.naturalWidth)")
    seat.page.context.set_offline(False)
    seat.js("document.dispatchEvent(new CustomEvent('eob:answers'))")
    seat.neighbours(second)
    seat.until("document.querySelector('[data-later=charts] .js-plotly-plot')")
    pictures = "[...document.querySelectorAll('#explore-neighbours img, #explore-trail img')]"
    seat.until(f"{pictures}.every((i) => i.complete && i.naturalWidth)")


# -- new maps ----------------------------------------------------------------------------------------------------------
def test_a_map_with_parameters_of_ones_own(own: House, sit: Callable[..., Seat]) -> None:
    seat = sit(own, "eva").explore()
    seat.page.get_by_role("button", name="New map").click()
    dialog = seat.page.locator("#explore-new")
    neighbours = dialog.get_by_label("Neighbours", exact=True)
    neighbours.fill("1000")
    dialog.get_by_role("button", name="Compute").click()
    seat.told("Neighbours (n_neighbors) must be a whole number from 2 to 200, not '1000'")
    assert dialog.is_visible() and not [j for j in own.jobs() if j.state == "queued"]
    dialog.get_by_role("button", name="Reset to defaults").click()
    seat.wait(lambda: neighbours.input_value() == "15", "the default")
    dialog.get_by_text("t-SNE:").click()
    perplexity = dialog.get_by_label("Perplexity", exact=True)
    seat.wait(lambda: perplexity.is_visible() and not neighbours.is_visible(), "its parameters")
    perplexity.fill("8")
    dialog.get_by_role("button", name="Compute").click()
    seat.told("opens when it is ready")
    seat.wait(lambda: not dialog.is_visible(), "the dialog closes")
    own.do_jobs()
    shown = seat.page.locator("#explore-maps")
    seat.wait(lambda: "t-SNE on color_stats · Perplexity 8" in shown.inner_text(), "the new map")
    seat.until("map.state().ready")
    seat.page.locator("#explore-quality summary").click()
    assert "Perplexity 8" in seat.page.locator(".eob-quality").inner_text()
    seat.page.get_by_role("button", name="Colour by map honesty").click()
    seat.until("map.state().column?.name === 'honesty'")


# -- switches and downloads --------------------------------------------------------------------------------------------
def test_thumbnails_are_switched_off_for_good(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore()
    switch = seat.page.get_by_role("button", name="Thumbnails in place of points")
    assert switch.get_attribute("aria-pressed") == "true"
    switch.click()
    seat.wait(lambda: switch.get_attribute("aria-pressed") == "false", "the switch")
    seat.page.reload()
    seat.ready()
    seat.wait(lambda: switch.get_attribute("aria-pressed") == "false", "the switch")
    seat.page.keyboard.press("t")
    seat.wait(lambda: switch.get_attribute("aria-pressed") == "true", "the switch")


def test_the_map_as_picture_and_its_patches_as_table(house: House, sit: Callable[..., Seat]) -> None:
    seat = sit(house, "rob").explore()
    seat.page.locator("#explore-groups [data-name=sea]").click()
    seat.until("map.state().shown === a[0]", 2 * EACH)
    seat.settle()

    def download(item: str) -> tuple[str, bytes]:
        seat.page.get_by_label("Link and downloads").click()
        with seat.page.expect_download() as waiting:
            seat.page.get_by_role("button", name=item).click()
        return waiting.value.suggested_filename, waiting.value.path().read_bytes()

    name, picture = download("Map as PNG")
    assert name == "Coasts-map.png" and picture.startswith(b"\x89PNG")
    name, drawing = download("Map as SVG")
    dots = [
        path.get("d").count("h0") for path in ElementTree.fromstring(drawing).iter("{http://www.w3.org/2000/svg}path")
    ]
    assert name == "Coasts-map.svg" and sorted(dots) == [EACH, EACH] and b"forest (30)" in drawing
    name, table = download("Patches shown as CSV")
    rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
    assert name == "Coasts-patches.csv" and len(rows) == 2 * EACH
    assert {row["label"] for row in rows} == {"city", "forest"} and rows[0]["patch"] == "0"
    assert all(house.label(int(row["patch"])) == row["label"] for row in rows[::17]) and float(rows[3]["x"])
    lines = "window.eob.exploreView.csv({ordinals: [1, 2], x: [0.5, -1], y: [2, 3], codes: [0, 1]}, (c) => a[0][c])"
    text = "".join(seat.js(lines, ['=cmd|"x"', "a,b"]))
    assert text == '\ufeffpatch,x,y,label\r\n1,0.5,2,"\'=cmd|""x"""\r\n2,-1,3,"a,b"\r\n'


def test_fifty_page_changes_leave_nothing_behind(own: House, sit: Callable[..., Seat]) -> None:
    """Heap, DOM nodes, listeners and GL contexts after 50 changes of page stay within 5 % of those after ten.

    Of the heap, what the page's scripts hold: V8 compiles ever more of them, which is no leak.
    """
    seat = sit(own, "rob").explore("?map2=1")
    probe = seat.page.context.new_cdp_session(seat.page)
    probe.send("Performance.enable")

    chunks: list[str] = []
    probe.on("HeapProfiler.addHeapSnapshotChunk", lambda event: chunks.append(event["chunk"]))

    def held() -> int:
        """Bytes of everything in the heap but compiled code and what is the browser's own."""
        chunks.clear()
        probe.send("HeapProfiler.takeHeapSnapshot")
        heap = json.loads("".join(chunks))
        meta = heap["snapshot"]["meta"]
        nodes = np.array(heap["nodes"]).reshape(-1, len(meta["node_fields"]))
        kind, size = (meta["node_fields"].index(name) for name in ("type", "self_size"))
        aside = [meta["node_types"][kind].index(name) for name in ("code", "native")]
        return int(nodes[~np.isin(nodes[:, kind], aside), size].sum())

    def measure() -> dict[str, float]:
        rounds = []
        for _ in range(6):  # finalisers of one round free what the next one finds; answers on their way are not kept
            probe.send("HeapProfiler.collectGarbage")
            known = {m["name"]: m["value"] for m in probe.send("Performance.getMetrics")["metrics"]}
            rounds.append({name: known[name] for name in ("Nodes", "JSEventListeners")})
            seat.page.wait_for_timeout(200)
        told = {name: min(taken[name] for taken in rounds) for name in rounds[0]}
        return {**told, "heap": held(), "contexts": seat.js("map.state().renderer.contexts")}

    both = f"map?.state().ready && map.state().settled && {SECOND}?.state().ready"
    marks = {}
    for changes in range(2, 52, 2):
        seat.page.evaluate("() => window.eob.go('/')")
        seat.until("!document.getElementById('explore-root')")
        seat.page.evaluate(f"() => window.eob.go('/explore/{own.dataset_id}?map2=1')")
        seat.until(f"{both} && document.querySelector('#explore-groups [data-code]')")
        if changes in (10, 50):
            marks[changes] = measure()
    grown = {name: (was, marks[50][name]) for name, was in marks[10].items() if marks[50][name] > 1.05 * was}
    assert not grown, grown
