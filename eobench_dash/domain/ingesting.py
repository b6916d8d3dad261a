"""From products to patches: the plan of an ingest, what is refused and why, and the report that tells of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Self

from eobench_dash.domain.areas import Area, area_of
from eobench_dash.domain.products import ProductInfo
from eobench_dash.domain.tiling import Grid, Length, lay, parse_length
from eobench_dash.errors import BadInput

MAX_PRODUCTS = 10_000
MAX_TOTAL = 50_000_000
"""Patches of one dataset."""
OUTSIDE = "outside"
"""Refused because the patch's middle lies outside of the area of interest."""


@dataclass(frozen=True)
class FlagInfo:
    """One quality flag of a patch, a number from 0 to 1. ``refusal`` says in a report why a patch was left out;
    ``notable``: what is above it is worth a look, and is counted."""

    name: str
    title: str
    help: str
    refusal: str
    notable: float = 0.1


_FLAGS = (
    FlagInfo("nodata", "No data", "Share of pixels where the product measured nothing.", "too little data"),
    FlagInfo(
        "black_edge",
        "Black edge",
        "Share of pixels in a black region that touches the patch's rim, as at the edge of a swath.",
        "too much black edge",
    ),
    FlagInfo("saturation", "Saturation", "Share of pixels at the ceiling of at least one band.", "too saturated"),
    FlagInfo(
        "border_noise", "Border noise", "Share of pixels in the noise along a Sentinel-1 scene's border.",
        "too much border noise",
    ),
    FlagInfo("cloud", "Cloud", "Share of pixels that the product's own mask calls cloud or its shadow.", "too cloudy"),
    FlagInfo("blur", "Blur", "How little detail there is: 0 sharp, 1 flat.", "too blurred", 0.6),
    FlagInfo(
        "duplicate",
        "Duplicate",
        "How alike the patch is to the first one that it repeats: 1 equal pixels, 0 repeats none.",
        "repeats another patch", 0.0,
    ),
    FlagInfo(
        "overlap",
        "Overlap",
        "Share of the patch's ground that other patches of its scale cover too, also those of other products.",
        "overlaps others too much",
    ),
)  # fmt: skip
FLAGS: Mapping[str, FlagInfo] = MappingProxyType({flag.name: flag for flag in _FLAGS})
"""Every flag, in the order of tables. Flags are measured for each patch that is kept."""
LIMITABLE = ("nodata", "black_edge", "saturation", "border_noise", "cloud", "blur", "duplicate")
"""Flags for which a plan may set the most that a patch may have."""


def flag_words(name: str, value: float) -> str:
    """A flag as a person reads it: "Cloud 0.43"; what is not zero never reads as zero."""
    return f"{FLAGS[name].title} {'<0.01' if 0 < value < 0.005 else f'{value:.2f}'}"


def worst_flag(flags: Mapping[str, float]) -> str:
    """The flag most worth a look, in words: furthest from what is notable towards 1. Empty where none is notable.

    Of those that speak against a patch (LIMITABLE): overlap follows from how the grid was laid.
    """
    far = {
        name: (flags[name] - FLAGS[name].notable) / (1 - FLAGS[name].notable)
        for name in LIMITABLE
        if flags.get(name, 0.0) > FLAGS[name].notable
    }
    return flag_words(worst, flags[worst]) if (worst := max(far, key=far.__getitem__, default="")) else ""


USUAL = Length(64)
USUAL_LIMITS: Mapping[str, float] = MappingProxyType({"nodata": 0.2})
"""Limits that the page and the command line begin with; a plan itself has none."""


