"""Who may ask which route. Every route of the application states its rule; one without a rule stops the start.

Our own routes state it with the decorator ``@rule(...)``; those that Dash and Flask add are in ``FRAMEWORK_ROUTES``,
by their exact pattern, so that a new one of a later Dash is noticed and not simply let through.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Literal, TypeVar

from flask import Flask
from werkzeug.routing import Rule as UrlRule

from eobench_dash.domain.people import Principal, Role
from eobench_dash.errors import EOBenchError, NotAllowed, NotLoggedIn

View = TypeVar("View", bound=Callable[..., Any])
_ATTRIBUTE = "eobench_rule"


class Rule(StrEnum):
    """Who may ask a route."""

    PUBLIC = "public"  # everybody, without a log-in: the log-in form, health, files of the program itself
    READER = "reader"  # logged in; or anybody where EOBENCH_PUBLIC=1 (the service then checks the dataset)
    MEMBER = "member"  # logged in
    BUILDER = "builder"  # logged in, with at least this role
    ADMIN = "admin"


FRAMEWORK_ROUTES: dict[str, Rule] = {
    "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>": Rule.PUBLIC,
    "/_favicon.ico": Rule.PUBLIC,
    "/assets/<path:filename>": Rule.PUBLIC,
    "/static/<path:filename>": Rule.PUBLIC,
    "/_dash-layout": Rule.READER,
    "/_dash-dependencies": Rule.READER,
    "/_dash-update-component": Rule.READER,
    "/_reload-hash": Rule.READER,
    "/": Rule.READER,
    "/<path:path>": Rule.READER,
}
"""The rule of each route that the frameworks add."""


def rule(name: Literal["public", "reader", "member", "builder", "admin"]) -> Callable[[View], View]:
    """Decorator that states who may ask a route: ``@blueprint.get(...)`` above, ``@rule("reader")`` below."""
    stated = Rule(name)

    def state(view: View) -> View:
        setattr(view, _ATTRIBUTE, stated)
        return view

    return state


def rule_of(app: Flask, route: UrlRule) -> Rule | None:
    """The rule of a route, or None where nobody has stated one."""
    stated = getattr(app.view_functions.get(route.endpoint), _ATTRIBUTE, None)
    return stated if isinstance(stated, Rule) else FRAMEWORK_ROUTES.get(route.rule)


def check_routes(app: Flask) -> None:
    """EOBenchError that names every route without a rule. Called when the application is complete."""
    without = sorted({route.rule for route in app.url_map.iter_rules() if rule_of(app, route) is None})
    if without:
        raise EOBenchError(f"No rule says who may ask {', '.join(without)}. State one with @rule(…).")


def admit(stated: Rule, who: Principal, *, public: bool) -> None:
    """NotLoggedIn / NotAllowed unless ``who`` satisfies the rule. ``public``: EOBENCH_PUBLIC=1."""
    if stated is Rule.PUBLIC or (stated is Rule.READER and public):
        return
    if who.anonymous:
        raise NotLoggedIn("Log in first.")
    if stated in (Rule.BUILDER, Rule.ADMIN) and who.role.rank < Role(stated.value).rank:
        raise NotAllowed(f"This needs the role {stated.value}; you are {who.role.value}. Ask an admin.")
