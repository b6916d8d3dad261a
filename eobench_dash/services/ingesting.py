"""Cut products into patches: the start of the job that does it, and its report."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eobench_dash.db.models import Dataset
from eobench_dash.domain.datasets import Modality, SourceKind, clean_dataset_name, clean_prose
from eobench_dash.domain.ingesting import MAX_PRODUCTS, IngestPlan, IngestReport
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.domain.products import ReadOptions
from eobench_dash.errors import BadInput
from eobench_dash.jobs.queue import enqueue
from eobench_dash.ml.features import find
from eobench_dash.services.access import visible_dataset
from eobench_dash.services.features import check_kind
from eobench_dash.services.importing import confine, new_dataset
from eobench_dash.services.workspace import Workspace


def start_ingest(
    ws: Workspace,
    who: Principal,
    *,
    paths: Sequence[str],
    name: str,
    plan: IngestPlan,
    options: ReadOptions = ReadOptions(),  # noqa: B008 - a frozen value
    only: str | None = None,
    attribution: str = "",
    features: Sequence[str] = (),
    map_first: bool = True,
) -> int:
    """Queue the ingest of the products at or below ``paths`` as a new dataset; the job's id.

    ``only``: "optical" or "sar", others are left out and counted. ``features``: descriptors to compute afterwards; the
    first one's map follows (``map_first``). BadInput / PathRefused / Conflict say what is wrong.
    """
    owner = require(who, Role.BUILDER, what="ingest products")
    wanted = clean_dataset_name(name)
    if only is not None and only not in set(Modality):
        raise BadInput(f"The modality {only[:20]!r} is not known; use optical or sar.")
    wanted_features = list(dict.fromkeys(find(kind).name for kind in features))
    left_out: list[tuple[str, str]] = []
    found = find_products(ws, paths, only=only, left_out=left_out)
    kinds = {only or kind or options.modality for kind in found.values()}
    if len(kinds) == 1 and (modality := kinds.pop()) in set(Modality):  # else it is known when they are opened
        for kind in wanted_features:
            check_fit(kind, modality, bands=options.bands or ["as the products have them"])
    args: dict[str, Any] = {
        "source": SourceKind.PRODUCTS,
        "name": wanted,
        "paths": [str(path) for path in found],
        "left_out": left_out,
        "root": str(_common_root(ws, list(found))),
        "plan": plan.to_dict(),
        "options": options.to_dict(),
        "only": only,
        "attribution": clean_prose(attribution),
        "features": wanted_features,
        "map": map_first,
    }
    with ws.db.write() as session:
        dataset = new_dataset(
            session,
            name=wanted,
            source=SourceKind.PRODUCTS,
            modality=only or Modality.OPTICAL,
            owner=owner,
            attribution=args["attribution"],
        )
        job = enqueue(
            session,
            kind=JobKind.INGEST,
            title=f"Ingest {wanted}",
            args=args,
            owner_id=owner,
            dataset_id=dataset.id,
        )
        return job.id


def ingest_report(ws: Workspace, who: Principal, *, dataset_id: int) -> IngestReport | None:
    """What the dataset's ingest did; None for a dataset that was not ingested from products."""
    with ws.db.read() as session:
        return IngestReport.from_dict(visible_dataset(session, who, ws.settings, dataset_id).import_report)


def check_fit(kind: str, modality: str, *, bands: Sequence[str]) -> None:
    """BadInput unless a dataset that is still to be cut can be described by it."""
    params = {"bands": list(bands)}
    check_kind(Dataset(source_kind=SourceKind.PRODUCTS, modality=modality, source_params=params), kind)


def find_products(
    ws: Workspace, paths: Sequence[str], *, only: str | None, left_out: list[tuple[str, str]] | None = None
) -> dict[Path, Modality | None]:
    """The real paths of the products at or below ``paths``, each once, in the order of ``paths``, then of their names;
    with what their names tell of each.

    BadInput where there are none, too many, or radar and optical ones together without a choice (``only``); whether a
    plain raster is one or the other may only be seen when it is opened. ``left_out`` gets those that no dataset can
    keep: where each lies, and why.
    """
    from eobench_dash.sentinel.opening import search  # rasterio: only where products are read

    if not paths:
        raise BadInput("Choose at least one product or a folder of products.")
    found: dict[Path, Modality | None] = {}
    for path in paths:
        candidates, unfit = search(confine(ws.settings, path))
        if left_out is not None:
            left_out += [(one.path, one.why) for one in unfit]
        for candidate in candidates:
            found.setdefault(confine(ws.settings, str(candidate.path)), candidate.modality)
        if len(found) > MAX_PRODUCTS:
            raise BadInput(f"These are more than {MAX_PRODUCTS:,} products; ingest them in parts.")
    if not found:
        raise BadInput("No product was found there: no Sentinel-1 or Sentinel-2 folder or zip, and no raster.")
    kinds = Counter(found.values())
    if only is None and kinds[Modality.SAR] and kinds[Modality.OPTICAL]:
        raise BadInput(
            f"These are {kinds[Modality.SAR]:,} radar and {kinds[Modality.OPTICAL]:,} optical products; a dataset "
            "holds one of both. Choose one (on the command line: --modality sar or --modality optical)."
        )
    return found


def _common_root(ws: Workspace, found: Sequence[Path]) -> Path:
    """The folder that holds all products; BadInput where no data root holds it."""
    root = Path(os.path.commonpath([path.parent for path in found]))
    if not any(root.is_relative_to(data) for data in ws.settings.roots):
        raise BadInput(
            "The products of one dataset lie below one data folder; these lie in several. Ingest them one after the "
            "other, or move them together."
        )
    return root
