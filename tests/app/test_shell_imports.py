"""The web process stays light: a visit to every page loads no compiler and no embedding library (decision 6)."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys, time
from eobench_dash import web
from eobench_dash.db.models import Dataset, User
from eobench_dash.services.workspace import open_workspace
from eobench_dash.settings import Settings

settings = Settings(_env_file=None, home=sys.argv[1])
ws = open_workspace(settings, create=True)
with ws.db.write() as session:
    session.add(User(name="ada", role="admin", password_hash="!"))
    params = {"seed": 1, "count": 3, "modality": "optical", "size": 64}
    session.add(Dataset(name="d", state="ready", source_kind="simulated", patch_count=0, source_params=params))
app = web.create_app(settings, ws=ws)
client = app.server.test_client()
with client.session_transaction() as cookie:
    cookie.update({"_user_id": "1:0", "_fresh": True, "key": "k", "renewed": time.time()})
assert client.get("/_dash-layout").status_code == 200
spec = next(c for c in app._callback_list if "shell-page.children" in c["output"])
outputs = [dict(zip(("id", "property"), part.rsplit(".", 1))) for part in spec["output"].strip(".").split("...")]
for page in web.PAGES:
    path = page.href(1)
    body = {"output": spec["output"], "outputs": outputs, "changedPropIds": ["shell-location.pathname"], "state": [],
            "inputs": [{"id": "shell-location", "property": "pathname", "value": path},
                       {"id": "shell-location", "property": "search", "value": ""}]}
    answer = client.post("/_dash-update-component", json=body)
    assert answer.status_code == 200, path
    assert "Something broke" not in answer.text, path
    print("visited", path)
heavy = {"numba", "umap", "openTSNE", "pynndescent", "llvmlite", "sklearn.svm", "rasterio"} & set(sys.modules)
print("heavy:", sorted(heavy))
"""


def test_visiting_every_page_loads_nothing_heavy(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "home")],
        capture_output=True,
        text=True,
        timeout=180,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("visited") >= 6
    assert "heavy: []" in done.stdout, done.stdout
