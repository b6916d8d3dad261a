"""Zipped products: unpacked once, whole or not at all, and only what is read; bombs and paths that lead out refused."""

import errno
import multiprocessing
import os
import shutil
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from safe_trees import make_l1c

from eobench_dash.domain.products import ProductKind, ReadOptions, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import zips
from eobench_dash.sentinel.opening import discover, open_product
from eobench_dash.sentinel.zips import looks_zipped, unpack

NAME = "S2A_MSIL1C_X.SAFE"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    safe = make_l1c(folder, bands=("B01", "B02"))
    (safe / "HTML").mkdir()
    (safe / "HTML" / "banner.png").write_bytes(b"x")
    (safe / "DATASTRIP").mkdir()
    (safe / "DATASTRIP" / "MTD_DS.xml").write_text("<a/>")
    return Path(shutil.make_archive(str(folder / "product"), "zip", folder, safe.name))


def _zip(path: Path, members: dict[str, bytes | str], **more: Any) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **more) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_zipped_product_is_found_and_read(packed: Path, tmp_path: Path) -> None:
    (found,) = discover(packed.parent / packed.name)
    assert found.kind is ProductKind.S2_L1C and looks_zipped(packed)
    with open_product(packed, options=ReadOptions(bands=("B02",)), unpacked=tmp_path / "u") as product:
        assert product.read(Window(100, 100, 4, 4)).values.shape == (1, 4, 4)
    (place,) = [p for p in (tmp_path / "u").iterdir() if p.is_dir()]
    (safe,) = place.iterdir()
    names = {p.name for p in safe.rglob("*") if p.is_file()}
    assert "MTD_TL.xml" in names and "MSK_CLASSI_B00.jp2" in names
    assert not names & {"banner.png", "MTD_DS.xml"}  # only what is read


def test_it_is_unpacked_once_and_again_when_the_file_changes(packed: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copy2(packed, tmp_path / "p.zip"))
    first = unpack(mine, tmp_path / "u")
    (first / "mark").touch()
    assert (unpack(mine, tmp_path / "u") / "mark").exists()
    os.utime(mine, (1, 1))
    second = unpack(mine, tmp_path / "u")
    assert second != first and not (second / "mark").exists()
    shutil.rmtree(second)  # derived: it may be deleted
    assert (unpack(mine, tmp_path / "u") / "MTD_MSIL1C.xml").exists()


def test_without_a_place_to_unpack_it_says_so(packed: Path) -> None:
    with pytest.raises(UnreadableProduct, match=r"product\.zip is packed; unpack it and give the folder"):
        open_product(packed)


def test_members_at_the_root_of_the_archive(tmp_path: Path) -> None:
    path = _zip(
        tmp_path / "flat.zip", {"manifest.safe": "<a/>", "annotation/a.xml": "<a/>", "measurement/a.tiff": "II"}
    )
    safe = unpack(path, tmp_path / "u")
    assert safe.name == "flat" and sorted(p.name for p in safe.rglob("*.*")) == ["a.tiff", "a.xml", "manifest.safe"]


@pytest.mark.parametrize(
    "name",
    ["../evil.xml", "/etc/evil.xml", f"{NAME}/../../evil.xml", "C:/evil.xml", "..\\evil.xml",
     f"{NAME}/annotation/./x.xml", f"{NAME}//annotation/x.xml", "a" * 500],
)  # fmt: skip
def test_paths_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    path = _zip(tmp_path / "a.zip", {f"{NAME}/MTD_MSIL1C.xml": "<a/>", name: "evil"})
    _refused(path, tmp_path, r"a\.zip holds '.*', which leads out of its folder; it is not unpacked")


def test_links_in_an_archive_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{NAME}/MTD_MSIL1C.xml", "<a/>")
        link = zipfile.ZipInfo(f"{NAME}/manifest.safe")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    _refused(path, tmp_path, "leads out of its folder")


def test_a_bomb_is_refused_by_what_it_declares(tmp_path: Path) -> None:
    zeros = b"\0" * (40 << 20)
    path = _zip(tmp_path / "a.zip", {f"{NAME}/MTD_MSIL1C.xml": "<a/>", f"{NAME}/measurement/a.tiff": zeros})
    assert path.stat().st_size < 100_000
    _refused(path, tmp_path, r"a\.zip would unpack to 42 MB, more than a product of its size can hold")


