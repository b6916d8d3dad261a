"""Vectors and patch folders become datasets: what is kept of where they come from, what may be appended."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from sqlalchemy import func, select

from eobench_dash.db.models import Dataset, FeatureSet, Job, Patch, PatchLabel
from eobench_dash.domain.importing import ImportOptions
from eobench_dash.services import importing
from eobench_dash.services.pixels import open_pixels
from eobench_dash.store.features import FeatureArray

X = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def archive(path: Path, rows: slice = slice(None), **more: object) -> Path:
    ids = np.array([f"p{i}" for i in range(30)])[rows]
    np.savez(path, embeddings=X[rows], ids=ids, labels=np.array(["sea", "land", "wood"] * 10)[rows], **more)
    return path


def bring(workspace, builder, run, path: Path, name: str = "Set", **more: object) -> Job:
    more = {"follow_up": False} | more
    return run(importing.start_import(workspace, builder, path=str(path), name=name, **more))


def dataset(workspace, name: str = "Set") -> Dataset:
    with workspace.db.read() as session:
        return session.scalars(select(Dataset).where(Dataset.name == name)).one()


def test_vectors_know_where_they_come_from(workspace, builder, run, data: Path) -> None:
    told = ImportOptions(source="DINOv2 ViT-B on Sentinel-2 RGB")
    job = bring(workspace, builder, run, archive(data / "a.npz"), options=told, follow_up=True)
    assert job.state == "done", job.error
    made = dataset(workspace)
    assert (made.source_kind, made.root, made.patch_count, made.source_params) == ("none", None, 30, {})
    with workspace.db.read() as session:
        features = session.scalars(select(FeatureSet)).one()
        queued = session.scalars(select(Job).where(Job.state == "queued")).one()
    assert (queued.kind, queued.args["feature"]) == ("embed", "imported"), "the map of the vectors comes next"
    assert features.source == f"{told.source}, NumPy archive, dimension 8, stored as float32, from a.npz"
    assert features.params["origin"]["source"] == told.source and (features.dim, features.rows) == (8, 30)
    stored = FeatureArray(workspace.store.feature_dir(made.id, features.folder)).as_array()
    assert np.array_equal(stored, X)


def test_vectors_are_appended_from_any_folder(workspace, builder, run, data: Path) -> None:
    bring(workspace, builder, run, archive(data / "a.npz", slice(0, 20)))
    (data / "later").mkdir()
    into = dataset(workspace).id
    job = bring(workspace, builder, run, archive(data / "later/b.npz", slice(10, 30)), append_to=into)
    assert job.state == "done", job.error
    assert dataset(workspace).patch_count == 30 and dataset(workspace).source_kind == "none"
    with workspace.db.read() as session:
        features = session.scalars(select(FeatureSet)).one()
    assert np.array_equal(FeatureArray(workspace.store.feature_dir(into, features.folder)).as_array(), X)


def test_vectors_are_not_appended_to_pictures(workspace, builder, run, data: Path, imagefolder: Path) -> None:
    bring(workspace, builder, run, imagefolder)
    archive(imagefolder / "a.npz")
    job = bring(workspace, builder, run, imagefolder / "a.npz", append_to=dataset(workspace).id)
    assert job.state == "failed" and "The patches of Set have pictures, these have none" in job.error
    assert dataset(workspace).patch_count == 60 and dataset(workspace).source_kind == "files"


def test_alphaearth_brings_its_attribution(workspace, builder, run, data: Path) -> None:
    with rasterio.open(
        data / "a.tif", "w", driver="GTiff", width=32, height=16, count=64, dtype="int8", crs="EPSG:32633",
        transform=Affine(10, 0, 400_000, 0, -10, 5_340_000),
    ) as out:  # fmt: skip
        out.write(np.random.default_rng(0).integers(-90, 90, (64, 16, 32)).astype(np.int8))
    job = bring(workspace, builder, run, data / "a.tif", options=ImportOptions(patch_size=8))
    assert job.state == "done", job.error
    assert "Google DeepMind" in dataset(workspace).attribution and dataset(workspace).patch_count == 8
    with workspace.db.read() as session:
        assert session.scalar(select(func.count()).where(Patch.lon.is_not(None))) == 8


def test_patch_folders_keep_every_label(workspace, builder, run, shared_dir: Path, data: Path) -> None:
    folder = data / "S1"
    shutil.copytree(shared_dir / "fixtures/rasters/BigEarthNet-S1-Example", folder)
    job = bring(workspace, builder, run, folder)
    assert job.state == "done", job.error
    made = dataset(workspace)
    assert (made.modality, made.source_kind, made.source_params["bands"]) == ("sar", "files", ["VV", "VH"])
    with workspace.db.read() as session:
        assert session.scalar(select(func.count()).select_from(PatchLabel)) == 11, "17 labels, 6 of them primary"
        path = session.scalars(select(Patch.path).where(Patch.ordinal == 0)).one()
    pixels = open_pixels(made, workspace.settings).read(0, path)
    assert pixels.dtype == np.float32 and pixels.shape == (2, 120, 120) and pixels.min() > 0


def test_decibels_and_power_do_not_mix(workspace, builder, run, data: Path) -> None:
    def radar(name: str) -> None:
        (data / "set/sea").mkdir(parents=True, exist_ok=True)
        with rasterio.open(
            data / "set/sea" / name, "w", driver="GTiff", width=8, height=8, count=2, dtype="float32",
            crs="EPSG:32633", transform=Affine(10, 0, 400_000, 0, -10, 5_340_000),
        ) as out:  # fmt: skip
            out.write(np.full((2, 8, 8), -10, np.float32))

    radar("1.tif")
    decibels = ImportOptions(unit="dB", bands=("VV", "VH"))
    assert bring(workspace, builder, run, data / "set", options=decibels).state == "done"
    made = dataset(workspace)
    assert made.modality == "sar" and made.source_params["options"] == {"unit": "dB"}
    assert open_pixels(made, workspace.settings).read(0, "sea/1.tif").max() == pytest.approx(0.1)
    radar("2.tif")
    job = bring(workspace, builder, run, data / "set", append_to=made.id)
    assert job.state == "failed"
    assert "read in another way than the dataset's own (unit: nothing said in place of power)" in job.error
    assert bring(workspace, builder, run, data / "set", append_to=made.id, options=decibels).state == "done"
    assert dataset(workspace).patch_count == 2
