"""Importing a dataset: what one good row is, what can be wrong with a row, and the report the user takes away.

A row is either imported or counted under exactly one kind of issue, so
``report.total == report.imported + sum(report.counts.values())`` always holds.
"""

import csv
import io
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import BadInput, PathRefused

MAX_ISSUES = 10_000
"""Issues listed in a report; beyond it they are only counted."""
MAX_PATH_LENGTH = 1024


class IssueKind(StrEnum):
    """Why a row was not imported."""

    PATH_OUTSIDE_ROOT = "path_outside_root"
    MISSING_FILE = "missing_file"
    BROKEN_IMAGE = "broken_image"
    VECTOR_LENGTH = "vector_length"
    NOT_FINITE = "not_finite"
    DUPLICATE_PATH = "duplicate_path"
    BAD_LABEL = "bad_label"
    TOO_LARGE = "too_large"
    BAD_RECORD = "bad_record"


ISSUE_TITLES: Mapping[IssueKind, str] = {
    IssueKind.PATH_OUTSIDE_ROOT: "Path leaves the dataset's folder",
    IssueKind.MISSING_FILE: "File is missing",
    IssueKind.BROKEN_IMAGE: "Image is broken",
    IssueKind.VECTOR_LENGTH: "Feature vector of another length",
    IssueKind.NOT_FINITE: "Feature vector holds NaN or infinity",
    IssueKind.DUPLICATE_PATH: "Path occurs twice (the first is kept)",
    IssueKind.BAD_LABEL: "Label cannot be used",
    IssueKind.TOO_LARGE: "Row or image is too large",
    IssueKind.BAD_RECORD: "Row cannot be read",
}
"""What a table calls each kind."""


@dataclass(frozen=True, eq=False)
class PatchRecord:
    """One good row of a dataset.

    ``path`` is relative to the dataset's root with forward slashes (None where the source names no files);
    ``labels`` may be empty, the first is the primary one; ``vector`` is float32 (dim,) and finite, all of one length
    within a dataset; ``lon`` and ``lat`` are degrees (WGS 84), both or neither; ``extra`` keeps further short fields.
    """

    path: str | None
    labels: tuple[str, ...] = ()
    vector: npt.NDArray[np.float32] | None = None
    lon: float | None = None
    lat: float | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportIssue:
    """One row that was not imported: ``where`` names it (row number or path), ``message`` says what is wrong."""

    kind: IssueKind
    where: str
    message: str


UNITS = ("auto", "dB", "power")
"""What an import may be told of its pixels: nothing, decibels (turned into linear power when read), linear power."""
MAX_PATCH_SIZE = 1024
MAX_SOURCE = 300
_BAND = re.compile(r"[A-Za-z0-9_. -]{1,40}")


