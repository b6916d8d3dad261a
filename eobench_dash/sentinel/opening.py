"""From a path to an open product: what it is, and the reader that serves."""

from dataclasses import dataclass
from pathlib import Path

from eobench_dash.domain.products import ProductKind, ReadOptions
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.product import Product


@dataclass(frozen=True)
class Candidate:
    """Something that looks like a product (nothing of it is opened yet)."""

    path: Path
    kind: ProductKind


def discover(path: Path) -> list[Candidate]:
    """The products at or below ``path`` (itself a product, or a folder of products), in the order of their names."""
    raise UnreadableProduct(f"{path.name} holds no product that is known.")


def open_product(path: Path, *, options: ReadOptions = ReadOptions(), unpacked: Path | None = None) -> Product:  # noqa: B008
    """Open a SAFE folder, a zip of one, or a raster. UnreadableProduct says what is wrong and what to do."""
    raise UnreadableProduct(f"{path.name} is not a product that is known.")
