"""Vectors as NumPy saves them: one array (.npy), or several under names (.npz). Pickled objects are never read.

Rows are read through a memory map; the arrays of an archive are put on disk first (each no longer than its header says,
and only where there is room).
"""

import shutil
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.importing import VectorOrigin
from eobench_dash.errors import UnreadableDataset
from eobench_dash.formats.reader import MAX_ROWS
from eobench_dash.formats.roles import NAMES, VECTOR_NAMES, plain
from eobench_dash.formats.vectors import Block, VectorReader, check_dim, described, finite_rows, rows_at_once

_MEMBER_ROLES: Mapping[str, tuple[str, ...]] = {
    "vector": (*VECTOR_NAMES, "x", "arr_0"),
    "label": (*NAMES["label"], "y"),
    "path": NAMES["path"],
    "id": NAMES["id"],
    "lon": NAMES["lon"],
    "lat": NAMES["lat"],
    "class_names": ("class_names", "label_names", "classnames"),
}
_BROKEN = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError,
    KeyError, OSError,
)  # fmt: skip
_NO_HEADER = (
    ValueError, KeyError, EOFError, OSError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError,
)  # fmt: skip
"""What NumPy raises on the text of a header that is none (it is read as Python's own literals are)."""
MAX_MEMBERS = 1000
COPY = 1 << 20


class Npy(VectorReader):
    """One array (rows, numbers)."""

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        self._vectors = check_vectors(open_array(path, path.name), path.name)

    @property
    def total_hint(self) -> int | None:
        """The rows of the array."""
        return len(self._vectors)

    def origin(self) -> VectorOrigin | None:
        """What the user said, and the kind of number."""
        return described(self._path.name, {"layout": "NumPy array", **_kind(self._vectors)}, self._options.source)

    def _blocks(self) -> Iterator[Block]:
        step = rows_at_once(self._vectors.shape[1])
        for start in range(0, len(self._vectors), step):
            yield Block(finite_rows(self._vectors[start : start + step]))
            self.advance(min(start + step, len(self._vectors)), len(self._vectors))


