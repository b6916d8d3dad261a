"""The values of an import: clean paths, a report that survives JSON, a CSV that no spreadsheet executes."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.domain.importing import (
    ISSUE_TITLES,
    MAX_ISSUES,
    ImportIssue,
    ImportReport,
    IssueKind,
    clean_relative_path,
    report_from_dict,
    valid_lonlat,
)
from eobench_dash.errors import PathRefused


@pytest.mark.parametrize(
    ("raw", "clean"),
    [("a.png", "a.png"), ("./a//b/./c.png", "a/b/c.png"), ("a\\b.png", "a/b.png"), ("sea/ü é.png", "sea/ü é.png")],
)
def test_paths_are_tidied(raw: str, clean: str) -> None:
    assert clean_relative_path(raw) == clean


@pytest.mark.parametrize(
    "raw",
    [
        "",
        ".",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a/..",
        "..\\x",
        "C:\\x",
        "C:/x",
        "a\0b",
        "a\nb",
        "\ud800.png",
        "x" * 1025,
    ],
)
def test_paths_that_leave_or_cannot_be_are_refused(raw: str) -> None:
    with pytest.raises(PathRefused):
        clean_relative_path(raw)


@given(st.text(max_size=40))
def test_a_clean_path_has_no_way_up_and_is_stable(raw: str) -> None:
    try:
        clean = clean_relative_path(raw)
    except PathRefused:
        return
    assert not clean.startswith("/") and ".." not in clean.split("/") and "\0" not in clean
    assert clean_relative_path(clean) == clean


def test_every_kind_has_a_title() -> None:
    assert set(ISSUE_TITLES) == set(IssueKind)


def _report(*issues: ImportIssue, count: int | None = None) -> ImportReport:
    return ImportReport(
        total=9, imported=1, unlabelled=0, counts={IssueKind.BAD_RECORD: count or len(issues)}, issues=issues,
        labels={"sea": 1}, vector_dim=3, notes=("n",),
    )  # fmt: skip


def test_report_survives_json() -> None:
    report = _report(ImportIssue(IssueKind.BAD_RECORD, "row 1", "no"))
    assert report_from_dict(json.loads(json.dumps(report.to_dict()))) == report


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_cells_are_no_formulas(start: str) -> None:
    rows = list(
        csv.reader(io.StringIO(_report(ImportIssue(IssueKind.BAD_RECORD, f"{start}1+1", "m")).to_csv().decode()))
    )
    assert rows[0] == ["kind", "where", "message"]
    assert rows[1] == ["bad_record", f"'{start}1+1", "m"]


def test_csv_says_what_it_leaves_out() -> None:
    text = _report(ImportIssue(IssueKind.BAD_RECORD, "row 1", "m"), count=MAX_ISSUES + 5).to_csv().decode()
    assert f"{MAX_ISSUES + 4} more issues" in text


@pytest.mark.parametrize(
    ("lon", "lat", "ok"),
    [(0, 0, True), (-180, 90, True), (180.1, 0, False), (0, -90.1, False), (float("nan"), 0, False)],
)
def test_lonlat(lon: float, lat: float, ok: bool) -> None:
    assert valid_lonlat(lon, lat) is ok
