"""What the pages' scripts ask in JSON: change labels, take back, follow what others changed, look around a patch.

Every answer is an object, of the fields of the domain's values; an error is ``{"error": sentence}`` with the status of
the error. What a request holds is in ``bodies``.
"""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from eobench_dash.auth import current_principal, rule
from eobench_dash.domain.labels import NO_LABEL
from eobench_dash.domain.people import Principal
from eobench_dash.errors import BadInput
from eobench_dash.routes.answers import answer_relabel, refuse_in_json, workspace
from eobench_dash.routes.bodies import (
    MAX_BODY,
    Create,
    Describe,
    LabelChange,
    Mark,
    Merge,
    Recolour,
    Redo,
    Relabel,
    Rename,
    Undo,
    body,
    whole_number,
    whole_numbers,
)
from eobench_dash.services import annotate, labels
from eobench_dash.services.changes import label_state
from eobench_dash.services.history import batch_ordinals
from eobench_dash.services.neighbours import neighbours
from eobench_dash.services.patches import find_patch, patch_info
from eobench_dash.services.workspace import Workspace

blueprint = Blueprint("api", __name__, url_prefix="/api/datasets/<int(max=2147483647):dataset_id>")
refuse_in_json(blueprint)

VOTERS = 20


@blueprint.post("/relabel")
@rule("member")
def relabel(dataset_id: int) -> Response:
    """Give patches a label: what changed, what was left alone, and the sentence that says so."""
    asked = body(Relabel)
    return answer_relabel(
        annotate.relabel(
            workspace(),
            current_principal(),
            dataset_id=dataset_id,
            ordinals=asked.ordinals,
            label=asked.label,
            why=asked.why,
            create=asked.create,
            seen_event=asked.seen,
        )
    )


@blueprint.post("/mark")
@rule("member")
def mark(dataset_id: int) -> Response:
    """Mark patches as unsure or excluded, or take that back."""
    asked = body(Mark)
    fields = asked.model_dump(exclude={"seen"})
    return answer_relabel(
        annotate.mark(workspace(), current_principal(), dataset_id=dataset_id, seen_event=asked.seen, **fields)
    )


@blueprint.post("/undo")
@rule("member")
def undo(dataset_id: int) -> Response:
    """Take back the newest step of this browser, or the step named."""
    return answer_relabel(
        annotate.undo(workspace(), current_principal(), dataset_id=dataset_id, batch_id=body(Undo).batch)
    )


@blueprint.post("/redo")
@rule("member")
def redo(dataset_id: int) -> Response:
    """Do again what the newest undo of this browser took back."""
    body(Redo)
    return answer_relabel(annotate.redo(workspace(), current_principal(), dataset_id=dataset_id))


@blueprint.get("/undo")
@rule("member")
def undo_preview(dataset_id: int) -> Response:
    """What an undo would take back and a redo do again, in words; null where there is nothing."""
    ws, who = workspace(), current_principal()
    return jsonify(
        undo=annotate.undo_preview(ws, who, dataset_id=dataset_id),
        redo=annotate.redo_preview(ws, who, dataset_id=dataset_id),
    )


@blueprint.get("/batches/<int(max=9007199254740992):batch_id>")
@rule("reader")
def batch(dataset_id: int, batch_id: int) -> Response:
    """The patches that one step of the history changed, and its summary."""
    summary, ordinals = batch_ordinals(workspace(), current_principal(), dataset_id=dataset_id, batch_id=batch_id)
    return jsonify(summary=summary, ordinals=ordinals)


@blueprint.get("/changes")
@rule("reader")
def changes(dataset_id: int) -> Response:
    """``?since=EVENT&revision=R``: patches relabelled since; the table of labels too where it is no longer R's."""
    ws, who = workspace(), current_principal()
    found = annotate.changes_since(ws, who, dataset_id=dataset_id, event_id=whole_number("since", 0, high=2**53))
    answer: dict[str, Any] = {
        "last": found.last_event,
        "changes": found.changes,
        "reload": found.reload,
        "revision": found.labels_revision,
        "marks": found.marks,
    }
    if "revision" in request.args and whole_number("revision", 0, high=2**53) != found.labels_revision:
        answer["labels"] = labels.list_labels(ws, who, dataset_id=dataset_id)
    return jsonify(answer)


