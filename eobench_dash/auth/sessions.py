"""Log-in sessions: a signed cookie that names the user, the user's session epoch and this browser's random key.

A password change or a disabling raises the epoch in the database, and every older cookie is worth nothing.
"""

import secrets
import time
from datetime import timedelta
from typing import Any

from flask import Flask, g, has_request_context, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from eobench_dash.db.engine import Database
from eobench_dash.db.models import User
from eobench_dash.domain.people import ANONYMOUS, Principal, Role

LIFETIME = timedelta(hours=12)
"""A session ends this long after its last use."""
_RENEW_S = 600.0


class LoggedIn(UserMixin):  # type: ignore[misc]
    """A user of a session, as flask-login wants it."""

    def __init__(self, *, user_id: int, name: str, role: Role, epoch: int) -> None:
        self.user_id, self.name, self.role, self.epoch = user_id, name, role, epoch

    def get_id(self) -> str:
        """What the cookie holds."""
        return f"{self.user_id}:{self.epoch}"


def install_sessions(app: Flask, db: Database, *, key: bytes, secure: bool) -> None:
    """Teach the application who is logged in. ``key`` signs the cookies; ``secure``: over https only."""
    app.config.update(
        SECRET_KEY=key,
        SESSION_COOKIE_NAME="__Host-eobench" if secure else "eobench",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=LIFETIME,
    )
    manager = LoginManager()
    manager.session_protection = None  # it would log people out when their address changes
    manager.user_loader(lambda cookie: _load(db, cookie))
    manager.init_app(app, add_context_processor=False)


def _load(db: Database, cookie: str) -> LoggedIn | None:
    user_id, _, epoch = cookie.partition(":")
    if not (user_id.isdecimal() and epoch.isdecimal() and len(user_id) < 12):
        return None
    with db.read() as sql:
        user = sql.get(User, int(user_id))
        return _logged_in(user) if user is not None and str(user.session_epoch) == epoch else None


def _logged_in(user: User) -> LoggedIn | None:
    if user.disabled:
        return None
    return LoggedIn(user_id=user.id, name=user.name, role=Role(user.role), epoch=user.session_epoch)


def log_in(db: Database, who: Principal) -> None:
    """Begin a new session for somebody whose password has been checked; nothing of the old one stays."""
    with db.read() as sql:
        user = _logged_in(sql.get_one(User, who.user_id))
    session.clear()
    g.pop("eobench_principal", None)
    if user is not None:
        session.permanent = True
        session["key"], session["renewed"] = secrets.token_hex(16), time.time()
        login_user(user)


def log_out() -> None:
    """End this browser's session."""
    logout_user()
    session.clear()
    g.pop("eobench_principal", None)


def current_principal() -> Principal:
    """Who is asking. Outside of a request nobody is."""
    if not has_request_context():
        return ANONYMOUS
    if "eobench_principal" not in g:
        g.eobench_principal = _principal(current_user)
    who: Principal = g.eobench_principal
    return who


def _principal(user: Any) -> Principal:
    if not user.is_authenticated:
        return ANONYMOUS
    if time.time() - session.get("renewed", 0.0) > _RENEW_S:
        session["renewed"] = time.time()
    return Principal(user_id=user.user_id, name=user.name, role=user.role, session_key=session.get("key", ""))
