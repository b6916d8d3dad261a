"""``/health``: for load balancers. 200 while this instance can answer from its database, else 503."""

from typing import cast

from flask import Blueprint, Response, current_app, jsonify

from eobench_dash.auth import rule
from eobench_dash.services.health import check_health
from eobench_dash.services.workspace import Workspace

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@rule("public")
def health() -> Response:
    """The state of this instance, without a log-in; it names nothing that is anybody's."""
    found = check_health(cast(Workspace, current_app.extensions["eobench"]))
    seen = None if found.worker_seen_s is None else round(found.worker_seen_s, 1)
    answer = jsonify(status="ok" if found.database else "unfit", database=found.database, worker_seen_s=seen)
    answer.status_code = 200 if found.database else 503
    return answer
