"""A model of the user's own describes a dataset in blocks: paused, stopped, cancelled, and the same vectors anyway."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from safe_trees import make_l1c
from sqlalchemy import select
from stored_blocks import stop_after

from eobench_dash.db.models import Dataset, FeatureSet
from eobench_dash.domain.ingesting import IngestPlan
from eobench_dash.domain.products import ReadOptions
from eobench_dash.errors import UnsupportedPatch
from eobench_dash.ml.encoder import OnnxEncoder
from eobench_dash.services import datasets, features, importing, ingesting, jobs
from eobench_dash.services.encoding import start_encoding
from eobench_dash.services.pixels import open_spec, pixel_spec
from eobench_dash.store.features import FeatureArray
from eobench_dash.tasks import encoding, patch_blocks
from eobench_dash.tasks.patch_blocks import paths_of

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def write_model(path: Path, *, bands: int = 3) -> Path:
    """A model of one convolution, averaged over the places: 5 numbers."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weights = np.random.default_rng(0).normal(size=(5, bands, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["pixels", "w"], ["maps"]), helper.make_node("Relu", ["maps"], ["out"])],
        "g",
        [helper.make_tensor_value_info("pixels", kind, ["n", bands, "h", "w"])],
        [helper.make_tensor_value_info("out", kind, [None] * 4)],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(made.SerializeToString())
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny.onnx")


@pytest.fixture
def dataset(workspace, builder, imagefolder, run):
    run(importing.start_import(workspace, builder, path=str(imagefolder), name="Patches", follow_up=False))
    return datasets.find_dataset(workspace, builder, name="Patches")


@pytest.fixture
def ask(workspace, builder, dataset, model, monkeypatch):
    """Asks for the model's vectors in blocks of seven patches: nine blocks."""
    monkeypatch.setattr(encoding, "BLOCK_ROWS", (7, 7))
    monkeypatch.setattr("eobench_dash.jobs.handle.EVERY_S", 0.0)
    return lambda **more: start_encoding(workspace, builder, dataset_id=dataset.id, model=model, **more)[0]


def work(ws) -> list[Path]:
    return sorted((ws.settings.home / "datasets").rglob("work/*/*.npz"))


def stored(ws) -> tuple[FeatureSet, np.ndarray]:
    with ws.db.read() as session:
        row = session.scalars(select(FeatureSet)).one()
    return row, FeatureArray(ws.store.feature_dir(row.dataset_id, row.folder)).as_array()


def by_hand(ws, dataset_id: int, model: Path) -> np.ndarray:
    """All patches in one go."""
    with ws.db.read() as session:
        dataset = session.get_one(Dataset, dataset_id)
    paths = paths_of(ws, dataset_id, 0, dataset.patch_count)
    patches = open_spec(pixel_spec(dataset, ws.settings)).read_masked(range(len(paths)), paths)
    return OnnxEncoder(model.read_bytes()).encode(np.stack([pixels for pixels, _ in patches]))


def test_paused_and_stopped_no_block_is_done_twice_and_the_vectors_are_the_same(
    workspace, builder, dataset, model, ask, run, monkeypatch
) -> None:
    assert run(ask()).state == "done"
    row, whole = stored(workspace)
    np.testing.assert_allclose(whole, by_hand(workspace, dataset.id, model), rtol=1e-5)

    job_id = ask()
    with monkeypatch.context() as patch:
        stop_after(patch, 3, lambda: jobs.pause_job(workspace, builder, job_id=job_id))
        job = run(job_id)
    assert (job.state, job.needs_sweep) == ("paused", False)
    assert 3 <= len(work(workspace)) < 9
    jobs.resume_job(workspace, builder, job_id=job_id)

    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        stop_after(patch, 2, full)
        job = run(job_id)
    assert job.state == "failed" and "No space left on device" in job.error
    np.testing.assert_array_equal(stored(workspace)[1], whole)
    jobs.retry_job(workspace, builder, job_id=job_id)
    encoded: list[int] = []
    real = OnnxEncoder.encode
    monkeypatch.setattr(OnnxEncoder, "encode", lambda self, pixels: encoded.append(len(pixels)) or real(self, pixels))
    left = 9 - len(work(workspace))
    job = run(job_id)
    assert job.state == "done", job.error
    assert job.result == {"kind": "onnx-tiny", "blocks": 9, "block_writes": 9}
    assert left <= 4 and len(encoded) == left, "only what was missing is encoded"
    again, vectors = stored(workspace)
    np.testing.assert_array_equal(vectors, whole)
    assert again.fingerprint == row.fingerprint and again.folder != row.folder
    assert not list((workspace.settings.home / "datasets").rglob("work/*"))
    assert len(list((workspace.settings.home / "datasets").rglob("features/*"))) == 1


