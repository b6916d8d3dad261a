"""Ways to look at the bands of a patch: which ones are shown, and how their values become brightness."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """One way to look, as a switch offers it."""

    name: str
    title: str
    help: str = ""


@dataclass(frozen=True)
class Looks:
    """What a dataset's pixels allow, the usual one first; both are empty where there are no pixels."""

    looks: tuple[Look, ...] = ()
    stretches: tuple[Look, ...] = ()


TRUE = Look("true", "True colour", "Red, green and blue as the eye would see them.")
FALSE = Look("false", "False colour", "Near infrared, red and green: vegetation is red, water black.")
SWIR = Look("swir", "SWIR", "Short-wave infrared, bands 12, 8A and 4: bare soil and burnt land brown, plants green.")
GREY = Look("true", "Grey", "The only band there is.")
COMPOSITE = Look("composite", "VV + VH", "Red VV, green VH, blue their ratio.")
VV = Look("vv", "VV", "Backscatter sent and received vertically.")
VH = Look("vh", "VH", "Backscatter sent vertically and received horizontally: high over forest.")
RATIO = Look("ratio", "VV/VH", "The ratio of both: low where volumes scatter, high over bare soil and water.")
SINGLE = Look("vv", "Backscatter", "The only polarisation there is.")

AS_STORED = Look("none", "As stored", "The values of the file.")
PERCENTILE = Look(
    "percentile", "2-98 %", "Each patch from its 2nd to its 98th percentile: shows detail, hides brightness."
)
FIXED = Look("fixed", "Fixed", "The same bounds for every patch: brightness can be compared.")
DECIBEL = Look("percentile", "dB", "Decibels, each patch from its 2nd to its 98th percentile.")
FIXED_DECIBEL = Look("fixed", "dB, fixed", "Decibels between the same bounds for every patch.")
LINEAR = Look(
    "linear", "Linear", "Amplitude, each patch from its 2nd to its 98th percentile: bright targets stand out."
)

LOOK_NAMES = frozenset(look.name for look in (TRUE, FALSE, SWIR, COMPOSITE, VV, VH, RATIO))
STRETCH_NAMES = frozenset(look.name for look in (AS_STORED, PERCENTILE, FIXED, LINEAR))


def looks_of(*, bands: int, eight_bit: bool, modality: str) -> Looks:
    """What patches of so many bands allow. Eight-bit patches are pictures already, whatever they show."""
    if eight_bit:
        return Looks((TRUE if bands >= 3 else GREY,), (AS_STORED, PERCENTILE))
    if modality == "sar":
        return Looks((COMPOSITE, VV, VH, RATIO) if bands > 1 else (SINGLE,), (DECIBEL, FIXED_DECIBEL, LINEAR))
    if bands >= 10:
        return Looks((TRUE, FALSE, SWIR), (PERCENTILE, FIXED))
    if bands >= 4:
        return Looks((TRUE, FALSE), (PERCENTILE, FIXED))
    return Looks((TRUE if bands == 3 else GREY,), (PERCENTILE, FIXED))
