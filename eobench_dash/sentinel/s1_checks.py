"""Whether a GRD product's files fit each other and what is asked of them, and what is said of the product."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.s1_annotation import Annotation, Manifest, relative_orbit
from eobench_dash.sentinel.s1_border import CLEAN_SINCE
from eobench_dash.sentinel.s1_calibration import Calibration
from eobench_dash.sentinel.s1_geolocation import EARTH, Geolocation, to_normals

_APART = 1000.0
_HILLY = 100.0


@dataclass(frozen=True, eq=False)
class GrdBand:
    """One polarisation, open: ``dataset`` is rasterio's."""

    name: str
    dataset: Any
    calibration: Calibration


def check_measurement(path: Path, dataset: Any, annotation: Annotation) -> None:
    """UnreadableProduct where the TIFF is not of the kind and size that its annotation describes."""
    if dataset.count != 1 or dataset.dtypes[0] != "uint16":
        raise UnreadableProduct(
            f"{path.name} holds {dataset.count} bands of {dataset.dtypes[0]}; a GRD measurement holds one of uint16."
        )
    if (dataset.height, dataset.width) != (annotation.height, annotation.width):
        raise UnreadableProduct(
            f"{path.name} has {dataset.height:,} × {dataset.width:,} pixels, its annotation says"
            f" {annotation.height:,} × {annotation.width:,}; they do not belong together: fetch the product again."
        )


def check_together(annotation: Annotation, first: Annotation) -> None:
    """UnreadableProduct where two polarisations are not of one product."""
    if (annotation.height, annotation.width, annotation.start) != (first.height, first.width, first.start):
        raise UnreadableProduct(
            f"{annotation.name} and {first.name} differ in size or time; they are not of one product: fetch it again."
        )


def check_places(dataset: Any, geolocation: Geolocation) -> None:
    """The ground control points of the TIFF (where it has some) are the annotation's."""
    points = dataset.gcps[0][:1000]
    if not points:
        return
    table = np.array([(p.row, p.col, p.x, p.y) for p in points], dtype=np.float64)
    table = table[np.isfinite(table).all(axis=1)]
    due = geolocation.lonlat(table[:, 0], table[:, 1])
    apart = np.linalg.norm(
        to_normals(due[:, 0], due[:, 1]) - to_normals(table[:, 2], table[:, 3]), axis=1
    )  # NaN: far outside of the image
    if not (apart * EARTH < _APART).all():
        raise UnreadableProduct(
            f"The ground control points of {Path(dataset.name).name} are not those of its annotation; the files do not"
            " belong together: fetch the product again."
        )


def check_resolution(resolution: float, spacing: float) -> None:
    """UnreadableProduct for a map far finer or coarser than the pixels."""
    if not spacing / 2 <= resolution <= 100 * spacing:
        raise UnreadableProduct(
            f"This product has a pixel every {spacing:g} m; a map of {resolution:g} m cannot be made of it: choose"
            f" {spacing / 2:g} to {100 * spacing:g} m."
        )


def factor_of(resolution: float | None, annotation: Annotation) -> int:
    """How many native pixels a side make one of the reading grid."""
    if resolution is None:
        return 1
    spacing = annotation.range_spacing
    factor = round(resolution / spacing) if math.isfinite(resolution) else 0
    if not 1 <= factor <= 1000 or abs(resolution / spacing - factor) > 0.01 * factor:
        raise UnreadableProduct(
            f"In its own geometry this product can be read at multiples of its pixel spacing, {spacing:g} m, not at"
            f" {resolution:g} m; choose a multiple, or the map grid."
        )
    return factor


def metadata(annotation: Annotation, manifest: Manifest) -> dict[str, str | float | int]:
    """Short values for people and filters."""
    ties = annotation.ties
    orbit = manifest.relative_orbit or relative_orbit(annotation.mission, annotation.orbit)
    known: dict[str, str | float | int | None] = {
        "mission": annotation.mission,
        "mode": annotation.mode,
        "orbit_direction": annotation.orbit_pass.lower(),
        "absolute_orbit": annotation.orbit or None,
        "relative_orbit": orbit,
        "slice": annotation.slice or None,
        "processor": f"IPF {manifest.ipf}" if manifest.ipf else None,
        "incidence_near": round(float(ties.incidence[:, 0].mean()), 3),
        "incidence_far": round(float(ties.incidence[:, -1].mean()), 3),
        "range_spacing": annotation.range_spacing,
        "azimuth_spacing": annotation.azimuth_spacing,
    }
    return {key: value for key, value in known.items() if value is not None}


def notes(annotation: Annotation, bands: list[GrdBand], manifest: Manifest) -> tuple[str, ...]:
    """What a user should know, a sentence each."""
    said = []
    empty = [band.name for band in bands if band.calibration.noiseless]
    if empty:
        said.append(f"The noise table of {' and '.join(empty)} is all zeros: no thermal noise could be removed.")
    version = manifest.ipf_version
    if version is not None and version < CLEAN_SINCE:
        said.append(
            f"Made by processor {manifest.ipf} (before 2.90): noise is removed by range only, and the border of small"
            " values that it left is masked as border noise."
        )
    elif version is None:
        said.append("Which processor made it is unknown; a border of small values is looked for and masked.")
    if float(np.ptp(annotation.ties.height)) > _HILLY:
        said.append(
            "Places follow the product's tie points without an elevation model: in hills and mountains they may be off"
            " by more than the height differences."
        )
    return tuple(said)
