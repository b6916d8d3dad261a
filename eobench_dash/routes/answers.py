"""What several groups of routes answer alike: bytes with an ETag, the result of a relabel, a refusal in JSON."""

from typing import cast

from flask import Blueprint, Response, current_app, jsonify, request

from eobench_dash.domain.annotations import RelabelResult
from eobench_dash.errors import EOBenchError
from eobench_dash.services.workspace import Workspace

ASK_AGAIN = "private, no-cache"
KEEP = "private, max-age=31536000, immutable"
MAX_ANSWERED = 50_000
"""A larger change (a merge of a large group) is answered with ``reload`` instead of each patch."""


def workspace() -> Workspace:
    """The workspace of the application that answers."""
    return cast(Workspace, current_app.extensions["eobench"])


def answer_bytes(data: bytes, *, etag: str, mimetype: str = "application/octet-stream", keep: bool = False) -> Response:
    """Bytes that the browser asks for again by their ETag (304 where nothing changed), or keeps for good."""
    response = Response(data, mimetype=mimetype)
    response.set_etag(etag)
    response.headers["Cache-Control"] = KEEP if keep else ASK_AGAIN
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.make_conditional(request)
    return response


def answer_relabel(result: RelabelResult) -> Response:
    """What a change of labels did, patch by patch, and the sentence that says so."""
    reload = len(result.changes) > MAX_ANSWERED
    return jsonify(
        batch=result.batch_id,
        last=result.last_event,
        changes=[] if reload else result.changes,
        reload=reload,
        skipped=result.skipped,
        summary=result.summary,
    )


def refuse_in_json(blueprint: Blueprint) -> None:
    """Errors of this blueprint's routes are answered ``{"error": sentence}`` with the status of the error."""

    @blueprint.errorhandler(EOBenchError)
    def refused(error: EOBenchError) -> tuple[Response, int]:
        if error.http_status >= 500:
            current_app.logger.error("a request failed", exc_info=error)
        return jsonify(error=str(error)), error.http_status
