"""Zipped products, unpacked once: only what is read, nothing outside of the folder, no more than a product has."""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.guard import regular_file

MAX_MEMBERS = 20_000
MAX_DIRECTORY_BYTES = 16 << 20
MAX_BYTES = 16 << 30
"""Unpacked; a Sentinel-1 product has 2, a Sentinel-2 product 1 GB."""
MAX_RATIO = 200
"""Unpacked to packed of the whole archive; text packs 20 : 1, pictures hardly at all."""
_NEEDED = re.compile(
    r"(MTD_MSIL(1C|2A)\.xml|manifest\.safe|[^/]+-ql\.jpg"
    r"|GRANULE/[^/]+/(MTD_TL\.xml|IMG_DATA/([^/]+/)?[^/]+\.jp2|QI_DATA/MSK_(CLASSI|CLOUDS)[^/]*\.(jp2|gml))"
    r"|annotation/([^/]+/)*[^/]+\.xml|measurement/[^/]+\.tiff?|preview/quick-look\.png)\Z"
)
"""Below the product's folder."""
_MARK = re.compile(r"(?:([^/]+)/)?(MTD_MSIL1C\.xml|MTD_MSIL2A\.xml|manifest\.safe)\Z")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_BLOCK = 1 << 20


def looks_zipped(path: Path) -> bool:
    """Whether the file begins as a zip does. False where there is no file."""
    try:
        regular_file(path)
        with path.open("rb") as file:
            return file.read(4) in (b"PK\3\4", b"PK\5\6")
    except (OSError, UnreadableProduct):
        return False


def product_names(path: Path) -> tuple[str, list[str]]:
    """Of a zip that is a product the name of its folder, and those of its members; nothing is unpacked.

    UnreadableProduct as for ``unpack``.
    """
    with _archive(path) as archive:
        members = _checked(archive, path)
        prefix = _product_folder(members, path)
        return _folder_name(prefix, path), [m.filename.removeprefix(prefix) for m in members]


def unpack(path: Path, into: Path) -> Path:
    """The folder of the zipped product, unpacked below ``into`` unless it is there already.

    Its place comes from the file's real path, size and time; it appears whole or not at all, and one process at a time
    works on it. UnreadableProduct: no single product, damaged, encrypted, paths that lead out, more than a product
    holds, or no room on the disk.
    """
    status, real = regular_file(path), os.path.realpath(path)
    identity = f"{real}\0{status}\0{path.stat().st_mtime_ns}".encode("utf-8", "surrogateescape")
    place = into / hashlib.sha256(identity).hexdigest()[:24]
    if not _whole(place):
        try:
            into.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (into / f".{place.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not _whole(place):
                    _fill(path, place)
        except OSError as error:
            raise UnreadableProduct(_disk_fault(path, error)) from error
    (product,) = place.iterdir()
    return product


def _whole(place: Path) -> bool:
    return place.is_dir() and len(list(place.iterdir())) == 1


def _fill(path: Path, place: Path) -> None:
    part = place.with_name(f".{place.name}.part")
    for old in (part, place):  # left by a process that was killed, or half deleted by somebody: the lock is ours
        shutil.rmtree(old, ignore_errors=True)
    try:
        with _archive(path) as archive:
            members = _checked(archive, path)
            prefix = _product_folder(members, path)
            folder = part / _folder_name(prefix, path)
            folder.mkdir(mode=0o700, parents=True)
            needed = [m for m in members if not m.is_dir() and _NEEDED.match(m.filename.removeprefix(prefix))]
            _check_room(path, part, sum(m.file_size for m in needed))
            for member in needed:
                _write(archive, member, folder / member.filename.removeprefix(prefix), path)
        part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _archive(path: Path) -> zipfile.ZipFile:
    _check_directory(path)
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error, OSError, EOFError) as error:
        raise UnreadableProduct(f"{path.name} is not a whole zip archive; copy or download it again.") from error


