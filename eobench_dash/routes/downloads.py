"""The way out: reports as PDF and CSV, and the dataset itself in the formats of ``services.exporting``."""

import base64
import io

from flask import Blueprint, Response, send_file

from eobench_dash.auth import current_principal, rule
from eobench_dash.routes.answers import workspace
from eobench_dash.services import datasets, reports
from eobench_dash.services.publishing import file_stem, prepare_export

blueprint = Blueprint("downloads", __name__)


@blueprint.get("/download/datasets/<int(max=2147483647):dataset_id>/report.pdf")
@rule("reader")
def report_pdf(dataset_id: int) -> Response:
    """The report of the latest verification."""
    ws, who = workspace(), current_principal()
    name = datasets.get_dataset(ws, who, dataset_id=dataset_id).name
    return _attachment(
        reports.report_pdf(ws, who, dataset_id=dataset_id), f"{file_stem(name)}-report.pdf", "application/pdf"
    )


@blueprint.get("/download/datasets/<int(max=2147483647):dataset_id>/report.csv")
@rule("reader")
def report_csv(dataset_id: int) -> Response:
    """The same numbers as one tidy table."""
    ws, who = workspace(), current_principal()
    name = datasets.get_dataset(ws, who, dataset_id=dataset_id).name
    return _attachment(reports.report_csv(ws, who, dataset_id=dataset_id), f"{file_stem(name)}-report.csv", "text/csv")


@blueprint.get("/download/datasets/<int(max=2147483647):dataset_id>/export/<format>")
@rule("reader")
def export(dataset_id: int, format: str) -> Response:
    """The dataset as one file, streamed; its SHA-256 in the header ``Repr-Digest`` (RFC 9530) and as ETag."""
    prepared = prepare_export(workspace(), current_principal(), dataset_id=dataset_id, format=format)
    response = send_file(
        prepared.path,
        mimetype=prepared.mimetype,
        as_attachment=True,
        download_name=prepared.filename,
        conditional=True,
        etag=prepared.sha256,
        last_modified=prepared.made_at,
    )
    digest = base64.b64encode(bytes.fromhex(prepared.sha256)).decode()
    response.headers["Repr-Digest"] = f"sha-256=:{digest}:"
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _attachment(content: bytes, filename: str, mimetype: str) -> Response:
    # send_file also writes names that are not Latin, which a plain header cannot hold
    response = send_file(io.BytesIO(content), mimetype=mimetype, as_attachment=True, download_name=filename)
    response.headers["Cache-Control"] = "private, no-store"
    return response
