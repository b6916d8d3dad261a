"""Image folders: classes, order, splits, links, and everything that is no picture."""

import os
from pathlib import Path

import pytest

from eobench_dash.domain.importing import IssueKind
from eobench_dash.errors import BadInput, UnreadableDataset
from eobench_dash.formats import FORMATS, detect, preview, read
from eobench_dash.formats.imagefolder import natural_key

K = IssueKind


def test_classes_order_and_what_is_passed_over(load, picture, tmp_path: Path) -> None:
    root = tmp_path / "set"
    for name in ("b/10.png", "b/2.png", "a/x.jpg", "a/deep/y.tif", "top.png"):
        picture(root / name)
    picture(root / ".hidden/z.png")
    picture(root / "a/.z.png")
    (root / "a/readme.txt").write_text("no picture")
    (root / "a/broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    (root / "a/empty.png").touch()
    records, report = load(root)
    assert [(r.path, r.labels) for r in records] == [
        ("top.png", ()), ("a/x.jpg", ("a",)), ("a/deep/y.tif", ("a",)), ("b/2.png", ("b",)), ("b/10.png", ("b",)),
    ]  # fmt: skip
    assert report.counts == {K.BROKEN_IMAGE: 2}
    assert {issue.where for issue in report.issues} == {"a/broken.jpg", "a/empty.png"}
    assert report.labels == {"a": 2, "b": 2} and report.unlabelled == 1
    assert any(note.startswith("Passed over: 1 file is no picture") for note in report.notes)


def test_a_flat_folder_is_unlabelled(load, picture, tmp_path: Path) -> None:
    picture(tmp_path / "set/1.png")
    records, report = load(tmp_path / "set")
    assert [r.labels for r in records] == [()]
    assert any("no class folders" in note for note in report.notes)


def test_a_lone_outer_folder_is_stepped_into(load, picture, tmp_path: Path) -> None:
    picture(tmp_path / "set/outer/sea/1.png")
    picture(tmp_path / "set/outer/land/1.png")
    records, report = load(tmp_path / "set")
    assert [(r.path, r.labels) for r in records] == [("outer/land/1.png", ("land",)), ("outer/sea/1.png", ("sea",))]
    assert "The classes are the folders below outer." in report.notes


def test_one_class_only_is_a_class(load, picture, tmp_path: Path) -> None:
    picture(tmp_path / "set/sea/1.png")
    assert load(tmp_path / "set")[0][0].labels == ("sea",)


def test_splits_are_no_classes(load, picture, tmp_path: Path) -> None:
    for name in ("train/sea/1.png", "train/land/2.png", "test/sea/3.png", "train/loose.png"):
        picture(tmp_path / "set" / name)
    records, report = load(tmp_path / "set")
    assert {(r.path, r.labels, r.extra["split"]) for r in records} == {
        ("train/sea/1.png", ("sea",), "train"), ("train/land/2.png", ("land",), "train"),
        ("test/sea/3.png", ("sea",), "test"), ("train/loose.png", (), "train"),
    }  # fmt: skip
    assert report.labels == {"land": 1, "sea": 2}


def test_links_never_lead_out(load, picture, tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere/secret.png")
    picture(tmp_path / "set/sea/1.png")
    (tmp_path / "set/sea/link.png").symlink_to(tmp_path / "elsewhere/secret.png")
    (tmp_path / "set/sea/folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set/class").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set/sea/loop").symlink_to(tmp_path / "set")
    records, report = load(tmp_path / "set")
    assert [r.path for r in records] == ["sea/1.png"]
    assert report.counts == {K.PATH_OUTSIDE_ROOT: 3}
    assert any("Linked folders inside" in note for note in report.notes)


def test_names_that_cannot_be_stored_are_refused(load, picture, tmp_path: Path) -> None:
    picture(tmp_path / "set/sea/1.png")
    whole = (tmp_path / "set/sea/1.png").read_bytes()
    for name in ("new\nline.png", os.fsdecode(b"\xff.png")):
        (tmp_path / "set/sea" / name).write_bytes(whole)
    records, report = load(tmp_path / "set")
    assert [r.path for r in records] == ["sea/1.png"]
    assert report.counts == {K.PATH_OUTSIDE_ROOT: 2}
    assert all(issue.where.isprintable() for issue in report.issues)


def test_a_pipe_does_not_hang_the_import(load, picture, tmp_path: Path) -> None:
    picture(tmp_path / "set/sea/1.png")
    os.mkfifo(tmp_path / "set/sea/pipe.png")
    assert load(tmp_path / "set")[1].counts == {K.MISSING_FILE: 1}


def test_a_class_name_that_is_no_label(load, picture, tmp_path: Path) -> None:
    picture(tmp_path / "set" / ("x" * 130) / "1.png")
    picture(tmp_path / "set/sea/1.png")
    assert load(tmp_path / "set")[1].counts == {K.BAD_LABEL: 1}


def test_progress_is_told_and_may_cancel(picture, tmp_path: Path) -> None:
    picture(tmp_path / "set/sea/1.png")

    def stop(done: int, total: int | None) -> None:
        assert (done, total) == (0, 1)
        raise BadInput("cancelled")

    with pytest.raises(BadInput, match="cancelled"), read(tmp_path / "set", progress=stop) as reader:
        list(reader.records())


def test_large_pictures_keep_their_order(load, picture, tmp_path: Path) -> None:
    for i in range(12):
        picture(tmp_path / f"set/sea/{i}.png", size=200 if i % 2 else 8, seed=i)
    (tmp_path / "set/sea/3.png").write_bytes((tmp_path / "set/sea/3.png").read_bytes()[:-3000])
    records, report = load(tmp_path / "set")
    assert [r.path for r in records] == [f"sea/{i}.png" for i in range(12) if i != 3]
    assert report.counts == {K.BROKEN_IMAGE: 1}


def test_preview_shows_every_class(picture, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        for i in range(5):
            picture(tmp_path / f"set/{name}/{i}.png")
    seen = preview(tmp_path / "set", limit=3)
    assert seen.labels == {"a": 5, "b": 5, "c": 5} and seen.total_hint == 15 and seen.complete
    assert len(seen.samples) == 3 and not seen.issues and not seen.has_vectors


def test_formats_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    (tmp_path / "a.txt").write_text("x")
    assert {"imagefolder", "paper-json", "bigearthnet", "npy", "npz", "csv", "parquet"} < set(FORMATS)
    assert detect(tmp_path) == "imagefolder" and detect(tmp_path / "a.json") == "paper-json"
    for path, says in ((tmp_path / "a.txt", "neither a folder"), (tmp_path / "gone", "nothing at gone")):
        with pytest.raises(UnreadableDataset, match=says):
            detect(path)
    with pytest.raises(BadInput, match="no format 'zip'"):
        read(tmp_path, format="zip")
    with pytest.raises(UnreadableDataset, match="not a folder"):
        read(tmp_path / "a.json", format="imagefolder")


def test_natural_order() -> None:
    names = ["10", "9", "a10", "A2", "a1b", "01", "1", "9" * 5000]
    assert sorted(names, key=natural_key)[:4] == ["01", "1", "9", "10"]


def test_real_patches(shared_dir: Path) -> None:
    with read(shared_dir / "data/eurosat/River") as reader:
        records = list(reader.records())
    assert len(records) == reader.total_hint == 1493 and records[0].labels == ()
    assert reader.report().counts == {}


def test_real_many_band_tiffs(load, shared_dir: Path) -> None:
    records, report = load(shared_dir / "fixtures/rasters/eurosat_ms")
    assert len(records) == 6 and report.counts == {}
