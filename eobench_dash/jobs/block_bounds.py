"""Where blocks of patches begin: equal shares of a dataset, or whole bands of its products.

A product stored in compressed tiles is decoded by the tile. A block that ends in the middle of a row of tiles has them
decoded once more for whoever computes the next block; so blocks of such a dataset are bands of patch rows.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class PatchRow(NamedTuple):
    """Patches in a row of a product, which are ordinals in a row: the first one's ordinal, how many, and the band
    (a row of tiles, of one scale) that they begin in."""

    first: int
    patches: int
    product: int
    band: tuple[int, int]


def equal_blocks(first: int, stop: int, *, rows: int) -> tuple[int, ...]:
    """Bounds of blocks of ``rows`` patches (the last one may be smaller): block i is bounds[i] … bounds[i + 1] - 1."""
    return (*range(first, stop, rows), stop)


def banded_blocks(rows: Iterable[PatchRow], *, stop: int, usual: int, most: int) -> tuple[int, ...]:
    """Bounds of blocks that end where bands do. ``rows`` rise by ordinal and leave none out up to ``stop``.

    Bands are put together up to ``usual`` patches. A band of more is a block by itself, and is cut, between rows, only
    where it has more than ``most``. A block holds patches of several products only if it holds all that ``rows`` have
    of each of them.
    """
    bounds: list[int] = []
    size, whole = 0, False  # of the block that is being made; whole: it consists of whole products so far
    for pieces in _products(rows, most=most):
        total = sum(count for _, count in pieces)
        together = whole and size + total <= usual
        for number, (start, count) in enumerate(pieces):
            if bounds and (together or number) and size + count <= usual:
                size += count
            else:
                bounds.append(start)
                size = count
                whole = number == 0
    return (*bounds, stop)


def _products(rows: Iterable[PatchRow], *, most: int) -> Iterator[list[tuple[int, int]]]:
    """For each product its bands in turn as (first, count): those of more than ``most`` patches in pieces."""
    pieces: list[tuple[int, int]] = []
    last: PatchRow | None = None
    for row in rows:
        if last is not None and row.product != last.product:
            yield pieces
            pieces = []
        same = last is not None and (row.product, row.band) == (last.product, last.band)
        for first in range(row.first, row.first + row.patches, most):
            count = min(most, row.first + row.patches - first)
            if same and pieces[-1][1] + count <= most:
                pieces[-1] = (pieces[-1][0], pieces[-1][1] + count)
            else:
                pieces.append((first, count))
            same = True
        last = row
    if pieces:
        yield pieces
