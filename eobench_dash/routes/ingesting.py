"""What the ingest page asks for while a plan is made: quick-looks, the grid of a product, an area drawn on it."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import numpy as np
from flask import Blueprint, Response, jsonify, request

from eobench_dash.auth import current_principal, rule
from eobench_dash.domain.ingest_form import read_options, read_plan
from eobench_dash.domain.products import ReadOptions
from eobench_dash.errors import BadInput
from eobench_dash.routes.answers import answer_bytes, refuse_in_json, workspace
from eobench_dash.routes.bodies import MAX_BODY, AreaDrawn, GridWanted, body
from eobench_dash.services import previewing, products

blueprint = Blueprint("ingesting", __name__)
refuse_in_json(blueprint)

MAX_LONGEST = 2048
MAX_BANDS = 100


@blueprint.get("/data/ingest/quicklook.jpg")
@rule("builder")
def quicklook() -> Response:
    """``?path=…&longest=256``: a product below the data roots, for the eye; further fields as the form has them."""
    longest = request.args.get("longest", "1024")
    if not (longest.isascii() and longest.isdecimal() and len(longest) < 6 and 1 <= int(longest) <= MAX_LONGEST):
        raise BadInput(f"longest is a number of pixels from 1 to {MAX_LONGEST:,}.")
    options = _options_of(request.args)
    data, etag = products.quicklook(
        workspace(), current_principal(), path=request.args.get("path", ""), options=options, longest=int(longest)
    )
    return answer_bytes(data, etag=etag, mimetype="image/jpeg")


@blueprint.post("/api/ingest/preview")
@rule("builder")
def preview() -> Response:
    """The windows that the form's plan cuts from a product, and the flags of those that were measured."""
    wanted = body(GridWanted, limit=4 * MAX_BODY)
    options = read_options(wanted.form)
    found = previewing.grid_preview(
        workspace(), current_principal(), path=wanted.path, plan=read_plan(wanted.form), options=options
    )
    picture = {"path": wanted.path, "longest": 1024, **_as_query(options)}
    return jsonify(
        height=found.height,
        width=found.width,
        picture=f"/data/ingest/quicklook.jpg?{urlencode(picture)}",
        rows=found.rows.tolist(),
        cols=found.cols.tolist(),
        sizes=found.sizes.tolist(),
        inside=found.inside.astype(int).tolist(),
        black=_short(found.black),
        flags={name: _sparse(values) for name, values in found.flags.items()},
        counts=found.counts,
        measured=found.measured,
    )


@blueprint.post("/api/ingest/area")
@rule("builder")
def area() -> Response:
    """A rectangle drawn on a product as GeoJSON, to be the area of interest."""
    wanted = body(AreaDrawn, limit=4 * MAX_BODY)
    found = previewing.area_of_box(
        workspace(), current_principal(), path=wanted.path, options=read_options(wanted.form), box=wanted.box
    )
    return jsonify(area=json.dumps(found))


def _as_query(options: ReadOptions) -> dict[str, str]:
    """Reading options as they stand in an address; ``_options_of`` reads them."""
    metres = "" if options.resolution is None else f"{options.resolution:g}"
    return {
        "unit": options.unit,
        "grid": "1" if options.grid else "0",
        "bands": ",".join(options.bands),
        "resolution": metres,
    }


def _options_of(query: Mapping[str, str]) -> ReadOptions:
    metres = query.get("resolution") or None
    try:
        resolution = None if metres is None else float(metres)
    except ValueError:
        raise BadInput("The resolution is a number of metres, such as 10.") from None
    bands = [band for band in query.get("bands", "").split(",")[:MAX_BANDS] if band]
    return read_options(
        {"unit": query.get("unit"), "grid": query.get("grid") == "1", "bands": bands, "resolution": resolution}
    )


def _short(values: np.ndarray) -> list[float]:
    return [round(value, 3) for value in values.tolist()]


def _sparse(values: np.ndarray) -> dict[str, list[Any]]:
    """Only what was measured: most windows of a fine grid were not."""
    at = np.flatnonzero(~np.isnan(values))
    return {"at": at.tolist(), "values": _short(values[at])}
