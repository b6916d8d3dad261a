"""The way in for bytes: uploads, streamed to disk as they come; and the way out of an import's report."""

from flask import Blueprint, Response, jsonify, request

from eobench_dash.auth import current_principal, rule
from eobench_dash.domain.importing import report_from_dict
from eobench_dash.errors import BadInput, NotFound
from eobench_dash.routes.answers import workspace
from eobench_dash.services.importing import import_report
from eobench_dash.services.uploads import receive_upload

blueprint = Blueprint("importing", __name__)


@blueprint.post("/uploads")
@rule("builder")
def upload() -> Response | tuple[Response, int]:
    """``POST /uploads?name=patches.zip``, the body being the file: {"path", "name"}, or {"error"}."""
    ws = workspace()
    request.max_content_length = None  # this route alone may be longer than other bodies; the service bounds it
    try:
        if not (name := request.args.get("name", "")):
            raise BadInput("The upload has no name; send it as /uploads?name=FILE.")
        path = receive_upload(ws, current_principal(), name=name, stream=request.stream, length=request.content_length)
    except BadInput as error:
        return jsonify(error=str(error)), error.http_status
    return jsonify(path=str(path), name=name)


@blueprint.get("/download/datasets/<int(max=2147483647):dataset_id>/import-report.csv")
@rule("reader")
def report_csv(dataset_id: int) -> Response:
    """Every row that an import left out, and why."""
    found = import_report(workspace(), current_principal(), dataset_id=dataset_id)
    if not found:
        raise NotFound("This dataset was not imported from files, so there is no import report.")
    headers = {"Content-Disposition": f'attachment; filename="import-report-{dataset_id}.csv"'}
    return Response(report_from_dict(found).to_csv(), mimetype="text/csv", headers=headers)
