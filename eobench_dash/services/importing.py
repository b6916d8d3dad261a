"""Look for datasets to import, preview one, start the import, read its report."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset, Job
from eobench_dash.domain.datasets import DatasetState, Modality, SourceKind, clean_dataset_name, clean_prose
from eobench_dash.domain.importing import ImportOptions
from eobench_dash.domain.jobs import JobKind, JobState
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.errors import BadInput, Conflict, NotFound, PathRefused
from eobench_dash.formats import FILE_SUFFIXES, FORMATS, RASTERS, Preview, detect, preview
from eobench_dash.jobs.queue import enqueue
from eobench_dash.services.access import check_seed, visible_dataset
from eobench_dash.services.workspace import Workspace
from eobench_dash.settings import Settings

MAX_SIMULATED = 10_000_000
FORMAT_TITLES: Mapping[str, str] = {known.name: known.title for known in FORMATS.values()}
"""What people call each format."""
CUT_FORMATS = RASTERS
"""Formats that an import cuts into patches: it may be told their size."""


@dataclass(frozen=True)
class Entry:
    """One thing in a folder below the data roots. ``importable``: a folder, or a file of a known format."""

    name: str
    path: str
    is_dir: bool
    importable: bool


def browse(ws: Workspace, who: Principal, *, folder: str | None = None) -> list[Entry]:
    """The data roots (``folder`` None), or what lies in one folder below them; at most 1,000 entries, folders first."""
    require(who, Role.BUILDER, what="look for datasets to import")
    if folder is None:
        return [Entry(root.name or str(root), str(root), True, True) for root in ws.settings.roots if root.is_dir()]
    inside = confine(ws.settings, folder)
    if not inside.is_dir():
        raise NotFound(f"{inside.name} is not a folder.")
    entries = []
    with os.scandir(inside) as found:
        for entry in found:
            if not entry.name.startswith("."):
                is_dir = entry.is_dir()
                known = entry.name.lower().endswith(FILE_SUFFIXES)
                if is_dir or known:
                    entries.append(Entry(entry.name, str(inside / entry.name), is_dir, True))
            if len(entries) >= 1000:
                break
    return sorted(entries, key=lambda e: (not e.is_dir, e.name.casefold()))


def preview_import(ws: Workspace, who: Principal, *, path: str, format: str = "auto") -> Preview:
    """What an import of ``path`` would find, from a bounded look at it."""
    require(who, Role.BUILDER, what="import a dataset")
    inside = confine(ws.settings, path)
    return preview(inside, format=_known_format(inside, format))


def start_import(
    ws: Workspace,
    who: Principal,
    *,
    path: str,
    name: str,
    format: str = "auto",
    append_to: int | None = None,
    modality: str = "optical",
    attribution: str = "",
    images: bool = True,
    follow_up: bool = True,
    options: ImportOptions | None = None,
) -> int:
    """Queue the import of a dataset (or its append to one that exists); the job's id.

    ``images=False`` takes vectors and labels only and looks for no picture; ``follow_up`` queues the default descriptor
    and map after it; ``options``: what the data does not say itself. BadInput, PathRefused and Conflict say what is
    wrong.
    """
    owner = require(who, Role.BUILDER, what="import a dataset")
    inside = confine(ws.settings, path)
    args = {
        "source": SourceKind.FILES,
        "path": str(inside),
        "format": _known_format(inside, format),
        "modality": _modality(modality),
        "attribution": clean_prose(attribution),
        "images": images,
        "follow_up": follow_up,
        "options": (options or ImportOptions()).to_dict(),
    }
    with ws.db.write() as session:
        return _queue(ws, who, session, name=name, args=args, append_to=append_to, owner=owner)


def start_simulation(
    ws: Workspace, who: Principal, *, name: str, modality: str, count: int, seed: int = 0, size: int = 64,
    follow_up: bool = True,
) -> int:  # fmt: skip
    """Queue the making of a simulated dataset of ``count`` patches, ``size`` pixels wide; the job's id."""
    owner = require(who, Role.BUILDER, what="simulate a dataset")
    check_seed(seed)
    if type(count) is not int or not 1 <= count <= MAX_SIMULATED:
        raise BadInput(f"A simulated dataset has 1 to {MAX_SIMULATED:,} patches.")
    if type(size) is not int or not 16 <= size <= 512:
        raise BadInput("Simulated patches are 16 to 512 pixels wide.")
    args = {
        "source": SourceKind.SIMULATED,
        "modality": _modality(modality),
        "params": {"seed": seed, "count": count, "modality": _modality(modality), "size": size},
        "attribution": "Simulated data, made by EO Bench. No satellite measured it.",
        "follow_up": follow_up,
    }
    with ws.db.write() as session:
        return _queue(ws, who, session, name=name, args=args, append_to=None, owner=owner)


