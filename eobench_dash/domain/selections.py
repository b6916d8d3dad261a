"""A selection of patches that a link can name: which numbers it may hold, and how they are packed."""

import hashlib
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from eobench_dash.errors import BadInput

MAX_SELECTED = 1_000_000
"""The most patches that a saved selection names."""
_U4 = np.dtype("<u4")

Ordinals = NDArray[np.uint32]


def check_ordinals(given: Sequence[int], *, patch_count: int) -> Ordinals:
    """The numbers of 1 to ``MAX_SELECTED`` patches of a dataset, ascending, each once; shape (n,).

    BadInput where there are none or too many, or where one is no patch of the dataset.
    """
    if not 0 < len(given) <= MAX_SELECTED:
        what = "Select some patches first." if not len(given) else f"{len(given):,} patches are too many."
        raise BadInput(f"{what} A selection that is saved holds 1 to {MAX_SELECTED:,} patches.")
    try:
        numbers = np.asarray(given, dtype=np.int64)
    except (OverflowError, TypeError, ValueError) as error:
        raise BadInput("A selection is a list of patch numbers.") from error
    low, high = int(numbers.min()), int(numbers.max())
    if low < 0 or high >= patch_count:
        wrong = low if low < 0 else high
        raise BadInput(f"There is no patch {wrong}: this dataset's patches are 0 to {patch_count - 1}.")
    return np.unique(numbers).astype(_U4)


def pack_ordinals(ordinals: Ordinals) -> bytes:
    """Ascending numbers of shape (n,) as the zlib of their steps: neighbours are often selected together."""
    steps = np.diff(ordinals.astype(_U4), prepend=_U4.type(0)).astype(_U4)
    return zlib.compress(steps.tobytes(), 6)


def unpack_ordinals(packed: bytes) -> Ordinals:
    """What ``pack_ordinals`` packed, shape (n,). BadInput where the bytes are anything else; reads at most 4 MB."""
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(packed, MAX_SELECTED * _U4.itemsize)
    except zlib.error as error:
        raise BadInput("The saved selection cannot be read.") from error
    if not unpacker.eof or unpacker.unused_data or not raw or len(raw) % _U4.itemsize:
        raise BadInput("The saved selection cannot be read.")
    ordinals = np.cumsum(np.frombuffer(raw, dtype=_U4), dtype=np.int64)
    if ordinals[-1] > np.iinfo(_U4).max or (np.diff(ordinals) <= 0).any():
        raise BadInput("The saved selection cannot be read.")
    return ordinals.astype(_U4)


def selection_fingerprint(ordinals: Ordinals) -> str:
    """Equal selections have equal fingerprints: SHA-256 of their numbers, 64 hex digits."""
    return hashlib.sha256(ordinals.astype(_U4).tobytes()).hexdigest()
