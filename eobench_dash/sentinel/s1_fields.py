"""Numbers and words out of Sentinel-1 XML: whatever is missing, cut or absurd becomes one sentence naming the file."""

import math
from datetime import UTC, datetime
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import numpy.typing as npt

from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.xml import read_xml

Floats = npt.NDArray[np.float64]


class Fields:
    """One element of an XML file, and the file's name for what has to be said about it."""

    def __init__(self, element: Element, name: str) -> None:
        self.element = element
        self.name = name

    @classmethod
    def of(cls, path: Path, *, root: str) -> "Fields":
        """The root element of a file, which has to be called ``root``."""
        element = read_xml(path)
        if element.tag != root:
            raise UnreadableProduct(f"{path.name} holds <{element.tag[:60]}> where <{root}> belongs; fetch it again.")
        return cls(element, path.name)

    def all(self, path: str, *, least: int = 0, most: int = 20_000) -> "list[Fields]":
        """The elements at ``path``, between ``least`` and ``most`` of them."""
        found = self.element.findall(path)
        if not least <= len(found) <= most:
            what = path.rpartition("/")[2]
            raise UnreadableProduct(
                f"{self.name} holds {len(found):,} of {what} where {least:,} or more belong; fetch it again."
                if len(found) < least
                else f"{self.name} holds {len(found):,} of {what}, more than a product has."
            )
        return [Fields(element, self.name) for element in found]

    def has(self, path: str) -> bool:
        """Whether there is something at ``path``."""
        return self.element.find(path) is not None

    def text(self, path: str, *, default: str | None = None) -> str:
        """The words at ``path`` (128 characters at most)."""
        found = (self.element.findtext(path) or "").strip()[:128]
        if not found:
            if default is None:
                raise UnreadableProduct(f"{self.name} lacks {path}; it is not whole: fetch the product again.")
            return default
        return found

    def number(self, path: str, *, low: float, high: float, default: float | None = None) -> float:
        """The number at ``path``, which lies between ``low`` and ``high``."""
        text = self.text(path, default="" if default is not None else None)
        if not text and default is not None:
            return default
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:  # NaN neither
            raise UnreadableProduct(
                f"{self.name} gives {text[:24]!r} as {path}, which is no number between {low:g} and {high:g}."
            )
        return value

    def whole(self, path: str, *, low: int, high: int, default: int | None = None) -> int:
        """The whole number at ``path``, which lies between ``low`` and ``high``."""
        value = self.number(path, low=low, high=high, default=default)
        if value != int(value):
            raise UnreadableProduct(f"{self.name} gives {value:g} as {path}, where a whole number belongs.")
        return int(value)

    def numbers(self, path: str, *, low: float, high: float, length: int | None = None) -> Floats:
        """The list of numbers at ``path``: as many as its own ``count`` says (and as ``length``), within the limits."""
        found = self.element.find(path)
        if found is None:
            raise UnreadableProduct(f"{self.name} lacks {path}; it is not whole: fetch the product again.")
        words = (found.text or "").split()
        said = found.get("count", str(len(words)))
        if not words or said != str(len(words)) or length not in (None, len(words)):
            said = str(length) if length is not None and said == str(len(words)) else said
            raise UnreadableProduct(
                f"{self.name}: {path} holds {len(words):,} numbers where {said[:12]} belong; fetch the product again."
            )
        try:
            values = np.array(words, dtype=np.float64)
        except ValueError:
            values = np.array([math.nan])
        if not (np.isfinite(values).all() and values.min() >= low and values.max() <= high):
            raise UnreadableProduct(
                f"{self.name}: {path} holds something that is no number between {low:g} and {high:g}."
            )
        return values

    def moment(self, path: str) -> datetime:
        """The time (UTC) at ``path``."""
        text = self.text(path)
        try:
            return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
        except ValueError:
            raise UnreadableProduct(f"{self.name} gives {text[:32]!r} as {path}, which is no time.") from None


def rising(values: Floats) -> bool:
    """Whether each number is larger than the one before."""
    return bool((np.diff(values) > 0).all())
