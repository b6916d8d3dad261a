"""Kinds that wait for the same patches are described in one pass; each job still ends, fails and is cancelled alone."""

import numpy as np
import pytest
from stored_blocks import stop_after

from eobench_dash.db.models import FeatureSet, Job
from eobench_dash.errors import UnsupportedPatch
from eobench_dash.ml import features as ml
from eobench_dash.services import block_vectors, features, importing, jobs
from eobench_dash.store.blocks import BlockFolder
from eobench_dash.store.features import FeatureArray
from eobench_dash.tasks import describe_plan

BLOCKS = 9


@pytest.fixture
def reads(monkeypatch) -> list[tuple[str, ...]]:
    """The kinds of every block that was computed."""
    seen: list[tuple[str, ...]] = []
    real = block_vectors.describe_block

    def describe(block):
        seen.append((*block.kinds, *block.also))
        return real(block)

    monkeypatch.setattr("eobench_dash.tasks.describing.describe_block", describe)
    return seen


def vectors(ws, dataset_id: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Vectors and space of a feature set."""
    from sqlalchemy import select

    with ws.db.read() as session:
        row = session.scalars(select(FeatureSet).where(FeatureSet.dataset_id == dataset_id, FeatureSet.kind == kind))
        row = row.one()
    own = FeatureArray(ws.store.feature_dir(dataset_id, row.folder)).as_array()
    return own, FeatureArray(describe_plan.space_dir(ws, row)).as_array()


def left(ws) -> list[str]:
    """The folders of blocks there are, by name."""
    return sorted(path.name for path in (ws.settings.home / "datasets").rglob("work/*"))


KINDS = ("color_stats", "gabor", "wld144+gabor", "bovw")


def test_waiting_kinds_are_described_in_the_first_ones_pass(workspace, builder, dataset, ask, run, reads) -> None:
    alone = {}
    for kind in KINDS:
        run(ask(kind))
        alone[kind] = vectors(workspace, dataset.id, kind)
    assert len(reads) == BLOCKS * len(KINDS)
    reads.clear()
    with workspace.db.write() as session:
        session.query(FeatureSet).delete()
    for number in [ask(kind) for kind in KINDS]:
        job = run(number)
        assert job.state == "done", job.error
        assert (job.result["blocks"], job.result["block_writes"]) == (BLOCKS, BLOCKS)
    assert reads == [("color_stats", "gabor", "wld144", "bovw")] * BLOCKS, "each block was read once"
    for kind in KINDS:
        for before, after in zip(alone[kind], vectors(workspace, dataset.id, kind), strict=True):
            np.testing.assert_array_equal(before, after)
    assert left(workspace) == []


def test_the_message_names_the_others(workspace, ask, run, monkeypatch) -> None:
    monkeypatch.setattr("eobench_dash.jobs.handle.EVERY_S", 0.0)
    told: list[str] = []
    real = describe_plan.JobHandle.progress

    def progress(self, fraction: float, message: str = "") -> None:
        told.append(message)
        real(self, fraction, message)

    monkeypatch.setattr(describe_plan.JobHandle, "progress", progress)
    first, _ = ask("color_stats"), ask("gabor")
    run(first)
    assert any("60 of 60 patches described" in words and words.endswith("with gabor") for words in told)


def test_a_kind_that_cannot_describe_some_patch_fails_in_its_own_job(
    workspace, builder, dataset, ask, run, monkeypatch
) -> None:
    real = ml.describe

    def describe(kind, pixels, **options):
        if kind == "gabor":
            raise UnsupportedPatch("It is striped.")
        return real(kind, pixels, **options)

    monkeypatch.setattr(ml, "describe", describe)
    first, second = ask("color_stats"), ask("gabor")
    job = run(first)
    assert job.state == "done", job.error
    job = run(second)
    assert job.state == "failed" and "striped" in job.error
    monkeypatch.setattr(ml, "describe", real)
    jobs.retry_job(workspace, builder, job_id=second)
    assert run(second).state == "done"


def test_one_that_is_cancelled_meanwhile_is_left_out(workspace, builder, dataset, ask, run, monkeypatch) -> None:
    first, second = ask("color_stats"), ask("gabor")

    def cancel() -> None:
        from eobench_dash.tasks import describing

        jobs.cancel_job(workspace, builder, job_id=second)
        describing.sweep(workspace, second)
        assert not [name for name in left(workspace) if name.startswith("features-gabor")]

    stop_after(monkeypatch, 3, cancel, folder="features-color_stats")
    job = run(first)
    assert job.state == "done", job.error
    assert left(workspace) == []
    assert [found.kind for found in features.list_feature_sets(workspace, builder, dataset_id=dataset.id)] == [
        "color_stats"
    ]


def test_when_the_first_is_cancelled_the_other_goes_on_from_there(
    workspace, builder, dataset, ask, run, reads, monkeypatch
) -> None:
    monkeypatch.setattr("eobench_dash.jobs.handle.EVERY_S", 0.0)
    first, second = ask("color_stats"), ask("gabor")
    with monkeypatch.context() as patch:
        stop_after(
            patch,
            3,
            lambda: jobs.cancel_job(workspace, builder, job_id=first),
            folder="features-gabor",
        )
        assert run(first).state == "cancelled"
    done = left(workspace)
    assert len(done) == 1 and done[0].startswith("features-gabor")
    reads.clear()
    job = run(second)
    assert job.state == "done", job.error
    assert job.result["block_writes"] == BLOCKS and 0 < len(reads) < BLOCKS


def test_what_another_process_is_at_is_left_to_it(workspace, dataset, ask, run, reads) -> None:
    first, _ = ask("color_stats"), ask("gabor")
    gabor = describe_plan.plan_for(workspace, dataset.id, ml.find("gabor"))
    with BlockFolder(workspace.store.work_dir(dataset.id, gabor.folder)):
        assert run(first).state == "done"
    assert reads == [("color_stats",)] * BLOCKS


def test_one_that_is_continued_is_described_by_itself(
    workspace, builder, dataset, imagefolder, ask, run, reads
) -> None:
    run(ask("gabor"))
    extra = imagefolder / "sea" / "more.png"
    extra.write_bytes((imagefolder / "sea" / "sea_3.png").read_bytes())
    run(importing.start_import(workspace, builder, path=str(imagefolder), name="Patches", append_to=dataset.id))
    with workspace.db.write() as session:  # what an import queues by itself
        session.query(Job).filter(Job.state == "queued").delete()
    reads.clear()
    numbers = [ask("color_stats"), ask("gabor")]
    assert [run(number).state for number in numbers] == ["done", "done"]
    assert reads == [("color_stats",)] * BLOCKS + [("gabor",)]
