"""The colours of figures and of the PDF are those of assets/tokens.css."""

import re
from pathlib import Path

import pytest

from eobench_dash.figures.template import TONES
from eobench_dash.reports import style

CSS = (Path(__file__).parents[3] / "assets" / "tokens.css").read_text()
NAMES = {"text": "text", "muted": "text-muted", "border": "border", "surface": "surface", "accent": "accent",
         "good": "ok", "warn": "warn", "bad": "danger", "rest": "border-strong"}  # fmt: skip


def token(theme: str, name: str) -> str:
    block = CSS.split('[data-theme="dark"] {' if theme == "dark" else ":root", 1)[1].split("\n}", 1)[0]
    return re.search(rf"--eob-{name}:\s*(#[0-9a-f]{{6}})", block).group(1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures(theme: str) -> None:
    for own, name in NAMES.items():
        assert getattr(TONES[theme], own) == token(theme, name), (theme, own)


def test_pdf() -> None:
    for own, name in (
        ("TEXT", "text"),
        ("MUTED", "text-muted"),
        ("BORDER", "border"),
        ("ACCENT", "accent"),
        ("WARN", "warn"),
    ):
        assert "#" + getattr(style, own).hexval()[2:] == token("light", name)