def start_download(ws: Workspace, who: Principal, *, name: str = "EuroSAT RGB") -> int:
    """Queue the download of EuroSAT RGB from its record, and its import after it; the job's id."""
    owner = require(who, Role.BUILDER, what="download EuroSAT")
    wanted = clean_dataset_name(name)
    with ws.db.write() as session:
        _check_free(session, wanted)
        busy = select(Job.id).where(Job.kind == JobKind.DOWNLOAD, Job.state.in_([JobState.QUEUED, JobState.RUNNING]))
        if session.scalar(busy.limit(1)) is not None:
            raise Conflict("EuroSAT is being downloaded already; the bar of jobs shows how far it is.")
        return enqueue(
            session, kind=JobKind.DOWNLOAD, title=f"Download {wanted}", args={"name": wanted}, owner_id=owner
        ).id


def import_report(ws: Workspace, who: Principal, *, dataset_id: int) -> Mapping[str, Any]:
    """The report of the dataset's latest import, as ImportReport.to_dict gives it ({} for simulated data)."""
    with ws.db.read() as session:
        return visible_dataset(session, who, ws.settings, dataset_id).import_report


def confine(settings: Settings, path: str) -> Path:
    """The real path below a data root; PathRefused says what to set otherwise, NotFound where nothing is."""
    if path.startswith("/vsi") or "://" in path:
        raise PathRefused("Addresses (URL, /vsi…) are not read; fetch the file and give its path on this machine.")
    try:
        real = Path(os.path.realpath(Path(path or "\0").expanduser(), strict=False))
        exists = real.exists()
    except (ValueError, RuntimeError, OSError) as error:  # NUL and surrogates; ~nobody; a name of 300 letters
        raise PathRefused("Give the path of a folder or a JSON file; this is not one that the system knows.") from error
    if not any(real.is_relative_to(root) for root in settings.roots):
        root = real if real.is_dir() else real.parent
        raise PathRefused(
            f"{real} is not below a folder that may be imported from. "
            f"Add its folder to EOBENCH_DATA_ROOTS (for the server too), for example EOBENCH_DATA_ROOTS={root}."
        )
    if not exists:
        raise NotFound(f"There is nothing at {real}.")
    return real


def new_dataset(
    session: Session,
    *,
    name: str,
    source: SourceKind,
    modality: str,
    owner: int,
    attribution: str,
    instead: str = "choose another name",
) -> Dataset:
    """The row of a dataset that a job will fill. BadInput for a bad name; Conflict, which says what to do ``instead``,
    where another dataset has it."""
    wanted = clean_dataset_name(name)
    _check_free(session, wanted, instead=instead)
    dataset = Dataset(
        name=wanted,
        state=DatasetState.IMPORTING,
        source_kind=source,
        modality=modality,
        simulated=source == SourceKind.SIMULATED,
        created_by=owner,
        attribution=attribution,
    )
    session.add(dataset)
    try:
        session.flush()
    except IntegrityError as error:  # somebody took the name between the look above and this
        raise _taken(wanted, instead) from error
    return dataset


def _check_free(session: Session, name: str, *, instead: str = "choose another name") -> None:
    if session.scalar(select(Dataset.id).where(Dataset.name == name)) is not None:
        raise _taken(name, instead)


def _taken(name: str, instead: str) -> Conflict:
    return Conflict(f"There is already a dataset called {name!r}; {instead}.")


def _known_format(path: Path, format: str) -> str:
    if format != "auto" and format not in FORMATS:
        raise BadInput(f"The format {format!r} is not known; use auto, {', '.join(FORMATS)}.")
    return detect(path) if format == "auto" else format


def _modality(raw: str) -> str:
    try:
        return Modality(raw).value
    except ValueError as error:
        raise BadInput(f"The modality {raw!r} is not known; use optical or sar.") from error


def _queue(
    ws: Workspace,
    who: Principal,
    session: Session,
    *,
    name: str,
    args: dict[str, Any],
    append_to: int | None,
    owner: int,
) -> int:
    if append_to is not None:
        target = visible_dataset(session, who, ws.settings, append_to, lock=True)
        if target.source_kind not in (args["source"], SourceKind.NONE):
            raise Conflict("Only imported datasets can be appended to, not simulated ones or those cut from products.")
        source = Path(args["path"])
        root = source if source.is_dir() else source.parent
        if target.root is not None and Path(target.root) != root:  # the import would find out as well, but later
            raise Conflict(
                f"The images of {target.name} lie below {target.root}. Append what was added there, or import "
                f"{source.name} as a dataset of its own."
            )
        running = select(Job.id).where(
            Job.dataset_id == append_to,
            Job.kind == JobKind.IMPORT,
            Job.state.in_([JobState.QUEUED, JobState.RUNNING]),
        )
        if session.scalar(running.limit(1)) is not None:
            raise Conflict(f"An import into {target.name} is already on its way; wait until it has ended.")
        job = enqueue(
            session,
            kind=JobKind.IMPORT,
            title=f"Append to {target.name}",
            args={**args, "append": True, "name": target.name},
            owner_id=owner,
            dataset_id=target.id,
        )
        return job.id
    dataset = new_dataset(
        session,
        name=name,
        source=args["source"],
        modality=args["modality"],
        owner=owner,
        attribution=args["attribution"],
        instead="choose another name, or append to it",
    )
    job = enqueue(
        session,
        kind=JobKind.IMPORT,
        title=f"Import {dataset.name}",
        args={**args, "append": False, "name": dataset.name},
        owner_id=owner,
        dataset_id=dataset.id,
    )
    return job.id
