"""Labels: user-defined names with a colour, known on the wire by a stable per-dataset code."""

import re
import unicodedata
from dataclasses import dataclass

from eobench_dash.errors import BadInput

NO_LABEL = 65535
"""The code of a patch without a label (codes are uint16)."""
MAX_LABELS = 65000
MAX_NAME_LENGTH = 120

PALETTE = (
    "#3b7dd8", "#e07b39", "#2f9e6e", "#c9449b", "#8a63d2", "#b8a01f", "#d1495b", "#3aa6b9", "#7a8b2a", "#9c6b4e",
    "#5b6ee1", "#f0a830", "#57b86b", "#e377a9", "#6d4f9e", "#d6c34a", "#a83244", "#1f7f93", "#a7bd4d", "#6e5a4b",
)  # fmt: skip
"""Twenty colours tellable apart on light and dark ground; neighbours differ in lightness for colour-blind readers."""


@dataclass(frozen=True)
class LabelInfo:
    """One label of a dataset. ``code`` is 0..65534, stable, never reused."""

    code: int
    name: str
    color: str
    description: str = ""
    count: int = 0


def default_color(code: int) -> str:
    """The palette's colour for a label's code."""
    return PALETTE[code % len(PALETTE)]


def clean_name(raw: str) -> str:
    """A label's name in NFC with inner white space collapsed.

    Raises BadInput where nothing readable is left, it is too long, or it holds control characters.
    """
    name = re.sub(r"\s+", " ", unicodedata.normalize("NFC", raw)).strip()
    if not name:
        raise BadInput("A label needs a name; this one is empty.")
    if len(name) > MAX_NAME_LENGTH:
        raise BadInput(f"A label's name has at most {MAX_NAME_LENGTH} characters; this one has {len(name)}.")
    if any(unicodedata.category(c).startswith("C") for c in name):
        raise BadInput("A label's name cannot hold control characters; type it again.")
    return name


def clean_color(raw: str) -> str:
    """A colour as lower-case ``#rrggbb``; BadInput otherwise."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", raw.strip()):
        raise BadInput(f"A colour is written #rrggbb; {raw[:20]!r} is not.")
    return raw.strip().lower()
