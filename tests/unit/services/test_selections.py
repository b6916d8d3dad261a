"""Saved selections: packing without loss, equal selections share an id, nobody reaches what is not theirs to see."""

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sqlalchemy import delete, select, update

from eobench_dash import auth
from eobench_dash.db.models import Dataset, SavedSelection
from eobench_dash.domain import selections as domain
from eobench_dash.domain.people import ANONYMOUS
from eobench_dash.errors import BadInput, Conflict, NotFound, NotLoggedIn
from eobench_dash.routes import selections as routes
from eobench_dash.services import selections

NUMBERS = st.sets(st.integers(0, 2**32 - 1), min_size=1, max_size=300)


@given(NUMBERS)
def test_what_is_packed_comes_out_again(numbers) -> None:
    ordinals = np.array(sorted(numbers), dtype=np.uint32)
    packed = domain.pack_ordinals(ordinals)
    assert domain.unpack_ordinals(packed).tolist() == sorted(numbers)
    other = np.array(sorted(numbers ^ {7}), dtype=np.uint32)
    if len(other):
        assert domain.selection_fingerprint(other) != domain.selection_fingerprint(ordinals)


@given(st.one_of(st.binary(max_size=200), arrays("<u4", st.integers(0, 20)).map(lambda a: zlib.compress(a.tobytes()))))
def test_bytes_that_are_no_selection_are_refused_or_ascend(raw) -> None:
    try:
        out = domain.unpack_ordinals(raw)
    except BadInput:
        return
    assert len(out) and (np.diff(out.astype(np.int64)) > 0).all()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        zlib.compress(b""),
        zlib.compress(b"abc"),
        zlib.compress(np.array([5, 0], dtype="<u4").tobytes()),  # the same patch twice
        zlib.compress(np.array([2**32 - 1, 1], dtype="<u4").tobytes()),  # beyond what a number can be
        zlib.compress(bytes(4))[:-1],
        zlib.compress(bytes(4)) + b"x",
        zlib.compress(b"\1" * (4 * domain.MAX_SELECTED + 4)),  # a bomb is not blown up
    ],
)
def test_broken_bytes_are_refused(raw) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        domain.unpack_ordinals(raw)


def test_a_million_neighbouring_patches_take_little_room() -> None:
    all_of_them = np.arange(domain.MAX_SELECTED, dtype=np.uint32)
    packed = domain.pack_ordinals(all_of_them)
    assert len(packed) < 20_000
    assert np.array_equal(domain.unpack_ordinals(packed), all_of_them)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ([], "Select some patches first"),
        ([0, -1], "no patch -1"),
        ([0, 12], "no patch 12: this dataset's patches are 0 to 11"),
        ([2**70], "list of patch numbers"),
        (range(domain.MAX_SELECTED + 1), "1,000,001 patches are too many"),
    ],
)
def test_numbers_that_are_no_patches(bad, words) -> None:
    with pytest.raises(BadInput, match=words):
        domain.check_ordinals(bad, patch_count=12)


# -- service -----------------------------------------------------------------------------------------------------------
def test_equal_selections_have_one_id(workspace, lakes, make_lakes) -> None:
    rob, eva = lakes.who["rob"], lakes.who["eva"]
    first = selections.save_selection(workspace, rob, dataset_id=lakes.id, ordinals=[5, 1, 3, 3])
    assert selections.save_selection(workspace, eva, dataset_id=lakes.id, ordinals=[1, 3, 5]) == first
    assert selections.save_selection(workspace, rob, dataset_id=lakes.id, ordinals=[1, 3]) != first
    assert selections.open_selection(workspace, eva, dataset_id=lakes.id, selection_id=first).tolist() == [1, 3, 5]
    other = make_lakes("Other")
    assert selections.save_selection(workspace, rob, dataset_id=other.id, ordinals=[1, 3, 5]) != first
    with pytest.raises(NotFound, match="not known"):
        selections.open_selection(workspace, rob, dataset_id=other.id, selection_id=first)
    for nonsense in (0, -1, 2**63, 999):
        with pytest.raises(NotFound):
            selections.open_selection(workspace, rob, dataset_id=lakes.id, selection_id=nonsense)


