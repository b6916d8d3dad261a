"""What the map's services answer when people, labels and jobs meet at the wrong moment, and when input is odd."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import pytest
from lakes import Lakes
from sqlalchemy import func, select, update
from structured import add_structured, blobs

from eobench_dash.db.models import ClusterSet, Dataset, Embedding, FeatureSet, Job, MetricRun, Patch, SavedSelection
from eobench_dash.domain.jobs import JobKind
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import ANONYMOUS
from eobench_dash.domain.wire import unpack_column
from eobench_dash.errors import BadInput, Conflict, EOBenchError, NotAllowed, NotFound
from eobench_dash.jobs.inline import run_inline
from eobench_dash.services import (
    analytics,
    annotate,
    changes,
    clusters,
    columns,
    datasets,
    embeddings,
    labels,
    selections,
    sheets,
    vocabulary,
)
from eobench_dash.store.arrays import save_array, save_arrays


# -- somebody changes the labels while somebody else reads them --------------------------------------------------------
@pytest.mark.parametrize("asked", ["labels", "imported", "suspicion", "moves"])
def test_a_label_made_while_labels_are_read_breaks_no_answer(lakes, monkeypatch, asked) -> None:
    """A read sees one moment: a label made and given between its first and its last query is not half there."""
    ben, ws = lakes.who["ben"], lakes.ws
    add_run(lakes)
    done = []

    def meanwhile() -> None:
        if not done:
            done.append(1)
            other = threading.Thread(
                target=lambda: annotate.relabel(
                    ws, ben, dataset_id=lakes.id, ordinals=[0, 1], label="Pond", create=True
                )
            )
            other.start()
            other.join()

    from eobench_dash.services import column_sources

    for module, name in (
        (changes, "codes_by_id"),
        (column_sources, "heirs"),
        (analytics, "visible_dataset"),
    ):
        original = getattr(module, name)

        def later(*args, original=original, **more):
            found = original(*args, **more)
            session = args[0]
            list(session.scalars(select(Dataset)))
            meanwhile()
            return found

        monkeypatch.setattr(module, name, later)
    if asked == "labels":
        codes, _ = changes.label_codes(ws, ben, dataset_id=lakes.id)
        assert codes.tolist() in ([0] * 5 + [1] * 4 + [2] * 2 + [NO_LABEL], [3, 3] + [0] * 3 + [1] * 4 + [2] * 2 + [NO_LABEL])
    elif asked == "moves":
        assert sum(move.patches for move in analytics.before_after(ws, ben, dataset_id=lakes.id)) == 12
    else:
        told, _ = unpack_column(columns.column_bytes(ws, ben, dataset_id=lakes.id, name=asked)[0])
        assert told["name"] == asked
    assert done or asked == "imported"


def add_run(lakes: Lakes) -> None:
    with lakes.ws.db.write() as session:
        session.add(MetricRun(dataset_id=lakes.id, fingerprint="f" * 64, artefact="predictions-1"))
    save_arrays(
        lakes.ws.store.artefact_path(lakes.id, "predictions-1", ".npz"),
        rows=np.arange(11, dtype=np.uint32), predicted=np.zeros(11, np.uint16),
        codes=np.arange(3, dtype=np.uint16), probabilities=np.full((11, 3), 1 / 3, np.float16),
    )  # fmt: skip


# -- clusters ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def run(workspace) -> Callable[[int], Job]:
    """Runs a queued job here and returns its row."""
    from eobench_dash.tasks import SWEEPS, TASKS

    def go(job_id: int) -> Job:
        with workspace.db.read() as session:
            kind = JobKind(session.get_one(Job, job_id).kind)
        return run_inline(
            workspace.db,
            job_id,
            run=lambda handle: TASKS[kind](workspace, handle),
            sweep=lambda: SWEEPS[kind](workspace, job_id) if kind in SWEEPS else None,
            show=lambda fraction, message: None,
        )

    return go


@pytest.fixture
def rivers(workspace, crew) -> Lakes:
    """80 and 60 River, 20 Lake."""
    x, truth = blobs((80, 60, 20))
    return add_structured(workspace, crew, x=x, label_of=np.array([0, 0, 1])[truth])


def test_a_group_that_was_renamed_patch_by_patch_is_clustered_as_what_it_is_now(rivers, run) -> None:
    """The same patches under another label are another group: their clusters move patches of that label."""
    ws, ben, at = rivers.ws, rivers.who["ben"], {"dataset_id": rivers.id}
    first = run(clusters.start_clusters(ws, ben, label="River", k=2, **at)).result["cluster_set_id"]
    annotate.relabel(ws, ben, ordinals=list(range(140)), label="Creek", create=True, **at)
    with pytest.raises(Conflict, match="cluster the group anew"):
        clusters.split_off(ws, ben, cluster_set_id=first, cluster=0, label_name="Brook", **at)
    second = run(clusters.start_clusters(ws, ben, label="Creek", k=2, **at)).result["cluster_set_id"]
    found = clusters.get_cluster_set(ws, ben, cluster_set_id=second, **at)
    assert found.label == "Creek" and all(c.name.startswith("Creek") for c in found.clusters)
    clusters.split_off(ws, ben, cluster_set_id=second, cluster=1, label_name="Brook", **at)
    assert rivers.labels() == ["Creek"] * 80 + ["Brook"] * 60 + ["Lake"] * 20


def test_a_split_off_moves_exactly_the_members_and_undo_and_redo_follow(rivers, run) -> None:
    ws, ben, at = rivers.ws, rivers.who["ben"], {"dataset_id": rivers.id}
    number = run(clusters.start_clusters(ws, ben, method="kmeans", k=3, **at)).result["cluster_set_id"]
    codes = clusters.cluster_codes(ws, ben, cluster_set_id=number, **at)
    before = rivers.labels()
    for cluster in range(3):
        members = clusters.cluster_members(ws, ben, cluster_set_id=number, cluster=cluster, **at).tolist()
        assert members == [o for o, code in enumerate(codes.tolist()) if code == cluster]
        now = rivers.labels()
        clusters.split_off(ws, ben, cluster_set_id=number, cluster=cluster, label_name=f"Part {cluster}", **at)
        split = rivers.labels()
        assert split == [f"Part {cluster}" if o in set(members) else label for o, label in enumerate(now)]
        assert annotate.undo(ws, ben, **at).summary.startswith("Undo: ") and rivers.labels() == now
        annotate.redo(ws, ben, **at)
        assert rivers.labels() == split
        rivers.check_in_step()
    for _ in range(3):
        annotate.undo(ws, ben, **at)
    assert rivers.labels() == before
    with pytest.raises(Conflict):
        annotate.undo(ws, ben, **at)


def test_a_relabel_while_clusters_are_sought_is_kept(rivers, run, monkeypatch) -> None:
    """Labels that change between the job's look and its end: who left the group stays where they were put."""
    from eobench_dash.tasks import clustering

    ws, ben, at = rivers.ws, rivers.who["ben"], {"dataset_id": rivers.id}
    original = clustering.save_codes

    def slow(*args):
        annotate.relabel(ws, ben, ordinals=[0, 100], label="Sea", **at)
        labels.rename_label(ws, ben, code=1, name="Mere", **at)
        return original(*args)

    monkeypatch.setattr(clustering, "save_codes", slow)
    number = run(clusters.start_clusters(ws, ben, label="River", k=2, **at)).result["cluster_set_id"]
    result = clusters.split_off(ws, ben, cluster_set_id=number, cluster=0, label_name="Wide", **at)
    assert len(result.changes) == 79 and "1 patch left the group" in result.summary
    assert Counter(rivers.labels()) == {"Wide": 79, "River": 59, "Sea": 2, "Mere": 20}


