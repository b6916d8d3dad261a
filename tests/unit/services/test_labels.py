"""The labels of a dataset: their names, codes, colours, merges, and which are suggested."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash.db.models import Dataset, Label, Patch
from eobench_dash.domain.labels import LabelInfo
from eobench_dash.errors import BadInput, Conflict, NotAllowed, NotFound
from eobench_dash.services import vocabulary
from eobench_dash.services.annotate import relabel, undo
from eobench_dash.services.labels import (
    create_label,
    describe_label,
    list_labels,
    merge_labels,
    rank_labels,
    recolour_label,
    rename_label,
    suggest_labels,
)


def names(lakes) -> dict[str, int]:
    return {info.name: info.count for info in list_labels(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)}


def test_labels_with_counts(lakes):
    listed = list_labels(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    assert [(i.code, i.name, i.count) for i in listed] == [(0, "River", 5), (1, "Lake", 4), (2, "Sea", 2)]
    relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0, 11], label="Sea")
    assert names(lakes) == {"River": 4, "Lake": 4, "Sea": 4}


def test_patches_still_being_imported_do_not_count(lakes):
    with lakes.ws.db.write() as session:
        river = session.query(Label).filter_by(dataset_id=lakes.id, name="River").one()
        session.add(Patch(dataset_id=lakes.id, ordinal=12, path="new.jpg", label_id=river.id))
    assert names(lakes)["River"] == 5


def test_a_label_is_created_under_the_next_code(lakes):
    revision = lakes.dataset().labels_revision
    made = create_label(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, name="  Salt  marsh ", color="#AABBCC")
    assert (made.code, made.name, made.color, made.count) == (3, "Salt marsh", "#aabbcc", 0)
    assert lakes.dataset().labels_revision == revision + 1


@pytest.mark.parametrize("taken", ["River", "rIVER", " river "])
def test_a_name_in_use_is_refused_whatever_its_case(lakes, taken):
    with pytest.raises(Conflict, match="already a label River"):
        create_label(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, name=taken)
    with pytest.raises(Conflict, match="Merge Lake into it"):
        rename_label(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, code=1, name=taken)


def test_case_is_folded_as_people_do_not_as_ascii(lakes):
    create_label(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, name="ÉTANG")
    with pytest.raises(Conflict):
        create_label(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, name="étang")


@pytest.mark.parametrize("wrong", ["", "   ", "x" * 121, "a\x00b", "a\x1bb"])
def test_names_that_cannot_be_used(lakes, wrong):
    with pytest.raises(BadInput):
        create_label(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, name=wrong)


def test_rename_recolour_describe(lakes):
    ben, revision = lakes.who["ben"], lakes.dataset().labels_revision
    assert rename_label(lakes.ws, ben, dataset_id=lakes.id, code=0, name="RIVER").name == "RIVER"
    assert recolour_label(lakes.ws, ben, dataset_id=lakes.id, code=0, color="#010203").color == "#010203"
    assert describe_label(lakes.ws, ben, dataset_id=lakes.id, code=0, description=" flows ").description == "flows"
    assert lakes.dataset().labels_revision == revision + 3
    with pytest.raises(BadInput):
        recolour_label(lakes.ws, ben, dataset_id=lakes.id, code=0, color="red; url(x)")
    with pytest.raises(BadInput):
        describe_label(lakes.ws, ben, dataset_id=lakes.id, code=0, description="x" * 2001)
    with pytest.raises(NotFound):
        rename_label(lakes.ws, ben, dataset_id=lakes.id, code=9, name="Pond")
    assert lakes.dataset().labels_revision == revision + 3


def test_an_expert_of_one_group_makes_labels_but_does_not_change_them(lakes):
    eva = lakes.who["eva"]
    with pytest.raises(NotAllowed):
        create_label(lakes.ws, eva, dataset_id=lakes.id, name="Pond")
    lakes.assign("eva", "River")
    create_label(lakes.ws, eva, dataset_id=lakes.id, name="Pond")
    for refused in (
        lambda: rename_label(lakes.ws, eva, dataset_id=lakes.id, code=0, name="Stream"),
        lambda: merge_labels(lakes.ws, eva, dataset_id=lakes.id, source=0, target=1),
    ):
        with pytest.raises(NotAllowed):
            refused()
    lakes.assign("eva", None)
    rename_label(lakes.ws, eva, dataset_id=lakes.id, code=0, name="Stream")


def test_merge_moves_the_patches_and_undo_brings_the_label_back(lakes):
    ben = lakes.who["ben"]
    result = merge_labels(lakes.ws, ben, dataset_id=lakes.id, source=0, target=2, why="the same water")
    assert result.summary == "5 patches River → Sea"
    assert result.changes == tuple((o, 2) for o in range(5))
    assert names(lakes) == {"Lake": 4, "Sea": 7}
    lakes.check_in_step()
    with pytest.raises(NotFound, match="River was merged into Sea"):
        relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[5], label="River")
    relabel(lakes.ws, lakes.who["ada"], dataset_id=lakes.id, ordinals=[0], label="Lake")
    revision = lakes.dataset().labels_revision
    taken_back = undo(lakes.ws, ben, dataset_id=lakes.id)
    assert [s.ordinal for s in taken_back.skipped] == [0]
    assert names(lakes) == {"River": 4, "Lake": 5, "Sea": 2}
    assert lakes.dataset().labels_revision == revision + 1
    lakes.check_in_step()


def test_a_label_cannot_be_merged_into_itself_or_a_merged_one(lakes):
    ben = lakes.who["ben"]
    with pytest.raises(BadInput):
        merge_labels(lakes.ws, ben, dataset_id=lakes.id, source=0, target=0)
    merge_labels(lakes.ws, ben, dataset_id=lakes.id, source=0, target=2)
    for source, target in ((1, 0), (0, 1)):
        with pytest.raises(NotFound, match="merged"):
            merge_labels(lakes.ws, ben, dataset_id=lakes.id, source=source, target=target)


def test_an_undo_goes_to_the_heir_of_a_label_merged_since(lakes):
    ben, ada = lakes.who["ben"], lakes.who["ada"]
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0], label="Sea")
    merge_labels(lakes.ws, ada, dataset_id=lakes.id, source=0, target=1)
    assert undo(lakes.ws, ben, dataset_id=lakes.id).changes == ((0, 1),)
    assert lakes.labels()[0] == "Lake"
    lakes.check_in_step()


def test_a_merged_name_comes_back_into_use_with_its_code(lakes):
    ben = lakes.who["ben"]
    merge_labels(lakes.ws, ben, dataset_id=lakes.id, source=0, target=2)
    with pytest.raises(Conflict, match="name of a merged label"):
        rename_label(lakes.ws, ben, dataset_id=lakes.id, code=1, name="River")
    assert create_label(lakes.ws, ben, dataset_id=lakes.id, name="river").code == 0
    assert names(lakes) == {"river": 0, "Lake": 4, "Sea": 7}


def test_an_empty_label_is_merged_without_a_batch(lakes):
    ben = lakes.who["ben"]
    create_label(lakes.ws, ben, dataset_id=lakes.id, name="Pond")
    result = merge_labels(lakes.ws, ben, dataset_id=lakes.id, source=3, target=0)
    assert result.batch_id is None and "held no patches" in result.summary
    assert "Pond" not in names(lakes)


def test_there_is_a_most_of_labels(lakes, monkeypatch):
    monkeypatch.setattr(vocabulary, "MAX_LABELS", 3)
    with pytest.raises(BadInput, match="at most 3 labels"):
        create_label(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, name="Pond")


def test_several_thousand_labels(lakes):
    with lakes.ws.db.write() as session:
        session.add_all(
            Label(dataset_id=lakes.id, code=code, name=f"Class {code}", color="#000000") for code in range(3, 5000)
        )
    assert len(list_labels(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)) == 5000
    result = relabel(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, ordinals=[0], label="class 4999")
    assert result.changes == ((0, 4999),)


def test_other_datasets_are_left_alone(lakes, make_lakes):
    other = make_lakes("Other")
    merge_labels(lakes.ws, lakes.who["ben"], dataset_id=lakes.id, source=0, target=2)
    assert names(other) == {"River": 5, "Lake": 4, "Sea": 2}
    with lakes.ws.db.read() as session:
        assert session.get_one(Dataset, other.id).labels_revision == 0


# Suggestions

RIVER, LAKE, SEA = (LabelInfo(0, "River", "#000000", count=5), LabelInfo(1, "Lake", "#000000", count=4),
                    LabelInfo(2, "Sea", "#000000", count=2))  # fmt: skip


def test_neighbours_outvote_habits_and_habits_outvote_sizes():
    ranked = rank_labels([RIVER, LAKE, SEA], current={0: 1}, votes={2: 15, 0: 5}, flows={(0, 1): 300})
    assert [(s.name, s.why) for s in ranked] == [
        ("Sea", "15 of 20 neighbours"),
        ("Lake", "300 patches like these went there lately"),
    ]
    ranked = rank_labels([RIVER, LAKE, SEA], current={0: 1}, votes={}, flows={(1, 2): 1})
    assert [(s.name, s.why) for s in ranked] == [("Sea", "assigned lately"), ("Lake", "")]
    assert [s.name for s in rank_labels([SEA, LAKE, RIVER], current={}, votes={}, flows={})] == ["River", "Lake", "Sea"]


@given(
    current=st.dictionaries(st.integers(0, 3), st.integers(1, 9)),
    votes=st.dictionaries(st.integers(0, 3), st.integers(1, 9)),
    flows=st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.integers(1, 9)),
)
def test_every_label_is_suggested_once_but_the_one_they_all_carry(current, votes, flows):
    ranked = [s.code for s in rank_labels([RIVER, LAKE, SEA], current=current, votes=votes, flows=flows)]
    left_out = set(current) if len(current) == 1 else set()
    assert Counter(ranked) == Counter({0, 1, 2} - left_out)


def test_suggestions_follow_what_was_done_lately(lakes):
    ben = lakes.who["ben"]
    relabel(lakes.ws, ben, dataset_id=lakes.id, ordinals=[0, 1], label="Sea")
    first, *_ = suggest_labels(lakes.ws, ben, dataset_id=lakes.id, ordinals=[2])
    assert (first.name, first.why) == ("Sea", "2 patches like these went there lately")
    first, *_ = suggest_labels(lakes.ws, ben, dataset_id=lakes.id, ordinals=[2], neighbour_codes=[1, 1, 1, 0])
    assert (first.name, first.why) == ("Lake", "3 of 4 neighbours")
    assert len(suggest_labels(lakes.ws, ben, dataset_id=lakes.id, ordinals=[2, 5], limit=2)) == 2
