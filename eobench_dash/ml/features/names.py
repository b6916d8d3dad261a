"""From what a user writes to a kind: names, other names, and several joined by "+"."""

from types import MappingProxyType

from eobench_dash.errors import UnsupportedPatch
from eobench_dash.ml.features.kinds import COMBINED_DIM, KINDS, FeatureKind

ALIASES = {
    "wld": "wld144",
    "sar_wld": "sar_wld144",
    "sar_wld_roewa": "sar_wld144",
    "sar_wld_literal": "sar_wld144_rmd3x3",
}
MAX_BLOCKS = 8
MAX_NAME = 64
"""Characters of a kind's name that the database keeps."""


def find(kind: str) -> FeatureKind:
    """The kind of that name or other name; "a+b" makes one of several.

    A joined kind describes each of its blocks, gives them the same weight and keeps at most 128 principal components.
    Its name has the blocks in the table's order, so that the same blocks are the same features however written.
    Raises UnsupportedPatch naming the known kinds, or saying why these cannot be joined.
    """
    if "+" not in kind:
        return _plain(kind)
    if kind.count("+") >= MAX_BLOCKS:
        raise UnsupportedPatch(f"At most {MAX_BLOCKS} descriptors can be joined; this is {kind.count('+') + 1}.")
    blocks = [_plain(part.strip()) for part in kind.split("+")]
    names = [block.name for block in blocks]
    for block in blocks:
        if block.blocks:
            raise UnsupportedPatch(f"{block.name} is made of several descriptors itself; join single ones.")
        if names.count(block.name) > 1:
            raise UnsupportedPatch(f"{block.name} is named twice; name each descriptor once.")
    return _joined(sorted(blocks, key=lambda block: list(KINDS).index(block.name)))


def _plain(kind: str) -> FeatureKind:
    name = ALIASES.get(kind, kind)
    if name not in KINDS:
        raise UnsupportedPatch(f"There is no descriptor {kind[:40]!r}; choose one of: {', '.join(KINDS)}.")
    return KINDS[name]


def _joined(blocks: list[FeatureKind]) -> FeatureKind:
    modalities = frozenset.intersection(*(block.modalities for block in blocks))
    names = tuple(block.name for block in blocks)
    name = "+".join(names)
    if not modalities:
        optical = next(block.name for block in blocks if "sar" not in block.modalities)
        radar = next(block.name for block in blocks if "optical" not in block.modalities)
        raise UnsupportedPatch(f"{optical} describes optical patches and {radar} radar ones: no patch has both.")
    if len(name) > MAX_NAME:
        raise UnsupportedPatch(f"These names make {len(name)} characters; at most {MAX_NAME}: join fewer descriptors.")
    versions = {block.name: block.version for block in blocks}
    return FeatureKind(
        name,
        1 + sum(version - 1 for version in versions.values()),
        MappingProxyType({"dim": COMBINED_DIM, "seed": 0, "clip": 3.0, "versions": versions}),
        f"{', '.join(names[:-1])} and {names[-1]} together: each transformed, standardised and given the same weight, "
        f"then reduced to at most {COMBINED_DIM} principal components.",
        modalities,
        names,
        names,
        purpose=" ".join(block.purpose for block in blocks),
        units="standard deviations, weighted",
        source="; ".join(dict.fromkeys(block.source for block in blocks)),
        learns=any(block.learns for block in blocks),
        needs_band_names=any(block.needs_band_names for block in blocks),
    )


def needs_fit(kind: str) -> bool:
    """True if the kind (of a combined one: any of its blocks) learns from the dataset before it describes."""
    return find(kind).learns