def test_a_clustering_that_is_cut_off_shows_nothing(rivers, run, monkeypatch) -> None:
    from eobench_dash.tasks import clustering

    ws, ben, at = rivers.ws, rivers.who["ben"], {"dataset_id": rivers.id}

    def broken(*args, **more):
        raise KeyError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(clustering, "store_set", broken)
        job = clusters.start_clusters(ws, ben, label="River", k=2, **at)
        with pytest.raises(KeyError):
            run(job)
    assert clusters.list_cluster_sets(ws, ben, **at) == []
    assert not [c for c in columns.list_columns(ws, ben, **at) if c.name.startswith("cluster")]
    assert run(clusters.start_clusters(ws, ben, label="River", k=2, **at)).state == "done"


def test_clusters_of_a_group_that_was_merged_away_are_refused_in_words(rivers, run) -> None:
    ws, ben, at = rivers.ws, rivers.who["ben"], {"dataset_id": rivers.id}
    job = clusters.start_clusters(ws, ben, label="River", k=2, **at)
    labels.merge_labels(ws, ben, source=0, target=1, **at)
    assert run(job).state == "failed" and clusters.list_cluster_sets(ws, ben, **at) == []
    for label in ("River", "a\0b", "", "x" * 300):
        with pytest.raises((BadInput, NotFound)):
            clusters.start_clusters(ws, ben, label=label, **at)


