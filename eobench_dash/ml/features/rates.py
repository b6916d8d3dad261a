"""About how fast each kind describes: for estimates, before anything is computed. Cheap to import."""

from collections.abc import Mapping

from eobench_dash.ml.features.names import find

SIDE = 64
PER_CORE: Mapping[str, float] = {
    "wld144": 56_800,
    "wld960": 40_000,
    "sar_wld144": 23_700,
    "sar_wld144_rmd3x3": 25_000,
    "color_stats": 6_800,
    "gabor": 11_000,
    "glcm": 9_200,
    "multispectral_hist": 10_000,
    "band_stats": 8_500,
    "spectral_indices": 10_000,
    "sar_stats": 16_900,
    "rcf": 2_100,
    "bovw": 4_600,
}
"""Patches of 64 × 64 pixels a second and core, from memory, of the usual bands (three optical, two of radar): measured
by ``bench features``; those not in its table are taken to be as fast as what they are most like."""
_USUAL = {"optical": 3, "sar": 2}


def seconds(kind: str, *, patches: Mapping[int, int], bands: int, modality: str, cores: int) -> float:
    """About how long describing takes once pixels are in memory. ``patches``: side in pixels → how many.

    Time grows with pixels and bands. Of a kind that is made of several: of all of them.
    """
    chosen = find(kind)
    pixels = sum(count * side**2 for side, count in patches.items()) / SIDE**2 * bands / _USUAL.get(modality, 3)
    return sum(pixels / PER_CORE[name] for name in chosen.blocks_for(modality) or (chosen.name,)) / max(cores, 1)
