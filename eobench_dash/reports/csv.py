"""A dataset's report as one tidy table: a row is one number, and says what it is, of which label, and from how many."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from eobench_dash.domain.quality import PerClass
from eobench_dash.domain.readings import name_of
from eobench_dash.domain.report import DatasetReport

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = ("table", "label", "other", "measure", "value", "low", "high", "n", "text")
"""``table``: about, summary, label, confusion, cleaning or move. ``other``: the label foretold, or the label now.
``low`` and ``high``: the confidence interval. ``text``: what is no number."""

Row = dict[str, Any]


def guard(cell: Any) -> Any:
    """Text that a spreadsheet would take for a formula gets a leading apostrophe (OWASP, "CSV Injection").

    Numbers pass as they are: a negative number is no formula. White space before the sign does not hide it.
    """
    if not isinstance(cell, str):
        return cell
    return "'" + cell if cell.startswith(FORMULA_STARTS) or cell.lstrip().startswith(FORMULA_STARTS) else cell


def to_csv(table: pd.DataFrame) -> bytes:
    """The table as UTF-8 CSV with a byte-order mark (spreadsheets need it to see UTF-8), every text cell guarded."""
    safe = table.map(guard).rename(columns=guard)
    return safe.to_csv(index=False, lineterminator="\r\n", encoding="utf-8").encode("utf-8-sig", "replace")


def report_csv(report: DatasetReport) -> bytes:
    """The whole report; its columns are ``COLUMNS``."""
    rows = [*_about(report), *_summary(report), *_labels(report), *_confusion(report), *_cleaning(report)]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    # n is a count: without this pandas would write 16109.0 as soon as one row has none.
    return to_csv(table.astype({"n": "Int64"}))


def _about(report: DatasetReport) -> Iterator[Row]:
    v = report.verification
    facts = {
        "dataset": report.name,
        "fingerprint": v.fingerprint,
        "simulated": "yes" if report.simulated else "no",
        "changed since verification": "yes" if report.since.stale else "no",
        "verified at": v.created_at.isoformat(),
        "verified by": v.who,
        "made at": report.made_at.isoformat(),
        "made by": report.made_by,
        "program": f"EO Bench {v.program_version}",
        "features": f"{v.feature_kind} version {v.feature_version}",
        "classifier": v.classifier,
        "folds": v.folds,
        "seed": v.seed,
        "attribution": report.attribution,
    }
    for measure, fact in facts.items():
        number = isinstance(fact, int)
        yield {"table": "about", "measure": measure, "value" if number else "text": fact}
    for note in v.notes:
        yield {"table": "about", "measure": "note", "text": note}


def _summary(report: DatasetReport) -> Iterator[Row]:
    v = report.verification
    if (s := v.classification) is not None:
        interval = s.accuracy_interval
        yield {"table": "summary", "measure": "overall accuracy", "value": s.accuracy, "low": interval.low,
               "high": interval.high, "n": s.n, "text": f"{interval.level:.0%} {interval.method}"}  # fmt: skip
        for measure in ("balanced_accuracy", "macro_f1", "weighted_f1", "mcc", "quantity_disagreement",
                        "allocation_disagreement", "kappa"):  # fmt: skip
            yield {"table": "summary", "measure": measure.replace("_", " "), "value": getattr(s, measure), "n": s.n}
    for per_class in (v.purity, v.silhouette):
        if per_class is not None:
            yield {"table": "summary", "measure": per_class.name, "value": per_class.overall, "n": per_class.n,
                   "text": per_class.detail}  # fmt: skip
    b = v.balance
    for measure, value in (("patches", v.patch_count), ("labelled", b.labelled), ("unlabelled", b.unlabelled),
                           ("labels in use", len(b.codes)), ("imbalance ratio", b.imbalance_ratio),
                           ("evenness", b.evenness), ("effective number of labels", b.effective_number)):  # fmt: skip
        yield {"table": "summary", "measure": measure, "value": value}


def _labels(report: DatasetReport) -> Iterator[Row]:
    v, labels = report.verification, report.labels
    total = max(1, v.balance.labelled)
    for label in v.labels:
        yield {"table": "label", "label": label.name, "measure": "patches", "value": label.count}
        yield {"table": "label", "label": label.name, "measure": "share", "value": label.count / total}
    if (s := v.classification) is not None:
        for i, code in enumerate(s.confusion.codes.tolist()):
            for measure, values in (("precision", s.precision), ("recall", s.recall), ("F1", s.f1)):
                yield {"table": "label", "label": name_of(labels, code), "measure": measure, "value": values[i],
                       "n": int(s.support[i])}  # fmt: skip
    for measured in (v.purity, v.silhouette):
        if measured is not None:
            yield from _per_class(measured, report)


def _per_class(measure: PerClass, report: DatasetReport) -> Iterator[Row]:
    for code, value, n in zip(measure.codes.tolist(), measure.values.tolist(), measure.support.tolist(), strict=True):
        yield {"table": "label", "label": name_of(report.labels, code), "measure": measure.name, "value": value, "n": n}


def _confusion(report: DatasetReport) -> Iterator[Row]:
    """Every pair of labels that occurs; pairs that are not listed have no patch."""
    if (s := report.verification.classification) is None:
        return
    names = [name_of(report.labels, code) for code in s.confusion.codes.tolist()]
    for i, j in np.argwhere(s.confusion.counts).tolist():
        count = int(s.confusion.counts[i, j])
        yield {"table": "confusion", "label": names[i], "other": names[j], "measure": "patches", "value": count}


def _cleaning(report: DatasetReport) -> Iterator[Row]:
    c = report.cleaning
    for measure in ("changed", "unsure", "excluded"):
        yield {"table": "cleaning", "measure": measure, "value": getattr(c, measure)}
    for person in c.contributions:
        for measure, value in (
            ("patches changed", person.changes),
            ("actions", person.batches),
            ("undone", person.undone),
        ):
            yield {"table": "cleaning", "measure": measure, "value": value, "text": person.who}
    for move in c.moves:
        yield {"table": "move", "label": move.before or "", "other": move.after or "", "measure": "patches",
               "value": move.patches}  # fmt: skip
