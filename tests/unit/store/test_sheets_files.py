"""Sheets as files: what is drawn where, and what is kept."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from eobench_dash.domain.sheets import pack_places, sheet_count, unpack_places
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.store.layout import Store
from eobench_dash.store.sheets import SheetFolder, draw_coarse, draw_fine, missing_tile, tile_of


def pixels(sheet: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(sheet)) as image:
        assert image.size == (1024, 1024)
        return np.asarray(image).astype(int)


def colour(number: int) -> np.ndarray:
    """Far enough from each other's to survive JPEG."""
    return np.array([number % 4 * 80, number // 4 % 4 * 80, number // 16 % 4 * 80])


def plain(number: int) -> np.ndarray:
    return np.broadcast_to(colour(number).astype(np.uint8), (64, 64, 3)).copy()


def test_every_tile_lies_at_its_place_on_both_kinds_of_sheet() -> None:
    fine = [draw_fine([plain(i + 7 * sheet) for i in range(256 if sheet < 3 else 10)]) for sheet in range(4)]
    for sheet, drawn in enumerate(fine):
        seen = pixels(drawn).reshape(16, 64, 16, 64, 3).swapaxes(1, 2).reshape(256, 64, 64, 3)
        for i in range(256 if sheet < 3 else 10):
            assert abs(seen[i, 2:-2, 2:-2] - colour(i + 7 * sheet)).max() < 12, (sheet, i)
    coarse = pixels(draw_coarse(fine)).reshape(32, 32, 32, 32, 3).swapaxes(1, 2).reshape(1024, 32, 32, 3)
    for place in [*range(0, 768, 13), 768, 777]:
        assert abs(coarse[place, 2:-2, 2:-2] - colour(place % 256 + 7 * (place // 256))).max() < 14, place


def test_tiles_do_not_run_into_each_other() -> None:
    black, white = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)
    drawn = pixels(draw_fine([black if (i + i // 16) % 2 else white for i in range(256)]))
    seen = drawn.reshape(16, 64, 16, 64, 3).swapaxes(1, 2).reshape(256, 64, 64, 3)
    for i in range(256):
        assert seen[i].min() >= 250 if (i + i // 16) % 2 == 0 else seen[i].max() <= 5


@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 32), (100, 50), (3, 200), (1, 1), (500, 500)])
def test_a_picture_of_any_size_becomes_a_tile(height: int, width: int) -> None:
    tile = tile_of(np.full((height, width, 3), 200, np.uint8))
    assert tile.shape == (64, 64, 3)
    inner = (max(round(64 * height / max(height, width)), 1), max(round(64 * width / max(height, width)), 1))
    assert (tile[..., 0] == 200).sum() == inner[0] * inner[1] and (tile[31, 31] == 200).all()


def test_the_tile_of_a_missing_picture_says_so() -> None:
    tile = missing_tile()
    assert tile.shape == (64, 64, 3) and tile.dtype == np.uint8
    assert len(np.unique(tile)) == 2 and (tile[32, 32] != tile[2, 2]).all()


@given(st.lists(st.integers(0, 2**32 - 1), max_size=50))
def test_places_survive_the_way(places: list[int]) -> None:
    assert unpack_places(pack_places(np.array(places, dtype=np.uint32))).tolist() == places


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(data: bytes) -> None:
    if not data.startswith(b"EOMS"):
        with pytest.raises(BadInput):
            unpack_places(data)
    with pytest.raises(BadInput):
        unpack_places(pack_places(np.arange(3, dtype=np.uint32))[:-1])


def test_how_many_sheets() -> None:
    assert [sheet_count(n, 64) for n in (0, 1, 256, 257)] == [0, 1, 1, 2] and sheet_count(1025, 32) == 2
    with pytest.raises(BadInput, match="32 or 64"):
        sheet_count(5, 48)


def test_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = SheetFolder(Store(tmp_path), 1, "a" * 32)
    assert folder.order() is None and folder.read(64, 0) is None and not folder.has(64, 0)
    folder.keep_order(np.arange(5, dtype=np.uint32))
    folder.keep(64, 0, b"sheet")
    assert folder.read(64, 0) == b"sheet" and folder.has(64, 0) and folder.order().tolist() == [0, 1, 2, 3, 4]
    assert {p.stat().st_mode & 0o777 for p in folder.path.rglob("*") if p.is_dir()} == {0o700}


def test_nothing_comes_back_of_a_deleted_dataset(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = SheetFolder(store, 1, "a" * 32)
    folder.keep_order(np.arange(5, dtype=np.uint32))
    store.remove_dataset(1)
    with pytest.raises(NotFound, match="deleted"):
        folder.keep(64, 0, b"sheet")
    assert not list((tmp_path / "datasets").rglob("*"))


def test_room_is_made_from_the_maps_longest_not_looked_at(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folders = [SheetFolder(store, 1, key * 32) for key in "abc"]
    for age, folder in zip((30, 10, 20), folders, strict=True):
        folder.keep_order(np.arange(1, dtype=np.uint32))
        folder.keep(64, 0, bytes(1000))
        os.utime(folder.path, (1_000_000 - age, 1_000_000 - age))
    folders[0].touch()
    new = SheetFolder(store, 1, "d" * 32)
    new.make_room(1000, limit=3500)
    assert [f.has(64, 0) for f in folders] == [True, True, False]
    new.make_room(10_000, limit=3500)
    assert not any(f.has(64, 0) for f in folders)
