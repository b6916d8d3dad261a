"""Pieces of the shell as functions of what is known: testable without a browser."""

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from eobench_dash.components.jobs import job_row, overall
from eobench_dash.components.ui import chip, count, empty, icon, link_button
from eobench_dash.domain.datasets import DatasetSummary
from eobench_dash.domain.jobs import JobInfo, JobState
from eobench_dash.domain.people import Principal
from eobench_dash.errors import EOBenchError, NotFound, NotLoggedIn
from eobench_dash.pages import Page

SHELL_KEYS = (
    ("?", "show this sheet"),
    ("g then h", "all datasets"),
    ("g then 1 … 9", "a step of the way"),
    ("Esc", "close"),
)


def way(pages: Sequence[Page], who: Principal, *, here: Page | None, dataset_id: int | None) -> html.Ol:
    """The steps of the way that are built and open to ``who``, the one shown marked."""
    steps = sorted((p for p in pages if p.nav and p.nav.role.rank <= who.role.rank), key=lambda p: p.nav.order)  # type: ignore[union-attr]
    return html.Ol([html.Li(_step(page, here=here, dataset_id=dataset_id)) for page in steps], className="eob-way")


def _step(page: Page, *, here: Page | None, dataset_id: int | None) -> html.A:
    if page.nav is None:
        raise ValueError(f"{page.path} is no step")
    more: dict[str, str] = {"aria-current": "page"} if page is here else {}
    if page.of_dataset and dataset_id is None:
        return html.A(
            [icon(page.nav.icon), page.nav.label],
            title="Choose a dataset first",
            role="link",
            **{"aria-disabled": "true"},
        )
    return html.A([icon(page.nav.icon), page.nav.label], href=page.href(dataset_id), **more)


def switcher(
    datasets: Sequence[DatasetSummary], *, current: int | None, here: Page | None, fallback: Page | None
) -> Component:
    """The dataset shown, and a menu of the others; choosing one stays on the same step."""
    target = here if here and here.of_dataset else fallback
    name = next((d.name for d in datasets if d.id == current), "Choose a dataset" if datasets else "No dataset yet")
    head = html.Summary(
        html.Span([html.Span(name, className="eob-clip"), icon("down")], className="eob-switcher__name"),
        title=name,
    )
    items = [_choice(d, current=current, target=target) for d in datasets] if target else []
    everything = html.A([icon("grid"), "All datasets"], href="/", className="eob-menu__item")
    settings = html.A([icon("gear"), "Labels and settings"], href=f"/datasets/{current}", className="eob-menu__item")
    foot = [html.Hr(), *([] if current is None else [settings]), everything]
    filter_box = [html.Div(**{"data-eob-filter": "Find a dataset"})] if len(items) > 7 else []
    panel = html.Div([*filter_box, *items, *foot], className="eob-menu__panel")
    return html.Details([head, panel], className="eob-menu eob-switcher__menu")


def _choice(dataset: DatasetSummary, *, current: int | None, target: Page) -> html.A:
    more: dict[str, str] = {"aria-current": "true"} if dataset.id == current else {}
    return html.A(
        [
            html.Span(dataset.name, className="eob-grow eob-clip"),
            *([chip("simulated", "warn")] if dataset.simulated else []),
            html.Span(f"{dataset.patch_count:,}", className="eob-muted eob-small"),
        ],
        href=target.href(dataset.id),
        className="eob-menu__item",
        **{"data-eob-words": dataset.name.casefold(), **more},
    )


def jobs_pill(jobs: Sequence[JobInfo]) -> html.Span:
    """The jobs in a word: how many are on their way and how far, or that one has failed lately."""
    active = [job for job in jobs if job.state.moving]
    if active:
        share = overall(list(jobs))
        ring = html.Span(className="eob-ring", style={"--eob-share": f"{share:.3f}"})
        words = html.Span(f"{count(len(active), 'job')} · {share:.0%}", className="eob-label")
        return html.Span([ring, words], className="eob-jobs__pill eob-jobs__pill--busy", title=words.children)
    if paused := [job for job in jobs if job.state == JobState.PAUSED]:
        words = html.Span(f"{count(len(paused), 'job')} paused", className="eob-label")
        return html.Span([icon("pause"), words], className="eob-jobs__pill", title=words.children)
    if jobs and jobs[0].state == JobState.FAILED:
        words = html.Span("Job failed", className="eob-label")
        return html.Span(
            [icon("alert"), words], className="eob-jobs__pill eob-jobs__pill--failed", title="A job has failed"
        )
    return html.Span([icon("jobs"), html.Span("Jobs", className="eob-label")], className="eob-jobs__pill", title="Jobs")


def jobs_list(jobs: Sequence[JobInfo], *, may_act: bool) -> list[Component]:
    """The jobs' panel, newest first."""
    if not jobs:
        return [
            html.P(
                "No job has run yet. Imports, features, maps and metrics show here.", className="eob-muted eob-small"
            )
        ]
    return [job_row(job, at="shell", may_act=may_act) for job in jobs]


def key_sheet(page: Page | None) -> list[Component]:
    """The keyboard sheet: the page's own keys, then those that work everywhere."""
    parts: list[Component] = []
    for title, keys in ((page.title if page else "", page.keys if page else ()), ("Everywhere", SHELL_KEYS)):
        if keys:
            rows = [part for key, does in keys for part in (html.Dt(_caps(key)), html.Dd(does))]
            parts += [html.H3(title), html.Dl(rows, className="eob-keys")]
    return parts


def _caps(keys: str) -> list[Component]:
    """Each key as a cap; words between keys, and the plus after a modifier, stay words."""
    parts = keys.split()
    joins = {i for i, part in enumerate(parts) if part == "+" and i and parts[i - 1] in {"shift", "ctrl", "alt"}}
    plain = {"then", "…", "or"}
    return [html.Span(part) if part in plain or i in joins else html.Kbd(part) for i, part in enumerate(parts)]


def broken_panel(reference: str) -> Component:
    """What stands in a page's place when the program has a bug there."""
    words = f"That is our fault, not yours. It has been written to the log under {reference}."
    back = link_button("All datasets", "/", look="primary")
    return _panel("Something broke", words, "alert", back)


def error_panel(error: EOBenchError) -> Component:
    """What stands in a page's place when it cannot be shown."""
    back = link_button("All datasets", "/", look="primary")
    if isinstance(error, NotLoggedIn):
        log_in = link_button("Log in", "/auth/login", look="primary")
        return _panel("Please log in", str(error), "key", log_in)
    if isinstance(error, NotFound):
        return _panel("Nothing is here", str(error), "search", back)
    title = "Not for you" if error.http_status == 403 else "This page cannot be shown"
    return _panel(title, str(error), "alert", back)


def _panel(title: str, words: str, icon_name: str, action: Component) -> Component:
    card = html.Div(empty(title, words, icon_name=icon_name, actions=[action]), className="eob-card")
    return html.Div(card, className="eob-page")
