"""The embedding map in headless Chromium: first paint, frames, pick, lasso, recolour at 30,813 to 1,000,000 points.

Run ``python bench/map.py``; prints one table. Points are made up (seed 0): ten Gaussian clumps, or uniform. Times are
taken inside the page: frames as presented (requestAnimationFrame to requestAnimationFrame while a drag or a wheel goes
on), work as the time of the call. The peers of the field join this table in a later issue.
"""

import argparse
import json
import math
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from dash import Dash
from flask import Response
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from eobench_dash.components.embedding_map import EmbeddingMap
from eobench_dash.domain import wire
from eobench_dash.domain.labels import PALETTE

CHROMIUM_ARGS = ["--no-sandbox", "--disable-background-networking", "--use-angle=swiftshader", "--js-flags=--expose-gc"]
WIDTH, HEIGHT = 1000, 800
LABELS = 10

MEASURE = """async () => {
  const root = document.getElementById('map'), map = root.eobMap, top = root.querySelector('.eob-map__top');
  const box = top.getBoundingClientRect(), rest = (ms) => new Promise((ok) => setTimeout(ok, ms));
  const frame = () => new Promise(requestAnimationFrame);
  const at = (q, list) => list.sort((a, b) => a - b)[Math.min(Math.floor(q * list.length), list.length - 1)];
  const send = (type, x, y, more = {}) => top.dispatchEvent(new PointerEvent(type,
    { pointerId: 1, pointerType: 'mouse', clientX: box.left + x, clientY: box.top + y, bubbles: true, ...more }));
  top.setPointerCapture = () => {};
  const settle = async () => { await frame(); await frame(); while (!map.state().settled) await frame(); };
  const frames = async (n, step) => {
    const gaps = [], work = [];
    let last = await frame();
    for (let i = 0; i < n; i++) {
      step(i);
      const now = await frame();
      gaps.push(now - last); last = now;
      work.push(map.state().stats.frameMs);
    }
    return { gap: at(0.5, gaps), gapWorst: at(0.95, gaps), work: at(0.5, work) };
  };
  const out = {};
  await settle();
  out.idle = await frames(30, () => {}); // what a frame takes here when nothing moves
  send('pointerdown', 500, 400, { button: 0 });
  out.pan = await frames(60, (i) => send('pointermove', 500 + 60 * Math.sin(i / 6), 400 + 40 * Math.cos(i / 5)));
  send('pointerup', 500, 400);
  await settle();
  out.zoom = await frames(40, (i) => top.dispatchEvent(new WheelEvent('wheel',
    { deltaY: i < 20 ? -60 : 60, clientX: box.left + 480, clientY: box.top + 420, bubbles: true, cancelable: true })));
  const from = performance.now();
  await settle();
  out.settle = performance.now() - from;
  map.fit(); await rest(500); await settle();
  const one = [];
  for (let i = 0; i < 60; i++) {
    const t = performance.now();
    map.recolour([i * 97], i % 10);
    one.push(performance.now() - t);
  }
  out.recolourOne = at(0.5, one);
  await settle();
  const full = [];
  for (let i = 0; i < 7; i++) {
    map.recolour(Array.from({ length: 500 }, (_, j) => j * 50), (i + 1) % 10);
    await settle(); full.push(map.state().stats.fullMs);
  }
  out.full = at(0.5, full);
  const pick = [];
  for (let i = 0; i < 1500; i++) {
    const x = (i * 137.5) % box.width, y = (i * 61.8) % box.height;
    const t = performance.now(); map.pick(x, y); pick.push(performance.now() - t);
  }
  out.pick99 = at(0.99, pick);
  send('pointerdown', 300, 250, { button: 0, shiftKey: true });
  for (let i = 1; i <= 120; i++) {
    const a = i / 120 * 2 * Math.PI;
    send('pointermove', 500 - 200 * Math.cos(a), 250 + 200 * Math.sin(a), { shiftKey: true });
  }
  const t = performance.now(); send('pointerup', 300, 250); out.lasso = performance.now() - t;
  out.selected = map.state().selected;
  map.clearSelection();
  await settle();
  if (window.gc) window.gc();
  out.heapMB = performance.memory.usedJSHeapSize / 2 ** 20;
  return out;
}"""

