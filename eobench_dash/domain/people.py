"""Who may do what."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from eobench_dash.errors import BadInput, NotAllowed, NotLoggedIn


class Role(StrEnum):
    """Roles, least powerful first. Each may do what the ones before it may."""

    READER = "reader"
    EXPERT = "expert"
    BUILDER = "builder"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """0 for reader … 3 for admin."""
        return list(Role).index(self)


@dataclass(frozen=True)
class Principal:
    """Who is asking. ``user_id`` None: nobody is logged in. ``session_key`` tells two browsers of one user apart."""

    user_id: int | None
    name: str
    role: Role
    session_key: str = field(default="", compare=False)

    @property
    def anonymous(self) -> bool:
        """Whether nobody is logged in."""
        return self.user_id is None

    @property
    def tag(self) -> str:
        """By which a page tells who opened it."""
        return "nobody" if self.user_id is None else str(self.user_id)


ANONYMOUS = Principal(user_id=None, name="anonymous", role=Role.READER)
MIN_PASSWORD = 10


def require(who: Principal, role: Role, *, what: str) -> int:
    """The user's id, if ``who`` is logged in and has at least ``role``; else NotLoggedIn / NotAllowed."""
    if who.user_id is None:
        raise NotLoggedIn(f"Log in to {what}.")
    if who.role.rank < role.rank:
        raise NotAllowed(f"To {what} you need the role {role.value}; you are {who.role.value}. Ask an admin.")
    return who.user_id


def clean_user_name(raw: str) -> str:
    """A log-in name: 2-40 of letters, digits and ``. _ - @``, lower-cased. BadInput otherwise."""
    name = raw.strip().casefold()
    if not re.fullmatch(r"[a-z0-9][a-z0-9._@-]{1,39}", name):
        raise BadInput("A log-in name has 2 to 40 letters, digits, dots, dashes, underscores or @.")
    return name


def clean_password(raw: str, *, name: str) -> str:
    """The password itself if it is acceptable, else BadInput (length per NIST SP 800-63B; not the user's name)."""
    if len(raw) < MIN_PASSWORD:
        raise BadInput(f"The password needs at least {MIN_PASSWORD} characters.")
    if len(raw) > 1024:
        raise BadInput("The password is longer than 1,024 characters.")
    if any("\ud800" <= c <= "\udfff" for c in raw):
        raise BadInput("The password holds characters that cannot be typed; choose another.")
    if raw.casefold() == name.casefold():
        raise BadInput("The password is the log-in name; choose another.")
    return raw
