import pytest
from sqlalchemy import update

from eobench_dash.db.models import Dataset
from eobench_dash.domain.people import ANONYMOUS
from eobench_dash.errors import BadInput, Conflict, NotAllowed, NotFound, NotLoggedIn
from eobench_dash.services import datasets, embeddings, features, neighbours, patches, verification


def test_anonymous_people_see_public_datasets_where_that_is_switched_on(make_workspace, lakes, crew) -> None:
    private = make_workspace(public=False)
    with pytest.raises(NotLoggedIn):
        datasets.list_datasets(private, ANONYMOUS)
    open_ = make_workspace(public=True)
    assert datasets.list_datasets(open_, ANONYMOUS) == []
    with pytest.raises(NotFound):
        datasets.get_dataset(open_, ANONYMOUS, dataset_id=lakes.id)
    datasets.describe_dataset(open_, crew["ben"], dataset_id=lakes.id, public=True)
    assert [d.name for d in datasets.list_datasets(open_, ANONYMOUS)] == ["Lakes"]
    with pytest.raises(NotFound):
        datasets.get_dataset(private, ANONYMOUS, dataset_id=lakes.id)


READS = {
    "get": lambda ws, who, i: datasets.get_dataset(ws, who, dataset_id=i),
    "features": lambda ws, who, i: features.list_feature_sets(ws, who, dataset_id=i),
    "embeddings": lambda ws, who, i: embeddings.list_embeddings(ws, who, dataset_id=i),
    "wire": lambda ws, who, i: embeddings.embedding_wire(ws, who, dataset_id=i, embedding_id=1),
    "patch": lambda ws, who, i: patches.patch_info(ws, who, dataset_id=i, ordinal=0),
    "image": lambda ws, who, i: patches.patch_image(ws, who, dataset_id=i, ordinal=0),
    "find": lambda ws, who, i: patches.find_patch(ws, who, dataset_id=i, query="0"),
    "neighbours": lambda ws, who, i: neighbours.neighbours(ws, who, dataset_id=i, ordinal=0),
    "verification": lambda ws, who, i: verification.latest_verification(ws, who, dataset_id=i),
}


@pytest.mark.parametrize("state", ["importing", "deleting"])
@pytest.mark.parametrize("read", READS)
def test_a_dataset_that_is_not_ready_is_seen_by_nobody(workspace, lakes, crew, read, state) -> None:
    with workspace.db.write() as session:
        session.execute(update(Dataset).values(state=state))
    with pytest.raises(NotFound, match="no dataset"):
        READS[read](workspace, crew["ada"], lakes.id)


@pytest.mark.parametrize("read", READS)
def test_every_read_checks_the_dataset(make_workspace, lakes, read) -> None:
    with pytest.raises(NotFound, match="no dataset"):
        READS[read](make_workspace(public=True), ANONYMOUS, lakes.id)


def test_renaming(workspace, make_lakes, crew) -> None:
    lakes, other = make_lakes("Lakes"), make_lakes("Other")
    assert (
        datasets.rename_dataset(workspace, crew["ben"], dataset_id=lakes.id, name="  Great   lakes ").name
        == "Great lakes"
    )
    with pytest.raises(Conflict, match="already a dataset"):
        datasets.rename_dataset(workspace, crew["ben"], dataset_id=other.id, name="Great lakes")
    with pytest.raises(NotAllowed):
        datasets.rename_dataset(workspace, crew["eva"], dataset_id=lakes.id, name="Mine")
    for bad in ("", "a/b", "x" * 81, "a\x00b"):
        with pytest.raises(BadInput):
            datasets.rename_dataset(workspace, crew["ben"], dataset_id=lakes.id, name=bad)
    assert datasets.find_dataset(workspace, crew["rob"], name="great LAKES").id == lakes.id
    with pytest.raises(NotFound, match="'Great lakes', 'Other'"):
        datasets.find_dataset(workspace, crew["rob"], name="Lakes")


def test_the_summary_counts_what_changed(workspace, lakes, crew) -> None:
    from eobench_dash.services.annotate import relabel

    before = datasets.get_dataset(workspace, crew["rob"], dataset_id=lakes.id)
    assert (before.patch_count, before.labelled_count, before.label_count, before.changed_count) == (12, 11, 3, 0)
    relabel(workspace, crew["ben"], dataset_id=lakes.id, ordinals=[0, 1, 11], label="Sea")
    relabel(workspace, crew["ben"], dataset_id=lakes.id, ordinals=[5], label=None)
    after = datasets.get_dataset(workspace, crew["rob"], dataset_id=lakes.id)
    assert (after.labelled_count, after.changed_count) == (11, 4)
    assert "cleaned" in after.steps and "cleaned" not in before.steps
