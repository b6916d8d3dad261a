"""Describe a dataset's patches by a model of the user's own: the model is kept in the workspace, a job runs it."""

import hashlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from eobench_dash.domain.datasets import SourceKind
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.jobs.queue import enqueue_once
from eobench_dash.ml.encoder import MAX_MODEL_BYTES
from eobench_dash.services.access import visible_dataset
from eobench_dash.services.workspace import Workspace

KIND = "onnx"


def start_encoding(
    ws: Workspace,
    who: Principal,
    *,
    dataset_id: int,
    model: Path,
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
) -> tuple[int, str]:
    """Queue the describing of every patch by the ONNX file ``model``; (the job's id, the name of the features).

    For whoever has a shell on the workspace: ``model`` is any file that the process may read. It is copied into the
    workspace, so that the job can be run again. BadInput says what is wrong.
    """
    owner = require(who, Role.BUILDER, what="compute features")
    name = re.sub("[^a-z0-9]+", "-", model.stem.casefold()).strip("-") or "model"
    kind = f"{KIND}-{name[:35]}".rstrip("-")
    with ws.db.read() as session:
        dataset = visible_dataset(session, who, ws.settings, dataset_id)
        if dataset.source_kind == SourceKind.NONE:
            raise BadInput(
                "This dataset came without images, so nothing can be computed from them; use its own vectors."
            )
    digest = _keep(model, ws.settings.home / "models")
    args = {"kind": kind, "model": digest, "file": model.name[:120], "mean": [*mean], "std": [*std]}
    title = f"Describe {dataset.name} ({kind})"
    with ws.db.write() as session:
        job = enqueue_once(session, kind=JobKind.ENCODE, title=title, args=args, owner_id=owner, dataset_id=dataset_id)
        return job.id, kind


def model_path(ws: Workspace, digest: str) -> Path:
    """Where the workspace keeps a model."""
    return ws.settings.home / "models" / f"{digest}.onnx"


def _keep(model: Path, folder: Path) -> str:
    """Copy the model into the workspace under the hash of its bytes; the hash."""
    if not model.is_file():
        raise NotFound(f"There is no model file at {model}.")
    if model.stat().st_size > MAX_MODEL_BYTES:
        raise BadInput(f"The model is larger than {MAX_MODEL_BYTES >> 30} GB.")
    with model.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:32]
    kept = folder / f"{digest}.onnx"
    if not kept.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        shutil.copyfile(model, part)
        part.replace(kept)
    return digest
