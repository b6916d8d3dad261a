"""SQL about the products of a dataset and the windows that its patches are."""

from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, select

from eobench_dash.db.models import Dataset, Job, Patch, PatchWindow, Product
from eobench_dash.db.queries.datasets import visible_patches
from eobench_dash.domain.jobs import JobKind, JobState


def products_of(dataset_id: int) -> Select[Product]:
    """The products of a dataset, in the order of their patches."""
    return select(Product).where(Product.dataset_id == dataset_id).order_by(Product.first, Product.id)


def product(dataset_id: int, product_id: int) -> Select[Product]:
    """The product, if it is the dataset's."""
    return select(Product).where(Product.dataset_id == dataset_id, Product.id == product_id)


def product_with(dataset_id: int, ordinal: int) -> Select[Product, PatchWindow]:
    """A patch's window and the product that it is a window into."""
    return (
        select(Product, PatchWindow)
        .join(PatchWindow, PatchWindow.product_id == Product.id)
        .where(PatchWindow.dataset_id == dataset_id, PatchWindow.ordinal == ordinal)
    )


def windows_of(dataset: Dataset, product: Product) -> Select[int, int, int, int, int | None, int | None]:
    """(ordinal, row, col, size, parent, label id) of a product's patches, by ordinal."""
    return (
        select(
            PatchWindow.ordinal,
            PatchWindow.row,
            PatchWindow.col,
            PatchWindow.size,
            PatchWindow.parent,
            Patch.label_id,
        )
        .join(Patch, (Patch.dataset_id == PatchWindow.dataset_id) & (Patch.ordinal == PatchWindow.ordinal))
        .where(
            visible_patches(dataset),
            PatchWindow.ordinal >= product.first,
            PatchWindow.ordinal < product.first + product.patch_count,
        )
        .order_by(PatchWindow.ordinal)
    )


def window_numbers(dataset: Dataset, value: ColumnElement[Any]) -> Select[str, str]:
    """One row: every patch's ordinal, and in the same order a ``value`` of its window as text, comma-separated; windows
    without one are left out."""
    return select(
        func.aggregate_strings(cast(PatchWindow.ordinal, String), ","),
        func.aggregate_strings(cast(value, String), ","),
    ).where(PatchWindow.dataset_id == dataset.id, PatchWindow.ordinal < dataset.patch_count, value.is_not(None))


def any_window(dataset: Dataset, value: ColumnElement[Any]) -> Select[int]:
    """A row where a window has this value at all."""
    return (
        select(PatchWindow.ordinal)
        .where(PatchWindow.dataset_id == dataset.id, PatchWindow.ordinal < dataset.patch_count, value.is_not(None))
        .limit(1)
    )


def ingest_paces(*, pixels: float, limit: int) -> Select[float, float]:
    """(pixels times bands, seconds) of the newest finished ingests of at least so many pixels. Those of an area of
    interest are left out: they read only a part of the pixels that they count."""
    done = Job.result["pixels"].as_float()
    return (
        select(done, Job.result["seconds"].as_float())
        .where(
            Job.kind == JobKind.INGEST,
            Job.state == JobState.DONE,
            done >= pixels,
            Job.args["plan"]["area"].as_string().is_(None),
        )
        .order_by(Job.id.desc())
        .limit(limit)
    )
