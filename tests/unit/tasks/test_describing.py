"""Describing in blocks: paused, cancelled, stopped by a full disk, continued. On both databases where it says so."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select
from stored_blocks import stop_after

from eobench_dash.db.models import FeatureSet
from eobench_dash.ml import features as ml
from eobench_dash.ml.features.combiner import Combiner
from eobench_dash.services import features, importing, jobs
from eobench_dash.services.pixels import open_spec, pixel_spec
from eobench_dash.store.features import FeatureArray
from eobench_dash.tasks import describe_plan, describing


def picture(folder: Path, name: str, color: tuple[int, int, int], seed: int) -> None:
    noise = np.random.default_rng(seed).integers(-25, 26, (32, 32, 3))
    Image.fromarray(np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)).save(folder / name)


def work(ws) -> list[Path]:
    return sorted((ws.settings.home / "datasets").rglob("work/*/*.npz"))


def stored(ws, kind: str) -> tuple[FeatureSet, np.ndarray, np.ndarray]:
    """Row, vectors and space of a feature set."""
    with ws.db.read() as session:
        row = session.scalars(select(FeatureSet).where(FeatureSet.kind == kind)).one()
    folder = ws.store.feature_dir(row.dataset_id, row.folder)
    return row, FeatureArray(folder).as_array(), FeatureArray(describe_plan.space_dir(ws, row)).as_array()


def test_paused_and_resumed_no_block_is_done_twice(workspace, builder, ask, run, monkeypatch) -> None:
    monkeypatch.setattr("eobench_dash.jobs.handle.EVERY_S", 0.0)
    job_id = ask("color_stats")
    with monkeypatch.context() as patch:
        stop_after(patch, 3, lambda: jobs.pause_job(workspace, builder, job_id=job_id))
        job = run(job_id)
    assert (job.state, job.needs_sweep) == ("paused", False)
    before = work(workspace)
    assert 3 <= len(before) < 9
    assert run(job_id).state == "paused"
    jobs.resume_job(workspace, builder, job_id=job_id)
    job = run(job_id)
    assert job.state == "done", job.error
    assert job.result == {"kind": "color_stats", "blocks": 9, "block_writes": 9}
    assert work(workspace) == [] and not list((workspace.settings.home / "datasets").rglob("work/*"))


def test_a_cancelled_job_keeps_nothing(workspace, builder, ask, run, monkeypatch) -> None:
    monkeypatch.setattr("eobench_dash.jobs.handle.EVERY_S", 0.0)
    job_id = ask("color_stats")
    stop_after(monkeypatch, 3, lambda: jobs.cancel_job(workspace, builder, job_id=job_id))
    assert run(job_id).state == "cancelled"
    assert not list((workspace.settings.home / "datasets").rglob("work/*"))
    assert not list((workspace.settings.home / "datasets").rglob("*.f32"))


def test_a_paused_one_that_is_cancelled_keeps_nothing_either(workspace, builder, ask, run, monkeypatch) -> None:
    monkeypatch.setattr("eobench_dash.jobs.handle.EVERY_S", 0.0)
    job_id = ask("color_stats")
    stop_after(monkeypatch, 3, lambda: jobs.pause_job(workspace, builder, job_id=job_id))
    run(job_id)
    assert work(workspace)
    jobs.cancel_job(workspace, builder, job_id=job_id)
    describing.sweep(workspace, job_id)
    assert work(workspace) == []


@pytest.mark.parametrize("where", ["blocks", "features"])
def test_a_full_disk_fails_the_job_alone_and_a_retry_goes_on(
    workspace, builder, ask, run, monkeypatch, where: str
) -> None:
    run(ask("gabor"))
    before = stored(workspace, "gabor")
    job_id = ask("color_stats")

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if where == "blocks":
            stop_after(patch, 4, full)
        else:
            patch.setattr("eobench_dash.store.features.FeatureWriter.commit", full)
        job = run(job_id)
    assert job.state == "failed" and "No space left on device" in job.error and "retry" in job.error
    assert len(work(workspace)) == (4 if where == "blocks" else 9)
    assert not list((workspace.settings.home / "tmp").iterdir())
    row, vectors, _ = stored(workspace, "gabor")
    assert row.fingerprint == before[0].fingerprint
    np.testing.assert_array_equal(vectors, before[1])
    assert [f.kind for f in features.list_feature_sets(workspace, builder, dataset_id=row.dataset_id)] == ["gabor"]
    jobs.retry_job(workspace, builder, job_id=job_id)
    job = run(job_id)
    assert job.state == "done", job.error
    assert job.result["block_writes"] == job.result["blocks"] == 9


def test_a_block_damaged_meanwhile_is_done_again_by_the_retry(workspace, builder, ask, run, monkeypatch) -> None:
    job_id = ask("color_stats")

    def harm(*args: object, **options: object) -> None:
        work(workspace)[2].write_bytes(b"torn")

    with monkeypatch.context() as patch:
        stop_after(patch, 9, harm)
        job = run(job_id)
    assert job.state == "failed" and "was damaged" in job.error
    jobs.retry_job(workspace, builder, job_id=job_id)
    job = run(job_id)
    assert job.state == "done", job.error
    assert (job.result["blocks"], job.result["block_writes"]) == (9, 10)


def test_unreadable_patches_are_found_in_one_run_and_only_their_blocks_done_again(
    workspace, builder, ask, run, imagefolder, dataset
) -> None:
    for name in ("forest_3", "sea_3"):
        (imagefolder / name.split("_")[0] / f"{name}.png").write_bytes(b"")
    job_id = ask("color_stats")
    job = run(job_id)
    assert job.state == "failed"
    assert "forest_3.png" in job.error and "sea_3.png" in job.error and "2 blocks" in job.error
    assert len(work(workspace)) == 7
    picture(imagefolder, "forest/forest_3.png", (30, 90, 40), seed=3)
    picture(imagefolder, "sea/sea_3.png", (20, 40, 120), seed=103)
    jobs.retry_job(workspace, builder, job_id=job_id)
    job = run(job_id)
    assert job.state == "done", job.error
    assert job.result["block_writes"] == 9


def test_blocks_and_their_size_change_no_number(workspace, ask, run, dataset) -> None:
    run(ask("color_stats"))
    run(ask("wld144+gabor"))
    with workspace.db.read() as session:
        from eobench_dash.db.models import Dataset

        spec = pixel_spec(session.get_one(Dataset, dataset.id), workspace.settings)
    paths = describe_plan.paths_of(workspace, dataset.id, 0, 60)
    pixels = np.stack([pixels for pixels, _ in open_spec(spec).read_masked(range(60), paths)])
    whole = {kind: ml.describe(kind, pixels, modality="optical") for kind in ("color_stats", "wld144", "gabor")}
    _, vectors, space = stored(workspace, "color_stats")
    np.testing.assert_array_equal(vectors, whole["color_stats"])
    # a product of few rows rounds otherwise than one of many
    np.testing.assert_allclose(space, ml.combine({"color_stats": whole["color_stats"]}), atol=1e-6)
    row, joined, space = stored(workspace, "wld144+gabor")
    np.testing.assert_allclose(joined, ml.combine({name: whole[name] for name in row.params["blocks"]}), atol=1e-6)
    np.testing.assert_array_equal(joined, space)


@pytest.mark.parametrize("kind", ["color_stats", "wld144+gabor", "bovw"])
def test_appended_patches_land_in_the_same_space(workspace, builder, ask, run, imagefolder, dataset, kind: str) -> None:
    job = run(ask(kind))
    assert job.state == "done", job.error
    before, old_vectors, old_space = stored(workspace, kind)
    state = describe_plan.load_state(describe_plan.space_dir(workspace, before))
    assert set(state) == {"combiner", *(["bovw"] if kind == "bovw" else [])}
    for i in range(9):
        picture(imagefolder, f"sea/new_{i}.png", (25, 45, 110), seed=900 + i)
    run(importing.start_import(workspace, builder, path=str(imagefolder), name="Patches", append_to=dataset.id))
    job = run(ask(kind))
    assert job.state == "done", job.error
    assert job.result["blocks"] == 2, "only the new patches are described"
    after, vectors, space = stored(workspace, kind)
    assert after.rows == len(vectors) == len(space) == 69 and after.fingerprint != before.fingerprint
    np.testing.assert_array_equal(vectors[:60], old_vectors)
    np.testing.assert_array_equal(space[:60], old_space)
    if kind == "color_stats":
        fitted = Combiner.from_arrays(state["combiner"])
        np.testing.assert_array_equal(space[60:], fitted.transform({kind: vectors[60:]}))
    again = describe_plan.load_state(describe_plan.space_dir(workspace, after))
    np.testing.assert_array_equal(again["combiner"]["components"], state["combiner"]["components"])
    assert not workspace.store.feature_dir(dataset.id, before.folder).exists()


def test_where_most_patches_are_new_the_space_is_fitted_again(
    workspace, builder, ask, run, imagefolder, dataset, monkeypatch
) -> None:
    run(ask("color_stats"))
    for i in range(70):
        picture(imagefolder, f"sea/new_{i}.png", (25, 45, 110), seed=900 + i)
    run(importing.start_import(workspace, builder, path=str(imagefolder), name="Patches", append_to=dataset.id))
    job = run(ask("color_stats"))
    assert job.result["blocks"] == 19  # 130 patches in blocks of 7


def test_the_message_tells_how_fast_and_how_long(workspace, builder, dataset, monkeypatch) -> None:
    from eobench_dash.tasks.countdown import Rate

    now = [0.0]
    rate = Rate(done=1_000, clock=lambda: now[0])
    assert rate.told(1_000, 1_000_000) == ""
    now[0] = 2.0
    assert rate.told(7_000, 1_000_000) == "3,000/s"
    now[0] = 20.0
    assert rate.told(61_000, 1_000_000) == "3,000/s · 5 min left"
    now[0] = 21.0
    assert rate.told(1_000_000, 1_000_000).endswith("/s")
    slow = Rate(clock=lambda: now[0])
    now[0] += 40
    assert slow.told(20, 100) == "0.5/s · 3 min left"
    for second in range(1, 200):  # of late it is ten times as fast: that counts
        now[0] += 1
        told = rate.told(1_000_000 + 30_000 * second, 100_000_000)
    assert told.startswith("30,000/s")
