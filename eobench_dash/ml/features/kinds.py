"""The table of descriptor kinds: what each is called, what it is for, where it comes from. Cheap to import."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

MODALITIES = ("optical", "sar")
MIN_SIZE = 16
MAX_SIZE = 4096
MAX_BANDS = 64

ORIENTATIONS = 8
EXCITATION_BINS = 18
CHEN_SEGMENTS = 6
CHEN_BINS = 20
GABOR_SCALES = 4
GABOR_ORIENTATIONS = 6
GLCM_DISTANCES = (1, 2, 4)
GLCM_PROPERTIES = ("contrast", "dissimilarity", "homogeneity", "ASM", "energy", "correlation", "entropy")
CHANNEL_STATISTICS = 18
HISTOGRAM_BINS = 16
BAND_PERCENTILES = (2, 10, 25, 50, 75, 90, 98)
INDEX_STATISTICS = ("mean", "std", "p10", "p50", "p90")
SAR_BAND_STATISTICS = 8
SAR_PAIR_STATISTICS = 6
RCF_FILTERS = 512
WORDS = 256
COMBINED_DIM = 128


@dataclass(frozen=True)
class FeatureKind:
    """One kind of descriptor. ``version`` rises whenever the same pixels would give other numbers.

    ``blocks`` and ``sar_blocks`` name the kinds that a combined kind is made of (empty for a plain kind). ``purpose``:
    in one plain sentence, what it is good for; ``units`` of its numbers; ``source``: where the method is published.
    ``learns``: it describes patches only after ``fit`` on some of the dataset; ``needs_band_names``: it has to know
    which band is which.
    """

    name: str
    version: int
    params: Mapping[str, object]
    description: str
    modalities: frozenset[str]
    blocks: tuple[str, ...] = ()
    sar_blocks: tuple[str, ...] = field(default=(), repr=False)
    purpose: str = ""
    units: str = ""
    source: str = ""
    learns: bool = False
    needs_band_names: bool = False

    @property
    def folder(self) -> str:
        """The name as a folder may be called."""
        return self.name.replace("+", ".")

    def blocks_for(self, modality: str) -> tuple[str, ...]:
        """The kinds to describe before ``combine``, in order; empty for a plain kind."""
        return self.sar_blocks if modality == "sar" else self.blocks


def _kind(
    name: str,
    version: int,
    description: str,
    modalities: tuple[str, ...],
    *,
    purpose: str,
    units: str,
    source: str,
    params: Mapping[str, object],
    learns: bool = False,
    needs_band_names: bool = False,
) -> FeatureKind:
    return FeatureKind(
        name,
        version,
        MappingProxyType(dict(params)),
        description,
        frozenset(modalities),
        purpose=purpose,
        units=units,
        source=source,
        learns=learns,
        needs_band_names=needs_band_names,
    )


_WLD: dict[str, object] = {
    "orientations": ORIENTATIONS,
    "bins": EXCITATION_BINS,
    "alpha": 1.0,
    "eps": 1e-3,
    "layout": "[orientation][bin]",
}
_SHARES = "shares of the pixels, 0 to 1"
_CHEN = "J. Chen et al., WLD: a robust local image descriptor, TPAMI 32(9), 2010"
_CUI = "S. Cui, C. O. Dumitru, M. Datcu, Ratio-detector-based feature extraction, IEEE GRSL 10(5), 2013"

_PLAIN = (
    _kind(
        "wld144",
        1,
        "Weber local descriptor of the luminance: how much and in which direction each pixel differs from its "
        "neighbours, relative to its own brightness. Texture, blind to gain.",
        ("optical",),
        purpose="Tells textures apart in optical patches, whatever their brightness.",
        units=_SHARES,
        source=_CHEN,
        params={**_WLD, "window": 3},
    ),
    _kind(
        "wld960",
        1,
        "The Weber descriptor in its published size: 6 segments x 8 orientations x 20 bins. Finer than wld144, and "
        "seven times as long; kept for comparison with the literature.",
        ("optical",),
        purpose="The published Weber descriptor, to compare with other work.",
        units=_SHARES,
        source=_CHEN,
        params={
            **_WLD,
            "bins": CHEN_SEGMENTS * CHEN_BINS,
            "segments": CHEN_SEGMENTS,
            "layout": "[segment][orientation][bin]",
            "window": 3,
        },
    ),
    _kind(
        "sar_wld144",
        1,
        "Weber descriptor for radar: gradient by ratio of exponentially weighted means (ROEWA), robust to speckle "
        "and blind to gain. One block per polarisation.",
        ("sar",),
        purpose="Tells textures apart in radar patches despite speckle; the first choice for Sentinel-1.",
        units=_SHARES,
        source=f"{_CUI}; R. Fjortoft et al., TGRS 36(3), 1998 (ROEWA)",
        params={**_WLD, "alpha": 3.0, "eps": 1e-4, "variant": "roewa", "scale": 2.0, "radius": 4},
    ),
    _kind(
        "sar_wld144_rmd3x3",
        1,
        "Weber descriptor for radar as the literature writes it: 3x3 excitation, ratio of vertical to horizontal mean "
        "differences. Weaker under speckle than sar_wld144; kept for comparison.",
        ("sar",),
        purpose="The literal radar Weber descriptor, to compare with other work.",
        units=_SHARES,
        source=_CUI,
        params={**_WLD, "variant": "rmd3x3", "window": 3},
    ),
    _kind(
        "color_stats",
        1,
        "Statistics of every band and of normalised differences of neighbouring bands (radar: of decibels and ratios): "
        "moments, quantiles, contrast at four distances. Colour and brightness.",
        MODALITIES,
        purpose="Colour, brightness and coarseness in one; strong on pictures of three bands.",
        units="reflectance (radar: log10 of power) and plain numbers",
        source="own choice of measures",
        params={
            "statistics": CHANNEL_STATISTICS,
            "quantile_bins": 256,
        },
    ),
    _kind(
        "gabor",
        1,
        "Gabor filter bank of four octaves and six orientations: strength and spread of periodic texture. "
        "Of the luminance for three-band optical patches, of every band otherwise (radar: decibels).",
        MODALITIES,
        purpose="Finds stripes, rows and grids of a certain width and direction: fields, streets, waves.",
        units="reflectance (radar: log10 of power)",
        source="B. S. Manjunath, W. Y. Ma, Texture features for browsing and retrieval, TPAMI 18(8), 1996",
        params={
            "scales": GABOR_SCALES,
            "orientations": GABOR_ORIENTATIONS,
            "frequency": 0.3,
            "sigma": 1.87,
            "radius": 5,
        },
    ),
    _kind(
        "glcm",
        1,
        "Grey-level co-occurrence: which of 32 fixed levels lie side by side at distances of 1, 2 and 4 pixels; seven "
        "properties, their mean and range over four angles. Of the luminance for three-band optical patches, of every "
        "band otherwise (radar: fixed decibel limits).",
        MODALITIES,
        purpose="The classic texture measures, which every reader knows: contrast, homogeneity, entropy.",
        units="grey levels and plain numbers",
        source="R. M. Haralick, K. Shanmugam, I. Dinstein, Textural features for image classification, TSMC 3(6), 1973",
        params={
            "levels": 32,
            "distances": GLCM_DISTANCES,
            "angles": (0, 45, 90, 135),
            "properties": GLCM_PROPERTIES,
            "reflectance_limits": (0.0, 1.0),
            "decibel_limits": (-35.0, 5.0),
        },
    ),
    _kind(
        "multispectral_hist",
        1,
        "Histogram of every band over fixed limits of reflectance, 16 bins of equal steps of its square root (8-bit "
        "pictures: of the value), so that dark water and bright sand both have bins of their own.",
        ("optical",),
        purpose="Which reflectances occur in each band: separates materials, blind to where they lie in the patch.",
        units=_SHARES,
        source="M. J. Swain, D. H. Ballard, Color indexing, IJCV 7(1), 1991 (histograms as descriptors)",
        params={
            "bins": HISTOGRAM_BINS,
            "limits": (0.0, 1.0),
        },
    ),
    _kind(
        "band_stats",
        1,
        "Per band: mean, standard deviation, skewness, excess kurtosis and seven percentiles.",
        ("optical",),
        purpose="The spectrum of the patch and its spread: short, quick, and strong on many bands.",
        units="reflectance and plain numbers",
        source="plain moments and percentiles",
        params={
            "percentiles": BAND_PERCENTILES,
        },
    ),
    _kind(
        "spectral_indices",
        1,
        "NDVI, NDWI, MNDWI, NDBI, NDSI, NBR, BSI and EVI, those that the bands allow: mean, standard deviation and "
        "three percentiles of each.",
        ("optical",),
        purpose="Vegetation, water, built-up land, snow, burns and bare soil, as numbers that experts read.",
        units="index values, -1 to 1",
        source="Rouse 1974; McFeeters 1996; Xu 2006; Zha 2003; Hall 1995; Key, Benson 2006; Rikimaru 2002; Huete 2002",
        needs_band_names=True,
        params={
            "statistics": INDEX_STATISTICS,
            "limits": (-1.0, 1.0),
        },
    ),
    _kind(
        "sar_stats",
        1,
        "Per polarisation: mean, standard deviation, skewness and kurtosis of the decibels, coefficient of variation, "
        "three log-cumulants; per pair of polarisations the same of their ratio, and their correlation.",
        ("sar",),
        purpose="How bright and how rough the radar sees the patch, and what the two polarisations tell together.",
        units="dB and plain numbers",
        source="C. Tison et al., TGRS 42(10), 2004; J.-M. Nicolas, Traitement du Signal 19(3), 2002 (log-cumulants)",
        params={
            "floor": 1e-5,
        },
    ),
    _kind(
        "rcf",
        1,
        "Random convolutional features: 512 seeded 3x3 filters over all bands at three scales, mean of their positive "
        "and of their negative responses. A strong general descriptor without learned weights.",
        MODALITIES,
        purpose="The strongest single descriptor here; for when only the accuracy counts.",
        units="reflectance (radar: log10 of power), strengthened",
        source="E. Rolf et al., A generalizable and accessible approach to machine learning with global satellite "
        "imagery, Nature Communications 12, 2021",
        params={
            "filters": RCF_FILTERS,
            "window": 3,
            "split": (192, 160, 160),
            "steps": (2, 1, 1),
            "detail": 20.0,
            "colour": 6.0,
            "seed": 0,
        },
    ),
    _kind(
        "bovw",
        1,
        "Bag of visual words: small windows every four pixels, each counted for the most alike of 256 words learned "
        "from the dataset itself. Optical words are made of normalised gradients; radar words of local mean, local "
        "variance and ratios of means in four directions.",
        MODALITIES,
        purpose="Describes a patch by the small patterns it is made of, learned from your own data.",
        units="shares of the windows, 0 to 1",
        source=f"J. Sivic, A. Zisserman, Video Google, ICCV 2003; {_CUI}",
        learns=True,
        params={
            "words": WORDS,
            "step": 4,
            "cells": (4, 8),
            "sar_windows": (9, 15),
        },
    ),
)

_ALL = FeatureKind(
    "all",
    1,
    MappingProxyType({"dim": COMBINED_DIM, "seed": 0, "clip": 3.0}),
    "All descriptors together: each block transformed, standardised and given the same weight, then reduced to 128 "
    "principal components. The default.",
    frozenset(MODALITIES),
    ("wld144", "color_stats", "gabor", "rcf"),
    ("sar_wld144", "color_stats", "gabor", "rcf"),
    purpose="Texture, colour and patterns together; the best start for maps, search and cleaning.",
    units="standard deviations, weighted",
    source="own combination of the four",
)

KINDS: dict[str, FeatureKind] = {kind.name: kind for kind in (_ALL, *_PLAIN)}
