"""Columns of patches that are windows of products: quality flags, scale, product, time of sensing."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement

from eobench_dash.db.models import PatchWindow, Product
from eobench_dash.db.queries import products as queries
from eobench_dash.domain import columns as domain
from eobench_dash.domain.columns import NO_CATEGORY, CategoryColumn, NumberColumn
from eobench_dash.domain.datasets import SourceKind
from eobench_dash.domain.ingesting import FLAGS
from eobench_dash.services.column_sources import Source

Maker = Callable[[Source], CategoryColumn | NumberColumn]


def window_columns(source: Source) -> dict[str, bool]:
    """Which columns a dataset of products has: none for another one."""
    if source.dataset.source_kind != SourceKind.PRODUCTS:
        return {}
    session, dataset = source.session, source.dataset
    known = {
        name: session.scalar(queries.any_window(dataset, _flag(name))) is not None
        for name in ("cloud", "border_noise")  # the others are known of every patch
    }
    products = list(session.scalars(queries.products_of(dataset.id)))
    return {
        "product": bool(products),
        "time": any(one.sensed_at is not None for one in products),
        "scale": True,
        **{name: known.get(name, True) for name in FLAGS},
    }


def product_column(source: Source) -> CategoryColumn:
    """The product that each patch is a window of, by name; parts of one acquisition share theirs."""
    products = list(source.session.scalars(queries.products_of(source.dataset.id)))
    names = sorted({one.name for one in products})[:NO_CATEGORY]
    code_of = {name: code for code, name in enumerate(names)}
    codes = _by_product(source, products, [code_of.get(one.name, NO_CATEGORY) for one in products], NO_CATEGORY)
    named = [(code, name, domain.palette_color(code)) for code, name in enumerate(names)]
    return domain.counted(named, codes.astype(np.uint16))


def _time(source: Source) -> NumberColumn:
    products = list(source.session.scalars(queries.products_of(source.dataset.id)))
    years = [np.nan if one.sensed_at is None else _year(one.sensed_at) for one in products]
    return NumberColumn(_by_product(source, products, years, np.nan).astype(np.float32))


def _scale(source: Source) -> CategoryColumn:
    sizes = _numbers(source, PatchWindow.size, 0).astype(np.int64)
    found = sorted({int(size) for size in np.unique(sizes)} - {0}, reverse=True)
    codes = np.full(len(sizes), NO_CATEGORY, np.uint16)
    for code, size in enumerate(found):
        codes[sizes == size] = code
    return domain.counted([(code, f"{size} px", domain.palette_color(code)) for code, size in enumerate(found)], codes)


def _quality(name: str, source: Source) -> NumberColumn:
    return NumberColumn(_numbers(source, _flag(name), np.nan).astype(np.float32))


def _flag(name: str) -> ColumnElement[Any]:
    column: ColumnElement[Any] = PatchWindow.__table__.c[name]
    return column


def _numbers(source: Source, value: Any, empty: float) -> NDArray[np.float64]:
    """A value of every patch's window, by ordinal."""
    found = np.full(source.dataset.patch_count, empty, np.float64)
    ordinals, values = source.session.execute(queries.window_numbers(source.dataset, value)).one()
    if ordinals:
        found[np.fromstring(ordinals, np.int64, sep=",")] = np.fromstring(values, np.float64, sep=",")
    return found


def _by_product(source: Source, products: list[Product], values: list[Any], empty: float) -> NDArray[np.float64]:
    found = np.full(source.dataset.patch_count, empty, np.float64)
    for one, value in zip(products, values, strict=True):
        found[one.first : one.first + one.patch_count] = value
    return found


def _year(when: datetime) -> float:
    start = datetime(when.year, 1, 1, tzinfo=UTC)
    length = datetime(when.year + 1, 1, 1, tzinfo=UTC) - start
    return when.year + (when - start) / length


WINDOW_MAKERS: Mapping[str, Maker] = {
    "time": _time,
    "scale": _scale,
    **{name: partial(_quality, name) for name in FLAGS},
}
