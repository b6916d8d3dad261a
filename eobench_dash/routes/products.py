"""The products of a dataset: the list as JSON, each one's windows as bytes, its quick-look as a picture."""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from eobench_dash.auth import current_principal, rule
from eobench_dash.domain.wire import pack_windows
from eobench_dash.errors import BadInput
from eobench_dash.routes.answers import answer_bytes, refuse_in_json, workspace
from eobench_dash.services import products as service
from eobench_dash.services.products import ProductSummary

blueprint = Blueprint("products", __name__)
refuse_in_json(blueprint)

DATASET = "/data/datasets/<int(max=2147483647):dataset_id>/products"
MAX_LONGEST = 2048


@blueprint.get("/api/datasets/<int(max=2147483647):dataset_id>/products")
@rule("reader")
def listed(dataset_id: int) -> Response:
    """The products in the order of their patches; ``first`` and ``patches``: theirs are these ordinals in a row."""
    found = service.dataset_products(workspace(), current_principal(), dataset_id=dataset_id)
    return jsonify(products=[_told(product) for product in found])


@blueprint.get(f"{DATASET}/<int(max=2147483647):product_id>/windows.bin")
@rule("reader")
def windows(dataset_id: int, product_id: int) -> Response:
    """Where its patches lie, as domain/wire.py describes it."""
    ws, who = workspace(), current_principal()
    found = service.product_windows(ws, who, dataset_id=dataset_id, product_id=product_id)
    data = pack_windows(
        height=found.height,
        width=found.width,
        ordinal=found.ordinal,
        row=found.row,
        col=found.col,
        size=found.size,
        parent=found.parent,
    )
    return answer_bytes(data, etag=service.etag_of(f"{dataset_id}/{product_id}/{len(found.ordinal)}"))


@blueprint.get(f"{DATASET}/<int(max=2147483647):product_id>/quicklook.jpg")
@rule("reader")
def quicklook(dataset_id: int, product_id: int) -> Response:
    """``?longest=1024``: the whole product for the eye, its longer side about that many pixels."""
    longest = request.args.get("longest", "1024")
    if not (longest.isascii() and longest.isdecimal() and len(longest) < 6 and 1 <= int(longest) <= MAX_LONGEST):
        raise BadInput(f"longest is a number of pixels from 1 to {MAX_LONGEST:,}.")
    ws, who = workspace(), current_principal()
    data, etag = service.product_quicklook(ws, who, dataset_id=dataset_id, product_id=product_id, longest=int(longest))
    return answer_bytes(data, etag=etag, mimetype="image/jpeg")


def _told(product: ProductSummary) -> dict[str, Any]:
    info = product.info
    return {
        "id": product.id,
        "name": product.name,
        "kind": info.kind,
        "first": product.first,
        "patches": product.patch_count,
        "height": info.height,
        "width": info.width,
        "sensed_at": product.sensed_at.isoformat() if product.sensed_at else None,
        "bands": list(info.band_names),
        "unit": info.unit,
    }
