"""From rasters on disk to patches in the database, on both databases: what is cut, refused, refound and left behind."""

import errno
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scenes import textured, write_scene
from sqlalchemy import func, select

from eobench_dash.db.models import Base, Dataset, Job, Patch, PatchWindow, Product
from eobench_dash.domain.ingesting import IngestEstimate, IngestPlan
from eobench_dash.domain.jobs import JobKind, JobState
from eobench_dash.domain.products import split_window
from eobench_dash.errors import BadInput, Conflict, NotAllowed
from eobench_dash.jobs.queue import enqueue
from eobench_dash.ml.quality.likeness import content_hashes
from eobench_dash.services import estimating, ingesting, jobs
from eobench_dash.services.pixels import open_pixels
from eobench_dash.store.blocks import BlockFolder

PLAN = IngestPlan.from_dict({"patch": 32, "scales": [64]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two scenes of 160 × 128 pixels, the second one 960 m further east: they share 32 columns."""
    rng = np.random.default_rng(5)
    for number in (0, 1):
        pixels = textured(rng, 3, 160, 128)
        write_scene(tmp_path / "data" / f"S2_{number}.tif", pixels, east_m=960.0 * number)
    return tmp_path / "data"


@pytest.fixture
def ingest(workspace, builder, run) -> Callable[..., Job]:
    """``ingest(folder, plan=…)``: the whole way; the job as it ended."""

    def start(*paths: Path, name: str = "Scenes", plan: IngestPlan = PLAN, **more: object) -> Job:
        return run(
            ingesting.start_ingest(workspace, builder, paths=[str(p) for p in paths], name=name, plan=plan, **more)
        )

    return start


def rows_of(ws) -> dict[str, int]:
    tables = [table for table in Base.metadata.sorted_tables if table.name != "job"]
    with ws.db.read() as session:
        return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def patches_of(ws, dataset_id: int) -> list[tuple[Patch, PatchWindow, Product]]:
    with ws.db.read() as session:
        query = (
            select(Patch, PatchWindow, Product)
            .join(PatchWindow, (PatchWindow.dataset_id == Patch.dataset_id) & (PatchWindow.ordinal == Patch.ordinal))
            .join(Product, Product.id == PatchWindow.product_id)
            .where(Patch.dataset_id == dataset_id)
            .order_by(Patch.ordinal)
        )
        return [tuple(row) for row in session.execute(query)]


def test_patches_are_windows_with_a_place_a_parent_and_a_hash(workspace, builder, ingest, folder) -> None:
    job = ingest(folder)
    assert job.state == JobState.DONE, job.error
    found = patches_of(workspace, job.dataset_id)
    assert len(found) == 2 * (2 * 2 + 5 * 4) == job.result["imported"]
    assert [patch.ordinal for patch, _, _ in found] == list(range(48))
    order = [(product.path, -window.size, window.row, window.col) for _, window, product in found]
    assert order == sorted(order)
    with workspace.db.read() as session:
        dataset = session.get_one(Dataset, job.dataset_id)
    source = open_pixels(dataset, workspace.settings)
    by_ordinal = {patch.ordinal: window for patch, window, _ in found}
    for patch, window, product in found:
        path, place = split_window(patch.path)
        assert (path, place.row, place.col, place.width) == (product.path, window.row, window.col, window.size)
        assert product.first <= patch.ordinal < product.first + product.patch_count
        pixels = source.read(patch.ordinal, patch.path)
        hashed = content_hashes(pixels[None], np.zeros((1, *pixels.shape[1:]), bool))
        assert window.content_hash == hashed.tobytes().hex()
        corners = np.frombuffer(window.corners, "<f8").reshape(4, 2)
        assert corners[:, 0].min() < patch.lon < corners[:, 0].max()
        assert corners[:, 1].min() < patch.lat < corners[:, 1].max()
        if window.parent is not None:
            above = by_ordinal[window.parent]
            assert above.size == 64 and above.product_id == window.product_id
            assert above.row <= window.row + 16 < above.row + 64 and above.col <= window.col + 16 < above.col + 64
        else:
            assert window.size == 64 or window.row == 128  # the last row of small ones is below every large one
        assert window.cloud is None and window.border_noise is None and window.nodata == 0
    assert dataset.source_params["bands"] and dataset.patch_count == 48
    assert not list(workspace.store.home.glob("tmp/ingest-*")), "blocks are gone once their rows are there"


def test_overlap_counts_the_other_product(workspace, ingest, folder) -> None:
    job = ingest(folder)
    for _, window, product in patches_of(workspace, job.dataset_id):
        shared = range(96, 128) if product.path == "S2_0.tif" else range(0, 32)
        wanted = len(set(range(window.col, window.col + window.size)) & set(shared)) / window.size
        if window.size == 64:  # large ones end at row 128 in both
            assert window.overlap == pytest.approx(wanted, abs=0.05)
        else:
            assert window.overlap == pytest.approx(wanted, abs=0.05), (window.row, window.col)


def test_what_breaks_a_limit_is_refused_and_counted(workspace, builder, ingest, tmp_path) -> None:
    pixels = textured(np.random.default_rng(1), 3, 128, 128)
    pixels[:, :, :40] = 0  # a black edge, which is nodata here
    write_scene(tmp_path / "data" / "S2_a.tif", pixels, nodata=0)
    plan = IngestPlan.from_dict({"patch": 32, "limits": {"nodata": 0.2}})
    job = ingest(tmp_path / "data", plan=plan)
    report = ingesting.ingest_report(workspace, builder, dataset_id=job.dataset_id)
    assert report.refused == {"nodata": 8} or report.refused == {"nodata": 4}
    kept = patches_of(workspace, job.dataset_id)
    assert len(kept) == 16 - report.refused["nodata"] == report.patches
    assert max(window.nodata for _, window, _ in kept) <= 0.2
    assert report.flags["nodata"]["max"] <= 0.2


def test_only_patches_whose_middle_lies_in_the_area(workspace, builder, ingest, folder) -> None:
    everywhere = patches_of(workspace, ingest(folder).dataset_id)
    lons = sorted({round(patch.lon, 6) for patch, window, _ in everywhere if window.size == 32})
    cut = (lons[2] + lons[3]) / 2
    plan = IngestPlan.from_dict({"patch": 32, "scales": [64], "area": f"-180,-80,{cut},80"})
    job = ingest(folder, name="West", plan=plan)
    kept = patches_of(workspace, job.dataset_id)
    assert {patch.path for patch, _, _ in kept} == {patch.path for patch, _, _ in everywhere if patch.lon < cut}
    report = ingesting.ingest_report(workspace, builder, dataset_id=job.dataset_id)
    assert report.refused == {"outside": len(everywhere) - len(kept)}


def test_repeats_are_found_and_may_be_refused(workspace, builder, ingest, tmp_path) -> None:
    pixels = textured(np.random.default_rng(2), 3, 96, 96)
    pixels[:, 64:96, 64:96] = pixels[:, 0:32, 0:32]  # ordinal 8 repeats 0 exactly
    pixels[:, 32:64, 0:32] = np.clip(pixels[:, 0:32, 32:64].astype(int) + 2, 0, 255)  # 3 nearly repeats 1
    write_scene(tmp_path / "data" / "S2_a.tif", pixels)
    plan = IngestPlan.from_dict({"patch": 32})
    found = patches_of(workspace, ingest(tmp_path / "data", plan=plan).dataset_id)
    repeats = {patch.ordinal: (window.duplicate_of, window.duplicate) for patch, window, _ in found if window.duplicate}
    assert repeats.keys() == {3, 8}
    assert repeats[8] == (0, 1.0) and repeats[3][0] == 1 and 0.9 < repeats[3][1] < 1
    strict = IngestPlan.from_dict({"patch": 32, "limits": {"duplicate": 0.5}})
    job = ingest(tmp_path / "data", name="Strict", plan=strict)
    assert job.result["imported"] == 7
    assert ingesting.ingest_report(workspace, builder, dataset_id=job.dataset_id).refused == {"duplicate": 2}


def test_a_damaged_product_is_left_out_and_told_of(workspace, builder, ingest, folder) -> None:
    whole = (folder / "S2_1.tif").read_bytes()
    (folder / "S2_1.tif").write_bytes(whole[: len(whole) // 2])
    (folder / "S2_2.tif").write_bytes(b"II*\0 not a picture at all")
    write_scene(folder / "S2_3.tif", textured(np.random.default_rng(1), 2, 160, 128))
    job = ingest(folder)
    assert job.state == JobState.DONE, job.error
    report = ingesting.ingest_report(workspace, builder, dataset_id=job.dataset_id)
    assert report.patches == 24
    errors = {tally.path: tally.error for tally in report.failed}
    assert errors.keys() == {"S2_1.tif", "S2_2.tif", "S2_3.tif"}
    assert all(error.endswith(".") for error in errors.values())
    assert "bands" in errors["S2_3.tif"]
    with workspace.db.read() as session:
        assert session.scalars(select(Product.path)).all() == ["S2_0.tif"]


def test_nothing_usable_fails_alone_and_leaves_the_workspace_as_it_was(workspace, ingest, folder) -> None:
    ingest(folder)
    before = rows_of(workspace)
    bad = folder.parent / "data" / "bad"
    bad.mkdir()
    (bad / "S2_x.tif").write_bytes(b"II*\0")
    job = ingest(bad, name="Bad")
    assert job.state == JobState.FAILED
    assert "S2_x.tif cannot be ingested" in job.error
    assert rows_of(workspace) == before
    black = write_scene(bad / "S2_x.tif", np.zeros((3, 64, 64), np.uint8), nodata=0).parent
    job = ingest(black, name="Black", plan=IngestPlan.from_dict({"patch": 32, "limits": {"nodata": 0.5}}))
    assert job.state == JobState.FAILED and "Every patch was refused" in job.error
    assert rows_of(workspace) == before


def test_a_full_disk_fails_the_job_and_a_retry_reads_no_band_twice(
    workspace, builder, run, folder, monkeypatch
) -> None:
    for number in range(2, 5):
        write_scene(folder / f"S2_{number}.tif", textured(np.random.default_rng(number), 3, 160, 128))
    written: Counter[tuple[str, int]] = Counter()
    write, room = BlockFolder.write, [8]

    def counting(self: BlockFolder, number: int, arrays: object) -> None:
        if room[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] -= 1
        write(self, number, arrays)
        written[self.directory.name, number] += 1

    monkeypatch.setattr(BlockFolder, "write", counting)
    before = rows_of(workspace)
    job = run(ingesting.start_ingest(workspace, builder, paths=[str(folder)], name="Scenes", plan=PLAN))
    assert job.state == JobState.FAILED
    assert "No space left" in job.error
    assert rows_of(workspace) == before
    assert sum(written.values()) == 8
    room[0] = 1000
    jobs.retry_job(workspace, builder, job_id=job.id)
    job = run(job.id)
    assert job.state == JobState.DONE, job.error
    assert job.result["imported"] == 5 * 24
    assert set(written.values()) == {1}, "nothing was looked at or measured twice"
    assert job.result["pixels"] == 2 * 160 * 128 * 3, "of this attempt: with its seconds they tell the pace"


def test_a_product_that_changed_meanwhile_is_measured_anew(workspace, builder, run, folder, monkeypatch) -> None:
    from eobench_dash.tasks import ingest_rows

    write_rows = ingest_rows.IngestRows.write

    def refuse(self: object, **_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ingest_rows.IngestRows, "write", refuse)
    job = run(ingesting.start_ingest(workspace, builder, paths=[str(folder)], name="Scenes", plan=PLAN))
    assert job.state == JobState.FAILED
    monkeypatch.setattr(ingest_rows.IngestRows, "write", write_rows)
    fresh = textured(np.random.default_rng(77), 3, 160, 128)
    write_scene(folder / "S2_0.tif", fresh)
    jobs.retry_job(workspace, builder, job_id=job.id)
    job = run(job.id)
    assert job.state == JobState.DONE, job.error
    _, window, _ = patches_of(workspace, job.dataset_id)[0]
    hashed = content_hashes(fresh[None, :, :64, :64], np.zeros((1, 64, 64), bool))
    assert window.content_hash == hashed.tobytes().hex()


def test_a_cancelled_ingest_leaves_nothing(workspace, builder, run, folder, monkeypatch) -> None:
    write = BlockFolder.write

    def cancelling(self: BlockFolder, number: int, arrays: object) -> None:
        write(self, number, arrays)
        with workspace.db.write() as session:
            session.scalars(select(Job)).one().cancel_requested = True

    monkeypatch.setattr(BlockFolder, "write", cancelling)
    before = rows_of(workspace)
    job = run(ingesting.start_ingest(workspace, builder, paths=[str(folder)], name="Scenes", plan=PLAN))
    if job.state == JobState.DONE:  # it was faster than the second between two looks
        pytest.skip("done before it looked")
    assert job.state == JobState.CANCELLED
    assert rows_of(workspace) == before
    assert not list(workspace.store.home.glob("tmp/ingest-*"))


def test_what_cannot_be_started_is_said(workspace, people, folder, tmp_path, ingest) -> None:
    def start(who, *paths: Path, **more: object) -> int:
        asked = {"name": "X", "plan": PLAN, **more}
        return ingesting.start_ingest(workspace, who, paths=[str(path) for path in paths], **asked)

    with pytest.raises(NotAllowed):
        start(people.expert, folder)
    with pytest.raises(BadInput, match="EOBENCH_DATA_ROOTS"):
        start(people.builder, Path("/etc"))
    (tmp_path / "data" / "none").mkdir()
    with pytest.raises(BadInput):
        start(people.builder, tmp_path / "data" / "none")
    with pytest.raises(BadInput, match="no descriptor 'nonsense'"):
        start(people.builder, folder, features=["nonsense"])
    with pytest.raises(BadInput, match="slashes"):
        start(people.builder, folder, name="a/b")
    write_scene(folder / "S1_9.tif", textured(np.random.default_rng(1), 1, 64, 64))
    with pytest.raises(BadInput, match="1 radar and 2 optical products"):
        start(people.builder, folder)
    job = ingest(folder, name="Radar", only="sar")
    assert job.result["products"] == 1
    assert ingesting.ingest_report(workspace, people.builder, dataset_id=job.dataset_id).skipped == {
        "optical products": 2
    }
    with pytest.raises(Conflict, match="already a dataset"):
        start(people.builder, folder, name="Radar", only="sar")


def test_descriptors_and_the_map_of_the_first_follow(workspace, ingest, folder) -> None:
    job = ingest(folder, features=["color_stats", "wld144"])
    with workspace.db.read() as session:
        waiting = session.scalars(select(Job).where(Job.id > job.id).order_by(Job.id)).all()
    assert [(one.args["kind"], one.args["follow_up"]) for one in waiting] == [("color_stats", True), ("wld144", False)]


def test_an_estimate_is_what_is_cut_then(workspace, builder, ingest, folder) -> None:
    told = estimating.estimate(workspace, builder, paths=[str(folder)], plan=PLAN, features=["wld144"])
    job = ingest(folder)
    assert told.total == job.result["cut"] == 48
    assert told.products == 2 and not told.about
    assert told.patches == {"64": 8, "32": 40}
    assert told.seconds > 0 and told.bytes > 0 and told.feature_seconds["wld144"] > 0
    slow = estimating.estimate(
        workspace, builder, paths=[str(folder)], plan=PLAN, features=["wld144", "rcf", "wld144+rcf"]
    )
    assert 0 < slow.feature_seconds["wld144"] < slow.feature_seconds["rcf"] < slow.feature_seconds["wld144+rcf"]
    assert slow.bytes > told.bytes, "vectors of 1,024 numbers take more"
    blind = estimating.estimate(
        workspace, builder, paths=[str(folder)], plan=PLAN, clock=iter(range(0, 999, 9)).__next__
    )
    assert blind.total == 48, "at least three are opened, however slow"


def test_an_estimate_counts_only_what_will_be_taken(workspace, builder, folder) -> None:
    for number in range(5):  # their names say that they are radar, so they are not even opened
        write_scene(folder / f"S1_{number}.tif", textured(np.random.default_rng(number), 1, 160, 128))
    told = estimating.estimate(workspace, builder, paths=[str(folder)], plan=PLAN, only="optical")
    assert (told.products, told.total, told.about) == (2, 48, False)


def test_an_estimate_leaves_out_what_does_not_fit_the_first(workspace, builder, ingest, folder) -> None:
    write_scene(folder / "S2_5.tif", textured(np.random.default_rng(1), 2, 160, 128))
    told = estimating.estimate(workspace, builder, paths=[str(folder)], plan=PLAN)
    assert (told.products, told.total) == (2, 48) == (2, ingest(folder).result["imported"])
    assert any("1 of 3 products looked at have other bands or units" in note for note in told.notes)


def test_an_estimate_counts_what_the_ingest_keeps_of_an_area(workspace, builder, ingest, folder, monkeypatch) -> None:
    whole = estimating.estimate(workspace, builder, paths=[str(folder)], plan=PLAN)
    area = {"patch": 32, "scales": [64], "area": "9.0,46.0,9.0083,47.0"}
    plan = IngestPlan.from_dict(area)
    told = estimating.estimate(workspace, builder, paths=[str(folder)], plan=plan)
    kept = ingest(folder, plan=plan).result["imported"]
    assert (told.total, told.about) == (kept, False) and 0 < kept < 48
    assert told.seconds < whole.seconds, "what lies outside is not read"
    monkeypatch.setattr(estimating, "TESTED", 8)
    near = estimating.estimate(workspace, builder, paths=[str(folder)], plan=plan)
    assert near.about and abs(near.total - kept) <= 4, "of very many patches some are tested"
    away = IngestPlan.from_dict({**area, "area": "0,0,1,1"})
    with pytest.raises(BadInput, match="No patch of these products lies in the area of interest"):
        estimating.estimate(workspace, builder, paths=[str(folder)], plan=away)
    for number in range(2, 5):
        write_scene(folder / f"S2_{number}.tif", textured(np.random.default_rng(number), 3, 160, 128))
    told = estimating.estimate(
        workspace, builder, paths=[str(folder)], plan=away, clock=iter(range(0, 999, 9)).__next__
    )
    assert (told.total, told.about) == (0, True), "those that were not looked at may lie there"
    assert any("None of the 3 products looked at has a patch in the area" in note for note in told.notes)


def test_sizes_in_metres_are_told_as_asked(workspace, builder, folder, tmp_path) -> None:
    told = estimating.estimate(
        workspace, builder, paths=[str(folder)], plan=IngestPlan.from_dict({"patch": "320m", "scales": ["640m"]})
    )
    assert told.scales == ["640 m: 8 of 64 px", "320 m: 40 of 32 px"]
    words = IngestEstimate(2, {}, 0, {}, 0, lengths={"1280m": {"155": 1200, "147": 5}, "64": {"64": 7}}).scales
    assert words == ["1,280 m: 1,205 of 147–155 px", "7 of 64 px"]


def test_the_pace_is_that_of_many_ingests_not_of_the_last_small_one(workspace, builder, folder) -> None:
    def ended(pixels: float, seconds: float, area: object = None) -> None:
        with workspace.db.write() as session:
            args = {"plan": {"area": area}}
            job = enqueue(session, kind=JobKind.INGEST, title="Ingest", args=args, owner_id=None)
            job.state, job.result = JobState.DONE, {"pixels": pixels, "seconds": seconds}

    def seconds() -> float:
        return estimating.estimate(workspace, builder, paths=[str(folder)], plan=PLAN).seconds

    usual = seconds()
    ended(3e5, 3.0)  # little but its start-up
    ended(9e9, 9.0, area={"type": "MultiPolygon", "coordinates": []})  # a part of these was read
    assert seconds() == usual
    for pixels, took in ((3e10, 1e4), (3e7, 20.0)):
        ended(pixels, took)
    assert seconds() == pytest.approx(usual * estimating.PIXELS_PER_S / 3e6, rel=0.1)


def test_joined_descriptors_may_follow(workspace, builder, ingest, folder) -> None:
    job = ingest(folder, features=["wld", "rcf+wld144", "wld144"])
    with workspace.db.read() as session:
        kinds = [one.args["kind"] for one in session.scalars(select(Job).where(Job.id > job.id).order_by(Job.id))]
    assert kinds == ["wld144", "wld144+rcf"], "each once, under its own name"
