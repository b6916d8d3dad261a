"""Clusters as people use them: who may, what a split-off changes, what it leaves alone, how it is taken back."""

from dataclasses import asdict

import numpy as np
import pytest

from eobench_dash.db.models import Advice, ClusterSet, FeatureSet
from eobench_dash.domain.annotations import EventSource
from eobench_dash.domain.clusters import NO_CLUSTER, Cluster, MergeAdvice, Part, SplitAdvice, advice_to_plain
from eobench_dash.domain.people import ANONYMOUS
from eobench_dash.errors import BadInput, Conflict, NotAllowed, NotFound
from eobench_dash.services import advice, annotate, clusters, jobs, undo
from eobench_dash.services.labels import merge_labels
from eobench_dash.store.arrays import save_array

CODES = [0, 0, 1, 1, NO_CLUSTER, 0, 1, 1, 1, 1, NO_CLUSTER]  # patch 11 was appended later


def add_set(lakes, codes=CODES, *, label=None, key="k1", by="eva") -> int:
    """A cluster set of the lakes, as a job would have stored it."""
    codes = np.array(codes, np.uint16)
    save_array(lakes.ws.store.artefact_path(lakes.id, f"clusters-{key}", ".npy"), codes)
    found = [
        Cluster(
            c, f"Part · {c + 1}", "#3b7dd8", int((codes == c).sum()), tuple(np.flatnonzero(codes == c)[:2].tolist())
        )
        for c in range(2)
    ]
    with lakes.ws.db.write() as session:
        features = FeatureSet(dataset_id=lakes.id, kind=f"f-{key}", dim=3, rows=12, folder="f", fingerprint="f" * 64)
        session.add(features)
        session.flush()
        label_id = None
        if label is not None:
            from eobench_dash.services.vocabulary import find_label

            label_id = find_label(session, lakes.id, label).id
        row = ClusterSet(
            dataset_id=lakes.id, feature_set_id=features.id, label_id=label_id, method="gmm", key=key, rows=len(codes),
            artefact=f"clusters-{key}", clusters=[asdict(c) for c in found], quality={"silhouette": 0.4},
            created_by=lakes.who[by].user_id,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def test_everybody_who_sees_the_dataset_sees_its_clusters(lakes) -> None:
    made = add_set(lakes)
    rob = lakes.who["rob"]
    [listed] = clusters.list_cluster_sets(lakes.ws, rob, dataset_id=lakes.id)
    assert listed == clusters.get_cluster_set(lakes.ws, rob, dataset_id=lakes.id, cluster_set_id=made)
    assert [(c.name, c.size, c.typical) for c in listed.clusters] == [("Part · 1", 3, (0, 1)), ("Part · 2", 6, (2, 3))]
    assert (listed.rows, listed.noise, listed.created_by) == (11, 2, "lake-eva")
    assert listed.title == "2 clusters of all patches (Gaussian mixture)"
    where = {"dataset_id": lakes.id, "cluster_set_id": made}
    np.testing.assert_array_equal(clusters.cluster_codes(lakes.ws, rob, **where), [*CODES, NO_CLUSTER])
    assert clusters.cluster_members(lakes.ws, rob, **where, cluster=0).tolist() == [0, 1, 5]
    with pytest.raises(NotFound):
        clusters.list_cluster_sets(lakes.ws, ANONYMOUS, dataset_id=lakes.id)


@pytest.mark.parametrize("wrong", [0, -1, 99, 2**40])
def test_sets_and_clusters_that_are_not_there(lakes, wrong) -> None:
    made = add_set(lakes)
    with pytest.raises(NotFound):
        clusters.get_cluster_set(lakes.ws, lakes.who["eva"], dataset_id=lakes.id, cluster_set_id=wrong)
    with pytest.raises(NotFound):
        clusters.cluster_members(
            lakes.ws, lakes.who["eva"], dataset_id=lakes.id, cluster_set_id=made, cluster=wrong or 7
        )


def test_a_set_is_not_seen_through_another_dataset(lakes, make_lakes) -> None:
    made, other = add_set(lakes), make_lakes("Other")
    with pytest.raises(NotFound):
        clusters.cluster_codes(lakes.ws, lakes.who["ada"], dataset_id=other.id, cluster_set_id=made)


def test_a_split_off_is_one_batch_that_an_undo_takes_back(lakes) -> None:
    made, ben, before = add_set(lakes), lakes.who["ben"], lakes.labels()
    result = clusters.split_off(lakes.ws, ben, dataset_id=lakes.id, cluster_set_id=made, cluster=0, label_name="Pond")
    assert [lakes.labels()[o] for o in (0, 1, 5)] == ["Pond"] * 3
    assert [label for o, label in enumerate(lakes.labels()) if o not in (0, 1, 5)] == [
        label for o, label in enumerate(before) if o not in (0, 1, 5)
    ]
    assert result.summary == "3 patches River, Lake → Pond" and [o for o, _ in result.changes] == [0, 1, 5]
    lakes.check_in_step()
    entry = annotate.history(lakes.ws, ben, dataset_id=lakes.id, ordinal=0)[0]
    assert entry.source is EventSource.CLUSTERS and entry.why == "cluster Part · 1"
    annotate.undo(lakes.ws, ben, dataset_id=lakes.id)
    assert lakes.labels() == before
    lakes.check_in_step()


def test_of_a_groups_clusters_only_who_is_still_in_the_group_moves(lakes) -> None:
    made = add_set(lakes, [0, 0, 0, 1, 1], label="River")
    ben = lakes.who["ben"]
    annotate.relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[1], label="Sea")
    result = clusters.split_off(lakes.ws, ben, dataset_id=lakes.id, cluster_set_id=made, cluster=0, label_name="Creek")
    assert lakes.labels()[:5] == ["Creek", "Sea", "Creek", "River", "River"]
    assert result.summary == "2 patches River → Creek; 1 patch left the group before and stay"
    with pytest.raises(Conflict, match="in its group any more"):
        clusters.split_off(lakes.ws, ben, dataset_id=lakes.id, cluster_set_id=made, cluster=0, label_name="Brook")


