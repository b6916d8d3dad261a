"""The embedding map beside plotly's scattergl and regl-scatterplot, in one headless Chromium with software GL.

Run ``python -m bench.map``: 1000 x 800 pixels, 30,813 to 1,000,000 made-up points (seed 0), in ten Gaussian clumps or
uniform. Every tool gets the same arrays, a fresh browser, and the same hands (``map_pages/harness.js``): a drag, a
wheel, recolouring, hovering, a lasso with a real mouse. Frames are those presented (requestAnimationFrame to
requestAnimationFrame while the hand moves); a peer's GL work is waited for by reading one pixel.
``lasso``: around the same tenth of the points in every tool, an ellipse in the points' own coordinates that each tool's
view turns into its own pixels; the number that the tool selected stands below it.
``first paint``: from the arrays in memory to the picture (ours reads and indexes its bytes in that time).
``browser memory``: proportional set size of the browser's renderer and GPU processes, less those of an empty page.
``server memory``: resident set of the web process that served such a map three times (``bench.map_server``).

The peers are for measuring only: plotly.js comes with Python's plotly, regl-scatterplot is fetched by npm into a folder
outside the checkout (``--peers``), and a missing peer is left out and said.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import plotly
import plotly.graph_objects as go
from flask import Flask, Response, abort, send_from_directory
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from bench._common import ROOT, machine_line, markdown_table
from bench.map_server import Points, memory_mb
from eobench_dash.domain import wire
from eobench_dash.domain.labels import PALETTE

ARGS = [
    "--no-sandbox", "--disable-background-networking", "--use-angle=swiftshader", "--js-flags=--expose-gc",
    "--enable-precise-memory-info",
]  # fmt: skip
WIDTH, HEIGHT, LABELS = 1000, 800, 10
PEER = "regl-scatterplot@1.16.0"
TOOLS = ("ours", "plotly", "regl")
PAGES = Path(__file__).parent / "map_pages"
MAP = ROOT / "eobench_dash" / "components" / "embedding_map"
PLOTLY = Path(plotly.__file__).parent / "package_data"
LIMIT_MS = 600_000
LASSO_MS = 30_000
SHARE, CORNERS = 0.1, 40


def points(n: int, kind: str) -> Points:
    """x, y float32 (n,) and codes uint16 (n,)."""
    rng = np.random.default_rng(0)
    codes = np.sort(rng.integers(0, LABELS, n)).astype(np.uint16)
    if kind == "uniform":
        return rng.random(n, np.float32), rng.random(n, np.float32), codes
    angle = codes * (2 * math.pi / LABELS)
    x, y = 3 * np.cos(angle) + rng.normal(0, 0.35, n), 2 * np.sin(angle) + rng.normal(0, 0.35, n)
    return x.astype(np.float32), y.astype(np.float32), codes


def bytes_sent(tool: str, data: Points) -> int:
    """What each tool's usual server sends for these points, before any compression."""
    x, y, codes = data
    if tool == "ours":
        return len(wire.pack_coords(x, y)) + len(wire.pack_labels(codes))
    if tool == "regl":
        return 3 * x.nbytes  # x, y and category as float32, as its Python side does
    return len(go.Figure(go.Scattergl(x=x, y=y, marker={"color": codes})).to_json())


class _Quiet(WSGIRequestHandler):
    def log_request(self, *args: Any) -> None:
        """Nothing."""


@contextmanager
def served(data: Points, peers: Path) -> Iterator[str]:
    """The address of the three tools' pages for these points."""
    x, y, codes = data
    app = Flask(__name__, static_folder=None)
    blobs = {
        "xy": x.tobytes() + y.tobytes(), "codes": wire.pack_labels(codes), "coords": wire.pack_coords(x, y),
        "colors": json.dumps(PALETTE[:LABELS]).encode(),
    }  # fmt: skip

    @app.get("/<name>")
    def blob(name: str) -> Response:
        if name not in blobs:
            abort(404)
        return Response(blobs[name], mimetype="application/octet-stream")

    @app.get("/page/<tool>")
    def page(tool: str) -> str:
        return _page(tool)

    folders = {"bench": PAGES, "map": MAP, "npm": peers / "node_modules", "plotly": PLOTLY}

    @app.get("/<folder>/<path:name>")
    def static(folder: str, name: str) -> Response:
        return send_from_directory(folders[folder], name, max_age=3600)

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _page(tool: str) -> str:
    imports = {"imports": {"pub-sub-es": "/npm/pub-sub-es/dist/index.js", "regl": "/bench/regl-module.js"}}
    extra = {
        "ours": '<link rel="stylesheet" href="/map/map.css">',
        "plotly": '<script src="/plotly/plotly.min.js"></script>',
        "regl": '<script src="/npm/regl/dist/regl.min.js"></script>'
        f'<script type="importmap">{json.dumps(imports)}</script>',
    }[tool]
    size = f"position:fixed;left:0;top:0;width:{WIDTH}px;height:{HEIGHT}px"
    return (
        f'<!DOCTYPE html><html><head><meta charset="utf-8">{extra}</head><body style="margin:0">'
        f'<div id="root" class="eob-map" style="{size}"></div>'
        f'<script type="module" src="/bench/{tool}.js"></script></body></html>'
    )


