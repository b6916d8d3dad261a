"""Thumbnail sheets: patches per second and core, beside a straightforward loop with Pillow, turn by turn.

``python -m bench.sheets [--quick] [--data FOLDER]`` prints a markdown table. Real patches, drawn at random, on sheets
of 1024 x 1024: 256 tiles of 64 pixels, and those once more as 1,024 tiles of 32. Ours goes all the way: paths from
the database, files confined and checked, drawn, encoded, written for good. The peer knows its files; it opens, pastes
and saves with Pillow's defaults. One process, one thread; processor time counts (wall time tells of a busy machine).
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from bench._common import default_data, eurosat_files, machine_line, markdown_table
from eobench_dash.db.models import Dataset, Embedding, FeatureSet, Patch
from eobench_dash.domain.sheets import PER_SHEET, sheet_count
from eobench_dash.services.sheets import SheetBook
from eobench_dash.services.workspace import Workspace, open_workspace
from eobench_dash.settings import Settings
from eobench_dash.store.arrays import save_arrays

HEADER = ["what", "patches", "patches/s and core", "patches/s", "kB per patch"]
TURNS = 3


def make_book(ws: Workspace, files: list[Path], root: Path, *, turn: int) -> SheetBook:
    """A dataset of these files with a map of random places."""
    rows = len(files)
    with ws.db.write() as session:
        dataset = Dataset(name=f"b{turn}", state="ready", source_kind="files", root=str(root), patch_count=rows)
        session.add(dataset)
        session.flush()
        session.add_all(
            Patch(dataset_id=dataset.id, ordinal=i, path=str(file.relative_to(root))) for i, file in enumerate(files)
        )
        features = FeatureSet(dataset_id=dataset.id, kind="none", dim=2, rows=rows, folder="none", fingerprint="none")
        session.add(features)
        session.flush()
        embedding = Embedding(
            dataset_id=dataset.id,
            feature_set_id=features.id,
            method="umap",
            key=f"{turn:032}",
            rows=rows,
            artefact="map",
        )
        session.add(embedding)
    xy = np.random.default_rng(turn).normal(size=(rows, 2)).astype(np.float32)
    save_arrays(ws.store.artefact_path(dataset.id, "map", ".npz"), xy=xy)
    return SheetBook(ws, dataset, embedding)


def ours(book: SheetBook) -> Path:
    """All sheets of the book; where they lie."""
    for tile in (64, 32):
        for number in range(sheet_count(book.rows, tile)):
            book.sheet(tile, number)
    return book.folder.path


def loop(files: list[Path], folder: Path, suffix: str) -> Path:
    """Open, paste, save."""
    for tile, per in PER_SHEET.items():
        row = 1024 // tile
        for start in range(0, len(files), per):
            sheet = Image.new("RGB", (1024, 1024))
            for i, file in enumerate(files[start : start + per]):
                with Image.open(file) as image:
                    sheet.paste(image.convert("RGB").resize((tile, tile)), (i % row * tile, i // row * tile))
            sheet.save(folder / f"{tile}-{start}{suffix}")
    return folder


def measure(action: Callable[[], Path]) -> tuple[float, float, int]:
    """(processor seconds, wall seconds, bytes written)."""
    wall, cpu = time.perf_counter(), time.process_time()
    folder = action()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return cpu, wall, sum(file.stat().st_size for file in folder.rglob("*.*") if file.suffix != ".npy")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2,048 patches, else 8,192")
    parser.add_argument("--data", type=Path, default=default_data(), help="a folder of <class>/*.jpg")
    options = parser.parse_args()
    root = Path(os.path.realpath(options.data))
    files, _ = eurosat_files(root, limit=2048 if options.quick else 8192)
    for file in files:
        file.read_bytes()  # in the page cache for everybody
    results: dict[str, list[tuple[float, float, int]]] = {}
    with tempfile.TemporaryDirectory() as home:
        ws = open_workspace(Settings(_env_file=None, home=Path(home) / "ws", data_roots=str(root)), create=True)
        for turn in range(TURNS):
            book = make_book(ws, files, root, turn=turn)
            book.order()
            results.setdefault("EO Bench", []).append(measure(lambda book=book: ours(book)))
            for suffix in (".webp", ".jpg"):
                folder = Path(home, f"peer{turn}{suffix}")
                folder.mkdir()
                name = f"Pillow loop, {suffix[1:].upper()}"
                results.setdefault(name, []).append(measure(lambda f=folder, s=suffix: loop(files, f, s)))
        ws.close()
    n = len(files)
    rows = [
        (name, n, n / min(r[0] for r in runs), n / min(r[1] for r in runs), runs[0][2] / n / 1000)
        for name, runs in results.items()
    ]
    print(f"{machine_line('pillow')}; both levels of sheets, best of {TURNS}\n")
    print(markdown_table(HEADER, rows))


if __name__ == "__main__":
    main()
