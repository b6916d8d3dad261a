"""Exports as files with a checksum: made once for a state of the dataset, then served until the dataset changes."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset, utc_now
from eobench_dash.db.queries import annotations, datasets
from eobench_dash.domain.people import Principal
from eobench_dash.errors import BadInput, Conflict
from eobench_dash.services.access import visible_dataset
from eobench_dash.services.exporting import EXPORTS, ExportFormat, export_dataset
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.atomic import atomic_file

_TRIES = 3


@dataclass(frozen=True)
class PreparedExport:
    """An export that lies ready. ``sha256`` in hex, ``size`` in bytes; ``patches`` is how many it holds."""

    path: Path
    filename: str
    mimetype: str
    size: int
    sha256: str
    patches: int
    made_at: datetime


def find_export(ws: Workspace, who: Principal, *, dataset_id: int, format: str) -> PreparedExport | None:
    """The export that lies ready, if it is of the dataset as it is now. BadInput for an unknown format."""
    kind = _known(format)
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        path, name = _path(ws, session, dataset, kind), dataset.name
    return _read(path, kind, name)


def prepare_export(ws: Workspace, who: Principal, *, dataset_id: int, format: str) -> PreparedExport:
    """The export that lies ready, made first where there is none. Conflict where labels keep changing meanwhile."""
    kind = _known(format)
    for _ in range(_TRIES):
        if (found := find_export(ws, who, dataset_id=dataset_id, format=format)) is not None:
            return found
        with ws.db.read() as session:
            before = _path(ws, session, visible_dataset(session, who, ws.settings, dataset_id), kind)
        patches, part = _make(ws, who, dataset_id, kind)
        with ws.db.read() as session:
            after = _path(ws, session, visible_dataset(session, who, ws.settings, dataset_id), kind)
        if after == before:
            _keep(part, before, patches)
        ws.store.sweep_tmp(part.parent.name)
    raise Conflict("Labels are being changed just now, so the export would be of no one state. Try again in a minute.")


def _make(ws: Workspace, who: Principal, dataset_id: int, kind: ExportFormat) -> tuple[int, Path]:
    """Write the export into a scratch folder of its own (two people may ask at once): patches, file."""
    scratch = ws.store.tmp(f"export-{uuid4().hex}")
    part = scratch / f"export{kind.suffix}"
    try:
        # The one place where a service calls another: an export is a reading, and commits nothing.
        return export_dataset(ws, who, dataset_id=dataset_id, format=kind.name, out=part), part
    except BaseException:
        ws.store.sweep_tmp(scratch.name)
        raise


def _known(format: str) -> ExportFormat:
    if format not in EXPORTS:
        raise BadInput(f"The format {format!r} is not known; use {' or '.join(EXPORTS)}.")
    return EXPORTS[format]


def _path(ws: Workspace, session: Session, dataset: Dataset, kind: ExportFormat) -> Path:
    """Where the export of the dataset's present state lies: its name says all that the bytes depend on."""
    features = session.scalar(datasets.newest_feature_sets(dataset.id).limit(1))
    newest = session.scalar(annotations.last_event(dataset.id))
    state = [kind.name, dataset.patch_count, newest, dataset.labels_revision, features and features.fingerprint]
    key = hashlib.sha256(json.dumps(state).encode()).hexdigest()[:24]
    return ws.store.artefact_path(dataset.id, f"export-{kind.name}-{key}", kind.suffix)


def _keep(part: Path, path: Path, patches: int) -> None:
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    about = {"sha256": digest, "size": part.stat().st_size, "patches": patches, "made_at": utc_now().isoformat()}
    part.replace(path)
    with atomic_file(_about(path)) as out:
        out.write(json.dumps(about).encode())
    kind = path.name.rsplit("-", 1)[0]
    for old in path.parent.glob(f"{kind}-*"):
        if old.name.split(".")[0] != path.name.split(".")[0]:
            old.unlink(missing_ok=True)


def _read(path: Path, kind: ExportFormat, name: str) -> PreparedExport | None:
    try:
        about = json.loads(_about(path).read_bytes())
        if path.stat().st_size != about["size"]:
            return None
    except FileNotFoundError:
        return None
    return PreparedExport(
        path=path,
        filename=f"{file_stem(name)}{kind.suffix}",
        mimetype=kind.mimetype,
        size=about["size"],
        sha256=about["sha256"],
        patches=about["patches"],
        made_at=datetime.fromisoformat(about["made_at"]),
    )


def _about(path: Path) -> Path:
    return path.with_name(f"{path.name}.about")


def file_stem(name: str) -> str:
    """A dataset's name as the beginning of a file's name: letters, digits, ``.``, ``_`` and ``-`` only."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "dataset"
