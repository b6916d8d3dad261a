"""Look at products: what is there before an ingest, and those of a dataset. (``previewing``: what would be cut.)"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session

from eobench_dash.db.models import Dataset, Label
from eobench_dash.db.models import Product as Row
from eobench_dash.db.queries import products as queries
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import Principal, Role, require
from eobench_dash.domain.products import ProductInfo, ProductKind, ReadOptions
from eobench_dash.errors import NotFound
from eobench_dash.services.access import MAX_ID, visible_dataset
from eobench_dash.services.importing import confine
from eobench_dash.services.measuring import fingerprint
from eobench_dash.services.vocabulary import heir, heirs
from eobench_dash.services.workspace import Workspace
from eobench_dash.store.render import encode

if TYPE_CHECKING:
    from eobench_dash.sentinel.product import Product

MAX_LISTED = 1000
QUICKLOOK_SIDES = (256, 512, 1024, 2048)
PICTURE_SIDE = 1024
"""Of a preview's picture."""


@dataclass(frozen=True)
class Found:
    """Something below a data root that looks like a product; nothing of it was opened."""

    name: str
    path: str
    kind: str
    bytes: int
    """Of a file; 0 for a folder."""
    modality: str | None = None
    """Where its name tells."""


@dataclass(frozen=True)
class ProductSummary:
    """One product of a dataset. ``first`` and ``patch_count``: its patches are these ordinals in a row."""

    id: int
    path: str
    name: str
    first: int
    patch_count: int
    sensed_at: datetime | None
    info: ProductInfo


@dataclass(frozen=True, eq=False)
class ProductWindows:
    """The patches of one product as arrays (n,), by ordinal: where they lie (pixels) and what they are called now.

    ``ordinal row col size`` int32, ``parent`` int32 (-1: none), ``code`` uint16 label codes (65535: none).
    """

    height: int
    width: int
    ordinal: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    col: npt.NDArray[np.int32]
    size: npt.NDArray[np.int32]
    parent: npt.NDArray[np.int32]
    code: npt.NDArray[np.uint16]


def listing(ws: Workspace, who: Principal, *, path: str) -> tuple[list[Found], str]:
    """The products at or below a path below the data roots, by name, at most MAX_LISTED; and what is to be said of
    those that are left out because of their names ("" where none is).

    UnreadableProduct where there is none, or too much to look through.
    """
    require(who, Role.BUILDER, what="look for products")
    from eobench_dash.sentinel.opening import left_out_words, search

    candidates, left_out = search(confine(ws.settings, path))
    found = [
        Found(
            name=candidate.path.name,
            path=str(candidate.path),
            kind=candidate.kind.value,
            bytes=candidate.path.stat().st_size if candidate.path.is_file() else 0,
            modality=candidate.modality,
        )
        for candidate in candidates[:MAX_LISTED]
    ]
    return found, left_out_words(left_out)


def look(ws: Workspace, who: Principal, *, path: str, options: ReadOptions = ReadOptions()) -> ProductInfo:  # noqa: B008
    """All that is known of one product before its pixels are read. UnreadableProduct says what is wrong with it."""
    require(who, Role.BUILDER, what="look at products")
    with opened(ws, confine(ws.settings, path), options) as product:
        return product.info


def quicklook(
    ws: Workspace,
    who: Principal,
    *,
    path: str,
    options: ReadOptions = ReadOptions(),  # noqa: B008
    longest: int = 1024,
) -> tuple[bytes, str]:
    """The whole product for the eye as JPEG, and what tells it from another (an ETag); ``longest`` is rounded up to one
    of QUICKLOOK_SIDES."""
    require(who, Role.BUILDER, what="look at products")
    return _quicklook(ws, confine(ws.settings, path), options, longest)


def dataset_products(ws: Workspace, who: Principal, *, dataset_id: int) -> list[ProductSummary]:
    """The products that a dataset's patches are windows into, in the order of their patches."""
    with ws.db.read() as session:
        visible_dataset(session, who, ws.settings, dataset_id)
        return [_summary(row) for row in session.scalars(queries.products_of(dataset_id))]


