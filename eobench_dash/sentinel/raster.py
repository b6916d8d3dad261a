"""Any raster, of one file or of one file a band: TIFF, JPEG 2000, PNG, JPEG; with or without a place on Earth."""

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from typing import Any

import numpy as np

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.products import Band, ProductInfo, ProductKind, ReadOptions, Unit, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import gdal
from eobench_dash.sentinel.product import Product, Rgb
from eobench_dash.sentinel.raster_bands import BandFile, band_file
from eobench_dash.sentinel.raster_facts import Facts, told_facts
from eobench_dash.sentinel.raster_files import FileSet, facts_beside
from eobench_dash.sentinel.raster_layers import Floats, Layer
from eobench_dash.sentinel.raster_names import time_of
from eobench_dash.sentinel.raster_product import GridProduct, for_the_eye
from eobench_dash.sentinel.raster_space import Space, check_one_grid, space_of
from eobench_dash.sentinel.raster_units import Meaning, told_meaning

PICTURES = ("PNG", "JPEG")
OFFSET_NOTE = "Its product is of baseline 04.00 or later: if its numbers still carry the offset, it reads 0.1 too high."
BEYOND_NOTE = "Some of its numbers are too large to be kept (beyond 3.4e38) or infinite: they are taken as no data."
Source = tuple[BandFile, int]
"""One band: its file and its place in it, from 0."""


def open_raster_product(files: FileSet, *, options: ReadOptions) -> Product:
    """Open the files of one product.

    UnreadableProduct also where its files do not cover the same ground, lie off the Earth, or lack a band asked for.
    """
    with ExitStack() as stack:
        opened = [band_file(m.path, stack.enter_context(gdal.open_raster(m.path))) for m in files.members]
        check_one_grid({file.path: file.dataset for file in opened})
        base = max(opened, key=lambda file: file.dataset.width)
        scaling = {pair for file in opened for pair in zip(file.dataset.scales, file.dataset.offsets, strict=True)}
        if len(scaling) > 1:
            raise UnreadableProduct(f"{files.name} scales its bands differently; store them in the same unit.")
        beside = facts_beside(files.path)
        samples = [sample for file in opened for sample in file.samples()]
        facts = told_facts(files, opened, beside, samples, options.modality)
        chosen = _chosen(options.bands, facts.bands, files.name)
        sample = np.concatenate([samples[i].ravel() for i in chosen])
        meaning = told_meaning(
            options.unit,
            sample=sample,
            dtype=np.result_type(*(file.dtype for file in opened)),
            modality=facts.modality,
            sentinel_2=facts.sentinel_2,
            scale=float(base.dataset.scales[0]),
            offset=float(base.dataset.offsets[0]),
        )
        space = space_of(base.path, base.dataset, options.resolution)
        sources = [(file, place) for file in opened for place in range(file.count)]
        return GridProduct(
            _info(
                files,
                facts,
                meaning,
                space,
                base,
                [(facts.bands[i], sources[i][0]) for i in chosen],
                beside,
                beyond=bool(np.isinf(sample).any()),
            ),
            layers=_layers([sources[i] for i in chosen], base, space, meaning),
            cloud=None,
            picture=_Picture(dict(zip(facts.bands, sources, strict=True)), facts.modality, meaning),
            eight_bit=meaning.unit is Unit.STRETCHED,
            zero_is_gap=meaning.unit not in (Unit.STRETCHED, Unit.NUMBER),
            close=stack.pop_all().close,
        )


class _Picture:
    """The quick-look: natural colours where the bands are known, else the first three, else the first in grey."""

    def __init__(self, sources: Mapping[str, Source], modality: Modality, meaning: Meaning) -> None:
        self._sources, self._radar, self._meaning = sources, modality is Modality.SAR, meaning

    def __call__(self, height: int, width: int) -> Rgb:
        wanted = [band for band in ("B04", "B03", "B02") if band in self._sources]
        if len(wanted) < 3:
            wanted = list(self._sources)[: 1 if self._radar or len(self._sources) < 3 else 3]
        planes = []
        for file, place in (self._sources[band] for band in wanted):
            raw, gap = file.small([place], height, width)
            planes.append(self._meaning.numbers(raw, gap))
        values = np.concatenate(planes)
        if self._meaning.unit is Unit.STRETCHED:
            return for_the_eye(values, bounds=(0, 255))
        if self._meaning.unit in (Unit.POWER, Unit.SIGMA0):
            values = 10 * np.log10(np.maximum(values, np.float32(1e-6)))
        return for_the_eye(values)


def _chosen(asked: Sequence[str], bands: Sequence[str], name: str) -> tuple[int, ...]:
    """Places of the bands asked for, all without."""
    for band in asked:
        if band not in bands:
            raise UnreadableProduct(f"{name} has no band {band[:40]!r}; its bands are {', '.join(bands)[:300]}.")
    if len(set(asked)) < len(asked):
        raise UnreadableProduct("A band is asked for twice; name each band once.")
    return tuple(bands.index(band) for band in asked) or tuple(range(len(bands)))


def _layers(sources: Sequence[Source], base: BandFile, space: Space, meaning: Meaning) -> list[Layer]:
    """Neighbouring bands of one file are read together."""
    runs: list[tuple[BandFile, list[int]]] = []
    for file, place in sources:
        if runs and runs[-1][0] is file:
            runs[-1][1].append(place)
        else:
            runs.append((file, [place]))
    return [_layer(file, places, base, space, meaning) for file, places in runs]


def _layer(file: BandFile, places: list[int], base: BandFile, space: Space, meaning: Meaning) -> Layer:
    height, width = file.dataset.height, file.dataset.width

    def fetch(window: Window) -> Floats:
        return meaning.numbers(*file.read(window, places))

    return Layer(
        height=height,
        width=width,
        step=(
            space.step[0] * Fraction(height, base.dataset.height),
            space.step[1] * Fraction(width, base.dataset.width),
        ),
        bands=len(places),
        fetch=fetch,
    )


def _info(
    files: FileSet,
    facts: Facts,
    meaning: Meaning,
    space: Space,
    base: BandFile,
    bands: Sequence[tuple[str, BandFile]],
    beside: Mapping[str, Any],
    *,
    beyond: bool,
) -> ProductInfo:
    tags = base.dataset.tags()
    product = facts.texts[0]
    late = meaning.unit is Unit.REFLECTANCE and bool(meaning.note) and str(facts.metadata.get("baseline", "")) >= "04"
    own = (space.pixel_size[0] / float(space.step[1])) if space.pixel_size else math.nan
    notes = meaning.note, space.note, facts.note, OFFSET_NOTE if late else "", BEYOND_NOTE if beyond else ""
    return ProductInfo(
        name=f"{product} {beside.get('scene') or files.path.stem}" if product else files.name,
        kind=ProductKind.IMAGE if base.dataset.driver in PICTURES else ProductKind.RASTER,
        modality=facts.modality,
        bands=tuple(
            Band(
                name,
                meaning.unit,
                round(own * base.dataset.width / file.dataset.width, 3) if space.pixel_size else None,
            )
            for name, file in bands
        ),
        height=space.height,
        width=space.width,
        pixel_size=space.pixel_size,
        crs=space.crs,
        transform=space.transform,
        corners=space.corners,
        sensed_at=time_of(product, tags.get("SENSING_DATE", ""), beside.get("date", ""), *facts.texts[1:]),
        notes=tuple(note for note in notes if note),
        metadata=dict(facts.metadata),
    )
