"""Which files make one raster product, and what lies beside them: scenes.json, siblings of other bands."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.guard import read_bytes
from eobench_dash.sentinel.raster_names import split_band

RASTER_SUFFIXES = frozenset({".tif", ".tiff", ".jp2"})
PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
SCENES = "scenes.json"
MAX_SCENES_BYTES = 8 << 20
MAX_SIBLINGS = 64


@dataclass(frozen=True)
class Member:
    """One file of a product; ``band``: the one that it holds, None where it holds all of them."""

    path: Path
    band: str | None = None


@dataclass(frozen=True)
class FileSet:
    """A product of one file, or of several of the same stem that hold a band each (the first stands for all)."""

    name: str
    members: tuple[Member, ...]

    @property
    def path(self) -> Path:
        """The file that names the product."""
        return self.members[0].path


def file_sets(paths: list[Path]) -> list[FileSet]:
    """The products that rasters of one folder make, in the order of their names."""
    stems: dict[tuple[str, str], dict[str, Path]] = {}
    sets = []
    for path in sorted(paths):
        split = split_band(path.stem)
        key = (split[0], path.suffix.lower()) if split else None
        if split is None or key is None or split[1] in stems.get(key, {}):
            sets.append(FileSet(path.stem, (Member(path),)))
        else:
            stems.setdefault(key, {})[split[1]] = path
    for (stem, _), bands in stems.items():
        if len(bands) == 1:
            (path,) = bands.values()
            sets.append(FileSet(path.stem, (Member(path),)))
        else:
            ordered = sorted(bands.items(), key=lambda item: _spectral(item[0]))
            sets.append(FileSet(stem, tuple(Member(path, band) for band, path in ordered)))
    return sorted(sets, key=lambda found: found.path)


def file_set(path: Path) -> FileSet:
    """The product that a file belongs to: with its siblings where its name ends in a band, else by itself."""
    split = split_band(path.stem)
    if split is None:
        return FileSet(path.stem, (Member(path),))
    try:
        with os.scandir(path.parent) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name.startswith(split[0]) and entry.name.lower().endswith(path.suffix.lower())
            ]
    except OSError:
        raise UnreadableProduct(f"The folder of {path.name} cannot be read; check its rights.") from None
    if len(names) > MAX_SIBLINGS:
        names = [path.name]
    found = file_sets([path.parent / name for name in names])
    return next(
        (s for s in found if any(m.path.name == path.name for m in s.members)), FileSet(path.stem, (Member(path),))
    )


def facts_beside(path: Path) -> dict[str, Any]:
    """What ``scenes.json`` beside a raster says of it: product, scene, date, unit (texts), bands (list); or nothing."""
    scenes = path.with_name(SCENES)
    if not scenes.is_file():
        return {}
    try:
        entries = json.loads(read_bytes(scenes, limit=MAX_SCENES_BYTES))
    except (UnreadableProduct, ValueError, RecursionError):
        return {}  # it is a help, not a part of the product
    listed = entries if isinstance(entries, list) else []
    found: dict[str, Any] = next((e for e in listed if isinstance(e, dict) and e.get("file") == path.name), {})
    facts: dict[str, Any] = {
        key: found[key][:200] for key in ("product", "scene", "date", "unit") if isinstance(found.get(key), str)
    }
    bands = found.get("bands")
    if isinstance(bands, list) and all(isinstance(band, str) for band in bands):
        facts["bands"] = [band[:40] for band in bands]
    return facts


def _spectral(band: str) -> tuple[str, str]:
    """B08 < B8A < B09, and VV < VH < HH < HV by the alphabet turned round."""
    if band == "B8A":
        return ("B08", "A")
    return (band, "") if band.startswith("B") else (f"{'VV VH HH HV'.find(band):02d}", "")