def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path: Path) -> None:
    data = b"\0" * 5_000_000
    path = _zip(tmp_path / "a.zip", {f"{NAME}/MTD_MSIL1C.xml": "<a/>", f"{NAME}/annotation/a.xml": data})
    raw = bytearray(path.read_bytes())
    size = struct.pack("<I", len(data))
    while (at := raw.find(size)) >= 0:
        raw[at : at + 4] = struct.pack("<I", 1000)
    path.write_bytes(bytes(raw))
    _refused(path, tmp_path, r"annotation/a\.xml of a\.zip is damaged")


def test_archives_in_archives_are_not_opened(packed: Path, tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", {"inner.zip": packed.read_bytes()})
    _refused(path, tmp_path, r"holds no Sentinel-1 or Sentinel-2 product; archives inside of archives are not opened")


def test_too_many_members_are_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _zip(tmp_path / "a.zip", {f"{NAME}/annotation/{i}.xml": "" for i in range(30)})
    monkeypatch.setattr(zips, "MAX_MEMBERS", 20)
    _refused(path, tmp_path, r"a\.zip lists 30 files, more than a product has")


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"readme.txt": "x"}, "holds no Sentinel-1 or Sentinel-2 product"),
        ({"A.SAFE/manifest.safe": "x", "B.SAFE/manifest.safe": "x"}, "holds 2 products; unpack it"),
        ({f"{NAME}/manifest.safe": "x", f"{NAME}/MANIFEST.safe": "x"}, "two files of the same name"),
    ],
)
def test_archives_that_are_no_single_product(tmp_path: Path, members: dict[str, bytes | str], why: str) -> None:
    _refused(_zip(tmp_path / "a.zip", members), tmp_path, why)


@pytest.mark.parametrize("kept", [0.99, 0.5, 0.01])
def test_a_truncated_archive_is_told(packed: Path, tmp_path: Path, kept: float) -> None:
    path = tmp_path / "a.zip"
    data = packed.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    _refused(path, tmp_path, r"a\.zip is (cut short: its table of contents is missing|not a whole zip)")


def test_damage_inside_is_told_and_nothing_is_kept(packed: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    data = bytearray(packed.read_bytes())
    with zipfile.ZipFile(packed) as archive:
        member = next(m for m in archive.infolist() if m.filename.endswith("B02.jp2"))
    at = member.header_offset + 200
    data[at : at + 50] = b"\x55" * 50
    path.write_bytes(bytes(data))
    _refused(path, tmp_path, r"_B02\.jp2 of a\.zip is damaged; copy or download the archive again")


def test_an_encrypted_archive_is_told(packed: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    data = bytearray(packed.read_bytes())
    at = 0
    while (at := data.find(b"PK\1\2", at)) >= 0:
        data[at + 8] |= 1
        at += 4
    path.write_bytes(bytes(data))
    _refused(path, tmp_path, "is encrypted; unpack it yourself")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_and_nothing_is_kept(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(zips.os, "fsync", full)
    _refused(packed, tmp_path, r"The disk is full: product\.zip was not unpacked, and nothing of it was kept")
    monkeypatch.undo()
    assert (unpack(packed, tmp_path / "u") / "MTD_MSIL1C.xml").exists()


def test_a_disk_without_room_is_told_before(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(zips.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    _refused(packed, tmp_path, r"There is no room to unpack product\.zip: it takes .* MB are free; make room")


def test_what_a_killed_process_left_is_cleared(packed: Path, tmp_path: Path) -> None:
    place = unpack(packed, tmp_path / "u").parent
    shutil.rmtree(place)
    left = place.with_name(f".{place.name}.part")
    (left / "half").mkdir(parents=True)
    assert (unpack(packed, tmp_path / "u") / "MTD_MSIL1C.xml").exists()
    assert not left.exists()


def test_two_processes_unpack_one_archive(packed: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        found = pool.starmap(unpack, [(packed, tmp_path / "u")] * 4)
    assert len(set(found)) == 1
    assert sorted(p.name.startswith(".") for p in (tmp_path / "u").iterdir()) == [False, True]  # the product, its lock


def _refused(path: Path, tmp_path: Path, why: str) -> None:
    with pytest.raises(UnreadableProduct, match=why):
        unpack(path, tmp_path / "u")
    if (tmp_path / "u").exists():
        assert all(p.name.endswith(".lock") for p in (tmp_path / "u").iterdir())
    assert not list(tmp_path.glob("**/evil*"))
