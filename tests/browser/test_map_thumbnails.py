"""Thumbnails on the map, in a real browser: which sheets are asked for and cancelled, what lies where, who is picked.

Every patch is a plain picture of its own colour, so a pixel of the screen tells which patch is drawn there.
"""

import base64
import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from dash import Dash, html
from flask import Response, request
from PIL import Image
from seats import Quiet
from werkzeug.serving import make_server

from eobench_dash.components.embedding_map import EmbeddingMap
from eobench_dash.domain import wire
from eobench_dash.domain.sheets import pack_places
from eobench_dash.ml.sheets import inverse_order, sheet_order
from eobench_dash.store.sheets import draw_coarse, draw_fine, missing_tile

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
CSP = "default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:"
N = 6000
LABELS = [{"code": 0, "name": "a", "color": "#ff0000"}, {"code": 1, "name": "b", "color": "#00a000"}]


def color_of(ordinal: int) -> tuple[int, int, int]:
    """One of 125 colours, far enough from each other's to survive JPEG."""
    return (ordinal % 5 * 60, ordinal // 5 % 5 * 60, ordinal // 25 % 5 * 60)


def shows(seen: np.ndarray, color: tuple[int, int, int]) -> bool:
    """Nearly all pixels are of this colour (the points of other patches may lie above a tile)."""
    return bool((abs(seen - color).max(axis=-1) < 24).mean() > 0.7)


@dataclass
class Sheets:
    """What the little server serves, and what it was asked for."""

    xy: np.ndarray
    broken: frozenset[int] = frozenset()
    asked: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.order = sheet_order(self.xy)
        self.places = inverse_order(self.order)
        self.codes = (self.xy[:, 0] > 0.5).astype(int)  # neighbours mostly share a label: few tiles lie over strangers
        self.gate.set()
        self._made: dict[tuple[int, int], bytes] = {}

    def sheet(self, tile: int, number: int) -> bytes:
        if (tile, number) not in self._made:
            if tile == 64:
                some = self.order[number * 256 : (number + 1) * 256].tolist()
                made = draw_fine([self._tile(ordinal) for ordinal in some])
            else:
                count = -(-len(self.order) // 256)
                made = draw_coarse([self.sheet(64, k) for k in range(4 * number, min(4 * number + 4, count))])
            self._made[tile, number] = made
        return self._made[tile, number]

    def _tile(self, ordinal: int) -> np.ndarray:
        if ordinal in self.broken:
            return missing_tile()
        return np.broadcast_to(np.array(color_of(ordinal), np.uint8), (64, 64, 3))


class Stage:
    """What the module's one server serves to the page that is opened next."""

    world: Sheets
    props: dict[str, Any]


def build_app(stage: Stage) -> Dash:
    app = Dash(__name__, assets_folder="/nonexistent")
    server = app.server

    @server.after_request
    def policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = CSP.format(hashes=" ".join(app.csp_hashes()))
        return response

    @server.get("/coords")
    def coords() -> Response:
        return Response(wire.pack_coords(stage.world.xy[:, 0], stage.world.xy[:, 1]))

    @server.get("/labels")
    def labels() -> Response:
        return Response(wire.pack_labels(stage.world.codes))

    @server.get("/sheets.bin")
    def places() -> Response:
        stage.world.asked.append("places")
        return Response(pack_places(stage.world.places), headers={"X-EOBench-Sheets": "k1"})

    @server.get("/sheets/<int:tile>/<int:number>.jpg")
    def sheet(tile: int, number: int) -> Response:
        assert request.args.get("v") == "k1"
        world = stage.world
        world.asked.append(f"{tile}/{number}")
        world.gate.wait(20)
        return Response(world.sheet(tile, number), mimetype="image/jpeg")

    def layout() -> html.Div:
        options = {
            "id": "map", "coordsUrl": "/coords", "labelsUrl": "/labels", "labels": LABELS, "sheetsUrl": "/sheets",
            "style": {"height": "100vh"},
        } | stage.props  # fmt: skip
        return html.Div(EmbeddingMap(**options))

    stage.props = {}
    app.layout = layout
    return app


class Driver:
    """A page with the map in it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.box: dict[str, float] = {}

    def js(self, code: str, *args: Any) -> Any:
        return self.page.evaluate(
            f"(a) => {{ const map = document.getElementById('map')?.eobMap; return {code}; }}", args
        )

    def until(self, code: str, *args: Any) -> None:
        for _ in range(600):
            if self.js(code, *args):
                return
            self.page.wait_for_timeout(30)
        pytest.fail(f"not in time: {code} {args}; {self.js('map && map.state()')}")

    def thumbs(self) -> dict[str, Any]:
        return self.js("map.state().thumbs")

    def zoom(self, to: float, at: tuple[float, float] = (0.5, 0.5)) -> None:
        """By the wheel, at a place given in shares of the map."""
        box = self.page.locator(".eob-map__top").bounding_box()
        self.page.mouse.move(box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"])
        closer = self.js("map.state().view.k") < to
        while (self.js("map.state().view.k") < to) == closer:
            self.page.mouse.wheel(0, -120 if closer else 120)
            self.page.wait_for_timeout(20)

    def rest(self) -> dict[str, Any]:
        """Until all is there that is wanted here."""
        self.page.wait_for_timeout(120)
        self.until("map.state().settled && map.state().thumbs.pending === 0")
        return self.thumbs()

    def shot(self) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")).astype(int)

    def canvas(self) -> np.ndarray:
        """The map's own picture, without what lies on it."""
        url = self.js("document.querySelector('.eob-map__base').toDataURL('image/png')")
        with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
            return np.asarray(image.convert("RGB")).astype(int)

    def tiles(self) -> list[tuple[int, float, float]]:
        """(ordinal, x, y) of the patches whose own tile lies under their place, whole on the screen, clear of tools."""
        code = """(() => {
          const box = document.querySelector('.eob-map__top').getBoundingClientRect(), met = new Set(), found = [];
          const half = map.state().thumbs.tile / 2 - 2;
          for (let y = half; y < box.height - 60; y += 8) {
            for (let x = 300; x < box.width - 80; x += 8) met.add(map.pick(x, y));
          }
          met.delete(null);
          for (const o of met) {
            const at = map.screenOf(o);
            if (at.x < 300 + half || at.y < half || at.x > box.width - 80 || at.y > box.height - 60) continue;
            if ([[0, 0], [half, half], [-half, -half], [half, -half], [-half, half]].every(
              ([x, y]) => map.pick(at.x - box.left + x, at.y - box.top + y) === o)) found.push([o, at.x, at.y]);
          }
          return found;
        })()"""
        return [tuple(found) for found in self.js(code)]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Stage, str]]:
    stage = Stage()
    server = make_server("127.0.0.1", 0, build_app(stage).server, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield stage, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_map(chromium_here: Any, served: tuple[Stage, str]) -> Iterator[Callable[..., Driver]]:
    stage, url = served
    stops: list[Callable[[], None]] = []
    problems: list[str] = []

    def start(world: Sheets, *, motion: str = "reduce", scale: float = 1, **props: Any) -> Driver:
        stage.world, stage.props = world, props
        # Each test has a context of its own: sheets are kept by the browser for good.
        context = chromium_here.new_context(
            viewport={"width": 1000, "height": 700}, reduced_motion=motion, device_scale_factor=scale
        )
        stops.extend([world.gate.set, context.close])
        page = context.new_page()
        page.on("console", lambda m: m.type in ("error", "warning") and problems.append(m.text))
        page.on("pageerror", lambda e: problems.append(str(e)))
        page.goto(url)
        driver = Driver(page)
        driver.until("map && map.state().ready && map.state().settled")
        return driver

    yield start
    for stop in stops:
        stop()
    assert not [text for text in problems if "WebGL" not in text and "GPU stall" not in text], problems


@pytest.fixture(scope="module")
def uniform() -> np.ndarray:
    return np.random.default_rng(5).random((N, 2)).astype(np.float32)


def test_overview_asks_for_nothing_and_one_screen_needs_at_most_12_sheets(open_map: Any, uniform: np.ndarray) -> None:
    world = Sheets(uniform)
    driver = open_map(world)
    driver.page.wait_for_timeout(300)
    assert world.asked == [] and driver.thumbs()["tile"] == 0
    driver.zoom(3)
    seen = driver.rest()
    assert seen["drawn"] > 100 and seen["tile"] >= 16
    assert world.asked[0] == "places" and world.asked.count("places") == 1
    assert 1 <= len(set(world.asked[1:])) <= 12 and len(set(world.asked)) == len(world.asked)
    assert seen["requested"] == len(world.asked) - 1 and seen["cancelled"] == 0
    assert all(name.startswith("32/") for name in world.asked[1:])  # small tiles come from the sheets of small tiles


def test_a_tile_lies_where_its_point_lay_and_shows_its_patch(open_map: Any, uniform: np.ndarray) -> None:
    world = Sheets(uniform)
    driver = open_map(world)
    for zoom, border in ((4, 1), (12, 2)):
        driver.zoom(zoom)
        side = driver.rest()["tile"]
        shot, found = driver.shot(), driver.tiles()
        assert len(found) > 7
        for ordinal, x, y in found:
            x, y = round(x), round(y)
            inner = side // 2 - border - 3
            seen = shot[y - inner : y + inner, x - inner : x + inner]
            assert shows(seen, color_of(ordinal)), (zoom, ordinal)
            left = round(x - side / 2)
            edge = shot[y, left - 1 : left + border + 1]  # the place told is rounded otherwise than what is drawn
            assert (abs(edge - ((255, 0, 0), (0, 160, 0))[world.codes[ordinal]]).max(axis=1) < 40).any(), (
                zoom,
                ordinal,
            )


def test_hover_and_click_on_a_tile_mean_its_patch(open_map: Any, uniform: np.ndarray) -> None:
    driver = open_map(Sheets(uniform))
    driver.zoom(14)
    half = driver.rest()["tile"] / 2
    for ordinal, x, y in driver.tiles()[:3]:
        driver.page.mouse.move(x + half - 4, y - half + 4)  # a corner, nearer to others' points maybe
        driver.until("map.state().hovered === a[0]", ordinal)
        ring = driver.page.locator(".eob-map__ring--hover").bounding_box()
        assert abs(ring["x"] + ring["width"] / 2 - x) < 1.5 and abs(ring["width"] - 2 * half) < 5
        driver.page.mouse.click(x - half + 4, y + half - 4)
        driver.until("map.state().current === a[0]", ordinal)


def test_the_current_patch_has_its_tile_even_where_another_lay(open_map: Any, uniform: np.ndarray) -> None:
    driver = open_map(Sheets(uniform))
    driver.zoom(5)
    driver.rest()
    shown = {ordinal for ordinal, _, _ in driver.tiles()}
    inside = "p && p.x > 400 && p.x < 800 && p.y > 150 && p.y < 500"
    every = f"Array.from({{ length: {len(uniform)} }}, (_, o) => o)"
    near = driver.js(f"{every}.filter((o) => {{ const p = map.screenOf(o); return {inside}; }})")
    hidden = next(o for o in near if o not in shown)
    driver.js(f"map.mark({hidden})")
    driver.rest()
    assert hidden in {ordinal for ordinal, _, _ in driver.tiles()}


def test_zooming_away_cancels_what_is_on_its_way(open_map: Any, uniform: np.ndarray) -> None:
    world = Sheets(uniform)
    driver = open_map(world)
    world.gate.clear()  # sheets do not come
    driver.zoom(3)
    driver.until("map.state().thumbs.requested > 0")
    waiting = driver.thumbs()
    assert waiting["drawn"] == 0 and waiting["pending"] >= waiting["requested"]  # points stay points
    driver.zoom(0.9)
    driver.until("map.state().thumbs.tile === 0")
    gone = driver.thumbs()
    assert gone["pending"] == 0 and gone["cancelled"] == gone["requested"] >= 1
    world.gate.set()
    driver.zoom(3)
    assert driver.rest()["drawn"] > 100  # and what was cut off comes when it is wanted again


def test_what_is_panned_by_quickly_is_cancelled_and_few_are_asked_for_at_once(open_map: Any) -> None:
    world = Sheets(np.random.default_rng(6).random((40_000, 2)).astype(np.float32))
    driver = open_map(world)
    world.gate.clear()
    driver.zoom(8)
    driver.until("map.state().thumbs.requested > 0")
    first = driver.thumbs()
    assert len(world.asked) - 1 <= 4
    page = driver.page
    page.mouse.move(900, 350)
    page.mouse.down()
    for _ in range(3):
        page.mouse.move(100, 350, steps=8)
        page.mouse.up()
        page.mouse.move(900, 350)
        page.mouse.down()
    page.mouse.up()
    driver.until("map.state().thumbs.cancelled >= 1")
    world.gate.set()
    after = driver.rest()
    assert after["drawn"] > 100 and after["requested"] > first["requested"]


def test_panning_moves_tiles_and_keeps_them(open_map: Any, uniform: np.ndarray) -> None:
    driver = open_map(Sheets(uniform))
    driver.zoom(5)
    driver.rest()
    before = {ordinal: (x, y) for ordinal, x, y in driver.tiles()}
    page = driver.page
    page.mouse.move(600, 400)
    page.mouse.down()
    page.mouse.move(540, 370, steps=5)
    page.mouse.up()
    driver.rest()
    after = {ordinal: (x, y) for ordinal, x, y in driver.tiles()}
    stayed = [o for o, (x, y) in before.items() if 400 < x < 850 and 100 < y < 550]
    assert len(stayed) > 20 and all(o in after for o in stayed)
    shift = np.array([np.subtract(after[o], before[o]) for o in stayed])
    assert abs(shift - (-60, -30)).max() < 1.01
    shot = driver.shot()
    for o in stayed:
        x, y = map(round, after[o])
        assert shows(shot[y - 5 : y + 5, x - 5 : x + 5], color_of(o)), o


def test_selected_tiles_have_a_ring_and_filtered_ones_are_not_drawn(open_map: Any, uniform: np.ndarray) -> None:
    world = Sheets(uniform)
    driver = open_map(world)
    driver.zoom(12)
    side = driver.rest()["tile"]
    ordinal, x, y = next(found for found in driver.tiles() if world.codes[found[0]] == 0)
    plain = driver.shot()
    driver.js("map.select([a[0]])", ordinal)
    driver.rest()
    chosen = driver.shot()
    left = round(x - side / 2)
    assert abs(chosen[round(y), left - 2] - plain[round(y), left - 2]).max() > 30  # the ring
    x, y = round(x), round(y)
    assert shows(chosen[y - 8 : y + 8, x - 8 : x + 8], color_of(ordinal))  # not veiled, as the others are
    driver.js("map.clearSelection()")
    driver.js("map.setFilter({ labels: [0] })")
    driver.rest()
    left = driver.tiles()
    assert left and all(world.codes[found[0]] == 1 for found in left)


def test_a_recoloured_patch_has_its_new_border_at_once(open_map: Any, uniform: np.ndarray) -> None:
    world = Sheets(uniform)
    driver = open_map(world)
    driver.zoom(12)
    side = driver.rest()["tile"]
    ordinal, x, y = next(found for found in driver.tiles() if world.codes[found[0]] == 0)
    driver.js("void map.recolour([a[0]], 1)", ordinal)
    driver.rest()
    left = round(x - side / 2)
    assert (abs(driver.shot()[round(y), left : left + 2] - (0, 160, 0)).max(axis=1) < 40).any()


@pytest.mark.parametrize("props", [{"sheetsUrl": None}, {"thumbnails": False}], ids=["no images", "switched off"])
def test_without_sheets_nothing_is_asked(open_map: Any, uniform: np.ndarray, props: dict[str, Any]) -> None:
    world = Sheets(uniform)
    driver = open_map(world, **props)
    driver.zoom(6)
    driver.page.wait_for_timeout(200)
    assert world.asked == [] and driver.thumbs()["drawn"] == 0


def test_tiles_fade_in_and_are_exact_on_a_fine_screen(open_map: Any, uniform: np.ndarray) -> None:
    broken = frozenset(range(0, N, 50))
    driver = open_map(Sheets(uniform, broken=broken), motion="no-preference", scale=2)
    driver.zoom(6)
    side = driver.rest()["tile"]
    shot, found = driver.shot(), driver.tiles()
    assert len(found) > 15 and side >= 16
    for ordinal, x, y in found:
        seen = shot[round(2 * y) - 9 : round(2 * y) + 9, round(2 * x) - 9 : round(2 * x) + 9]
        if ordinal in broken:
            assert (np.ptp(seen, axis=-1) < 12).mean() > 0.7  # grey, with its mark; its neighbours are whole
        else:
            assert shows(seen, color_of(ordinal)), ordinal


def test_another_theme_repaints_veiled_and_ringed_tiles(open_map: Any, uniform: np.ndarray) -> None:
    driver = open_map(Sheets(uniform), theme="light")
    driver.zoom(12)
    driver.rest()
    chosen = driver.tiles()[0][0]
    driver.js("map.select([a[0]])", chosen)
    driver.rest()
    driver.js("void dash_clientside.set_props('map', {theme: 'dark'})")
    driver.until("document.getElementById('map').dataset.theme === 'dark'")
    driver.rest()
    followed = driver.canvas()
    for some in ([], [chosen]):  # then every tile is made anew
        driver.js("map.select(a[0])", some)
        driver.rest()
    assert (followed == driver.canvas()).all()
