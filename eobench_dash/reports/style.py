"""The look of the PDF: colours (those of ``assets/tokens.css``, light), type sizes, tables, and small drawn things."""

from collections.abc import Sequence
from typing import Any

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import CondPageBreak, Flowable, Paragraph, Table, TableStyle

from eobench_dash.reports.text import BODY, BOLD, markup

TEXT, MUTED, BORDER = HexColor("#14201e"), HexColor("#51605c"), HexColor("#d5dcd9")
ACCENT, SOFT, GROUND = HexColor("#0b6660"), HexColor("#d8ebe8"), HexColor("#f4f6f5")
WARN, WARN_SOFT = HexColor("#865000"), HexColor("#faecd2")
RAMP = ("#f7f9f8", "#cfe4e1", "#9bcac4", "#5fa9a1", "#2b827a", "#084f4a")

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN = 18 * mm
WIDTH = PAGE_WIDTH - 2 * MARGIN


def _style(name: str, size: float, **more: Any) -> ParagraphStyle:
    more = {"fontName": BODY, "textColor": TEXT, "leading": size * 1.42, **more}
    return ParagraphStyle(name, fontSize=size, splitLongWords=1, **more)


TITLE = _style("title", 21, fontName=BOLD, leading=26)
HEADING = _style("heading", 12.5, fontName=BOLD, textColor=ACCENT, spaceBefore=16, spaceAfter=5)
PLAIN = _style("plain", 9, spaceAfter=3.5)
QUIET = _style("quiet", 8, textColor=MUTED)
CELL = _style("cell", 8, leading=10.4)
CELL_RIGHT = _style("cell-right", 8, leading=10.4, alignment=2)
HEAD = _style("head", 7.2, leading=9, textColor=MUTED)
HEAD_RIGHT = _style("head-right", 7.2, leading=9, textColor=MUTED, alignment=2)
CARD_NAME = _style("card-name", 7.5, textColor=MUTED, leading=10)
CARD_VALUE = _style("card-value", 17, fontName=BOLD, textColor=ACCENT, leading=21)
NOTICE = _style("notice", 8.6, textColor=WARN)


def para(text: str, style: ParagraphStyle = PLAIN, *, lead: str = "") -> Paragraph:
    """A paragraph of plain text: whatever it holds is shown, not obeyed. ``lead`` goes before it in bold."""
    before = markup(lead + ". ", bold=True) if lead else ""
    return Paragraph(before + markup(text, bold=style.fontName == BOLD), style)


def table(
    head: Sequence[str], rows: Sequence[Sequence[Any]], widths: Sequence[float], *, numbers: Sequence[int] = ()
) -> Table:
    """A quiet table, its head repeated on each page it takes; text cells wrap, ``numbers`` columns align right."""
    body = [[_cell(cell, i in numbers) for i, cell in enumerate(row)] for row in rows]
    heads = [para(name, HEAD_RIGHT if i in numbers else HEAD) for i, name in enumerate(head)]
    rules = [
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, MUTED),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, BORDER),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 5),
        ("TOPPADDING", (0, 0), (-1, -1), 2.4),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.6),
    ]
    return Table([heads, *body], colWidths=list(widths), repeatRows=1, style=TableStyle(rules), hAlign="LEFT")


def section(name: str, *, room: float = 110) -> list[Flowable]:
    """A section's heading, on a new page unless ``room`` points are left below it."""
    return [CondPageBreak(room), para(name, HEADING)]


def _cell(content: Any, right: bool) -> Flowable:
    return content if isinstance(content, Flowable) else para(str(content), CELL_RIGHT if right else CELL)


def notice(text: str) -> Table:
    """A sentence nobody may overlook: simulated, or out of date."""
    rules = [
        ("BACKGROUND", (0, 0), (-1, -1), WARN_SOFT),
        ("LINEBEFORE", (0, 0), (0, -1), 3, WARN),
        ("LEFTPADDING", (0, 0), (-1, -1), 9),
        ("TOPPADDING", (0, 0), (-1, -1), 5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
    ]
    return Table([[para(text, NOTICE)]], colWidths=[WIDTH], style=TableStyle(rules), spaceBefore=7, spaceAfter=2)


class Swatch(Flowable):  # type: ignore[misc]
    """A small square in a label's colour."""

    def __init__(self, color: str) -> None:
        super().__init__()
        self.width = self.height = 7.5
        self.color = HexColor(color)

    def draw(self) -> None:
        self.canv.setFillColor(self.color)
        self.canv.roundRect(0, 0, 7.5, 7.5, 1.5, stroke=0, fill=1)


class Bar(Flowable):  # type: ignore[misc]
    """A bar of ``share`` (0..1) of its cell."""

    def __init__(self, share: float, width: float, color: Color = ACCENT) -> None:
        super().__init__()
        self.width, self.height = width, 6.0
        self.share, self.color = min(max(share, 0.0), 1.0), color

    def draw(self) -> None:
        self.canv.setFillColor(GROUND)
        self.canv.roundRect(0, 0, self.width, self.height, 1.5, stroke=0, fill=1)
        if length := self.share * self.width:
            self.canv.setFillColor(self.color)
            self.canv.roundRect(0, 0, max(length, 0.8), self.height, min(1.5, length / 2), stroke=0, fill=1)


def shade(share: float) -> Color:
    """The ramp's colour at ``share`` in 0..1."""
    at = min(max(share, 0.0), 1.0) * (len(RAMP) - 1)
    low = min(int(at), len(RAMP) - 2)
    a, b = HexColor(RAMP[low]), HexColor(RAMP[low + 1])
    mix = [x * (low + 1 - at) + y * (at - low) for x, y in zip(a.rgb(), b.rgb(), strict=True)]
    return Color(*mix)
