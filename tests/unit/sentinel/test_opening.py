"""From a path to products: what is found in folders, what is passed over, and which reader opens it."""

import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safe_trees import make_l1c, make_l2a, write_raster

from eobench_dash.domain.datasets import Modality
from eobench_dash.domain.products import ProductKind, ReadOptions, Window
from eobench_dash.errors import UnreadableProduct
from eobench_dash.sentinel import opening
from eobench_dash.sentinel.opening import discover, open_product, search

PICTURE = np.full((3, 20, 20), 9, np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of each: a Level-2A without its suffix, a zipped Level-1C, rasters, pictures, and things that are none."""
    root = tmp_path_factory.mktemp("root")
    safe = make_l2a(root / "s2", scl=False)
    safe.rename(safe.with_suffix(""))
    l1c = make_l1c(root / "work", bands=("B01",))
    shutil.make_archive(str(root / "packed"), "zip", l1c.parent, l1c.name)
    shutil.rmtree(root / "work")
    write_raster(root / "rasters" / "scene_S1_VH.tif", PICTURE[0])
    write_raster(root / "rasters" / "preview.png", PICTURE, crs=None)
    write_raster(root / "rasters" / "x_B02.tif", PICTURE[0])
    write_raster(root / "rasters" / "x_B03.tif", PICTURE[0])
    write_raster(root / "rasters" / "deep" / "deeper" / "unseen.tif", PICTURE)
    write_raster(root / "rasters" / "deep" / "seen.tif", PICTURE)
    write_raster(root / "pictures" / "a.jpg", PICTURE, crs=None)
    (root / "rasters" / "notes.txt").write_text("no raster")
    (root / "rasters" / "fake.tif").write_text("no raster")
    (root / "rasters" / "._scene_S1_VH.tif").write_bytes(b"II*\0")
    return root


def test_all_products_of_a_folder_in_the_order_of_their_paths(folder: Path) -> None:
    found = [(c.path.relative_to(folder).as_posix(), c.kind, c.modality, c.platform) for c in discover(folder)]
    assert found == [
        ("packed.zip", ProductKind.S2_L1C, Modality.OPTICAL, ""),
        ("pictures/a.jpg", ProductKind.IMAGE, None, ""),
        ("rasters/deep/seen.tif", ProductKind.RASTER, None, ""),
        ("rasters/scene_S1_VH.tif", ProductKind.RASTER, Modality.SAR, "Sentinel-1"),
        ("rasters/x_B02.tif", ProductKind.RASTER, None, ""),
        (f"s2/{next((folder / 's2').iterdir()).name}", ProductKind.S2_L2A, Modality.OPTICAL, "Sentinel-2B"),
    ]


def test_each_of_them_opens(folder: Path, tmp_path: Path) -> None:
    for candidate in discover(folder):
        bands = ("B01",) if candidate.kind in (ProductKind.S2_L1C, ProductKind.S2_L2A) else ()
        with open_product(candidate.path, options=ReadOptions(bands=bands), unpacked=tmp_path) as product:
            assert product.info.kind is candidate.kind
            assert product.read(Window(0, 0, 8, 8)).nodata.shape == (8, 8)


def test_a_product_is_found_by_its_own_path_too(folder: Path) -> None:
    safe = next((folder / "s2").iterdir())
    for path in (safe, folder / "packed.zip", folder / "rasters" / "scene_S1_VH.tif"):
        assert [c.path for c in discover(path)] == [path]
    assert [c.path.name for c in discover(folder / "rasters" / "x_B03.tif")] == [
        "x_B02.tif"
    ]  # the first stands for all
    open_product(safe / "MTD_MSIL2A.xml", options=ReadOptions(bands=("B01",))).close()


def test_a_safe_without_its_metadata_is_still_a_product_that_says_so(tmp_path: Path) -> None:
    safe = make_l1c(tmp_path / "s2", bands=("B01",))
    (safe / "MTD_MSIL1C.xml").unlink()
    for path in (tmp_path / "s2", safe):
        (found,) = discover(path)
        assert (found.path, found.kind) == (safe, ProductKind.S2_L1C)
    with pytest.raises(UnreadableProduct, match=r"MTD_MSIL1C\.xml is missing"):
        open_product(safe)


def test_zips_that_are_no_products_are_passed_over_but_not_damaged_products(tmp_path: Path) -> None:
    (tmp_path / "docs.zip").write_bytes(b"PK\3\4 something")
    (tmp_path / "S2A_MSIL2A_20230601T105621.zip").write_bytes(b"PK\3\4 something")
    (found,) = discover(tmp_path)
    assert found.kind is ProductKind.S2_L2A
    with pytest.raises(UnreadableProduct, match="is cut short: its table of contents is missing"):
        open_product(found.path, unpacked=tmp_path / "u")


def test_links_that_leave_the_folder_are_passed_over(folder: Path, tmp_path: Path) -> None:
    write_raster(tmp_path / "in" / "a.tif", PICTURE)
    (tmp_path / "in" / "b.tif").symlink_to(tmp_path / "in" / "a.tif")
    (tmp_path / "in" / "c.tif").symlink_to(folder / "rasters" / "x_B02.tif")
    (tmp_path / "in" / "d").symlink_to(folder / "rasters")
    assert [c.path.name for c in discover(tmp_path / "in")] == ["a.tif", "b.tif"]
    loop = tmp_path / "in" / "loop"
    loop.symlink_to(tmp_path / "in")
    assert len(discover(tmp_path / "in")) <= 6  # two levels, and no more


def test_what_holds_nothing_says_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    for path in (tmp_path, tmp_path / "a.txt"):
        with pytest.raises(UnreadableProduct, match="holds no product that is read: Sentinel-2 Level-1C or Level-2A"):
            discover(path)
    for name, content, why in (
        ("a.vrt", "<VRTDataset/>", r"a\.vrt is a virtual raster \(VRT\)"),
        ("b.tif", "<VRTDataset/>", r"b\.tif is a virtual raster \(VRT\)"),
        ("c.tif", "/vsicurl/http://127.0.0.1:9/c.tif", r"c\.tif refers to another place"),
        ("d.tif", "", r"d\.tif is empty"),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(UnreadableProduct, match=why):
            discover(tmp_path / name)
    with pytest.raises(UnreadableProduct, match=r"There is no gone; check the path"):
        discover(tmp_path / "gone")
    with pytest.raises(UnreadableProduct, match=r"gone\.tif is missing"):
        open_product(tmp_path / "gone.tif")


UNFIT = {
    os.fsdecode(b"latin\xe9.tif"): "The name latin?.tif is not UTF-8 text; rename it.",
    "two\nlines.tif": "The name two?lines.tif holds a line break or another control character; rename it.",
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_name_that_nothing_can_keep_is_left_out_and_told_of(tmp_path: Path, name: str) -> None:
    write_raster(tmp_path / "in" / "a.tif", PICTURE).rename(tmp_path / "in" / name)
    folder, alone = tmp_path / "in", tmp_path / "in" / name
    for path in (alone, folder):
        with pytest.raises(UnreadableProduct) as told:
            discover(path)
        assert UNFIT[name] in str(told.value)
    with pytest.raises(UnreadableProduct) as told:
        open_product(alone)
    assert str(told.value) == UNFIT[name]
    write_raster(folder / "b.tif", PICTURE)
    (folder / "c.tif").symlink_to(alone)
    write_raster(folder / "d" / "a.tif", PICTURE).rename(folder / "d" / name)
    write_raster(folder / "e" / "e.tif", PICTURE).parent.rename(folder / name.removesuffix(".tif"))
    found, left_out = search(folder)
    assert [candidate.path.name for candidate in found] == ["b.tif"]
    shown = UNFIT[name].split()[2]
    assert {one.path: one.why for one in left_out} == {
        shown: UNFIT[name],
        "c.tif": UNFIT[name],  # a dataset is read by the real path
        f"d/{shown}": UNFIT[name],
        f"{shown.removesuffix('.tif')}/e.tif": UNFIT[name].replace(".tif", ""),
    }


def test_what_cannot_be_read_closes_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.tif", "b.tif", "in/c.tif", "shut/d.tif"):
        write_raster(tmp_path / name, PICTURE)
    access, told_driver = os.access, opening.told_driver

    def told(path: Path) -> str | None:
        if path.name == "b.tif":  # rights mean nothing to root, who runs some of these tests
            raise UnreadableProduct("b.tif cannot be read; check its rights.")
        return told_driver(path)

    monkeypatch.setattr(opening, "told_driver", told)
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "shut" and access(path, mode))
    found, left_out = search(tmp_path)
    assert [candidate.path.name for candidate in found] == ["a.tif", "b.tif", "c.tif"]
    assert [(one.path, one.why) for one in left_out] == [("shut", "The folder shut cannot be read; check its rights.")]
    shutil.rmtree(tmp_path / "in")
    for name in ("a.tif", "b.tif"):
        (tmp_path / name).unlink()
    with pytest.raises(UnreadableProduct, match=r"1 entry is left out\. The folder shut cannot be read"):
        search(tmp_path)


def test_a_folder_of_bands_with_unfit_names_is_left_out(tmp_path: Path) -> None:
    for band in ("B02", "B03"):
        write_raster(tmp_path / "in" / f"{band}.tif", PICTURE[0]).rename(tmp_path / "in" / f"bell\a_{band}.tif")
    with pytest.raises(UnreadableProduct, match=r"1 entry is left out\. The name bell\?_B02\.tif holds a line break"):
        discover(tmp_path)


def test_a_zip_is_listed_as_what_it_is_opened_as(tmp_path: Path) -> None:
    """By the name of the folder in it, or its own, where nothing but a manifest tells; a scene's name goes before."""
    safe = "S2A_MSIL1C_20230601T105621_N0509_R094_T31UDQ_20230601T125012"
    for number, (name, member, kind) in enumerate(
        [
            (safe, f"{safe}.SAFE/manifest.safe", ProductKind.S2_L1C),
            ("download", f"{safe}.SAFE/manifest.safe", ProductKind.S2_L1C),
            (f"{safe}.SAFE", "manifest.safe", ProductKind.S2_L1C),
            (safe, "S1A_IW_GRDH_1SDV_X.SAFE/manifest.safe", ProductKind.S1_GRD),
        ]
    ):
        path = tmp_path / str(number) / f"{name}.zip"
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, "<a/>")
        for where in (path, path.parent):
            (found,) = discover(where)
            assert (found.kind, found.modality is Modality.SAR) == (kind, kind is ProductKind.S1_GRD)
        with pytest.raises(UnreadableProduct) as told:
            open_product(path, unpacked=tmp_path / "u")
        assert ("MTD_MSIL1C.xml is missing" in str(told.value)) == (kind is ProductKind.S2_L1C)


def test_folders_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MAX_ENTRIES", 10)
    with pytest.raises(UnreadableProduct, match="holds too many files to look through; choose a folder inside"):
        discover(folder)
    monkeypatch.undo()
    monkeypatch.setattr(opening, "MAX_PRODUCTS", 3)
    with pytest.raises(UnreadableProduct, match="holds more than 3 products"):
        discover(folder)


def test_several_rasters_are_not_one_product(folder: Path) -> None:
    with pytest.raises(UnreadableProduct, match="rasters holds 2 rasters; choose one"):
        open_product(folder / "rasters")


def test_patches_called_as_products_are_rasters(shared_dir: Path) -> None:
    (found,) = discover(next((shared_dir / "fixtures/rasters/BigEarthNet-S1-Example").iterdir()).resolve())[:1]
    assert found.kind is ProductKind.RASTER and found.modality is Modality.SAR
    kinds = {c.kind for c in discover(shared_dir / "fixtures/products")}
    assert kinds == {ProductKind.S1_GRD, ProductKind.S2_L1C}
