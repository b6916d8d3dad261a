"""The map's program for the browser, in one piece. Its name tells its content, so it is kept for good."""

from flask import Blueprint, Response

from eobench_dash.auth import rule
from eobench_dash.components.embedding_map.program import program
from eobench_dash.errors import NotFound

blueprint = Blueprint("program", __name__, url_prefix="/program")


@blueprint.get("/<name>")
@rule("public")
def map_program(name: str) -> Response:
    """The program of the running version."""
    known, text = program()
    if name != known:
        raise NotFound("This is the program of another version. Reload the page.")
    response = Response(text, mimetype="text/javascript")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
