"""Failed log-ins, counted in the database because several processes serve."""

from datetime import datetime

from sqlalchemy import Delete, Select, delete, select

from eobench_dash.db.models import LoginAttempt, User
from eobench_dash.domain.people import Role


def attempts_since(key: str, since: datetime) -> Select[datetime]:
    """The moments of a key's attempts after ``since``, oldest first."""
    return select(LoginAttempt.at).where(LoginAttempt.key == key, LoginAttempt.at > since).order_by(LoginAttempt.at)


def forget_before(moment: datetime) -> Delete:
    """Forget attempts that count no longer."""
    return delete(LoginAttempt).where(LoginAttempt.at <= moment)


def active_admins() -> Select[User]:
    """Those who can still administer."""
    return select(User).where(User.role == Role.ADMIN, User.disabled.is_(False)).order_by(User.id)
