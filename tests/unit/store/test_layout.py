"""The workspace's folders: private, confined, swept."""

import stat
from pathlib import Path

import pytest

from eobench_dash.errors import PathRefused
from eobench_dash.store import Store
from eobench_dash.store.atomic import atomic_file


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def test_every_folder_is_private(store: Store) -> None:
    folders = [store.dataset_dir(1), store.tmp(7), store.reports_dir, store.uploads_dir, store.cache_dir]
    folders += [store.artefact_path(1, "map", ".npz").parent, store.home]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_a_folder_opened_to_others_is_closed_but_a_given_home_is_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "cache").mkdir(mode=0o755)
    assert stat.S_IMODE(Store(tmp_path).cache_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", ".hidden", "a\0b", "a\n", "x" * 121, "-rf", "ä"])
def test_names_cannot_leave(store: Store, name: str) -> None:
    for call in (store.dataset_dir, store.tmp, store.sweep_tmp, store.remove_dataset):
        with pytest.raises(PathRefused):
            call(name)
    with pytest.raises(PathRefused):
        store.feature_dir(1, name)
    with pytest.raises(PathRefused):
        store.artefact_path(1, "key", f"/{name}")


def test_sweeping_and_removing(store: Store) -> None:
    (store.tmp(7) / "deep").mkdir()
    (store.tmp(7) / "deep/x").touch()
    store.artefact_path(1, "map", ".npz").touch()
    keep = store.artefact_path(2, "map", ".npz")
    keep.touch()
    assert store.tmp_jobs() == ("7",)
    store.sweep_tmp(7)
    store.sweep_tmp(8)
    store.remove_dataset(1)
    store.remove_dataset(1)
    assert store.tmp_jobs() == () and keep.exists()
    assert not (store.home / "datasets/1").exists() and list((store.home / "tmp").iterdir()) == []


def test_a_feature_folder_is_named_not_made(store: Store) -> None:
    assert not store.feature_dir(1, 2).exists() and store.feature_dir(1, 2).parent.is_dir()


def test_atomic_file_leaves_the_old_one_on_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with atomic_file(path) as file:
        file.write(b"old")
    with pytest.raises(ZeroDivisionError), atomic_file(path) as file:
        file.write(b"new")
        _ = 1 / 0
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["x"]
