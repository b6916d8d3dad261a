"""XML of products: plain, bounded, or refused by name."""

from pathlib import Path

import pytest

from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import xml
from eobench_dash.sentinel.guard import inside, read_bytes
from eobench_dash.sentinel.xml import parse_xml, read_xml

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>'
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


def test_plain_xml_is_read(tmp_path: Path) -> None:
    path = tmp_path / "MTD_TL.xml"
    path.write_text("<a><b>1</b></a>")
    assert read_xml(path).findtext("b") == "1"


@pytest.mark.parametrize("text", [BOMB, OUTSIDE, '<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>'])
def test_entities_and_document_types_are_refused(text: str) -> None:
    with pytest.raises(UnreadableProduct, match=r"MTD_TL\.xml declares entities or a document type"):
        parse_xml(text.encode(), name="MTD_TL.xml")


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"<a><b></a>", "line 1"),
        (b"<a>\n<b>", "line 2"),
        (b"", "line 1"),
        (b"\xff\xfe\x00", "line 1"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "."),
        (b'<?xml version="1.0" encoding="utf-7"?><a/>', "."),
    ],
)
def test_broken_xml_says_where(data: bytes, where: str) -> None:
    with pytest.raises(UnreadableProduct, match=rf"MTD_TL\.xml is not complete XML \(.*{where}.*fetch it again"):
        parse_xml(data, name="MTD_TL.xml")


def test_too_many_elements_are_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml, "MAX_TAGS", 10)
    with pytest.raises(UnreadableProduct, match="more than 10 elements"):
        parse_xml(b"<a>" + b"<b/>" * 21 + b"</a>", name="MTD_TL.xml")


def test_files_are_bounded_and_must_be_files(tmp_path: Path) -> None:
    path = tmp_path / "MTD_TL.xml"
    path.write_bytes(b"x" * 11)
    with pytest.raises(UnreadableProduct, match=r"MTD_TL\.xml has 11 bytes; at most 10 are read"):
        read_bytes(path, limit=10)
    with pytest.raises(UnreadableProduct, match=r"gone\.xml is missing"):
        read_xml(tmp_path / "gone.xml")
    with pytest.raises(UnreadableProduct, match="is not a file"):
        read_bytes(Path("/dev/null"), limit=10)


@pytest.mark.parametrize("name", ["../x.jp2", "/etc/passwd", "a/../../x", "/vsicurl/http://a/b.jp2", "a\0b", ""])
def test_names_that_lead_out_of_a_product_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableProduct, match="lies outside of the product; it is not read"):
        inside(tmp_path, name)


def test_links_that_lead_out_of_a_product_are_refused(tmp_path: Path) -> None:
    product = tmp_path / "P.SAFE"
    product.mkdir()
    (tmp_path / "secret").write_text("s")
    (product / "MTD_TL.xml").symlink_to(tmp_path / "secret")
    (product / "kept").write_text("k")
    (product / "link").symlink_to(product / "kept")
    with pytest.raises(UnreadableProduct, match=r"a link that leads out of the product"):
        inside(product, "MTD_TL.xml")
    assert inside(product, "link") == product / "kept"