@dataclass(frozen=True)
class ImportOptions:
    """What a user may say about the data that the data does not say itself.

    ``patch_size`` and ``stride`` in pixels cut rasters of embeddings (None: 64, and without overlap). ``unit``: one of
    UNITS. ``bands``: names in the order of the files. ``source``: where vectors come from (model, version, data).
    """

    patch_size: int | None = None
    stride: int | None = None
    unit: str = "auto"
    bands: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        for name, value in (("patch size", self.patch_size), ("stride", self.stride)):
            if value is not None and (type(value) is not int or not 1 <= value <= MAX_PATCH_SIZE):
                raise BadInput(f"The {name} is a whole number of pixels from 1 to {MAX_PATCH_SIZE:,}.")
        if self.unit not in UNITS:
            raise BadInput(f"The unit {str(self.unit)[:40]!r} is not known; use {', '.join(UNITS)}.")
        if len(self.bands) > 300 or not all(_BAND.fullmatch(name) for name in self.bands):
            raise BadInput("Band names are short words such as B04 or VV, separated by commas; at most 300.")
        if len(set(self.bands)) < len(self.bands):
            raise BadInput("A band name occurs twice; each band has a name of its own.")
        if len(self.source) > MAX_SOURCE or not (self.source.isprintable()):
            raise BadInput(f"Say in at most {MAX_SOURCE} characters, on one line, where the vectors come from.")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "bands": list(self.bands)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``; unknown keys are left out. BadInput for values that cannot be."""
        known = {key: data[key] for key in ("patch_size", "stride", "unit", "source") if key in data}
        return cls(bands=tuple(data.get("bands", ())), **known)


@dataclass(frozen=True)
class VectorOrigin:
    """Where imported vectors come from: one sentence for people, and facts (layout, model, quantisation …)."""

    summary: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportReport:
    """What an import did. ``issues`` lists at most MAX_ISSUES of them; ``counts`` is always the true number."""

    total: int
    imported: int
    unlabelled: int
    counts: Mapping[IssueKind, int]
    issues: tuple[ImportIssue, ...]
    labels: Mapping[str, int]
    vector_dim: int | None
    notes: tuple[str, ...] = ()

    @property
    def rejected(self) -> int:
        """Rows that were not imported."""
        return sum(self.counts.values())

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "total": self.total,
            "imported": self.imported,
            "unlabelled": self.unlabelled,
            "counts": {kind.value: n for kind, n in self.counts.items()},
            "issues": [{"kind": i.kind.value, "where": i.where, "message": i.message} for i in self.issues],
            "labels": dict(self.labels),
            "vector_dim": self.vector_dim,
            "notes": list(self.notes),
        }

    def to_csv(self) -> bytes:
        """The listed issues as CSV (UTF-8; kind, where, message), cells guarded against spreadsheet formulas."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["kind", "where", "message"])
        writer.writerows([i.kind.value, _no_formula(i.where), _no_formula(i.message)] for i in self.issues)
        if (unlisted := self.rejected - len(self.issues)) > 0:
            writer.writerow(["", "", f"{unlisted} more issues are counted but not listed."])
        return text.getvalue().encode("utf-8", "backslashreplace")


def report_from_dict(data: Mapping[str, Any]) -> ImportReport:
    """The inverse of ImportReport.to_dict."""
    return ImportReport(
        total=data["total"],
        imported=data["imported"],
        unlabelled=data["unlabelled"],
        counts={IssueKind(kind): n for kind, n in data["counts"].items()},
        issues=tuple(ImportIssue(IssueKind(i["kind"]), i["where"], i["message"]) for i in data["issues"]),
        labels=dict(data["labels"]),
        vector_dim=data["vector_dim"],
        notes=tuple(data["notes"]),
    )


def clean_relative_path(raw: str) -> str:
    """A relative path with forward slashes, ``.`` and double slashes removed. Purely lexical.

    Raises PathRefused where it is empty, absolute, climbs with ``..``, is too long, or holds control characters.
    """
    path = raw if "/" in raw else raw.replace("\\", "/")
    if len(path) > MAX_PATH_LENGTH:
        raise PathRefused(f"The path is longer than {MAX_PATH_LENGTH} characters.")
    if unfit(path):
        raise PathRefused("The path holds control characters.")
    if path.startswith("/") or path[1:3] == ":/":
        raise PathRefused("The path is absolute and does not lie below the dataset's folder.")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise PathRefused("The path climbs out with '..'; give it relative to the dataset's folder.")
    if not parts:
        raise PathRefused("The path is empty.")
    return "/".join(parts)


def unfit(name: str) -> str:
    """The characters of a name that no path of a patch may hold: control characters, and what stands for bytes that
    are not UTF-8 (surrogates)."""
    if name.isprintable():  # the quick way to say "nothing to look at closer"
        return ""
    return "".join(c for c in name if unicodedata.category(c) in {"Cc", "Cs"})


def valid_lonlat(lon: float, lat: float) -> bool:
    """Whether both are finite degrees on Earth (longitudes of 0..360 are not)."""
    return math.isfinite(lon) and math.isfinite(lat) and -180 <= lon <= 180 and -90 <= lat <= 90


def _no_formula(cell: str) -> str:
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
