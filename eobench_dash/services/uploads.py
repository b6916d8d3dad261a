"""Take in what somebody sends from the browser: a JSON file, or a ZIP archive of images, into the workspace's uploads.

Everything about an upload is untrusted: its name, its length, and each name, size and link inside an archive.
"""

import base64
import lzma
import os
import secrets
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO

from eobench_dash.domain.importing import ImportOptions, clean_relative_path
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.errors import BadInput, PatchUnreadable, PathRefused, UnreadableDataset
from eobench_dash.formats import Preview as Preview  # pages know it from here: they see services only
from eobench_dash.formats import detect, preview
from eobench_dash.services.importing import confine
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.images import PatchImages, thumbnail
from eobench_dash.store.render import render

CHUNK = 1 << 20
MAX_MEMBERS = 2_000_000
MAX_RATIO = 4
"""An archive may unpack to this many times the largest upload (images hardly shrink in a ZIP)."""
_BROKEN_ARCHIVE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error,
    NotImplementedError, RuntimeError, EOFError, ValueError, KeyError, IndexError,
)  # fmt: skip
"""What zipfile and the decompressors below it raise on damaged, encrypted or strange archives."""
JSON_ENDINGS = frozenset({".json", ".jsonl", ".ndjson"})
TABLE_ENDINGS = JSON_ENDINGS | {".csv", ".tsv", ".npy", ".npz", ".parquet", ".geoparquet", ".pq"}
IMAGE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})


def receive_upload(ws: Workspace, who: Principal, *, name: str, stream: IO[bytes], length: int | None) -> Path:
    """Store an upload below the workspace's uploads; the path to import. Nothing is left behind where it fails.

    ``length`` is what the sender claims (None: unknown). BadInput where it is too large, cut short, no file of
    vectors and no ZIP archive of images.
    """
    require(who, Role.BUILDER, what="upload a dataset")
    clean = _file_name(name)
    limit = ws.settings.max_upload_mb * 2**20
    if length is not None and length > limit:
        raise BadInput(_too_large(limit))
    folder = ws.settings.home / "uploads" / f"upload-{secrets.token_hex(6)}"
    folder.mkdir(parents=True, mode=0o700)
    try:
        got = _copy(stream, folder / clean, limit)
        if length is not None and got != length:
            raise BadInput("The upload was cut short; send it again.")
        return _unpacked(folder / clean, limit) if clean.lower().endswith(".zip") else folder / clean
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise BadInput(
                f"The upload could not be stored: {error.strerror or error}. Make room and send it again."
            ) from error
        raise


def remove_upload(ws: Workspace, *, path: Path, in_use: Iterable[Path] = ()) -> None:
    """Remove the upload's folder that ``path`` lies in; nothing where it lies elsewhere or holds one ``in_use``."""
    uploads, inside = (ws.settings.home / "uploads").resolve(), path.resolve()
    if inside == uploads or not inside.is_relative_to(uploads):
        return
    folder = uploads / inside.relative_to(uploads).parts[0]
    if not any(other.resolve().is_relative_to(folder) for other in in_use):
        shutil.rmtree(folder, ignore_errors=True)


def look_into(
    ws: Workspace, who: Principal, *, path: str, options: ImportOptions | None = None
) -> tuple[Preview, dict[str, str]]:
    """A preview of ``path``, and small pictures (data URLs by the samples' paths; unreadable ones are left out).

    ``options``: what the data does not say itself.
    """
    require(who, Role.BUILDER, what="look at a dataset to import")
    inside = confine(ws.settings, path)
    look = preview(inside, format=detect(inside), options=options or ImportOptions())
    images = PatchImages(look.root, look.params)
    names = [sample.path for sample in look.samples if sample.path is not None and look.pictures]
    modality = look.modality or "optical"
    return look, {name: picture for name in names if (picture := _picture(images, name, modality)) is not None}


def folder_above(ws: Workspace, who: Principal, *, folder: str | None) -> str | None:
    """The folder above, or None (the list of data roots) above a root."""
    require(who, Role.BUILDER, what="look for datasets to import")
    if folder is None:
        return None
    above = confine(ws.settings, folder).parent
    return str(above) if any(above.is_relative_to(root) for root in ws.settings.roots) else None


