"""The memory of the web process that serves a map: ours, and a Dash application that holds plotly's figure.

``memory_mb(tool, data)`` starts such a process, asks three times for what a browser asks for when a map is opened, and
reads the process's resident set (VmRSS, MB): after its start and at the end. Ours is ``create_app`` on a workspace with
so many patches; regl-scatterplot is a script and has no server.
"""

import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import numpy as np
import numpy.typing as npt

from bench._common import ROOT

Points = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.uint16]]
ASKED = {
    "ours": ("/explore/1", "/_dash-layout", "/data/datasets/1/embeddings/1.bin", "/data/datasets/1/labels.bin"),
    "plotly": ("/", "/_dash-layout"),
}


def memory_mb(tool: str, data: Points) -> dict[str, float] | None:
    """``{"started", "served"}`` in MB, or None for a tool without a server."""
    if tool not in ASKED:
        return None
    with tempfile.TemporaryDirectory() as folder:
        x, y, codes = data
        np.savez(f"{folder}/points.npz", x=x, y=y, codes=codes)
        if tool == "ours":
            _run("build", folder)
        with _started(tool, folder) as (process, url):
            started = _rss(process.pid)
            for _ in range(3):
                for path in ASKED[tool]:
                    _read(url, path)
            return {"started": started, "served": _rss(process.pid)}


def _rss(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def _read(url: str, path: str) -> None:
    with urllib.request.urlopen(url + path, timeout=600) as answer:
        while answer.read(1 << 20):
            pass


def _run(what: str, folder: str) -> None:
    with Popen([sys.executable, "-m", "bench.map_server", what, folder], cwd=ROOT) as process:
        if process.wait():
            raise SystemExit(f"bench.map_server {what} failed")


@contextmanager
def _started(tool: str, folder: str) -> Iterator[tuple[Popen[str], str]]:
    command = [sys.executable, "-m", "bench.map_server", tool, folder]
    process = Popen(command, cwd=ROOT, stdout=PIPE, text=True)
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise SystemExit(f"bench.map_server {tool} did not start")
        yield process, url
    finally:
        process.terminate()
        process.wait(30)


# -- in a process of their own -----------------------------------------------------------------------------------------
def build(folder: Path) -> None:
    """A workspace with a public dataset of these points."""
    from sqlalchemy import insert

    from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Label, Patch
    from eobench_dash.domain.labels import PALETTE
    from eobench_dash.services.workspace import open_workspace
    from eobench_dash.store.arrays import save_arrays

    with np.load(folder / "points.npz") as points:
        xy, codes = np.column_stack([points["x"], points["y"]]), points["codes"].tolist()
    n = len(codes)
    ws = open_workspace(_settings(folder), create=True)
    with ws.db.write() as session:
        session.add(Dataset(id=1, name="Points", state="ready", public=True, source_kind="none", patch_count=n))
        session.flush()
        session.add_all(
            Label(id=c + 1, dataset_id=1, code=c, name=f"Label {c}", color=PALETTE[c]) for c in range(max(codes) + 1)
        )
        row = {"dataset_id": 1, "kind": "imported", "dim": 2, "rows": n, "folder": "f", "fingerprint": "f" * 64}
        session.add(FeatureSet(id=1, **row))
        session.flush()
        session.add(Embedding(id=1, dataset_id=1, feature_set_id=1, method="umap", key="m", rows=n, artefact="m"))
        session.flush()
        for first in range(0, n, 50_000):
            some = range(first, min(first + 50_000, n))
            ids = {o: codes[o] + 1 for o in some}
            rows = [{"dataset_id": 1, "ordinal": o, "path": f"{o}", "label_id": ids[o], "imported_label_id": ids[o]}
                    for o in some]  # fmt: skip
            session.execute(insert(Patch), rows)
    save_arrays(ws.store.artefact_path(1, "m", ".npz"), xy=xy, honesty=np.ones(n, np.float32))
    ws.close()


def _settings(folder: Path):  # type: ignore[no-untyped-def]
    from eobench_dash.settings import Settings

    return Settings(_env_file=None, home=folder / "home", data_roots=str(folder), workers=0, public=True)


def ours(folder: Path):  # type: ignore[no-untyped-def]
    """Our web application on that workspace."""
    from eobench_dash.web import create_app

    return create_app(_settings(folder)).server


def plotly(folder: Path):  # type: ignore[no-untyped-def]
    """Dash's own way: the figure in the layout."""
    import plotly.graph_objects as go
    from dash import Dash, dcc

    with np.load(folder / "points.npz") as points:
        figure = go.Figure(
            go.Scattergl(x=points["x"], y=points["y"], marker={"color": points["codes"]}, mode="markers")
        )
    app = Dash("points")
    app.layout = dcc.Graph(id="map", figure=figure)
    return app.server


def main() -> None:
    """``build FOLDER``, or serve a tool until stopped, saying first where."""
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what == "build":
        build(folder)
        return
    from werkzeug.serving import WSGIRequestHandler, make_server

    quiet = type("Quiet", (WSGIRequestHandler,), {"log_request": lambda *_args: None})
    app = {"ours": ours, "plotly": plotly}[what](folder)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=quiet)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
