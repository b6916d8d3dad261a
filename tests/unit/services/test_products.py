"""Products before and after an ingest, on both databases: what is there, what would be cut, what views get."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scenes import textured, write_scene

from eobench_dash import tasks
from eobench_dash.domain.ingesting import FLAGS, IngestPlan
from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.wire import unpack_column
from eobench_dash.errors import BadInput, NotAllowed, NotFound, PathRefused, UnreadableProduct
from eobench_dash.jobs.inline import run_inline
from eobench_dash.services import annotate, columns, ingesting, labels, looks, patches, previewing, products

PLAN = IngestPlan.from_dict({"patch": 32, "scales": [64]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    for number, (name, edge) in enumerate(
        {
            "S2A_MSIL2A_20170613T101031_N0205_R022_T33UUP": 0,
            "S2B_MSIL2A_20180613T101031_N0205_R022_T33UUP": 48,
        }.items()
    ):
        pixels = textured(rng, 3, 160, 128)
        pixels[:, :, :edge] = 0
        write_scene(tmp_path / "data" / f"{name}.tif", pixels, east_m=5000.0 * number)
    return tmp_path / "data"


@pytest.fixture
def made(workspace, people, folder) -> int:
    """The dataset's id."""
    job_id = ingesting.start_ingest(workspace, people.builder, paths=[str(folder)], name="Scenes", plan=PLAN)
    job = run_inline(workspace, job_id, tasks=tasks)
    assert job.state == JobState.DONE, job.error
    return job.dataset_id


def test_what_lies_there_is_listed_and_looked_at(workspace, people, folder) -> None:
    found = products.listing(workspace, people.builder, path=str(folder))[0]
    assert [one.name[:10] for one in found] == ["S2A_MSIL2A", "S2B_MSIL2A"]
    assert all(one.bytes > 1000 for one in found)
    info = products.look(workspace, people.builder, path=found[0].path)
    assert (info.height, info.width, len(info.bands)) == (160, 128, 3)
    (folder / "empty").mkdir()
    with pytest.raises(UnreadableProduct, match="empty holds no product that is read: Sentinel-2 Level-1C"):
        products.listing(workspace, people.builder, path=str(folder / "empty"))
    for call in (products.listing, products.look, products.quicklook):
        with pytest.raises(PathRefused):
            call(workspace, people.builder, path="/etc/hostname")
        with pytest.raises(NotAllowed):
            call(workspace, people.expert, path=found[0].path)


def test_a_quicklook_is_a_small_picture_kept_until_the_file_changes(workspace, people, folder) -> None:
    path = folder / "S2A_MSIL2A_20170613T101031_N0205_R022_T33UUP.tif"
    data, etag = products.quicklook(workspace, people.builder, path=str(path))
    assert Image.open(io.BytesIO(data)).size == (128, 160)
    assert products.quicklook(workspace, people.builder, path=str(path)) == (data, etag)
    write_scene(path, textured(np.random.default_rng(9), 3, 80, 64))
    data, new = products.quicklook(workspace, people.builder, path=str(path))
    assert new != etag and Image.open(io.BytesIO(data)).size == (64, 80)


def test_a_preview_is_what_is_cut_then(workspace, people, folder, made) -> None:
    told = [
        previewing.grid_preview(workspace, people.builder, path=one.path, plan=PLAN)
        for one in products.listing(workspace, people.builder, path=str(folder))[0]
    ]
    listed = products.dataset_products(workspace, people.builder, dataset_id=made)
    for preview, product in zip(told, listed, strict=True):
        windows = products.product_windows(workspace, people.builder, dataset_id=made, product_id=product.id)
        for mine, cut in (("rows", "row"), ("cols", "col"), ("sizes", "size")):
            assert getattr(preview, mine).tolist() == getattr(windows, cut).tolist()
        assert preview.counts == {64: 4, 32: 20}
        assert preview.measured == 24 and np.isfinite(preview.flags["black_edge"]).all()
        assert np.isnan(preview.flags["cloud"]).all()
        for ordinal, share, hint in zip(windows.ordinal, preview.flags["black_edge"], preview.black, strict=True):
            info = patches.patch_info(workspace, people.builder, dataset_id=made, ordinal=int(ordinal))
            assert info.window.flags["black_edge"] == pytest.approx(float(share))
            assert hint == pytest.approx(float(share), abs=0.05)
    assert told[1].refused({"black_edge": 0.4}) == {"black_edge": pytest.approx((4 + 2 + 5 * 1) / 24, abs=0.15)}


def test_a_preview_stops_in_time_and_knows_the_area(workspace, people, folder) -> None:
    path = str(folder / "S2A_MSIL2A_20170613T101031_N0205_R022_T33UUP.tif")
    ticks = iter(range(1000))
    short = previewing.grid_preview(
        workspace, people.builder, path=path, plan=PLAN, seconds=3, clock=lambda: float(next(ticks))
    )
    assert short.measured == 3 == np.isfinite(short.flags["blur"]).sum()
    nowhere = IngestPlan.from_dict({"patch": 32, "area": "0,0,1,1"})
    preview = previewing.grid_preview(workspace, people.builder, path=path, plan=nowhere)
    assert not preview.inside.any() and preview.measured == 0 and preview.refused({"nodata": 0.1}) == {}


