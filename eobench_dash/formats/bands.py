"""What the pictures of a dataset say of their bands, added up: names and unit for those who read the pixels later."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from eobench_dash.domain.importing import ImportOptions, IssueKind
from eobench_dash.domain.patch_folders import EUROSAT_BANDS, EUROSAT_CLASSES
from eobench_dash.domain.products import Unit
from eobench_dash.formats.pictures import Seen
from eobench_dash.formats.tally import RowProblem

MEASURED = 8
"""Floating-point files whose values are looked at, to tell decibels from power."""
_SENTINEL_2 = re.compile(r"[Bb](\d{1,2})([aA]?)")


class BandsMet:
    """Collects what pictures show; ``params`` are the keys of Dataset.source_params that follow from it."""

    def __init__(self, options: ImportOptions) -> None:
        self._options = options
        self._counts: Counter[int] = Counter()
        self._names: set[tuple[str, ...]] = set()
        self._negative: Counter[bool] = Counter()

    @property
    def wants_values(self) -> bool:
        """Whether one more look at the values of a floating-point file is worth its time."""
        return self._negative.total() < MEASURED

    def meet(self, seen: Seen) -> RowProblem | None:
        """Take in one picture; a problem where its bands are not those that were named."""
        if seen.bands is None:
            return None
        named = self._options.bands
        if named and seen.bands != len(named):
            return RowProblem(IssueKind.BAD_RECORD, f"The picture has {seen.bands} bands, but {len(named)} were named.")
        self._counts[seen.bands] += 1
        if len(self._names) < 3:
            self._names.add(seen.names)
        if seen.negative is not None:
            self._negative[seen.negative] += 1
        return None

    def params(self, labels: Iterable[str]) -> dict[str, Any]:
        """Bands (where their names are known), unit and options (where they were told)."""
        params: dict[str, Any] = {}
        names = self._options.bands or self._own_names() or self._eurosat(labels)
        if names:
            params["bands"] = list(names)
        if self._options.unit != "auto":
            params["unit"] = Unit.POWER.value
            params["options"] = {"unit": self._options.unit}
        return params

    def notes(self, labels: Iterable[str]) -> Iterator[str]:
        """What a user should know of the bands."""
        if len(self._counts) > 1:
            counts = ", ".join(f"{n:,} with {bands}" for bands, n in self._counts.most_common(4))
            yield f"The pictures differ in their bands ({counts}); a descriptor needs patches with the same bands."
        elif not self._options.bands and not self._own_names() and self._eurosat(labels):
            yield "The 13 bands were taken in EuroSAT's order, in which B8A comes last."
        if self._options.unit == "dB":
            yield "The values are decibels; they are turned into linear power when read, and the dataset is SAR."
        if self._options.unit == "auto" and self._negative[True]:
            yield (
                "Most pixel values are below zero, as decibels are. If these are decibels, import with the unit dB: "
                "they are then turned into linear power when read, which is what SAR descriptors need."
            )

    def _own_names(self) -> tuple[str, ...]:
        """The names that all files agree on."""
        if len(self._names) != 1 or len(self._counts) != 1:
            return ()
        names = tuple(_tidy(name) for name in next(iter(self._names)))
        return names if all(names) and len(set(names)) == len(names) else ()

    def _eurosat(self, labels: Iterable[str]) -> tuple[str, ...]:
        met = set(labels)
        return EUROSAT_BANDS if set(self._counts) == {len(EUROSAT_BANDS)} and met and met <= EUROSAT_CLASSES else ()


def _tidy(name: str) -> str:
    """Sentinel-2 bands as B04 and B8A, whatever the file calls them; other names as they are, cut short."""
    found = _SENTINEL_2.fullmatch(name.strip())
    if found is None:
        return name.strip()[:40] if name.isprintable() else ""
    number, narrow = found[1], found[2].upper()
    return f"B{int(number)}{narrow}" if narrow else f"B{int(number):02d}"
