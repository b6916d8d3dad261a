import json
import shutil

import numpy as np
import pytest
from sqlalchemy import func, select

from eobench_dash.db.models import AnnotationBatch, AnnotationEvent, Dataset, FeatureSet, Job, Label, Patch, PatchLabel
from eobench_dash.errors import BadInput, Conflict, JobCancelled, NotAllowed, PathRefused
from eobench_dash.services import datasets, importing
from eobench_dash.store.features import FeatureArray
from eobench_dash.tasks import importer


def counts(ws) -> dict[str, int]:
    models = (Dataset, Label, Patch, PatchLabel, AnnotationEvent, AnnotationBatch, FeatureSet)
    with ws.db.read() as session:
        return {m.__tablename__: session.scalar(select(func.count()).select_from(m)) for m in models}


def files(ws) -> set[str]:
    folder = ws.settings.home / "datasets"
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} if folder.exists() else set()


def test_a_folder_becomes_a_dataset(workspace, builder, imagefolder, run) -> None:
    job = run(importing.start_import(workspace, builder, path=str(imagefolder), name="Patches", follow_up=False))
    assert job.state == "done", job.error
    made = datasets.find_dataset(workspace, builder, name="Patches")
    assert (made.patch_count, made.labelled_count, made.label_count, made.changed_count) == (60, 60, 3, 0)
    with workspace.db.read() as session:
        rows = list(session.scalars(select(Patch).order_by(Patch.ordinal)))
        events = {e.id: e for e in session.scalars(select(AnnotationEvent))}
        names = {label.id: label.name for label in session.scalars(select(Label))}
    assert [r.ordinal for r in rows] == list(range(60))
    assert all(names[r.label_id] == r.path.split("/")[0] for r in rows)
    assert all(events[r.last_event_id].ordinal == r.ordinal for r in rows), "the newest event is the patch's own"
    assert all(events[r.last_event_id].to_label_id == r.label_id == r.imported_label_id for r in rows)


def test_follow_up_queues_the_default_descriptor(workspace, builder, imagefolder, run) -> None:
    run(importing.start_import(workspace, builder, path=str(imagefolder), name="Patches"))
    with workspace.db.read() as session:
        queued = list(session.scalars(select(Job).where(Job.state == "queued")))
    assert [(j.kind, j.args["kind"], j.args["follow_up"]) for j in queued] == [("features", "all", True)]


def test_an_import_that_breaks_leaves_nothing(workspace, builder, imagefolder, run, monkeypatch) -> None:
    before, files_before = counts(workspace), files(workspace)
    monkeypatch.setattr(importer, "CHUNK", 7)
    real, calls = importer.Importer._add, []

    def breaks(self, session, chunk):
        calls.append(len(chunk))
        if len(calls) == 4:
            raise MemoryError
        real(self, session, chunk)

    monkeypatch.setattr(importer.Importer, "_add", breaks)
    broken = run(importing.start_import(workspace, builder, path=str(imagefolder), name="Patches"))
    assert (broken.state, "not enough memory" in broken.error) == ("failed", True)
    assert calls == [7, 7, 7, 7]
    assert (counts(workspace), files(workspace)) == (before, files_before)
    with workspace.db.read() as session:
        assert session.scalars(select(Job)).one().state == "failed"


def test_a_cancelled_append_leaves_the_dataset_as_it_was(workspace, builder, imagefolder, run, monkeypatch) -> None:
    run(importing.start_import(workspace, builder, path=str(imagefolder), name="Patches", follow_up=False))
    before, dataset = counts(workspace), datasets.find_dataset(workspace, builder, name="Patches")
    shutil.copytree(imagefolder / "sea", imagefolder / "lake")
    monkeypatch.setattr(importer, "CHUNK", 5)
    real, calls = importer.Importer._add, []

    def cancelled(self, session, chunk):
        calls.append(1)
        if len(calls) == 3:
            raise JobCancelled("Cancelled on request.")
        real(self, session, chunk)

    monkeypatch.setattr(importer.Importer, "_add", cancelled)
    start = {"path": str(imagefolder), "name": "", "append_to": dataset.id, "follow_up": False}
    job = run(importing.start_import(workspace, builder, **start))
    assert job.state == "cancelled"
    assert counts(workspace) == before
    monkeypatch.setattr(importer.Importer, "_add", real)
    assert run(importing.start_import(workspace, builder, **start)).state == "done"
    after = datasets.get_dataset(workspace, builder, dataset_id=dataset.id)
    assert (after.patch_count, after.label_count) == (80, 4), "the 60 known pictures are not imported twice"
    report = importing.import_report(workspace, builder, dataset_id=dataset.id)
    assert report["counts"]["duplicate_path"] == 60


