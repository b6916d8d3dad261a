"""The design tokens: readable in both themes, and the two ways into the dark theme are the same."""

import re
from pathlib import Path

import pytest

ASSETS = Path(__file__).parents[2] / "assets"
CSS = (ASSETS / "tokens.css").read_text()


def block(selector: str) -> dict[str, str]:
    found = re.search(re.escape(selector) + r"\s*\{(.*?)\n\s*\}", CSS, re.DOTALL)
    assert found, selector
    return dict(re.findall(r"(--eob-[\w-]+):\s*([^;]+);", found[1]))


LIGHT, DARK = block(":root"), block('[data-theme="dark"]')


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_measured_right():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


GROUNDS = ("bg", "surface", "surface-2")
PAIRS = [
    *[("text", ground, 7.0) for ground in (*GROUNDS, "surface-3")],
    *[("text-muted", ground, 4.5) for ground in GROUNDS],
    *[(tone, ground, 4.5) for tone in ("accent", "danger", "warn", "ok") for ground in GROUNDS],
    *[(tone, f"{tone}-soft", 4.5) for tone in ("danger", "warn", "ok")],
    ("accent-strong", "accent-soft", 4.5),
    ("accent-text", "accent", 4.5),
    ("danger-text", "danger", 4.5),
    *[("border-strong", ground, 1.5) for ground in GROUNDS],
    *[("focus", ground, 3.0) for ground in GROUNDS],
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "ground", "least"), PAIRS)
def test_colours_are_readable(theme, front, ground, least):
    tokens = LIGHT if theme == "light" else {**LIGHT, **DARK}
    assert contrast(tokens[f"--eob-{front}"], tokens[f"--eob-{ground}"]) >= least


def test_the_system_dark_theme_is_the_chosen_one():
    assert block(":root:not([data-theme])") == DARK


def test_dark_names_no_token_that_light_lacks():
    assert set(DARK) <= set(LIGHT)


def test_every_token_used_is_defined():
    own = {"--eob-icon", "--eob-share"}  # set where they are used
    defined = set(re.findall(r"(--eob-[\w-]+):", CSS)) | own
    for path in ASSETS.glob("*.css"):
        missing = set(re.findall(r"var\((--eob-[\w-]+)\)", path.read_text())) - defined
        assert not missing, f"{path.name} uses {missing}"


def test_every_icon_named_in_python_exists():
    drawn = set(re.findall(r"\.eob-icon--(\w+)", (ASSETS / "icons.css").read_text()))
    package = ASSETS.parent / "eobench_dash"
    used = set()
    for path in [*package.glob("pages/**/*.py"), *package.glob("components/*.py")]:
        used |= set(re.findall(r"""icon(?:_name=|\()"([a-z]+)\"""", path.read_text()))
        used |= set(re.findall(r"""Nav\("[^"]+", "([a-z]+)\"""", path.read_text()))
    assert used, "nothing found: the expressions above do not fit any more"
    assert used <= drawn, used - drawn


def test_assets_ask_nobody_else():
    for path in ASSETS.iterdir():
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|@import|eval\(|new Function", text), path.name