class Npz(VectorReader):
    """Arrays under names: embeddings (features, vectors, X); labels, ids or paths, lon and lat where they are there."""

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        self._spool = Path(tempfile.mkdtemp(prefix="arrays-", dir=self._workdir))
        try:
            self._arrays = self._take_out()
        except BaseException:
            self.close()
            raise

    @property
    def total_hint(self) -> int | None:
        """The rows of the arrays."""
        return len(self._arrays["vector"])

    def origin(self) -> VectorOrigin | None:
        """What the user said, and the kind of number."""
        facts = {"layout": "NumPy archive", **_kind(self._arrays["vector"])}
        return described(self._path.name, facts, self._options.source)

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._spool, ignore_errors=True)

    def _names_pictures(self) -> bool:
        return "path" in self._arrays

    def _blocks(self) -> Iterator[Block]:
        vectors = self._arrays["vector"]
        step = rows_at_once(vectors.shape[1])
        others = {role: array for role, array in self._arrays.items() if role != "vector"}
        for start in range(0, len(vectors), step):
            rows = slice(start, start + step)
            yield Block(finite_rows(vectors[rows]), {role: _plain(array[rows]) for role, array in others.items()})
            self.advance(min(start + step, len(vectors)), len(vectors))

    def _take_out(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays in use, memory-mapped from files of their own. UnreadableDataset says what is wrong with one."""
        try:
            with zipfile.ZipFile(self._path) as archive:
                found, unused = _members(archive, self._path.name)
                arrays = {role: self._map(archive, role, member) for role, member in found.items()}
        except _BROKEN as error:
            raise UnreadableDataset(
                f"{self._path.name} is damaged or no NumPy archive; save it again with numpy.savez."
            ) from error
        vectors = check_vectors(arrays["vector"], found["vector"])
        if "path" in arrays:
            arrays.pop("id", None)
        names = arrays.pop("class_names", None)
        if names is not None:
            self.class_names = tuple(str(name) for name in _plain(_flat(names, "class_names")[:100_000]))
        if ("lon" in arrays) != ("lat" in arrays):
            self.note("Only one of longitude and latitude is there; the patches have no place.")
            arrays.pop("lon", None), arrays.pop("lat", None)
        for role, array in arrays.items():
            if role != "vector" and len(_flat(array, found[role])) != len(vectors):
                raise UnreadableDataset(
                    f"The array {found[role]!r} has {len(array):,} entries, {found['vector']!r} has {len(vectors):,} "
                    "rows; so rows cannot be told apart."
                )
        self.note("Arrays: " + ", ".join(f"{role} {found[role]!r}" for role in arrays) + ".")
        if unused:
            self.note(f"Passed over: {', '.join(unused)[:200]}.")
        return arrays

    def _map(self, archive: zipfile.ZipFile, role: str, member: str) -> npt.NDArray[Any]:
        target = self._spool / f"{role}.npy"
        with archive.open(f"{member}.npy") as source, target.open("wb") as out:
            length = _checked_length(source, member)
            if length > shutil.disk_usage(self._spool).free // 2:
                raise UnreadableDataset(
                    f"The array {member!r} unpacks to {length / 1e9:,.1f} GB; make room on the server's disk first."
                )
            source.seek(0)
            left = length
            while left > 0 and (chunk := source.read(min(COPY, left))):
                out.write(chunk)
                left -= len(chunk)
        return open_array(target, member)


def open_array(path: Path, name: str) -> npt.NDArray[Any]:
    """The memory-mapped array of a .npy file. UnreadableDataset where it is none, is cut short, or holds objects."""
    with path.open("rb") as file:
        expected = _checked_length(file, name)
    if path.stat().st_size < expected:
        raise UnreadableDataset(f"{name} is cut short: its header tells of {expected:,} bytes. Copy it again.")
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, OverflowError) as error:
        raise UnreadableDataset(f"{name} cannot be read as a NumPy array; save it again with numpy.save.") from error
    return array


def check_vectors(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """The array, if it holds one vector of real numbers a row."""
    if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
        raise UnreadableDataset(f"{name} holds {array.dtype} values; vectors are whole or floating-point numbers.")
    if array.ndim != 2:
        raise UnreadableDataset(
            f"{name} has the shape {tuple(array.shape)}; vectors are an array of two axes (rows, numbers)."
        )
    check_dim(array.shape[1], name)
    if len(array) > MAX_ROWS:
        raise UnreadableDataset(f"{name} has more than {MAX_ROWS:,} rows; import it in parts.")
    return array


def _checked_length(file: IO[bytes], name: str) -> int:
    """Bytes that the header says the file has. UnreadableDataset for objects and for headers that are none."""
    try:
        version = np.lib.format.read_magic(file)
        reads = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # headers that Python 2 wrote
            shape, _, dtype = reads[version](file)
    except _NO_HEADER as error:
        raise UnreadableDataset(f"{name} does not begin as a NumPy array does; save it with numpy.save.") from error
    if dtype.hasobject:
        raise UnreadableDataset(
            f"{name} holds pickled Python objects, which are never read (they could run a program). "
            "Save it as numbers or as text: numpy.array(values, dtype=str)."
        )
    if any(not isinstance(n, int) or n < 0 for n in shape):
        raise UnreadableDataset(f"{name} has a header that makes no sense; save it again with numpy.save.")
    count = 1
    for n in shape:
        count *= n
    return file.tell() + count * dtype.itemsize


def _members(archive: zipfile.ZipFile, name: str) -> tuple[dict[str, str], list[str]]:
    """Role → member (without .npy), and the members that nothing asks for."""
    entries = archive.namelist()
    if len(entries) > MAX_MEMBERS:
        raise UnreadableDataset(f"{name} holds more than {MAX_MEMBERS:,} arrays; that is no archive of vectors.")
    members = [entry.removesuffix(".npy") for entry in entries if entry.endswith(".npy")]
    known = {plain(member): member for member in reversed(members)}
    found = {}
    for role, aliases in _MEMBER_ROLES.items():
        member = next((known[alias] for alias in aliases if alias in known), None)
        if member is not None:
            found[role] = member
    if "vector" not in found:
        held = ", ".join(members)[:200] or "nothing"
        raise UnreadableDataset(f"{name} holds no array called embeddings, features, vectors or X (it holds: {held}).")
    return found, [member for member in members if member not in found.values()]


def _flat(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    if array.ndim != 1:
        raise UnreadableDataset(f"The array {name!r} has {array.ndim} axes; one entry a row is expected.")
    return array


def _plain(array: npt.NDArray[Any]) -> list[Any]:
    """Python values; bytes as text (with a mark for what is not UTF-8)."""
    values = array.tolist()
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values]


def _kind(array: npt.NDArray[Any]) -> dict[str, str]:
    return {"dimension": str(array.shape[1]), "stored as": str(array.dtype)}


def looks_like_npy(path: Path) -> bool:
    """Whether a file of this name is one to try."""
    return path.is_file() and path.suffix.lower() == ".npy"


def looks_like_npz(path: Path) -> bool:
    """Whether a file of this name is one to try."""
    return path.is_file() and path.suffix.lower() == ".npz"
