"""Make the README's pictures: boot a demo, walk through its pages, write docs/pictures/*.png.

Simulated data by default; EOBENCH_DEMO_DATA names an image folder such as EuroSAT's instead. ``--home`` takes a
workspace that is prepared already (then EOBENCH_ADMIN_PASSWORD_FILE holds its admin's password). ``--scenes`` is a
folder of optical products or rasters below EOBENCH_DATA_ROOTS, for the pictures of ingest and scene.
"""

import argparse
import io
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from find_browser import find
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from eobench_dash.domain.people import Principal, Role
from eobench_dash.services import advice, clusters, datasets, embeddings, patches, verification
from eobench_dash.services.products import dataset_products
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import load_settings

OUT = Path(__file__).parents[1] / "docs" / "pictures"
SIZE = {"width": 1280, "height": 800}
LARGEST = 300_000
OPERATOR = Principal(user_id=1, name="admin", role=Role.ADMIN, session_key="pictures")


def main() -> int:
    """0, or 1 and a sentence."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="a prepared workspace (default: a new one, removed afterwards)")
    parser.add_argument("--scenes", type=Path, help="products to cut (default: no picture of ingest and scene)")
    options = parser.parse_args()
    home, scenes = options.home, options.scenes
    chromium = find()
    if chromium is None:
        print("Pictures need Chromium; tools/find_browser.py says how to get it.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        password_file = Path(os.environ.get("EOBENCH_ADMIN_PASSWORD_FILE") or f"{scratch}/password")
        if not password_file.exists():
            password_file.write_text(secrets.token_urlsafe(12))
        os.environ.update(
            EOBENCH_HOME=str(home or f"{scratch}/home"),
            EOBENCH_ADMIN_PASSWORD_FILE=str(password_file),
            EOBENCH_WORKERS="0",
            EOBENCH_PORT="0",
            EOBENCH_LOG_LEVEL="WARNING",
        )
        dataset_id, ordinal = prepare()
        cut = cut_scenes(scenes) if scenes else None
        with served() as url, sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--use-angle=swiftshader"])
            page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
            walk(page, url, password_file.read_text().strip(), dataset_id, ordinal)
            if cut:
                products(page, url, scenes, cut)
            browser.close()
    return 0


def eobench(*words: str) -> None:
    """Run a command of ours to its end."""
    subprocess.run([sys.executable, "-m", "eobench_dash.cli", *words], check=True)


def prepare() -> tuple[int, int]:
    """Data, features, map and metrics, as far as they are missing; the dataset shown, and a patch of it."""
    eobench("demo", "--no-serve")
    eobench("worker", "--once")
    ws = open_workspace(load_settings())
    with_map = [
        d for d in datasets.list_datasets(ws, OPERATOR) if embeddings.list_embeddings(ws, OPERATOR, dataset_id=d.id)
    ]
    if not with_map:
        raise SystemExit("No dataset has a map: look at the jobs' messages above.")
    chosen = max(with_map, key=lambda d: (not d.simulated, d.patch_count))
    if verification.latest_verification(ws, OPERATOR, dataset_id=chosen.id) is None:
        verification.start_verification(ws, OPERATOR, dataset_id=chosen.id)
        eobench("worker", "--once")
    if not clusters.list_cluster_sets(ws, OPERATOR, dataset_id=chosen.id):
        clusters.start_clusters(ws, OPERATOR, dataset_id=chosen.id, method="kmeans", k=12)
        advice.start_advice(ws, OPERATOR, dataset_id=chosen.id)
        embeddings.start_embedding(ws, OPERATOR, dataset_id=chosen.id, method="tsne")
        eobench("worker", "--once")
    ordinal = _patch_called(ws, chosen.id, "River") or chosen.patch_count // 2
    ws.close()
    return chosen.id, ordinal


def cut_scenes(folder: Path) -> int:
    """The dataset of the folder's optical products, described and mapped."""
    ws = open_workspace(load_settings())
    known = {d.name: d.id for d in datasets.list_datasets(ws, OPERATOR)}
    ws.close()
    if "Scenes" not in known:
        eobench("ingest", str(folder), "--name", "Scenes", "--modality", "optical", "--feature", "all")
        eobench("embed", "Scenes")
        eobench("cluster", "Scenes", "-k", "8")
        return cut_scenes(folder)
    return known["Scenes"]


def _patch_called(ws: Any, dataset_id: int, label: str) -> int | None:
    count = datasets.get_dataset(ws, OPERATOR, dataset_id=dataset_id).patch_count
    for ordinal in range(7, count, 97):
        if patches.patch_info(ws, OPERATOR, dataset_id=dataset_id, ordinal=ordinal).label == label:
            return ordinal
    return None


