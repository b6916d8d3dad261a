"""From the patches kept to rows: places, parents, who shares ground; written, then shown."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import insert

from eobench_dash.db.models import Dataset, Patch, PatchWindow, Product
from eobench_dash.domain.datasets import DatasetState
from eobench_dash.domain.ingesting import FLAGS, IngestPlan, IngestReport, ProductTally, common_notes
from eobench_dash.domain.products import ReadOptions, Window, window_path
from eobench_dash.domain.tiling import parents
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.ml.quality.overlap import Cover, boxes_meet, overlaps
from eobench_dash.services.features import queue_features
from eobench_dash.services.measuring import MEASURED, Arrays
from eobench_dash.services.workspace import Workspace
from eobench_dash.tasks.flag_statistics import FlagStatistics
from eobench_dash.tasks.ingest_keep import KeptPatches
from eobench_dash.tasks.ingest_products import Cut

CHUNK = 5000
_OPEN = 6  # products whose footprints are held at once while others are compared with them


class IngestRows:
    """The last part of an ingest. Call ``write``, then ``finish``."""

    def __init__(self, ws: Workspace, job: JobHandle, dataset_id: int, *, plan: IngestPlan, kept: KeptPatches) -> None:
        self.ws, self.job, self.dataset_id, self.plan, self.kept = ws, job, dataset_id, plan, kept
        self.products, self.first = kept.products, kept.first
        self.statistics = FlagStatistics({name: flag.notable for name, flag in FLAGS.items()})
        self.scales: dict[int, int] = {}
        self._boxes: list[dict[int, npt.NDArray[np.float64]]] = []
        self.corners = lru_cache(maxsize=_OPEN)(self._corners)

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
        counts: Mapping[str, int],
    ) -> None:
        """Show everything, in one transaction. ``counts`` goes into the job's result."""
        first = self.products[0].info
        seconds = round(time.monotonic() - began, 1)
        tallies = tuple(sorted([*self.kept.tallies, *refused], key=lambda tally: tally.path))
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
                "seconds": seconds,
                "feature_jobs": queued,
                **counts,
            }
            self.job.mark_done_in(session, result)

    def _corners(self, number: int) -> dict[int, npt.NDArray[np.float64]]:
        found = self.kept.of(number)
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
        found, one, first = self.kept.of(number), self.products[number], self.first[number]
        count = len(found["scale"])
        rows, cols, sizes, parent, overlap = self._laid(number, found)
        of, likeness = self.kept.repeats[first : first + count], self.kept.likeness[first : first + count]
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
