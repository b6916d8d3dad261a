"""A little world for the embedding map in a real browser: made-up bytes behind a tiny Dash app, and a driver for it."""

import base64
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from dash import Dash, Input, Output, State, dcc, html
from flask import Response, abort, jsonify, make_response, request
from PIL import Image, ImageDraw
from werkzeug.serving import WSGIRequestHandler, make_server

from eobench_dash.components.embedding_map import EmbeddingMap
from eobench_dash.domain import wire
from eobench_dash.domain.labels import NO_LABEL, PALETTE

CSP = "default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:"
EVENTS = ("clickData", "contextData", "selectedData", "view")
NAMES = ("Annual crop", "Forest", "Herbaceous", "Highway", "Industrial", "Pasture", "Permanent crop", "Residential",
         "River", "Sea & lake")  # fmt: skip


@dataclass
class World:
    """What the little server knows; tests change it and look at what the browser asked."""

    x: np.ndarray
    y: np.ndarray
    codes: np.ndarray
    ordinals: np.ndarray | None = None
    last: int = 7
    changes: list[tuple[int, int, int]] = field(default_factory=list)  # (event, ordinal, code)
    labels: list[dict[str, Any]] = field(default_factory=list)
    new_labels: list[dict[str, Any]] | None = None
    asked: list[str] = field(default_factory=list)
    fail: dict[str, int] = field(default_factory=dict)  # first part of a path -> status
    delay: float = 0.0
    slow: dict[str, float] = field(default_factory=dict)  # first part of a path -> seconds
    pictures: Callable[[int], bytes] | None = None
    columns: dict[str, tuple[dict[str, Any], Any]] = field(default_factory=dict)  # name -> (meta, values)
    others: dict[int, tuple[Any, Any, Any]] = field(default_factory=dict)  # number of a map -> (x, y, ordinals or None)

    def relabel(self, ordinal: int, code: int) -> None:
        """Somebody else's change."""
        self.last += 1
        self.codes[ordinal] = code
        self.changes.append((self.last, ordinal, code))


def clusters(n: int, *, labels: int = 10, seed: int = 0, spread: float = 0.35) -> World:
    """n points in `labels` Gaussian clumps on a ring, one label each; a twentieth has no label."""
    rng = np.random.default_rng(seed)
    codes = np.sort(rng.integers(0, labels, n)).astype(np.uint16)  # class by class, as folders are imported
    angle = codes * (2 * math.pi / labels)
    x = (3 * np.cos(angle) + rng.normal(0, spread, n)).astype(np.float32)
    y = (2 * np.sin(angle) + rng.normal(0, spread, n)).astype(np.float32)
    codes[rng.random(n) < 0.05] = NO_LABEL
    table = [{"code": i, "name": NAMES[i % 10], "color": PALETTE[i % 20]} for i in range(labels)]
    return World(x, y, codes, labels=table)


def picture(ordinal: int) -> bytes:
    """A 64 x 64 picture that tells its ordinal by its colour and text."""
    image = Image.new("RGB", (64, 64), (ordinal * 37 % 256, ordinal * 91 % 256, 120))
    ImageDraw.Draw(image).text((6, 24), str(ordinal), fill="white")
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


class Stage:
    """The app under test, one for a module's tests: what it serves is set before a page is opened.

    One map (or two side by side), and the first one's events as JSON in <pre id=out-…>.
    """

    def __init__(self) -> None:
        self.world = clusters(0)
        self.maps: list[dict[str, Any]] = []
        self.app = Dash(__name__, assets_folder="/nonexistent", suppress_callback_exceptions=True)
        routes(self.app, self)
        self.app.layout = self._layout
        for name in EVENTS:
            self.app.callback(Output(f"out-{name}", "children"), Input("map", name), prevent_initial_call=True)(
                json.dumps
            )
        clicks, children = Input("toggle", "n_clicks"), State("place", "children")
        self.app.callback(Output("place", "children"), clicks, children, prevent_initial_call=True)(self._toggle)

    def show(self, world: World, *, second: dict[str, Any] | None = None, **props: Any) -> None:
        options: dict[str, Any] = {
            "id": "map", "coordsUrl": "/coords/1", "labelsUrl": "/labels/1", "imageUrl": "/image/{ordinal}",
            "changesUrl": "/changes/1", "columnsUrl": "/columns/{name}", "labels": world.labels,
            "style": {"height": "100vh"},
        } | props  # fmt: skip
        self.world, self.maps = world, [options]
        if second is not None:
            self.maps.append(options | {"id": "second", "changesUrl": None} | second)

    def _layout(self) -> html.Div:
        halves = {"display": "grid", "gridTemplateColumns": f"repeat({len(self.maps)}, minmax(0, 1fr))"}
        return html.Div([
            html.Div([EmbeddingMap(**options) for options in self.maps], id="place", style=halves),
            html.Button("toggle", id="toggle", style={"position": "fixed", "top": "-99px"}),
            dcc.Store(id="props", data={}),
            *(html.Pre(id=f"out-{name}", hidden=True) for name in EVENTS),
        ])  # fmt: skip

    def _toggle(self, clicks: int | None, _children: Any) -> Any:
        """Unmounts and mounts the map."""
        return html.P("gone") if (clicks or 0) % 2 else EmbeddingMap(**self.maps[0])


