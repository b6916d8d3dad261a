"""How long the vectors are, from the bands alone. Cheap to import."""

from collections.abc import Sequence

from eobench_dash.errors import UnsupportedPatch
from eobench_dash.ml.features.kinds import (
    BAND_PERCENTILES,
    CHANNEL_STATISTICS,
    CHEN_BINS,
    CHEN_SEGMENTS,
    COMBINED_DIM,
    EXCITATION_BINS,
    GABOR_ORIENTATIONS,
    GABOR_SCALES,
    GLCM_DISTANCES,
    GLCM_PROPERTIES,
    HISTOGRAM_BINS,
    INDEX_STATISTICS,
    MAX_BANDS,
    ORIENTATIONS,
    RCF_FILTERS,
    SAR_BAND_STATISTICS,
    SAR_PAIR_STATISTICS,
    WORDS,
)
from eobench_dash.ml.features.names import find
from eobench_dash.ml.features.spectral import indices_for


def texture_planes(*, bands: int, modality: str) -> int:
    """Planes whose texture is described: one (luminance) for three-band optical patches, else one per band."""
    return 1 if bands == 3 and modality == "optical" else bands


def band_pairs(bands: int) -> tuple[tuple[int, int], ...]:
    """Band pairs whose ratios are described: each band with the next one, closing the ring."""
    if bands < 3:
        return ((0, 1),) if bands == 2 else ()
    return tuple((band, (band + 1) % bands) for band in range(bands))


def dimension(kind: str, *, bands: int, modality: str = "optical", band_names: Sequence[str] | None = None) -> int:
    """Length of the vectors that ``describe`` (for a combined kind: ``combine``, at most) gives for ``bands`` bands.

    Raises UnsupportedPatch for an unknown kind, a band count outside 1..64, or bands from which nothing can be made.
    """
    chosen = find(kind)
    if not 1 <= bands <= MAX_BANDS:
        raise UnsupportedPatch(f"A patch has 1 to {MAX_BANDS} bands; this one has {bands}.")
    if chosen.blocks:
        parts = chosen.blocks_for(modality)
        return min(
            COMBINED_DIM, sum(dimension(p, bands=bands, modality=modality, band_names=band_names) for p in parts)
        )
    if chosen.name == "spectral_indices":
        return len(INDEX_STATISTICS) * len(indices_for(band_names))
    wld = ORIENTATIONS * EXCITATION_BINS
    pairs = len(band_pairs(bands))
    planes = texture_planes(bands=bands, modality=modality)
    return {
        "wld144": wld,
        "wld960": CHEN_SEGMENTS * ORIENTATIONS * CHEN_BINS,
        "sar_wld144": wld * bands,
        "sar_wld144_rmd3x3": wld * bands,
        "color_stats": (bands + pairs) * CHANNEL_STATISTICS + pairs,
        "gabor": 2 * GABOR_SCALES * GABOR_ORIENTATIONS * planes,
        "glcm": 2 * len(GLCM_DISTANCES) * len(GLCM_PROPERTIES) * planes,
        "multispectral_hist": HISTOGRAM_BINS * bands,
        "band_stats": (4 + len(BAND_PERCENTILES)) * bands,
        "sar_stats": SAR_BAND_STATISTICS * bands + SAR_PAIR_STATISTICS * pairs,
        "rcf": 2 * RCF_FILTERS,
        "bovw": WORDS,
    }[chosen.name]
