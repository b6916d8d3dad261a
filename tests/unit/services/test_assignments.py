"""Who is to clean what, and how far they are."""

import pytest

from eobench_dash.db.models import User
from eobench_dash.domain.people import ANONYMOUS
from eobench_dash.errors import BadInput, Conflict, NotAllowed, NotFound, NotLoggedIn
from eobench_dash.services.annotate import relabel, undo
from eobench_dash.services.assignments import assign, list_assignments, my_tasks, set_done, unassign


def test_assign_a_group_and_work_on_it(lakes):
    ben, eva = lakes.who["ben"], lakes.who["eva"]
    made = assign(lakes.ws, ben, user="Lake-Eva", dataset_id=lakes.id, label="River", note=" shores ")
    assert (made.user, made.label, made.patches, made.changed, made.note, made.done) == (
        "lake-eva", "River", 5, 0, "shores", False,
    )  # fmt: skip
    relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[0, 1], label="Sea")
    (task,) = my_tasks(lakes.ws, eva)
    assert (task.dataset, task.patches, task.changed) == ("Lakes", 3, 2)
    undo(lakes.ws, eva, dataset_id=lakes.id)
    (task,) = my_tasks(lakes.ws, eva)
    assert (task.patches, task.changed) == (5, 0)


def test_assign_a_whole_dataset(lakes):
    ben, eva = lakes.who["ben"], lakes.who["eva"]
    made = assign(lakes.ws, ben, user=eva.name, dataset_id=lakes.id)
    assert (made.label, made.label_code, made.patches) == (None, None, 12)
    relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[0, 5], label="Sea")
    relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[0], label="Lake")
    assert my_tasks(lakes.ws, eva)[0].changed == 2


@pytest.mark.parametrize("label", ["River", None])
def test_nothing_is_assigned_twice(lakes, label):
    ben, eva = lakes.who["ben"], lakes.who["eva"]
    assign(lakes.ws, ben, user=eva.name, dataset_id=lakes.id, label=label)
    with pytest.raises(Conflict, match="already"):
        assign(lakes.ws, ben, user=eva.name, dataset_id=lakes.id, label=label)
    assign(lakes.ws, ben, user="lake-eli", dataset_id=lakes.id, label=label)


def test_what_cannot_be_assigned(lakes):
    ben = lakes.who["ben"]
    with pytest.raises(NotFound, match="no user"):
        assign(lakes.ws, ben, user="nobody", dataset_id=lakes.id)
    with pytest.raises(NotFound, match="no label"):
        assign(lakes.ws, ben, user="lake-eva", dataset_id=lakes.id, label="Fjord")
    with pytest.raises(BadInput, match="reader"):
        assign(lakes.ws, ben, user="lake-rob", dataset_id=lakes.id)
    with pytest.raises(NotFound):
        assign(lakes.ws, ben, user="lake-eva", dataset_id=lakes.id + 1)
    with pytest.raises(BadInput, match="note"):
        assign(lakes.ws, ben, user="lake-eva", dataset_id=lakes.id, note="x" * 2001)
    with lakes.ws.db.write() as session:
        session.get_one(User, lakes.who["eva"].user_id).disabled = True
    with pytest.raises(NotFound, match="log in"):
        assign(lakes.ws, ben, user="lake-eva", dataset_id=lakes.id)


def test_only_builders_assign(lakes):
    made = assign(lakes.ws, lakes.who["ben"], user="lake-eva", dataset_id=lakes.id)
    with pytest.raises(NotAllowed):
        assign(lakes.ws, lakes.who["eva"], user="lake-eli", dataset_id=lakes.id)
    with pytest.raises(NotAllowed):
        unassign(lakes.ws, lakes.who["eva"], assignment_id=made.id)
    with pytest.raises(NotLoggedIn):
        assign(lakes.ws, ANONYMOUS, user="lake-eva", dataset_id=lakes.id)


def test_unassign_ends_the_right_to_relabel(lakes):
    ben, eva = lakes.who["ben"], lakes.who["eva"]
    made = assign(lakes.ws, ben, user=eva.name, dataset_id=lakes.id, label="River")
    unassign(lakes.ws, ben, assignment_id=made.id)
    with pytest.raises(NotAllowed):
        relabel(lakes.ws, eva, dataset_id=lakes.id, ordinals=[0], label="Sea")
    with pytest.raises(NotFound):
        unassign(lakes.ws, ben, assignment_id=made.id)


def test_done_is_said_by_whose_it_is_or_a_builder(lakes):
    ben, eva = lakes.who["ben"], lakes.who["eva"]
    made = assign(lakes.ws, ben, user=eva.name, dataset_id=lakes.id, label="River")
    other = assign(lakes.ws, ben, user=eva.name, dataset_id=lakes.id, label="Lake")
    assert set_done(lakes.ws, eva, assignment_id=other.id).done
    assert [t.id for t in my_tasks(lakes.ws, eva)] == [made.id, other.id], "unfinished first"
    assert not set_done(lakes.ws, ben, assignment_id=other.id, done=False).done
    with pytest.raises(NotAllowed):
        set_done(lakes.ws, lakes.who["eli"], assignment_id=made.id)
    with pytest.raises(NotFound):
        set_done(lakes.ws, eva, assignment_id=10_000)


def test_who_sees_what(lakes):
    ben, eva = lakes.who["ben"], lakes.who["eva"]
    assign(lakes.ws, ben, user=eva.name, dataset_id=lakes.id, label="River")
    assign(lakes.ws, ben, user="lake-eli", dataset_id=lakes.id)
    assert [t.user for t in list_assignments(lakes.ws, eva, dataset_id=lakes.id)] in (
        ["lake-eli", "lake-eva"], ["lake-eva", "lake-eli"],
    )  # fmt: skip
    with pytest.raises(NotAllowed):
        list_assignments(lakes.ws, lakes.who["rob"], dataset_id=lakes.id)
    assert my_tasks(lakes.ws, ANONYMOUS) == my_tasks(lakes.ws, ben) == []