def product_windows(ws: Workspace, who: Principal, *, dataset_id: int, product_id: int) -> ProductWindows:
    """Where a product's patches lie, and their labels of now."""
    with ws.db.read() as session:
        dataset, row = _row(ws, who, session, dataset_id, product_id)
        found = session.execute(queries.windows_of(dataset, row)).all()
        merged = heirs(session, dataset_id)
        codes = {label.id: label.code for label in session.scalars(select(Label).where(Label.dataset_id == dataset_id))}
        ordinals, rows, cols, sizes, above, labels = ([one[i] for one in found] for i in range(6))
        return ProductWindows(
            height=row.height,
            width=row.width,
            ordinal=np.array(ordinals, np.int32),
            row=np.array(rows, np.int32),
            col=np.array(cols, np.int32),
            size=np.array(sizes, np.int32),
            parent=np.array([-1 if one is None else one for one in above], np.int32),
            code=np.array([NO_LABEL if one is None else codes[heir(merged, one) or one] for one in labels], np.uint16),
        )


def product_quicklook(
    ws: Workspace, who: Principal, *, dataset_id: int, product_id: int, longest: int = 1024
) -> tuple[bytes, str]:
    """As ``quicklook``, of a dataset's product, for everybody who may see the dataset."""
    with ws.db.read() as session:
        dataset, row = _row(ws, who, session, dataset_id, product_id)
    path = confine(ws.settings, str(Path(str(dataset.root)) / row.path))
    options = ReadOptions.from_dict(dataset.source_params.get("options", {}))
    return _quicklook(ws, path, options, longest)


def _row(ws: Workspace, who: Principal, session: Session, dataset_id: int, product_id: int) -> tuple[Dataset, Row]:
    dataset = visible_dataset(session, who, ws.settings, dataset_id)
    row = session.scalar(queries.product(dataset_id, product_id)) if 0 < product_id <= MAX_ID else None
    if row is None:
        raise NotFound(f"This dataset has no product {product_id}.")
    return dataset, row


def _summary(row: Row) -> ProductSummary:
    return ProductSummary(
        id=row.id,
        path=row.path,
        name=row.name,
        first=row.first,
        patch_count=row.patch_count,
        sensed_at=row.sensed_at,
        info=ProductInfo.from_dict(row.info),
    )


def opened(ws: Workspace, path: Path, options: ReadOptions) -> "Product":
    from eobench_dash.sentinel.opening import open_product  # rasterio: only where products are read

    return open_product(path, options=options, unpacked=ws.store.products_dir)


def _quicklook(ws: Workspace, path: Path, options: ReadOptions, longest: int) -> tuple[bytes, str]:
    side = next((s for s in QUICKLOOK_SIDES if s >= longest), QUICKLOOK_SIDES[-1])
    key = _quicklook_key(path, options, side)
    if (cached := ws.cache.get(key)) is None:
        with opened(ws, path, options) as product:
            cached = encode(product.quicklook(side), kind="JPEG", quality=85)
        ws.cache.put(key, cached)
    return cached, etag_of(key)


def _quicklook_key(path: Path, options: ReadOptions, side: int) -> str:
    return f"quicklook-1/{path}/{fingerprint(path)}/{options}/{side}"


def picture_of(ws: Workspace, path: Path, options: ReadOptions, product: "Product") -> npt.NDArray[np.uint8] | None:
    """The quick-look that the page shows next, kept for it; None where drawing it takes as long as reading it all."""
    if product.info.kind is ProductKind.S1_GRD:
        return None
    picture = product.quicklook(PICTURE_SIDE)
    key = _quicklook_key(path, options, PICTURE_SIDE)
    if ws.cache.get(key) is None:
        ws.cache.put(key, encode(picture, kind="JPEG", quality=85))
    return picture


def etag_of(key: str) -> str:
    """A key as an ETag: short, and silent about paths."""
    return hashlib.blake2b(key.encode(errors="replace"), digest_size=16).hexdigest()
