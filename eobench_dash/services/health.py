"""Is this instance fit to serve? For load balancers and for people who wonder."""

import logging
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from eobench_dash.errors import Unavailable
from eobench_dash.jobs.life import seconds_since_life
from eobench_dash.services.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Health:
    """``worker_seen_s``: seconds since a worker of this workspace was seen, None where none ever was (information)."""

    database: bool
    worker_seen_s: float | None


def check_health(ws: Workspace) -> Health:
    """Ask the database for an answer, and look when a worker was last seen. For everybody."""
    try:
        with ws.db.read() as session:
            session.execute(text("SELECT 1"))
        answers = True
    except (SQLAlchemyError, Unavailable, OSError) as error:
        log.error("the database does not answer: %s", type(error).__name__)
        answers = False
    return Health(database=answers, worker_seen_s=seconds_since_life(ws.settings.home))