def browser_mb(browser: Browser) -> float:
    """Proportional set size of the renderers and the GPU process, MB."""
    session = browser.new_browser_cdp_session()
    found = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    total = 0
    for process in found:
        if process["type"] in {"renderer", "GPU"}:
            lines = Path(f"/proc/{process['id']}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def measure(browser: Browser, url: str, tool: str, data: Points, *, patience: float) -> dict[str, Any]:
    """The numbers of one tool; those it had told by then, where it took longer than ``patience`` seconds."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_default_timeout(LIMIT_MS)
    complaints: list[str] = []
    row: dict[str, Any] = {}
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console", lambda said: row.update(json.loads(said.text[9:])) if said.text.startswith("measured ") else None
    )
    page.goto("about:blank")
    empty = browser_mb(browser)
    page.goto(f"{url}/page/{tool}")
    try:
        page.wait_for_function("window.ready", timeout=1000 * patience)
        page.evaluate("void window.measure().then((out) => { window.measured = out; })")
        page.wait_for_function("window.measured", timeout=1000 * patience)
    except TimeoutError:
        return row  # the page may never answer again: it is closed with its browser
    row.update(page.evaluate("window.measured"))
    row["memory"] = browser_mb(browser) - empty
    row["lasso"] = lasso(page, tenth(data))
    page.close()
    if complaints:
        row["complaints"] = complaints[:3]
    return row


def tenth(data: Points) -> list[tuple[float, float]]:
    """Corners of an ellipse about the middle of the third label (of everything, where labels are mixed) that holds a
    tenth of the points: clear of the edges in both kinds of points.
    """
    x, y, codes = data
    third = codes == 2
    cx, cy, sx, sy = float(x[third].mean()), float(y[third].mean()), float(np.ptp(x)), float(np.ptp(y))
    radius = float(np.quantile(np.hypot((x - cx) / sx, (y - cy) / sy), SHARE))
    # Not back to the first corner: all tools close a loop themselves, and to one of them that would be a click.
    angles = 2 * math.pi * np.arange(CORNERS) / CORNERS
    return [(cx + radius * sx * math.cos(a), cy + radius * sy * math.sin(a)) for a in angles]


def lasso(page: Page, corners: list[tuple[float, float]]) -> dict[str, float]:
    """A loop with the mouse: from its release to the selection."""
    way = page.evaluate("(corners) => window.armLasso(corners)", corners)
    page.mouse.move(*way[0])
    page.wait_for_timeout(200)
    page.keyboard.down("Shift")
    page.mouse.down()
    for x, y in way[1:]:
        page.mouse.move(x, y)
        page.evaluate("window.settled()")  # each is heard: some tools pass over what comes while they draw
        page.wait_for_timeout(12)
    page.mouse.up()
    page.keyboard.up("Shift")
    with suppress(TimeoutError):
        page.wait_for_function("window.lasso !== null", timeout=LASSO_MS)
    return page.evaluate("window.lasso") or {}


def fetch_peers(folder: Path) -> bool:
    """regl-scatterplot by npm, into a folder outside the checkout; False where that cannot be."""
    if (folder / "node_modules" / "regl-scatterplot").exists():
        return True
    if shutil.which("npm") is None:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--no-save", "--no-package-lock", "--ignore-scripts", "--prefix", str(folder), PEER]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


ROWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("first paint, ms", ("painted",)),
    ("frame while panning, ms", ("pan", "mean")),
    ("… 95th percentile", ("pan", "p95")),
    ("frame while zooming, ms", ("zoom", "mean")),
    ("… 95th percentile", ("zoom", "p95")),
    ("exact after the last wheel, ms", ("settle",)),
    ("recolour one: the call, ms", ("recolourOne", "call")),
    ("recolour one: shown, ms", ("recolourOne", "shown")),
    ("recolour all: shown, ms", ("recolourAll", "shown")),
    ("hover pick p50, ms", ("pick", "p50")),
    ("hover pick p99, ms", ("pick", "p99")),
    ("lasso, ms", ("lasso", "ms")),
    ("… patches selected", ("lasso", "count")),
    ("browser memory, MB", ("memory",)),
    ("server memory, MB", ("server", "served")),
    ("… before the map was asked for", ("server", "started")),
    ("bytes sent, MB", ("bytes",)),
)


def table(results: dict[str, dict[str, Any]]) -> str:
    """One size and shape as markdown."""

    def value(tool: str, path: tuple[str, ...]) -> object:
        found: Any = results[tool]
        for part in path:
            found = found.get(part) if isinstance(found, dict) else None
        return float(found) if isinstance(found, int | float) else "–"

    rows = [[name, *(value(tool, path) for tool in results)] for name, path in ROWS]
    return markdown_table(["", *results], rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, nargs="*", default=[30_813, 300_000, 1_000_000])
    parser.add_argument("--kinds", nargs="*", default=["clustered", "uniform"])
    parser.add_argument("--tools", nargs="*", default=list(TOOLS), choices=TOOLS)
    parser.add_argument("--chromium", default=os.environ.get("EOBENCH_CHROMIUM") or shutil.which("chromium"))
    parser.add_argument("--peers", type=Path, default=Path(tempfile.gettempdir()) / "eobench-peers")
    parser.add_argument("--patience", type=float, default=600, help="seconds for a tool to paint, and for the rest")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tools = list(options.tools)
    if "regl" in tools and not fetch_peers(options.peers):
        print(f"{PEER} could not be fetched by npm; measured without it.", flush=True)
        tools.remove("regl")
    print(machine_line("plotly"), flush=True)
    for kind in options.kinds:
        for n in options.points:
            data, results = points(n, kind), {}
            with served(data, options.peers) as url, sync_playwright() as p:
                for tool in tools:
                    browser = p.chromium.launch(executable_path=options.chromium, args=ARGS)
                    found = measure(browser, url, tool, data, patience=options.patience)
                    results[tool] = {"bytes": bytes_sent(tool, data) / 1e6, **found}
                    browser.close()
                    results[tool]["server"] = memory_mb(tool, data)
            print(f"\n{n:,} points, {kind}:\n\n{table(results)}", flush=True)
            if options.json:
                print(json.dumps({"kind": kind, "n": n, **results}), flush=True)


if __name__ == "__main__":
    main()
