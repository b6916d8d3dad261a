"""Domain values to PDF and CSV bytes. No database, no web: what a report says is decided by whoever gathers it."""

from collections.abc import Iterable, Sequence

from eobench_dash.domain.report import DatasetReport


def report_csv(report: DatasetReport) -> bytes:
    """See ``reports.csv.report_csv``. pandas is loaded on the first call: it would hold the web's start up."""
    from eobench_dash.reports.csv import report_csv as make

    return make(report)


def report_pdf(report: DatasetReport, *, invariant: bool = False) -> bytes:
    """See ``reports.pdf.report_pdf``. ReportLab is loaded on the first call: most processes never make a PDF."""
    from eobench_dash.reports.pdf import report_pdf as make

    return make(report, invariant=invariant)


def table_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A small table (the numbers behind a chart) as CSV, guarded as the report's is; pandas is loaded here too."""
    import pandas as pd

    from eobench_dash.reports.csv import to_csv

    return to_csv(pd.DataFrame([list(row) for row in rows], columns=list(columns), dtype=object))


__all__ = ["report_csv", "report_pdf", "table_csv"]
