"""A dataset's report as PDF (A4): what it holds, how far its labels can be trusted, and how that was measured."""

import io
from collections.abc import Callable
from typing import Any

from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate

from eobench_dash.domain.report import DatasetReport
from eobench_dash.reports import sections
from eobench_dash.reports.style import BORDER, MARGIN, MUTED, PAGE_HEIGHT, PAGE_WIDTH, WIDTH
from eobench_dash.reports.text import draw, fit, register_fonts

SECTIONS: tuple[Callable[[DatasetReport], list[Flowable]], ...] = (
    sections.title,
    sections.summary,
    sections.label_table,
    sections.confusion,
    sections.class_table,
    sections.map_section,
    sections.cleaning,
    sections.methods,
    sections.licence,
)


def report_pdf(report: DatasetReport, *, invariant: bool = False) -> bytes:
    """The report's bytes. With ``invariant`` the same report gives the same bytes (no time stamp, no random id)."""
    register_fonts()
    out = io.BytesIO()
    body = Frame(MARGIN, MARGIN + 8, WIDTH, PAGE_HEIGHT - 2 * MARGIN - 8, 0, 0, 0, 0)
    document = BaseDocTemplate(
        out,
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        pageTemplates=[PageTemplate(frames=[body])],
        title=f"{report.name}: dataset report",
        author=report.made_by,
        subject=report.verification.fingerprint,
        creator=f"EO Bench {report.verification.program_version}",
        invariant=int(invariant),
        lang="en",
    )
    document.build([flowable for section in SECTIONS for flowable in section(report)], canvasmaker=_paged(report))
    return out.getvalue()


def _paged(report: DatasetReport) -> type[Canvas]:
    """A canvas that writes ``page x of y``, known only at the end, at the foot of every page."""

    class Paged(Canvas):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, state in enumerate(self._pages, start=1):
                self.__dict__.update(state)
                _footer(self, report, f"page {number} of {len(self._pages)}")
                super().showPage()
            super().save()

    return Paged


def _footer(canvas: Canvas, report: DatasetReport, page: str) -> None:
    simulated = "  ·  SIMULATED DATA" if report.simulated else ""
    left = f"{fit(report.name, 7, WIDTH * 0.45)}  ·  {report.verification.fingerprint[:16]}{simulated}"
    canvas.setStrokeColor(BORDER)
    canvas.setLineWidth(0.5)
    canvas.line(MARGIN, MARGIN, PAGE_WIDTH - MARGIN, MARGIN)
    canvas.setFillColor(MUTED)
    draw(canvas, MARGIN, MARGIN - 11, left, 7)
    draw(canvas, PAGE_WIDTH - MARGIN, MARGIN - 11, page, 7, align=1)
