"""The frame, made anew for each load of the page (who asks is known then)."""

from dash import dcc, html
from dash.development.base_component import Component

from eobench_dash.components import ids as shared
from eobench_dash.components.ui import chip, dialog, icon, link_button
from eobench_dash.domain.people import Principal, Role
from eobench_dash.pages import asking
from eobench_dash.pages.shell import ids

ATTRIBUTION = "Contains modified Copernicus Sentinel data, where a dataset says so. Sentinel data are free and open."


def shell() -> Component:
    """Top bar, the page's place, footer, dialog for keys, stores."""
    _, who = asking()
    return html.Div(
        [
            html.A("Skip to content", href=f"#{ids.MAIN}", className="eob-skip"),
            dcc.Location(id=shared.LOCATION, refresh="callback-nav"),
            *[dcc.Store(id=name) for name in _STORES],
            dcc.Store(id=ids.LAST_DATASET, storage_type="session"),
            dcc.Interval(id=ids.TIMER, interval=10_000),
            _bar(who),
            html.Main(html.Div(id=ids.PAGE), id=ids.MAIN, className="eob-main", tabIndex="-1"),
            _footer(),
            dialog(ids.KEYS_DIALOG, "Keyboard", [html.Div(id=ids.KEYS, className="eob-stack")], small=True),
        ],
        className="eob-shell",
        **{"data-user": who.tag},
    )


_STORES = (
    shared.TOAST,
    shared.JOBS_NOW,
    shared.JOBS_DONE,
    shared.JOBS_KICK,
    shared.DATASETS_CHANGED,
    ids.META,
    ids.JOBS_KNOWN,
)


def _bar(who: Principal) -> Component:
    brand = html.A(
        [html.Img(src="/assets/favicon.svg", alt=""), html.Span("EO Bench")],
        href="/",
        className="eob-brand",
        **{"aria-label": "EO Bench: all datasets"},
    )
    return html.Header(
        [
            brand,
            html.Div(id=ids.SWITCHER, className="eob-switcher"),
            html.Nav(id=ids.NAV, className="eob-nav", **{"aria-label": "Steps"}),
            html.Div([_jobs(who), *_log_in(who), _person(who)], className="eob-tools"),
        ],
        className="eob-bar",
    )


def _jobs(who: Principal) -> Component:
    return html.Details(
        [
            html.Summary(html.Span(id=ids.JOBS_PILL), **{"aria-label": "Jobs"}),
            html.Div([html.H3("Jobs"), html.Div(id=ids.JOBS_LIST)], className="eob-menu__panel eob-jobs__panel"),
        ],
        className="eob-menu eob-jobs",
        hidden=who.anonymous,
    )


def _person(who: Principal) -> Component:
    label = html.Span(
        [icon("user"), html.Span("" if who.anonymous else who.name, className="eob-user-name")],
        className="eob-jobs__pill",
    )
    return html.Details(
        [
            html.Summary(label, **{"aria-label": f"Menu of {who.name}"}),
            html.Div([*_who(who), _themes(), *_ways_out(who)], className="eob-menu__panel"),
        ],
        className="eob-menu",
    )


def _who(who: Principal) -> list[Component]:
    if who.anonymous:
        return []
    return [
        html.Div([html.Strong(who.name, className="eob-clip"), chip(who.role.value)], className="eob-row eob-menu__who")
    ]


def _log_in(who: Principal) -> list[Component]:
    return [link_button("Log in", "/auth/login", look="small", icon_name="key")] if who.anonymous else []


def _themes() -> Component:
    choices = (("light", "sun", "Light"), ("dark", "moon", "Dark"), ("auto", "auto", "Auto"))
    buttons = [
        html.Button([icon(picture), word], type="button", **{"data-eob-theme": name}) for name, picture, word in choices
    ]
    return html.Div(buttons, className="eob-choice", role="group", **{"aria-label": "Theme"})


def _ways_out(who: Principal) -> list[Component]:
    keys = html.Button(
        [icon("keyboard"), "Keyboard"], type="button", className="eob-menu__item", **{"data-eob-open": ids.KEYS_DIALOG}
    )
    credit = html.P(ATTRIBUTION, className="eob-menu__credit")  # pages without a footer (maps) have it here
    if who.anonymous:
        return [html.Hr(), keys, credit]
    people = html.A([icon("users"), "People and tasks"], href="/admin", className="eob-menu__item")
    password = html.A([icon("key"), "Change password"], href="/auth/password", className="eob-menu__item")
    leave = html.Form(
        html.Button([icon("logout"), "Log out"], type="submit", className="eob-menu__item"),
        action="/auth/logout",
        method="post",
    )
    return [html.Hr(), keys, *([people] if who.role.rank >= Role.BUILDER.rank else []), password, leave, credit]


def _footer() -> Component:
    return html.Footer([html.Span(ATTRIBUTION), html.Span("EO Bench")], className="eob-footer")