def test_somebody_else_s_change_is_never_overwritten_unseen(lakes) -> None:
    """Every way to change labels, with the last event the page knew: theirs stays, and each patch left is named."""
    ws, ben, ada = lakes.ws, lakes.who["ben"], lakes.who["ada"]
    at = {"dataset_id": lakes.id}
    seen = annotate.relabel(ws, ben, ordinals=[11], label="Sea", **at).last_event
    annotate.relabel(ws, ada, ordinals=[0], label="Lake", **at)
    annotate.mark(ws, ada, ordinals=[0, 1], unsure=True, **at)  # a later event of another kind hides nothing
    annotate.relabel(ws, ada, ordinals=[2], label="Lake", **at)
    annotate.undo(ws, ada, **at)  # taken back: as if it had not been
    mine = annotate.relabel(ws, ben, ordinals=[0, 1, 2], label="Sea", seen_event=seen, **at)
    assert [(s.ordinal, s.by, s.label) for s in mine.skipped] == [(0, "lake-ada", "Lake")]
    assert lakes.labels()[:3] == ["Lake", "Sea", "Sea"]
    marked = annotate.mark(ws, ben, ordinals=[0, 1], unsure=False, seen_event=seen, **at)
    assert [s.ordinal for s in marked.skipped] == [0, 1] and not marked.changes
    taken = annotate.undo(ws, ben, **at)  # ben's own; ada's stays
    assert {o for o, _ in taken.changes} == {1, 2}
    lakes.check_in_step()


# -- saved selections -------------------------------------------------------------------------------------------------
def test_selections_are_bounded_in_all_by_their_patches(lakes, monkeypatch) -> None:
    """Two thousand selections of a million patches would be a gigabyte of one reader's links."""
    monkeypatch.setattr(selections, "MAX_KEPT_PATCHES", 20)
    rob, eva, at = lakes.who["rob"], lakes.who["eva"], {"dataset_id": lakes.id}
    first = selections.save_selection(lakes.ws, rob, ordinals=range(12), **at)
    with pytest.raises(Conflict, match="20 patches"):
        selections.save_selection(lakes.ws, rob, ordinals=range(11), **at)
    assert selections.save_selection(lakes.ws, rob, ordinals=range(12), **at) == first
    assert selections.save_selection(lakes.ws, rob, ordinals=range(8), **at) > first
    assert selections.save_selection(lakes.ws, eva, ordinals=range(11), **at) > first


