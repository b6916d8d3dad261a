"""The table of descriptor kinds: what each is called, how long its vectors are, what they are for. Cheap to import."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from eobench_dash.errors import UnsupportedPatch

MODALITIES = ("optical", "sar")
MIN_SIZE = 16
MAX_SIZE = 4096
MAX_BANDS = 64

ORIENTATIONS = 8
EXCITATION_BINS = 18
GABOR_SCALES = 4
GABOR_ORIENTATIONS = 6
CHANNEL_STATISTICS = 18
RCF_FILTERS = 512
COMBINED_DIM = 128


@dataclass(frozen=True)
class FeatureKind:
    """One kind of descriptor. ``version`` rises whenever the same pixels would give other numbers.

    ``blocks`` and ``sar_blocks`` name the kinds that a combined kind is made of (empty for a plain kind).
    """

    name: str
    version: int
    params: Mapping[str, object]
    description: str
    modalities: frozenset[str]
    blocks: tuple[str, ...] = ()
    sar_blocks: tuple[str, ...] = field(default=(), repr=False)

    def blocks_for(self, modality: str) -> tuple[str, ...]:
        """The kinds to describe before ``combine``, in order; empty for a plain kind."""
        return self.sar_blocks if modality == "sar" else self.blocks


def _kind(name: str, version: int, description: str, modalities: tuple[str, ...], **params: object) -> FeatureKind:
    return FeatureKind(name, version, MappingProxyType(params), description, frozenset(modalities))


_WLD = {
    "orientations": ORIENTATIONS,
    "bins": EXCITATION_BINS,
    "alpha": 1.0,
    "eps": 1e-3,
    "layout": "[orientation][bin]",
}

_PLAIN = (
    _kind(
        "wld144",
        1,
        "Weber local descriptor of the luminance: how much and in which direction each pixel differs from its "
        "neighbours, relative to its own brightness. Texture, blind to gain.",
        ("optical",),
        **_WLD,
        window=3,
    ),
    _kind(
        "sar_wld144",
        1,
        "Weber descriptor for radar: gradient by ratio of exponentially weighted means (ROEWA), robust to speckle "
        "and blind to gain. One block per polarisation.",
        ("sar",),
        **(_WLD | {"alpha": 3.0, "eps": 1e-4}),
        variant="roewa",
        scale=2.0,
        radius=4,
    ),
    _kind(
        "sar_wld144_rmd3x3",
        1,
        "Weber descriptor for radar as the literature writes it: 3x3 excitation, ratio of vertical to horizontal mean "
        "differences. Weaker under speckle than sar_wld144; kept for comparison.",
        ("sar",),
        **_WLD,
        variant="rmd3x3",
        window=3,
    ),
    _kind(
        "color_stats",
        1,
        "Statistics of every band and of normalised differences of neighbouring bands (radar: of decibels and ratios): "
        "moments, quantiles, contrast at four distances. Colour and brightness.",
        MODALITIES,
        statistics=CHANNEL_STATISTICS,
        quantile_bins=256,
    ),
    _kind(
        "gabor",
        1,
        "Gabor filter bank of four octaves and six orientations: strength and spread of periodic texture. "
        "Of the luminance for three-band optical patches, of every band otherwise (radar: decibels).",
        MODALITIES,
        scales=GABOR_SCALES,
        orientations=GABOR_ORIENTATIONS,
        frequency=0.3,
        sigma=1.87,
        radius=5,
    ),
    _kind(
        "rcf",
        1,
        "Random convolutional features: 512 seeded 3x3 filters over all bands at three scales, mean of their positive "
        "and of their negative responses. A strong general descriptor without learned weights.",
        MODALITIES,
        filters=RCF_FILTERS,
        window=3,
        split=(192, 160, 160),
        steps=(2, 1, 1),
        detail=20.0,
        colour=6.0,
        seed=0,
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
)

KINDS: dict[str, FeatureKind] = {kind.name: kind for kind in (_ALL, *_PLAIN)}


def find(kind: str) -> FeatureKind:
    """The kind of that name; UnsupportedPatch naming the known ones otherwise."""
    if kind not in KINDS:
        raise UnsupportedPatch(f"There is no descriptor {kind[:40]!r}; choose one of: {', '.join(KINDS)}.")
    return KINDS[kind]


def gabor_planes(*, bands: int, modality: str) -> int:
    """Planes that the Gabor bank filters: one (luminance) for three-band optical patches, else one per band."""
    return 1 if bands == 3 and modality == "optical" else bands


def color_pairs(bands: int) -> tuple[tuple[int, int], ...]:
    """Band pairs whose normalised differences are described: each band with the next one, closing the ring."""
    if bands < 3:
        return ((0, 1),) if bands == 2 else ()
    return tuple((band, (band + 1) % bands) for band in range(bands))


def dimension(kind: str, *, bands: int, modality: str = "optical") -> int:
    """Length of the vectors that ``describe`` (for a combined kind: ``combine``, at most) gives for ``bands`` bands.

    Raises UnsupportedPatch for an unknown kind or a band count outside 1..64.
    """
    find(kind)
    if not 1 <= bands <= MAX_BANDS:
        raise UnsupportedPatch(f"A patch has 1 to {MAX_BANDS} bands; this one has {bands}.")
    wld = ORIENTATIONS * EXCITATION_BINS
    pairs = len(color_pairs(bands))
    return {
        "all": COMBINED_DIM,
        "wld144": wld,
        "sar_wld144": wld * bands,
        "sar_wld144_rmd3x3": wld * bands,
        "color_stats": (bands + pairs) * CHANNEL_STATISTICS + pairs,
        "gabor": 2 * GABOR_SCALES * GABOR_ORIENTATIONS * gabor_planes(bands=bands, modality=modality),
        "rcf": 2 * RCF_FILTERS,
    }[kind]
