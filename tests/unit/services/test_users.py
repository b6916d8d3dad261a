"""People and passwords: roles, the last admin, throttling, sessions of changed passwords. On both databases."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from eobench_dash.db.models import LoginAttempt, User, utc_now
from eobench_dash.domain.people import ANONYMOUS, Role
from eobench_dash.errors import BadInput, Conflict, NotAllowed, NotFound, NotLoggedIn, TooMany
from eobench_dash.services import users
from eobench_dash.services.workspace import Workspace

HERE = "203.0.113.7"


def stored(ws: Workspace, name: str) -> User:
    with ws.db.read() as session:
        return session.scalars(select(User).where(User.name == name)).one()


def let_time_pass(ws: Workspace, minutes: float) -> None:
    with ws.db.write() as session:
        for attempt in session.scalars(select(LoginAttempt)):
            attempt.at -= timedelta(minutes=minutes)


def try_wrong(ws: Workspace, name: str = "eva", address: str = HERE) -> None:
    with pytest.raises(NotLoggedIn):
        users.authenticate(ws, name=name, password="not the password", address=address)


def test_a_new_user_can_log_in_and_the_password_is_not_kept(workspace: Workspace, admin) -> None:
    added = users.add_user(workspace, admin, name=" Zoe ", password="four plain words here", role=Role.EXPERT)
    assert (added.name, added.role, added.disabled, added.last_login_at) == ("zoe", Role.EXPERT, False, None)
    hashed = stored(workspace, "zoe").password_hash
    assert hashed.startswith("scrypt:32768:8:3$")
    assert "four plain" not in hashed
    who = users.authenticate(workspace, name="ZOE ", password="four plain words here", address=HERE)
    assert (who.user_id, who.name, who.role) == (added.id, "zoe", Role.EXPERT)
    assert len(who.session_key) == 32
    assert stored(workspace, "zoe").last_login_at is not None


def test_names_and_passwords_that_will_not_do(workspace: Workspace, people) -> None:
    good = "long enough pw"
    for name, password in [("x", good), ("no spaces", good), ("zoe", "short"), ("z" * 12, "Z" * 12)]:
        with pytest.raises(BadInput):
            users.add_user(workspace, people.admin, name=name, password=password, role=Role.READER)
    with pytest.raises(Conflict, match="eva"):
        users.add_user(workspace, people.admin, name="EVA", password="long enough pw", role=Role.READER)


def test_only_admins_change_people(workspace: Workspace, people) -> None:
    for who, error in ((people.builder, NotAllowed), (people.reader, NotAllowed), (ANONYMOUS, NotLoggedIn)):
        for act in (
            lambda who: users.add_user(workspace, who, name="zoe", password="long enough pw", role=Role.READER),
            lambda who: users.set_password(workspace, who, name="eva", password="long enough pw"),
            lambda who: users.set_role(workspace, who, name="eva", role=Role.ADMIN),
            lambda who: users.disable_user(workspace, who, name="eva"),
            lambda who: users.enable_user(workspace, who, name="eva"),
        ):
            with pytest.raises(error):
                act(who)
    with pytest.raises(NotAllowed):
        users.list_users(workspace, people.expert)
    assert [user.name for user in users.list_users(workspace, people.builder)] == ["ada", "ben", "eva", "rob"]


def test_nobody_of_that_name(workspace: Workspace, people) -> None:
    with pytest.raises(NotFound, match="zoe"):
        users.set_role(workspace, people.admin, name="zoe", role=Role.ADMIN)


def test_the_last_admin_stays(workspace: Workspace, people) -> None:
    with pytest.raises(Conflict, match="last admin"):
        users.disable_user(workspace, people.admin, name="ada")
    with pytest.raises(Conflict, match="last admin"):
        users.set_role(workspace, people.admin, name="ada", role=Role.BUILDER)
    users.set_role(workspace, people.admin, name="ben", role=Role.ADMIN)
    users.disable_user(workspace, people.admin, name="ada")
    with pytest.raises(Conflict, match="last admin"):
        users.set_role(workspace, people.admin, name="ben", role=Role.EXPERT)
    users.set_role(workspace, people.admin, name="ben", role=Role.ADMIN)
    assert stored(workspace, "ben").role == "admin"


def test_two_admins_cannot_remove_each_other_at_once(workspace: Workspace, people) -> None:
    users.set_role(workspace, people.admin, name="ben", role=Role.ADMIN)
    refused = []

    def demote(name: str) -> None:
        try:
            users.set_role(workspace, people.admin, name=name, role=Role.READER)
        except Conflict:
            refused.append(name)

    threads = [threading.Thread(target=demote, args=(name,)) for name in ("ada", "ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    with workspace.db.read() as session:
        assert session.scalar(select(func.count()).where(User.role == "admin")) == 1


def test_wrong_name_wrong_password_and_disabled_look_the_same(workspace: Workspace, people) -> None:
    users.disable_user(workspace, people.admin, name="rob")
    said = set()
    tries = [("nobody", people.password), ("eva", "wrong"), ("rob", people.password), ("", ""), ("\x00", "\x00")]
    for name, password in tries:
        with pytest.raises(NotLoggedIn) as caught:
            users.authenticate(workspace, name=name, password=password, address=HERE)
        said.add(str(caught.value))
    assert said == {users.WRONG}
    users.enable_user(workspace, people.admin, name="rob")
    assert users.authenticate(workspace, name="rob", password=people.password, address=HERE).name == "rob"


def test_an_unknown_name_costs_a_hash_too(workspace: Workspace, people, monkeypatch) -> None:
    checked = []
    real = users.check_password_hash
    monkeypatch.setattr(users, "check_password_hash", lambda *a: checked.append(a[0]) or real(*a))
    try_wrong(workspace, "nobody")
    try_wrong(workspace, "eva")
    assert len(checked) == 2
    assert checked[0].split("$")[0].startswith("scrypt:")


def test_the_sixth_failure_of_a_name_is_not_even_looked_at(workspace: Workspace, people) -> None:
    for n in range(5):
        try_wrong(workspace, address=f"203.0.113.{n}")
    with pytest.raises(TooMany, match=r"Wait 15 minutes"):
        users.authenticate(workspace, name="EVA ", password=people.password, address="198.51.100.1")
    users.authenticate(workspace, name="ben", password=people.password, address=HERE)  # others are not concerned
    let_time_pass(workspace, 10)
    with pytest.raises(TooMany, match="Wait 5 minutes"):
        users.authenticate(workspace, name="eva", password=people.password, address=HERE)
    let_time_pass(workspace, 5.1)
    assert users.authenticate(workspace, name="eva", password=people.password, address=HERE).name == "eva"


def test_a_success_clears_the_names_failures(workspace: Workspace, people) -> None:
    for _ in range(3):
        for _ in range(4):
            try_wrong(workspace)
        users.authenticate(workspace, name="eva", password=people.password, address=HERE)


def test_an_address_has_twenty_tries_over_all_names(workspace: Workspace, people) -> None:
    for n in range(20):
        try_wrong(workspace, f"name-{n}")
    with pytest.raises(TooMany):
        users.authenticate(workspace, name="eva", password=people.password, address=HERE)
    assert users.authenticate(workspace, name="eva", password=people.password, address="198.51.100.1").name == "eva"


def test_an_ipv6_network_is_one_address(workspace: Workspace, people) -> None:
    for n in range(20):
        try_wrong(workspace, f"name-{n}", address=f"2001:db8:1:2::{n:x}")
    with pytest.raises(TooMany):
        users.authenticate(workspace, name="eva", password=people.password, address="2001:db8:1:2:ffff::1")
    users.authenticate(workspace, name="eva", password=people.password, address="2001:db8:1:3::1")


def test_many_at_once_do_not_pass_the_bound(workspace: Workspace, people) -> None:
    looked_at = []

    def guess(n: int) -> None:
        try:
            users.authenticate(workspace, name="eva", password=f"guess {n}", address=f"203.0.113.{n}")
        except NotLoggedIn:
            looked_at.append(n)
        except TooMany:
            pass

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(looked_at) == 5


def test_what_is_typed_as_a_name_is_not_kept(workspace: Workspace, people) -> None:
    try_wrong(workspace, "my secret password")
    with workspace.db.read() as session:
        assert not any("secret" in key for key in session.scalars(select(LoginAttempt.key)))


def test_old_failures_are_forgotten(workspace: Workspace, people) -> None:
    try_wrong(workspace)
    with workspace.db.write() as session:
        session.execute(update(LoginAttempt).values(at=utc_now() - timedelta(days=2)))
    try_wrong(workspace, "ben")
    with workspace.db.read() as session:
        assert session.scalar(select(func.count()).select_from(LoginAttempt)) == 2


def test_changing_ones_password_needs_the_current_one(workspace: Workspace, people) -> None:
    change = {"password": "another good one", "address": HERE}
    with pytest.raises(NotLoggedIn):
        users.change_password(workspace, people.expert, current="wrong", **change)
    with pytest.raises(BadInput):
        users.change_password(workspace, people.expert, current=people.password, password="short", address=HERE)
    with pytest.raises(NotLoggedIn):
        users.change_password(workspace, ANONYMOUS, current=people.password, **change)
    epoch = stored(workspace, "eva").session_epoch
    users.change_password(workspace, people.expert, current=people.password, **change)
    assert stored(workspace, "eva").session_epoch == epoch + 1
    users.authenticate(workspace, name="eva", password="another good one", address=HERE)
    try_wrong(workspace, "eva")


def test_an_admins_new_password_lets_a_locked_out_user_in_at_once(workspace: Workspace, people) -> None:
    for n in range(5):
        try_wrong(workspace, address=f"203.0.113.{n}")
    users.set_password(workspace, people.admin, name="eva", password="another good one")
    users.authenticate(workspace, name="eva", password="another good one", address=HERE)


def test_a_weaker_hash_is_renewed_at_the_next_log_in(workspace: Workspace, people, monkeypatch) -> None:
    monkeypatch.setattr(users, "HASH_METHOD", "scrypt:2048:8:1")
    users.authenticate(workspace, name="eva", password=people.password, address=HERE)
    assert stored(workspace, "eva").password_hash.startswith("scrypt:2048:8:1$")
    users.authenticate(workspace, name="eva", password=people.password, address=HERE)
