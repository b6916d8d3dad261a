"""Names for the parts of a label, as an eye would say it: brighter, greener, bluer, rougher; or like which label."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

WORDS: Mapping[str, tuple[str, str]] = {
    "brightness": ("dark", "bright"),
    "greenness": ("less green", "green"),
    "blueness": ("less blue", "blue"),
    "redness": ("less red", "red"),
    "roughness": ("smooth", "rough"),
}
"""Trait → its words for little and for much of it."""
CLEAR = 0.8
"""Parts are named by a trait where their means differ by so many of their own standard deviations (Cohen's d)."""


def traits(pixels: Sequence[npt.NDArray[np.generic]], *, modality: str) -> dict[str, npt.NDArray[np.float64]]:
    """Traits of n pictures, each (bands, H, W): name → (n,).

    Brightness is the mean (radar: of the logarithm, as the eye sees it in dB), roughness the mean difference between
    pixels side by side over the mean. Optical pictures of three bands or more have colours too: a band's share of
    red + green + blue, minus a third.
    """
    found: dict[str, list[float]] = {}
    for picture in pixels:
        bands = np.asarray(picture, dtype=np.float64)
        bands = np.where(np.isfinite(bands), bands, 0.0)
        seen = bands[:3] if modality == "optical" and len(bands) >= 3 else bands
        grey = seen.mean(axis=0)
        mean = float(grey.mean())
        steps = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean() if grey.size > 1 else 0.0
        values = {
            "brightness": mean if modality == "optical" else float(np.log(np.maximum(np.abs(grey), 1e-12)).mean()),
            "roughness": float(steps) / (abs(mean) + 1e-12),
        }
        if len(seen) == 3 and modality == "optical":
            share = seen.mean(axis=(1, 2)) / (seen.mean(axis=(1, 2)).sum() + 1e-12) - 1 / 3
            values |= dict(zip(("redness", "greenness", "blueness"), share.tolist(), strict=True))
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in found.items()}


def part_names(
    label: str,
    values: Mapping[str, npt.NDArray[np.float64]],
    parts: npt.NDArray[np.integer],
    *,
    k: int,
    nearest: Sequence[str | None] = (),
) -> list[tuple[str, str]]:
    """(name, why) of each of ``k`` parts: ``River (bright)``, or ``Forest, like Pasture``, or ``Forest · 2``.

    ``values``: trait → (m,) of m pictures, ``parts`` (m,) the part of each; ``nearest``: per part the other label that
    it is most like. Each part gets the trait by which it differs most from all others, no two parts the same words.
    """
    clear = sorted(
        (
            (-abs(d), part, name, d)
            for part in range(k)
            for name in values
            if abs(d := _difference(values[name], parts == part)) >= CLEAR
        ),
    )
    names: dict[int, tuple[str, str]] = {}
    used: set[str] = set()
    for _, part, name, d in clear:
        word = WORDS[name][d > 0]
        if part not in names and word not in used:
            names[part] = (f"{label} ({word})", f"{word}: {name} differs by {abs(d):.1f} standard deviations")
            used.add(word)
    for part in range(k):
        near = nearest[part] if part < len(nearest) else None
        if part not in names and near is not None and list(nearest).count(near) == 1:
            names[part] = (f"{label}, like {near}", f"its nearest other label is {near}")
    return [names.get(part, (f"{label} · {part + 1}", "")) for part in range(k)]


def _difference(values: npt.NDArray[np.float64], own: npt.NDArray[np.bool_]) -> float:
    """Cohen's d of one part against the others; 0 where either has fewer than three pictures."""
    a, b = values[own], values[~own]
    if min(len(a), len(b)) < 3:
        return 0.0
    pooled = np.sqrt((a.var(ddof=1) * (len(a) - 1) + b.var(ddof=1) * (len(b) - 1)) / (len(a) + len(b) - 2))
    return float((a.mean() - b.mean()) / pooled) if pooled > 0 else 0.0
