"""Selections that links name, in JSON. An error is ``{"error": sentence}`` with the status of the error."""

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel, ConfigDict

from eobench_dash.auth import current_principal, rule
from eobench_dash.routes.answers import workspace
from eobench_dash.routes.bodies import Ordinals, body
from eobench_dash.services import selections

blueprint = Blueprint("selections", __name__, url_prefix="/api/datasets/<int(max=2147483647):dataset_id>/selections")

MAX_SENT = 12 * 2**20
"""A million numbers of seven digits, and room for a million more digits."""


class Selection(BaseModel):
    """The patches to save, in any order."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    ordinals: Ordinals


@blueprint.post("")
@rule("member")
def save(dataset_id: int) -> Response:
    """``{"ordinals": [3, 1, 2]}``: ``{"id": 7}``, the same for an equal selection."""
    ws, who = workspace(), current_principal()
    asked = body(Selection, limit=MAX_SENT)
    return jsonify(id=selections.save_selection(ws, who, dataset_id=dataset_id, ordinals=asked.ordinals))


@blueprint.get("/<int(max=2147483647):selection_id>")
@rule("reader")
def get(dataset_id: int, selection_id: int) -> Response:
    """``{"ordinals": [1, 2, 3]}``, ascending."""
    ws, who = workspace(), current_principal()
    found = selections.open_selection(ws, who, dataset_id=dataset_id, selection_id=selection_id)
    return jsonify(ordinals=found.tolist())
