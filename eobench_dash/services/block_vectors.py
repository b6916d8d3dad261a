"""Vectors of a block of patches: a pure function of a value, for threads here and for workers of a cluster elsewhere.

Nothing imported here knows of the database.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.pixels import PixelSpec
from eobench_dash.domain.products import split_window
from eobench_dash.errors import BadInput, PatchUnreadable, UnsupportedPatch
from eobench_dash.ml import features as ml
from eobench_dash.ml.threads import at_most
from eobench_dash.services.pixels import Masked, PixelSource, open_spec

Vectors = npt.NDArray[np.float32]
State = Mapping[str, npt.NDArray[np.generic]]
_opened = threading.local()


@dataclass(frozen=True)
class PatchBlock:
    """Patches ``first`` … ``first + len(paths) - 1`` of a dataset, and what is to be computed of them.

    ``kinds``: plain descriptor kinds; ``also``: further ones, left out where they cannot describe these patches.
    ``states``: what those that learn have learned. ``batch``: patches in memory at once. ``tile``: where pixels are
    compressed in tiles, how many columns one has. ``token``: while it stays the same, a worker keeps the dataset's
    products open between blocks.
    """

    spec: PixelSpec
    first: int
    paths: tuple[str | None, ...]
    kinds: tuple[str, ...]
    also: tuple[str, ...] = ()
    states: Mapping[str, State] = field(default_factory=dict)
    batch: int = 256
    tile: float = 0.0
    token: str = ""


def describe_block(block: PatchBlock) -> dict[str, Vectors]:
    """Kind → vectors (patches, dim) float32, in the order of the patches, computed on one thread.

    PatchUnreadable or BadInput names the patch that cannot be read or described, and says why.
    """
    made: dict[str, Vectors] = {}
    failed: set[str] = set()
    with at_most(1):
        for places, patches in batches(block):
            for kind in (*block.kinds, *block.also):
                try:
                    if kind not in failed:
                        put(made, kind, _describe(kind, patches, block, places), block=block, places=places)
                except BadInput:
                    if kind in block.kinds:
                        raise
                    failed.add(kind)
    return {kind: vectors for kind, vectors in made.items() if kind not in failed}


def batches(block: PatchBlock) -> Iterator[tuple[list[int], list[Masked]]]:
    """(places in the block, patches there), a bounded number at once.

    Patches stored in tiles come tile by tile, from the left: one that is decoded is not needed again later.
    """
    source = _source(block)
    order = list(range(len(block.paths)))
    if block.tile:
        order.sort(key=[_column(path) // block.tile for path in block.paths].__getitem__)
    for start in range(0, len(order), block.batch):
        places = order[start : start + block.batch]
        yield places, source.read_masked([block.first + i for i in places], [block.paths[i] for i in places])


def _column(path: str | None) -> int:
    try:
        return split_window(path or "")[1].col
    except BadInput:  # reading it says what is wrong
        return 0


def put(made: dict[str, Vectors], kind: str, vectors: Vectors, *, block: PatchBlock, places: Sequence[int]) -> None:
    """Put the vectors of some patches where they belong among those of the block."""
    if kind not in made:
        made[kind] = np.empty((len(block.paths), vectors.shape[1]), np.float32)
    if vectors.shape[1] != made[kind].shape[1]:
        raise _odd_bands(block.first + places[0])
    made[kind][places] = vectors


def _source(block: PatchBlock) -> PixelSource:
    """The dataset's pixels, kept open by each thread for its next block."""
    key = (block.token, repr(block.spec))
    if getattr(_opened, "key", None) != key:
        _opened.key, _opened.source = key, open_spec(block.spec)
    source: PixelSource = _opened.source
    return source


def alike(patches: Sequence[Masked]) -> list[list[int]]:
    """Places of patches of one type and shape, for each there is."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, (pixels, _) in enumerate(patches):
        groups.setdefault((pixels.dtype.str, *pixels.shape), []).append(i)
    return list(groups.values())


def _describe(kind: str, patches: Sequence[Masked], block: PatchBlock, places: Sequence[int]) -> Vectors:
    """Vectors of patches that may differ in size (but not in bands)."""
    result: Vectors | None = None
    for rows in alike(patches):
        pixels, nodata = stacked([patches[i] for i in rows])
        try:
            vectors = ml.describe(
                kind, pixels, modality=block.spec.modality, nodata=nodata, band_names=block.spec.band_names,
                state=block.states.get(kind),
            )  # fmt: skip
        except UnsupportedPatch as error:
            raise BadInput(f"Patch {block.first + places[rows[0]]} cannot be described. {error}") from error
        if result is None:
            result = np.empty((len(patches), vectors.shape[1]), np.float32)
        if vectors.shape[1] != result.shape[1]:
            raise _odd_bands(block.first + places[rows[0]])
        result[rows] = vectors
    if result is None:
        raise PatchUnreadable("There is no patch to describe.")
    if not (finite := np.isfinite(result).all(axis=1)).all():
        raise BadInput(
            f"Patch {block.first + places[int(finite.argmin())]} cannot be described by {kind}: its pixels give "
            "infinite numbers. Mark what is not data in it, or leave it out."
        )
    return result


def _odd_bands(ordinal: int) -> BadInput:
    return BadInput(
        f"Patch {ordinal} has another number of bands than the others. One descriptor needs patches with the same "
        "bands; import them as two datasets."
    )


def stacked(patches: Sequence[Masked]) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.bool_] | None]:
    """Patches of one shape as (n, bands, H, W), and their masks (n, H, W): None where no patch has one."""
    pixels = np.stack([values for values, _ in patches])
    if all(nodata is None for _, nodata in patches):
        return pixels, None
    nothing = np.zeros(pixels.shape[2:], np.bool_)
    return pixels, np.stack([nothing if nodata is None else nodata for _, nodata in patches])
