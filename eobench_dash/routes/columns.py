"""What a map can be coloured by: the list as JSON, each column and the neighbours' label mix as bytes with an ETag."""

from collections.abc import Callable

from flask import Blueprint, Response, jsonify, request

from eobench_dash.auth import current_principal, rule
from eobench_dash.errors import BadInput
from eobench_dash.routes.answers import ASK_AGAIN, refuse_in_json, workspace
from eobench_dash.routes.bodies import whole_number
from eobench_dash.services import columns
from eobench_dash.services.looks import image_looks

blueprint = Blueprint("columns", __name__)
refuse_in_json(blueprint)

API = "/api/datasets/<int(max=2147483647):dataset_id>"
DATA = "/data/datasets/<int(max=2147483647):dataset_id>"


@blueprint.get(f"{API}/columns")
@rule("reader")
def list_columns(dataset_id: int) -> Response:
    """``?map=ID``: the columns there are, with what is known of that map."""
    found = columns.list_columns(workspace(), current_principal(), dataset_id=dataset_id, map_id=_map())
    return jsonify(columns=found)


@blueprint.get(f"{API}/looks")
@rule("reader")
def looks(dataset_id: int) -> Response:
    """The band combinations and stretches that the dataset's pixels allow, the usual one first."""
    return jsonify(image_looks(workspace(), current_principal(), dataset_id=dataset_id))


@blueprint.get(f"{DATA}/columns/<name>.bin")
@rule("reader")
def column(dataset_id: int, name: str) -> Response:
    """One value per patch, as domain/wire.py describes it."""
    asked = {"dataset_id": dataset_id, "name": name, "map_id": _map()}
    ws, who = workspace(), current_principal()
    return _answer(
        columns.column_etag(ws, who, **asked),  # type: ignore[arg-type]
        lambda: columns.column_bytes(ws, who, **asked),  # type: ignore[arg-type]
    )


@blueprint.get(f"{DATA}/mix.bin")
@rule("reader")
def mix(dataset_id: int) -> Response:
    """The three commonest labels among each patch's nearest neighbours."""
    ws, who = workspace(), current_principal()
    return _answer(
        columns.mix_etag(ws, who, dataset_id=dataset_id), lambda: columns.mix_bytes(ws, who, dataset_id=dataset_id)
    )


def _answer(etag: str, make: Callable[[], tuple[bytes, str]]) -> Response:
    if etag in request.if_none_match.as_set():  # "*" matches what there is; whether it is there costs a look
        response = Response(status=304)
    else:
        data, etag = make()
        response = Response(data, mimetype="application/octet-stream")
    response.set_etag(etag)
    response.headers["Cache-Control"] = ASK_AGAIN
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _map() -> int | None:
    if "map" not in request.args:
        return None
    if not request.args["map"]:
        raise BadInput("map is the number of a map.")
    return whole_number("map", 0, high=2**31 - 1)
