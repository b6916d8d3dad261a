"""Datasets in and out. ``read`` streams a dataset's good rows and tells afterwards what was wrong with the others."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from eobench_dash.domain.importing import ImportIssue, ImportOptions, PatchRecord
from eobench_dash.errors import BadInput, UnreadableDataset
from eobench_dash.formats import bigearthnet, imagefolder, npy, paper_json, parquet, rasters, table_csv
from eobench_dash.formats.json_write import write as write_paper_json
from eobench_dash.formats.reader import NO_OPTIONS, DatasetReader, Progress

__all__ = [
    "FILE_SUFFIXES",
    "FORMATS",
    "RASTERS",
    "DatasetReader",
    "Format",
    "Preview",
    "detect",
    "preview",
    "read",
    "write_paper_json",
]

PREVIEW_ROWS = 2000
AUTO = "auto"


@dataclass(frozen=True)
class Format:
    """One way a dataset may lie on disk."""

    name: str
    title: str
    description: str
    looks_like: Callable[[Path], bool]
    reader: Callable[..., DatasetReader]


FORMATS: dict[str, Format] = {
    known.name: known
    for known in (
        Format(
            "bigearthnet",
            "BigEarthNet folders",
            "A patch is a folder with one GeoTIFF a band and its labels as JSON (Sentinel-2, or Sentinel-1 in dB).",
            bigearthnet.looks_like,
            bigearthnet.BigEarthNet,
        ),
        Format(
            "imagefolder",
            "Image folder",
            "One folder a class; images directly below the chosen folder have no label yet.",
            imagefolder.looks_like,
            imagefolder.ImageFolder,
        ),
        Format(
            "paper-json",
            "JSON with features, labels and paths",
            "One object of parallel arrays, a list of records, or one record a line.",
            paper_json.looks_like,
            paper_json.PaperJson,
        ),
        Format(
            "tessera",
            "TESSERA raster",
            "An array (rows, columns, 128) with its scales beside it, or a GeoTIFF of 128 bands; cut into patches.",
            rasters.looks_like_tessera,
            rasters.Tessera,
        ),
        Format(
            "alphaearth",
            "AlphaEarth raster",
            "A GeoTIFF of 64 bands, each pixel a vector; cut into patches.",
            rasters.looks_like_alphaearth,
            rasters.AlphaEarth,
        ),
        Format(
            "npy",
            "NumPy array",
            "One row a patch, one column a number.",
            npy.looks_like_npy,
            npy.Npy,
        ),
        Format(
            "npz",
            "NumPy archive",
            "Arrays called embeddings (or features, vectors, X), labels, ids or paths, lon and lat.",
            npy.looks_like_npz,
            npy.Npz,
        ),
        Format(
            "csv",
            "CSV table",
            "Vectors as numbered columns (f0, f1 …, A00 … A63) or as lists in one column; label, id or path, lon, lat.",
            table_csv.looks_like,
            table_csv.CsvTable,
        ),
        Format(
            "parquet",
            "Parquet or GeoParquet table",
            "Major TOM, Earth Index, Clay, or any table with a column of vectors or numbered columns.",
            parquet.looks_like,
            parquet.ParquetTable,
        ),
    )
}
"""In the order in which ``detect`` tries them."""
RASTERS = frozenset({"alphaearth", "tessera"})
"""Formats that are cut into patches by the import."""
FILE_SUFFIXES = (
    ".json", ".jsonl", ".ndjson", ".npy", ".npz", ".csv", ".tsv", ".parquet", ".geoparquet", ".pq", ".tif", ".tiff",
)  # fmt: skip
"""Files that may be a dataset of their own."""


@dataclass(frozen=True)
class Preview:
    """A first look, bounded in time: counts are those of the rows looked at unless ``complete``."""

    format: str
    total_hint: int | None
    labels: Mapping[str, int]
    samples: tuple[PatchRecord, ...]
    issues: tuple[ImportIssue, ...]
    notes: tuple[str, ...]
    has_vectors: bool
    vector_dim: int | None
    complete: bool
    root: Path = Path()
    params: Mapping[str, Any] = field(default_factory=dict)
    pictures: bool = True
    modality: str | None = None
    origin: str = ""


def detect(path: Path) -> str:
    """The name of the format ``path`` is in. UnreadableDataset where it is missing or like none of them."""
    if not path.exists():
        raise UnreadableDataset(f"There is nothing at {path.name}; check the path.")
    for known in FORMATS.values():
        if known.looks_like(path):
            return known.name
    raise UnreadableDataset(
        f"{path.name} is neither a folder of images nor a file of a known format ({', '.join(FORMATS)}); "
        "name the format if it is one."
    )


def read(
    path: Path,
    *,
    format: str = AUTO,
    root: Path | None = None,
    check_images: bool = True,
    progress: Progress | None = None,
    workdir: Path | None = None,
    options: ImportOptions = NO_OPTIONS,
) -> DatasetReader:
    """A reader of the dataset at ``path``; use it as a context manager.

    ``root`` is the folder that paths start from and may not leave (default: the folder itself, or the JSON's own).
    Without ``check_images`` files are neither looked for nor decoded. ``progress(done, total)`` is called often and may
    raise to cancel. ``workdir`` takes temporary files (default: the system's). ``options``: what the data does not say
    itself. UnreadableDataset for a bad source.
    """
    return _format(path, format).reader(
        path, root=root, check_images=check_images, progress=progress, workdir=workdir, options=options
    )


def preview(
    path: Path,
    *,
    format: str = AUTO,
    limit: int = 24,
    root: Path | None = None,
    workdir: Path | None = None,
    options: ImportOptions = NO_OPTIONS,
) -> Preview:
    """Look at the first PREVIEW_ROWS rows (of every class in turn) and at the pictures of ``limit`` of them."""
    known = _format(path, format)
    asked = {"check_images": False, "sample": PREVIEW_ROWS}
    with known.reader(path, root=root, workdir=workdir, options=options, **asked) as reader:
        records = reader.records()
        looked_at = list(islice(records, PREVIEW_ROWS))
        complete = next(records, None) is None
        report = reader.report()
        hinted = reader.label_hint()
        total = reader.total_hint
        samples = _spread(looked_at, limit)
        pictures = [reader.look(record.path) for record in samples if record.path is not None]
        notes = (*report.notes, *(note for note in reader.band_notes() if note not in report.notes))
        base, params, named = reader.root, reader.source_params(), reader.pictures
        modality, origin = reader.modality, reader.origin()
    complete = complete and (total is None or total <= report.total)
    return Preview(
        format=known.name,
        total_hint=report.total if complete else total,
        labels=dict(report.labels) if hinted is None else dict(hinted),
        samples=samples,
        issues=(*report.issues[:100], *(issue for issue in pictures if issue is not None)),
        notes=notes,
        has_vectors=report.vector_dim is not None,
        vector_dim=report.vector_dim,
        complete=complete,
        root=base,
        params=params,
        pictures=named,
        modality=modality,
        origin=origin.summary if origin is not None else "",
    )


def _format(path: Path, name: str) -> Format:
    name = detect(path) if name == AUTO else name
    if name not in FORMATS:
        raise BadInput(f"There is no format {name[:40]!r}; choose one of: {', '.join([AUTO, *FORMATS])}.")
    return FORMATS[name]


def _spread(records: list[PatchRecord], limit: int) -> tuple[PatchRecord, ...]:
    """At most ``limit`` of the records: of every class (primary label) in turn, spread over the class's rows."""
    groups: dict[str, list[PatchRecord]] = {}
    for record in records:
        groups.setdefault(record.labels[0] if record.labels else "", []).append(record)
    turns = [(turn, name) for name, rows in groups.items() for turn in range(min(limit, len(rows)))]
    chosen = sorted(turns, key=lambda place: place[0])[:limit]
    shares = Counter(name for _, name in chosen)
    return tuple(groups[name][turn * len(groups[name]) // shares[name]] for turn, name in chosen)
