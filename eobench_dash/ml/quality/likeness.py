"""Patches that are equal, and patches that are nearly equal."""

import hashlib
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Hashes = npt.NDArray[np.uint64]
WITHIN = 3
"""Bits in which the perceptual hashes of near duplicates differ at most, of 64."""
_BAND_BITS = 16
_LOOK_AHEAD = 8
_LEVEL = 0.1
"""By how much of the larger one mean and deviation of near duplicates differ at most: the hash forgets both."""
_FLAT = 1e-6


def content_hashes(values: npt.NDArray[Any], nodata: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """BLAKE2b-128 of type, shape and pixels of each patch of (n, bands, h, w); (n, 16) uint8.

    Pixels without data count as zero whatever they hold, so that equal patches are equal whatever filled their gaps.
    """
    if nodata.any():
        values = np.where(nodata[:, None], values.dtype.type(0), values)
    made = []
    for patch in values:
        told = hashlib.blake2b(f"{values.dtype.str}{values.shape[1:]}".encode(), digest_size=16)
        told.update(np.ascontiguousarray(patch).data)
        made.append(told.digest())
    return np.frombuffer(b"".join(made), np.uint8).reshape(len(values), 16)


def perceptual_hashes(plane: Floats) -> Hashes:
    """64 bits that stay nearly the same for a little noise, compression or brightness; planes (n, h, w) → (n,) uint64.

    Zauner 2010, "Implementation and benchmarking of perceptual image hash functions", DCT hash: the discrete cosine
    transform's 8 × 8 coefficients of lowest frequency but the first row and column, each 1 where above their median.
    """
    down, across = _cosines(plane.shape[1]), _cosines(plane.shape[2])
    low = np.einsum("uh,nhv->nuv", down, plane @ across.T, optimize=True).reshape(len(plane), 64)
    bits = low > np.median(low, axis=1, keepdims=True)
    packed: Hashes = np.packbits(bits, axis=1).view(">u8").reshape(-1).astype(np.uint64)
    return packed


@cache
def _cosines(size: int) -> Floats:
    angles = np.pi / size * (np.arange(size) + 0.5) * np.arange(1, 9)[:, None]
    made: Floats = (np.cos(angles) * np.sqrt(2 / size)).astype(np.float32)
    return made


def exact_repeats(hashes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """For each patch the first one of equal content hash (n, 16) before it, -1 where it is the first; (n,)."""
    keys = np.ascontiguousarray(hashes).view([("high", "<u8"), ("low", "<u8")]).reshape(-1)
    order = np.argsort(keys, kind="stable")
    fresh = np.ones(len(keys), bool)
    fresh[1:] = keys[order][1:] != keys[order][:-1]
    first = order[np.maximum.accumulate(np.where(fresh, np.arange(len(keys)), 0))] if len(keys) else order
    repeats = np.full(len(keys), -1, np.int64)
    repeats[order] = np.where(fresh, -1, first)
    return repeats


def near_repeats(hashes: Hashes, mean: Floats, deviation: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """For each patch the most alike one before it (-1: none) and their likeness (0 where none); both (n,).

    Likeness: the share of equal bits of perceptual hashes that differ in WITHIN bits at most, of patches whose mean and
    deviation are alike too. Found in sorted order of the hashes turned by 0, 16, 32 and 48 bits (Manku, Jain and Das
    Sarma 2007, "Detecting near-duplicates for web crawling"): of four parts of 16 bits one is equal where at most three
    bits differ. Each is compared with the next few that share that part, so a crowd of thousands costs no more; in such
    a crowd some likenesses are missed. O(n log n) time, about 100 bytes a patch.
    """
    count = len(hashes)
    best = np.full(count, WITHIN + 1, np.int16)
    found = np.full(count, -1, np.int64)
    usable = np.flatnonzero(deviation > _FLAT * np.maximum(np.abs(mean), 1))
    kept = hashes[usable]
    for turn in range(0, 64, _BAND_BITS):
        turned = (kept << np.uint64(turn)) | (kept >> np.uint64(64 - turn)) if turn else kept
        order = np.argsort(turned, kind="stable")
        ordered, at = turned[order], usable[order]
        part = ordered >> np.uint64(64 - _BAND_BITS)
        for ahead in range(1, min(_LOOK_AHEAD, len(at) - 1) + 1):
            differ = np.bitwise_count(ordered[ahead:] ^ ordered[:-ahead]).astype(np.int16)
            pair = np.flatnonzero((differ <= WITHIN) & (part[ahead:] == part[:-ahead]))
            one, other = at[pair], at[pair + ahead]
            alike = _alike(mean, one, other, deviation) & _alike(deviation, one, other, deviation)
            _keep_best(best, found, np.minimum(one, other)[alike], np.maximum(one, other)[alike], differ[pair][alike])
    likeness = np.where(found >= 0, 1 - best / np.float32(64), 0).astype(np.float32)
    return found, likeness


def _alike(
    value: Floats, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], scale: Floats
) -> npt.NDArray[np.bool_]:
    """Whether two values differ by little of the larger one, or of the larger deviation."""
    largest = np.maximum(np.maximum(np.abs(value[one]), np.abs(value[other])), np.maximum(scale[one], scale[other]))
    close: npt.NDArray[np.bool_] = np.abs(value[one] - value[other]) <= _LEVEL * largest
    return close


def _keep_best(
    best: npt.NDArray[np.int16],
    found: npt.NDArray[np.int64],
    first: npt.NDArray[np.int64],
    later: npt.NDArray[np.int64],
    differ: npt.NDArray[np.int16],
) -> None:
    """Of several pairs with the same later patch the one that differs least, then the earliest."""
    order = np.lexsort((first, differ, later))
    later, first, differ = later[order], first[order], differ[order]
    foremost = np.ones(len(later), bool)
    foremost[1:] = later[1:] != later[:-1]
    later, first, differ = later[foremost], first[foremost], differ[foremost]
    better = (differ < best[later]) | ((differ == best[later]) & (first < found[later]))
    best[later[better]], found[later[better]] = differ[better], first[better]