def test_patches_that_are_gone_are_left_out(workspace, lakes) -> None:
    saved = selections.save_selection(workspace, lakes.who["rob"], dataset_id=lakes.id, ordinals=[1, 11])
    with workspace.db.write() as session:
        session.execute(update(Dataset).where(Dataset.id == lakes.id).values(patch_count=11))
    found = selections.open_selection(workspace, lakes.who["rob"], dataset_id=lakes.id, selection_id=saved)
    assert found.tolist() == [1]


def test_readers_without_account_open_and_do_not_save(make_workspace, lakes) -> None:
    saved = selections.save_selection(lakes.ws, lakes.who["rob"], dataset_id=lakes.id, ordinals=[1])
    open_ = make_workspace(public=True)
    with pytest.raises(NotFound, match="no dataset"):
        selections.open_selection(open_, ANONYMOUS, dataset_id=lakes.id, selection_id=saved)
    with lakes.ws.db.write() as session:
        session.execute(update(Dataset).where(Dataset.id == lakes.id).values(public=True))
    assert selections.open_selection(open_, ANONYMOUS, dataset_id=lakes.id, selection_id=saved).tolist() == [1]
    with pytest.raises(NotLoggedIn, match="save a selection"):
        selections.save_selection(open_, ANONYMOUS, dataset_id=lakes.id, ordinals=[1])


def test_nobody_fills_the_disk_with_links(workspace, lakes, monkeypatch) -> None:
    monkeypatch.setattr(selections, "MAX_KEPT", 2)
    save = lambda who, *ordinals: selections.save_selection(  # noqa: E731
        workspace, lakes.who[who], dataset_id=lakes.id, ordinals=ordinals
    )
    first, _ = save("rob", 1), save("rob", 2)
    with pytest.raises(Conflict, match="You have saved 2 selections"):
        save("rob", 3)
    assert save("rob", 1) == first and save("eva", 3) > first


# -- route -------------------------------------------------------------------------------------------------------------
def test_the_route_saves_and_opens(workspace, lakes) -> None:
    from flask import Flask

    server = Flask("eobench_dash", static_folder=None)
    server.extensions["eobench"] = workspace
    auth.install(server, settings=workspace.settings, db=workspace.db)
    server.register_blueprint(routes.blueprint)
    for error in (BadInput, NotFound, NotLoggedIn):
        server.register_error_handler(error, lambda e: ({"error": str(e)}, e.http_status))
    client = server.test_client()
    url = f"/api/datasets/{lakes.id}/selections"
    origin = {"Origin": "http://localhost"}
    assert client.post(url, json={"ordinals": [1]}, headers=origin).status_code == 401
    with client.session_transaction() as session:
        session.update({"_user_id": f"{lakes.who['rob'].user_id}:0", "_fresh": True, "key": "k"})
    saved = client.post(url, json={"ordinals": [9, 2]}, headers=origin).get_json()
    assert client.get(f"{url}/{saved['id']}").get_json() == {"ordinals": [2, 9]}
    assert client.post(url, json={"ordinals": [9, 2]}, headers=origin).get_json() == saved
    assert client.get(f"{url}/999").status_code == 404
    for bad in ({}, {"ordinals": []}, {"ordinals": ["1"]}, {"ordinals": [True]}, {"ordinals": [1], "more": 1}):
        answer = client.post(url, json=bad, headers=origin)
        assert answer.status_code == 400 and answer.get_json()["error"], bad
    assert client.post(url, json={"ordinals": [1]}, headers={"Origin": "http://elsewhere.test"}).status_code == 403
    with workspace.db.write() as session:
        assert len(list(session.scalars(select(SavedSelection)))) == 1
        session.execute(delete(SavedSelection))
