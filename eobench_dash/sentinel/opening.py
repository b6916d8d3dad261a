"""From a path to an open product: what it is, and the reader that serves."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.products import ProductKind, ReadOptions
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import gdal, raster_names, s1, s2, zips
from eobench_dash.sentinel.gdal import told_driver
from eobench_dash.sentinel.guard import leads_out, shown, unfit_name
from eobench_dash.sentinel.product import Product
from eobench_dash.sentinel.raster import open_raster_product
from eobench_dash.sentinel.raster_files import PICTURE_SUFFIXES, RASTER_SUFFIXES, FileSet, file_set, file_sets

LEVELS = 2
"""Folders below the one that is looked through."""
MAX_ENTRIES = 200_000
MAX_PRODUCTS = 50_000
_NAMED = 3  # of the products left out
_PACKED = {"L1C": ProductKind.S2_L1C, "L2A": ProductKind.S2_L2A}


@dataclass(frozen=True)
class Candidate:
    """Something that looks like a product; nothing of it is opened yet.

    ``modality`` and ``platform`` ("Sentinel-1A"): where the names tell.
    """

    path: Path
    kind: ProductKind
    modality: Modality | None = None
    platform: str = ""


@dataclass(frozen=True)
class LeftOut:
    """Something that looks like a product but cannot be one of a dataset, or a folder that is shut: where it lies below
    the folder that was looked through (fit to be shown), and why, a sentence."""

    path: str
    why: str


def discover(path: Path) -> list[Candidate]:
    """The products at or below ``path``, as ``search`` finds them."""
    return search(path)[0]


def search(path: Path) -> tuple[list[Candidate], list[LeftOut]]:
    """The products at or below ``path`` (itself a product, or a folder of products), in the order of their names; and
    what is left out because of its name, which no page, sentence or database could hold, or as a folder that cannot be
    read. A file that cannot be read counts as what its name says: opening it says why.

    Symbolic links that lead out of the folder are passed over; so are pictures beside rasters (they are previews).
    UnreadableProduct where there is nothing to read, or too much to look through.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100  (resolve() would follow the links that ``path`` is reached by)
    if why := unfit_name(path):
        raise UnreadableProduct(why)
    found = _as_product(path)
    if found is not None:
        return [found], []
    if not path.is_dir():
        raise UnreadableProduct(_nothing(path))
    walk = _Walk(path)
    below = walk.products(path, LEVELS)
    if len(below) > MAX_PRODUCTS:
        raise UnreadableProduct(f"{path.name} holds more than {MAX_PRODUCTS:,} products; choose a folder inside.")
    whys = [unfit_name(one.path) for one in below]
    products = [one for one, why in zip(below, whys, strict=True) if not why]
    misnamed = [(one.path, why) for one, why in zip(below, whys, strict=True) if why]
    left_out = [LeftOut(shown(at.relative_to(path).as_posix()), why) for at, why in misnamed + walk.unread]
    if not products:
        raise UnreadableProduct(left_out_words(left_out) or _nothing(path))
    return products, left_out


def left_out_words(left_out: Sequence[LeftOut]) -> str:
    """What is to be said below a list of products of what is not in it; "" where all is."""
    if not left_out:
        return ""
    whys = list(dict.fromkeys(one.why for one in left_out))
    more = f" And {len(whys) - _NAMED:,} more." if len(whys) > _NAMED else ""
    many = f"{len(left_out):,} entries are" if len(left_out) > 1 else "1 entry is"
    return f"{many} left out. {' '.join(whys[:_NAMED])}{more}"


def open_product(path: Path, *, options: ReadOptions = ReadOptions(), unpacked: Path | None = None) -> Product:  # noqa: B008
    """Open a SAFE folder, a zip of one, or a raster. UnreadableProduct says what is wrong and what to do.

    A file whose name ends in a band (NAME_B02.tif) stands for all of its siblings; a folder for the one raster in it.
    """
    if why := unfit_name(path):
        raise UnreadableProduct(why)
    if path.is_dir():
        if s2.told_kind(path) is not None:
            return s2.open_s2(path, options=options)
        if _is_grd(path):
            return s1.open_grd(path, options=options)
        sets = _Walk(path).rasters(path)
        if len(sets) != 1:
            raise UnreadableProduct(
                _nothing(path) if not sets else f"{path.name} holds {len(sets)} rasters; choose one."
            )
        return open_raster_product(sets[0], options=options)
    if zips.looks_zipped(path):
        if unpacked is None:
            raise UnreadableProduct(f"{path.name} is packed; unpack it and give the folder.")
        return open_product(zips.unpack(path, unpacked), options=options)
    if path.name in s2.METADATA or path.name == "manifest.safe":
        return open_product(path.parent, options=options)
    return open_raster_product(file_set(path), options=options)


