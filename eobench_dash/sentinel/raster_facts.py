"""What a plain raster shows and what its bands are called: from options, tags, names, and its content last."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eobench_dash.domain.datasets import Modality
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import raster_names as names
from eobench_dash.sentinel.raster_bands import BandFile
from eobench_dash.sentinel.raster_files import FileSet
from eobench_dash.sentinel.raster_layers import Floats

GUESSED = "Its file names no bands; they are taken for {} by their number: name them in the file where that is wrong."
_PRODUCT = re.compile(r"_N(\d{2})(\d{2})_R(\d{3})_T(\d{2}[A-Z]{3})(?:_|\Z)")


@dataclass(frozen=True)
class Facts:
    """``texts``: the product's name and others that tell of it, the surest first."""

    texts: tuple[str, ...]
    modality: Modality
    bands: tuple[str, ...]
    note: str
    metadata: Mapping[str, str | float | int]

    @property
    def sentinel_2(self) -> bool:
        """Whether its bands are Sentinel-2's."""
        return self.modality is Modality.OPTICAL and set(self.bands) <= set(names.SENTINEL_2)


def told_facts(
    files: FileSet, opened: Sequence[BandFile], beside: Mapping[str, Any], samples: Sequence[Floats], asked: str
) -> Facts:
    """Facts of open files; ``beside`` from scenes.json, ``samples`` of each band, ``asked``: ReadOptions.modality."""
    tags = opened[0].dataset.tags()
    product = str(tags.get("PRODUCT") or beside.get("product") or "")[:200]
    texts = (product, files.name, files.path.parent.name)
    told = names.mission(*texts)
    bands, note = _bands(files, opened, beside, samples, told)
    metadata: dict[str, str | float | int] = {}
    if product:
        metadata["product"] = product
    if told:
        metadata["platform"] = told[1]
    if found := _PRODUCT.search(product or files.name):
        metadata |= {"baseline": f"{found[1]}.{found[2]}", "relative_orbit": int(found[3]), "tile": found[4]}
    return Facts(texts, _modality(asked, told, bands, opened, samples), bands, note, metadata)


def _modality(
    asked: str,
    told: tuple[Modality, str] | None,
    bands: Sequence[str],
    opened: Sequence[BandFile],
    samples: Sequence[Floats],
) -> Modality:
    if asked != "auto":
        if asked not in set(Modality):
            raise UnreadableProduct(f"There is no modality {asked[:40]!r}; choose auto, optical or sar.")
        return Modality(asked)
    if told:
        return told[0]
    if set(bands) & set(names.POLARISATIONS):
        return Modality.SAR
    values = np.concatenate([sample.ravel() for sample in samples])
    finite = values[np.isfinite(values)]
    decibel = len(bands) <= 3 and all(np.issubdtype(f.dtype, np.floating) for f in opened)
    return Modality.SAR if decibel and finite.size and np.median(finite) < 0 else Modality.OPTICAL


def _bands(
    files: FileSet,
    opened: Sequence[BandFile],
    beside: Mapping[str, Any],
    samples: Sequence[Floats],
    told: tuple[Modality, str] | None,
) -> tuple[tuple[str, ...], str]:
    """(names, note where they are a guess)."""
    if files.members[0].band is not None:
        for file in opened:
            if file.count != 1:
                raise UnreadableProduct(
                    f"{file.path.name} holds {file.count} bands, where its name says one; rename or split it."
                )
        return tuple(str(member.band) for member in files.members), ""
    (file,) = opened
    count, stem, eight_bit = file.count, file.path.stem, file.dtype == np.uint8
    for listed in (beside.get("bands") or (), [d or "" for d in file.dataset.descriptions]):
        given = tuple(names.band_name(text) for text in listed)[:count]
        if len(given) == count and names.unique(given) and file.palette is None:
            return given, ""
    if count == 1 and (split := names.split_band(stem)):
        return (split[1],), ""
    if count == 1 and (pol := names.polarisation(stem)):
        return (pol,), ""
    radar = told is not None and told[0] is Modality.SAR
    if radar and count == 2:
        return ("VV", "VH"), GUESSED.format("VV and VH")
    if eight_bit and count == 3:
        return (("B04", "B03", "B02") if told and not radar else ("red", "green", "blue")), ""
    if not radar and not eight_bit:
        if count == 13:
            return _thirteen(samples), GUESSED.format("Sentinel-2's")
        if count in names.BY_COUNT:
            return names.BY_COUNT[count], GUESSED.format("Sentinel-2's")
    return tuple(f"band{i + 1}" for i in range(count)), ""


def _thirteen(samples: Sequence[Floats]) -> tuple[str, ...]:
    """As in products (8A is the ninth), or as in EuroSAT's files (the last).

    Band 10 sees almost nothing but high cloud, so it is by far the darker one of the tenth and eleventh.
    """
    tenth, eleventh = (float(np.nan_to_num(samples[i], posinf=0, neginf=0).mean()) for i in (9, 10))
    return names.EUROSAT if tenth < eleventh else names.SENTINEL_2
