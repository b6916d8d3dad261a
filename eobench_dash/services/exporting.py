"""Take a dataset home: the formats, and the writing of one."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset, FeatureSet, Label, Patch, PatchLabel
from eobench_dash.db.queries.datasets import newest_feature_sets
from eobench_dash.domain.importing import PatchRecord
from eobench_dash.domain.people import Principal
from eobench_dash.errors import BadInput, EOBenchError
from eobench_dash.formats.json_write import write as write_paper_json
from eobench_dash.services.access import default_feature_set, visible_dataset
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.features import FeatureArray


@dataclass(frozen=True)
class ExportFormat:
    """One way to take a dataset home."""

    name: str
    title: str
    suffix: str
    mimetype: str
    description: str


EXPORTS: Mapping[str, ExportFormat] = {
    f.name: f
    for f in (
        ExportFormat(
            "paper-json",
            "The paper's JSON",
            ".json",
            "application/json",
            "Features, labels and file paths in one file, as the IGARSS 2021 paper's tool reads them.",
        ),
        ExportFormat(
            "index-csv",
            "Index (CSV)",
            ".csv",
            "text/csv",
            "One row per patch: number, path, label, label at import, place, whether an expert is unsure.",
        ),
    )
}


def export_dataset(
    ws: Workspace, who: Principal, *, dataset_id: int, format: str, out: Path, feature: str | None = None
) -> int:
    """Write the dataset to the file ``out`` (whole or not at all); the number of patches. Excluded ones stay out.

    BadInput for an unknown format, EOBenchError where the file cannot be written.
    """
    if format not in EXPORTS:
        raise BadInput(f"The format {format!r} is not known; use {' or '.join(EXPORTS)}.")
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        try:
            return _WRITERS[format](ws, session, dataset, out, feature)
        except OSError as error:
            raise EOBenchError(f"{out.name} cannot be written: {error.strerror}.") from error


def _paper_json(ws: Workspace, session: Session, dataset: Dataset, out: Path, feature: str | None) -> int:
    features: FeatureSet | None = None
    if feature is not None or session.scalar(newest_feature_sets(dataset.id).limit(1)) is not None:
        features = default_feature_set(session, dataset.id, feature)
    kept = list(
        session.scalars(
            select(Patch.ordinal)
            .where(Patch.dataset_id == dataset.id, Patch.ordinal < dataset.patch_count, ~Patch.excluded)
            .order_by(Patch.ordinal)
        )
    )
    vectors = None
    if features is not None and features.rows >= dataset.patch_count:
        stored = FeatureArray(ws.store.feature_dir(dataset.id, features.folder))
        vectors = _blocks(stored, np.asarray(kept, dtype=np.int64))
    return write_paper_json(_records(session, dataset), vectors, out)


def _blocks(stored: FeatureArray, ordinals: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.float32]]:
    for start in range(0, len(ordinals), 10_000):
        yield stored.take(ordinals[start : start + 10_000])


def _records(session: Session, dataset: Dataset) -> Iterator[PatchRecord]:
    names = {row.id: row.name for row in session.scalars(select(Label).where(Label.dataset_id == dataset.id))}
    further: dict[int, list[str]] = {}
    for ordinal, further_id in session.execute(
        select(PatchLabel.ordinal, PatchLabel.label_id).where(PatchLabel.dataset_id == dataset.id)
    ):
        further.setdefault(ordinal, []).append(names[further_id])
    query = (
        select(Patch.ordinal, Patch.path, Patch.label_id, Patch.lon, Patch.lat)
        .where(Patch.dataset_id == dataset.id, Patch.ordinal < dataset.patch_count, ~Patch.excluded)
        .order_by(Patch.ordinal)
    )
    for ordinal, path, label_id, lon, lat in session.execute(query):
        own = (names[label_id],) if label_id is not None else ()
        more = tuple(name for name in further.get(ordinal, ()) if name not in own)
        yield PatchRecord(path=path, labels=own + more, lon=lon, lat=lat)


def _index_csv(ws: Workspace, session: Session, dataset: Dataset, out: Path, feature: str | None) -> int:
    labels = session.scalars(select(Label).where(Label.dataset_id == dataset.id))
    import pandas as pd  # a second that the web's start does not need

    from eobench_dash.reports.csv import to_csv

    names: dict[int | None, str] = {row.id: row.name for row in labels}
    query = (
        select(Patch.ordinal, Patch.path, Patch.label_id, Patch.imported_label_id, Patch.lon, Patch.lat, Patch.unsure)
        .where(Patch.dataset_id == dataset.id, Patch.ordinal < dataset.patch_count, ~Patch.excluded)
        .order_by(Patch.ordinal)
    )
    rows = [
        (ordinal, path, names.get(label), names.get(imported), lon, lat, unsure)
        for ordinal, path, label, imported, lon, lat, unsure in session.execute(query)
    ]
    columns = ["patch", "path", "label", "imported_label", "lon", "lat", "unsure"]
    table = pd.DataFrame(rows, columns=columns)
    with tempfile.NamedTemporaryFile(dir=out.parent, prefix=".part-", delete=False) as part:
        part.write(to_csv(table))
    Path(part.name).replace(out)
    return len(rows)


_WRITERS: Mapping[str, Callable[[Workspace, Session, Dataset, Path, str | None], int]] = {
    "paper-json": _paper_json,
    "index-csv": _index_csv,
}
