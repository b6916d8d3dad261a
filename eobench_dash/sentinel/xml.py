"""XML of products: no entities, no document types, no more of it than a product has."""

from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel.guard import read_bytes

MAX_BYTES = 64 << 20
"""The annotation of a long Sentinel-1 strip has some 10 MB."""
MAX_TAGS = 2_000_000
"""An element costs about a hundred bytes of memory for the three of ``<a>``."""


def read_xml(path: Path) -> Element:
    """The root element of an XML file. UnreadableProduct (naming the file) for anything that is not plain XML."""
    return parse_xml(read_bytes(path, limit=MAX_BYTES), name=path.name)


def parse_xml(data: bytes, *, name: str) -> Element:
    """As read_xml, of bytes that came from the file ``name``."""
    if data.count(b"<") > 2 * MAX_TAGS:
        raise UnreadableProduct(f"{name} holds more than {MAX_TAGS:,} elements; it is not the metadata of a product.")
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise UnreadableProduct(
            f"{name} declares entities or a document type, which no product does; it is not read."
        ) from None
    except (ParseError, ValueError, LookupError) as error:  # the latter two: encodings that do not exist or fit
        raise UnreadableProduct(
            f"{name} is not complete XML ({_where(error)}); it may be cut short: fetch it again."
        ) from error
    return root


def _where(error: Exception) -> str:
    position = getattr(error, "position", None)
    return f"line {position[0]}" if position else "its encoding"
