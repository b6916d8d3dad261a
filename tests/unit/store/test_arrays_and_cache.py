"""Stored arrays and the disk cache: nothing is ever unpickled."""

import pickle
import stat
from pathlib import Path

import diskcache
import numpy as np
import pytest

from eobench_dash.errors import EOBenchError, NotFound
from eobench_dash.store import load_array, load_arrays, save_array, save_arrays
from eobench_dash.store.cache import ByteCache

FIRED: list[str] = []


class Trap:
    """Unpickling it leaves a mark."""

    def __reduce__(self) -> tuple[object, ...]:
        return FIRED.append, ("unpickled",)


@pytest.fixture(autouse=True)
def no_trap_fires():
    FIRED.clear()
    yield
    assert FIRED == []


def test_arrays_round_trip(tmp_path: Path) -> None:
    save_arrays(tmp_path / "a.npz", xy=np.eye(3, dtype=np.float32), names=np.array(["ä", "b"]), path=np.int64(7))
    back = load_arrays(tmp_path / "a.npz")
    assert back["xy"].dtype == np.float32 and np.array_equal(back["xy"], np.eye(3))
    assert back["names"].tolist() == ["ä", "b"] and back["path"] == 7
    save_array(tmp_path / "a.npy", np.arange(5))
    mapped = load_array(tmp_path / "a.npy")
    assert isinstance(mapped, np.memmap) and not mapped.flags.writeable and mapped.tolist() == [0, 1, 2, 3, 4]
    assert not isinstance(load_array(tmp_path / "a.npy", mapped=False), np.memmap)


def test_objects_are_not_stored(tmp_path: Path) -> None:
    for call in (lambda: save_arrays(tmp_path / "a.npz", x=np.array([{}])), lambda: save_array(tmp_path / "a", [{}])):
        with pytest.raises(TypeError, match="Python objects"):
            call()
    assert list(tmp_path.iterdir()) == []


def test_objects_are_not_loaded(tmp_path: Path) -> None:
    trap = np.array([Trap()], dtype=object)
    np.savez(tmp_path / "a.npz", x=trap)
    np.save(tmp_path / "a.npy", trap)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Trap()))
    for call, name in ((load_arrays, "a.npz"), (load_array, "a.npy"), (load_array, "b.npy"), (load_arrays, "b.npy")):
        with pytest.raises(EOBenchError, match="damaged"):
            call(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"rubbish"])
def test_damaged_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    for call in (load_arrays, load_array):
        with pytest.raises(EOBenchError, match="damaged"):
            call(tmp_path / "x")
        with pytest.raises(NotFound):
            call(tmp_path / "gone")


def test_cache_round_trip(tmp_path: Path) -> None:
    with ByteCache(tmp_path / "c") as cache:
        for value in (b"", b"small", b"x" * 200_000):
            cache.put("key", value)
            assert cache.get("key") == value
        assert cache.get("other") is None
        cache.clear()
        assert cache.get("key") is None
    assert stat.S_IMODE((tmp_path / "c").stat().st_mode) == 0o700


def test_cache_takes_bytes_under_text_only(tmp_path: Path) -> None:
    with ByteCache(tmp_path / "c") as cache:
        for key, value in (("k", "text"), ("k", {}), (1, b"x"), (("k",), b"x"), ("k", bytearray(b"x"))):
            with pytest.raises(TypeError):
                cache.put(key, value)


def test_cache_is_bounded(tmp_path: Path) -> None:
    with ByteCache(tmp_path / "c", size_limit=1_000_000) as cache:
        for i in range(60):
            cache.put(str(i), bytes(100_000))
        assert cache.volume < 2_000_000
        assert cache.get("59") is not None and cache.get("0") is None
        cache.put("huge", bytes(900_000))
        assert cache.get("huge") is None and cache.get("59") is not None


def test_planted_pickles_are_refused(tmp_path: Path) -> None:
    with diskcache.Cache(str(tmp_path / "c"), disk_min_file_size=1000) as planted:
        planted["row"] = Trap()
        planted["file"] = (Trap(), "x" * 5000)
        planted["text"] = "not bytes"
        planted["bytes"] = b"fine"
    with ByteCache(tmp_path / "c") as cache:
        assert [cache.get(key) for key in ("row", "file", "text", "bytes")] == [None, None, None, b"fine"]


def test_planted_file_names_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    with ByteCache(tmp_path / "c") as cache:
        cache.put("k", b"x" * 100_000)
        for name in ("../secret", str(tmp_path / "secret")):
            cache._cache._sql("UPDATE Cache SET filename = ?", (name,))
            assert cache.get("k") is None


def test_a_lost_file_is_a_miss(tmp_path: Path) -> None:
    with ByteCache(tmp_path / "c") as cache:
        cache.put("k", b"x" * 100_000)
        for path in (tmp_path / "c").rglob("*.val"):
            path.unlink()
        assert cache.get("k") is None