def _picture(images: PatchImages, name: str, modality: str) -> str | None:
    try:
        made = thumbnail(render(images.read(name), modality=modality), 64)
    except (PatchUnreadable, PathRefused):
        return None
    return f"data:image/webp;base64,{base64.b64encode(made).decode()}"


def _file_name(raw: str) -> str:
    name = PurePosixPath(raw.replace("\\", "/")).name
    whole = PurePosixPath("".join(c if c.isalnum() or c in "._- " else "_" for c in name).strip(" ."))
    safe = f"{whole.stem[:60]}{whole.suffix}"  # at most 240 bytes, whatever the letters
    if PurePosixPath(safe).suffix.lower() not in TABLE_ENDINGS | {".zip"}:
        raise BadInput(
            "Upload a file of vectors (.json, .jsonl, .ndjson, .csv, .npy, .npz or .parquet), or a .zip archive with a "
            "folder of images for each label."
        )
    return safe


def _too_large(limit: int) -> str:
    return (
        f"The upload is larger than {limit // 2**20:,} MB. Put the data below EOBENCH_DATA_ROOTS on the server and "
        "choose it there, or raise EOBENCH_MAX_UPLOAD_MB."
    )


def _copy(stream: IO[bytes], target: Path, limit: int) -> int:
    """Copy at most ``limit`` bytes; how many there were."""
    got = 0
    with target.open("xb") as out:
        while chunk := stream.read(CHUNK):
            got += len(chunk)
            if got > limit:
                raise BadInput(_too_large(limit))
            out.write(chunk)
    return got


def _unpacked(archive: Path, limit: int) -> Path:
    """Unpack the images and JSON files of an archive beside it, drop the archive; the folder to import."""
    target = archive.with_suffix("")
    target.mkdir(mode=0o700)
    room = limit * MAX_RATIO
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            if len(members) > MAX_MEMBERS:
                raise BadInput(f"The archive holds more than {MAX_MEMBERS:,} files.")
            for member in members:
                if _wanted(member):
                    room -= _unpack_one(opened, member, target, room)
    except _BROKEN_ARCHIVE as error:
        raise BadInput("The archive is broken, encrypted or of a kind that cannot be read; zip it again.") from error
    archive.unlink()
    if not any(target.iterdir()):
        raise BadInput("The archive holds no image and no JSON file.")
    return _first_with_choice(target)


def _wanted(member: zipfile.ZipInfo) -> bool:
    """Images, JSON files and tables of vectors that are plain files and not hidden."""
    path = PurePosixPath(member.filename)
    hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in path.parts)
    link = stat.S_ISLNK(member.external_attr >> 16)
    return not (member.is_dir() or hidden or link) and path.suffix.lower() in IMAGE_ENDINGS | TABLE_ENDINGS


def _unpack_one(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, room: int) -> int:
    """Unpack one file, at most ``room`` bytes whatever its header claims; its size."""
    path = target / clean_relative_path(member.filename)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists():
        raise BadInput(f"The archive holds {member.filename} twice.")
    with opened.open(member) as source:
        try:
            return _copy(source, path, room)
        except BadInput as error:
            raise BadInput("The archive unpacks to far more than its own size; it is refused.") from error


def _first_with_choice(folder: Path) -> Path:
    """Down through folders that hold one folder and nothing else: people zip the folder, not its content.

    A JSON file that names the pictures beside it is the dataset, not they.
    """
    while True:
        with os.scandir(folder) as entries:
            found = list(entries)
        tables = [Path(entry.path) for entry in found if entry.name.lower().endswith(tuple(TABLE_ENDINGS))]
        if len(tables) == 1 and tables[0].is_file() and (len(found) == 1 or _names_pictures(tables[0])):
            return tables[0]
        if len(found) != 1:
            return folder
        only = Path(found[0].path)
        if not only.is_dir() or not any(child.is_dir() for child in only.iterdir()):
            return folder
        folder = only


def _names_pictures(table: Path) -> bool:
    """Whether the first rows of a JSON file name pictures that lie beside it (a list of class names does not)."""
    try:
        samples = preview(table, limit=8).samples
    except UnreadableDataset:
        return False
    return any(sample.path is not None and (table.parent / sample.path).is_file() for sample in samples)
