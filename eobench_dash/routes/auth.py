"""Log in, log out, change the password: plain Flask forms, because Dash's pages are closed before the log-in."""

import re
from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, flash, make_response, redirect, render_template, request
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response as AnyResponse
from wtforms import HiddenField, PasswordField, StringField  # type: ignore[import-untyped,unused-ignore]

from eobench_dash.auth import current_principal, log_in, log_out, rule
from eobench_dash.domain.people import MIN_PASSWORD
from eobench_dash.errors import EOBenchError, TooMany
from eobench_dash.services import users
from eobench_dash.services.workspace import Workspace

blueprint = Blueprint("auth", __name__, url_prefix="/auth", template_folder="templates")
STALE = "This form has been open for too long, or cookies are blocked. Please try again."
LARGEST_FORM = 16_384


class _Form(FlaskForm):  # type: ignore[misc]
    class Meta:
        csrf_time_limit = None  # it lives as long as the session it belongs to


class LoginForm(_Form):
    """Name, password and the page to return to."""

    name = StringField("Name")
    password = PasswordField("Password")
    next = HiddenField()


class PasswordForm(_Form):
    """The current password, and the new one twice."""

    current = PasswordField("Current password")
    new = PasswordField("New password")
    again = PasswordField("New password, once more")


def safe_next(raw: str | None) -> str:
    """A page of this site to go to after the log-in: a path of ours as it is, ``/`` for everything else."""
    wanted = raw or "/"
    odd = len(wanted) > 2000 or re.search(r"[\x00-\x20\\\x7f]", wanted) or not re.match(r"/(?![/\\])", wanted)
    if odd or wanted.startswith("/auth/"):
        return "/"
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc else wanted


@blueprint.get("/login")
@rule("public")
def login_form() -> AnyResponse:
    """The log-in form; who is logged in already goes on."""
    onwards = safe_next(request.args.get("next"))
    if not current_principal().anonymous:
        return redirect(onwards)
    return _page("login", LoginForm(next=onwards), error="", status=200)


@blueprint.post("/login")
@rule("public")
def login() -> AnyResponse:
    """Check name and password, begin a session."""
    request.max_content_length = LARGEST_FORM
    form = LoginForm()
    onwards = safe_next(form.next.data)
    form.next.data = onwards
    if not form.validate_on_submit():
        return _page("login", form, error=STALE, status=400)
    try:
        who = users.authenticate(
            _workspace(), name=form.name.data or "", password=form.password.data or "", address=_address()
        )
    except EOBenchError as error:
        return _page("login", form, error=str(error), status=error.http_status, wait=isinstance(error, TooMany))
    log_in(_workspace().db, who)
    return redirect(onwards, code=303)


@blueprint.post("/logout")
@rule("public")
def logout() -> AnyResponse:
    """End the session. The gate has checked that the request comes from our own pages."""
    log_out()
    flash("You are logged out.")
    return redirect("/auth/login", code=303)


@blueprint.get("/password")
@rule("member")
def password_form() -> Response:
    """The form that changes one's own password."""
    return _page("password", PasswordForm(), error="", status=200)


@blueprint.post("/password")
@rule("member")
def password() -> AnyResponse:
    """Change one's own password; other browsers are logged out."""
    request.max_content_length = LARGEST_FORM
    form, who = PasswordForm(), current_principal()
    if not form.validate_on_submit():
        return _page("password", form, error=STALE, status=400)
    new = form.new.data or ""
    if new != (form.again.data or ""):
        return _page("password", form, error="The two new passwords differ; type them again.", status=400)
    try:
        users.change_password(_workspace(), who, current=form.current.data or "", password=new, address=_address())
    except EOBenchError as error:
        sentence = "The current password is wrong." if str(error) == users.WRONG else str(error)
        return _page("password", form, error=sentence, status=error.http_status, wait=isinstance(error, TooMany))
    log_in(_workspace().db, who)
    return _page("password", PasswordForm(formdata=None), error="", status=200, done=True)


def _page(name: str, form: FlaskForm, *, error: str, status: int, wait: bool = False, done: bool = False) -> Response:
    who = current_principal()
    page = render_template(
        f"auth-{name}.html", form=form, error=error, done=done, who=who, shortest=MIN_PASSWORD, field_error=bool(error)
    )
    response = make_response(page, status)
    if wait:
        response.headers["Retry-After"] = str(int(users.WINDOW.total_seconds()))
    return response


def _workspace() -> Workspace:
    return cast(Workspace, current_app.extensions["eobench"])


def _address() -> str:
    return request.remote_addr or "unknown"