def _as_product(path: Path) -> Candidate | None:
    """``path`` itself as a product."""
    if path.is_dir():
        kind = s2.told_kind(path)
        if kind is None and _is_grd(path):
            kind = ProductKind.S1_GRD
        return _candidate(path, kind) if kind else None
    if zips.looks_zipped(path):
        return _candidate(path, _packed_kind(path))
    if path.is_file() and told_driver(path) is not None:
        return _raster(file_set(path))
    return None


def _is_grd(folder: Path) -> bool:
    """Patches of BigEarthNet lie in folders that are called as products are; a product has no raster right inside."""
    return s1.looks_like_grd(folder) and not any(f.suffix.lower() in RASTER_SUFFIXES for f in folder.iterdir())


class _Walk:
    """A folder that is looked through, with what is spent and what could not be read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unread: list[tuple[Path, str]] = []
        self._left = MAX_ENTRIES

    def products(self, folder: Path, levels: int) -> list[Candidate]:
        """The products in a folder of the walk, and ``levels`` below it."""
        sets = self.rasters(folder)
        found = [_raster(files, folder) for files in sets]
        lone = folder != self.root and len(sets) == 1 and len(sets[0].members) > 1
        if lone and not unfit_name(sets[0].path):  # BigEarthNet: the folder is the product
            found = [replace(found[0], path=folder)]
        for entry in self._entries(folder):
            if entry.is_dir():
                if not os.access(entry, os.R_OK | os.X_OK):
                    self.unread.append((entry, _shut(entry)))
                elif product := _as_product(entry):
                    found.append(product)
                elif levels:
                    found += self.products(entry, levels - 1)
            elif entry.suffix.lower() == ".zip" and zips.looks_zipped(entry) and (kind := _listed_kind(entry)):
                found.append(_candidate(entry, kind))
        return sorted(found, key=lambda candidate: candidate.path)

    def rasters(self, folder: Path) -> list[FileSet]:
        """The rasters right in a folder; its pictures only where there are none."""
        files = [entry for entry in self._entries(folder) if entry.is_file()]
        for suffixes in (RASTER_SUFFIXES, PICTURE_SUFFIXES):
            if sets := file_sets([f for f in files if f.suffix.lower() in suffixes and _is_raster(f)]):
                return sets
        return []

    def _entries(self, folder: Path) -> Iterator[Path]:
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            raise UnreadableProduct(_shut(folder)) from None
        self._left -= len(entries)
        if self._left < 0:
            raise UnreadableProduct(f"{self.root.name} holds too many files to look through; choose a folder inside.")
        for entry in entries:
            if entry.name.startswith((".", "__MACOSX")) or (entry.is_symlink() and leads_out(entry, self.root)):
                continue
            yield entry


def _shut(folder: Path) -> str:
    return f"The folder {shown(folder.name)} cannot be read; check its rights."


def _is_raster(path: Path) -> bool:
    try:
        return told_driver(path) is not None
    except UnreadableProduct:  # opening it will say why
        return True


def _packed_kind(path: Path) -> ProductKind:
    folder, members = zips.product_names(path)
    told = next((kind for name, kind in s2.METADATA.items() if name in members), s2.called_kind(folder))
    return told or ProductKind.S1_GRD


def _listed_kind(path: Path) -> ProductKind | None:
    """Of a zip among other files: one that is damaged is a product if it is called as one (opening it says why)."""
    try:
        return _packed_kind(path)
    except UnreadableProduct:
        named = re.match(r"S2[A-D]_MSI(L1C|L2A)_|S1[A-D]_.._GRD", path.name)
        return _PACKED.get(named[1] or "", ProductKind.S1_GRD) if named else None


def _candidate(path: Path, kind: ProductKind) -> Candidate:
    told = raster_names.mission(path.name)
    modality = Modality.SAR if kind is ProductKind.S1_GRD else Modality.OPTICAL
    return Candidate(path, kind, modality, told[1] if told else "")


def _raster(files: FileSet, folder: Path | None = None) -> Candidate:
    picture = files.path.suffix.lower() in PICTURE_SUFFIXES
    told = raster_names.mission(files.name, folder.name if folder else "")
    radar = any(member.band in raster_names.POLARISATIONS for member in files.members)
    modality = told[0] if told else Modality.SAR if radar else None
    return Candidate(
        files.path, ProductKind.IMAGE if picture else ProductKind.RASTER, modality, told[1] if told else ""
    )


def _nothing(path: Path) -> str:
    if not path.exists():
        return f"There is no {path.name}; check the path."
    if path.is_file() and (why := gdal.foreign(path)):
        return why
    return (
        f"{path.name} holds no product that is read: Sentinel-2 Level-1C or Level-2A, Sentinel-1 GRD (a SAFE folder or"
        " a zip of one), GeoTIFF, JPEG 2000, PNG or JPEG."
    )
