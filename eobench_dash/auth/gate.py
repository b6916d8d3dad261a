"""The one gate that every request passes: its origin, then its route's rule. And the access log.

Dash leaves its own endpoints open to everybody unless the server refuses, so this comes before Dash is made:
``install(server, …)`` first, ``seal(app)`` when every page and route is there.
"""

import logging
import re
import secrets
import time
from urllib.parse import quote, urlencode

from dash import Dash
from flask import Flask, Response, g, jsonify, redirect, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from eobench_dash import logs
from eobench_dash.auth.headers import add_headers, content_policy
from eobench_dash.auth.origin import check_origin
from eobench_dash.auth.rules import Rule, admit, check_routes, rule_of
from eobench_dash.auth.secret import secret_key
from eobench_dash.auth.sessions import current_principal, install_sessions
from eobench_dash.db.engine import Database
from eobench_dash.domain.people import Principal
from eobench_dash.errors import EOBenchError, NotLoggedIn, StalePage
from eobench_dash.settings import Settings

LOGIN_PATH = "/auth/login"
OPENED_BY = "X-EOBench-Opened-By"
"""The header by which a page says who opened it (assets/shell.js)."""
LARGEST_BODY = 8 * 2**20
"""Of any request whose route does not say otherwise: callbacks send ids and counts, not data."""
_POLICY = "EOBENCH_CONTENT_POLICY"
_access = logging.getLogger("eobench_dash.access")


def install(server: Flask, *, settings: Settings, db: Database) -> None:
    """Put the gate, the sessions and the security headers in front of everything that is added later."""
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        server.wsgi_app = ProxyFix(server.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    server.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    install_sessions(server, db, key=secret_key(settings), secure=settings.secure_cookies)
    server.config[_POLICY] = content_policy()

    def guard() -> AnyResponse | None:
        _name_request()
        try:
            check_origin(request)
            stated = _rule_here(server)
            if stated is not Rule.PUBLIC:  # files of the program are served without a look into the database
                who = current_principal()
                admit(stated, who, public=settings.public)
                _check_page(who)
        except EOBenchError as error:
            return _refusal(error)
        return None

    def finish(response: Response) -> Response:
        _log_access(response)
        return add_headers(response, policy=server.config[_POLICY], https=settings.secure_cookies)

    server.register_error_handler(EOBenchError, _as_json)  # until somebody registers nicer ones
    server.before_request(guard)
    server.after_request(finish)


def seal(app: Dash) -> None:
    """The application is complete: check that every route has its rule, and allow Dash's own inline scripts by hash."""
    check_routes(app.server)
    app.server.config[_POLICY] = content_policy(app.csp_hashes())


def _rule_here(server: Flask) -> Rule:
    if request.url_rule is None:  # nothing there: who is not let in does not learn even that
        return Rule.READER
    stated = rule_of(server, request.url_rule)
    if stated is None:
        raise EOBenchError(f"No rule says who may ask {request.url_rule.rule}.")
    return stated


def _check_page(who: Principal) -> None:
    """StalePage where a page says that it was opened by somebody else: another tab has logged out, and in as ``who``.

    What the page's user meant to do must not be done, and written down, in another name.
    """
    opened_by = request.headers.get(OPENED_BY)
    if opened_by is not None and opened_by != who.tag:
        now = "nobody is logged in" if who.anonymous else f"you are logged in as {who.name}"
        raise StalePage(f"This page was opened in another name; by now {now}. Nothing was changed: reload the page.")


def _refusal(error: EOBenchError) -> AnyResponse:
    """People who navigate are sent to the log-in form, and back afterwards; all else gets the error's sentence."""
    if isinstance(error, NotLoggedIn) and _navigating():
        asked = request.full_path.rstrip("?")
        return redirect(f"{LOGIN_PATH}?{urlencode({'next': asked})}" if asked != "/" else LOGIN_PATH)
    raise error


def _as_json(error: EOBenchError) -> Response:
    answer = jsonify(error=str(error))
    answer.status_code = error.http_status
    return answer


def _navigating() -> bool:
    if request.method != "GET" or request.path.startswith("/_"):
        return False
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode is not None else "text/html" in request.headers.get("Accept", "")


def _name_request() -> None:
    given = request.headers.get("X-Request-ID", "")
    name = given if re.fullmatch(r"[A-Za-z0-9-]{8,64}", given) else secrets.token_hex(8)
    logs.request_id.set(name)
    g.eobench_started = time.perf_counter()


def _log_access(response: Response) -> None:
    """One line a request: no query string (it may hold what people type), no body, no cookie."""
    name = logs.request_id.get()
    response.headers["X-Request-ID"] = name
    if request.path.startswith(("/_dash-component-suites/", "/assets/")) and response.status_code < 400:
        return
    _access.info(
        "%s %s %d",
        request.method,
        quote(request.path),  # a path may hold line breaks: nobody writes lines of their own into our log
        response.status_code,
        extra={"ms": round((time.perf_counter() - g.get("eobench_started", time.perf_counter())) * 1000, 1)},
    )
