"""What people read when something fails: plain error pages, JSON for machines, toasts for callbacks."""

import logging
import secrets
from typing import Any

from dash import no_update
from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException, NotFound

from eobench_dash.components.toasts import toast
from eobench_dash.errors import EOBenchError
from eobench_dash.pages.shell.router import Router

log = logging.getLogger(__name__)
CATCH_ALL = "/<path:path>"

_PAGES = {
    400: ("That cannot be used", "alert", "The request could not be understood. Go back and try again."),
    401: ("Please log in", "key", "Log in to see this."),
    403: ("Not for you", "key", "You may not do this. Ask an admin for the role it needs."),
    404: (
        "Nothing is here",
        "search",
        "There is no page at this address. It may have moved, or the link has a typing error.",
    ),
    405: ("Not this way", "alert", "This address does not answer that kind of request."),
    413: ("Too large", "upload", "What was sent is larger than this server takes."),
    429: ("Too often", "clock", "Too many attempts. Wait a few minutes and try again."),
    503: ("Not just now", "clock", "The server cannot do this at the moment. Try again in a while."),
    500: ("Something broke", "alert", "That is our fault, not yours; it has been written to the log. Try again."),
}


def install_error_pages(server: Flask, router: Router) -> None:
    """Designed pages for every error, and a true 404 for addresses that no page has (Dash answers 200 to all)."""

    def refuse_unknown_pages() -> None:
        if request.url_rule is not None and request.url_rule.rule == CATCH_ALL and not router.knows(request.path):
            raise NotFound

    def known(error: EOBenchError) -> Response:
        if error.http_status >= 500:
            log.error("a request failed", exc_info=error)
        return _answer(error.http_status, str(error))

    def http(error: HTTPException) -> Response | HTTPException:
        if error.response is not None or error.code is None or error.code < 400:
            return error
        return _answer(error.code, None, reference=secrets.token_hex(4) if error.code >= 500 else "")

    server.before_request(refuse_unknown_pages)
    server.register_error_handler(EOBenchError, known)
    server.register_error_handler(HTTPException, http)


def _answer(status: int, sentence: str | None, *, reference: str = "") -> Response:
    title, icon, usual = _PAGES.get(status, _PAGES[500 if status >= 500 else 400])
    if reference:
        log.error("answered %d, reference %s", status, reference)
    if not _navigating():
        return make_response(jsonify(error=sentence or usual), status)
    page = render_template(
        "shell-error.html", status=status, title=title, icon=icon, sentence=sentence or usual, reference=reference
    )
    return make_response(page, status)


def _navigating() -> bool:
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode is not None else "text/html" in request.headers.get("Accept", "")


def reference_of(error: Exception) -> str:
    """Write an error that nobody foresaw to the log; the reference to find it by."""
    reference = secrets.token_hex(4)
    log.error("a callback failed, reference %s", reference, exc_info=error)
    return reference


def tell(error: Exception) -> Any:
    """Dash's on_error: the error's sentence as a toast; of an error nobody foresaw, a reference into the log."""
    if isinstance(error, EOBenchError):
        toast(str(error), kind="danger")
    else:
        toast(f"Something broke; that is our fault. It is in the log under {reference_of(error)}.", kind="danger")
    return no_update
