"""The server as people meet it: seconds to the first page, memory after every page, latency of a click and a relabel.

``python -m bench.web [--quick] [--home FOLDER]`` prints markdown tables. Start-up: from ``python app.py`` in a new
process (files warm in the system's cache) to a home page painted in a new browser that is logged in; the peer is Dash's
smallest application, its own server, the same browser. Memory: VmRSS of the web process, its worker not counted, after
home, explore (map drawn), verify and publish in the browser. Latencies: over HTTP on the loopback, one after the other,
on the paper's shape (30,813 × 144 simulated vectors). ``--home`` keeps the workspace, or uses one that was kept.
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import requests
from playwright.sync_api import Browser, CDPSession, sync_playwright

from bench._common import PAPER_SHAPE, ROOT, default_data, machine_line, markdown_table, simulated_features
from tools.find_browser import find

PASSWORD = "bench, and nothing but bench"
PICTURES, VECTORS = "Pictures", "Vectors"
ARGS = ["--no-sandbox", "--disable-background-networking", "--use-angle=swiftshader"]
HELLO = """
import sys
from dash import Dash, html
app = Dash(__name__)
app.layout = html.H1("hello", id="home")
app.run(port=int(sys.argv[1]))
"""


def eobench(env: Mapping[str, str], *args: str, given: str = "") -> str:
    """What a command answers; it has to succeed."""
    command = [sys.executable, "-m", "eobench_dash.cli", *args]
    done = subprocess.run(command, cwd=ROOT, env=env, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"eobench {' '.join(args)} failed: {done.stderr}")
    return done.stdout


def prepare(env: Mapping[str, str], home: Path, *, data: Path | None, rows: int) -> None:
    """A user; a dataset with pictures, taken all the way; a dataset of vectors with its neighbours known."""
    eobench(env, "user", "add", "bench", "--role", "admin", "--password-stdin", given=f"{PASSWORD}\n")
    if data is not None:
        eobench(env, "import", str(data), "--name", PICTURES)
    else:
        eobench(env, "simulate", "--name", PICTURES, "--count", "3000")
    eobench(env, "features", PICTURES, "--kind", "color_stats")
    eobench(env, "embed", PICTURES)
    eobench(env, "report", PICTURES, "--json")
    vectors = simulated_features(rows)
    file = home / "uploads" / "vectors.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    labels = [f"Class {i % 20}" for i in range(rows)]
    file.write_text(json.dumps({"features": vectors.round(5).tolist(), "labels": labels}))
    eobench(env, "import", str(file), "--name", VECTORS, "--no-images")
    eobench(env, "embed", VECTORS)


@contextmanager
def running(command: list[str], env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The process, stopped at the end."""
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until something listens there."""
    while process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise SystemExit("The server stopped before it listened.")


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def logged_in(port: int) -> requests.Session:
    """A session of the user."""
    session = requests.Session()
    form = f"http://127.0.0.1:{port}/auth/login"
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', session.get(form).text)
    assert token is not None
    fields = {"csrf_token": token[1], "name": "bench", "password": PASSWORD}
    session.post(form, data=fields, allow_redirects=False).raise_for_status()
    return session


def first_page(
    browser: Browser, command: list[str], env: Mapping[str, str], *, port: int, see: str, cookies: Any
) -> Any:
    """Seconds from the start of the process until its port is open, and until ``see`` is on the page."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies(cookies)
    page = context.new_page()
    begun = time.perf_counter()
    with running(command, env) as process:
        wait_for_port(port, process)
        listening = time.perf_counter() - begun
        page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
        page.wait_for_selector(see, state="visible")
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        painted = time.perf_counter() - begun
    context.close()
    return listening, painted


def resident_mb(pid: int) -> float:
    """VmRSS of the process, in MB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def memory(
    browser: Browser, pid: int, port: int, pages: Mapping[str, tuple[str, str]], cookies: Any
) -> list[list[Any]]:
    """VmRSS after each page."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies(cookies)
    page = context.new_page()
    rows: list[list[Any]] = [["started", resident_mb(pid)]]
    for name, (path, see) in pages.items():
        page.goto(f"http://127.0.0.1:{port}{path}")
        page.wait_for_selector(see, state="visible", timeout=60_000)
        page.wait_for_load_state("networkidle")
        rows.append([name, resident_mb(pid)])
    context.close()
    return rows


WATCH = """document.addEventListener('eob:ready', () => requestAnimationFrame(() => requestAnimationFrame(() => {
  window.benchPainted = performance.now();
})), { once: true });"""
SEEN = """() => {
  const page = performance.getEntriesByType('navigation')[0], painted = window.benchPainted;
  if (!painted || !page.loadEventEnd) return null;
  const asked = performance.getEntriesByType('resource').filter((one) => one.startTime < painted);
  const kib = asked.reduce((sum, one) => sum + one.transferSize, 0) / 1024;
  return [page.loadEventEnd, painted, painted - page.loadEventEnd, asked.length, kib];
}"""
PAINT_HEADS = ["map", "page loaded ms", "painted ms", "after the load ms", "requests", "KiB", "browser's processor ms"]


def processor_ms(driver: CDPSession) -> dict[int, float]:
    """Processor time of each of the browser's processes."""
    return {one["id"]: one["cpuTime"] * 1000 for one in driver.send("SystemInfo.getProcessInfo")["processInfo"]}


