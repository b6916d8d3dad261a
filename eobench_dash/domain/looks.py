"""Ways to look at the bands of a patch: which ones are shown, and how their values become brightness."""

from collections.abc import Sequence
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


BANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "true": (("B04",), ("B03",), ("B02",)),
    "false": (("B08", "B8A"), ("B04",), ("B03",)),
    "swir": (("B12",), ("B8A", "B08"), ("B04",)),
}
"""The bands of Sentinel-2 that a look shows as red, green and blue; of several the first that there is."""
_CO, _CROSS = ("VV", "HH"), ("VH", "HV")


def looks_of(*, bands: int, eight_bit: bool, modality: str, names: Sequence[str] | None = None) -> Looks:
    """What patches of so many bands allow. Eight-bit patches are pictures already, whatever they show.

    ``names``: of the bands in their order, where they are known; looks then go by them instead of by their number.
    """
    stretches = _stretches(eight_bit=eight_bit, modality=modality)
    if names is not None and len(names) == bands:
        return Looks(_sar_looks(names, eight_bit) if modality == "sar" else _optical_looks(names), stretches)
    if eight_bit:
        return Looks((TRUE if bands >= 3 else GREY,), stretches)
    if modality == "sar":
        return Looks((COMPOSITE, VV, VH, RATIO) if bands > 1 else (SINGLE,), stretches)
    if bands >= 10:
        return Looks((TRUE, FALSE, SWIR), stretches)
    if bands >= 4:
        return Looks((TRUE, FALSE), stretches)
    return Looks((TRUE if bands == 3 else GREY,), stretches)


def bands_of(look: str, names: Sequence[str]) -> tuple[int, int, int] | None:
    """Which bands an optical look shows as red, green and blue; None where one is not among ``names``.

    Bands that are not Sentinel-2's: the first three, or one as grey, are what there is of true colour.
    """
    where = {name.upper(): number for number, name in enumerate(names)}
    found = [next((where[name] for name in some if name in where), None) for some in BANDS.get(look, ())]
    if len(found) == 3 and None not in found:
        red, green, blue = (number for number in found if number is not None)
        return red, green, blue
    if look != "true":
        return None
    return (0, 1, 2) if len(names) == 3 else (0, 0, 0)


def polarisations(names: Sequence[str]) -> tuple[int, int] | None:
    """(co-polarised, cross-polarised) band of a pair that belongs together (VV and VH, or HH and HV); else None."""
    upper = [name.upper() for name in names]
    for co, cross in zip(_CO, _CROSS, strict=True):
        if co in upper and cross in upper:
            return upper.index(co), upper.index(cross)
    return None


def _optical_looks(names: Sequence[str]) -> tuple[Look, ...]:
    red, green, blue = bands_of("true", names) or (0, 0, 0)
    usual = GREY if red == green == blue else TRUE
    return (usual, *(look for look in (FALSE, SWIR) if bands_of(look.name, names) is not None))


def _sar_looks(names: Sequence[str], eight_bit: bool) -> tuple[Look, ...]:
    pair = polarisations(names)
    if pair is None:
        return (Look("vv", names[0], "The only polarisation that is shown."),)
    co, cross = (names[number] for number in pair)
    both = Look("composite", f"{co} + {cross}", f"Red {co}, green {cross}, blue their ratio.")
    single = (Look("vv", co, VV.help), Look("vh", cross, VH.help))
    return single if eight_bit else (both, *single, Look("ratio", f"{co}/{cross}", RATIO.help))


def _stretches(*, eight_bit: bool, modality: str) -> tuple[Look, ...]:
    if eight_bit:
        return (AS_STORED, PERCENTILE)
    return (DECIBEL, FIXED_DECIBEL, LINEAR) if modality == "sar" else (PERCENTILE, FIXED)
