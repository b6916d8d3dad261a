"""What a page sends to its callbacks, looked at before Dash takes it apart, which answers misfits with 500."""

from collections.abc import Mapping
from typing import Any

from dash import Dash, Output
from flask import request

from eobench_dash.errors import BadInput, StalePage

CALLBACKS = "/_dash-update-component"


def install_post_check(app: Dash) -> None:
    """Refuse what fits no callback: BadInput for what no page sends, StalePage for what one of another version does.

    Call it when Dash is made: its own preparations come first.
    """

    def check() -> None:
        if request.path != CALLBACKS or request.method != "POST":
            return
        sent: Any = request.get_json(silent=True)
        if not _is_call(sent):
            raise BadInput("The request cannot be used: it is not what a page sends to one of its callbacks.")
        callback = app.callback_map.get(sent["output"])
        if callback is None or not _fits(sent, callback):
            raise StalePage("This page is of another version than the server. Nothing was changed: reload the page.")

    app.server.before_request(check)


def _is_call(sent: Any) -> bool:
    if not isinstance(sent, dict) or not isinstance(sent.get("output"), str):
        return False
    changed = sent.get("changedPropIds", [])
    places = [sent.get(name, []) for name in ("inputs", "state")]
    return (
        isinstance(changed, list)
        and all(isinstance(name, str) for name in changed)
        and all(isinstance(place, list) and all(_names_props(part) for part in place) for place in places)
        and all(_names_props(part) for part in _listed(sent.get("outputs", [])))
    )


def _names_props(part: Any) -> bool:
    """One property of a component, or of all components of a pattern."""
    return all(
        isinstance(one, dict) and isinstance(one.get("id"), str | dict) and isinstance(one.get("property"), str)
        for one in _listed(part)
    )


def _listed(part: Any) -> list[Any]:
    return part if isinstance(part, list) else [part]


def _fits(sent: Mapping[str, Any], callback: Mapping[str, Any]) -> bool:
    if "callback" not in callback:  # the browser's own
        return False
    if any(len(sent.get(name, [])) != len(callback[name]) for name in ("inputs", "state")):
        return False
    if callback["no_output"]:
        return True
    known, parts = callback["output"], sent.get("outputs", [])
    if isinstance(known, Output):
        return _is(known, parts)
    return isinstance(parts, list) and len(parts) == len(known) and all(map(_is, known, parts))


def _is(output: Output, part: Any) -> bool:
    """Whether these are an output's properties; of a pattern any number. What follows an @ tells its writers apart."""
    return all(Output(one["id"], one["property"].partition("@")[0]) == output for one in _listed(part))