def _check_directory(path: Path) -> None:
    """Bound the table of contents before the zipfile module holds all of it in memory."""
    size = regular_file(path)
    with path.open("rb") as file:
        file.seek(max(size - 65_536 - 98, 0))
        tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + 22:
        raise UnreadableProduct(f"{path.name} is cut short: its table of contents is missing; download it again.")
    count, length = struct.unpack("<HI", tail[at + 10 : at + 16])
    large = tail.rfind(b"PK\6\6", 0, at)
    if large >= 0 and len(tail) >= large + 48:
        count, length = struct.unpack("<QQ", tail[large + 32 : large + 48])
    if count > MAX_MEMBERS or length > MAX_DIRECTORY_BYTES:
        raise UnreadableProduct(f"{path.name} lists {count:,} files, more than a product has; it is not unpacked.")


def _checked(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    """All members, if none of them is anything that a product's archive would not hold."""
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise UnreadableProduct(f"{path.name} lists {len(members):,} files, more than a product has; not unpacked.")
    for member in members:
        if _leads_out(member):
            raise UnreadableProduct(
                f"{path.name} holds {member.filename[:100]!r}, which leads out of its folder; it is not unpacked."
            )
        if member.flag_bits & 0x1:
            raise UnreadableProduct(f"{path.name} is encrypted; unpack it yourself and give the folder.")
    if len({m.filename.casefold() for m in members}) < len(members):
        raise UnreadableProduct(f"{path.name} holds two files of the same name; it is not unpacked.")
    total = sum(m.file_size for m in members)
    if total > MAX_BYTES or total > MAX_RATIO * max(regular_file(path), 1 << 16):
        raise UnreadableProduct(
            f"{path.name} would unpack to {total / 1e6:,.0f} MB, more than a product of its size can hold;"
            " it is not unpacked."
        )
    return members


def _leads_out(member: zipfile.ZipInfo) -> bool:
    kind = stat.S_IFMT(member.external_attr >> 16)
    names = (member.filename, member.orig_filename)
    return kind not in (0, stat.S_IFREG, stat.S_IFDIR) or any(
        "\\" in name
        or ":" in name
        or "\0" in name
        or len(name) > 400
        or not {"", ".", ".."}.isdisjoint(name.removesuffix("/").split("/"))
        for name in names
    )


def _product_folder(members: Sequence[zipfile.ZipInfo], path: Path) -> str:
    """The one folder ("" or "NAME/") of the archive that holds a product's metadata."""
    folders = {match[1] or "" for m in members if (match := _MARK.match(m.filename))}
    if len(folders) > 1:
        raise UnreadableProduct(f"{path.name} holds {len(folders)} products; unpack it and give the folder.")
    if not folders:
        nested = any(m.filename.lower().endswith((".zip", ".tar", ".gz", ".tgz")) for m in members)
        why = "; archives inside of archives are not opened: unpack it and give what is inside" if nested else ""
        raise UnreadableProduct(f"{path.name} holds no Sentinel-1 or Sentinel-2 product{why}.")
    folder = folders.pop()
    return f"{folder}/" if folder else ""


def _folder_name(prefix: str, path: Path) -> str:
    return prefix.rstrip("/") or path.stem or "product"


def _check_room(path: Path, part: Path, needed: int) -> None:
    free = shutil.disk_usage(part).free
    if needed > free:
        raise UnreadableProduct(
            f"There is no room to unpack {path.name}: it takes {needed / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free;"
            " make room and try again."
        )


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, path: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = 0
    try:
        with archive.open(member) as source, target.open("xb") as file:
            for block in _blocks(source):
                written += len(block)
                if written > member.file_size:
                    raise zipfile.BadZipFile("longer than declared")
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UnreadableProduct(
            f"{member.filename} of {path.name} is damaged; copy or download the archive again."
        ) from error
    if written != member.file_size:
        raise UnreadableProduct(f"{member.filename} of {path.name} is cut short; download the archive again.")


def _blocks(source: IO[bytes]) -> Iterable[bytes]:
    while block := source.read(_BLOCK):
        yield block


def _disk_fault(path: Path, error: OSError) -> str:
    if error.errno in _FULL:
        return f"The disk is full: {path.name} was not unpacked, and nothing of it was kept; make room and try again."
    return f"{path.name} could not be unpacked ({error.strerror or 'disk error'}); check the workspace and try again."