def routes(app: Dash, stage: Stage) -> None:
    server = app.server

    @server.before_request
    def note() -> None:
        world = stage.world
        kind = request.path.split("/")[1]
        if kind in ("coords", "labels", "image", "changes", "columns"):
            world.asked.append(request.full_path.rstrip("?"))
            time.sleep(world.slow.get(kind, world.delay))
            if kind in world.fail:
                abort(world.fail[kind])

    @server.after_request
    def policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = CSP.format(hashes=" ".join(app.csp_hashes()))
        return response

    @server.get("/coords/<int:number>")
    def coords(number: int) -> Response:
        world = stage.world
        places = world.others.get(number, (world.x, world.y, world.ordinals))
        return Response(wire.pack_coords(*places), mimetype=wire.MIMETYPE)

    @server.get("/columns/<name>")
    def column(name: str) -> Response:
        if name not in stage.world.columns:
            abort(404)
        return Response(wire.pack_column(*stage.world.columns[name]), mimetype=wire.MIMETYPE)

    @server.get("/labels/<int:_>")
    def labels(_: int) -> Response:
        response = make_response(wire.pack_labels(stage.world.codes))
        response.headers[wire.EVENT_HEADER] = str(stage.world.last)
        return response

    @server.get("/image/<int:ordinal>")
    def image(ordinal: int) -> Response:
        return Response((stage.world.pictures or picture)(ordinal), mimetype="image/png")

    @server.get("/changes/<int:_>")
    def changes(_: int) -> Response:
        world, since = stage.world, int(request.args["since"])
        fresh = [(o, c) for event, o, c in world.changes if event > since]
        return jsonify(wire.changes_payload(last=world.last, changes=fresh, labels=world.new_labels))


class _Quiet(WSGIRequestHandler):
    def log_request(self, *args: Any) -> None:
        """Nothing: the browser asks a lot."""


