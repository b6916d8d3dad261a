"""Vectors of a block of patches: a pure function of a value, for threads here and for workers of a cluster elsewhere.

Nothing imported here knows of the database.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.pixels import PixelSpec
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

    ``kinds``: plain descriptor kinds; ``states``: what those that learn have learned. ``batch``: patches in memory at
    once. ``token``: while it stays the same, a worker keeps the dataset's products open between blocks.
    """

    spec: PixelSpec
    first: int
    paths: tuple[str | None, ...]
    kinds: tuple[str, ...]
    states: Mapping[str, State] = field(default_factory=dict)
    batch: int = 256
    token: str = ""


def describe_block(block: PatchBlock) -> dict[str, Vectors]:
    """Kind → vectors (patches, dim) float32, in the order of the patches, computed on one thread.

    PatchUnreadable or BadInput names the patch that cannot be read or described, and says why.
    """
    source = _source(block)
    parts: dict[str, list[Vectors]] = {kind: [] for kind in block.kinds}
    with at_most(1):
        for start in range(0, len(block.paths), block.batch):
            paths = block.paths[start : start + block.batch]
            first = block.first + start
            patches = source.read_masked(range(first, first + len(paths)), paths)
            for kind, vectors in parts.items():
                vectors.append(_describe(kind, patches, block, first=first))
    return {kind: _joined(vectors, block.first, block.batch) for kind, vectors in parts.items()}


def _source(block: PatchBlock) -> PixelSource:
    """The dataset's pixels, kept open by each thread for its next block."""
    key = (block.token, repr(block.spec))
    if getattr(_opened, "key", None) != key:
        _opened.key, _opened.source = key, open_spec(block.spec)
    source: PixelSource = _opened.source
    return source


def _describe(kind: str, patches: Sequence[Masked], block: PatchBlock, *, first: int) -> Vectors:
    """Vectors of patches that may differ in size (but not in bands)."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for i, (pixels, _) in enumerate(patches):
        alike.setdefault((pixels.dtype.str, *pixels.shape), []).append(i)
    result: Vectors | None = None
    for rows in alike.values():
        pixels, nodata = stacked([patches[i] for i in rows])
        try:
            vectors = ml.describe(
                kind, pixels, modality=block.spec.modality, nodata=nodata, band_names=block.spec.band_names,
                state=block.states.get(kind),
            )  # fmt: skip
        except UnsupportedPatch as error:
            raise BadInput(f"Patch {first + rows[0]} cannot be described. {error}") from error
        if result is None:
            result = np.empty((len(patches), vectors.shape[1]), np.float32)
        if vectors.shape[1] != result.shape[1]:
            raise _odd_bands(first + rows[0])
        result[rows] = vectors
    if result is None:
        raise PatchUnreadable("There is no patch to describe.")
    if not (finite := np.isfinite(result).all(axis=1)).all():
        raise BadInput(
            f"Patch {first + int(finite.argmin())} cannot be described by {kind}: its pixels give infinite numbers. "
            "Mark what is not data in it, or leave it out."
        )
    return result


def _joined(parts: list[Vectors], first: int, batch: int) -> Vectors:
    for number, part in enumerate(parts):
        if part.shape[1] != parts[0].shape[1]:
            raise _odd_bands(first + number * batch)
    return np.concatenate(parts)


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