def test_a_merged_group_is_followed_to_its_heir(lakes) -> None:
    made = add_set(lakes, [0, 0, 0, 1, 1], label="River")
    ben = lakes.who["ben"]
    merge_labels(lakes.ws, ben, dataset_id=lakes.id, source=0, target=1)
    clusters.split_off(lakes.ws, ben, dataset_id=lakes.id, cluster_set_id=made, cluster=1, label_name="Creek")
    assert lakes.labels()[:5] == ["Lake", "Lake", "Lake", "Creek", "Creek"]


def test_an_expert_splits_within_their_groups_only(lakes) -> None:
    made, eva = add_set(lakes), lakes.who["eva"]
    where = {"dataset_id": lakes.id, "cluster_set_id": made, "cluster": 0, "label_name": "Sea"}
    lakes.assign("eva", "River")
    with pytest.raises(NotAllowed, match="outside your groups"):
        clusters.split_off(lakes.ws, eva, **where)
    lakes.assign("eva", "Lake")
    assert len(clusters.split_off(lakes.ws, eva, **where).changes) == 3
    with pytest.raises(NotAllowed):
        clusters.split_off(lakes.ws, lakes.who["rob"], **where)


def test_what_somebody_else_changed_meanwhile_is_left_alone_and_told(lakes) -> None:
    made = add_set(lakes)
    seen = annotate.label_codes(lakes.ws, lakes.who["ben"], dataset_id=lakes.id)[1]
    annotate.relabel(lakes.ws, lakes.who["ada"], dataset_id=lakes.id, ordinals=[5], label="River")
    result = clusters.split_off(
        lakes.ws, lakes.who["ben"], dataset_id=lakes.id, cluster_set_id=made, cluster=0, label_name="Sea",
        seen_event=seen,
    )  # fmt: skip
    assert [(s.ordinal, s.by, s.label) for s in result.skipped] == [(5, "lake-ada", "River")]
    assert [lakes.labels()[o] for o in (0, 1, 5)] == ["Sea", "Sea", "River"]


def test_without_create_the_label_has_to_be_there(lakes) -> None:
    where = {"dataset_id": lakes.id, "cluster_set_id": add_set(lakes), "cluster": 0, "create": False}
    with pytest.raises(NotFound, match="no label 'Pond'"):
        clusters.split_off(lakes.ws, lakes.who["ben"], label_name="Pond", **where)


def test_clusters_are_renamed_by_experts_each_name_once(lakes) -> None:
    where = {"dataset_id": lakes.id, "cluster_set_id": add_set(lakes), "cluster": 1}
    named = clusters.rename_cluster(lakes.ws, lakes.who["eva"], name="  Deep   water ", **where)
    assert [c.name for c in named.clusters] == ["Part · 1", "Deep water"]
    with pytest.raises(Conflict):
        clusters.rename_cluster(lakes.ws, lakes.who["eva"], name="part · 1", **where)
    with pytest.raises(BadInput):
        clusters.rename_cluster(lakes.ws, lakes.who["eva"], name="\0", **where)
    with pytest.raises(NotAllowed):
        clusters.rename_cluster(lakes.ws, lakes.who["rob"], name="Mine", **where)


def test_who_asked_and_builders_remove_a_set(lakes) -> None:
    first, second = add_set(lakes), add_set(lakes, key="k2")
    with pytest.raises(NotAllowed):
        clusters.delete_cluster_set(lakes.ws, lakes.who["eli"], dataset_id=lakes.id, cluster_set_id=first)
    for who, made in (("eva", first), ("ben", second)):
        clusters.delete_cluster_set(lakes.ws, lakes.who[who], dataset_id=lakes.id, cluster_set_id=made)
    assert clusters.list_cluster_sets(lakes.ws, lakes.who["rob"], dataset_id=lakes.id) == []
    assert not lakes.ws.store.artefact_path(lakes.id, "clusters-k1", ".npy").exists()


