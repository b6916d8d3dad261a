"""What an ingest will take: patches, time and disk, told from a few of its products."""

import math
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eobench_dash.db.queries import products as queries
from eobench_dash.domain.areas import Area
from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.ingesting import IngestEstimate, IngestPlan, check_total, unlike
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.domain.products import ProductInfo, ReadOptions
from eobench_dash.domain.tiling import Grid, windows
from eobench_dash.errors import BadInput, UnsupportedPatch
from eobench_dash.ml.features import dimension, rates
from eobench_dash.ml.threads import workers
from eobench_dash.services.ingesting import check_fit, find_products
from eobench_dash.services.workspace import Workspace

if TYPE_CHECKING:
    from eobench_dash.sentinel.product import Product

AT_LEAST, FOR_S = 3, 3.0
"""An estimate opens products, without regard to their order, until so many seconds have gone by, and so many at least;
the others are taken to be like them."""
PIXELS_PER_S = 6e6
"""Pixels times bands that are read, cut and measured in a second, before this workspace has ingested enough and so
has a pace of its own: a round number for 8-bit Sentinel-2 pictures in deflated GeoTIFF on two cores. JPEG 2000 takes
several times as long, uncompressed files less."""
PACED, PACED_PIXELS = 20, 10e6
"""The newest so many ingests of at least so many pixels times bands tell the pace: a smaller one takes as long as its
start-up does."""
TESTED = 50_000
"""Of more patches than these near an area of interest, so many tell how many lie inside."""
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

    ``paths``, ``only``, ``features``: as for start_ingest. BadInput where none of those opened can be used, no patch of
    them lies in the area of interest, or a descriptor does not fit them.
    """
    require(who, Role.BUILDER, what="ingest products")
    from eobench_dash.sentinel.opening import open_product  # rasterio: only where products are read

    deadline = clock() + FOR_S
    found = [path for path, told in find_products(ws, paths, only=only).items() if only is None or told in (None, only)]
    seen: dict[Path, tuple[ProductInfo, list[_Scale]]] = {}
    looked, problem = 0, ""
    for path in sorted(found, key=lambda path: zlib.crc32(str(path).encode(errors="replace"))):
        if looked >= AT_LEAST and clock() >= deadline:
            break
        looked += 1
        try:
            with open_product(path, options=options, unpacked=ws.store.products_dir) as product:
                info = product.info
                if only is None or info.modality == only:
                    seen[path] = info, _scales(product, plan)
        except BadInput as error:
            problem = problem or f"{path.name}: {error}"
    if not seen:
        other = f"None of them is {'radar' if only == Modality.SAR else 'optical'}; choose the other kind."
        raise BadInput(f"None of the products looked at can be ingested. {problem or other}")
    share = len(found) / looked
    first = next(seen[path][0] for path in found if path in seen)  # which says what the others have to be like
    for kind in features:
        check_fit(kind, first.modality, bands=first.band_names)
    fitting = [(info, scales) for info, scales in seen.values() if not unlike(first, info)]
    notes = dict.fromkeys(note for info, _ in fitting for note in info.notes)
    if odd := len(seen) - len(fitting):
        notes[f"{odd:,} of {len(seen):,} products looked at have other bands or units than the first: left out."] = None
    laid = [scale for _, scales in fitting for scale in scales]
    if any(scale.cut for scale in laid) and not any(scale.inside for scale in laid):
        if looked == len(found):
            raise BadInput(
                "No patch of these products lies in the area of interest, so none would be kept. Choose another area, "
                "or products that it lies in."
            )
        notes[f"None of the {looked:,} products looked at has a patch in the area of interest; others may."] = None
    patches, lengths = _counted(laid, share)
    check_total(sum(patches.values()))
    with ws.db.read() as session:
        paces = session.execute(queries.ingest_paces(pixels=PACED_PIXELS, limit=PACED)).all()
    took = sum(seconds for _, seconds in paces)
    return IngestEstimate(
        products=round(len(fitting) * share),
        patches={str(size): count for size, count in patches.items()},
        lengths=lengths,
        about=share != 1 or not all(scale.exact for scale in laid),
        notes=tuple(notes),
        **_costs(
            first,
            patches,
            pixels=share * sum(_pixels_read(info, scales) for info, scales in fitting),
            rate=sum(pixels for pixels, _ in paces) / took if took else PIXELS_PER_S,
            features=features,
        ),
    )


@dataclass(frozen=True)
class _Scale:
    """A scale of a product: ``length`` is the size as asked for. Of ``cut`` patches ``inside`` lie in the area."""

    length: str
    size: int
    cut: int
    inside: int
    exact: bool = True


def _scales(product: "Product", plan: IngestPlan) -> list[_Scale]:
    asked = plan.lengths(product.info)
    return [
        _Scale(str(asked[grid.size]), grid.size, grid.count, *_inside(product, plan.area, grid))
        for grid in plan.grids(product.info)
    ]


def _inside(product: "Product", area: Area | None, grid: Grid) -> tuple[int, bool]:
    """How many patches the ingest will not refuse as outside of the area (see measuring), and whether that is exact."""
    if area is None:
        return grid.count, True
    corners = np.array([corner for ring in area.rings for corner in ring])
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = [np.empty((0, 2))]
    for first in range(0, grid.count, TESTED):
        rows, cols = windows(grid, first, min(first + TESTED, grid.count))
        places = product.lonlat(rows + grid.size / 2, cols + grid.size / 2)
        near.append(places[((places >= low) & (places <= high)).all(axis=1)])
    places = np.concatenate(near)
    every = math.ceil(len(places) / TESTED) or 1
    some = int(area.holds(*places[::every].T).sum())
    if every > 1 and some:
        return some * every, False
    return (some if every == 1 else int(area.holds(*places.T).sum())), True  # none is said of all of them only


def _counted(scales: Sequence[_Scale], share: float) -> tuple[dict[int, int], dict[str, dict[str, int]]]:
    """Patches by size in pixels, and by the size as asked for, then in pixels; largest first."""
    patches: Counter[int] = Counter()
    lengths: dict[str, Counter[int]] = {}
    for scale in sorted(scales, key=lambda scale: -scale.size):
        patches[scale.size] += scale.inside
        lengths.setdefault(scale.length, Counter())[scale.size] += scale.inside
    return (
        {size: round(count * share) for size, count in patches.items()},
        {length: {str(size): round(n * share) for size, n in counts.items()} for length, counts in lengths.items()},
    )


def _pixels_read(info: ProductInfo, scales: Sequence[_Scale]) -> float:
    """Pixels times bands of a product that are read: what lies outside of the area of interest is not."""
    cut = sum(scale.cut for scale in scales)
    return info.height * info.width * len(info.bands) * sum(scale.inside for scale in scales) / max(cut, 1)


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
        with suppress(UnsupportedPatch):  # bands that it cannot do with: its job says so
            dims += dimension(kind, bands=bands, modality=modality, band_names=info.band_names)
    return {
        "seconds": pixels / rate + total / ROWS_PER_S,
        "feature_seconds": seconds,
        "bytes": total * (ROW_BYTES + SHEET_BYTES + 2 * 4 * dims),  # vectors, and their space
    }
