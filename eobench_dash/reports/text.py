"""Text that survives any label name: fonts that have the letters, markup escaped, lines cut to fit.

An open font of the system is embedded (DejaVu Sans: Latin, Greek, Cyrillic, Arabic, symbols); without it Bitstream
Vera, which comes with ReportLab. East Asian letters use the standard PDF fonts for them, which readers bring along. A
letter that none of them has is shown as a replacement mark instead of failing.
"""

from functools import cache
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas

BODY, BOLD = "EOBody", "EOBody-Bold"
FONT_FOLDERS = (
    Path("/usr/share/fonts/truetype/dejavu"),
    Path("/usr/share/fonts/dejavu-sans-fonts"),
    Path("/usr/share/fonts/dejavu"),
    Path("/usr/share/fonts/TTF"),
    Path("/usr/local/share/fonts"),
    Path("/Library/Fonts"),
    Path("C:/Windows/Fonts"),
)
MISSING = "\ufffd"

_KANA = range(0x3040, 0x3100)
_HANGUL = (range(0x1100, 0x1200), range(0x3130, 0x3190), range(0xAC00, 0xD7B0))
_HAN = tuple(
    range(*ends) for ends in ((0x2E80, 0x3040), (0x3100, 0x3130), (0x31C0, 0xA000), (0xF900, 0xFB00), (0xFF00, 0xFFF0))
)


@cache
def register_fonts() -> str:
    """Make BODY and BOLD known to ReportLab, once per process; the name of the family found."""
    for folder in FONT_FOLDERS:
        if _register(folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf"):
            return "DejaVu Sans"
    if not _register(Path("Vera.ttf"), Path("VeraBd.ttf")):  # found by ReportLab in its own folder
        raise RuntimeError("ReportLab's own font Vera is missing; install reportlab again.")
    return "Bitstream Vera Sans"


def _register(regular: Path, bold: Path) -> bool:
    try:
        pdfmetrics.registerFont(TTFont(BODY, str(regular)))
        pdfmetrics.registerFont(TTFont(BOLD, str(bold)))
    except (TTFError, OSError):
        return False
    pdfmetrics.registerFontFamily(BODY, normal=BODY, bold=BOLD, italic=BODY, boldItalic=BOLD)
    return True


@cache
def _east_asian(name: str) -> str:
    pdfmetrics.registerFont(UnicodeCIDFont(name))
    return name


@cache
def _font_of(char: str, bold: bool) -> str | None:
    """The font that has this letter, or None."""
    register_fonts()
    font, code = BOLD if bold else BODY, ord(char)
    if code in pdfmetrics.getFont(font).face.charToGlyph:
        return font
    if code in _KANA:
        return _east_asian("HeiseiKakuGo-W5")
    if any(code in block for block in _HANGUL):
        return _east_asian("HYGothic-Medium")
    return _east_asian("STSong-Light") if any(code in block for block in _HAN) else None


def runs(text: str, *, bold: bool = False) -> list[tuple[str, str]]:
    """The text as (font, piece) pairs, each piece in a font that has its letters."""
    body = BOLD if bold else BODY
    known = [(font, char) if (font := _font_of(char, bold)) else (body, _substitute(char)) for char in text]
    return [(font, "".join(char for _, char in group)) for font, group in groupby(known, key=lambda pair: pair[0])]


def _substitute(char: str) -> str:
    return MISSING if _font_of(MISSING, False) else "?"


def markup(text: str, *, bold: bool = False) -> str:
    """The text for a ReportLab Paragraph: nothing in it is read as markup, each letter is in a font that has it."""
    body = BOLD if bold else BODY
    return "".join(
        escape(piece) if font == body and not bold else f'<font name="{font}">{escape(piece)}</font>'
        for font, piece in runs(text, bold=bold)
    )


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Width in points."""
    return float(sum(pdfmetrics.stringWidth(piece, font, size) for font, piece in runs(text, bold=bold)))


def fit(text: str, size: float, room: float, *, bold: bool = False) -> str:
    """The text, cut with an ellipsis so that it is at most ``room`` points wide."""
    if width(text, size, bold=bold) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = width(text[:middle].rstrip() + "…", size, bold=bold) <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low].rstrip() + "…"


def draw(canvas: Canvas, x: float, y: float, text: str, size: float, *, bold: bool = False, align: float = 0.0) -> None:
    """Write one line; ``align`` 0 begins at x, .5 centres on it, 1 ends there."""
    x -= align * width(text, size, bold=bold) if align else 0.0
    for font, piece in runs(text, bold=bold):
        canvas.setFont(font, size)
        canvas.drawString(x, y, piece)
        x += pdfmetrics.stringWidth(piece, font, size)
