"""Describe, map, look, verify, export: one way through, on tiny pictures."""

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, silhouette_score
from sqlalchemy import select, update

from eobench_dash.db.models import Embedding, FeatureSet, Patch
from eobench_dash.domain.wire import unpack_coords
from eobench_dash.errors import BadInput, PatchUnreadable
from eobench_dash.ml import features as ml
from eobench_dash.services import (
    datasets,
    embeddings,
    exporting,
    features,
    importing,
    neighbours,
    patches,
    verification,
)
from eobench_dash.services.annotate import relabel
from eobench_dash.services.pixels import open_pixels
from eobench_dash.store.features import FeatureArray
from eobench_dash.tasks import describe_plan


@pytest.fixture
def described(workspace, builder, dataset, run):
    job = run(features.start_features(workspace, builder, dataset_id=dataset.id, kind="color_stats"))
    assert job.state == "done", job.error
    return dataset


def test_row_i_describes_patch_i(workspace, builder, dataset, run, monkeypatch) -> None:
    # More blocks than are under way at once.
    monkeypatch.setattr(describe_plan, "BLOCK_ROWS", (7, 7))
    run(features.start_features(workspace, builder, dataset_id=dataset.id, kind="color_stats"))
    with workspace.db.read() as session:
        row = session.scalars(select(FeatureSet)).one()
        from eobench_dash.db.models import Dataset

        source = open_pixels(session.get_one(Dataset, dataset.id), workspace.settings)
        paths = list(session.scalars(select(Patch.path).order_by(Patch.ordinal)))
    stored = FeatureArray(workspace.store.feature_dir(dataset.id, row.folder))
    assert stored.shape == (60, row.dim) and row.rows == 60
    for ordinal in (0, 6, 7, 34, 35, 59):
        alone = ml.describe("color_stats", source.read(ordinal, paths[ordinal])[None], modality="optical")
        np.testing.assert_allclose(stored.take([ordinal]), alone, rtol=1e-5, atol=1e-6)


def test_a_descriptor_that_does_not_fit_is_refused(workspace, builder, dataset) -> None:
    with pytest.raises(BadInput, match="does not fit optical"):
        features.start_features(workspace, builder, dataset_id=dataset.id, kind="sar_wld144")


def test_a_picture_gone_missing_fails_the_job_and_names_it(workspace, builder, dataset, imagefolder, run) -> None:
    (imagefolder / "sea" / "sea_3.png").unlink()
    job_id = features.start_features(workspace, builder, dataset_id=dataset.id, kind="color_stats")
    job = run(job_id)
    assert job.state == "failed" and "sea_3.png" in job.error
    with workspace.db.read() as session:
        assert session.scalar(select(FeatureSet)) is None
    assert not list((workspace.settings.home / "datasets").rglob("*.f32"))


def test_map_neighbours_and_group_map(workspace, builder, described, run) -> None:
    job = run(embeddings.start_embedding(workspace, builder, dataset_id=described.id))
    assert job.state == "done", job.error
    found = neighbours.neighbours(workspace, builder, dataset_id=described.id, ordinal=4, k=7)
    with workspace.db.read() as session:
        space = FeatureArray(neighbours.space_dir(workspace, session.scalars(select(FeatureSet)).one())).as_array()
    distance = np.linalg.norm(space - space[4], axis=1)
    distance[4] = np.inf
    assert [n.ordinal for n in found] == np.argsort(distance, kind="stable")[:7].tolist()
    np.testing.assert_allclose([n.distance for n in found], np.sort(distance)[:7], rtol=1e-3)

    group = run(embeddings.start_embedding(workspace, builder, dataset_id=described.id, label="sea"))
    assert group.state == "done", group.error
    blob, etag = embeddings.embedding_wire(
        workspace, builder, dataset_id=described.id, embedding_id=group.result["embedding_id"]
    )
    coords = unpack_coords(blob)
    members = [
        n
        for n in range(60)
        if patches.patch_info(workspace, builder, dataset_id=described.id, ordinal=n).label == "sea"
    ]
    assert coords.ordinals.tolist() == members and len(etag) == 32


def test_an_equal_map_is_not_computed_twice(workspace, builder, described, run, monkeypatch) -> None:
    first = run(embeddings.start_embedding(workspace, builder, dataset_id=described.id))
    from eobench_dash.tasks import embedding as task

    monkeypatch.setattr(task, "_embed", lambda *a: pytest.fail("computed again"))
    second = run(embeddings.start_embedding(workspace, builder, dataset_id=described.id))
    assert second.result == first.result


