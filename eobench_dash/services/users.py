"""People: add, list, change, let in, keep out. Passwords are kept as scrypt hashes; failed log-ins are throttled."""

import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash, generate_password_hash

from eobench_dash.db.models import LoginAttempt, User, utc_now
from eobench_dash.db.queries import logins as queries
from eobench_dash.domain.people import Principal, Role, clean_password, clean_user_name, require
from eobench_dash.errors import BadInput, Conflict, NotAllowed, NotFound, NotLoggedIn, TooMany
from eobench_dash.services.workspace import Workspace

HASH_METHOD = "scrypt:32768:8:3"
"""N = 2^15, r = 8, p = 3: one of the equal settings of OWASP's Password Storage Cheat Sheet; needs 32 MiB."""
WINDOW = timedelta(minutes=15)
PER_NAME, PER_ADDRESS = 5, 20
WRONG = "The name or the password is wrong."
LAST_ADMIN = "{name} is the last admin who can log in; make somebody else an admin first."


@dataclass(frozen=True)
class UserInfo:
    """One user as an admin sees them."""

    id: int
    name: str
    role: Role
    disabled: bool
    created_at: datetime
    last_login_at: datetime | None


def add_user(ws: Workspace, who: Principal, *, name: str, password: str, role: Role) -> UserInfo:
    """Add a user. Conflict where the name is taken, BadInput for a name or password that will not do."""
    require(who, Role.ADMIN, what="add users")
    cleaned = clean_user_name(name)
    user = User(name=cleaned, password_hash=_hash(clean_password(password, name=cleaned)), role=role.value)
    try:
        with ws.db.write() as session:
            session.add(user)
            session.flush()
            return _info(user)
    except IntegrityError as error:
        raise Conflict(f"There is already a user called {cleaned}; choose another name.") from error


def list_users(ws: Workspace, who: Principal) -> list[UserInfo]:
    """Everybody, by name. For builders too: they assign work."""
    require(who, Role.BUILDER, what="see the users")
    with ws.db.read() as session:
        return [_info(user) for user in session.scalars(select(User).order_by(User.name))]


def set_password(ws: Workspace, who: Principal, *, name: str, password: str) -> UserInfo:
    """Give somebody a new password, as an admin; their log-ins end."""
    require(who, Role.ADMIN, what="set passwords")
    hashed = _hash(clean_password(password, name=name))
    with ws.db.write() as session:
        user = _named(session, name)
        user.password_hash = hashed
        user.session_epoch += 1
        session.execute(delete(LoginAttempt).where(LoginAttempt.key == _name_key(user.name)))
        return _info(user)


def change_password(ws: Workspace, who: Principal, *, current: str, password: str, address: str) -> UserInfo:
    """Change one's own password; every log-in of oneself ends, this one too. NotAllowed where ``current`` is wrong."""
    require(who, Role.READER, what="change your password")
    wanted = clean_password(password, name=who.name)
    if authenticate(ws, name=who.name, password=current, address=address).user_id != who.user_id:
        raise NotAllowed("You are somebody else by now; log in again.")
    hashed = _hash(wanted)
    with ws.db.write() as session:
        user = _named(session, who.name)
        user.password_hash = hashed
        user.session_epoch += 1
        return _info(user)


def set_role(ws: Workspace, who: Principal, *, name: str, role: Role) -> UserInfo:
    """Let somebody do more, or less. Conflict for the last admin."""
    require(who, Role.ADMIN, what="change roles")
    with ws.db.write() as session:
        admins = _admins(session)
        user = _named(session, name)
        if role is not Role.ADMIN:
            _keep_an_admin(admins, user)
        user.role = role.value
        return _info(user)


def disable_user(ws: Workspace, who: Principal, *, name: str) -> UserInfo:
    """Keep somebody out; their log-ins end. What they did stays. Conflict for the last admin."""
    require(who, Role.ADMIN, what="disable users")
    with ws.db.write() as session:
        admins = _admins(session)
        user = _named(session, name)
        _keep_an_admin(admins, user)
        user.disabled = True
        user.session_epoch += 1
        return _info(user)


