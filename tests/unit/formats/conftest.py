"""Small pictures and datasets made on the spot."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eobench_dash.domain.importing import ImportReport, PatchRecord
from eobench_dash.formats import read

Load = Callable[..., tuple[list[PatchRecord], ImportReport]]


@pytest.fixture
def picture() -> Callable[..., Path]:
    """Writes one picture of noise (8 by 8 unless told) and returns its path."""

    def write(path: Path, size: int = 8, seed: int = 0, **options: object) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 255, (size, size, 3), dtype=np.uint8)
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, {".jpg": "JPEG", ".tif": "TIFF"}.get(path.suffix, path.suffix[1:]), **options)
        path.write_bytes(out.getvalue())
        return path

    return write


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Reads a dataset whole: (records, report). Text or bytes are written to a JSON file first."""

    def run(source: Path | str | bytes, name: str = "data.json", **options: object) -> tuple[list, ImportReport]:
        path = source if isinstance(source, Path) else tmp_path / name
        if not isinstance(source, Path):
            path.write_bytes(source.encode() if isinstance(source, str) else source)
        with read(path, **options) as reader:
            records = list(reader.records())
            report = reader.report()
        assert report.total == report.imported + report.rejected
        assert report.imported == len(records) == report.unlabelled + sum(report.labels.values())
        return records, report

    return run
