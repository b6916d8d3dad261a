"""What the metadata of a Sentinel-2 product say: MTD_MSIL1C.xml or MTD_MSIL2A.xml, and MTD_TL.xml of its tile."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from eobench_dash.domain.products import MAX_SIDE, ProductKind
from eobench_dash.errors import UnreadableProduct

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
"""In the order of their ids 0..12 in the metadata."""
RESOLUTION = dict(zip(BANDS, (60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20), strict=True))
"""Metres."""
FINEST = 10
"""Metres of the usual grid, on which the tile's size is given."""
OFFSET_SINCE = 4.0
"""Processing baseline from which numbers carry an offset."""
_BAND_FILE = re.compile(r"_(B\d\d|B8A|TCI|SCL)(?:_(\d{2,3})m)?(?:\.jp2)?\Z")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,120}\Z")


@dataclass(frozen=True)
class ProductMetadata:
    """Of the whole product. ``images``: (band or TCI or SCL, metres or None) → path without suffix, as written there.

    Reflectance of a band = (number + ``offsets[band]``) / ``quantification``; ``nodata`` is a number, too.
    """

    name: str
    kind: ProductKind
    baseline: str
    sensed_at: datetime
    quantification: float
    offsets: Mapping[str, float]
    nodata: int
    saturated: int | None
    cloud_cover: float | None
    images: Mapping[tuple[str, int | None], str]
    facts: Mapping[str, str | float | int]


@dataclass(frozen=True)
class TileMetadata:
    """Of its tile: ``crs`` as EPSG:…, ``left`` and ``top`` in its metres, size at 10 m. ``cloud_mask``: path or ''."""

    crs: str
    left: float
    top: float
    height: int
    width: int
    sensed_at: datetime | None
    cloud_mask: str = ""
    facts: Mapping[str, str | float | int] = field(default_factory=dict)


def read_product_metadata(root: Element, *, name: str) -> ProductMetadata:
    """From the root element of ``name``. UnreadableProduct names what is missing or cannot be."""
    level = _text(root, "PROCESSING_LEVEL", name)
    kind = {"Level-1C": ProductKind.S2_L1C, "Level-2A": ProductKind.S2_L2A}.get(level)
    if kind is None:
        raise UnreadableProduct(f"{name} is of {level[:40]!r}; Sentinel-2 Level-1C and Level-2A are read.")
    baseline = _text(root, "PROCESSING_BASELINE", name)
    if not re.fullmatch(r"\d{2}\.\d{2}", baseline):
        raise UnreadableProduct(f"{name} gives no processing baseline that is known ({baseline[:20]!r}).")
    granules = list(_all(root, "Granule")) + list(_all(root, "Granules"))
    if len(granules) != 1:
        raise UnreadableProduct(f"{name} lists {len(granules)} tiles; products of a single tile are read.")
    l1c = kind is ProductKind.S2_L1C
    quantification = _number(root, "QUANTIFICATION_VALUE" if l1c else "BOA_QUANTIFICATION_VALUE", name)
    if not 1 <= quantification <= 1e6:
        raise UnreadableProduct(f"{name} gives the quantification value {quantification:g}, which cannot be.")
    uri = _optional(root, "PRODUCT_URI").removesuffix(".SAFE")
    specials = {
        _optional(value, "SPECIAL_VALUE_TEXT"): _whole(_optional(value, "SPECIAL_VALUE_INDEX"))
        for value in _all(root, "Special_Values")
    }
    cover = _finite(_optional(root, "Cloud_Coverage_Assessment"))
    facts: dict[str, str | float | int] = {"level": level, "baseline": baseline, "quantification": quantification}
    for key, tag in (("platform", "SPACECRAFT_NAME"), ("orbit_direction", "SENSING_ORBIT_DIRECTION")):
        if found := _optional(root, tag):
            facts[key] = found[:40]
    orbit = _whole(_optional(root, "SENSING_ORBIT_NUMBER"))
    if orbit is not None:
        facts["relative_orbit"] = orbit
    nodata = specials.get("NODATA")
    return ProductMetadata(
        name=uri if _NAME.match(uri) else "",
        kind=kind,
        baseline=baseline,
        sensed_at=_time(_text(root, "PRODUCT_START_TIME", name), name),
        quantification=quantification,
        offsets=_offsets(root, "RADIO_ADD_OFFSET" if l1c else "BOA_ADD_OFFSET", baseline, name),
        nodata=0 if nodata is None else nodata,
        saturated=specials.get("SATURATED"),
        cloud_cover=None if cover is None else min(max(cover / 100, 0.0), 1.0),
        images=_images(granules[0], name),
        facts=facts,
    )


