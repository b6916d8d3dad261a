"""From measured blocks to rows: what is kept, which patch repeats which, who shares ground; written, then shown."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import insert

from eobench_dash.db.models import Dataset, Patch, PatchWindow, Product
from eobench_dash.domain.datasets import DatasetState
from eobench_dash.domain.ingesting import (
    FLAGS,
    OUTSIDE,
    IngestPlan,
    IngestReport,
    ProductTally,
    common_notes,
)
from eobench_dash.domain.products import ReadOptions, Window, window_path
from eobench_dash.domain.tiling import parents
from eobench_dash.errors import BadInput
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml.quality.likeness import exact_repeats, near_repeats
from eobench_dash.ml.quality.overlap import Cover, boxes_meet, overlaps
from eobench_dash.services.features import queue_features
from eobench_dash.services.measuring import MEASURED, Arrays, failure
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.blocks import BlockFolder
from eobench_dash.tasks.flag_statistics import FlagStatistics
from eobench_dash.tasks.ingest_products import Cut

CHUNK = 5000
_LIGHT = ("scale", "content", "look", "mean", "deviation")
_OPEN = 6  # products whose footprints are held at once while others are compared with them


class IngestRows:
    """The last part of an ingest. Call ``gather``, ``write`` and ``finish``, in this order."""

    def __init__(
        self, ws: Workspace, job: JobHandle, dataset_id: int, *, plan: IngestPlan, folder: BlockFolder
    ) -> None:
        self.ws, self.job, self.dataset_id, self.plan, self.folder = ws, job, dataset_id, plan, folder
        self.products: list[Cut] = []
        self.kept: list[npt.NDArray[np.bool_]] = []
        self.first: list[int] = []
        self.tallies: list[ProductTally] = []
        self.statistics = FlagStatistics({name: flag.notable for name, flag in FLAGS.items()})
        self.scales: dict[int, int] = {}
        self._boxes: list[dict[int, npt.NDArray[np.float64]]] = []
        self.corners = lru_cache(maxsize=_OPEN)(self._corners)

    def gather(self, usable: Sequence[Cut]) -> None:
        """Decide which patches are kept, and find those that repeat others."""
        light: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in _LIGHT}
        refusals: list[dict[str, int]] = []
        for one in usable:
            self.job.check()
            found, broken = self._load(one)
            if broken:
                self.tallies.append(ProductTally(one.path, one.info.name, error=broken, notes=one.info.notes))
                continue
            keep, refused = self._within_limits(found)
            if outside := int(found["outside"].sum()):
                refused[OUTSIDE] = outside
            self.products.append(one)
            self.kept.append(keep)
            refusals.append(refused)
            for name in _LIGHT:
                light[name].append(found[name][keep])
        joined = {name: np.concatenate(parts) for name, parts in light.items()} if self.products else {}
        if self.products:
            self._find_repeats(joined, refusals)
        for one, keep, refused in zip(self.products, self.kept, refusals, strict=True):
            kept = int(keep.sum())
            self.tallies.append(
                ProductTally(one.path, one.info.name, patches=kept, refused=refused, notes=one.info.notes)
            )
        if not any(tally.patches for tally in self.tallies):
            raise BadInput(_nothing_left(self.tallies))
        self.first = np.cumsum([0, *(int(keep.sum()) for keep in self.kept)]).tolist()

    def write(self, *, low: float, high: float) -> None:
        """Write the rows of every product, out of everybody's sight; ``low`` to ``high`` is this part of the job."""
        self._boxes = [self._box(number) for number in range(len(self.products))]
        total = self.first[-1]
        for number, one in enumerate(self.products):
            product_id: int | None = None
            for rows, windows in self._chunks(number):
                with self.ws.db.write() as session:
                    self.job.fence(session)
                    if product_id is None:
                        product = self._product(one, number)
                        session.add(product)
                        session.flush()
                        product_id = product.id
                    session.execute(insert(Patch), rows)
                    session.execute(insert(PatchWindow), [{**row, "product_id": product_id} for row in windows])
                done = rows[-1]["ordinal"] + 1
                self.job.progress(low + (high - low) * done / total, f"writing {done:,} of {total:,} patches")

    def finish(
        self,
        *,
        refused: Sequence[ProductTally],
        skipped: dict[str, int],
        root: Path,
        options: ReadOptions,
        began: float,
    ) -> None:
        """Show everything, in one transaction."""
        first = self.products[0].info
        seconds = round(time.monotonic() - began, 1)
        tallies = tuple(sorted([*self.tallies, *refused], key=lambda tally: tally.path))
        report = IngestReport(
            products=tallies,
            flags=self.statistics.told(),
            scales={str(size): count for size, count in self.scales.items()},
            skipped=skipped,
            notes=common_notes([one.info.notes for one in self.products]),
            seconds=seconds,
            plan={**self.plan.to_dict(), "options": options.to_dict()},
        )
        with self.ws.db.write() as session:
            self.job.fence(session)
            dataset = session.get_one(Dataset, self.dataset_id, with_for_update=True)
            dataset.state = DatasetState.READY
            dataset.patch_count = self.first[-1]
            dataset.root = str(root)
            dataset.modality = first.modality.value
            dataset.source_params = {
                "options": options.to_dict(),
                "bands": list(first.band_names),
                "unit": first.unit.value,
            }
            dataset.labels_revision += 1
            dataset.import_report = report.to_dict()
            mapped = self.job.args["features"][: 1 if self.job.args["map"] else 0]
            queued = [
                queue_features(session, dataset, kind=kind, owner=self.job.owner_id, follow_up=kind in mapped)
                for kind in self.job.args["features"]
            ]
            result = {
                "dataset_id": self.dataset_id,
                "imported": self.first[-1],
                "products": len(self.products),
                "cut": sum(tally.cut for tally in tallies),
                "pixels": sum(one.info.height * one.info.width * len(one.info.bands) for one in self.products),
                "seconds": seconds,
                "feature_jobs": queued,
            }
            self.job.mark_done_in(session, result)

    # -- deciding --
    def _load(self, one: Cut) -> tuple[Arrays, str]:
        """A product's patches by scale, then number; and why it broke, if it did."""
        bands = [self.folder.read(one.first_block + band) for band in range(one.bands)]
        broken = next((failure(band) for band in bands if failure(band)), "")
        if broken or not bands:
            return {}, broken or "No patch of this size fits into it."
        outside = np.sum([band["outside"] for band in bands], axis=0)
        names = [name for name in bands[0] if name != "outside"]
        found = {name: np.concatenate([band[name] for band in bands]) for name in names}
        order = np.lexsort((found["number"], found["scale"]))
        return {**{name: values[order] for name, values in found.items()}, "outside": outside}, ""

    def _within_limits(self, found: Arrays) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
        """A patch is counted under the first limit that it breaks."""
        keep = np.ones(len(found["scale"]), bool)
        refused: dict[str, int] = {}
        for name in MEASURED:
            if (most := self.plan.limits.get(name)) is not None:
                over = keep & (found[name] > np.float32(most))  # NaN is never over
                if count := int(over.sum()):
                    refused[name] = count
                keep &= ~over
        return keep, refused

    def _find_repeats(self, light: dict[str, npt.NDArray[Any]], refusals: list[dict[str, int]]) -> None:
        """Which patch repeats which, as numbers among all kept; patches over the limit on it are refused."""
        count = len(light["scale"])
        of, likeness = exact_repeats(light["content"]), np.zeros(count, np.float32)
        likeness[of >= 0] = 1
        for scale in np.unique(light["scale"]):
            here = np.flatnonzero((light["scale"] == scale) & (of < 0))
            near, alike = near_repeats(light["look"][here], light["mean"][here], light["deviation"][here])
            some = near >= 0
            of[here[some]], likeness[here[some]] = here[near[some]], np.minimum(alike[some], np.float32(0.999))
        most = self.plan.limits.get("duplicate")
        keep = np.ones(count, bool) if most is None else likeness <= np.float32(most)
        while (dangling := (of >= 0) & ~keep[np.maximum(of, 0)]).any():  # the one it repeats was refused itself
            of[dangling] = of[of[dangling]]
        likeness[of < 0] = 0
        new = np.cumsum(keep) - 1
        self._of = np.where(of >= 0, new[np.maximum(of, 0)], -1)[keep]
        self._likeness = likeness[keep]
        start = 0
        for kept, refused in zip(self.kept, refusals, strict=True):
            places = np.flatnonzero(kept)
            lost = places[~keep[start : start + len(places)]]
            start += len(places)
            kept[lost] = False
            if len(lost):
                refused["duplicate"] = len(lost)

    # -- writing --
    def _kept(self, number: int) -> Arrays:
        found, _ = self._load(self.products[number])
        keep = self.kept[number]
        return {name: values[keep] for name, values in found.items() if name != "outside"}

    def _corners(self, number: int) -> dict[int, npt.NDArray[np.float64]]:
        found = self._kept(number)
        return {int(scale): found["corners"][found["scale"] == scale] for scale in np.unique(found["scale"])}

    def _box(self, number: int) -> dict[int, npt.NDArray[np.float64]]:
        """Per scale the box around a product's patches, as one footprint; scales without a place are left out."""
        boxes = {}
        for scale, corners in self.corners(number).items():
            if len(corners) and np.isfinite(corners).all():
                lon, lat = corners[:, 0::2], corners[:, 1::2]
                lon = np.where(lon < 0, lon + 360, lon) if np.ptp(lon) > 180 else lon
                west, south, east, north = lon.min(), lat.min(), lon.max(), lat.max()
                boxes[scale] = np.array([[west, north, east, north, east, south, west, south]])
        return boxes

    def _chunks(self, number: int) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
        found, one, first = self._kept(number), self.products[number], self.first[number]
        count = len(found["scale"])
        rows, cols, sizes, parent, overlap = self._laid(number, found)
        of, likeness = self._of[first : first + count], self._likeness[first : first + count]
        flags = {name: found[name] for name in MEASURED} | {"duplicate": likeness, "overlap": overlap}
        self.statistics.add(flags)
        placed = np.isfinite(np.concatenate([found["corners"], found["lonlat"]], axis=1)).all(axis=1)
        for start in range(0, count, CHUNK):
            span = range(start, min(start + CHUNK, count))
            patches, windows = [], []
            for i in span:
                row, col, size, ordinal = int(rows[i]), int(cols[i]), int(sizes[i]), first + i
                lon, lat = found["lonlat"][i].tolist() if placed[i] else (None, None)
                patches.append(
                    {
                        "dataset_id": self.dataset_id,
                        "ordinal": ordinal,
                        "path": window_path(one.path, Window(row, col, size, size)),
                        "lon": lon,
                        "lat": lat,
                        "unsure": False,
                        "excluded": False,
                    }
                )
                windows.append(
                    {
                        "dataset_id": self.dataset_id,
                        "ordinal": ordinal,
                        "size": size,
                        "row": row,
                        "col": col,
                        "parent": None if parent[i] < 0 else int(parent[i]),
                        "content_hash": found["content"][i].tobytes().hex(),
                        "corners": found["corners"][i].astype("<f8").tobytes() if placed[i] else None,
                        "duplicate_of": None if of[i] < 0 else int(of[i]),
                        **{name: None if np.isnan(values[i]) else float(values[i]) for name, values in flags.items()},
                    }
                )
            yield patches, windows

    def _laid(self, number: int, found: Arrays) -> tuple[npt.NDArray[Any], ...]:
        """(row, col, size, parent's ordinal, overlap) of a product's patches."""
        one, first = self.products[number], self.first[number]
        rows, cols, sizes = (np.zeros(len(found["scale"]), np.int32) for _ in range(3))
        parent, overlap = np.full(len(rows), -1, np.int64), np.zeros(len(rows), np.float32)
        for scale, grid in enumerate(one.grids):
            here = np.flatnonzero(found["scale"] == scale)
            if not len(here):
                continue
            self.job.check()
            numbers = found["number"][here]
            rows[here], cols[here] = numbers // grid.cols * grid.stride, numbers % grid.cols * grid.stride
            sizes[here] = grid.size
            self.scales[grid.size] = self.scales.get(grid.size, 0) + len(here)
            if scale:
                above = np.flatnonzero(found["scale"] == scale - 1)
                wanted = parents(grid, one.grids[scale - 1], rows[here], cols[here])
                at = np.minimum(np.searchsorted(found["number"][above], wanted), max(len(above) - 1, 0))
                if len(above):
                    known = found["number"][above][at] == wanted
                    parent[here[known]] = first + above[at[known]]
            overlap[here] = overlaps(
                found["corners"][here],
                Cover(rows[here], cols[here], grid.size),
                rows[here],
                cols[here],
                self._neighbours(number, scale),
            )
        return rows, cols, sizes, parent, overlap

    def _neighbours(self, number: int, scale: int) -> Callable[[], Iterator[npt.NDArray[np.float64]]]:
        """Footprints, product by product, of this scale's patches of products that share ground with this one."""
        mine = self._boxes[number].get(scale)
        others = [
            other
            for other, boxes in enumerate(self._boxes)
            if mine is not None and other != number and scale in boxes and boxes_meet(mine, boxes[scale])
        ]
        return lambda: (self.corners(other)[scale] for other in others)

    def _product(self, one: Cut, number: int) -> Product:
        return Product(
            dataset_id=self.dataset_id,
            path=one.path,
            name=one.info.name[:200],
            kind=one.info.kind.value,
            height=one.info.height,
            width=one.info.width,
            first=self.first[number],
            patch_count=self.first[number + 1] - self.first[number],
            fingerprint=one.fingerprint,
            info=one.info.to_dict(),
            sensed_at=one.info.sensed_at,
        )


def _nothing_left(tallies: Sequence[ProductTally]) -> str:
    """Why no patch is kept."""
    broken = [tally for tally in tallies if tally.error]
    if len(broken) == len(tallies):
        return f"None of the products could be ingested. {broken[0].name}: {broken[0].error}"
    reasons = IngestReport(products=tuple(tallies)).refused
    told = ", ".join(
        f"{count:,} {FLAGS[name].refusal if name in FLAGS else 'outside of the area'}"
        for name, count in reasons.items()
    )
    return f"Every patch was refused ({told}). Loosen the limits or choose another area."