def test_starting_is_for_experts_and_an_equal_request_waits_once(lakes) -> None:
    add_set(lakes)
    asked = {"dataset_id": lakes.id, "method": "kmeans", "k": 3, "label": "River"}
    first = clusters.start_clusters(lakes.ws, lakes.who["eva"], **asked)
    assert clusters.start_clusters(lakes.ws, lakes.who["eli"], **asked) == first
    assert jobs.get_job(lakes.ws, lakes.who["eva"], job_id=first).title == "k-means clusters of Lakes: River"
    with pytest.raises(NotAllowed):
        clusters.start_clusters(lakes.ws, lakes.who["rob"], **asked)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"method": "dbscan"}, "not known"),
        ({"k": 1}, "from 2 to 60"),
        ({"k": True}, "from 2 to 60"),
        ({"method": "hdbscan", "k": 3}, "itself"),
        ({"method": "kmeans", "min_size": 9}, "not a smallest size"),
        ({"method": "hdbscan", "min_size": 1}, "from 3 to"),
        ({"seed": -1}, "seed"),
        ({"feature": "none"}, "no features of kind"),
    ],
)
def test_requests_that_cannot_be_met(lakes, asked, sentence) -> None:
    add_set(lakes)
    with pytest.raises(BadInput, match=sentence):
        clusters.start_clusters(lakes.ws, lakes.who["eva"], dataset_id=lakes.id, **asked)


def test_advice_that_was_followed_is_marked_until_it_is_taken_back(lakes) -> None:
    """Rivers are patches 0 to 4: of its clusters, 0 and 1 are in the first, 2 and 3 in the second."""
    made = add_set(lakes, label="River")
    parts = tuple(Part(c, f"Part · {c + 1}", 2, ()) for c in range(2))
    split = SplitAdvice("River", 0, 5, True, 2, 1.0, 0.4, 1.0, 0.9, "why", parts, made)
    pair = MergeAdvice("Lake", "Sea", 1, 2, True, 0.5, 0.4, 0.6, 80, "why")
    plain = advice_to_plain((split,), (pair,), thresholds={}, notes=())
    with lakes.ws.db.write() as session:
        session.add(Advice(dataset_id=lakes.id, feature_set_id=1, last_event_id=0, result=plain))
    ben, where = lakes.who["ben"], {"dataset_id": lakes.id}

    def now() -> tuple[list[int | None], bool, bool]:
        told = advice.latest_advice(lakes.ws, ben, **where)
        return [part.left for part in told.splits[0].parts], told.splits[0].done, told.merges[0].done

    assert now() == ([2, 2], False, False)
    clusters.rename_cluster(lakes.ws, ben, **where, cluster_set_id=made, cluster=1, name="Narrow")
    annotate.relabel(lakes.ws, ben, **where, ordinals=[2], label="Sea")
    assert now() == ([2, 1], False, False)
    moved = clusters.split_off(lakes.ws, ben, **where, cluster_set_id=made, cluster=1, label_name="Creek")
    merged = merge_labels(lakes.ws, ben, **where, source=2, target=1)
    assert now() == ([2, 0], True, True)
    told = advice.latest_advice(lakes.ws, ben, **where)
    assert [part.name for part in told.splits[0].parts] == ["Part · 1", "Narrow"]
    for batch in (merged, moved):
        undo.undo(lakes.ws, ben, **where, batch_id=batch.batch_id)
    assert now() == ([2, 1], False, False)

    lakes.ws.store.artefact_path(lakes.id, "clusters-k1", ".npy").unlink()
    assert advice.latest_advice(lakes.ws, ben, **where).splits[0].cluster_set_id is None
    clusters.delete_cluster_set(lakes.ws, lakes.who["ada"], **where, cluster_set_id=made)
    told = advice.latest_advice(lakes.ws, ben, **where)
    assert told.splits[0].cluster_set_id is None and told.splits[0].parts[0].left is None and not told.splits[0].done


def test_advice_is_stale_once_labels_change(lakes) -> None:
    assert advice.latest_advice(lakes.ws, lakes.who["rob"], dataset_id=lakes.id) is None
    add_set(lakes)
    plain = {"splits": [], "merges": [], "thresholds": {}, "notes": ["one"]}
    with lakes.ws.db.write() as session:
        session.add(Advice(dataset_id=lakes.id, feature_set_id=1, last_event_id=0, result=plain))
    found = advice.latest_advice(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    assert (found.stale, found.notes, found.feature_kind) == (False, ("one",), "f-k1")
    annotate.relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label="Sea")
    assert advice.latest_advice(lakes.ws, lakes.who["rob"], dataset_id=lakes.id).stale
    with pytest.raises(NotAllowed):
        advice.start_advice(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