def test_the_scene_view_sees_places_parents_and_labels_of_now(workspace, people, folder, made) -> None:
    first, second = products.dataset_products(workspace, people.reader, dataset_id=made)
    assert (first.first, first.patch_count, second.first) == (0, 24, 24)
    assert second.info.width == 128 and first.sensed_at.year == 2017
    assert second.path == "S2B_MSIL2A_20180613T101031_N0205_R022_T33UUP.tif"
    labels.create_label(workspace, people.builder, dataset_id=made, name="Water")
    annotate.relabel(workspace, people.builder, dataset_id=made, ordinals=[25], label="Water")
    windows = products.product_windows(workspace, people.reader, dataset_id=made, product_id=second.id)
    assert windows.ordinal.tolist() == list(range(24, 48))
    assert windows.code.tolist() == [65535, 0] + [65535] * 22
    large = dict(zip(windows.ordinal.tolist(), zip(windows.row, windows.col, strict=True), strict=True))
    for row, col, size, parent in zip(windows.row, windows.col, windows.size, windows.parent, strict=True):
        if parent >= 0:
            top, left = large[int(parent)]
            assert size == 32 and top <= row < top + 64 and left <= col < left + 64
    data, _ = products.product_quicklook(workspace, people.reader, dataset_id=made, product_id=first.id)
    assert Image.open(io.BytesIO(data)).size == (128, 160)
    for call in (products.product_windows, products.product_quicklook):
        for unknown in (0, -1, 999, 2**40):
            with pytest.raises(NotFound, match="no product"):
                call(workspace, people.reader, dataset_id=made, product_id=unknown)
        with pytest.raises(NotFound):
            call(workspace, people.anonymous, dataset_id=made, product_id=first.id)


def test_a_patch_knows_its_product_footprint_and_flags(workspace, people, made) -> None:
    info = patches.patch_info(workspace, people.reader, dataset_id=made, ordinal=4)
    assert info.product.startswith("S2A_MSIL2A_20170613T101031")
    window = info.window
    assert (window.row, window.col, window.size, window.parent) == (0, 0, 32, 0)
    assert window.crs == "EPSG:32632" and window.metres == (320.0, 320.0)
    assert window.sensed_at.isoformat() == "2017-06-13T10:10:31+00:00"
    (west, north), (east, _), (_, south), _ = window.corners
    assert west < info.lon < east and south < info.lat < north
    assert window.flags.keys() == FLAGS.keys() - {"cloud", "border_noise"}


def test_the_map_can_be_coloured_by_what_products_tell(workspace, people, made) -> None:
    names = {c.name for c in columns.list_columns(workspace, people.reader, dataset_id=made)}
    wanted = {"product", "longitude", "latitude", "time", "scale", *FLAGS} - {"cloud", "border_noise"}
    assert names == wanted

    def column(name: str):
        data, _ = columns.column_bytes(workspace, people.reader, dataset_id=made, name=name)
        return unpack_column(data)

    told, codes = column("product")
    assert [c["count"] for c in told["categories"]] == [24, 24]
    assert codes.tolist() == [0] * 24 + [1] * 24
    told, codes = column("scale")
    assert [(c["name"], c["count"]) for c in told["categories"]] == [("64 px", 8), ("32 px", 40)]
    _, years = column("time")
    assert years[0] == pytest.approx(2017.4477, abs=1e-3) and years[47] == pytest.approx(2018.4477, abs=1e-3)
    _, edges = column("black_edge")
    info = patches.patch_info(workspace, people.reader, dataset_id=made, ordinal=24)
    assert edges[24] == pytest.approx(info.window.flags["black_edge"]) and edges[24] == pytest.approx(0.75)
    with pytest.raises(NotFound):
        columns.column_bytes(workspace, people.reader, dataset_id=made, name="content_hash")


def test_pictures_of_windows_are_the_products_pixels(workspace, people, folder, made) -> None:
    offered = looks.image_looks(workspace, people.reader, dataset_id=made)
    assert [look.name for look in offered.looks] == ["true"]
    data, kind = patches.patch_image(workspace, people.reader, dataset_id=made, ordinal=24, size=64)
    picture = np.asarray(Image.open(io.BytesIO(data)))
    assert kind == "image/webp" and picture.shape == (64, 64, 3)
    assert picture[:, :44].max() < 30 < picture[:, 52:].mean(), "three quarters are the black edge"


def test_a_product_that_is_gone_is_said(workspace, people, folder, made) -> None:
    for path in folder.glob("*.tif"):
        path.unlink()
    with pytest.raises(BadInput):
        patches.patch_image(workspace, people.reader, dataset_id=made, ordinal=0)
    first, _ = products.dataset_products(workspace, people.reader, dataset_id=made)
    with pytest.raises((BadInput, NotFound)):
        products.product_quicklook(workspace, people.reader, dataset_id=made, product_id=first.id)