def map_paint(browser: Browser, port: int, path: str, cookies: Any, *, times: int) -> list[list[float]]:
    """Per fresh, empty context: milliseconds until the page's own load event, until the map's points are on the screen,
    and from one to the other; requests and KiB until then; processor time of the whole browser until then.
    """
    found = []
    driver = browser.new_browser_cdp_session()
    for _ in range(times + 1):  # the first time also starts the browser's own processes
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies(cookies)
        page = context.new_page()
        page.add_init_script(WATCH)
        page.wait_for_timeout(500)
        before = processor_ms(driver)
        page.goto(f"http://127.0.0.1:{port}{path}")
        seen = None
        while seen is None:
            page.wait_for_timeout(50)
            seen = page.evaluate(SEEN)
        found.append([*seen, sum(spent - before.get(id, 0) for id, spent in processor_ms(driver).items())])
        context.close()
    return found[1:]


def latencies(ask: Callable[[int], requests.Response], ordinals: list[int]) -> list[float]:
    """p50 and p99 in milliseconds."""
    taken = []
    for ordinal in ordinals:
        begun = time.perf_counter()
        ask(ordinal).raise_for_status()
        taken.append((time.perf_counter() - begun) * 1000)
    return [float(v) for v in np.percentile(taken, [50, 99])]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3,000 simulated patches, 5,000 vectors, fewer times")
    parser.add_argument("--home", type=Path, help="a workspace to keep, or one that was kept")
    options = parser.parse_args()
    chromium = find()
    if chromium is None:
        raise SystemExit("This needs Chromium; see tools/find_browser.py.")
    data = None if options.quick or not default_data().is_dir() else default_data()
    home = options.home or Path(tempfile.mkdtemp(prefix="eobench-bench-"))
    port, other = free_port(), free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EOBENCH_")}
    env = clean | {"EOBENCH_HOME": str(home), "EOBENCH_PORT": str(port), "EOBENCH_WORKERS": "0"}
    env |= {"EOBENCH_DATA_ROOTS": str(data)} if data else {}
    rows = 5_000 if options.quick else PAPER_SHAPE[0]
    try:
        if not (home / "eobench.sqlite").exists():
            prepare(env, home, data=data, rows=rows)
        measure(env, chromium, port=port, other=other, times=3 if options.quick else 5)
    finally:
        if options.home is None:
            shutil.rmtree(home, ignore_errors=True)


def measure(env: Mapping[str, str], chromium: str, *, port: int, other: int, times: int) -> None:
    """Measure on a prepared workspace, and print."""
    known = {d["name"]: d for d in json.loads(eobench(env, "list", "--json"))}
    pictures, vectors = known[PICTURES]["id"], known[VECTORS]["id"]
    app = [sys.executable, "app.py"]
    with running(app, env) as process:
        wait_for_port(port, process)
        session = logged_in(port)
    cookies = [{"name": c.name, "value": c.value, "domain": "127.0.0.1", "path": "/"} for c in session.cookies]
    print(f"{machine_line('dash', 'flask')}\n")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=ARGS)
        hello = [sys.executable, "-c", HELLO, str(other)]
        ours, peer = [], []
        for _ in range(times):  # turn by turn, so that both meet the same load
            ours.append(first_page(browser, app, env, port=port, see="main h1", cookies=cookies))
            peer.append(first_page(browser, hello, env, port=other, see="#home", cookies=[]))
        table = [
            [name, *map(float, np.median(taken, axis=0)), float(np.min(taken, axis=0)[1])]
            for name, taken in (("python app.py → home", ours), ("smallest Dash application", peer))
        ]
        print(markdown_table([f"start ({times} times)", "listens s", "painted s", "best s"], table))
        with running(app, env) as process:
            wait_for_port(port, process)
            shown = {
                "home": ("/", "main h1"),
                f"explore, {known[PICTURES]['patches']:,} patches": (f"/explore/{pictures}", "canvas"),
                "verify": (f"/verify/{pictures}", ".js-plotly-plot"),
                "publish": (f"/publish/{pictures}", "main h1"),
            }
            used = memory(browser, process.pid, port, shown, cookies)
            print(f"\n{markdown_table(['web process after', 'VmRSS MB'], used)}")
            explore = next(name for name in shown if name.startswith("explore"))
            painted = np.median(map_paint(browser, port, shown[explore][0], cookies, times=times), axis=0)
            print(f"\n{markdown_table(PAINT_HEADS, [[f'{explore}, cold browser', *map(float, painted)]])}")
            browser.close()
            api = f"http://127.0.0.1:{port}/api/datasets/{vectors}"
            rng = np.random.default_rng(0)
            drawn = rng.choice(known[VECTORS]["patches"], 200, replace=False).tolist()

            def relabel(ordinal: int) -> requests.Response:
                return session.post(f"{api}/relabel", json={"ordinals": [ordinal], "label": "Class 3", "why": "bench"})

            session.get(f"{api}/neighbours/0")
            rows = [
                ["neighbours, k = 20", *latencies(lambda i: session.get(f"{api}/neighbours/{i}"), drawn)],
                ["one patch with its history", *latencies(lambda i: session.get(f"{api}/patches/{i}"), drawn)],
                ["relabel one patch", *latencies(relabel, drawn)],
            ]
            heads = [f"HTTP, {known[VECTORS]['patches']:,} patches", "p50 ms", "p99 ms"]
            print(f"\n{markdown_table(heads, rows)}")


if __name__ == "__main__":
    main()