# -- sheets -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def pictured(lakes, tmp_path) -> tuple[Lakes, int]:
    """The lakes with pictures (some paths lead elsewhere) and a map of them."""
    from PIL import Image

    root = tmp_path / "pictures"
    root.mkdir()
    for number in range(9):
        Image.fromarray(np.full((8, 8, 3), 20 * number, np.uint8)).save(root / f"{number}.png")
    (tmp_path / "secret.png").write_bytes((root / "1.png").read_bytes())
    (root / "link.png").symlink_to(tmp_path / "secret.png")
    odd = {9: "../secret.png", 10: "link.png", 0: "/etc/passwd", 1: "a\\b/../../x.png"}
    with lakes.ws.db.write() as session:
        dataset = session.get_one(Dataset, lakes.id)
        dataset.source_kind, dataset.root = "files", str(root)
        for patch in session.scalars(select(Patch).where(Patch.dataset_id == lakes.id)):
            patch.path = odd.get(patch.ordinal, f"{patch.ordinal}.png")
        made = FeatureSet(dataset_id=lakes.id, kind="all", dim=2, rows=12, folder="f", fingerprint="f" * 64)
        session.add(made)
        session.flush()
        row = Embedding(dataset_id=lakes.id, feature_set_id=made.id, method="umap", key="m", rows=12, artefact="m")
        session.add(row)
        session.flush()
        number = row.id
    save_arrays(
        lakes.ws.store.artefact_path(lakes.id, "m", ".npz"),
        xy=np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32),
    )
    return lakes, number


def test_paths_that_lead_elsewhere_show_nothing_and_break_nothing(pictured) -> None:
    from eobench_dash.services.looks import image_looks
    from eobench_dash.tasks.advising import _traits

    lakes, number = pictured
    found, _ = sheets.sheet(
        lakes.ws, lakes.who["rob"], dataset_id=lakes.id, embedding_id=number, tile=64, number=0
    )
    assert found
    assert [look.name for look in image_looks(lakes.ws, lakes.who["rob"], dataset_id=lakes.id).looks] == ["true"]
    seen, parts = _traits(lakes.ws, lakes.dataset(), np.arange(12), np.zeros(12, np.int64))
    assert len(parts) == 7 and all(len(values) == 7 for values in seen.values())


def test_many_make_one_sheet_at_once(pictured) -> None:
    """Two workers and two browsers on an empty folder: everybody gets the same whole bytes, or is asked to wait."""
    lakes, number = pictured
    with lakes.ws.db.read() as session:
        dataset, embedding = session.get_one(Dataset, lakes.id), session.get_one(Embedding, number)
    answers: list[bytes | None] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        answers.append(sheets.SheetBook(lakes.ws, dataset, embedding).sheet(32, 0))

    def look() -> None:
        start.wait()
        answers.append(
            sheets.sheet(lakes.ws, lakes.who["rob"], dataset_id=lakes.id, embedding_id=number, tile=32, number=0)[0]
        )

    threads = [threading.Thread(target=target) for target in (work, work, look, look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4 and len({answer for answer in answers if answer is not None}) == 1
    folder = sheets.SheetBook(lakes.ws, dataset, embedding).folder.path
    assert sorted(f.name for f in folder.rglob("*") if f.is_file()) == ["0.jpg", "0.jpg", "order.npy"]


def test_sheets_that_make_room_for_others_meanwhile_are_made_again(pictured, monkeypatch) -> None:
    """The folder vanishes after its order was read: the places are told all the same, and sheets come anew."""
    import shutil

    lakes, number = pictured
    ask = {"dataset_id": lakes.id, "embedding_id": number}
    first, _ = sheets.sheet_places(lakes.ws, lakes.who["rob"], **ask)
    original = sheets.SheetBook.places

    def then_gone(book):
        found = original(book)
        shutil.rmtree(book.folder.path)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(sheets.SheetBook, "places", then_gone)
        assert sheets.sheet_places(lakes.ws, lakes.who["rob"], **ask)[0] == first
    assert sheets.sheet(lakes.ws, lakes.who["rob"], tile=64, number=0, **ask)[0]
