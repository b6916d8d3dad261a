"""A job as people see it: what, how far, cancel or retry."""

from dash import html

from eobench_dash.components import ids
from eobench_dash.components.ui import ago, chip, icon_button, meter
from eobench_dash.domain.jobs import RESUMABLE, JobInfo, JobKind, JobState

_TONE = {JobState.DONE: "ok", JobState.FAILED: "danger", JobState.CANCELLED: "warn", JobState.PAUSED: "warn"}


def job_row(job: JobInfo, *, at: str, may_act: bool = True) -> html.Div:
    """One job in the place ``at`` (ids of its buttons hold it, so a job may be shown in two places)."""
    line = html.Div(
        [
            html.Span(job.title, className="eob-grow eob-clip", title=job.title),
            _state(job),
            *_buttons(job, at, may_act),
        ],
        className="eob-job__line",
    )
    return html.Div([line, *_progress(job)], className="eob-job")


def overall(jobs: list[JobInfo]) -> float:
    """Mean progress of the jobs that run or wait, 0..1 (0 where there are none)."""
    active = [job.progress for job in jobs if job.state.moving]
    return sum(active) / len(active) if active else 0.0


def _state(job: JobInfo) -> html.Span:
    if job.state == JobState.RUNNING:
        wish = "stopping" if job.cancel_requested else "pausing" if job.pause_requested else ""
        return chip(wish or f"{job.progress:.0%}", "accent")
    if job.state == JobState.QUEUED:
        return chip("waiting")
    return chip(job.state.value, _TONE[job.state])  # type: ignore[arg-type]


def _buttons(job: JobInfo, at: str, may_act: bool) -> list[html.Button]:
    settled = job.state == JobState.DONE or (job.cancel_requested and not job.state.over)
    if not may_act or settled or (job.kind == JobKind.DELETE and not job.state.over):  # nobody stops half a deletion
        return []
    if job.state.over:
        return [icon_button(f"Retry: {job.title}", "retry", id=ids.job_retry(job.id, at=at), look="quiet small")]
    cancel = icon_button(f"Cancel: {job.title}", "stop", id=ids.job_cancel(job.id, at=at), look="quiet small")
    if job.kind not in RESUMABLE:
        return [cancel]
    if job.state == JobState.PAUSED or job.pause_requested:
        words, name, ident = f"Resume: {job.title}", "play", ids.job_resume(job.id, at=at)
    else:
        words, name, ident = f"Pause: {job.title}", "pause", ids.job_pause(job.id, at=at)
    return [icon_button(words, name, id=ident, look="quiet small"), cancel]


def _progress(job: JobInfo) -> list[html.Div | html.P]:
    if job.state == JobState.RUNNING:
        return [meter(job.progress, label=job.title), html.P(job.message or "Working …")]
    if job.state == JobState.PAUSED:
        done = [meter(job.progress, label=job.title)] if job.progress else []
        return [*done, html.P(job.message or "Paused.")]
    if job.error:
        return [html.P(job.error, className="eob-job__error")]
    words = ["by ", job.owner or "the system", ", ", ago(job.finished_at or job.created_at)]
    return [html.P(words)]
