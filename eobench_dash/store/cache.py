"""A bounded disk cache of bytes for what is computed again at will. It may lose anything at any time.

diskcache unpickles what it finds, which runs code for whoever can write the folder (CVE-2025-69872, no fixed release).
So only text keys and bytes values go in or out, a pickled row is refused unopened, and the folder is private.
"""

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import diskcache
from diskcache.core import MODE_BINARY, MODE_RAW

from eobench_dash.store.layout import private_folder

_LOST = (sqlite3.Error, OSError, diskcache.Timeout, TypeError)


class ByteCache:
    """``get`` and ``put`` of bytes under text keys. A broken, full or busy cache is a miss, never an error."""

    def __init__(self, directory: Path, *, size_limit: int = 1 << 30) -> None:
        private_folder(directory)
        self._largest = size_limit // 4
        self._cache = diskcache.Cache(
            str(directory),
            timeout=5,
            disk=_BytesDisk,
            size_limit=size_limit,
            eviction_policy="least-recently-used",
            cull_limit=2,  # of the default 10, a few large values would evict the newest with the rest
        )

    def get(self, key: str) -> bytes | None:
        """The bytes put under ``key``, or None."""
        try:
            value = self._cache.get(key)
        except _LOST:
            return None
        return value if isinstance(value, bytes) else None

    def put(self, key: str, value: bytes) -> None:
        """Keep ``value`` under ``key`` for as long as there is room. TypeError for anything but text and bytes.

        A value above a quarter of the cache's size is not kept: it belongs into a stored artefact.
        """
        if not isinstance(key, str) or not isinstance(value, bytes):
            raise TypeError("The cache holds bytes under text keys.")
        if len(value) > self._largest:
            return
        try:
            self._cache.set(key, value)
        except _LOST:
            return

    def clear(self) -> None:
        """Forget everything."""
        self._cache.clear()

    @property
    def volume(self) -> int:
        """Bytes on disk."""
        return int(self._cache.volume())

    def close(self) -> None:
        """Close the cache's files."""
        self._cache.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _BytesDisk(diskcache.Disk):  # type: ignore[misc]
    """diskcache's storage without its pickle paths."""

    def put(self, key: Any) -> tuple[str, bool]:
        if type(key) is not str:
            raise TypeError("Cache keys are text.")
        return key, True

    def get(self, key: Any, raw: bool) -> str:
        if not raw or type(key) is not str:
            raise TypeError("A pickled key was found in the cache and refused.")
        return key

    def store(self, value: Any, read: bool, key: Any = diskcache.UNKNOWN) -> Any:
        if type(value) is not bytes or read:
            raise TypeError("Cache values are bytes.")
        return super().store(value, False, key=key)

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> bytes:
        if read or mode not in (MODE_RAW, MODE_BINARY):
            raise TypeError("A value that is not plain bytes was found in the cache and refused.")
        if mode == MODE_RAW:
            return value if isinstance(value, bytes) else _refuse()
        if filename is None or ".." in Path(filename).parts or Path(filename).is_absolute():
            _refuse()
        return bytes(super().fetch(mode, filename, value, False))


def _refuse() -> bytes:
    raise TypeError("A cache row was found that this program did not write; refused.")
