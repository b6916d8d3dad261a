"""What the nearest neighbours say about each patch: their commonest labels, and how many share its own.

numpy alone and block by block, so that the web process can answer for a million patches in bounded memory.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.labels import NO_LABEL

BLOCK = 65_536
Codes = npt.NDArray[np.uint16]


def label_mix(
    indices: npt.NDArray[np.integer], codes: Codes, *, k: int, top: int = 3
) -> tuple[Codes, npt.NDArray[np.uint8]]:
    """The ``top`` commonest labels among each patch's k nearest neighbours, most common first.

    ``indices`` (m, at least k) holds neighbours nearest first, ``codes`` (n,) labels by patch, m at most n. Of equally
    common labels the one whose nearest member is nearer comes first. Returns codes (m, top), NO_LABEL where there are
    no more, and counts (m, top). Neighbours without a label do not count. k is at most 255.
    """
    found = np.full((len(indices), top), NO_LABEL, dtype=np.uint16)
    counts = np.zeros((len(indices), top), dtype=np.uint8)
    for start, near in _blocks(indices, codes, k):
        votes = np.zeros(near.shape, dtype=np.uint8)
        for i in range(len(near)):
            votes[i] += 1
            for j in range(i):  # each pair once: equal labels vote for each other
                same = near[i] == near[j]
                votes[i] += same
                votes[j] += same
        votes[near == NO_LABEL] = 0
        here = np.arange(near.shape[1])
        stop = start + near.shape[1]
        for place in range(top):
            best = votes.argmax(axis=0)  # the first of equals: neighbours come nearest first
            count, code = votes[best, here], near[best, here]
            found[start:stop, place] = np.where(count > 0, code, NO_LABEL)
            counts[start:stop, place] = count
            votes[near == code] = 0
    return found, counts


def agreement(indices: npt.NDArray[np.integer], codes: Codes, *, k: int) -> npt.NDArray[np.float32]:
    """Share (m,) of each patch's k nearest neighbours that carry its own label; NaN for patches without one.

    Shapes as for ``label_mix``. Neighbours without a label count as not agreeing.
    """
    share = np.empty(len(indices), dtype=np.float32)
    for start, near in _blocks(indices, codes, k):
        own = codes[start : start + near.shape[1]]
        agreeing = (near == own).sum(axis=0, dtype=np.uint8)
        share[start : start + len(own)] = np.where(own == NO_LABEL, np.nan, agreeing / np.float32(max(len(near), 1)))
    return share


def _blocks(indices: npt.NDArray[np.integer], codes: Codes, k: int) -> Iterator[tuple[int, Codes]]:
    """(first row, labels of the neighbours (k, rows)) of each block; neighbour first, so that sums run along rows."""
    for start in range(0, len(indices), BLOCK):
        rows = np.asarray(indices[start : start + BLOCK, :k])
        yield start, codes[np.ascontiguousarray(rows.T)]
