"""Bad products and plans at the level of the job: a clear sentence, the job fails alone, the workspace is as it was.

What is wrong inside of files is tested with their readers; here it is what becomes of an ingest of them. On SQLite
only: what is refused never gets as far as rows that the databases could treat differently.
"""

import os
import re
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from ingest_house import House
from s1_safe import Grd
from safe_trees import make_l1c
from scenes import textured, write_scene

from eobench_dash.db.models import Job
from eobench_dash.domain import ingesting as domain
from eobench_dash.domain.ingesting import IngestPlan
from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.products import ReadOptions
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.services import estimating, ingesting, jobs, products
from eobench_dash.store.blocks import BlockFolder

BANDS = ("B02", "B03", "B04")
Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.ws.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A product of each kind with nothing wrong in it."""
    root = tmp_path_factory.mktemp("whole")
    return {
        "s2": make_l1c(root, bands=BANDS),
        "s1": Grd(height=96, width=120).write(root),
        "tif": write_scene(root / "S2_a.tif", textured(np.random.default_rng(0), 3, 96, 96)),
    }


@pytest.fixture
def copy(house: House, whole: dict[str, Path], tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """``copy("s2")``: one of them in a folder of its own below the data root."""
    folder = house.data / tmp_path.name

    def make(kind: str) -> Path:
        source = whole[kind]
        folder.mkdir(exist_ok=True)
        if source.is_dir():
            return Path(shutil.copytree(source, folder / source.name))
        return Path(shutil.copy2(source, folder / source.name))

    yield make
    shutil.rmtree(folder, ignore_errors=True)


def cut(pattern: str, share: float) -> Damage:
    def damage(product: Path) -> None:
        path = next(product.rglob(pattern)) if product.is_dir() else product
        os.truncate(path, int(path.stat().st_size * share))

    return damage


def gone(pattern: str) -> Damage:
    return lambda product: next(product.rglob(pattern)).unlink()


def text(pattern: str, old: str, new: str) -> Damage:
    def damage(product: Path) -> None:
        path = next(product.rglob(pattern))
        told, count = re.subn(old, new, path.read_text())
        assert count
        path.write_text(told)

    return damage


def content(pattern: str, words: str) -> Damage:
    return lambda product: (next(product.rglob(pattern)) if product.is_dir() else product).write_text(words)


def placed(crs: str, transform: Affine) -> Damage:
    def damage(path: Path) -> None:
        with rasterio.open(path, "r+") as file:
            file.crs, file.transform = crs, transform

    return damage


def linked_out(product: Path) -> None:
    path = next(product.rglob("*_B03.jp2"))
    target = product.parent.parent.parent / "elsewhere.jp2"
    shutil.move(path, target)
    path.symlink_to(target)


VRT = '<VRTDataset rasterXSize="9" rasterYSize="9"><SimpleSource>/etc/passwd</SimpleSource></VRTDataset>'
BROKEN: list[tuple[str, str, Damage, str]] = [
    ("truncated JP2", "s2", cut("*_B03.jp2", 0.6), r"_B03\.jp2 is cut short: it has [\d,]+ of at least [\d,]+ bytes"),
    ("truncated TIFF", "tif", cut("*.tif", 0.6), r"S2_a\.tif is cut short"),
    ("truncated measurement", "s1", cut("*-vv-*.tiff", 0.6), r"-vv-\S+\.tiff is cut short"),
    ("truncated metadata", "s2", cut("MTD_MSIL1C.xml", 0.5), r"MTD_MSIL1C\.xml is not complete XML"),
    ("missing band", "s2", gone("*_B03.jp2"), r"Band B03 of S2A_\S+ is missing .*choose bands without"),
    ("missing metadata", "s2", gone("MTD_MSIL1C.xml"), r"MTD_MSIL1C\.xml is missing"),
    ("missing tile metadata", "s2", gone("MTD_TL.xml"), r"MTD_TL\.xml is missing"),
    ("wrong CRS", "s2", text("MTD_TL.xml", "EPSG:32631", "EPSG:32633"), "EPSG:32631, its metadata in EPSG:32633"),
    ("CRS of another planet", "tif", placed("+proj=longlat +R=1737400", Affine(0.1, 0, 0, 0, -0.1, 9)), "the Earth"),
    ("CRS with other places", "tif", placed("EPSG:4326", Affine(10, 0, 5e5, 0, -10, 5e6)), "lies off the Earth"),
    ("CRS far away", "tif", placed("EPSG:32632", Affine(10, 0, 5e12, 0, -10, 5e12)), "lies off the Earth"),
    ("missing calibration", "s1", gone("calibration-*-vv-*"), "lacks the calibration file of VV; sigma nought cannot"),
    ("missing noise", "s1", gone("noise-*-vh-*"), "lacks the noise file of VH"),
    ("missing measurement", "s1", gone("*-vh-*.tiff"), "lacks the measurement file of VH; there are no pixels"),
    ("calibration of zero", "s1", text("calibration-*-vv-*", "600.0", "0.0"), "sigmaNought holds something that is no"),
    ("VRT called .tif", "tif", content("*.tif", VRT), r"S2_a\.tif is a virtual raster \(VRT\), which names"),
    ("VRT as a band", "s2", content("*_B03.jp2", VRT), r"_B03\.jp2 is a virtual raster \(VRT\)"),
    ("/vsi as content", "tif", content("*.tif", "/vsicurl/http://127.0.0.1:9/a.tif"), "refers to another place"),
    (
        "/vsi in the metadata", "s2",
        text("MTD_MSIL1C.xml", r"<IMAGE_FILE>[^<]*_B03<", "<IMAGE_FILE>/vsizip/etc/x.zip/IMG_DATA/T_B03<"),
        r"MTD_MSIL1C\.xml refers to another place \(/vsi…, URL\)",
    ),
    (
        "way out in the metadata", "s2",
        text("MTD_MSIL1C.xml", r"(<IMAGE_FILE>[^<]*)/IMG_DATA/[^<]*_B03<", r"\1/../../../../../etc/T_B03<"),
        "lies outside of the product; it is not read",
    ),
    (
        "entities", "s2",
        text("MTD_MSIL1C.xml", "<n1:Level", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><n1:Level'),
        "declares entities or a document type, which no product does",
    ),
    ("link out of the product", "s2", linked_out, "is a link that leads out of the product; it is not read"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "damage", "why"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_a_broken_product_alone(house: House, copy, kind: str, damage: Damage, why: str) -> None:
    product = copy(kind)
    damage(product)
    told = house.sentence(product, options=ReadOptions(bands=BANDS) if kind == "s2" else None)
    assert re.search(why, told), told
    assert product.name in told, "it says which one"


def test_among_good_products_each_is_left_out_with_its_sentence(house: House, whole, tmp_path: Path) -> None:
    """All the optical ones above in a folder with a good one: that one is ingested, as if it were alone."""
    folder = house.data / tmp_path.name
    wanted = {}
    for number, (_, kind, damage, why) in enumerate(BROKEN):
        if kind == "s2":
            product = Path(shutil.copytree(whole["s2"], folder / str(number) / whole["s2"].name))
            damage(product)
            wanted[f"{number}/{product.name}"] = why
    write_scene(folder / "S2_cut.tif", textured(np.random.default_rng(0), 3, 96, 96))
    os.truncate(folder / "S2_cut.tif", 5000)
    wanted["S2_cut.tif"] = "is cut short"
    shutil.copytree(whole["s2"], folder / "good" / whole["s2"].name)
    job = house.run(house.start(folder, plan={"patch": 64}, options=ReadOptions(bands=BANDS)))
    assert job.state == JobState.DONE, job.error
    report = house.report(job.dataset_id)
    assert report.patches == job.result["imported"] == 25
    failed = {tally.path: tally.error for tally in report.failed}
    assert failed.keys() == wanted.keys()
    for path, why in wanted.items():
        assert re.search(why, failed[path]), failed[path]
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/vsicurl/http://127.0.0.1:9/a.tif", "Addresses .* are not read; fetch the file"),
        ("/vsizip//tmp/x.zip/a.tif", "Addresses .* are not read"),
        ("http://127.0.0.1:9/a.tif", "Addresses .* are not read"),
        ("s3://bucket/a.tif", "Addresses .* are not read"),
        ("/etc/passwd", "not below a folder that may be imported from"),
        ("a\0b", "not one that the system knows"),
        ("x" * 5000, "not one that the system knows"),
        ("", "not one that the system knows"),
    ],
)
def test_paths_that_are_none(house: House, path: str, why: str) -> None:
    assert re.search(why, house.sentence(path))


def test_links_and_dots_out_of_the_data_root_are_not_followed(house: House, whole, tmp_path: Path) -> None:
    folder = house.data / tmp_path.name
    folder.mkdir()
    (folder / "S2_link.tif").symlink_to(whole["tif"])
    (folder / whole["s2"].name).symlink_to(whole["s2"])
    assert "holds no product" in house.sentence(folder), "passed over among others"
    assert "not below a folder that may be imported" in house.sentence(folder / "S2_link.tif")
    assert "not below a folder that may be imported" in house.sentence(folder / whole["s2"].name)
    assert "not below a folder that may be imported" in house.sentence(f"{folder}/../../{whole['tif'].name}")
    shutil.rmtree(folder)


NAME = "S2A_MSIL1C_20230601T105621_N0509_R094_T31TDH_20230601T125609.SAFE"


def packed(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def bomb(path: Path) -> None:
    packed(path, {f"{NAME}/MTD_MSIL1C.xml": b"<a/>", f"{NAME}/measurement/a.tiff": bytes(40 << 20)})


def lying_bomb(path: Path) -> None:
    packed(path, {f"{NAME}/MTD_MSIL1C.xml": b"<a/>", f"{NAME}/annotation/a.xml": bytes(5_000_000)})
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 5_000_000), struct.pack("<I", 1000)))


def nested(path: Path) -> None:
    inner = packed(path.with_name("inner.bin"), {f"{NAME}/MTD_MSIL1C.xml": bytes(40 << 20)})
    packed(path, {"product.zip": inner.read_bytes()})
    inner.unlink()


ZIPS: list[tuple[str, Callable[[Path], object], str]] = [
    ("bomb", bomb, r"would unpack to 42 MB, more than a product of its size can hold; it is not unpacked"),
    ("lying bomb", lying_bomb, r"annotation/a\.xml of \S+ is damaged"),
    ("nested", nested, "archives inside of archives are not opened: unpack it and give what is inside"),
    ("traversal", lambda p: packed(p, {f"{NAME}/MTD_MSIL1C.xml": b"<a/>", f"{NAME}/../../evil": b"x"}), "leads out of"),
    ("absolute", lambda p: packed(p, {f"{NAME}/MTD_MSIL1C.xml": b"<a/>", "/etc/evil": b"x"}), "leads out of its"),
    ("cut", lambda p: os.truncate(packed(p, {f"{NAME}/MTD_MSIL1C.xml": b"<a/>" * 99}), 60), "is cut short|not a whole"),
    ("no product", lambda p: packed(p, {"readme.txt": b"x"}), "holds no Sentinel-1 or Sentinel-2 product"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "why"), [z[1:] for z in ZIPS], ids=[z[0] for z in ZIPS])
def test_archives_that_are_refused(house: House, tmp_path: Path, make, why: str) -> None:
    folder = house.data / tmp_path.name
    folder.mkdir()
    path = folder / f"{NAME.removesuffix('.SAFE')}.zip"
    make(path)
    told = house.sentence(path)
    assert re.search(why, told), told
    assert not list(house.data.parent.rglob("*evil*")) and not Path("/etc/evil").exists()
    assert re.search(why, house.sentence(folder)) or why.startswith("holds no"), "also when found in a folder"
    shutil.rmtree(folder)


# -- plans --
TRIANGLE = [[9, 46], [10, 47.2], [10, 46], [9, 46]]


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        ({"patch": 7}, "A patch has 8 to 2,048 pixels each way; one of the scales has 7 here"),
        ({"patch": 2049}, "one of the scales has 2,049 here"),
        ({"patch": 1024}, "No patch of this size fits"),
        ({"patch": "1m"}, "8 to 2,048 pixels"),
        ({"patch": "9999km"}, "8 to 2,048 pixels|no size"),
        ({"patch": 0}, "'0' is no size"),
        ({"patch": 32, "stride": "0"}, "'0' is no size"),
        ({"patch": 32, "stride": "-8"}, "'-8' is no size"),
        ({"patch": 32, "scales": ["64q"]}, "'64q' is no size"),
        ({"patch": 32, "scales": [33, 34, 35, 36]}, "at most 4 scales"),
        ({"patch": 32, "scales": ["320m"]}, "Two scales are the same size"),
        ({"patch": 32, "limits": {"nodata": 20}}, "share from 0 to 1"),
        ({"patch": 32, "limits": {"nodata": float("nan")}}, "share from 0 to 1"),
        ({"patch": 32, "limits": {"magic": 0.2}}, "no limit on 'magic'"),
        ({"patch": 32, "limits": [0.2]}, "limits a table"),
        ({"patch": 32, "area": "nan,nan,nan,nan"}, "south below north"),
        ({"patch": 32, "area": "10,10,10,10"}, "south below north"),
        ({"patch": 32, "area": [1, 2, 3]}, "GeoJSON polygon or a box"),
        ({"patch": 32, "area": {"type": "Point", "coordinates": [9, 46]}}, "GeoJSON polygon or a box"),
        ({"patch": 32, "area": {"type": "Polygon", "coordinates": "x"}}, "holds no polygon"),
        ({"patch": 32, "area": {"type": "Polygon", "coordinates": [[[9, 46], [float("nan"), 1], [1, 1]]]}}, "degrees"),
        ({"patch": 32, "area": {"type": "Polygon", "coordinates": [[[5e5, 5e6], [6e5, 5e6], [5e5, 6e6]]]}}, "degrees"),
        ({"patch": 32, "area": {"type": "Polygon", "coordinates": [[[i / 1e6, 0] for i in range(20_001)]]}}, "corners"),
        ({"patch": 32, "area": "0,0,1,1"}, "Every patch was refused .* outside of the area"),
    ],
)  # fmt: skip
def test_plans_that_cannot_be(house: House, copy, plan: dict, why: str) -> None:
    path = copy("tif")
    assert re.search(why, house.sentence(path, plan=plan))


def test_a_polygon_that_crosses_itself_holds_what_is_within_an_odd_number_of_rings(house: House, copy) -> None:
    bow = [[8.9, 46.9], [9.1, 47.0], [9.1, 46.9], [8.9, 47.0], [8.9, 46.9]]
    plan = {"patch": 8, "area": {"type": "Polygon", "coordinates": [bow]}}
    job = house.run(house.start(copy("tif"), plan=plan))
    assert job.state == JobState.DONE, job.error
    assert 0 < job.result["imported"] < job.result["cut"] == 144


def test_a_stride_of_one_pixel_is_refused_where_it_is_too_much(house: House, copy, monkeypatch) -> None:
    path = copy("tif")
    monkeypatch.setattr("eobench_dash.domain.tiling.MAX_PATCHES", 5000)
    told = house.sentence(path, plan={"patch": 8, "stride": 1})
    assert "7,921 patches of one product; a larger stride gives fewer" in told
    monkeypatch.setattr(domain, "MAX_TOTAL", 5000)
    monkeypatch.setattr("eobench_dash.domain.tiling.MAX_PATCHES", 10_000)
    assert "7,921 patches in all, more than 5,000" in house.sentence(path, plan={"patch": 8, "stride": 1})
    with pytest.raises(BadInput, match="7,921 patches in all"):
        estimating.estimate(
            house.ws, house.ada, paths=[str(path)], plan=IngestPlan.from_dict({"patch": 8, "stride": 1})
        )


# -- what changes while it is ingested --
def test_a_product_that_vanishes_before_it_starts(house: House, copy) -> None:
    path = copy("tif")
    plan = IngestPlan.from_dict({"patch": 32})
    assert estimating.estimate(house.ws, house.ada, paths=[str(path)], plan=plan).total == 9
    path.unlink()
    assert "There is nothing at" in house.sentence(path)
    path = copy("tif")
    before = house.rows()
    job_id = house.start(path)
    path.unlink()
    job = house.run(job_id)
    assert job.state == JobState.FAILED and "There is nothing at" in job.error and "S2_a.tif" in job.error
    assert house.rows() == before


def test_what_vanishes_before_it_starts_is_left_out_of_others(house: House, copy) -> None:
    path = copy("tif")
    other = write_scene(path.with_name("S2_b.tif"), textured(np.random.default_rng(1), 3, 96, 96))
    job_id = house.start(path.parent)
    path.unlink()
    job = house.run(job_id)
    assert job.state == JobState.DONE, job.error
    report = house.report(job.dataset_id)
    assert [(t.path, bool(t.error)) for t in report.products] == [("S2_a.tif", True), (other.name, False)]
    assert "There is nothing at" in report.failed[0].error


@pytest.mark.parametrize("how", ["vanishes", "changes", "changes behind an open file"])
def test_a_product_that_goes_in_the_middle_is_left_out_with_its_sentence(house: House, copy, how: str, monkeypatch):
    """Three bands of rows, the second of which is too late; other products are ingested all the same."""
    folder = copy("tif").parent
    first = write_scene(folder / "S2_a.tif", textured(np.random.default_rng(1), 3, 2100, 40))
    write_scene(folder / "S2_b.tif", textured(np.random.default_rng(2), 3, 96, 96))
    monkeypatch.setattr("eobench_dash.tasks.ingesting.THREADS", 1)
    write = BlockFolder.write

    def too_late(self: BlockFolder, number: int, arrays: Any) -> None:
        write(self, number, arrays)
        if self.directory.name.startswith("cut-") and number == 0:
            if how != "vanishes":
                write_scene(first, textured(np.random.default_rng(3), 3, 1500, 48))
            else:
                first.unlink()

    monkeypatch.setattr("eobench_dash.jobs.blocks.ThreadPool.__init__", one_at_a_time)
    monkeypatch.setattr(BlockFolder, "write", too_late)
    if how != "changes behind an open file":
        monkeypatch.setattr("eobench_dash.services.measuring._open", reopened)
    job = house.run(house.start(folder))
    assert job.state == JobState.DONE, job.error
    (failed,) = house.report(job.dataset_id).failed
    words = "is missing or cannot be read" if how == "vanishes" else "has changed while it was being ingested"
    assert failed.path == "S2_a.tif" and words in failed.error
    assert job.result["imported"] == 9


def test_a_product_that_comes_back_is_measured_where_it_was_missing(house: House, copy, monkeypatch) -> None:
    path = write_scene(copy("tif"), textured(np.random.default_rng(1), 3, 2100, 40))
    away = path.with_name("away")
    write, stored = BlockFolder.write, []

    def too_late(self: BlockFolder, number: int, arrays: Any) -> None:
        write(self, number, arrays)
        if self.directory.name.startswith("cut-"):
            stored.append(number)
            if stored == [0]:
                path.rename(away)

    monkeypatch.setattr("eobench_dash.jobs.blocks.ThreadPool.__init__", one_at_a_time)
    monkeypatch.setattr(BlockFolder, "write", too_late)
    monkeypatch.setattr("eobench_dash.services.measuring._open", reopened)
    job = house.run(house.start(path))
    assert job.state == JobState.FAILED and "is missing or cannot be read" in job.error
    away.rename(path)
    jobs.retry_job(house.ws, house.ada, job_id=job.id)
    job = house.run(job.id)
    assert job.state == JobState.DONE, job.error
    assert stored == [0, 1, 2, 1, 2] and job.result["imported"] == 65


def one_at_a_time(self: Any, threads: int) -> None:
    """A pool that has one block under way at once."""
    from concurrent.futures import ThreadPoolExecutor

    self.ahead, self._threads = 1, ThreadPoolExecutor(1)


def reopened(task: Any) -> Any:
    """As after a restart or on another worker: nothing is kept open."""
    from eobench_dash.services import measuring

    return measuring._product(task)


# -- names with markup --
def test_names_with_markup_stay_text(house: House, copy) -> None:
    folder = copy("tif").parent
    name = "S2_<img src=x onerror=alert(1)>&\"'.tif"
    (folder / "S2_a.tif").rename(folder / name)
    job = house.run(house.start(folder))
    assert job.state == JobState.DONE, job.error
    (listed,) = products.dataset_products(house.ws, house.ada, dataset_id=job.dataset_id)
    assert listed.path == name
    data, kind = products.product_quicklook(house.ws, house.ada, dataset_id=job.dataset_id, product_id=listed.id)
    assert data.startswith(b"\xff\xd8") and "<" not in kind


@pytest.mark.parametrize("name", [os.fsdecode(b"S2_latin\xe9.tif"), "S2_two\nlines.tif"])
def test_a_name_that_nothing_can_keep_is_refused_alone_and_left_out_of_its_folder(
    house: House, copy, name: str
) -> None:
    folder = copy("tif").parent
    shutil.copy2(folder / "S2_a.tif", folder / name)
    (folder / "alone").mkdir()
    shutil.copy2(folder / "S2_a.tif", folder / "alone" / name)
    why = r"The name S2_\w+\?\w*\.tif .*; rename it\.\Z"
    for path in (folder / "alone" / name, folder / "alone"):
        assert re.search(why, house.sentence(path))
    found, note = products.listing(house.ws, house.ada, path=str(folder))
    assert [one.name for one in found] == ["S2_a.tif"]
    assert note.startswith("2 entries are left out. The name S2_") and re.search(why, note)
    with pytest.raises(BadInput, match=why):
        products.look(house.ws, house.ada, path=str(folder / name))
    job = house.run(house.start(folder))
    assert job.state == JobState.DONE, job.error
    assert {patch.path.split("#")[0] for patch, _ in house.patches(job.dataset_id)} == {"S2_a.tif"}
    refused = {tally.path: tally.error for tally in house.report(job.dataset_id).failed}
    assert len(refused) == 2 and all(re.search(why, error) for error in refused.values())
    assert all(path.isprintable() and "?" in path for path in refused)


def test_what_was_left_out_for_its_name_is_reported(house: House, copy) -> None:
    number = house.start(copy("tif"))
    with house.ws.db.write() as session:
        job = session.get_one(Job, number)
        job.args = {**job.args, "left_out": [["deep/a?b.tif", "The name a?b.tif is not UTF-8 text; rename it."]]}
    done = house.run(number)
    assert done.state == JobState.DONE, done.error
    (tally,) = house.report(done.dataset_id).failed
    assert (tally.path, tally.error) == ("deep/a?b.tif", "The name a?b.tif is not UTF-8 text; rename it.")


def test_a_path_that_would_be_read_as_another_is_refused(house: House, copy) -> None:
    path = copy("tif")
    odd = path.rename(path.with_name("S2_b\\c.tif"))
    assert "is read as a folder; rename it" in house.sentence(odd)


# -- a full disk --
@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[Path, str], None]]:
    """``small_disk(folder, "1m")``: a file system of that size, mounted there; skips where mounting is not allowed."""
    mounted: list[Path] = []

    def mount(folder: Path, size: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if os.system(f"mount -t tmpfs -o size={size},mode=0700 tmpfs '{folder}' 2>/dev/null") != 0:
            pytest.skip("no file system may be mounted here")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        os.system(f"umount '{folder}'")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "own")
    yield made
    made.ws.close()


def test_a_disk_that_fills_up_with_blocks(own: House, small_disk) -> None:
    """Really full: the job fails with a sentence, nothing of it is shown; with room again, it goes on."""
    write_scene(own.data / "S2_a.tif", textured(np.random.default_rng(1), 3, 512, 512))
    before = own.rows()
    home = own.ws.settings.home
    small_disk(home / "tmp", "64k")
    job = own.run(own.start(own.data, plan={"patch": 8}))
    assert job.state == JobState.FAILED
    assert re.search("No space left|disk is full", job.error) and job.error.endswith(".")
    assert own.rows() == before
    assert not list((home / "tmp").rglob("*.part*"))
    os.system(f"mount -o remount,size=64m '{home / 'tmp'}'")
    jobs.retry_job(own.ws, own.ada, job_id=job.id)
    assert own.run(job.id).state == JobState.DONE


def test_a_disk_without_room_for_a_packed_product(own: House, whole, small_disk) -> None:
    shutil.make_archive(str(own.data / "S2A_MSIL1C_20230601T105621"), "zip", whole["s2"].parent, whole["s2"].name)
    small_disk(own.ws.settings.home / "products", "16k")
    told = own.sentence(own.data, options=ReadOptions(bands=BANDS))
    assert re.search(r"There is no room to unpack S2A_\S+\.zip|The disk is full", told), told


def test_a_dataset_that_is_not_there_has_no_report(house: House) -> None:
    with pytest.raises(NotFound):
        ingesting.ingest_report(house.ws, house.ada, dataset_id=10**6)
