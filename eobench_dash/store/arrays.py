"""Arrays as files, written atomically, never pickled."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import EOBenchError, NotFound
from eobench_dash.store.atomic import atomic_file

AnyArray = npt.NDArray[Any]


def save_arrays(path: Path, /, **arrays: npt.ArrayLike) -> None:
    """Write named arrays to one uncompressed ``.npz``. TypeError for arrays of objects."""
    values = {name: _plain(name, array) for name, array in arrays.items()}
    with atomic_file(path) as file:
        np.savez(file, allow_pickle=False, **values)


def load_arrays(path: Path) -> dict[str, AnyArray]:
    """What save_arrays wrote. NotFound where there is no file; EOBenchError where it is damaged."""
    try:
        # opened here: numpy leaves a file that it cannot read open
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise _missing(path) from None
    except (ValueError, OSError, EOFError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise _damaged(path) from error


def array_names(path: Path) -> tuple[str, ...]:
    """The names of the arrays in an ``.npz``, without reading them. Errors as load_arrays."""
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(name.removesuffix(".npy") for name in archive.namelist())
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, zipfile.BadZipFile) as error:
        raise _damaged(path) from error


def save_array(path: Path, array: npt.ArrayLike) -> None:
    """Write one array to ``.npy``. TypeError for an array of objects."""
    values = _plain(path.name, array)
    with atomic_file(path) as file:
        np.save(file, values, allow_pickle=False)


def load_array(path: Path, *, mapped: bool = True) -> AnyArray:
    """One array, memory-mapped and read-only unless ``mapped`` is False. Errors as load_arrays."""
    try:
        if mapped:
            return np.lib.format.open_memmap(path, mode="r")
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except FileNotFoundError:
        raise _missing(path) from None
    except (ValueError, OSError, EOFError) as error:
        raise _damaged(path) from error


def _plain(name: str, array: npt.ArrayLike) -> AnyArray:
    values = np.asarray(array)
    if values.dtype.hasobject:
        raise TypeError(f"Array {name!r} holds Python objects; store numbers or fixed-length text.")
    return values


def _missing(path: Path) -> NotFound:
    return NotFound(f"{path.name} is not on disk; compute it again.")


def _damaged(path: Path) -> EOBenchError:
    return EOBenchError(f"{path.name} is damaged; delete it and compute it again.")
