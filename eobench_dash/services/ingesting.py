"""Cut products into patches: what it will take, and the start of the job that does it."""

import os
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from eobench_dash.db.queries import products as queries
from eobench_dash.domain.datasets import Modality, SourceKind, clean_dataset_name, clean_prose
from eobench_dash.domain.ingesting import MAX_PRODUCTS, IngestEstimate, IngestPlan, IngestReport, check_total, unlike
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.domain.products import ProductInfo, ReadOptions
from eobench_dash.domain.tiling import Grid
from eobench_dash.errors import BadInput, UnsupportedPatch
from eobench_dash.jobs.queue import enqueue
from eobench_dash.ml.features import dimension, find, rates
from eobench_dash.ml.threads import workers
from eobench_dash.services.access import visible_dataset
from eobench_dash.services.importing import confine, new_dataset
from eobench_dash.services.workspace import Workspace

AT_LEAST, FOR_S = 3, 3.0
"""An estimate opens products, without regard to their order, until so many seconds have gone by, and so many at least;
the others are taken to be like them."""
PIXELS_PER_S = 6e6
"""Pixels times bands that are read, cut and measured in a second, before this workspace has ingested anything and so
has a pace of its own: a round number for 8-bit Sentinel-2 pictures in deflated GeoTIFF on two cores. JPEG 2000 takes
several times as long, uncompressed files less."""
ROWS_PER_S = 20_000
ROW_BYTES, SHEET_BYTES = 700, 1000
"""Per patch: its two rows with their indexes (SQLite), and its share of thumbnail sheets."""


def estimate(
    ws: Workspace,
    who: Principal,
    *,
    paths: Sequence[str],
    plan: IngestPlan,
    options: ReadOptions = ReadOptions(),  # noqa: B008 - a frozen value
    only: str | None = None,
    features: Sequence[str] = (),
    clock: Callable[[], float] = time.monotonic,
) -> IngestEstimate:
    """How many patches an ingest will cut, and about how long it takes and how much it stores. Opens a few products.

    ``paths``, ``only``: as for start_ingest. BadInput where none of those opened can be used.
    """
    require(who, Role.BUILDER, what="ingest products")
    from eobench_dash.sentinel.opening import open_product  # rasterio: only where products are read

    deadline = clock() + FOR_S
    found = [path for path, told in _find(ws, paths, only=only).items() if only is None or told in (None, only)]
    seen: dict[Path, tuple[ProductInfo, tuple[Grid, ...]]] = {}
    looked, problem = 0, ""
    for path in sorted(found, key=lambda path: zlib.crc32(str(path).encode(errors="replace"))):
        if looked >= AT_LEAST and clock() >= deadline:
            break
        looked += 1
        try:
            with open_product(path, options=options, unpacked=ws.store.products_dir) as product:
                info = product.info
        except BadInput as error:
            problem = problem or f"{path.name}: {error}"
            continue
        if only is None or info.modality == only:
            seen[path] = info, plan.grids(info)
    if not seen:
        other = f"None of them is {'radar' if only == Modality.SAR else 'optical'}; choose the other kind."
        raise BadInput(f"None of the products looked at can be ingested. {problem or other}")
    share = len(found) / looked
    first = next(seen[path][0] for path in found if path in seen)  # which says what the others have to be like
    fitting = [(info, grids) for info, grids in seen.values() if not unlike(first, info)]
    notes = dict.fromkeys(note for info, _ in fitting for note in info.notes)
    if odd := len(seen) - len(fitting):
        notes[f"{odd:,} of {len(seen):,} products looked at have other bands or units than the first: left out."] = None
    counts: Counter[int] = Counter()
    for _, grids in fitting:
        counts.update({grid.size: grid.count for grid in grids})
    patches = {size: round(count * share) for size, count in counts.items()}
    check_total(sum(patches.values()))
    with ws.db.read() as session:
        pace = session.scalar(queries.newest_ingest_result()) or {}
    return IngestEstimate(
        products=round(len(fitting) * share),
        patches={str(size): count for size, count in patches.items()},
        about=share != 1,
        notes=tuple(notes),
        **_costs(
            first,
            patches,
            pixels=share * sum(info.height * info.width * len(info.bands) for info, _ in fitting),
            rate=pace["pixels"] / pace["seconds"] if pace.get("seconds") and pace.get("pixels") else PIXELS_PER_S,
            features=features,
        ),
    )


def _costs(
    info: ProductInfo, patches: Mapping[int, int], *, pixels: float, rate: float, features: Sequence[str]
) -> dict[str, Any]:
    """Seconds and bytes of products like ``info``. Describing reads each patch once more, at the pace of cutting; what
    is asked for together shares that."""
    total, bands, modality = sum(patches.values()), len(info.bands), info.modality.value
    reading = sum(count * size**2 for size, count in patches.items()) * bands / rate
    seconds, dims = {}, 0
    for kind in features:
        seconds[kind] = reading / len(features) + rates.seconds(
            kind, patches=patches, bands=bands, modality=modality, cores=workers()
        )  # fmt: skip
        with suppress(UnsupportedPatch):  # that it does not fit is said when it is started
            dims += dimension(kind, bands=bands, modality=modality, band_names=info.band_names)
    return {
        "seconds": pixels / rate + total / ROWS_PER_S,
        "feature_seconds": seconds,
        "bytes": total * (ROW_BYTES + SHEET_BYTES + 2 * 4 * dims),  # vectors, and their space
    }


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
    found = find_products(ws, paths, only=only)
    args: dict[str, Any] = {
        "source": SourceKind.PRODUCTS,
        "name": wanted,
        "paths": [str(path) for path in found],
        "root": str(_common_root(ws, found)),
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


def find_products(ws: Workspace, paths: Sequence[str], *, only: str | None = None) -> list[Path]:
    """The real paths of the products at or below ``paths``, each once, in the order of ``paths``, then of their names.

    BadInput where there are none, too many, or radar and optical ones together without a choice (``only``); whether a
    plain raster is one or the other may only be seen when it is opened.
    """
    return list(_find(ws, paths, only=only))


def _find(ws: Workspace, paths: Sequence[str], *, only: str | None) -> dict[Path, Modality | None]:
    """As ``find_products``, with what their names tell of each."""
    from eobench_dash.sentinel.opening import discover  # rasterio: only where products are read

    if not paths:
        raise BadInput("Choose at least one product or a folder of products.")
    found: dict[Path, Modality | None] = {}
    for path in paths:
        for candidate in discover(confine(ws.settings, path)):
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
