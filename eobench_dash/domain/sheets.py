"""Sprite sheets: a map's patches as small pictures, many to a file. The shape of a sheet, and how its places travel.

Patches lie on sheets in sheet order (``ml.sheets``). A sheet is a square of ``SIDE`` pixels; on one of tile 32 place p
is tile ``p % 1024`` of sheet ``p // 1024``, on one of tile 64 it is tile ``p % 256`` of sheet ``p // 256``; tiles go
row by row. Both levels hold the same order, so a sheet of tile 32 holds four of tile 64.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from eobench_dash.errors import BadInput

MAGIC = b"EOMS"
VERSION = 1
SIDE = 1024
PER_SHEET = {32: 1024, 64: 256}
"""Tile in pixels → tiles of one sheet."""
MEDIA_TYPE = "image/jpeg"
SUFFIX = ".jpg"

_HEADER = struct.Struct("<4sIII")


def check_tile(tile: int) -> int:
    """How many tiles of this size a sheet has; BadInput for sizes that there are not."""
    if tile not in PER_SHEET:
        raise BadInput(f"Thumbnail sheets have tiles of {' or '.join(map(str, PER_SHEET))} pixels.")
    return PER_SHEET[tile]


def sheet_count(rows: int, tile: int) -> int:
    """How many sheets of this tile ``rows`` patches take."""
    return -(-rows // check_tile(tile))


def pack_places(places: NDArray[np.uint32]) -> bytes:
    """Little-endian uint32: EOMS, version 1, n, 1024 (tiles of a sheet of tile 32); then the place of every point."""
    return _HEADER.pack(MAGIC, VERSION, len(places), PER_SHEET[32]) + places.astype("<u4").tobytes()


def unpack_places(data: bytes) -> NDArray[np.uint32]:
    """The places in ``data``; BadInput where it is not what ``pack_places`` writes."""
    if len(data) < _HEADER.size:
        raise BadInput("The places on the sheets are cut short: the header is missing.")
    magic, version, n, per = _HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION or per != PER_SHEET[32] or len(data) != _HEADER.size + 4 * n:
        raise BadInput("These bytes are not places on sheets of a version this program reads.")
    return np.frombuffer(data, "<u4", n, _HEADER.size).astype(np.uint32)
