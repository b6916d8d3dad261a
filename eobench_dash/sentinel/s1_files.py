"""Which files of a Sentinel-1 GRD folder belong to which polarisation."""

import re
from dataclasses import dataclass
from pathlib import Path

from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.guard import inside

ORDER = ("VV", "VH", "HH", "HV")
_CORE = r"s1[a-d]-(?:iw|ew|wv|s[1-6])-grd-(hh|hv|vv|vh)-"
_FOLDER = re.compile(r"S1[A-D]_(?:IW|EW|WV|S[1-6])_GRD", re.IGNORECASE)
_MOST = 1000
_PLACES = {
    "annotation": ("annotation", re.compile(_CORE + r".*\.xml", re.IGNORECASE)),
    "calibration": ("annotation/calibration", re.compile("calibration-" + _CORE + r".*\.xml", re.IGNORECASE)),
    "noise": ("annotation/calibration", re.compile("noise-" + _CORE + r".*\.xml", re.IGNORECASE)),
    "measurement": ("measurement", re.compile(_CORE + r".*\.tiff?", re.IGNORECASE)),
}


@dataclass(frozen=True)
class BandFiles:
    """The four files of one polarisation."""

    polarisation: str
    annotation: Path
    calibration: Path
    noise: Path
    measurement: Path


def looks_like_grd(path: Path) -> bool:
    """Whether a folder is a Sentinel-1 GRD product, whole or not, by its name or its annotations' names."""
    return path.is_dir() and bool(_FOLDER.match(path.name) or _found(path, "annotation"))


def band_files(folder: Path, wanted: tuple[str, ...]) -> list[BandFiles]:
    """The files of the polarisations ``wanted`` (all that are there where it is empty, co-polarised first).

    UnreadableProduct where a polarisation or one of its files is missing, or there are two of one.
    """
    files = {what: _found(folder, what) for what in _PLACES}
    there = [p for p in ORDER if p in files["annotation"] or p in files["measurement"]]
    if not there:
        raise UnreadableProduct(
            f"{folder.name} holds neither annotation nor measurement of a Sentinel-1 GRD product; fetch it again."
        )
    names = tuple(name.upper() for name in wanted) or tuple(there)
    for name in names:
        if name not in there:
            raise UnreadableProduct(
                f"{folder.name} has {' and '.join(there)}, not {name[:12]}; choose from these bands."
            )
    if len(set(names)) != len(names):
        raise UnreadableProduct(f"A band is chosen twice ({', '.join(names)}); choose each once.")
    return [BandFiles(name, **{what: _one(folder, files, what, name) for what in _PLACES}) for name in names]


def _one(folder: Path, files: dict[str, dict[str, list[str]]], what: str, polarisation: str) -> Path:
    names = files[what].get(polarisation, [])
    if not names:
        needed = {
            "annotation": "the places of its pixels are unknown",
            "measurement": "there are no pixels",
        }.get(what, "sigma nought cannot be worked out")
        raise UnreadableProduct(
            f"{folder.name} lacks the {what} file of {polarisation}; {needed}: fetch the whole product again."
        )
    if len(names) > 1:
        raise UnreadableProduct(
            f"{folder.name} holds {len(names)} {what} files of {polarisation}, where one belongs; remove the others."
        )
    return inside(folder, f"{_PLACES[what][0]}/{names[0]}")


def _found(folder: Path, what: str) -> dict[str, list[str]]:
    place, pattern = _PLACES[what]
    try:
        names = sorted(entry.name for entry, _ in zip((folder / place).iterdir(), range(_MOST), strict=False))
    except OSError:
        return {}
    found: dict[str, list[str]] = {}
    for name in names:
        if match := pattern.fullmatch(name):
            found.setdefault(match[1].upper(), []).append(name)
    return found