def read_tile_metadata(root: Element, *, name: str) -> TileMetadata:
    """From the root element of ``name`` (MTD_TL.xml)."""
    crs = _text(root, "HORIZONTAL_CS_CODE", name).upper()
    if not re.fullmatch(r"EPSG:\d{4,6}", crs):
        raise UnreadableProduct(f"{name} gives no coordinate system that is known ({crs[:40]!r}).")
    size = next((e for e in _all(root, "Size") if e.get("resolution") == "10"), None)
    place = next((e for e in _all(root, "Geoposition") if e.get("resolution") == "10"), None)
    if size is None or place is None:
        raise UnreadableProduct(f"{name} lacks the size or the position of the tile at 10 m; fetch the product again.")
    height, width = (_number(size, tag, name) for tag in ("NROWS", "NCOLS"))
    if not (1 <= height <= MAX_SIDE and 1 <= width <= MAX_SIDE):
        raise UnreadableProduct(f"{name} claims {width:g} × {height:g} pixels, which no tile has.")
    left, top, across, down = (_number(place, tag, name) for tag in ("ULX", "ULY", "XDIM", "YDIM"))
    if (across, down) != (10, -10) or max(abs(left), abs(top)) > 2e7:
        raise UnreadableProduct(f"{name} puts the tile where none can be; fetch the product again.")
    sensed = _optional(root, "SENSING_TIME")
    facts: dict[str, str | float | int] = {}
    if tile := re.search(r"_T(\d{2}[A-Z]{3})(?:_|\Z)", _optional(root, "TILE_ID")):
        facts["tile"] = tile[1]
    for what, tag in (("sun", "Mean_Sun_Angle"), ("view", "Mean_Viewing_Incidence_Angle")):
        if angles := _mean_angles(list(_all(root, tag))):
            facts[f"{what}_zenith"], facts[f"{what}_azimuth"] = angles
    # a picture where there is one (from 04.00 on), else the polygons of before
    named = [
        mask.text.strip()
        for kind in ("MSK_CLASSI", "MSK_CLOUDS")
        for mask in _all(root, "MASK_FILENAME")
        if mask.get("type") == kind and mask.text
    ]
    return TileMetadata(
        crs=crs,
        left=left,
        top=top,
        height=int(height),
        width=int(width),
        sensed_at=_time(sensed, name) if sensed else None,
        cloud_mask=named[0] if named else "",
        facts=facts,
    )


def _offsets(root: Element, tag: str, baseline: str, name: str) -> dict[str, float]:
    """Of every band: as written; none before 04.00. From then on a missing one is not guessed."""
    found: dict[str, float] = {}
    for element in _all(root, tag):
        number, value = _whole(element.get("band_id", "")), _finite(element.text or "")
        if number is None or not 0 <= number < len(BANDS) or value is None or abs(value) > 1e5:
            raise UnreadableProduct(f"{name} gives a radiometric offset that cannot be; fetch the product again.")
        found[BANDS[number]] = value
    if found:
        return found
    if float(baseline) >= OFFSET_SINCE:
        raise UnreadableProduct(
            f"{name} is of baseline {baseline} but gives no {tag}, without which there is no reflectance;"
            " fetch the product again."
        )
    return dict.fromkeys(BANDS, 0.0)


def _images(granule: Element, name: str) -> dict[tuple[str, int | None], str]:
    found: dict[tuple[str, int | None], str] = {}
    for tag in ("IMAGE_FILE", "IMAGE_FILE_2A"):
        for element in _all(granule, tag):
            path = (element.text or "").strip()
            if "/vsi" in path or "://" in path:
                raise UnreadableProduct(f"{name} refers to another place (/vsi…, URL) for an image; it is not read.")
            if match := _BAND_FILE.search(path):
                found[match[1], int(match[2]) if match[2] else None] = path
    return found


def _mean_angles(elements: list[Element]) -> tuple[float, float] | None:
    """Mean (zenith, azimuth) in degrees, as directions: 359° and 1° are 0° apart from north."""
    east = north = up = 0.0
    for element in elements:
        zenith, azimuth = (_finite(_optional(element, tag)) for tag in ("ZENITH_ANGLE", "AZIMUTH_ANGLE"))
        if zenith is not None and azimuth is not None:
            z, a = math.radians(zenith), math.radians(azimuth)
            east, north, up = east + math.sin(z) * math.sin(a), north + math.sin(z) * math.cos(a), up + math.cos(z)
    if (east, north, up) == (0, 0, 0):
        return None
    zenith = math.degrees(math.atan2(math.hypot(east, north), up))
    return round(zenith, 4), round(math.degrees(math.atan2(east, north)), 4) % 360


def _all(root: Element, tag: str) -> Iterator[Element]:
    return (e for e in root.iter() if isinstance(e.tag, str) and e.tag.rpartition("}")[2] == tag)


def _optional(root: Element, tag: str) -> str:
    found = next(_all(root, tag), None)
    return "" if found is None else (found.text or "").strip()


def _text(root: Element, tag: str, name: str) -> str:
    text = _optional(root, tag)
    if not text:
        raise UnreadableProduct(f"{name} lacks {tag}; the metadata are incomplete: fetch the product again.")
    return text


def _number(root: Element, tag: str, name: str) -> float:
    value = _finite(_text(root, tag, name))
    if value is None:
        raise UnreadableProduct(f"{name} gives no number for {tag}; the metadata are damaged: fetch the product again.")
    return value


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _whole(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text.strip()) else None


def _time(text: str, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the latter: the year 1, east of Greenwich
        raise UnreadableProduct(f"{name} gives a time that cannot be ({text[:40]!r}).") from None
