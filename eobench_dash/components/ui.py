"""The small pieces that pages are built of; their looks are in assets/base.css."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from dash import dcc, html
from dash.development.base_component import Component

Child: TypeAlias = str | Component
Tone = Literal["", "accent", "ok", "warn", "danger"]
AnyId = str | dict[str, str | int]


def icon(name: str) -> html.Span:
    """One of the icons of assets/icons.css; it says nothing to a screen reader, so put words beside it."""
    return html.Span(className=f"eob-icon eob-icon--{name}", **{"aria-hidden": "true"})


def button(
    text: str, *, id: AnyId | None = None, look: str = "", icon_name: str | None = None, **more: Any
) -> html.Button:
    """A button; ``look`` of primary, danger, quiet, small (several separated by a blank)."""
    children = [icon(icon_name), text] if icon_name else text
    return html.Button(children, type="button", className=_look(look), **_with_id(id), **more)


def icon_button(
    label: str, icon_name: str, *, id: AnyId | None = None, look: str = "quiet", **more: Any
) -> html.Button:
    """A button that shows only an icon; ``label`` is its name for screen readers and its tool tip."""
    classes = f"{_look(look)} eob-button--icon"
    named = {"aria-label": label, **more}
    return html.Button(icon(icon_name), type="button", title=label, className=classes, **_with_id(id), **named)


def link_button(text: str, href: str, *, look: str = "", icon_name: str | None = None, **more: Any) -> html.A:
    """A link that looks like a button; to one of our pages it changes the page without loading all anew."""
    children = [icon(icon_name), text] if icon_name else text
    return html.A(children, href=href, className=_look(look), **more)


def opener(text: str, dialog_id: str, *, look: str = "", icon_name: str | None = None) -> html.Button:
    """A button that opens the dialog ``dialog_id`` in the browser (assets/shell.js)."""
    return button(text, look=look, icon_name=icon_name, **{"data-eob-open": dialog_id, "aria-haspopup": "dialog"})


def dialog(id: str, title: str, children: Sequence[Child], *, small: bool = False) -> html.Dialog:
    """A modal dialog, closed at first; see ``opener``."""
    head = html.Div(
        [
            html.H2(title, id=f"{id}-title"),
            html.Button(
                icon("close"),
                type="button",
                className="eob-button eob-button--quiet eob-button--icon",
                **{"data-eob-close": "", "aria-label": "Close"},
            ),
        ],
        className="eob-dialog__head",
    )
    return html.Dialog(
        [head, html.Div(children, className="eob-dialog__body")],
        id=id,
        className="eob-dialog eob-dialog--small" if small else "eob-dialog",
        **{"aria-labelledby": f"{id}-title"},
    )


def page_head(title: str, lead: Child | None = None, actions: Sequence[Child] = ()) -> html.Header:
    """A page's title, one sentence under it, and its main actions at the right."""
    words = [html.H1(title), *([html.P(lead)] if lead else [])]
    return html.Header([html.Div(words), html.Div(list(actions), className="eob-row")], className="eob-page__head")


def chip(text: Child, tone: Tone = "", *, icon_name: str | None = None, title: str | None = None) -> html.Span:
    """A small word on a coloured ground."""
    children = [icon(icon_name), text] if icon_name else text
    return html.Span(children, className=f"eob-chip eob-chip--{tone}" if tone else "eob-chip", title=title)


def simulated_mark() -> html.Span:
    """The mark on everything that no satellite measured."""
    return chip(
        "simulated data", "warn", icon_name="spark", title="Made by a seeded simulator; no satellite measured it."
    )


def note(children: Any, tone: Tone = "", *, role: str | None = None) -> html.Div:
    """A sentence that needs to be seen, beside an icon for its tone."""
    name = {"ok": "check", "warn": "alert", "danger": "alert"}.get(tone, "info")
    classes = f"eob-note eob-note--{tone}" if tone else "eob-note"
    return html.Div([icon(name), html.Div(children, className="eob-grow")], className=classes, role=role)


def empty(title: str, text: Child, *, icon_name: str = "info", actions: Sequence[Child] = ()) -> html.Div:
    """What a place says that has nothing to show yet, and what to do about it."""
    row = [html.Div(list(actions), className="eob-row")] if actions else []
    return html.Div([icon(icon_name), html.H2(title), html.P(text), *row], className="eob-empty")


def field(label: str, control: Component, *, hint: Child | None = None) -> html.Div:
    """A labelled control. The label belongs to the control's id; a choice of several becomes a named group."""
    below = [html.Div(hint, className="eob-field__hint")] if hint else []
    if isinstance(control, dcc.RadioItems | dcc.Checklist):  # several controls: a label element would name none of them
        words = html.Span(label, className="eob-field__label", **{"aria-hidden": "true"})
        return html.Div([words, control, *below], className="eob-field", role="group", **{"aria-label": label})
    return html.Div([html.Label(label, htmlFor=control.id), control, *below], className="eob-field")


def text_input(id: AnyId, *, placeholder: str = "", value: str = "", **more: Any) -> dcc.Input:
    """A one-line text field."""
    return dcc.Input(id=id, value=value, placeholder=placeholder, className="eob-input", autoComplete="off", **more)


def meter(share: float, *, label: str) -> html.Div:
    """A bar filled to ``share`` of 0..1."""
    percent = round(100 * min(max(share, 0.0), 1.0), 1)
    return html.Div(
        html.Div(style={"width": f"{percent}%"}),
        className="eob-meter",
        role="progressbar",
        **{"aria-valuenow": percent, "aria-valuemin": 0, "aria-valuemax": 100, "aria-label": label},
    )


def dot(color: str) -> html.Span:
    """A label's colour."""
    return html.Span(className="eob-dot", style={"background": color}, **{"aria-hidden": "true"})


def ago(moment: datetime, *, now: datetime | None = None) -> html.Time:
    """ "3 min ago", with the full time in UTC as tool tip."""
    stamp = moment.astimezone(UTC)
    text = time_words((now or datetime.now(UTC)) - stamp, stamp)
    return html.Time(text, dateTime=stamp.isoformat(timespec="seconds"), title=f"{stamp:%Y-%m-%d %H:%M} UTC")


def time_words(passed: Any, stamp: datetime) -> str:
    """How long ago in words up to a week, then the date."""
    seconds = passed.total_seconds()
    for limit, divisor, word in (
        (90, 0, "just now"),
        (5400, 60, "min ago"),
        (129600, 3600, "h ago"),
        (604800, 86400, "days ago"),
    ):
        if seconds < limit:
            return f"{round(seconds / divisor)} {word}" if divisor else word
    return f"{stamp:%-d %b %Y}"


def count(n: int, word: str, plural: str | None = None) -> str:
    """ "1 patch", "16,109 patches"."""
    return f"{n:,} {word if n == 1 else plural or word + 's'}"


def _look(look: str) -> str:
    return " ".join(["eob-button", *(f"eob-button--{part}" for part in look.split())])


def _with_id(id: AnyId | None) -> dict[str, Any]:
    return {} if id is None else {"id": id}