def test_vectors_of_the_papers_json_become_a_feature_set(workspace, builder, imagefolder, run, rng) -> None:
    paths = sorted(str(p.relative_to(imagefolder)) for p in imagefolder.rglob("*.png"))
    vectors = rng.normal(size=(60, 5)).astype(np.float32)
    labels = [None if i == 7 else p.split("/")[0] for i, p in enumerate(paths)]
    text = json.dumps({"features": vectors.tolist(), "labels": labels, "paths": paths})
    text = text.replace(json.dumps(vectors[9].tolist()), "[1, 2, NaN, 4, 5]")
    (imagefolder / "paper.json").write_text(text)
    job = run(
        importing.start_import(workspace, builder, path=str(imagefolder / "paper.json"), name="Paper", follow_up=False)
    )
    assert job.state == "done", job.error
    made = datasets.find_dataset(workspace, builder, name="Paper")
    assert (made.patch_count, made.labelled_count) == (59, 58)
    with workspace.db.read() as session:
        features = session.scalars(select(FeatureSet)).one()
    stored = FeatureArray(workspace.store.feature_dir(made.id, features.folder)).as_array()
    np.testing.assert_array_equal(stored, np.delete(vectors, 9, axis=0))
    assert importing.import_report(workspace, builder, dataset_id=made.id)["counts"] == {"not_finite": 1}


def test_what_cannot_be_imported_says_why(workspace, builder, people, imagefolder, tmp_path) -> None:
    with pytest.raises(NotAllowed, match="role builder"):
        importing.start_import(workspace, people.expert, path=str(imagefolder), name="x")
    with pytest.raises(PathRefused, match="EOBENCH_DATA_ROOTS"):
        importing.start_import(workspace, builder, path="/etc", name="x")
    (tmp_path / "out").symlink_to("/etc")
    with pytest.raises(PathRefused):
        importing.start_import(workspace, builder, path=str(tmp_path / "out"), name="x")
    importing.start_import(workspace, builder, path=str(imagefolder), name="Taken")
    with pytest.raises(Conflict, match="already a dataset"):
        importing.start_import(workspace, builder, path=str(imagefolder), name="Taken")
    with pytest.raises(BadInput, match="not known"):
        importing.start_import(workspace, builder, path=str(imagefolder), name="y", format="zip")


def test_an_empty_folder_fails_and_leaves_nothing(workspace, builder, tmp_path, run) -> None:
    (tmp_path / "empty").mkdir()
    before = counts(workspace)
    job = run(importing.start_import(workspace, builder, path=str(tmp_path / "empty"), name="Empty"))
    assert job.state == "failed"
    assert "Nothing could be imported" in job.error
    assert counts(workspace) == before


def test_a_swept_import_can_be_retried(workspace, builder, imagefolder, run, monkeypatch) -> None:
    from eobench_dash.jobs import queue

    job_id = importing.start_import(workspace, builder, path=str(imagefolder), name="Patches", follow_up=False)
    with monkeypatch.context() as broken:
        broken.setattr(importer.Importer, "finish", lambda self, report: (_ for _ in ()).throw(OSError("disk full")))
        assert run(job_id).state == "failed"
    assert counts(workspace)["dataset"] == 0
    with workspace.db.write() as session:
        queue.retry(session, job_id)
    assert run(job_id).state == "done"
    assert datasets.find_dataset(workspace, builder, name="Patches").patch_count == 60


def test_deleting_leaves_nothing_and_frees_the_name(workspace, builder, imagefolder, run) -> None:
    before = counts(workspace)
    run(importing.start_import(workspace, builder, path=str(imagefolder), name="Patches", follow_up=False))
    made = datasets.find_dataset(workspace, builder, name="Patches")
    with pytest.raises(BadInput, match="type its name exactly"):
        datasets.delete_dataset(workspace, builder, dataset_id=made.id, typed_name="patches")
    job_id = datasets.delete_dataset(workspace, builder, dataset_id=made.id, typed_name="Patches")
    assert datasets.list_datasets(workspace, builder) == []
    importing.start_import(workspace, builder, path=str(imagefolder), name="Patches")
    assert run(job_id).state == "done"
    with workspace.db.write() as session:
        session.delete(session.scalars(select(Dataset)).one())
    assert counts(workspace) == before
    assert imagefolder.exists(), "the user's own files are never deleted"


