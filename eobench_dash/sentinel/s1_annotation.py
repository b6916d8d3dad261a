"""What a Sentinel-1 GRD annotation says of one polarisation: size, orbit, angles, and where its points lie."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from eobench_dash.domain.products import MAX_SIDE
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.s1_fields import Fields, Floats, rising
from eobench_dash.sentinel.xml import read_xml

LIGHT = 299_792_458.0
_TIMES = 100_000
_FIRST_RELATIVE = {"S1A": 73, "S1B": 27}
"""Absolute orbit whose relative number is 1, less one, of the satellites for which it is published."""


@dataclass(frozen=True, eq=False)
class TiePoints:
    """The geolocation grid. ``lines`` (n,) and ``pixels`` (m,): zero-based centres; the others (n, m).

    Degrees, metres. ``slant_range``: of each tie point.
    """

    lines: Floats
    pixels: Floats
    lon: Floats
    lat: Floats
    height: Floats
    incidence: Floats
    slant_range: Floats


@dataclass(frozen=True, eq=False)
class RangeConversion:
    """Ground to slant range in metres: a row of ``coefficients`` (ground range less ``origin``, low powers first)
    for each of ``lines``, linear in between."""

    lines: Floats
    origin: Floats
    coefficients: Floats


@dataclass(frozen=True, eq=False)
class Annotation:
    """One polarisation's annotation; spacings in metres, ``ties`` the geolocation grid."""

    name: str
    polarisation: str
    mission: str
    mode: str
    height: int
    width: int
    range_spacing: float
    azimuth_spacing: float
    start: datetime
    orbit_pass: str
    orbit: int
    slice: int
    ties: TiePoints
    conversion: RangeConversion | None


@dataclass(frozen=True)
class Manifest:
    """What the manifest adds; None where there is no manifest or it does not say."""

    ipf: str | None = None
    relative_orbit: int | None = None
    product_class: str | None = None

    @property
    def ipf_version(self) -> tuple[int, int] | None:
        """The processor's version as numbers: (2, 90)."""
        found = re.match(r"0*(\d{1,3})\.(\d{2})", self.ipf or "")
        return (int(found[1]), int(found[2])) if found else None


def read_annotation(path: Path) -> Annotation:
    """The annotation of one polarisation. UnreadableProduct for anything that is not one of a GRD product."""
    root = Fields.of(path, root="product")
    kind = root.text("adsHeader/productType")
    if kind != "GRD":
        raise UnreadableProduct(f"{path.name} is of a {kind[:12]} product; only Sentinel-1 GRD is read.")
    image = root.all("imageAnnotation/imageInformation", least=1, most=1)[0]
    height = image.whole("numberOfLines", low=2, high=MAX_SIDE)
    width = image.whole("numberOfSamples", low=2, high=MAX_SIDE)
    start = image.moment("productFirstLineUtcTime")
    interval = image.number("azimuthTimeInterval", low=1e-6, high=1.0)
    spacing = image.number("rangePixelSpacing", low=0.5, high=1000)
    return Annotation(
        name=path.name,
        polarisation=root.text("adsHeader/polarisation").upper(),
        mission=root.text("adsHeader/missionId"),
        mode=root.text("adsHeader/mode"),
        height=height,
        width=width,
        range_spacing=spacing,
        azimuth_spacing=image.number("azimuthPixelSpacing", low=0.5, high=1000),
        start=start,
        orbit_pass=root.text("generalAnnotation/productInformation/pass", default="unknown"),
        orbit=root.whole("adsHeader/absoluteOrbitNumber", low=0, high=10_000_000, default=0),
        slice=image.whole("sliceNumber", low=0, high=10_000, default=0),
        ties=_ties(root, height, width),
        conversion=_conversion(root, start, interval),
    )


def relative_orbit(mission: str, orbit: int) -> int | None:
    """1..175, by counting; None where the satellite's first orbit is not known."""
    first = _FIRST_RELATIVE.get(mission)
    return None if first is None or orbit < 1 else (orbit - first) % 175 + 1


def read_manifest(folder: Path) -> Manifest:
    """What manifest.safe says of processor and orbit; nothing where there is none."""
    path = folder / "manifest.safe"
    if not path.is_file():
        return Manifest()
    root = read_xml(path)
    versions = [e.get("version", "") for e in _named(root, "software") if "IPF" in e.get("name", "")]
    orbits = [(e.text or "").strip() for e in _named(root, "relativeOrbitNumber")]
    classes = [(e.text or "").strip()[:40] for e in _named(root, "productClassDescription")]
    return Manifest(
        ipf=next((v[:12] for v in versions if re.match(r"\d{1,3}\.\d{2}", v)), None),
        relative_orbit=next((int(o) for o in orbits if re.fullmatch(r"\d{1,3}", o)), None),
        product_class=next((c for c in classes if c), None),
    )


def _named(root: Element, tag: str) -> list[Element]:
    return [e for e in root.iter() if e.tag.rpartition("}")[2] == tag]


def _ties(root: Fields, height: int, width: int) -> TiePoints:
    points = root.all("geolocationGrid/geolocationGridPointList/geolocationGridPoint", least=4)
    limits = {
        "line": (-MAX_SIDE, 2 * MAX_SIDE), "pixel": (-MAX_SIDE, 2 * MAX_SIDE), "longitude": (-180, 180),
        "latitude": (-90, 90), "height": (-1000, 10_000), "incidenceAngle": (5, 80), "slantRangeTime": (1e-3, 2e-2),
    }  # fmt: skip
    table = np.array([[p.number(key, low=low, high=high) for key, (low, high) in limits.items()] for p in points])
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    lines, pixels = np.unique(table[:, 0]), np.unique(table[:, 1])
    shape = (len(lines), len(pixels))
    whole = shape[0] * shape[1] == len(table) and min(shape) >= 2
    if not whole or not (np.tile(pixels, shape[0]) == table[:, 1]).all():
        raise UnreadableProduct(
            f"{root.name}: the geolocation points are no full grid of lines and pixels; fetch it again."
        )
    if lines[0] > 0 or pixels[0] > 0 or lines[-1] < height - 2 or pixels[-1] < width - 2:
        raise UnreadableProduct(
            f"{root.name}: the geolocation points end at line {lines[-1]:.0f}, pixel {pixels[-1]:.0f} and do not cover"
            f" the image of {height:,} × {width:,}; fetch it again."
        )
    lon, lat, up, incidence, delay = (column.reshape(shape) for column in table[:, 2:].T)
    return TiePoints(lines, pixels, lon, lat, up, incidence, delay * (LIGHT / 2))


def _conversion(root: Fields, start: datetime, interval: float) -> RangeConversion | None:
    """None where the product has none (or uneven ones): places between tie points are then less sharp."""
    found = root.all("coordinateConversion/coordinateConversionList/coordinateConversion", most=_TIMES)
    rows = [f for f in found if f.has("grsrCoefficients") and f.has("gr0")]
    if not rows:
        return None
    seconds = np.array([(f.moment("azimuthTime") - start).total_seconds() for f in rows])
    polynomials = [f.numbers("grsrCoefficients", low=-1e8, high=1e8) for f in rows]
    origin = np.array([f.number("gr0", low=-1e7, high=1e7) for f in rows])
    if len({len(p) for p in polynomials}) != 1 or len(polynomials[0]) > 12 or not rising(seconds):
        return None
    return RangeConversion(seconds / interval, origin, np.stack(polynomials))