def test_a_cancelled_job_keeps_nothing_and_another_s_blocks_stay(
    workspace, builder, ask, run, dataset, tmp_path, monkeypatch
) -> None:
    longer = write_model(tmp_path / "tiny-2.onnx")
    paused, _ = start_encoding(workspace, builder, dataset_id=dataset.id, model=longer)
    with monkeypatch.context() as patch:
        stop_after(patch, 3, lambda: jobs.pause_job(workspace, builder, job_id=paused))
        assert run(paused).state == "paused"
    before = work(workspace)
    job_id = ask()
    with monkeypatch.context() as patch:
        stop_after(patch, 3, lambda: jobs.cancel_job(workspace, builder, job_id=job_id))
        assert run(job_id).state == "cancelled"
    assert work(workspace) == before
    assert not list((workspace.settings.home / "datasets").rglob("features/*"))
    assert run(ask()).state == "done" and work(workspace) == before


def test_another_scale_of_the_pixels_is_another_computation(workspace, builder, ask, run, monkeypatch) -> None:
    job_id = ask()
    stop_after(monkeypatch, 4, lambda: jobs.pause_job(workspace, builder, job_id=job_id))
    run(job_id)
    job = run(ask(mean=(0.5,)))
    assert job.result["blocks"] == job.result["block_writes"] == 9, "no block of the paused one is taken"
    assert len(work(workspace)) >= 4, "which are kept for it"


def test_windows_of_products_come_in_their_own_order(workspace, builder, run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(patch_blocks, "TILE_M", {10.0: 640})
    monkeypatch.setattr(encoding, "BLOCK_ROWS", (8, 60))
    safe = make_l1c(tmp_path / "data", bands=("B03", "B04"), mask="none")
    plan, options = IngestPlan.from_dict({"patch": 20, "limits": {"nodata": 0}}), ReadOptions(bands=("B03", "B04"))
    job = run(ingesting.start_ingest(workspace, builder, paths=[str(safe)], name="P", plan=plan, options=options))
    made = job.result["dataset_id"]
    two = write_model(tmp_path / "two.onnx", bands=2)
    job = run(start_encoding(workspace, builder, dataset_id=made, model=two)[0])
    assert job.state == "done", job.error
    np.testing.assert_allclose(stored(workspace)[1], by_hand(workspace, made, two), rtol=1e-5)


def test_the_patch_that_cannot_be_encoded_is_named(workspace, ask, run, monkeypatch) -> None:
    monkeypatch.setattr(OnnxEncoder, "encode", lambda self, pixels: refuse())

    def refuse() -> None:
        raise UnsupportedPatch("The model takes 4 bands; these patches have 3.")

    job = run(ask())
    assert job.state == "failed" and "cannot be described. The model takes 4 bands" in job.error
    assert job.error.startswith("Patch ")


def test_features_of_descriptors_stand_beside_it(workspace, builder, dataset, ask, run) -> None:
    run(ask())
    run(features.start_features(workspace, builder, dataset_id=dataset.id, kind="color_stats"))
    kinds = {f.kind for f in features.list_feature_sets(workspace, builder, dataset_id=dataset.id)}
    assert kinds == {"onnx-tiny", "color_stats"}
