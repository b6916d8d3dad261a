"""The jobs behind clusters and advice, from a request to what people see, on vectors whose structure is known."""

import numpy as np
import pytest
from lakes import add_crew
from sqlalchemy import select
from structured import add_structured, blobs

from eobench_dash.db.models import ClusterSet
from eobench_dash.domain.clusters import NO_CLUSTER
from eobench_dash.services import advice, annotate, clusters


@pytest.fixture
def rivers(workspace):
    """220 patches: Rivers of two kinds (0-79, 80-139), and 80 that are Lake or Sea by a coin."""
    x, truth = blobs((80, 60, 80))
    label_of = np.where(truth == 2, np.random.default_rng(0).integers(1, 3, len(truth)), 0)
    return add_structured(workspace, add_crew(workspace), x=x, label_of=label_of)


def test_clusters_of_all_patches_and_of_a_group(rivers, run) -> None:
    ws, eva = rivers.ws, rivers.who["eva"]
    where = {"dataset_id": rivers.id}
    job = run(clusters.start_clusters(ws, eva, k=3, **where))
    assert job.state == "done", job.error
    whole = clusters.get_cluster_set(ws, eva, cluster_set_id=job.result["cluster_set_id"], **where)
    assert [c.size for c in whole.clusters] == [80, 80, 60] and whole.rows == 220 and whole.noise == 0
    assert {c.name for c in whole.clusters if c.label == "River"} == {"River · 1", "River · 2"}
    assert whole.quality["stability"] > 0.9 and whole.created_by == "lake-eva"

    job = run(clusters.start_clusters(ws, eva, label="River", **where))
    group = clusters.get_cluster_set(ws, eva, cluster_set_id=job.result["cluster_set_id"], **where)
    assert [(c.name, c.size) for c in group.clusters] == [("River · 1", 80), ("River · 2", 60)]
    assert min(group.quality["curve"], key=lambda point: point[1])[0] == 2
    codes = clusters.cluster_codes(ws, eva, cluster_set_id=group.id, **where)
    assert (codes[:80] == 0).all() and (codes[80:140] == 1).all() and (codes[140:] == NO_CLUSTER).all()
    assert set(group.clusters[1].typical) <= set(range(80, 140))

    named = clusters.rename_cluster(ws, eva, cluster_set_id=group.id, cluster=0, name="Wide", **where)
    again = run(clusters.start_clusters(ws, eva, label="River", **where))
    assert again.result["cluster_set_id"] == group.id
    assert clusters.get_cluster_set(ws, eva, cluster_set_id=group.id, **where) == named


def test_a_group_too_small_fails_with_its_name(rivers, run) -> None:
    annotate.relabel(rivers.ws, rivers.who["ben"], dataset_id=rivers.id, ordinals=[0, 1], label="Creek", create=True)
    job = run(clusters.start_clusters(rivers.ws, rivers.who["ben"], dataset_id=rivers.id, label="Creek"))
    assert job.state == "failed" and job.error.startswith("Creek: Clusters need at least 20 patches")


def test_advice_finds_the_two_rivers_and_the_label_by_a_coin(rivers, run) -> None:
    ws, ben = rivers.ws, rivers.who["ben"]
    job = run(advice.start_advice(ws, ben, dataset_id=rivers.id))
    assert job.state == "done", job.error
    found = advice.latest_advice(ws, rivers.who["rob"], dataset_id=rivers.id)
    assert found.id == job.result["advice_id"] and not found.stale
    split = found.splits[0]
    assert (split.label, split.advised, split.k, [p.size for p in split.parts]) == ("River", True, 2, [80, 60])
    assert len({part.name for part in split.parts}) == 2
    assert [{m.first, m.second} for m in found.merges if m.advised] == [{"Lake", "Sea"}]
    assert "2 labels have fewer than 60 patches" in found.notes[0]

    made = clusters.get_cluster_set(ws, ben, dataset_id=rivers.id, cluster_set_id=split.cluster_set_id)
    assert made.advised and [c.name for c in made.clusters] == [part.name for part in split.parts]
    clusters.split_off(
        ws, ben, dataset_id=rivers.id, cluster_set_id=made.id, cluster=split.parts[1].index, label_name="Creek"
    )
    assert rivers.labels()[:140] == ["River"] * 80 + ["Creek"] * 60


def test_asking_again_gives_the_same_clusters_and_keeps_their_names(rivers, run) -> None:
    ws, ben = rivers.ws, rivers.who["ben"]
    run(advice.start_advice(ws, ben, dataset_id=rivers.id))
    made = advice.latest_advice(ws, ben, dataset_id=rivers.id).splits[0].cluster_set_id
    clusters.rename_cluster(ws, ben, dataset_id=rivers.id, cluster_set_id=made, cluster=0, name="Wide")
    run(advice.start_advice(ws, ben, dataset_id=rivers.id))
    split = advice.latest_advice(ws, ben, dataset_id=rivers.id).splits[0]
    assert split.cluster_set_id == made and split.parts[0].name == "Wide"
    with ws.db.read() as session:
        assert len(list(session.scalars(select(ClusterSet)))) == 1


def test_excluded_patches_and_few_are_not_advised_on(rivers, run) -> None:
    ws, ben = rivers.ws, rivers.who["ben"]
    annotate.mark(ws, ben, dataset_id=rivers.id, ordinals=list(range(100)), excluded=True)
    job = run(advice.start_advice(ws, ben, dataset_id=rivers.id))
    assert job.state == "failed" and "at least 60 patches" in job.error
