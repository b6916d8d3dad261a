"""The map's pure JavaScript modules, tested inside Chromium (no Node): js/*.test.js beside this file."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, abort, send_from_directory
from seats import ARGS, CHROMIUM
from werkzeug.serving import make_server

from eobench_dash.components import embedding_map
from eobench_dash.components.embedding_map.program import program
from eobench_dash.domain import wire

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

TESTS = Path(__file__).parent / "js"
MODULES = Path(embedding_map.__file__).parent / "js"
WIRE = {
    "all": lambda: wire.pack_coords([0, 1.5, -2.25], [10, 20, 30]),
    "subset": lambda: wire.pack_coords([0, 1, 2], [0, 1, 2], [7, 0, 70000]),
    "none": lambda: wire.pack_coords([], []),
    "labels": lambda: wire.pack_labels([0, 1, 65534, 65535]),
    "mix": lambda: wire.pack_mix([[1, 2, 65535], [3, 65535, 65535]], [[12, 8, 0], [20, 0, 0]], k=20),
}


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium: install it or set EOBENCH_CHROMIUM")
    app = Flask(__name__)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app.add_url_rule("/", "page", lambda: Response("<!doctype html><title>modules</title>", mimetype="text/html"))
    app.add_url_rule("/js/<name>", "module", lambda name: send_from_directory(MODULES, name))
    app.add_url_rule("/tests/<name>", "test", lambda name: send_from_directory(TESTS, name))
    app.add_url_rule("/program.js", "program", lambda: Response(program()[1], mimetype="text/javascript"))
    app.add_url_rule("/wire/<name>", "wire", lambda name: Response(WIRE[name]()) if name in WIRE else abort(404))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        tab = browser.new_page()
        tab.goto(f"http://127.0.0.1:{server.server_port}/")
        yield tab
        browser.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", sorted(path.name for path in TESTS.glob("*.test.js")))
def test_module(page: Any, name: str) -> None:
    page.reload()
    code = "async (name) => { await import('/tests/' + name); return (await import('/tests/harness.js')).run(); }"
    results = page.evaluate(code, name)
    assert len(results) > 1
    failures = [f"{test}: {why}" for test, why in results if why]
    assert not failures, "\n".join(failures)


def test_the_program_in_one_piece_offers_what_the_modules_do(page: Any) -> None:
    code = """async () => {
      const [whole, parts] = await Promise.all([import('/program.js'), import('/js/map.js')]);
      const map = whole.mount(document.body.appendChild(document.createElement('div')), () => {});
      const api = Object.keys(map.root.eobMap).sort().join();
      map.destroy();
      const other = parts.mount(document.body.appendChild(document.createElement('div')), () => {});
      const same = api === Object.keys(other.root.eobMap).sort().join();
      other.destroy();
      return [Object.keys(whole), same, api.length > 100];
    }"""
    assert page.evaluate(code) == [["mount"], True, True]


def test_the_loader_names_every_module() -> None:
    """Else a module would be fetched late, one round trip after the other (it would still work)."""
    loader = (MODULES / "loader.js").read_text()
    listed = (
        loader.split("const modules = program ? [] : [")[1].split("]")[0].replace('"', "").replace("\n", " ").split(",")
    )
    assert sorted(n.strip() for n in listed) == sorted(p.stem for p in MODULES.glob("*.js") if p.stem != "loader")


def test_nothing_needs_unsafe_eval_or_writes_markup() -> None:
    for path in MODULES.glob("*.js"):
        text = path.read_text()
        for forbidden in ("eval(", "new Function", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"):
            assert forbidden not in text, f"{forbidden} in {path.name}"
