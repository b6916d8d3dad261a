"""What the map's services answer when people, labels and jobs meet at the wrong moment, and when input is odd."""

import threading
from collections import Counter

import numpy as np
import pytest
from lakes import Lakes
from sqlalchemy import func, select, update
from structured import add_structured, blobs

from eobench_dash.db.models import Dataset, Embedding, FeatureSet, MetricRun, Patch, SavedSelection
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.wire import unpack_column
from eobench_dash.errors import BadInput, Conflict, NotFound
from eobench_dash.services import (
    analytics,
    annotate,
    changes,
    clusters,
    columns,
    labels,
    selections,
    sheets,
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
        assert codes.tolist() in (
            [0] * 5 + [1] * 4 + [2] * 2 + [NO_LABEL],
            [3, 3] + [0] * 3 + [1] * 4 + [2] * 2 + [NO_LABEL],
        )
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
    found, _ = sheets.sheet(lakes.ws, lakes.who["rob"], dataset_id=lakes.id, embedding_id=number, tile=64, number=0)
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


# -- numbers, against slow plain Python -------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(3))
def test_columns_and_charts_against_plain_loops(make_lakes, seed) -> None:
    """90 patches, 23 neighbours each, labels changed, merged, taken away and undone: every number is counted again."""
    rng = np.random.default_rng(seed)
    n, names = 90, ("River", "Lake", "Sea")
    made = make_lakes("Many", count=n, label_of=lambda o: None if o % 11 == 0 else int(o * 7 % 3))
    ws, who, at = made.ws, made.who, {"dataset_id": made.id}
    near = np.array([rng.permutation(np.delete(np.arange(n), o))[:23] for o in range(n)], np.int32)
    with ws.db.write() as session:
        features = FeatureSet(dataset_id=made.id, kind="all", dim=2, rows=n, folder="f", fingerprint="f" * 64)
        session.add_all([features, MetricRun(dataset_id=made.id, fingerprint="f" * 64, artefact="p")])
        session.flush()
        name = columns_graph(features)
    save_array(ws.store.artefact_path(made.id, f"{name}-indices", ".npy"), near)
    rows, shares = np.sort(rng.permutation(n)[:50]), rng.dirichlet(np.ones(3), 50).astype(np.float16)
    best = shares.argmax(axis=1)
    save_arrays(
        ws.store.artefact_path(made.id, "p", ".npz"),
        rows=rows.astype(np.uint32), predicted=best.astype(np.uint16), codes=np.arange(3, dtype=np.uint16),
        probabilities=shares,
    )  # fmt: skip
    log: list[tuple[str, list[int]]] = []
    for step in range(8):
        person = ("ben", "ada")[step % 2]
        some = sorted(rng.permutation(n)[: int(rng.integers(1, 30))].tolist())
        label = [*names, None, "Pond"][int(rng.integers(5))]
        done = annotate.relabel(ws, who[person], ordinals=some, label=label, create=True, **at)
        if done.batch_id:
            log.append((person, [o for o, _ in done.changes]))
    if labels_named(made, "Pond") and seed:
        labels.merge_labels(ws, who["ben"], source=1, target=2, **at)

    now, first = made.labels(), [made.initial[o] for o in range(n)]
    known = {label.code: label.name for label in labels.list_labels(ws, who["ben"], **at)}
    merged = {0: "River", 1: "Sea" if 1 not in known else "Lake", 2: "Sea"}

    def column(name: str) -> tuple[dict, list]:
        told, values = unpack_column(columns.column_bytes(ws, who["ben"], name=name, **at)[0])
        return told, values.tolist()

    told, suggested = column("suggested")
    _, agreement = column("agreement")
    called = {c["code"]: c["name"] for c in told["categories"]} | {NO_LABEL: None}
    for o in range(n):
        votes = [now[j] for j in near[o, :20].tolist()]
        counts = Counter(v for v in votes if v is not None)
        most = max(counts.values())
        assert called[suggested[o]] == next(v for v in votes if v is not None and counts[v] == most), o
        if now[o] is None:
            assert np.isnan(agreement[o])
        else:
            assert agreement[o] == pytest.approx(sum(v == now[o] for v in votes) / 20)
    data, _ = columns.mix_bytes(ws, who["ben"], **at)
    codes, counts = np.frombuffer(data, "<u2", 3 * n, 16).reshape(n, 3), np.frombuffer(data, "u1", 4 * n, 16 + 6 * n)
    for o in range(n):
        votes = [now[j] for j in near[o, :20].tolist() if now[j] is not None]
        wanted = sorted(Counter(votes).items(), key=lambda pair: (-pair[1], votes.index(pair[0])))[:3]
        got = [
            (known[c], k)
            for c, k in zip(codes[o].tolist(), counts.reshape(n, 4)[o, :3].tolist(), strict=True)
            if c != NO_LABEL
        ]
        assert got == wanted, o

    (_, confidence), (_, suspicion), (predicted_told, predicted) = map(column, ("confidence", "suspicion", "predicted"))
    said = {c["code"]: c["name"] for c in predicted_told["categories"]}
    of_row = {int(row): i for i, row in enumerate(rows)}
    for o in range(n):
        i = of_row.get(o)
        wanted = None
        if i is not None and now[o] in merged.values():
            wanted = sum(float(shares[i, c]) for c in range(3) if merged[c] == now[o])
        assert np.isnan(confidence[o]) if wanted is None else confidence[o] == pytest.approx(wanted, abs=1e-3), o
        if i is not None:
            assert said[predicted[o]] == merged[int(best[i])]
        if wanted is None:
            assert np.isnan(suspicion[o])
        else:
            doubt = 0.0 if merged[int(best[i])] == now[o] else 1 - wanted
            assert suspicion[o] == pytest.approx(doubt, abs=1e-3)

    moves = Counter(zip([f or "no label" for f in first], [x or "no label" for x in now], strict=True))
    assert {(m.before.name, m.after.name): m.patches for m in analytics.before_after(ws, who["ben"], **at)} == moves
    shares_of = {share.name: share for share in analytics.by_person(ws, who["rob"], **at)}
    for person in ("ben", "ada"):
        mine = [patches for by, patches in log if by == person]
        share = shares_of[f"lake-{person}"]
        extra = 1 if person == "ben" and 1 not in known else 0  # the merge
        assert share.batches == len(mine) + extra
        members = analytics.members_of_person(ws, who["rob"], person=who[person].user_id, **at)
        if not extra:
            assert share.patches == sum(map(len, mine))
            assert members.ordinals == tuple(sorted({o for patches in mine for o in patches}))


def columns_graph(features: FeatureSet) -> str:
    from eobench_dash.services.neighbours import graph_name

    return graph_name(features)


def labels_named(lakes: Lakes, name: str) -> bool:
    return any(label.name == name for label in labels.list_labels(lakes.ws, lakes.who["ben"], dataset_id=lakes.id))


def test_more_products_than_codes_leave_the_rest_without_one(lakes, monkeypatch) -> None:
    from eobench_dash.services import column_values

    days = ["20170613", "20170611", "20170612", "20170611"]
    with lakes.ws.db.write() as session:
        for o, day in enumerate(days):
            path = f"S2A_MSIL2A_{day}T101031_{o}.tif"
            session.execute(update(Patch).where(Patch.ordinal == o).values(path=path))
    monkeypatch.setattr(column_values, "NO_CATEGORY", 2)
    told, codes = unpack_column(
        columns.column_bytes(lakes.ws, lakes.who["rob"], dataset_id=lakes.id, name="product")[0]
    )
    assert [(c["name"][11:19], c["count"]) for c in told["categories"]] == [("20170611", 2), ("20170612", 1)]
    assert codes.tolist() == [2, 0, 1, 0] + [2] * 8


def test_reads_see_one_moment_and_writes_what_the_last_writer_left(workspace, lakes) -> None:
    """On PostgreSQL a write that waited for a lock must not look into its own past."""
    count = select(func.count()).select_from(SavedSelection)
    with workspace.db.read() as reader:
        assert reader.scalar(count) == 0
        with workspace.db.write() as writer:
            assert writer.scalar(count) == 0
        selections.save_selection(workspace, lakes.who["rob"], dataset_id=lakes.id, ordinals=[1])
        assert reader.scalar(count) == 0, "still the moment of its first query"
    if not workspace.db.is_sqlite:
        with workspace.db.write() as writer:
            assert writer.scalar(select(func.current_setting("transaction_isolation"))) == "read committed"
    with workspace.db.read() as reader:
        assert reader.scalar(count) == 1


def test_features_of_patches_still_being_imported_are_not_verified(rivers, run) -> None:
    """Whatever vectors there are, a verification is of the patches that people see."""
    from eobench_dash.services import verification

    ws, ben = rivers.ws, rivers.who["ben"]
    with ws.db.write() as session:
        session.get_one(Dataset, rivers.id).patch_count = 150
    job = run(verification.start_verification(ws, ben, dataset_id=rivers.id))
    assert job.state in ("done", "failed") and "unexpectedly" not in job.error, job.error
    assert job.state == "done", job.error
    _, confidence = unpack_column(columns.column_bytes(ws, ben, dataset_id=rivers.id, name="confidence")[0])
    assert len(confidence) == 150
