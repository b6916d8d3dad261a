"""What the names of rasters tell: band, mission, time. Names are hints: a file's own tags go before them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from eobench_dash.domain.datasets import Modality

SENTINEL_2 = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
EUROSAT = (*SENTINEL_2[:8], "B09", "B10", "B11", "B12", "B8A")
"""The order of EuroSAT's 13-band files."""
BY_COUNT = {
    4: ("B02", "B03", "B04", "B08"),
    10: ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"),
    12: tuple(band for band in SENTINEL_2 if band != "B10"),
}
"""Names by number of bands, where files of Sentinel-2 give none: 10 m; 10 and 20 m; Level-2A."""
POLARISATIONS = ("VV", "VH", "HH", "HV")

_BAND = r"B(?:0?[1-9]|1[0-2]|0?8A)|VV|VH|HH|HV"
_SUFFIX = re.compile(rf"(.+?)[_.-]({_BAND})(?:[_.-]\d{{2,3}}m)?\Z", re.IGNORECASE)
_POLARISATION = re.compile(r"(?<![A-Za-z0-9])(VV|VH|HH|HV)(?![A-Za-z0-9])", re.IGNORECASE)
_MISSION = re.compile(r"(?<![A-Za-z0-9])S([12])([A-D]?)(?![A-Za-z0-9])", re.IGNORECASE)
_STAMP = re.compile(r"(?<!\d)(\d{8})T(\d{5,6})(?!\d)")  # BigEarthNet drops the hour's leading zero
_DATE = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")


def split_band(stem: str) -> tuple[str, str] | None:
    """("NAME", "B02") of "NAME_B02" or "NAME_B2_10m"; None where the name does not end in a band."""
    match = _SUFFIX.match(stem)
    return (match[1], band_name(match[2])) if match else None


def band_name(text: str) -> str:
    """As Sentinel writes it where it is a band of Sentinel (b8a → B8A, B2 → B02, vv → VV); else as it is, trimmed."""
    text = " ".join(text.split())[:40]
    if not re.fullmatch(_BAND, text, re.IGNORECASE):
        return text
    upper = text.upper()
    if upper in POLARISATIONS:
        return upper
    number = upper[1:].lstrip("0")
    return "B8A" if number == "8A" else f"B{int(number):02d}"


def polarisation(stem: str) -> str | None:
    """The one polarisation that a name holds, None without or with several."""
    found = {match.upper() for match in _POLARISATION.findall(stem)}
    return found.pop() if len(found) == 1 else None


def mission(*texts: str) -> tuple[Modality, str] | None:
    """(modality, "Sentinel-1A") of the first text that names S1 or S2."""
    for text in texts:
        if match := _MISSION.search(text):
            modality = Modality.SAR if match[1] == "1" else Modality.OPTICAL
            return modality, f"Sentinel-{match[1]}{match[2].upper()}"
    return None


def time_of(*texts: str) -> datetime | None:
    """The first time (or else date) that the texts hold, UTC."""
    for text in texts:
        if match := _STAMP.search(text):
            clock = match[2].zfill(6)
            for form in (match[1] + clock, match[1] + clock[:4] + "00", match[1] + "000000"):
                try:
                    return datetime.strptime(form, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
                except ValueError:
                    continue  # names of Sentinel-2 know a sixty-second second
        if match := _DATE.search(text):
            try:
                found = datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=UTC)
            except ValueError:
                continue
            if 1970 <= found.year < 2100:
                return found
    return None


def unique(names: Sequence[str]) -> bool:
    """Whether all are given and different."""
    return all(names) and len(set(names)) == len(names)
