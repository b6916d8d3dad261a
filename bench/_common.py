"""What every benchmark shares: the machine's line, markdown tables, and the two data sets, both named and seeded.

Not part of the installed package; run as ``python -m bench.<name>`` from the repository's root.
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
PAPER_SHAPE = (30_813, 144)
"""The Sentinel-1 example of Yao, Dumitru, Datcu (IGARSS 2021): patches and Weber features."""


def default_data() -> Path:
    """The EuroSAT folder: $EOBENCH_DEMO_DATA, or next to the checkout."""
    return Path(os.environ.get("EOBENCH_DEMO_DATA") or ROOT.parent / "shared" / "data" / "eurosat")


def machine_line(*packages: str) -> str:
    """One line that says where and with what a table was measured."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model n")]
        model = names[0] if names else model
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    kept = ", ".join(f"{name} {version(name)}" for name in ("numpy", *packages))
    return f"{model}, {os.cpu_count()} cores{load}; Python {platform.python_version()}, {kept}"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in markdown; numbers to three significant figures, right-aligned."""
    cells = [[_text(cell) for cell in row] for row in rows]
    width = [max(len(line[c]) for line in [list(header), *cells]) for c in range(len(header))]
    lines = ["| " + " | ".join(name.ljust(width[c]) for c, name in enumerate(header)) + " |"]
    lines.append("|" + "|".join("-" * (width[c] + 1) + (":" if c else "-") for c in range(len(header))) + "|")
    for row in cells:
        padded = [cell.rjust(width[c]) if c else cell.ljust(width[c]) for c, cell in enumerate(row)]
        lines.append("| " + " | ".join(padded) + " |")
    return "\n".join(lines)


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return "–" if np.isnan(cell) else (f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}")
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that the action took, and what it returned."""
    begun = time.perf_counter()
    result = action()
    return time.perf_counter() - begun, result


def in_new_process(module: str, arguments: Sequence[str]) -> tuple[float, dict[str, Any]]:
    """Run ``python -m module arguments`` (last line of output: JSON): wall seconds from start to exit, the JSON."""
    begun = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - begun
    if done.returncode != 0:
        raise SystemExit(f"{module} {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return wall, json.loads(done.stdout.strip().splitlines()[-1])


def eurosat_files(folder: Path, *, limit: int | None = None, seed: int = 0) -> tuple[list[Path], npt.NDArray[np.int64]]:
    """Paths in class then name order and label codes; ``limit`` draws that many, seeded."""
    classes = sorted(p for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    files = [(path, code) for code, place in enumerate(classes) for path in sorted(place.glob("*.jpg"))]
    if not files:
        raise SystemExit(f"No <class>/*.jpg below {folder}; give --data or set EOBENCH_DEMO_DATA.")
    if limit is not None and limit < len(files):
        chosen = np.sort(np.random.default_rng(seed).choice(len(files), size=limit, replace=False))
        files = [files[i] for i in chosen]
    return [path for path, _ in files], np.array([code for _, code in files])


def eurosat_pixels(files: Sequence[Path]) -> npt.NDArray[np.uint8]:
    """Pixels (n, 3, 64, 64) uint8."""
    from PIL import Image

    pixels = np.empty((len(files), 3, 64, 64), np.uint8)
    for i, path in enumerate(files):
        with Image.open(path) as image:
            pixels[i] = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    return pixels


def colour_statistics(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """A plain description of pixels (n, 3, H, W) for when no feature kind is to be part of the measurement: moments,
    percentiles and local contrast per band and of band differences, on the whole and on quarters, standardised, PCA-50.
    """
    rows = []
    for start in range(0, len(pixels), 512):
        block = pixels[start : start + 512].astype(np.float32)
        bands = np.concatenate([block, block[:, :1] - block[:, 1:2], block[:, 1:2] - block[:, 2:]], axis=1)
        flat = bands.reshape(*bands.shape[:2], -1)
        parts = [flat.mean(2), flat.std(2), *np.percentile(flat, [5, 25, 50, 75, 95], axis=2)]
        parts += [np.abs(np.diff(bands, axis=a)).mean((2, 3)) for a in (2, 3)]
        half = bands.shape[2] // 2
        parts += [q.mean((2, 3)) for r in (slice(half), slice(half, None)) for s in (slice(half), slice(half, None))
                  for q in [bands[:, :, r, s]]]  # fmt: skip
        rows.append(np.concatenate(parts, axis=1))
    table = np.concatenate(rows).astype(np.float64)
    table = np.clip((table - table.mean(0)) / (table.std(0) + 1e-9), -4, 4)
    u, s, _ = np.linalg.svd(table, full_matrices=False)
    return np.asarray((u * s)[:, :50], dtype=np.float32)


def simulated_features(n: int = PAPER_SHAPE[0], dim: int = PAPER_SHAPE[1], *, seed: int = 0) -> npt.NDArray[np.float32]:
    """Histogram-like vectors (n, dim): 12 uneven land covers, each a curved 5-dimensional sheet, with speckle; square
    roots of rows that sum to 1, as Weber histograms are used."""
    rng = np.random.default_rng(seed)
    cover = rng.choice(12, size=n, p=rng.dirichlet(np.full(12, 3.0)))
    hidden = rng.normal(size=(n, 5))
    centres = rng.normal(scale=1.2, size=(12, dim))
    bend = rng.normal(size=(12, 5, 16)) * 0.9
    spread = rng.normal(size=(12, 16, dim)) * 0.35
    log_mass = centres[cover]
    for c in range(12):
        own = cover == c
        log_mass[own] += np.sin(hidden[own] @ bend[c]) @ spread[c]
    mass = np.exp(log_mass) * rng.gamma(12.0, 1 / 12.0, size=(n, dim))
    return np.sqrt(mass / mass.sum(1, keepdims=True)).astype(np.float32)
