"""Which measured patches of an ingest are kept, and which of them repeat others: decided over all products at once."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eobench_dash.domain.ingesting import FLAGS, OUTSIDE, IngestPlan, IngestReport, ProductTally
from eobench_dash.errors import BadInput
from eobench_dash.ml.quality.likeness import exact_repeats, near_repeats
from eobench_dash.services.measuring import MEASURED, Arrays, failure, fingerprint
from eobench_dash.store.blocks import BlockFolder
from eobench_dash.tasks.ingest_products import Cut

_LIGHT = ("scale", "content", "look", "mean", "deviation")


class KeptPatches:
    """The patches that become rows, product by product.

    ``products``: those that have any left, or had any to refuse; ``first``: the ordinal of each one's first patch, and
    the number of all patches at the end; ``repeats`` (patches,): the ordinal of the patch that each repeats (-1: none),
    and ``likeness`` (patches,) how much, 0 to 1; ``tallies``: what became of every product that was measured.
    """

    def __init__(
        self, usable: Sequence[Cut], folder: BlockFolder, *, plan: IngestPlan, check: Callable[[], None]
    ) -> None:
        """Decide. ``check`` is called between products. BadInput where no patch is left."""
        self._folder, self._plan = folder, plan
        self.products: list[Cut] = []
        self.tallies: list[ProductTally] = []
        self._keep: list[npt.NDArray[np.bool_]] = []
        self.repeats = np.empty(0, np.int64)
        self.likeness = np.empty(0, np.float32)
        light: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in _LIGHT}
        refusals: list[dict[str, int]] = []
        for one in usable:
            check()
            found, broken = self._load(one)
            if broken or (broken := _changed(one)):
                self.tallies.append(ProductTally(one.path, one.info.name, error=broken, notes=one.info.notes))
                continue
            keep, refused = self._within_limits(found)
            if outside := int(found["outside"].sum()):
                refused[OUTSIDE] = outside
            self.products.append(one)
            self._keep.append(keep)
            refusals.append(refused)
            for name in _LIGHT:
                light[name].append(found[name][keep])
        if self.products:
            self._find_repeats({name: np.concatenate(parts) for name, parts in light.items()}, refusals)
        for one, keep, refused in zip(self.products, self._keep, refusals, strict=True):
            kept = int(keep.sum())
            self.tallies.append(
                ProductTally(one.path, one.info.name, patches=kept, refused=refused, notes=one.info.notes)
            )
        if not any(tally.patches for tally in self.tallies):
            raise BadInput(_nothing_left(self.tallies))
        self.first: list[int] = np.cumsum([0, *(int(keep.sum()) for keep in self._keep)]).tolist()

    def of(self, number: int) -> Arrays:
        """What was measured of the patches kept of a product, by scale, then place."""
        found, _ = self._load(self.products[number])
        keep = self._keep[number]
        return {name: values[keep] for name, values in found.items() if name != "outside"}

    def _load(self, one: Cut) -> tuple[Arrays, str]:
        """A product's patches by scale, then number; and why it broke, if it did (a retry tries its bands again)."""
        bands = [self._folder.read(one.first_block + band) for band in range(one.bands)]
        broken = {number: why for number, band in enumerate(bands, one.first_block) if (why := failure(band))}
        for number in broken:
            self._folder.drop(number)
        if broken or not bands:
            return {}, next(iter(broken.values()), "No patch of this size fits into it.")
        outside = np.sum([band["outside"] for band in bands], axis=0)
        names = [name for name in bands[0] if name != "outside"]
        found = {name: np.concatenate([band[name] for band in bands]) for name in names}
        order = np.lexsort((found["number"], found["scale"]))
        return {**{name: values[order] for name, values in found.items()}, "outside": outside}, ""

    def _within_limits(self, found: Arrays) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
        """A patch is counted under the first limit that it breaks."""
        keep = np.ones(len(found["scale"]), bool)
        refused: dict[str, int] = {}
        for name in MEASURED:
            if (most := self._plan.limits.get(name)) is not None:
                over = keep & (found[name] > np.float32(most))  # NaN is never over
                if count := int(over.sum()):
                    refused[name] = count
                keep &= ~over
        return keep, refused

    def _find_repeats(self, light: dict[str, npt.NDArray[Any]], refusals: list[dict[str, int]]) -> None:
        """Which patch repeats which, as numbers among all kept; patches over the limit on it are refused."""
        count = len(light["scale"])
        of, likeness = exact_repeats(light["content"]), np.zeros(count, np.float32)
        likeness[of >= 0] = 1
        for scale in np.unique(light["scale"]):
            here = np.flatnonzero((light["scale"] == scale) & (of < 0))
            near, alike = near_repeats(light["look"][here], light["mean"][here], light["deviation"][here])
            some = near >= 0
            of[here[some]], likeness[here[some]] = here[near[some]], np.minimum(alike[some], np.float32(0.999))
        most = self._plan.limits.get("duplicate")
        keep = np.ones(count, bool) if most is None else likeness <= np.float32(most)
        while (dangling := (of >= 0) & ~keep[np.maximum(of, 0)]).any():  # the one it repeats was refused itself
            of[dangling] = of[of[dangling]]
        likeness[of < 0] = 0
        new = np.cumsum(keep) - 1
        self.repeats = np.where(of >= 0, new[np.maximum(of, 0)], -1)[keep]
        self.likeness = likeness[keep]
        start = 0
        for kept, refused in zip(self._keep, refusals, strict=True):
            places = np.flatnonzero(kept)
            lost = places[~keep[start : start + len(places)]]
            start += len(places)
            kept[lost] = False
            if len(lost):
                refused["duplicate"] = len(lost)


def _changed(one: Cut) -> str:
    """Why what was measured cannot be trusted: the product's files are not those that were looked at."""
    try:
        same = fingerprint(one.task.path) == one.fingerprint
    except BadInput as error:
        return str(error)
    return "" if same else f"{one.info.name} has changed while it was being ingested. Leave it as it is, then retry."


def _nothing_left(tallies: Sequence[ProductTally]) -> str:
    """Why no patch is kept."""
    broken = [tally for tally in tallies if tally.error]
    if len(broken) == len(tallies):
        return f"None of the products could be ingested. {broken[0].name}: {broken[0].error}"
    reasons = IngestReport(products=tuple(tallies)).refused
    told = ", ".join(
        f"{count:,} {FLAGS[name].refusal if name in FLAGS else 'outside of the area'}"
        for name, count in reasons.items()
    )
    return f"Every patch was refused ({told}). Loosen the limits or choose another area."