@contextmanager
def served() -> Iterator[str]:
    """A server of our own on a free port; its address."""
    command = [sys.executable, "-m", "eobench_dash.cli", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout or ():
                if "http://" in line:
                    yield line.split()[-1]
                    return
            raise SystemExit("The server did not start.")
        finally:
            process.terminate()


def walk(page: Page, url: str, password: str, dataset_id: int, ordinal: int) -> None:
    """Every page of the way, each with something to see on it."""
    page.goto(f"{url}/auth/login")
    shoot(page, "login")
    page.fill("[name=name]", "admin")
    page.fill("[name=password]", password)
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{url}/")
    shoot(page, "home")
    page.goto(f"{url}/explore/{dataset_id}")
    until(page, "map && map.state().ready && map.state().settled")
    spot = page.evaluate("(o) => document.getElementById('explore-map').eobMap.screenOf(o)", ordinal)
    page.mouse.move(spot["x"], spot["y"])
    page.mouse.click(spot["x"], spot["y"])
    until(page, "document.querySelectorAll('#explore-neighbours [data-ordinal]').length === 20")
    shoot(page, "explore")
    for name, steps in (("map-middle", 7), ("map-thumbnails", 5)):
        page.mouse.move(spot["x"], spot["y"])
        for _ in range(steps):
            page.mouse.wheel(0, -120)
            page.wait_for_timeout(60)
        until(page, "map.state().settled && map.state().thumbs.drawn && !map.state().thumbs.pending")
        shoot(page, name)
    linked(page, url, dataset_id)
    page.goto(f"{url}/explore/{dataset_id}?patch={ordinal}")
    until(page, "document.querySelectorAll('#explore-neighbours [data-ordinal]').length === 20")
    page.keyboard.press("m")
    until(page, "map.state().mode === 'clean' && map.state().current !== null")
    page.keyboard.press("/")
    until(page, "document.querySelector('.eob-assign__item')")
    shoot(page, "clean")
    page.keyboard.press("Escape")
    for name in ("verify", "publish"):
        page.goto(f"{url}/{name}/{dataset_id}")
        shoot(page, name)


def linked(page: Page, url: str, dataset_id: int) -> None:
    """Two maps of the same patches, one coloured by label and one by cluster, with the clusters beside them."""
    ws = open_workspace(load_settings())
    maps = {m.method: m.id for m in embeddings.list_embeddings(ws, OPERATOR, dataset_id=dataset_id) if m.label is None}
    found = clusters.list_cluster_sets(ws, OPERATOR, dataset_id=dataset_id)[0]
    ws.close()
    both = f"map={maps['umap']}&map2={maps['tsne']}&colour2=cluster-{found.id}&tab=clusters"
    page.goto(f"{url}/explore/{dataset_id}?{both}")
    until(page, "map && map.state().ready && map.state().settled")
    shoot(page, "linked")
    page.goto(f"{url}/explore/{dataset_id}?colour=confidence&tab=charts")
    until(page, "map && map.state().ready && map.state().settled && document.querySelector('.js-plotly-plot .bars')")
    shoot(page, "charts")


def products(page: Page, url: str, folder: Path, dataset_id: int) -> None:
    """The ingest page with a grid, and a scene beside its map."""
    page.goto(f"{url}/ingest")
    page.wait_for_selector(".eob-browser__list button")
    page.evaluate("(path) => window.dash_clientside.set_props('ingest-folder', {data: path})", str(folder.resolve()))
    page.wait_for_selector("#ingest-found label")
    page.click("#ingest-only label:nth-of-type(2)")
    page.click("#ingest-tick-all")
    page.fill("#ingest-scales", "128")
    page.press("#ingest-scales", "Tab")
    page.evaluate("window.dash_clientside.set_props('ingest-flag', {value: 'saturation'})")
    page.wait_for_timeout(6000)
    page.evaluate("window.scrollTo(0, 0)")
    shoot(page, "ingest")
    ws = open_workspace(load_settings())
    found = clusters.list_cluster_sets(ws, OPERATOR, dataset_id=dataset_id)[0]
    scene = dataset_products(ws, OPERATOR, dataset_id=dataset_id)[0]
    ws.close()
    page.goto(f"{url}/explore/{dataset_id}?colour=cluster-{found.id}&scene={scene.id}&patch={scene.first + 100}")
    until(page, "map && map.state().ready && map.state().settled && map.state().column")
    page.wait_for_timeout(3000)
    shoot(page, "scene")


def until(page: Page, code: str, seconds: float = 60) -> None:
    """Poll an expression in which ``map`` is the map (the page's policy forbids eval)."""
    end = time.monotonic() + seconds
    while not page.evaluate(f"() => {{ const map = document.getElementById('explore-map')?.eobMap; return {code}; }}"):
        if time.monotonic() > end:
            raise SystemExit(f"The page did not get there within {seconds:.0f} s: {code}")
        time.sleep(0.1)


def shoot(page: Page, name: str) -> None:
    """Take a picture once the page is quiet: a PNG of at most 300 kB, in fewer shades where it has to be."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(900)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    OUT.mkdir(parents=True, exist_ok=True)
    for step in (1, 4, 6, 8, 12, 16, 24):  # in shades so far apart: a palette would mix up the colours of labels
        out = io.BytesIO()
        shown = image.point([min(255, round(value / step) * step) for value in range(256)] * 3)
        shown.save(out, "PNG", optimize=True)
        if out.tell() <= LARGEST:
            break
    (OUT / f"{name}.png").write_bytes(out.getvalue())
    print(f"{name}.png: {out.tell() / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
