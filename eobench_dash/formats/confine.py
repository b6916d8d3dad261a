"""Paths from outside, held below one folder; and a memory of the paths already met."""
# Plain strings for paths: this runs once a file, and Path objects would cost more than the rest.
# ruff: noqa: PTH100, PTH118

import os
import stat
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.importing import IssueKind, clean_relative_path
from eobench_dash.errors import PathRefused
from eobench_dash.formats.tally import RowProblem

_MAX_FOLDERS = 100_000


class Root:
    """A dataset's folder. Symbolic links are followed only while they stay below it."""

    def __init__(self, root: Path) -> None:
        self.path = Path(os.path.realpath(root))
        self._inside = os.path.join(self.path, "")
        self._prefixes = {self._inside, os.path.join(os.path.abspath(root), "")}
        self._folders: dict[str, str] = {}

    def relative(self, raw: str) -> str:
        """``raw`` relative to this folder, absolute ones below it included. PathRefused otherwise. Opens nothing."""
        if raw.startswith("/"):
            inside = next((raw[len(p) :] for p in self._prefixes if raw.startswith(p)), None)
            return clean_relative_path(raw if inside is None else inside)
        return clean_relative_path(raw)

    def locate(self, relative: str) -> tuple[str, int]:
        """The real path and size of the regular file that ``relative`` names; RowProblem where there is none inside."""
        folder, _, name = relative.rpartition("/")
        real = os.path.join(self._real_folder(folder), name)
        try:
            status = os.lstat(real)
            if stat.S_ISLNK(status.st_mode):
                real = os.path.realpath(real)
                if not real.startswith(self._inside):
                    raise RowProblem(IssueKind.PATH_OUTSIDE_ROOT, "The link leads out of the dataset's folder.")
                status = os.lstat(real)
        except OSError:
            raise RowProblem(IssueKind.MISSING_FILE, "There is no such file.") from None
        if not stat.S_ISREG(status.st_mode):
            raise RowProblem(IssueKind.MISSING_FILE, "This is not a file.")
        return real, status.st_size

    def _real_folder(self, folder: str) -> str:
        known = self._folders.get(folder)
        if known is None:
            known = os.path.realpath(self.path / folder)
            if not os.path.join(known, "").startswith(self._inside):
                raise RowProblem(IssueKind.PATH_OUTSIDE_ROOT, "A linked folder leads out of the dataset's folder.")
            if len(self._folders) >= _MAX_FOLDERS:
                self._folders.clear()
            self._folders[folder] = known
        return known


def relative_or_problem(root: Root, raw: str) -> str:
    """Root.relative, with a refusal as a row's problem."""
    try:
        return root.relative(raw)
    except PathRefused as refused:
        raise RowProblem(IssueKind.PATH_OUTSIDE_ROOT, str(refused)) from None


class SeenPaths:
    """Which paths have been met, in 8 bytes each: sorted runs of 64-bit BLAKE2b keys, merged as they grow.

    Two different paths share a key with a chance below 1e-6 among ten million; the second would count as a duplicate.
    """

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.uint64]] = []

    def add(self, paths: Sequence[str]) -> list[bool]:
        """Remember ``paths``; for each, whether this is its first time."""
        if not paths:
            return []
        digests = b"".join(blake2b(p.encode("utf-8", "surrogatepass"), digest_size=8).digest() for p in paths)
        keys = np.frombuffer(digests, dtype=np.uint64)
        first = np.zeros(len(keys), dtype=bool)
        first[np.unique(keys, return_index=True)[1]] = True
        for run in self._runs:
            at = np.minimum(np.searchsorted(run, keys), len(run) - 1)
            first &= run[at] != keys
        if first.any():
            self._runs.append(np.sort(keys[first]))
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            self._runs[-2:] = [np.sort(np.concatenate(self._runs[-2:]), kind="stable")]
        return [bool(f) for f in first]