@blueprint.get("/labels")
@rule("reader")
def list_labels(dataset_id: int) -> Response:
    """The labels in use, with their number of patches and the table's revision."""
    ws, who = workspace(), current_principal()
    revision = label_state(ws, who, dataset_id=dataset_id).revision
    listed = labels.list_labels(ws, who, dataset_id=dataset_id)
    return jsonify(labels=listed, revision=revision)


@blueprint.post("/labels")
@rule("member")
def change_label(dataset_id: int) -> Response:
    """``{"action": "create", …}`` (or rename, recolour, describe, merge): the label, or what a merge changed."""
    change = body(LabelChange).root
    ws, who = workspace(), current_principal()
    fields = change.model_dump(exclude={"action"})
    match change:
        case Create():
            return jsonify(label=labels.create_label(ws, who, dataset_id=dataset_id, **fields))
        case Rename():
            return jsonify(label=labels.rename_label(ws, who, dataset_id=dataset_id, **fields))
        case Recolour():
            return jsonify(label=labels.recolour_label(ws, who, dataset_id=dataset_id, **fields))
        case Describe():
            return jsonify(label=labels.describe_label(ws, who, dataset_id=dataset_id, **fields))
        case Merge():
            return answer_relabel(labels.merge_labels(ws, who, dataset_id=dataset_id, **fields))


@blueprint.get("/patches/<int(max=2147483647):ordinal>")
@rule("reader")
def patch(dataset_id: int, ordinal: int) -> Response:
    """What is known of one patch, and everything that happened to it, newest first."""
    ws, who = workspace(), current_principal()
    info = patch_info(ws, who, dataset_id=dataset_id, ordinal=ordinal)
    told = annotate.history(ws, who, dataset_id=dataset_id, ordinal=ordinal)
    return jsonify(patch=info, history=[{**asdict(entry), "at": entry.at.isoformat()} for entry in told])


@blueprint.get("/find")
@rule("reader")
def find(dataset_id: int) -> Response:
    """``?q=``: the ordinal of the patch with this number, path, or end of a path."""
    query = request.args.get("q", "").replace("\0", "")
    return jsonify(ordinal=find_patch(workspace(), current_principal(), dataset_id=dataset_id, query=query))


@blueprint.get("/neighbours/<int(max=2147483647):ordinal>")
@rule("reader")
def near(dataset_id: int, ordinal: int) -> Response:
    """``?k=20&feature=KIND``: the nearest other patches, nearest first."""
    feature = request.args.get("feature") or None
    k = whole_number("k", VOTERS, high=1000)
    found = neighbours(workspace(), current_principal(), dataset_id=dataset_id, ordinal=ordinal, k=k, feature=feature)
    return jsonify(neighbours=found)


@blueprint.get("/suggest")
@rule("reader")
def suggest(dataset_id: int) -> Response:
    """``?ordinals=1,2,3``: the labels that these patches most likely deserve, with why; one patch's neighbours vote."""
    ws, who = workspace(), current_principal()
    ordinals = whole_numbers("ordinals")
    votes = _votes(ws, who, dataset_id, ordinals[0]) if len(ordinals) == 1 else []
    found = labels.suggest_labels(ws, who, dataset_id=dataset_id, ordinals=ordinals, neighbour_codes=votes)
    return jsonify(labels=found)


def _votes(ws: Workspace, who: Principal, dataset_id: int, ordinal: int) -> list[int]:
    try:
        found = neighbours(ws, who, dataset_id=dataset_id, ordinal=ordinal, k=VOTERS)
    except BadInput:  # no features yet: suggestions do without
        return []
    return [neighbour.code for neighbour in found if neighbour.code != NO_LABEL]


@blueprint.errorhandler(HTTPException)
def _too_large(error: HTTPException) -> tuple[Response, int]:
    status = error.code or 500
    sentence = (
        f"A request has at most {MAX_BODY // 2**20} MiB; send fewer patches." if status == 413 else error.description
    )
    return jsonify(error=sentence or error.name), status
