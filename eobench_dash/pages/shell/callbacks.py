"""The shell's callbacks: which page, which navigation, which jobs."""

from collections.abc import Sequence
from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from eobench_dash.components import ids as shared
from eobench_dash.components.toasts import Tone, toast
from eobench_dash.domain.jobs import JobInfo, JobState
from eobench_dash.errors import EOBenchError, NotFound
from eobench_dash.pages import Page, asking
from eobench_dash.pages.shell import ids, views
from eobench_dash.pages.shell.failures import reference_of
from eobench_dash.pages.shell.router import Match, Router
from eobench_dash.services import datasets, jobs

BUSY_MS, IDLE_MS = 1_500, 10_000
ACTS = {
    "shell-job-cancel": jobs.cancel_job,
    "shell-job-retry": jobs.retry_job,
    "shell-job-pause": jobs.pause_job,
    "shell-job-resume": jobs.resume_job,
}


def register(app: Dash, pages: Sequence[Page]) -> None:
    """Add the shell's callbacks for these pages."""
    router = Router(pages)
    _register_pages(app, router)
    _register_jobs(app)
    _register_browser(app)


def _register_pages(app: Dash, router: Router) -> None:
    @app.callback(
        Output(ids.PAGE, "children"),
        Output(ids.MAIN, "className"),
        Output(ids.META, "data"),
        Output(ids.KEYS, "children"),
        Input(shared.LOCATION, "pathname"),
        Input(shared.LOCATION, "search"),
        on_error=broken,
    )
    def show_page(pathname: str, search: str | None) -> tuple[Any, str, dict[str, str], list[Component]]:
        match, content = _content(router, pathname, search or "")
        page = match.page if match else None
        full = page is not None and page.frame == "full"
        title = page.title if page else "Not found"
        return content, "eob-main eob-main--full" if full else "eob-main", {"title": title}, views.key_sheet(page)

    @app.callback(
        Output(ids.NAV, "children"),
        Output(ids.SWITCHER, "children"),
        Output(ids.LAST_DATASET, "data"),
        Input(shared.LOCATION, "pathname"),
        Input(shared.DATASETS_CHANGED, "data"),
        Input(shared.JOBS_DONE, "data"),
        State(ids.LAST_DATASET, "data"),
    )
    def show_way(pathname: str, _changed: Any, _done: Any, last: int | None) -> tuple[Component, Component, int | None]:
        ws, who = asking()
        match = router.match(pathname) if router.knows(pathname) else None
        rows = datasets.list_datasets(ws, who)
        current = _current(match, last, [row.id for row in rows])
        here = match.page if match else None
        first = _first_step(router.pages)
        return (
            views.way(router.pages, who, here=here, dataset_id=current),
            views.switcher(rows, current=current, here=here, fallback=first),
            current,
        )


def broken(error: Exception) -> tuple[Component, str, dict[str, str], list[Component]]:
    """What stands in the place of a page whose layout has a bug."""
    return views.broken_panel(reference_of(error)), "eob-main", {"title": "Something broke"}, views.key_sheet(None)


def _content(router: Router, pathname: str, search: str) -> tuple[Match | None, Component]:
    """The page and its content, or the panel that says why there is none."""
    match = None
    try:
        match = router.match(pathname)
        return match, match.render(search)
    except EOBenchError as error:
        return (None if isinstance(error, NotFound) else match), views.error_panel(error)


def _current(match: Match | None, last: int | None, known: list[int]) -> int | None:
    """The dataset in the address, else the one looked at last, else the only one."""
    if match and match.dataset_id in known:
        return match.dataset_id
    if last in known:
        return last
    return known[0] if len(known) == 1 else None


def _first_step(pages: Sequence[Page]) -> Page | None:
    of_dataset = [page for page in pages if page.of_dataset]
    return min(of_dataset, key=lambda page: page.nav.order if page.nav else 99, default=None)


def _register_jobs(app: Dash) -> None:
    @app.callback(
        Output(ids.JOBS_PILL, "children"),
        Output(ids.JOBS_LIST, "children"),
        Output(ids.TIMER, "interval"),
        Output(shared.JOBS_NOW, "data"),
        Output(shared.JOBS_DONE, "data"),
        Output(ids.JOBS_KNOWN, "data"),
        Input(ids.TIMER, "n_intervals"),
        Input(shared.JOBS_KICK, "data"),
        State(shared.JOBS_NOW, "data"),
        State(ids.JOBS_KNOWN, "data"),
    )
    def watch_jobs(_tick: int | None, _kick: Any, now: Any, known: list[int] | None) -> tuple[Any, ...]:
        ws, who = asking()
        rows = jobs.list_jobs(ws, who, limit=12)
        active = digest(rows)
        ended = [job for job in rows if job.state.over]
        fresh = [job for job in ended if known is not None and job.id not in known]
        announce(fresh)
        shown = (views.jobs_pill(rows), views.jobs_list(rows, may_act=not who.anonymous))
        timing = (BUSY_MS if active else IDLE_MS, _if_new(active, now))
        return *shown, *timing, [job.id for job in fresh] or no_update, _if_new([job.id for job in ended], known)

    @app.callback(
        Output(shared.JOBS_KICK, "data", allow_duplicate=True),
        Input({"type": "shell-job-cancel", "job": ALL, "at": ALL}, "n_clicks"),
        Input({"type": "shell-job-retry", "job": ALL, "at": ALL}, "n_clicks"),
        Input({"type": "shell-job-pause", "job": ALL, "at": ALL}, "n_clicks"),
        Input({"type": "shell-job-resume", "job": ALL, "at": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def act_on_job(*_clicks: list[int | None]) -> dict[str, Any]:
        button = ctx.triggered_id
        if not button or not ctx.triggered[0]["value"]:  # a button that has just appeared
            raise PreventUpdate
        ws, who = asking()
        ACTS[button["type"]](ws, who, job_id=button["job"])
        return {"job": button["job"], "n": ctx.triggered[0]["value"]}


def digest(rows: Sequence[JobInfo]) -> list[list[Any]]:
    """What a watcher of running jobs has to see change."""
    return [[job.id, job.state.value, round(job.progress, 3), job.message] for job in rows if job.state.moving]


def announce(ended: Sequence[JobInfo]) -> None:
    """A toast for each job that has just ended."""
    for job in ended:
        tone: Tone = "ok" if job.state == JobState.DONE else "danger" if job.state == JobState.FAILED else "info"
        toast(f"{job.title}: {job.error or job.state.value}", kind=tone)


def _if_new(value: Any, before: Any) -> Any:
    return no_update if value == before else value


def _register_browser(app: Dash) -> None:
    """What the browser does by itself (assets/shell.js)."""
    show = ClientsideFunction(namespace="eob", function_name="toast")
    app.clientside_callback(show, Input(shared.TOAST, "data"), prevent_initial_call=True)
    arrive = ClientsideFunction(namespace="eob", function_name="arrive")
    app.clientside_callback(arrive, Input(ids.META, "data"), prevent_initial_call=True)
