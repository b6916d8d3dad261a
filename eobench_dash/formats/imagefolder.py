"""A folder of images: the folder directly below the root is the class; images beside the classes are unlabelled.

Two habits of published datasets are understood, and said in the report: a lone outer folder (``EuroSAT_RGB/Forest/…``)
is stepped into, and folders named train, val, test are splits, with the classes below them. Hidden files are skipped,
linked folders are not entered. The order is the natural one (``2.jpg`` before ``10.jpg``), folder by folder.
"""
# Plain strings for paths: this runs once a file, and Path objects would cost more than the rest.
# ruff: noqa: PTH114, PTH118, PTH119, PTH122

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from eobench_dash.domain.importing import ImportIssue, IssueKind
from eobench_dash.errors import UnreadableDataset
from eobench_dash.formats.pictures import SUFFIXES
from eobench_dash.formats.reader import DatasetReader, Row, shown

SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
MAX_DEPTH = 32
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class _Group:
    folder: str
    label: str
    extra: dict[str, str]


@dataclass(frozen=True)
class _Link:
    path: str


class ImageFolder(DatasetReader):
    """Reads a folder of images; with ``sample`` it takes from the classes in turn (previews)."""

    from_folder = True
    to_choose = "the folder that holds the class folders"

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        top = os.path.realpath(path)
        inside = os.path.join(self.root, "")
        self._cut = len(inside)
        if not os.path.join(top, "").startswith(inside):
            raise UnreadableDataset(f"{path.name} does not lie below the dataset's root.")
        self._tops: list[_Group] = []
        self._classes: list[_Group] = []
        self._find_groups(top)
        self._count: int | None = None

    @property
    def total_hint(self) -> int | None:
        """The number of images, counted by a quick walk."""
        if self._count is None:
            beside = sum(_is_picture(name) for group in self._tops for name in _listing(group.folder)[1])
            self._count = beside + sum(self.label_hint().values())
        return self._count

    def label_hint(self) -> Mapping[str, int]:
        """Images per class."""
        counts: Counter[str] = Counter()
        for group in self._classes:
            counts[group.label] += sum(1 for name in _walk(group.folder) if isinstance(name, str) and _is_picture(name))
        return dict(counts)

    def _rows(self) -> Iterator[Row | ImportIssue]:
        tops = [self._beside(group) for group in self._tops]
        classes = [self._class_rows(group) for group in self._classes]
        total = self.total_hint
        rows = _in_turn([*classes, *tops]) if self._sample else chain(*tops, *classes)
        passed_over = 0
        for n, row in enumerate(rows):
            if row is None:
                passed_over += 1
                continue
            if n % 256 == 0:
                self.advance(n, total)
            yield row
        self.advance(total or 0, total)
        if passed_over:
            files = "1 file is no picture" if passed_over == 1 else f"{passed_over:,} files are no pictures"
            self.note(f"Passed over: {files} (by the suffix).")
        if not self._classes:
            self.note("There are no class folders; all images are imported without a label.")

    def _class_rows(self, group: _Group) -> Iterator[Row | ImportIssue | None]:
        for found in _walk(group.folder):
            if isinstance(found, str):
                yield self._row(found, group)
            else:
                yield self._linked(found.path)

    def _beside(self, group: _Group) -> Iterator[Row | ImportIssue | None]:
        folders, files = _listing(group.folder)
        for name in files:
            yield self._row(os.path.join(group.folder, name), group)
        for name in folders:
            if os.path.islink(os.path.join(group.folder, name)):
                yield self._linked(os.path.join(group.folder, name))

    def _row(self, path: str, group: _Group) -> Row | None:
        if not _is_picture(path):
            return None
        relative = path[self._cut :]
        return Row(shown(relative), relative, (group.label,) if group.label else (), extra=group.extra)

    def _linked(self, path: str) -> ImportIssue | None:
        if os.path.join(os.path.realpath(path), "").startswith(os.path.join(self.root, "")):
            self.note("Linked folders inside the dataset are not entered; what they lead to is read where it lies.")
            return None
        where = shown(os.path.relpath(path, self.root))
        return ImportIssue(IssueKind.PATH_OUTSIDE_ROOT, where, "A linked folder leads out of the dataset's folder.")

    def _find_groups(self, top: str) -> None:
        """Find where the classes lie, and the folders whose own images have none."""
        base = top
        folders, files = _listing(base)
        for _ in range(3):
            inner = os.path.join(base, folders[0]) if len(folders) == 1 else ""
            if not inner or os.path.islink(inner) or any(map(_is_picture, files)):
                break
            below, within = _listing(inner)
            if not below or any(map(_is_picture, within)) or folders[0].casefold() in SPLITS:
                break
            base, folders, files = inner, below, within
            self.note(f"The classes are the folders below {shown(os.path.relpath(base, top))}.")
        real = _real_folders(base, folders)
        splits = {name: _real_folders(os.path.join(base, name)) for name in real if name.casefold() in SPLITS}
        self._tops = [_Group(base, "", {})]
        if len(splits) < len(real) or not any(splits.values()):
            self._classes = [_Group(os.path.join(base, name), name, {}) for name in real]
            return
        self.note(f"{', '.join(real)} were read as splits; the classes are the folders below them.")
        for split, names in splits.items():
            folder, extra = os.path.join(base, split), {"split": split}
            self._tops.append(_Group(folder, "", extra))
            self._classes += [_Group(os.path.join(folder, name), name, extra) for name in names]


def looks_like(path: Path) -> bool:
    """Whether this is a folder."""
    return path.is_dir()


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sorts runs of digits by their value; ties (``01`` and ``1``) by the name itself."""
    parts: list[str | int] = list(_DIGITS.split(name.casefold()))
    # at most 18 digits are compared by value: longer runs are identifiers, and int() of a huge one is slow
    parts[1::2] = [int(str(p)[:18]) for p in parts[1::2]]
    return parts, name


def _is_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SUFFIXES


def _listing(folder: str) -> tuple[list[str], list[str]]:
    """Names of the folders (links to folders included) and files of a folder, each in natural order."""
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    (folders if entry.is_dir() else files).append(entry.name)
    except OSError as error:
        name = shown(os.path.basename(folder))
        raise UnreadableDataset(f"The folder {name} cannot be read ({error.strerror}).") from None
    return sorted(folders, key=natural_key), sorted(files, key=natural_key)


def _real_folders(folder: str, names: list[str] | None = None) -> list[str]:
    names = _listing(folder)[0] if names is None else names
    return [name for name in names if not os.path.islink(os.path.join(folder, name))]


def _walk(folder: str) -> Iterator[str | _Link]:
    """Every file below ``folder`` depth first, a folder's files before its folders; links to folders as _Link."""
    waiting = [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        if depth > MAX_DEPTH:
            name = shown(os.path.basename(here))
            raise UnreadableDataset(f"The folder {name} is nested deeper than {MAX_DEPTH} levels.")
        folders, files = _listing(here)
        for name in files:
            yield os.path.join(here, name)
        for name in reversed(folders):
            path = os.path.join(here, name)
            if os.path.islink(path):
                yield _Link(path)
            else:
                waiting.append((path, depth + 1))


def _in_turn(
    sources: list[Iterator[Row | ImportIssue | None]],
) -> Iterator[Row | ImportIssue | None]:
    while sources:
        for source in list(sources):
            try:
                yield next(source)
            except StopIteration:
                sources.remove(source)