def enable_user(ws: Workspace, who: Principal, *, name: str) -> UserInfo:
    """Let somebody in again."""
    require(who, Role.ADMIN, what="enable users")
    with ws.db.write() as session:
        user = _named(session, name)
        user.disabled = False
        return _info(user)


def authenticate(ws: Workspace, *, name: str, password: str, address: str) -> Principal:
    """Who this is, if name and password are right: a principal with a new session key.

    NotLoggedIn with the same sentence, after the same work, whatever was wrong. TooMany after 5 failures of a name or
    20 of an address (an IPv6 network of 64 bits counts as one) within 15 minutes.
    """
    keys = {_name_key(name): PER_NAME, _address_key(address): PER_ADDRESS}
    with ws.db.write() as session:
        reserved = _count_attempt(session, keys)
    with ws.db.read() as session:
        user = session.scalar(select(User).where(User.name == _spelled(name)))
    right = check_password_hash(user.password_hash if user is not None else _nobodys_hash(), _storable(password[:1024]))
    if user is None or user.disabled or not right:
        raise NotLoggedIn(WRONG)
    renewed = None if user.password_hash.startswith(f"{HASH_METHOD}$") else _hash(password)
    with ws.db.write() as session:
        own = LoginAttempt.id.in_(reserved) | (LoginAttempt.key == _name_key(name))
        session.execute(delete(LoginAttempt).where(own))
        row = session.get_one(User, user.id, with_for_update=True)
        row.last_login_at = utc_now()
        if renewed is not None and row.password_hash == user.password_hash:
            row.password_hash = renewed
        return Principal(user_id=row.id, name=row.name, role=Role(row.role), session_key=secrets.token_hex(16))


def _count_attempt(session: Session, keys: Mapping[str, int]) -> list[int]:
    """Record one attempt under each key before the password is looked at: many at once cannot pass the bound."""
    now = utc_now()
    for key in sorted(keys):
        if session.get_bind().dialect.name == "postgresql":
            session.execute(select(func.pg_advisory_xact_lock(func.hashtext(key))))
    session.execute(queries.forget_before(now - WINDOW))
    for key, bound in keys.items():
        moments = list(session.scalars(queries.attempts_since(key, now - WINDOW)))
        if len(moments) >= bound:
            minutes = max(1, round((moments[-bound] + WINDOW - now).total_seconds() / 60))
            plural = "" if minutes == 1 else "s"
            raise TooMany(f"Too many failed log-ins. Wait {minutes} minute{plural}, then try again.")
    attempts = [LoginAttempt(key=key, at=now) for key in keys]
    session.add_all(attempts)
    session.flush()
    return [attempt.id for attempt in attempts]


def _name_key(name: str) -> str:
    """Hashed: people type passwords into the wrong field, and those are not to be kept."""
    return f"name:{sha256(_storable(name.strip().casefold()).encode()).hexdigest()[:40]}"


def _storable(text: str) -> str:
    """The text with lone surrogates replaced: JSON may hold them, and nothing can encode them."""
    return text.encode(errors="replace").decode()


def _address_key(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "address:unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return f"address:{ipaddress.ip_network((parsed, 64), strict=False)}"
    return f"address:{parsed}"


def _hash(password: str) -> str:
    return generate_password_hash(password, method=HASH_METHOD)


@cache
def _nobodys_hash() -> str:
    return _hash(secrets.token_hex(16))


def _spelled(name: str) -> str:
    """The name as it is stored; nobody's for what cannot be a name (PostgreSQL refuses some characters)."""
    try:
        return clean_user_name(name)
    except BadInput:
        return ""


def _named(session: Session, name: str) -> User:
    user = session.scalar(select(User).where(User.name == _spelled(name)).with_for_update())
    if user is None:
        raise NotFound(f"There is no user called {name.strip()[:40]!r}.")
    return user


def _admins(session: Session) -> list[int]:
    """Lock the admins, always before anybody else and in one order: two who demote each other must not both succeed."""
    return [admin.id for admin in session.scalars(queries.active_admins().with_for_update())]


def _keep_an_admin(admins: list[int], user: User) -> None:
    if admins == [user.id]:
        raise Conflict(LAST_ADMIN.format(name=user.name))


def _info(user: User) -> UserInfo:
    return UserInfo(user.id, user.name, Role(user.role), user.disabled, user.created_at, user.last_login_at)
