"""EuroSAT RGB from its Zenodo record: the size and checksum come from the record, a broken-off download goes on."""

import hashlib
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import requests

from eobench_dash.errors import BadInput, EOBenchError

RECORD_API = "https://zenodo.org/api/records/7711810"
FILE_NAME = "EuroSAT_RGB.zip"
ATTRIBUTION = (
    "EuroSAT (Helber, Bischke, Dengel, Borth 2019), MIT licence, doi:10.5281/zenodo.7711810; "
    "contains modified Copernicus Sentinel data 2017."
)
MAX_BYTES = 2 * 2**30
MAX_FILES = 100_000
BLOCK = 1 << 20
TIMEOUT = (10, 60)

Progress = Callable[[float, str], None]


class DownloadFailed(EOBenchError):
    """The network, or what came over it, failed; trying again goes on where it stopped."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a record: where it is, how many bytes, its MD5."""

    url: str
    size: int
    md5: str


def look_up(session: requests.Session) -> RemoteFile:
    """What the record says of the archive. DownloadFailed where it cannot be read."""
    try:
        answer = session.get(RECORD_API, timeout=TIMEOUT)
        answer.raise_for_status()
        files = answer.json()["files"]
        entry = next(f for f in files if f["key"] == FILE_NAME)
        kind, _, digest = entry["checksum"].partition(":")
        found = RemoteFile(url=entry["links"]["self"], size=int(entry["size"]), md5=digest.lower())
    except (requests.RequestException, ValueError, KeyError, TypeError, StopIteration) as error:
        raise DownloadFailed(
            "The EuroSAT record cannot be read; check the internet connection and try again."
        ) from error
    trusted = found.url.startswith("https://zenodo.org/") and re.fullmatch(r"[0-9a-f]{32}", found.md5)
    if kind != "md5" or not trusted or not 0 < found.size <= MAX_BYTES:
        raise DownloadFailed(
            "The EuroSAT record names no checksum, size or address that can be trusted; not downloaded."
        )
    return found


def download(session: requests.Session, remote: RemoteFile, target: Path, progress: Progress) -> Path:
    """The archive at ``target``, resumed where a part is there, its MD5 proven. ``progress`` may raise to cancel."""
    if target.exists() and target.stat().st_size == remote.size and _md5(target) == remote.md5:
        return target
    part = target.with_suffix(".part")
    have = part.stat().st_size if part.exists() else 0
    if have > remote.size:
        part.unlink()
        have = 0
    if have < remote.size:
        _fetch(session, remote, part, have, progress)
    if _md5(part) != remote.md5:
        part.unlink()
        raise DownloadFailed(
            "The downloaded archive is not the one of the record (checksum); it was dropped. Try again."
        )
    part.replace(target)
    return target


def unpack(archive: Path, folder: Path, progress: Progress) -> Path:
    """Unpack the images below ``folder`` and return the folder whose subfolders are the classes.

    BadInput for an archive that holds paths leading out, links, or more than it should.
    """
    with zipfile.ZipFile(archive) as source:
        members = [m for m in source.infolist() if not m.is_dir()]
        if len(members) > MAX_FILES or sum(m.file_size for m in members) > MAX_BYTES:
            raise BadInput("The archive holds more than EuroSAT does; it was not unpacked.")
        for number, member in enumerate(members):
            path = PurePosixPath(member.filename)
            link = (member.external_attr >> 16) & 0o170000 == 0o120000
            if path.is_absolute() or ".." in path.parts or "\\" in member.filename or link:
                raise BadInput("The archive holds a path that leads out of its folder; it was not unpacked.")
            if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".tif"}:
                source.extract(member, folder)
            if number % 500 == 0:
                progress(number / len(members), f"unpacked {number:,} of {len(members):,} files")
    root = folder
    while len(inside := [p for p in root.iterdir() if p.is_dir()]) == 1:
        root = inside[0]
    return root


def _fetch(session: requests.Session, remote: RemoteFile, part: Path, have: int, progress: Progress) -> None:
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with session.get(remote.url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            answer.raise_for_status()
            resumed = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            have = have if resumed else 0
            with part.open("ab" if resumed else "wb") as file:
                for block in answer.iter_content(BLOCK):
                    file.write(block)
                    have += len(block)
                    if have > remote.size:
                        raise DownloadFailed("More bytes came than the record names; the download was stopped.")
                    progress(have / remote.size, f"{have / 1e6:,.0f} of {remote.size / 1e6:,.0f} MB")
    except requests.RequestException as error:
        raise DownloadFailed("The download broke off; trying again goes on where it stopped.") from error
    if have < remote.size:
        raise DownloadFailed("The download ended early; trying again goes on where it stopped.")


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
