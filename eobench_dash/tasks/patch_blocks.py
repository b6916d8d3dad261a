"""How the patches of a dataset are cut into blocks: the same way whenever its rows are the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from sqlalchemy import func, select

from eobench_dash.db.models import Dataset, Patch, PatchWindow, Product
from eobench_dash.domain.datasets import SourceKind
from eobench_dash.domain.products import ProductInfo, ProductKind
from eobench_dash.jobs.block_bounds import PatchRow, banded_blocks, equal_blocks
from eobench_dash.services.workspace import Workspace

SHARES = 16
"""Small datasets are cut into about so many blocks: work for every core."""
TILE_M = {10.0: 10_240, 20.0: 12_800, 60.0: 11_520}
"""Side in metres of the tiles that a Sentinel-2 band of 10, 20, 60 m is compressed in (1024, 640, 192 pixels)."""
BAND = 1024
"""Rows of a band of any other product: whole tiles or strips of any usual size."""


@dataclass(frozen=True)
class PatchBlocks:
    """Block i holds the patches ``bounds[i]`` … ``bounds[i + 1] - 1``. ``tile``: where it is not 0, patches are best
    read in order of (column // tile), so that a tile is decoded once and few are held at once."""

    bounds: tuple[int, ...]
    tile: float = 0.0

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """(first patch, first one that is not in it) of every block."""
        return tuple(pairwise(self.bounds))


def cut_blocks(ws: Workspace, dataset: Dataset, *, first: int, few: int, many: int, light: int) -> PatchBlocks:
    """Blocks of the patches ``first`` and after it, of about ``few`` to ``many`` patches.

    Of products, whole bands (see ``banded_blocks``; one may have up to twice as many). Otherwise all of a size, of no
    more than ``light`` patches if they are so large that a block of more would take too long.
    """
    stop = dataset.patch_count
    share = min(many, -(-(stop - first) // SHARES))
    if dataset.source_kind == SourceKind.PRODUCTS:
        tiles = {id_: _tile(kind, info) for id_, kind, info in _products(ws, dataset.id)}
        rows = _rows(ws, dataset.id, first, {id_: height or BAND for id_, height in tiles.items()})
        bounds = banded_blocks(rows, stop=stop, usual=max(few, share), most=2 * many)
        if bounds[0] == first < stop:
            return PatchBlocks(bounds, max(tiles.values()))
    return PatchBlocks(equal_blocks(first, stop, rows=max(few, min(share, light))))


def _products(ws: Workspace, dataset_id: int) -> list[tuple[int, str, ProductInfo]]:
    with ws.db.read() as session:
        found = session.execute(select(Product.id, Product.kind, Product.info).where(Product.dataset_id == dataset_id))
        return [(id_, kind, ProductInfo.from_dict(info)) for id_, kind, info in found]


def _tile(kind: str, info: ProductInfo) -> float:
    """Side in pixels of the reading grid of a product's tiles, those of its finest band, which are the most; 0 where
    it is not known to be compressed in tiles."""
    own = min((band.resolution for band in info.bands if band.resolution), default=None)
    if kind not in {ProductKind.S2_L1C, ProductKind.S2_L2A} or own not in TILE_M or not info.pixel_size:
        return 0.0
    return TILE_M[own] / info.pixel_size[1]


def _rows(ws: Workspace, dataset_id: int, first: int, bands: dict[int, float]) -> Iterator[PatchRow]:
    """Rows of patches from ``first`` on: a few for each hundred patches, so that all of an archive can be held."""
    window = PatchWindow
    query = (
        select(func.min(window.ordinal), func.count(), window.product_id, window.size, window.row)
        .where(window.dataset_id == dataset_id, window.ordinal >= first)
        .group_by(window.product_id, window.size, window.row)
        .order_by(func.min(window.ordinal))
    )
    with ws.db.read() as session:
        for start, count, product, size, row in session.execute(query).all():
            yield PatchRow(start, count, product, (size, int(row // bands[product])))


def paths_of(ws: Workspace, dataset_id: int, start: int, stop: int) -> tuple[str | None, ...]:
    """The paths of the patches ``start`` … ``stop - 1``."""
    with ws.db.read() as session:
        here = Patch.dataset_id == dataset_id, Patch.ordinal >= start, Patch.ordinal < stop
        return tuple(session.scalars(select(Patch.path).where(*here).order_by(Patch.ordinal)))
