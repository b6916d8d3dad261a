"""The CSV: numbers that can be read back, and cells that no spreadsheet runs."""

import csv
import io
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.reports.csv import COLUMNS, FORMULA_STARTS, guard, report_csv, to_csv


def read(data: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(data), encoding="utf-8-sig")


def test_numbers_come_back(make_report) -> None:
    report = make_report(["Лес", "Water", "森林"])
    table = read(report_csv(report))
    assert tuple(table.columns) == COLUMNS
    scores = report.verification.classification
    overall = table[table.measure == "overall accuracy"].iloc[0]
    assert overall.value == pytest.approx(scores.accuracy) and overall.n == scores.n
    assert overall.low == pytest.approx(scores.accuracy_interval.low)
    counts = table[table.table == "confusion"]
    assert counts.value.sum() == scores.n
    cell = counts[(counts.label == "Лес") & (counts.other == "森林")].value.iloc[0]
    assert cell == scores.confusion.counts[0, 2]
    f1 = table[(table.table == "label") & (table.label == "Water") & (table.measure == "F1")].value.iloc[0]
    assert f1 == pytest.approx(scores.f1[1])
    assert table[table.measure == "fingerprint"].text.iloc[0] == report.verification.fingerprint


def test_counts_are_whole_numbers(make_report) -> None:
    rows = list(csv.DictReader(io.StringIO(report_csv(make_report(["a", "b"])).decode("utf-8-sig"))))
    assert all(row["n"].isdigit() for row in rows if row["n"])


def test_negative_numbers_stay_numbers(make_report) -> None:
    report = make_report(["a", "b"])
    low = replace(report.verification.silhouette, overall=-0.25)
    report = replace(report, verification=replace(report.verification, silhouette=low))
    table = read(report_csv(report))
    assert table[(table.table == "summary") & (table.measure == "Silhouette")].value.iloc[0] == -0.25


@pytest.mark.parametrize("name", ["=SUM(A1)", "+1", "-1", "@cmd", "\tx", "\rx", "  =HYPERLINK(1)"])
def test_no_label_becomes_a_formula(make_report, name: str) -> None:
    for row in csv.reader(io.StringIO(report_csv(make_report([name, "b"])).decode("utf-8-sig"), newline="")):
        text = [cell for i, cell in enumerate(row) if COLUMNS[i] in {"label", "other", "text", "measure"}]
        assert not any(cell.lstrip(" ").startswith(FORMULA_STARTS) for cell in text), row


@given(st.text())
def test_guard_adds_at_most_an_apostrophe(cell: str) -> None:
    guarded = guard(cell)
    assert guarded in (cell, "'" + cell)
    assert not guarded.lstrip().startswith(FORMULA_STARTS)
    assert guard(guarded) == guarded


def test_guard_leaves_numbers_and_guards_heads() -> None:
    assert guard(-3) == -3 and guard(None) is None
    assert to_csv(pd.DataFrame({"=x": ["+1"], "y": [-1]})).decode("utf-8-sig") == "'=x,y\r\n'+1,-1\r\n"
