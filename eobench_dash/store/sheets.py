"""Sprite sheets as files, and how one is drawn from pictures. Sheets are JPEG.

Measured on sheets of real patches: 3 ms to encode against WebP's 24 at its quickest, 4 ms to decode against 9, closer
to the original at the same quality, a third more bytes. Its blocks of 16 pixels end where tiles end, so no tile runs
into its neighbour.
"""

import io
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from eobench_dash.domain.sheets import PER_SHEET, SIDE, SUFFIX
from eobench_dash.errors import NotFound
from eobench_dash.store.arrays import load_array, save_array
from eobench_dash.store.atomic import atomic_file
from eobench_dash.store.layout import Id, Store
from eobench_dash.store.render import Rgb, encode

FINE, COARSE = 64, 32
QUALITY = 82
KEEP_BYTES = 2 << 30
"""Sheets of one dataset, all its maps together; beyond that those of the maps longest not looked at are removed."""
PREFIX = "sheets-"

_GREY, _MARK = 118, 168


class SheetFolder:
    """The sheets of one map, each whole or not there. ``order.npy``: the ordinal of the patch at every place."""

    def __init__(self, store: Store, dataset_id: Id, key: str) -> None:
        self.path = store.artefact_path(dataset_id, f"{PREFIX}{key}", "")

    def order(self) -> npt.NDArray[np.uint32] | None:
        """Ordinals in sheet order, (n,) memory-mapped; None where they are not made yet."""
        file = self.path / "order.npy"
        return load_array(file) if file.exists() else None

    def keep_order(self, ordinals: npt.NDArray[np.uint32]) -> None:
        """Store the ordinals in sheet order."""
        self._make(self.path)
        save_array(self.path / "order.npy", ordinals)

    def read(self, tile: int, number: int) -> bytes | None:
        """A sheet, or None where it is not made yet."""
        try:
            return self._file(tile, number).read_bytes()
        except FileNotFoundError:
            return None

    def has(self, tile: int, number: int) -> bool:
        """Whether the sheet is there."""
        return self._file(tile, number).exists()

    def keep(self, tile: int, number: int, sheet: bytes) -> None:
        """Store a sheet."""
        file = self._file(tile, number)
        self._make(file.parent)
        with atomic_file(file) as part:
            part.write(sheet)

    def touch(self) -> None:
        """The map has been looked at."""
        with suppress(FileNotFoundError):  # sheets of another map have been given the room meanwhile
            os.utime(self.path)

    def make_room(self, needed: int, *, limit: int = KEEP_BYTES) -> None:
        """Remove sheets of the dataset's other maps, those longest not looked at first, until ``needed`` bytes fit."""
        folders = [f for f in self.path.parent.glob(f"{PREFIX}*") if f.is_dir() and f != self.path]
        sizes = {f: sum(sheet.stat().st_size for sheet in f.rglob("*") if sheet.is_file()) for f in folders}
        taken = sum(sizes.values()) + needed
        for folder in sorted(folders, key=lambda f: f.stat().st_mtime):
            if taken <= limit:
                return
            shutil.rmtree(folder, ignore_errors=True)
            taken -= sizes[folder]

    @staticmethod
    def _make(folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except FileNotFoundError:  # not made again: nothing is to be left of a deleted dataset
            raise NotFound("The dataset of these thumbnails has been deleted, or its map changed.") from None

    def _file(self, tile: int, number: int) -> Path:
        return self.path / str(int(tile)) / f"{int(number)}{SUFFIX}"


def tile_of(rgb: Rgb) -> Rgb:
    """A picture as a tile (64, 64, 3): the longer side fits, the rest is black; small ones are enlarged unblurred."""
    height, width = rgb.shape[:2]
    if (height, width) == (FINE, FINE):
        return rgb
    scale = FINE / max(height, width)
    inner = (max(round(width * scale), 1), max(round(height * scale), 1))
    how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    tile = Image.new("RGB", (FINE, FINE))
    tile.paste(Image.fromarray(rgb).resize(inner, how), ((FINE - inner[0]) // 2, (FINE - inner[1]) // 2))
    return np.asarray(tile)


def missing_tile() -> Rgb:
    """What stands for a patch without a readable picture: a crossed-out grey square (64, 64, 3)."""
    row, column = np.indices((FINE, FINE))
    inside = (np.minimum(row, column) >= 18) & (np.maximum(row, column) < FINE - 18)
    cross = inside & ((abs(row - column) <= 2) | (abs(row + column - FINE + 1) <= 2))
    return np.where(cross[..., None], np.uint8(_MARK), np.uint8(_GREY)).repeat(3, axis=2)


def draw_fine(tiles: Sequence[Rgb]) -> bytes:
    """A sheet of tile 64 from up to 256 tiles, row by row; what they leave is grey."""
    side = SIDE // FINE
    sheet = np.full((side, side, FINE, FINE, 3), _GREY, dtype=np.uint8)
    if tiles:
        sheet.reshape(-1, FINE, FINE, 3)[: len(tiles)] = np.stack(tiles)
    return encode(np.ascontiguousarray(sheet.swapaxes(1, 2).reshape(SIDE, SIDE, 3)), kind="JPEG", quality=QUALITY)


def draw_coarse(fine: Sequence[bytes]) -> bytes:
    """A sheet of tile 32 from the up to four sheets of tile 64 that hold the same places."""
    half, rows = SIDE // 2, SIDE // FINE
    tiles = np.full((PER_SHEET[COARSE], COARSE, COARSE, 3), _GREY, dtype=np.uint8)
    for number, sheet in enumerate(fine):
        with Image.open(io.BytesIO(sheet), formats=("JPEG",)) as image:
            image.draft("RGB", (half, half))  # the decoder halves as it goes, block by block
            pixels = np.asarray(image.convert("RGB").resize((half, half), Image.Resampling.BOX))
        apart = pixels.reshape(rows, COARSE, rows, COARSE, 3).swapaxes(1, 2).reshape(-1, COARSE, COARSE, 3)
        tiles[number * len(apart) : (number + 1) * len(apart)] = apart
    side = SIDE // COARSE
    sheet_pixels = tiles.reshape(side, side, COARSE, COARSE, 3).swapaxes(1, 2).reshape(SIDE, SIDE, 3)
    return encode(np.ascontiguousarray(sheet_pixels), kind="JPEG", quality=QUALITY)