FIRST_PAINT = """() => { const t0 = performance.now(); window.t0 = t0;
  document.addEventListener('eob:ready', () => requestAnimationFrame(() => requestAnimationFrame((t) => {
    window.painted = performance.now(); })), { once: true }); }"""


def points(n: int, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y float32 (n,) and codes uint16 (n,)."""
    rng = np.random.default_rng(0)
    codes = np.sort(rng.integers(0, LABELS, n)).astype(np.uint16)
    if kind == "uniform":
        return rng.random(n, np.float32), rng.random(n, np.float32), codes
    angle = codes * (2 * math.pi / LABELS)
    x, y = 3 * np.cos(angle) + rng.normal(0, 0.35, n), 2 * np.sin(angle) + rng.normal(0, 0.35, n)
    return x.astype(np.float32), y.astype(np.float32), codes


class _Quiet(WSGIRequestHandler):
    def log_request(self, *args: Any) -> None:
        """Nothing."""


@contextmanager
def served(n: int, kind: str) -> Iterator[str]:
    """The address of a page with the map of n points."""
    x, y, codes = points(n, kind)
    coords, labels = wire.pack_coords(x, y), wire.pack_labels(codes)
    app = Dash(__name__, assets_folder="/nonexistent")
    app.server.add_url_rule("/coords", "coords", lambda: Response(coords, mimetype=wire.MIMETYPE))
    app.server.add_url_rule("/codes", "codes", lambda: Response(labels, mimetype=wire.MIMETYPE))
    table = [{"code": i, "name": f"Label {i}", "color": PALETTE[i]} for i in range(LABELS)]
    style = {"position": "fixed", "inset": 0}
    app.layout = EmbeddingMap(id="map", coordsUrl="/coords", labelsUrl="/codes", labels=table, style=style)
    server = make_server("127.0.0.1", 0, app.server, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def measure(page: Page, url: str) -> dict[str, Any]:
    """The numbers of one map."""
    page.add_init_script(f"({FIRST_PAINT})()")
    page.goto(url)
    page.wait_for_function("window.painted", timeout=120_000)
    timing = "() => { const r = performance.getEntriesByType('resource').filter((e) => /coords|codes/.test(e.name));"
    timing += " return [window.painted, window.painted - Math.max(...r.map((e) => e.responseEnd))]; }"
    painted, after_bytes = page.evaluate(timing)
    return {"painted": painted, "afterBytes": after_bytes, **page.evaluate(MEASURE)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, nargs="*", default=[30_813, 300_000, 1_000_000])
    parser.add_argument("--kinds", nargs="*", default=["clustered", "uniform"])
    parser.add_argument("--chromium", default=os.environ.get("EOBENCH_CHROMIUM") or shutil.which("chromium"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=options.chromium, args=CHROMIUM_ARGS)
        for kind in options.kinds:
            for n in options.points:
                page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
                with served(n, kind) as url:
                    row = measure(page, url)
                page.close()
                print(json.dumps({"kind": kind, "n": n, **row}) if options.json else line(kind, n, row), flush=True)
        browser.close()


def line(kind: str, n: int, row: dict[str, Any]) -> str:
    """One map's numbers in words."""
    moves = "; ".join(
        f"frame {move} {row[move]['gap']:.1f} (95 %: {row[move]['gapWorst']:.1f}, own {row[move]['work']:.1f}) ms"
        for move in ("idle", "pan", "zoom")
    )
    return (
        f"{kind:9} {n:>9,}: painted {row['afterBytes']:.0f} ms after the bytes; {moves}; "
        f"exact {row['settle']:.0f} ms after the last wheel; whole picture {row['full']:.1f} ms; "
        f"recolour of one {row['recolourOne']:.2f} ms; pick p99 {row['pick99']:.3f} ms; "
        f"lasso of {row['selected']:,} {row['lasso']:.0f} ms; heap {row['heapMB']:.0f} MB"
    )


if __name__ == "__main__":
    main()
