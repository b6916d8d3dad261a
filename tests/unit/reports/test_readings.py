"""What numbers are said to mean."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from eobench_dash.domain import readings
from eobench_dash.domain.report import Readiness, Since
from eobench_dash.ml import metrics


def test_headlines_tell_number_interval_and_meaning(make_report) -> None:
    v = make_report(["a", "b", "c"]).verification
    accuracy, balanced, purity, silhouette = readings.headlines(v)
    assert accuracy.value == readings.share(v.classification.accuracy)
    assert "95%" in accuracy.detail and "Wilson" in accuracy.detail
    assert f"{v.classification.n:,} patches" in accuracy.reading
    assert purity.name == "kNN purity" and silhouette.value == "0.310"
    assert "weak structure" in silhouette.reading and balanced.detail == "mean recall of 3 labels"


@pytest.mark.parametrize(
    ("value", "word"), [(0.71, "strong"), (0.6, "reasonable"), (0.3, "weak"), (0.2, "overlap"), (np.nan, "Not defined")]
)
def test_silhouette_words(make_report, value: float, word: str) -> None:
    v = make_report(["a", "b"]).verification
    line = readings.headlines(replace(v, silhouette=replace(v.silhouette, overall=value)))[-1]
    assert word in line.reading


def test_weakest_names_labels_below_ninety(make_report) -> None:
    report = make_report(["a", "b"])
    scores = replace(report.verification.classification, f1=np.array([0.95, 0.4]))
    assert readings.weakest_reading(scores, report.labels) == "Look first at b (F1 0.40)."
    good = replace(scores, f1=np.array([0.95, np.nan]))
    assert "No label stands out" in readings.weakest_reading(good, report.labels)


def test_balance_words() -> None:
    assert readings.balance_reading(metrics.label_balance([65535])) == "No patch has a label yet."
    assert "1 patch without a label" in readings.balance_reading(metrics.label_balance([0, 0, 65535]))
    assert "3.0 times" in readings.balance_reading(metrics.label_balance([0, 0, 0, 1]))


def test_undefined_numbers_are_dashes() -> None:
    assert readings.share(float("nan")) == "–" == readings.number(float("nan"))
    assert readings.share(0.92649) == "92.6\u00a0%"


def test_every_measure_shown_has_a_note(make_report) -> None:
    v = make_report(["a", "b"]).verification
    names = {note.name for note in readings.method_notes(v)}
    assert {"Overall accuracy", "Balanced accuracy", "kNN purity", "Silhouette", "Kappa", "MCC"} <= names
    assert "seed 0" in readings.protocol(v) and "5 folds" in readings.protocol(v)
    bare = replace(v, classification=None, purity=None, silhouette=None)
    assert {n.name for n in readings.method_notes(bare)} == {"Evenness, effective number"}


def ready(**changes: object) -> Readiness:
    good = Readiness(
        patches=10, unlabelled=0, unsure=0, excluded=2, described=True, verified_at=datetime.now(UTC),
        since=Since(0, 0), attributed=True, explained=True, simulated=False,
    )  # fmt: skip
    return replace(good, **changes)


def test_checklist() -> None:
    assert all(check.good for check in ready().checks()) and ready().published == 8
    stale = {c.name: c for c in ready(since=Since(3, -1), unlabelled=1).checks()}
    assert "3 label events and -1 patch" in stale["Verified"].sentence and stale["Verified"].blocks
    assert stale["Labelled"].sentence == "1 patch has no label."
    never = {c.name: c for c in ready(since=None, verified_at=None).checks()}
    assert "Never verified" in never["Verified"].sentence
