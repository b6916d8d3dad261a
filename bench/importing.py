"""Import rate and peak memory, each beside a peer, every case in a fresh process.

    python bench/importing.py [--quick | --full] [--data FOLDER]

Image folder: real patches (--data, default $EOBENCH_SHARED/data/eurosat). The peers open and verify, or open and
decode, one file after another with Pillow and collect (path, label); verify() passes cut-off JPEGs, ours and the
decoding peer do not. JSON: a generated file of 144-d vectors (seed 0), 200 MB by default, 20 MB with --quick, 2 GB with
--full; the peer is json.load and a loop to float32. Peak memory is the process's ru_maxrss.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

DIM = 144


def ours(path: Path, limit: int | None) -> int:
    from eobench_dash.formats import read

    with read(path, check_images=path.is_dir()) as reader:
        count = 0
        for count, _ in enumerate(reader.records(), 1):
            if count == limit:
                break
    return count


def pillow_loop(path: Path, limit: int | None, *, decode: bool) -> int:
    from PIL import Image

    samples = []
    for folder, _, names in os.walk(path):
        for name in names:
            if len(samples) == limit:
                return len(samples)
            file = Path(folder, name)
            with Image.open(file) as image:
                if decode:
                    image.load()
                else:
                    image.verify()
            samples.append({"filepath": str(file), "label": file.parent.name})
    return len(samples)


def json_load(path: Path, limit: int | None) -> int:
    with path.open() as file:
        data = json.load(file)
    if isinstance(data, dict):
        rows = zip(data["features"], data["labels"], data["paths"], strict=True)
    else:
        rows = ((r["features"], r["label"], r["path"]) for r in data)
    records = [(path, label, np.array(features, dtype=np.float32)) for features, label, path in rows]
    return len(records)


CASES: dict[str, Callable[[Path, int | None], int]] = {
    "EO Bench": ours,
    "Pillow loop, verify()": lambda path, limit: pillow_loop(path, limit, decode=False),
    "Pillow loop, load()": lambda path, limit: pillow_loop(path, limit, decode=True),
    "json.load + loop": json_load,
}


def run_case(case: str, path: Path, limit: int | None) -> None:
    start = time.perf_counter()
    count = CASES[case](path, limit)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"count": count, "seconds": seconds, "peak_mb": peak}))


def measure(case: str, path: Path, limit: int | None, repeats: int) -> dict[str, float]:
    """The quickest of ``repeats`` fresh processes."""
    command = [sys.executable, __file__, "--case", case, "--data", str(path), "--limit", str(limit or 0)]
    results = []
    for _ in range(repeats):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return {"count": 0, "seconds": float("nan"), "peak_mb": float("nan")}
        results.append(json.loads(done.stdout))
    return min(results, key=lambda r: r["seconds"])


def generate(path: Path, megabytes: int, layout: str) -> None:
    """A file of about that size; the same 2,000 vectors over and over, so that making it costs little."""
    rng = np.random.default_rng(0)
    texts = [", ".join(map(repr, row.tolist())) for row in rng.normal(size=(2000, DIM))]
    count = megabytes * 1_000_000 // (len(texts[0]) + 70)
    with path.open("w") as file:
        if layout == "records":
            for i in range(count):
                start = "[" if i == 0 else ",\n"
                file.write(
                    f'{start}{{"path": "c{i % 10}/{i}.png", "label": "c{i % 10}", "features": [{texts[i % 2000]}]}}'
                )
            file.write("]")
            return
        file.write('{"features": [')
        for i in range(count):
            file.write(f"{',' if i else ''}\n[{texts[i % 2000]}]")
        file.write(f'], "labels": {json.dumps([f"c{i % 10}" for i in range(count)])},\n')
        file.write(f'"paths": {json.dumps([f"c{i % 10}/{i}.png" for i in range(count)])}}}')


def row(source: str, case: str, result: dict[str, float]) -> str:
    rate = result["count"] / result["seconds"]
    numbers = f"{result['count']:,.0f} | {result['seconds']:.2f} | {rate:,.0f} | {result['peak_mb']:,.0f}"
    return f"| {source} | {case} | {numbers} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2,000 images, 20 MB of JSON")
    parser.add_argument("--full", action="store_true", help="2 GB of JSON (4 GB of disk); without the peer")
    parser.add_argument("--data", type=Path, help="an image folder")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--limit", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        run_case(options.case, options.data, options.limit or None)
        return
    shared = Path(os.environ.get("EOBENCH_SHARED", Path(__file__).parents[2] / "shared"))
    images = options.data or shared / "data/eurosat"
    limit = 2000 if options.quick else None
    print("| source | reader | rows | seconds | rows/s | peak MB |\n|---|---|---:|---:|---:|---:|")
    if images.is_dir():
        measure("Pillow loop, load()", images, limit, 1)  # the files are in the page cache for everybody
        for case in ("EO Bench", "Pillow loop, verify()", "Pillow loop, load()"):
            print(row(f"image folder {images.name}", case, measure(case, images, limit, 3)), flush=True)
    else:
        print(f"(no image folder at {images.name}: give --data)")
    megabytes = 2000 if options.full else 20 if options.quick else 200
    for layout in ("columns", "records"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"{layout}.json")
            generate(path, megabytes, layout)
            source = f"JSON {layout}, {path.stat().st_size / 1e6:,.0f} MB"
            print(row(source, "EO Bench", measure("EO Bench", path, None, 1)), flush=True)
            if not options.full:
                print(row(source, "json.load + loop", measure("json.load + loop", path, None, 1)), flush=True)


if __name__ == "__main__":
    main()
