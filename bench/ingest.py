"""From products to described patches: rate and peak memory of whole jobs, beside a plain loop with rasterio.

``python -m bench.ingest [--quick] [--scenes FOLDER] [--only CASE …]`` prints a markdown table; every case runs in a
process of its own. ``scenes``: the folder's Sentinel-1 and Sentinel-2 rasters, cut, measured (all flags, duplicates,
overlap), stored, then described (reading is part of it). ``product``: one full-size product of 10,980 x 10,980 pixels
and four bands (made here, deflated, seeded noise over slopes). ``simulated``: a million patches drawn by the simulator
and described by ``wld144``. ``four``: a product as JPEG 2000 (half the side), described by four kinds that are asked
for one after the other, or together. The peer reads each patch with rasterio and writes it as a GeoTIFF of its own, as
most tools do; it measures and describes nothing.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench._common import ROOT, in_new_process, machine_line, markdown_table
from eobench_dash.services.workspace import Workspace

SIDE, PATCH = 10_980, 64
HEADER = ["what", "patches", "seconds", "processor s", "patches/s", "peak MB", "MB on disk"]
FOUR = ("wld144", "band_stats", "spectral_indices", "multispectral_hist")
CASES = (
    "sar-scenes", "optical-scenes", "product", "four-alone", "four-together", "simulated",
    "peer-scenes", "peer-product",
)  # fmt: skip


def make_product(path: Path, side: int) -> None:
    """Four bands uint16, written strip by strip: a tiled, deflated GeoTIFF, or lossless JPEG 2000 by the suffix."""
    import rasterio
    from rasterio.transform import from_origin
    from rasterio.windows import Window

    rng = np.random.default_rng(0)
    profile: dict[str, Any] = {
        "driver": "GTiff", "width": side, "height": side, "count": 4, "dtype": "uint16", "crs": "EPSG:32631",
        "transform": from_origin(399960, 4800000, 10, 10), "tiled": True, "blockxsize": 512, "blockysize": 512,
        "compress": "deflate", "nodata": 0,
    }  # fmt: skip
    if path.suffix == ".jp2":
        tiles = {"driver": "JP2OpenJPEG", "blockxsize": 1024, "blockysize": 1024, "QUALITY": 100, "REVERSIBLE": "YES"}
        profile = {name: profile[name] for name in ("width", "height", "count", "dtype", "crs", "transform")} | tiles
    with rasterio.open(path, "w", **profile) as file:
        for band, name in enumerate(("B02", "B03", "B04", "B08"), 1):
            file.set_band_description(band, name)
        for row in range(0, side, 512):
            height = min(512, side - row)
            slope = 1000 + 600 * np.sin(np.arange(side) / 300)[None, None, :] + np.arange(4)[:, None, None] * 200
            strip = slope + rng.integers(0, 64, (4, height, side))
            file.write(strip.astype(np.uint16), window=Window(0, row, side, height))


def ingest(paths: list[Path], *, only: str, kinds: tuple[str, ...], together: bool = False) -> dict[str, Any]:
    """Cut and describe in a new workspace; seconds of each part."""
    from eobench_dash import tasks
    from eobench_dash.domain.ingesting import IngestPlan
    from eobench_dash.jobs.inline import run_inline
    from eobench_dash.services import features, ingesting

    with tempfile.TemporaryDirectory() as home:
        ws, who = _workspace(home, roots=paths)
        parts: dict[str, Any] = {}
        job_id = ingesting.start_ingest(
            ws, who, paths=[str(path) for path in paths], name="bench", plan=IngestPlan(), only=only
        )
        parts["cut"], job = _measured(lambda: run_inline(ws, job_id, tasks=tasks))
        if job.state != "done":
            raise SystemExit(f"The ingest is {job.state}: {job.error}")
        dataset_id = job.result["dataset_id"]

        def describe(kinds: tuple[str, ...]) -> None:
            asked = [features.start_features(ws, who, dataset_id=dataset_id, kind=kind) for kind in kinds]
            for number in asked:
                described = run_inline(ws, number, tasks=tasks)
                if described.state != "done":
                    raise SystemExit(f"The description is {described.state}: {described.error}")

        steps = [kinds] if together else [(kind,) for kind in kinds]
        parts["describe"], _ = _measured(lambda: [describe(step) for step in steps])
        ws.close()
        return {**parts, "patches": int(job.result["imported"]), "disk": _disk(Path(home))}


def simulated(count: int) -> dict[str, Any]:
    """Simulated patches, imported and described."""
    from eobench_dash import tasks
    from eobench_dash.jobs.inline import run_inline
    from eobench_dash.services import features, importing

    with tempfile.TemporaryDirectory() as home:
        ws, who = _workspace(home, roots=[])
        job_id = importing.start_simulation(ws, who, name="bench", modality="optical", count=count, follow_up=False)
        cut, job = _measured(lambda: run_inline(ws, job_id, tasks=tasks))
        job_id = features.start_features(ws, who, dataset_id=job.result["dataset_id"], kind="wld144")
        describe, described = _measured(lambda: run_inline(ws, job_id, tasks=tasks))
        if described.state != "done":
            raise SystemExit(f"The description is {described.state}: {described.error}")
        ws.close()
        return {"cut": cut, "describe": describe, "patches": count, "disk": _disk(Path(home))}


def peer(paths: list[Path]) -> dict[str, Any]:
    """Each patch read and written as a file."""
    import rasterio
    from rasterio.windows import Window

    def cut() -> int:
        count = 0
        for path in paths:
            with rasterio.open(path) as file:
                for row in range(0, file.height - PATCH + 1, PATCH):
                    for col in range(0, file.width - PATCH + 1, PATCH):
                        window = Window(col, row, PATCH, PATCH)
                        profile = {
                            "driver": "GTiff", "width": PATCH, "height": PATCH, "count": file.count,
                            "dtype": file.dtypes[0], "crs": file.crs, "transform": file.window_transform(window),
                        }  # fmt: skip
                        with rasterio.open(Path(home, f"{count}.tif"), "w", **profile) as patch:
                            patch.write(file.read(window=window))
                        count += 1
        return count

    with tempfile.TemporaryDirectory() as home:
        seconds, count = _measured(cut)
        return {"cut": seconds, "patches": count, "disk": _disk(Path(home))}


def _workspace(home: str, *, roots: list[Path]) -> tuple[Workspace, Any]:
    from eobench_dash.db.models import User
    from eobench_dash.domain.people import Principal, Role
    from eobench_dash.services.workspace import open_workspace
    from eobench_dash.settings import Settings

    folders = os.pathsep.join({str(path if path.is_dir() else path.parent) for path in roots})
    ws = open_workspace(Settings(_env_file=None, home=Path(home) / "ws", data_roots=folders), create=True)  # type: ignore[call-arg]
    with ws.db.write() as session:
        user = User(name="bench", password_hash="-", role=Role.ADMIN.value)
        session.add(user)
        session.flush()
        return ws, Principal(user_id=user.id, name="bench", role=Role.ADMIN, session_key="bench")


def _measured(action: Any) -> tuple[list[float], Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = action()
    return [time.perf_counter() - wall, time.process_time() - cpu], result


def _disk(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def child(case: str, scenes: Path, *, quick: bool) -> dict[str, Any]:
    """One case, in this process."""
    if case == "simulated":
        return simulated(20_000 if quick else 1_000_000)
    if case.endswith("scenes"):
        if case == "peer-scenes":
            return peer(sorted(scenes.glob("*_S2_*.tif")))
        sar = case == "sar-scenes"
        return ingest([scenes], only="sar" if sar else "optical", kinds=("sar_wld144" if sar else "wld144",))
    with tempfile.TemporaryDirectory() as folder:
        four = case.startswith("four")
        path = Path(folder, "product.jp2" if four else "product.tif")
        make_product(path, 2_048 if quick else SIDE // 2 if four else SIDE)
        if case == "peer-product":
            return peer([path])
        return ingest([path], only="optical", kinds=FOUR if four else ("wld144",), together=case == "four-together")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 simulated patches and a product of 2,048 pixels")
    parser.add_argument("--scenes", type=Path, default=ROOT.parent / "shared" / "data" / "scenes")
    parser.add_argument("--only", nargs="*", choices=CASES, default=CASES)
    parser.add_argument("--child", choices=CASES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        told = child(options.child, options.scenes.resolve(), quick=options.quick)
        told["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(told))
        return
    rows = []
    for case in options.only:
        more = ["--quick"] if options.quick else []
        _, told = in_new_process("bench.ingest", ["--child", case, "--scenes", str(options.scenes), *more])
        for part in ("cut", "describe"):
            if part in told:
                wall, cpu = told[part]
                name = f"{case}: {'import' if (case, part) == ('simulated', 'cut') else part}"
                rows.append((name, told["patches"], wall, cpu, told["patches"] / wall, told["peak"], told["disk"]))
                print(f"{name}: {wall:.0f} s", file=sys.stderr, flush=True)
    print(f"{machine_line('rasterio')}; patches of {PATCH} x {PATCH}\n")
    print(markdown_table(HEADER, rows))


if __name__ == "__main__":
    main()