class Running:
    """An app served on a free port from a thread."""

    def __init__(self, app: Dash) -> None:
        self.server = make_server("127.0.0.1", 0, app.server, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Driver:
    """A page with the map in it; `problems` collects what the console and the network complained about."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", lambda m: m.type in ("error", "warning") and self.problems.append(m.text))
        page.on("pageerror", lambda e: self.problems.append(str(e)))
        page.add_init_script(
            "window.seen = [];"
            " for (const n of 'hover click context select changes view ready filter column history'.split(' '))"
            " document.addEventListener('eob:' + n, (e) => seen.push([n, JSON.parse(JSON.stringify(e.detail))]));"
        )
        page.goto(url)

    def js(self, code: str, *args: Any) -> Any:
        """The value of a JavaScript expression in which `map` is the map's API and `a` the arguments."""
        return self.page.evaluate(
            f"(a) => {{ const map = document.getElementById('map')?.eobMap; return {code}; }}", list(args)
        )

    def until(self, code: str, *args: Any, seconds: float = 15) -> Any:
        end = time.monotonic() + seconds
        while not (value := self.js(code, *args)):
            if time.monotonic() > end:
                pytest.fail(f"not within {seconds} s: {code}; state {self.js('map && map.state()')}; {self.problems}")
            time.sleep(0.03)
        return value

    def ready(self) -> "Driver":
        self.until("map && map.state().ready && map.state().settled")
        return self

    def settle(self) -> None:
        """Two frames and whatever was wished for in them."""
        self.page.evaluate("() => new Promise((ok) => requestAnimationFrame(() => requestAnimationFrame(ok)))")
        self.until("map.state().settled")

    def at(self, ordinal: int) -> tuple[float, float]:
        place = self.js("map.screenOf(a[0])", ordinal)
        return place["x"], place["y"]

    def props(self, *, of: str = "map", **props: Any) -> None:
        self.page.evaluate("([id, p]) => dash_clientside.set_props(id, p)", [of, props])
        self.settle()

    def out(self, name: str) -> Any:
        """What the server was told last, through Dash."""
        return json.loads(self.page.text_content(f"#out-{name}") or "null")

    def told(self, name: str, wanted: Callable[[Any], bool], seconds: float = 8) -> Any:
        end = time.monotonic() + seconds
        while not ((value := self.out(name)) and wanted(value)):
            if time.monotonic() > end:
                pytest.fail(f"{name} not told within {seconds} s; last {str(value)[:200]}")
            time.sleep(0.03)
        return value

    def events(self, name: str) -> list[Any]:
        return [detail for kind, detail in self.page.evaluate("() => window.seen") if kind == name]

    def drag(self, path: list[tuple[float, float]], *keys: str) -> None:
        for key in keys:
            self.page.keyboard.down(key)
        self.page.mouse.move(*path[0])
        self.page.mouse.down()
        for x, y in path[1:]:
            self.page.mouse.move(x, y, steps=4)
        self.page.mouse.up()
        for key in keys:
            self.page.keyboard.up(key)
        self.settle()

    def pixels(self) -> np.ndarray:
        """The picture of the points as an array (height, width, 3)."""
        code = "document.querySelector('.eob-map__base').toDataURL('image/png')"
        data = base64.b64decode(self.page.evaluate(code).split(",")[1])
        with Image.open(BytesIO(data)) as image:
            return np.asarray(image.convert("RGB")).astype(int)

    def redrawn(self) -> np.ndarray:
        """The picture after everything was drawn anew."""
        before = self.js("map.state().stats.full")
        self.page.evaluate(
            "() => document.documentElement.setAttribute('data-theme', document.documentElement.dataset.theme || '')"
        )
        self.settle()
        assert self.js("map.state().stats.full") > before
        return self.pixels()

    def image_shown(self) -> str | None:
        return self.js("document.querySelector('.eob-map__picture img')?.getAttribute('src')")

    def label_shown(self) -> str:
        return self.js("document.querySelector('.eob-map__label').textContent")


@dataclass
class Theatre:
    """What a module's tests share: the served app, and browsing contexts, whose caches hold Dash's scripts."""

    browser: Any
    stage: Stage
    url: str
    contexts: dict[str, Any] = field(default_factory=dict)

    def page(self, viewport: tuple[int, int], options: dict[str, Any]) -> Any:
        """A new page; contexts are shared by what cannot be set page by page."""
        motion = options.get("reduced_motion", "no-preference")
        rest = {name: value for name, value in options.items() if name != "reduced_motion"}
        size = {"width": viewport[0], "height": viewport[1]}
        key = json.dumps(rest, sort_keys=True)
        if key not in self.contexts:
            self.contexts[key] = self.browser.new_context(viewport=size, **rest)
        page = self.contexts[key].new_page()
        page.set_viewport_size(size)
        page.emulate_media(reduced_motion=motion)
        return page


@pytest.fixture(scope="module")
def theatre(chromium_here: Any) -> Iterator[Theatre]:
    stage = Stage()
    running = Running(stage.app)
    theatre = Theatre(chromium_here, stage, running.url)
    yield theatre
    for context in theatre.contexts.values():
        context.close()
    running.stop()


@pytest.fixture
def opened(theatre: Theatre) -> Iterator[Callable[..., Driver]]:
    """opened(world, viewport=…, context=…, **props) -> a driver on a map; complaints of the browser fail the test."""
    drivers: list[Driver] = []

    def start(
        world: World, *, viewport: tuple[int, int] = (1000, 700), context: dict[str, Any] | None = None, **props: Any
    ) -> Driver:
        theatre.stage.show(world, **props)
        drivers.append(Driver(theatre.page(viewport, context or {}), theatre.url))
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.page.close()
    for driver in drivers:
        expected = ("Failed to load resource", "GPU stall")  # those a test asked for; no GPU is here
        complaints = [text for text in driver.problems if not any(words in text for words in expected)]
        assert not complaints, complaints


def lone(world: World, label: int) -> int:
    """A patch of a label that has no other within reach of a pointer's rounding."""
    candidates = np.flatnonzero(world.codes == label)
    x, y = world.x, world.y
    gaps = [np.partition((x - x[i]) ** 2 + (y - y[i]) ** 2, 1)[1] for i in candidates]
    return int(candidates[int(np.argmax(gaps))])


def places(driver: Driver, n: int) -> np.ndarray:
    """Where each patch is drawn, (n, 2)."""
    return np.array(driver.js("Array.from({length: a[0]}, (_, i) => map.screenOf(i)).map((p) => [p.x, p.y])", n))