def test_deleting_removes_what_was_uploaded(workspace, builder, imagefolder, run) -> None:
    upload = workspace.settings.home / "uploads" / "upload-1" / "set"
    shutil.copytree(imagefolder, upload)
    run(importing.start_import(workspace, builder, path=str(upload), name="Sent", follow_up=False))
    made = datasets.find_dataset(workspace, builder, name="Sent")
    run(datasets.delete_dataset(workspace, builder, dataset_id=made.id, typed_name="Sent"))
    assert not upload.parent.exists() and upload.parent.parent.exists()


def test_an_append_from_elsewhere_is_refused_before_it_starts(workspace, builder, imagefolder, run) -> None:
    run(importing.start_import(workspace, builder, path=str(imagefolder), name="Patches", follow_up=False))
    made = datasets.find_dataset(workspace, builder, name="Patches")
    other = imagefolder.parent / "others"
    shutil.copytree(imagefolder, other)
    with pytest.raises(Conflict, match="lie below"):
        importing.start_import(workspace, builder, path=str(other), name="", append_to=made.id)
    assert importing.start_import(workspace, builder, path=str(imagefolder), name="", append_to=made.id)


def test_simulated_patches_have_labels_and_places(workspace, builder, run) -> None:
    job_id = importing.start_simulation(
        workspace, builder, name="Sim", modality="sar", count=50, seed=3, follow_up=False
    )
    assert run(job_id).state == "done"
    made = datasets.find_dataset(workspace, builder, name="Sim")
    assert made.simulated and made.patch_count == made.labelled_count == 50
    with workspace.db.read() as session:
        assert all(-180 <= p.lon <= 180 and -90 <= p.lat <= 90 for p in session.scalars(select(Patch)))


def test_an_append_keeps_vectors_and_patches_in_step(workspace, builder, imagefolder, run, rng) -> None:
    def write(name: str, rows: range, vectors: bool) -> str:
        paths = sorted(str(p.relative_to(imagefolder)) for p in imagefolder.rglob("*.png"))
        records = [{"path": paths[i], **({"features": [float(i), 1.0]} if vectors else {})} for i in rows]
        (imagefolder / name).write_text(json.dumps(records))
        return str(imagefolder / name)

    run(importing.start_import(workspace, builder, path=write("a.json", range(10), True), name="A", follow_up=False))
    made = datasets.find_dataset(workspace, builder, name="A")
    append = {"name": "", "append_to": made.id, "follow_up": False}
    assert (
        run(importing.start_import(workspace, builder, path=write("b.json", range(10, 15), True), **append)).state
        == "done"
    )
    assert (
        run(importing.start_import(workspace, builder, path=write("c.json", range(20, 25), False), **append)).state
        == "failed"
    )
    with workspace.db.read() as session:
        features = session.scalars(select(FeatureSet)).one()
    stored = FeatureArray(workspace.store.feature_dir(made.id, features.folder)).as_array()
    assert stored[:, 0].tolist() == [float(i) for i in range(15)]
    assert datasets.get_dataset(workspace, builder, dataset_id=made.id).patch_count == 15 == features.rows


def test_vectors_alone_are_mapped_next(workspace, builder, imagefolder, run) -> None:
    text = [{"path": f"gone/{i}.png", "label": "a", "features": [float(i), 2.0, 3.0]} for i in range(40)]
    (imagefolder / "v.json").write_text(json.dumps(text))
    job = run(importing.start_import(workspace, builder, path=str(imagefolder / "v.json"), name="V", images=False))
    assert job.state == "done", job.error
    with workspace.db.read() as session:
        dataset = session.scalars(select(Dataset)).one()
        queued = session.scalars(select(Job).where(Job.state == "queued")).one()
    assert dataset.source_kind == "none"
    assert (queued.kind, queued.args["feature"]) == ("embed", "imported")
    assert run(queued.id).state == "done"
