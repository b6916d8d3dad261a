"""How long a raster file has to be by its own directory: longer than it is, and its copy was broken off."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Of the types of TIFF fields."""
_OFFSETS, _LENGTHS = (273, 324), (279, 325)
_MAX_ENTRIES = 4096
_MAX_BLOCKS = 20_000_000


def least_length(path: Path, driver: str) -> int:
    """The least bytes that the file should have (0: its directory does not tell). OSError where it cannot be read."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if driver == "GTiff":
            return max(_tiff(file, size), default=0)
        if driver == "JP2OpenJPEG":
            return max(_boxes(file, size), default=0)
    return 0


def ends(path: Path, driver: str) -> bool:
    """Whether the file ends as pictures of its kind do (TIFFs have no end of their own)."""
    mark = {"PNG": b"IEND", "JPEG": b"\xff\xd9", "JP2OpenJPEG": b"\xff\xd9"}.get(driver, b"")
    with path.open("rb") as file:
        file.seek(-min(64, file.seek(0, 2)), 2)
        return mark in file.read()


def _tiff(file: BinaryIO, size: int) -> Iterator[int]:
    """Ends of the first directory, of its values, and of the blocks that it names."""
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = 43 in head[2:4]
    yield 16 if big else 8
    if size < 16:
        return
    (start,) = struct.unpack(order + ("Q" if big else "I"), head[8:16] if big else head[4:8])
    head_size, entry_size = (8, 20) if big else (2, 12)
    yield start + head_size
    if start + head_size > size:
        return
    file.seek(start)
    (count,) = struct.unpack(order + ("Q" if big else "H"), file.read(head_size))
    yield start + head_size + min(count, _MAX_ENTRIES) * entry_size
    entries = file.read(min(count, _MAX_ENTRIES) * entry_size)
    places: dict[int, np.ndarray] = {}
    for at in range(0, len(entries) - entry_size + 1, entry_size):
        tag, kind, number = struct.unpack_from(order + ("HHQ" if big else "HHI"), entries, at)
        room = 8 if big else 4
        length = number * _BYTES.get(kind, 1)
        where = at + entry_size - room
        inline = length <= room
        (target,) = struct.unpack_from(order + ("Q" if big else "I"), entries, where)
        if not inline:
            yield target + length
        if tag in _OFFSETS + _LENGTHS and kind in (3, 4, 16) and number <= _MAX_BLOCKS:
            if inline:
                data = entries[where : where + length]
            elif target + length <= size:
                file.seek(target)
                data = file.read(length)
            else:
                continue
            places[tag] = np.frombuffer(data, dtype=f"{order}u{_BYTES[kind]}").astype(np.float64)
    for first, second in zip(_OFFSETS, _LENGTHS, strict=True):
        if first in places and second in places and len(places[first]) == len(places[second]) > 0:
            yield int((places[first] + places[second])[places[second] > 0].max(initial=0))


def _boxes(file: BinaryIO, size: int) -> Iterator[int]:
    """Ends of the boxes of a JPEG 2000 file."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        if at == 0 and head[4:8] != b"jP  ":
            return  # a bare codestream
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if length == 0:  # the rest of the file
            return
        at += max(length, 8)
        yield at
    if at < size:
        yield at + 8