def test_maps_go_when_their_features_are_computed_anew(workspace, builder, described, run) -> None:
    run(embeddings.start_embedding(workspace, builder, dataset_id=described.id))
    with workspace.db.write() as session:
        session.execute(update(FeatureSet).values(version=0))
    run(features.start_features(workspace, builder, dataset_id=described.id, kind="color_stats"))
    with workspace.db.read() as session:
        assert session.scalar(select(Embedding)) is None
        assert session.scalars(select(FeatureSet)).one().version == ml.KINDS["color_stats"].version


def test_verification_gives_scikit_learns_numbers(workspace, builder, described, run) -> None:
    job = run(verification.start_verification(workspace, builder, dataset_id=described.id))
    assert job.state == "done", job.error
    report = verification.latest_verification(workspace, builder, dataset_id=described.id)
    assert report is not None and report.who == builder.name and report.patch_count == 60
    counts = report.classification.confusion.counts
    true = np.repeat(np.arange(3), counts.sum(axis=1))
    predicted = np.concatenate([np.repeat(np.arange(3), row) for row in counts])
    assert report.classification.accuracy == pytest.approx(accuracy_score(true, predicted))
    assert (confusion_matrix(true, predicted) == counts).all()
    with workspace.db.read() as session:
        space = FeatureArray(neighbours.space_dir(workspace, session.scalars(select(FeatureSet)).one())).as_array()
        codes = np.array(list(session.scalars(select(Patch.label_id).order_by(Patch.ordinal))))
    assert report.silhouette.overall == pytest.approx(silhouette_score(space, codes), abs=1e-5)
    again = type(report).from_dict(json.loads(json.dumps(report.to_dict())))
    assert again.to_dict() == report.to_dict()


def test_one_label_only_is_said_not_crashed_on(workspace, builder, described, run) -> None:
    with workspace.db.write() as session:
        session.execute(update(Patch).values(label_id=session.scalar(select(Patch.label_id).limit(1))))
    assert run(verification.start_verification(workspace, builder, dataset_id=described.id)).state == "done"
    report = verification.latest_verification(workspace, builder, dataset_id=described.id)
    assert report.classification is None and report.silhouette is None
    assert any("at least two labels" in note for note in report.notes)


def test_export_and_import_again_is_a_round_trip(workspace, builder, described, imagefolder, run) -> None:
    out = imagefolder / "out.json"
    assert exporting.export_dataset(workspace, builder, dataset_id=described.id, format="paper-json", out=out) == 60
    run(importing.start_import(workspace, builder, path=str(out), name="Again", follow_up=False))
    again = datasets.find_dataset(workspace, builder, name="Again")
    with workspace.db.read() as session:
        sets = {f.dataset_id: f for f in session.scalars(select(FeatureSet))}
        rows = {
            d: list(
                session.execute(select(Patch.path, Patch.ordinal).where(Patch.dataset_id == d).order_by(Patch.ordinal))
            )
            for d in (described.id, again.id)
        }
    arrays = [FeatureArray(workspace.store.feature_dir(d, sets[d].folder)).as_array() for d in (described.id, again.id)]
    np.testing.assert_array_equal(*arrays)
    assert rows[described.id] == rows[again.id]


def test_a_picture_outside_the_roots_is_not_served(workspace, make_workspace, builder, dataset) -> None:
    data, kind = patches.patch_image(workspace, builder, dataset_id=dataset.id, ordinal=0)
    assert kind == "image/png" and data.startswith(b"\x89PNG")
    small, kind = patches.patch_image(workspace, builder, dataset_id=dataset.id, ordinal=0, size=60)
    assert kind == "image/webp" and small[8:12] == b"WEBP"
    moved = make_workspace(data_roots="/nonexistent")
    with pytest.raises(PatchUnreadable, match="EOBENCH_DATA_ROOTS"):
        patches.patch_image(moved, builder, dataset_id=dataset.id, ordinal=0)


def test_patches_are_found_by_number_and_path(workspace, builder, dataset) -> None:
    find = lambda q: patches.find_patch(workspace, builder, dataset_id=dataset.id, query=q)  # noqa: E731
    assert find("17") == find("#17") == 17
    ordinal = find("sea/sea_3.png")
    assert patches.patch_info(workspace, builder, dataset_id=dataset.id, ordinal=ordinal).path == "sea/sea_3.png"
    assert find("sea_3.png") == ordinal
    with pytest.raises(BadInput, match="Several"):
        find("_3.png")
    with pytest.raises(Exception, match="patches are 0 to 59"):
        find("60")


def test_a_relabel_makes_the_verification_old(workspace, builder, described, run) -> None:
    run(verification.start_verification(workspace, builder, dataset_id=described.id))
    assert "verified" in datasets.get_dataset(workspace, builder, dataset_id=described.id).steps
    relabel(workspace, builder, dataset_id=described.id, ordinals=[0], label="sea")
    assert "verified" not in datasets.get_dataset(workspace, builder, dataset_id=described.id).steps
