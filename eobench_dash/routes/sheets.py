"""Thumbnail sheets of a map: where each point lies on them, and the sheets."""

from flask import Blueprint, Response, request

from eobench_dash.auth import current_principal, rule
from eobench_dash.domain.sheets import MEDIA_TYPE
from eobench_dash.routes.answers import answer_bytes, workspace
from eobench_dash.services import sheets as service

blueprint = Blueprint(
    "sheets",
    __name__,
    url_prefix="/data/datasets/<int(max=2147483647):dataset_id>/embeddings/<int(max=2147483647):embedding_id>",
)

KEY_HEADER = "X-EOBench-Sheets"
"""The key of the sheets that these places belong to; the browser asks for sheets with ``?v=`` it."""


@blueprint.get("/sheets.bin")
@rule("reader")
def places(dataset_id: int, embedding_id: int) -> Response:
    """The place of every point, as domain/sheets.py describes it."""
    ws, who = workspace(), current_principal()
    data, key = service.sheet_places(ws, who, dataset_id=dataset_id, embedding_id=embedding_id)
    response = answer_bytes(data, etag=key)
    response.headers[KEY_HEADER] = key
    return response


@blueprint.get("/sheets/<int(max=64):tile>/<int(max=2147483647):number>.jpg")
@rule("reader")
def sheet(dataset_id: int, embedding_id: int, tile: int, number: int) -> Response:
    """A sheet; 202 and nothing in it while others are being made (ask again). With ``?v=`` it is kept for good."""
    ws, who = workspace(), current_principal()
    key = request.args.get("v")
    data, key_now = service.sheet(
        ws, who, dataset_id=dataset_id, embedding_id=embedding_id, tile=tile, number=number, key=key
    )
    if data is None:
        return Response(status=202, headers={"Retry-After": "1", "Cache-Control": "no-store"})
    return answer_bytes(data, etag=f"{key_now}-{tile}-{number}", mimetype=MEDIA_TYPE, keep=key is not None)