@dataclass(frozen=True)
class IngestPlan:
    """How products are cut. ``scales``: further sizes beside ``patch``; ``limits``: flag → the most a patch may have.

    A patch is kept if its middle lies inside ``area`` (None: everywhere) and no flag is above its limit. A limit on a
    flag that a product cannot tell (clouds without a mask) refuses nothing.
    """

    patch: Length = USUAL
    stride: Length = USUAL
    scales: tuple[Length, ...] = ()
    area: Area | None = None
    limits: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, most in self.limits.items():
            if name not in LIMITABLE:
                raise BadInput(f"There is no limit on {name[:40]!r}; limits are on {', '.join(LIMITABLE)}.")
            if isinstance(most, bool) or not isinstance(most, int | float) or not 0 <= most <= 1:
                raise BadInput(f"The limit on {FLAGS[name].title.lower()} is a share from 0 to 1 (0.2: a fifth).")

    def grids(self, info: ProductInfo) -> tuple[Grid, ...]:
        """The grids of a product, coarse first (see tiling.lay)."""
        return lay(
            self.scales,
            patch=self.patch,
            stride=self.stride,
            height=info.height,
            width=info.width,
            pixel_size=info.pixel_size,
        )

    def lengths(self, info: ProductInfo) -> dict[int, Length]:
        """The sizes as asked for, by what they are in pixels of a product."""
        return {length.pixels(info.pixel_size): length for length in (self.patch, *self.scales)}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "patch": str(self.patch),
            "stride": str(self.stride),
            "scales": [str(scale) for scale in self.scales],
            "area": self.area.to_dict() if self.area else None,
            "limits": dict(self.limits),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict``; also takes what a form or a command line gives. BadInput says what is wrong."""
        given = {name: value for name, value in data.items() if value is not None and value != ""}
        patch = parse_length(given.get("patch", 64))
        sizes, limits = given.get("scales", ()), given.get("limits", {})
        if not isinstance(sizes, list | tuple) or not isinstance(limits, Mapping):
            raise BadInput("Scales are a list of sizes, limits a table of shares by flag.")
        scales = {parse_length(scale) for scale in sizes} - {patch}
        return cls(
            patch=patch,
            stride=parse_length(given.get("stride", str(patch))),
            scales=tuple(sorted(scales, key=lambda scale: -scale.value)),
            area=area_of(given["area"]) if "area" in given else None,
            limits={name: most for name, most in limits.items() if most is not None},
        )


@dataclass(frozen=True)
class ProductTally:
    """What became of one product. ``refused``: reason (a flag's name or ``outside``) → patches; ``error``: why none of
    it could be used."""

    path: str
    name: str = ""
    patches: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    notes: tuple[str, ...] = ()

    @property
    def cut(self) -> int:
        """Patches that the grids have."""
        return self.patches + sum(self.refused.values())


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did. ``flags``: flag → mean, p50, p95 and max over the patches kept, and ``over``: how many are
    above what is notable. ``scales``: patches kept by size in pixels, largest first. ``skipped``: products left out on
    purpose, with why."""

    products: tuple[ProductTally, ...]
    flags: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    scales: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    plan: Mapping[str, Any] = field(default_factory=dict)

    @property
    def patches(self) -> int:
        """Patches kept."""
        return sum(tally.patches for tally in self.products)

    @property
    def refused(self) -> dict[str, int]:
        """Patches refused, by reason, in the order of FLAGS."""
        reasons = [OUTSIDE, *FLAGS]
        counts = {reason: sum(tally.refused.get(reason, 0) for tally in self.products) for reason in reasons}
        return {reason: count for reason, count in counts.items() if count}

    @property
    def failed(self) -> tuple[ProductTally, ...]:
        """Products of which nothing could be used."""
        return tuple(tally for tally in self.products if tally.error)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values. The first few are those of an import's report, so that what reads one reads this one."""
        return {
            "total": self.patches,
            "imported": self.patches,
            "unlabelled": self.patches,
            "counts": {},
            "issues": [],
            "labels": {},
            "vector_dim": None,
            "notes": list(self.notes),
            "ingest": {
                "products": [
                    {
                        "path": tally.path,
                        "name": tally.name,
                        "patches": tally.patches,
                        "refused": dict(tally.refused),
                        "error": tally.error,
                        "notes": list(tally.notes),
                    }
                    for tally in self.products
                ],
                "refused": self.refused,
                "flags": {name: dict(values) for name, values in self.flags.items()},
                "scales": dict(self.scales),
                "skipped": dict(self.skipped),
                "seconds": self.seconds,
                "plan": dict(self.plan),
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self | None:
        """The inverse of ``to_dict``; None for the report of something else (an import of files)."""
        told = data.get("ingest")
        if told is None:
            return None
        tallies = [ProductTally(**{**product, "notes": tuple(product["notes"])}) for product in told["products"]]
        return cls(
            products=tuple(tallies),
            flags=told["flags"],
            scales=dict(sorted(told["scales"].items(), key=lambda scale: -int(scale[0]))),
            skipped=told["skipped"],
            notes=tuple(data["notes"]),
            seconds=told["seconds"],
            plan=told["plan"],
        )


@dataclass(frozen=True)
class IngestEstimate:
    """What an ingest will take, before it starts: guesses but for ``patches``, which is exact unless ``about``.

    ``patches``: those in the area of interest per scale (pixels as text); with limits, fewer are kept. ``lengths``: the
    same by the size as asked for (``1280m``), which products may have in several sizes of pixels. ``seconds``: cutting
    and measuring; ``feature_seconds``: per descriptor. ``bytes``: rows, vectors and thumbnails on disk.
    """

    products: int
    patches: Mapping[str, int]
    seconds: float
    feature_seconds: Mapping[str, float]
    bytes: int
    about: bool = False
    notes: tuple[str, ...] = ()
    lengths: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Patches of all scales."""
        return sum(self.patches.values())

    @property
    def scales(self) -> list[str]:
        """Each size as asked for, in words, largest first: ``1,280 m: 1,205 of 147–155 px``, or ``24 of 64 px``."""
        return [_scale_words(parse_length(length), counts) for length, counts in self.lengths.items()]


def _scale_words(length: Length, counts: Mapping[str, int]) -> str:
    sides = sorted(map(int, counts))
    ends = f"{sides[0]}–{sides[-1]}" if len(sides) > 1 else f"{sides[0]}"
    asked = f"{length.value:,.10g} m: " if length.metres else ""
    return f"{asked}{sum(counts.values()):,} of {ends} px"


def check_total(patches: int) -> None:
    """BadInput for more patches than a dataset may have."""
    if patches > MAX_TOTAL:
        raise BadInput(
            f"That is {patches:,} patches in all, more than {MAX_TOTAL:,}; choose a larger stride or fewer products."
        )


def unlike(first: ProductInfo, other: ProductInfo) -> str:
    """Why a product does not fit a dataset whose first product is ``first``; empty where it does."""
    if other.band_names != first.band_names:
        return (
            f"It has the bands {', '.join(other.band_names)}, the first product has {', '.join(first.band_names)}. "
            "Choose bands that all have, or ingest it as a dataset of its own."
        )
    if other.unit != first.unit:
        return (
            f"Its numbers are {other.unit.value}, those of the first product {first.unit.value}. "
            "Ingest it as a dataset of its own."
        )
    return ""


def refusal_words(reason: str) -> str:
    """A reason for people: ``too cloudy``."""
    return "outside of the area of interest" if reason == OUTSIDE else FLAGS[reason].refusal


def common_notes(notes: Sequence[tuple[str, ...]], *, limit: int = 8) -> tuple[str, ...]:
    """What products say of themselves, each sentence once, with how many say it where not all do."""
    counts: dict[str, int] = {}
    for some in notes:
        for note in dict.fromkeys(some):
            counts[note] = counts.get(note, 0) + 1
    told = [
        note if count == len(notes) else f"{note} ({count:,} of {len(notes):,} products)"
        for note, count in counts.items()
    ]
    return tuple(told[:limit])
