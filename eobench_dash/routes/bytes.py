"""What travels as bytes: maps, label codes, pictures. Asked for again by ETag: 304 where nothing changed."""

import hashlib

import numpy as np
from flask import Blueprint, Response, request

from eobench_dash.auth import current_principal, rule
from eobench_dash.errors import BadInput
from eobench_dash.routes.answers import ASK_AGAIN, answer_bytes, workspace
from eobench_dash.services.annotate import label_codes
from eobench_dash.services.changes import label_state
from eobench_dash.services.embeddings import embedding_wire
from eobench_dash.services.patches import patch_image

blueprint = Blueprint("bytes", __name__, url_prefix="/data/datasets/<int(max=2147483647):dataset_id>")

EVENT_HEADER = "X-EOBench-Event"
"""The last annotation event that a label array surely holds."""
REVISION_HEADER = "X-EOBench-Labels-Revision"
"""The revision of the table of labels that its codes belong to."""
MAX_SIZE = 4096


@blueprint.get("/embeddings/<int(max=2147483647):embedding_id>.bin")
@rule("reader")
def embedding(dataset_id: int, embedding_id: int) -> Response:
    """A map's coordinates, as domain/wire.py describes them."""
    data, etag = embedding_wire(workspace(), current_principal(), dataset_id=dataset_id, embedding_id=embedding_id)
    return answer_bytes(data, etag=etag)


@blueprint.get("/labels.bin")
@rule("reader")
def label_array(dataset_id: int) -> Response:
    """The code of every patch's label: little-endian uint16 in ordinal order, 65535 where there is none."""
    ws, who = workspace(), current_principal()
    state = label_state(ws, who, dataset_id=dataset_id)
    etag = f"{state.born.timestamp()}-{state.last_event}-{state.patches}-{state.revision}"
    if etag in request.if_none_match:
        response = Response(status=304)
        response.set_etag(etag)
        response.headers["Cache-Control"] = ASK_AGAIN
        last = state.last_event
    else:
        codes, last = label_codes(ws, who, dataset_id=dataset_id)
        response = answer_bytes(np.asarray(codes, dtype="<u2").tobytes(), etag=etag)
    response.headers[EVENT_HEADER] = str(last)
    response.headers[REVISION_HEADER] = str(state.revision)
    return response


@blueprint.get("/patches/<int(max=2147483647):ordinal>/image")
@rule("reader")
def image(dataset_id: int, ordinal: int) -> Response:
    """``?size=96``: a patch's picture, about that many pixels wide (without: as it is).

    ``&look=false&stretch=fixed``: other bands, other brightness (the looks route says what there is).

    With ``&v=…`` (anything that tells this dataset from a later one of the same id) the browser keeps it for good.
    """
    size = request.args.get("size")
    if size is not None and not (size.isascii() and size.isdecimal() and len(size) < 6 and 1 <= int(size) <= MAX_SIZE):
        raise BadInput(f"size is a number of pixels from 1 to {MAX_SIZE}.")
    data, mimetype = patch_image(
        workspace(),
        current_principal(),
        dataset_id=dataset_id,
        ordinal=ordinal,
        size=None if size is None else int(size),
        look=request.args.get("look") or None,
        stretch=request.args.get("stretch") or None,
    )
    etag = hashlib.blake2b(data, digest_size=12).hexdigest()
    return answer_bytes(data, etag=etag, mimetype=mimetype, keep=bool(request.args.get("v")))
