"""Which products an ingest cuts: each is looked at, and those that make one dataset are chosen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.importing import clean_relative_path
from eobench_dash.domain.ingesting import IngestPlan, ProductTally, check_total, unlike
from eobench_dash.domain.products import ProductInfo
from eobench_dash.domain.tiling import Grid, cut
from eobench_dash.errors import BadInput, PathRefused
from eobench_dash.jobs.blocks import Pool, run_blocks
from eobench_dash.jobs.handle import JobHandle
from eobench_dash.services.measuring import ProductTask, fingerprint, inspect, told_of
from eobench_dash.store.blocks import BlockFolder


@dataclass(frozen=True)
class Cut:
    """A product that fits the dataset. Its blocks are ``first_block`` and the ``bands`` - 1 after it."""

    task: ProductTask
    path: str
    info: ProductInfo
    fingerprint: str
    grids: tuple[Grid, ...]
    first_block: int
    bands: int

    @property
    def patches(self) -> int:
        """Patches that its grids have."""
        return sum(grid.count for grid in self.grids)


def look_at(
    pool: Pool, tasks: Sequence[ProductTask], folder: BlockFolder, job: JobHandle, *, share: float
) -> list[dict[str, Any]]:
    """What each product says of itself; those that changed since an earlier attempt are asked again."""
    todo = set(folder.missing(len(tasks)))
    for number in range(len(tasks)):
        if number not in todo:
            job.check()
            known = told_of(folder.read(number)).get("fingerprint")
            if known is None or not tasks[number].path.exists() or known != fingerprint(tasks[number].path):
                todo.add(number)
    done = len(tasks) - len(todo)

    def tell() -> None:
        looked = done + sum(folder.written.values()) - before
        job.progress(
            share * looked / len(tasks), f"looking at product {min(looked + 1, len(tasks)):,} of {len(tasks):,}"
        )

    before = sum(folder.written.values())
    job.progress(0.0, f"looking at {len(tasks):,} product{'s' if len(tasks) != 1 else ''}")
    run_blocks(pool, inspect, ((number, tasks[number]) for number in sorted(todo)), folder, tell=tell)
    return [told_of(folder.read(number)) for number in range(len(tasks))]


def choose(
    tasks: Sequence[ProductTask], told: Sequence[dict[str, Any]], *, plan: IngestPlan, only: str | None, root: Path
) -> tuple[list[Cut], list[ProductTally], dict[str, int]]:
    """The products that make one dataset; those that cannot be used, with why; those left out on purpose, by why.

    The first one that can be used says which bands the dataset has.
    """
    names = [task.path.relative_to(root).as_posix() for task in tasks]
    infos = [ProductInfo.from_dict(one["info"]) if "info" in one else None for one in told]
    kinds = Counter(info.modality.value for info in infos if info is not None)
    if only is None and len(kinds) > 1:
        raise BadInput(
            f"These are {kinds['sar']:,} radar and {kinds['optical']:,} optical products; a dataset holds one of both. "
            "Choose one (on the command line: --modality sar or --modality optical)."
        )
    usable: list[Cut] = []
    refused: list[ProductTally] = []
    skipped: Counter[str] = Counter()
    blocks = 0
    for task, name, info, one in zip(tasks, names, infos, told, strict=True):
        if info is None:
            refused.append(ProductTally(path=name, name=task.path.name, error=one["error"]))
        elif why := _misread(name):
            refused.append(ProductTally(path=name, name=info.name, error=why, notes=info.notes))
        elif only is not None and info.modality != only:
            skipped[f"{info.modality} products"] += 1
        elif usable and (other := unlike(usable[0].info, info)):
            refused.append(ProductTally(path=name, name=info.name, error=other, notes=info.notes))
        else:
            try:
                grids = plan.grids(info)
            except BadInput as error:
                refused.append(ProductTally(path=name, name=info.name, error=str(error), notes=info.notes))
                continue
            bands = cut(grids, height=info.height, width=info.width).count if any(grid.count for grid in grids) else 0
            usable.append(Cut(task, name, info, one["fingerprint"], grids, blocks, bands))
            blocks += bands
    if not usable:
        first = refused[0].error if refused else f"None of them is {'radar' if only == Modality.SAR else 'optical'}."
        alone = len(tasks) == 1
        what = f"{names[0]} cannot" if alone else f"None of the {len(tasks):,} products can"
        raise BadInput(f"{what} be ingested. {first}")
    check_total(sum(one.patches for one in usable))
    if not any(one.patches for one in usable):
        raise BadInput(
            f"No patch of this size fits into {usable[0].info.name} or any other product; choose smaller ones."
        )
    return usable, refused, dict(skipped)


def _misread(name: str) -> str:
    """Why patches would not be found by this path again; "" where they will be."""
    try:
        same = clean_relative_path(name) == name
    except PathRefused as error:
        return str(error)
    return "" if same else "A backslash in its name is read as a folder; rename it."
