"""Files of products are input that nobody has vouched for: which may be opened at all, and never more than so much."""

import os
import stat
from pathlib import Path

from eobench_dash.domain.importing import clean_relative_path, unfit
from eobench_dash.errors import PathRefused, UnreadableProduct


def regular_file(path: Path) -> int:
    """The size in bytes of a regular file (symbolic links followed). UnreadableProduct where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # ValueError: a null character in the name
        raise UnreadableProduct(f"{path.name} is missing or cannot be read; check the path and its rights.") from None
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableProduct(f"{path.name} is not a file.")
    return status.st_size


def read_bytes(path: Path, *, limit: int) -> bytes:
    """The bytes of a regular file of at most ``limit`` bytes. UnreadableProduct for anything else."""
    try:
        # O_NONBLOCK: opening a named pipe must not wait for somebody to write to it
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        raise UnreadableProduct(f"{path.name} is missing or cannot be read; check the path and its rights.") from None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableProduct(f"{path.name} is not a file.")
        if status.st_size > limit:
            raise UnreadableProduct(f"{path.name} has {status.st_size:,} bytes; at most {limit:,} are read.")
        try:
            return file.read(limit + 1)[:limit]
        except OSError:
            raise UnreadableProduct(f"{path.name} cannot be read; check the disk and try again.") from None


def inside(folder: Path, relative: str) -> Path:
    """The real path that ``relative`` names below ``folder`` (which need not exist yet).

    UnreadableProduct where it leads out of the folder, by its text or through a symbolic link.
    """
    try:
        clean = clean_relative_path(relative)
    except PathRefused:
        raise UnreadableProduct(
            f"{folder.name} names the file {relative[:100]!r}, which lies outside of the product; it is not read."
        ) from None
    root = os.path.realpath(folder)
    real = Path(os.path.realpath(Path(root, clean)))
    if not real.is_relative_to(root):
        raise UnreadableProduct(f"{clean} of {folder.name} is a link that leads out of the product; it is not read.")
    return real


def leads_out(path: Path, folder: Path) -> bool:
    """Whether ``path`` (below ``folder`` by its text) is really somewhere else, through a symbolic link."""
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def shown(name: str) -> str:
    """A name of the file system as a sentence or a database takes it."""
    return "".join("?" if unfit(c) else c for c in name)


def unfit_name(path: Path) -> str:
    """Why no dataset can keep this path, as it is or where its symbolic links lead: a sentence, "" where it can."""
    for part in (*path.parts, *Path(os.path.realpath(path)).parts):
        if found := unfit(part):
            foreign = any("\ud800" <= c <= "\udfff" for c in found)  # so Python stands in for bytes that are not UTF-8
            what = "is not UTF-8 text" if foreign else "holds a line break or another control character"
            return f"The name {shown(part)} {what}; rename it."
    return ""
