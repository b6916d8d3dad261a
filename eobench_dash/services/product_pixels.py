"""Patches that are windows into products: products are opened when first needed, and a few are kept open."""

import os
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from eobench_dash.domain.importing import clean_relative_path
from eobench_dash.domain.pixels import PixelSpec
from eobench_dash.domain.products import ReadOptions, split_window
from eobench_dash.errors import BadInput, PatchUnreadable, PathRefused
from eobench_dash.sentinel.opening import open_product
from eobench_dash.sentinel.product import Product
from eobench_dash.services.pixels import Masked, Pixels, confined_root

KEPT_OPEN = 4


class ProductPixels:
    """Windows of products below a dataset's root. Threads take turns: an open product serves one at a time."""

    def __init__(self, spec: PixelSpec) -> None:
        self._root = confined_root(str(spec.root), spec.roots)
        self._options = ReadOptions.from_dict(spec.params.get("options", {}))
        self._unpacked = spec.unpacked
        self._open: OrderedDict[str, Product] = OrderedDict()
        self._turn = Lock()

    def read(self, ordinal: int, path: str | None) -> Pixels:
        return self._read(ordinal, path)[0]

    def read_many(self, ordinals: Sequence[int], paths: Sequence[str | None]) -> list[Pixels]:
        return [pixels for pixels, _ in self.read_masked(ordinals, paths)]

    def read_masked(self, ordinals: Sequence[int], paths: Sequence[str | None]) -> list[Masked]:
        return [self._read(ordinal, path) for ordinal, path in zip(ordinals, paths, strict=True)]

    def _read(self, ordinal: int, path: str | None) -> Masked:
        try:
            name, window = split_window(path or "")
            with self._turn:
                found = self._product(name).read(window)
        except BadInput as error:  # whatever is wrong with a product, here it is wrong with this patch
            raise PatchUnreadable(f"Patch {ordinal}: {error}") from error
        return found.values, found.nodata if found.nodata.any() else None

    def _product(self, name: str) -> Product:
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        real = Path(os.path.realpath(self._root / clean_relative_path(name)))
        if not real.is_relative_to(self._root):
            raise PathRefused("The path of this patch's product leads out of the dataset's folder.")
        product = open_product(real, options=self._options, unpacked=self._unpacked)
        self._open[name] = product
        if len(self._open) > KEPT_OPEN:
            self._open.popitem(last=False)[1].close()
        return product
