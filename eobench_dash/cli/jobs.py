"""Long work from the command line: see jobs, cancel, pause, resume and retry them."""

from typing import Any

import click

from eobench_dash.cli.common import answer, json_option, operator, run_each, run_job, table, workspace
from eobench_dash.domain.jobs import JobInfo, JobState
from eobench_dash.jobs.life import EVERY_S, seconds_since_life
from eobench_dash.services import jobs as service
from eobench_dash.services.workspace import Workspace

SHOWN = 500

here_option = click.option("--here", is_flag=True, help="Do it in this process instead of leaving it to a worker.")


@click.group("jobs", invoke_without_command=True)
@click.option("--all", "all_", is_flag=True, help="Also those that have ended.")
@json_option
@click.pass_context
def jobs_(ctx: click.Context, all_: bool, as_json: bool) -> None:
    """List the jobs on their way; cancel, pause, resume or retry one."""
    if ctx.invoked_subcommand is not None:
        return
    with workspace() as ws:
        found = service.list_jobs(ws, operator(ws), limit=SHOWN)
    rows = [job for job in found if all_ or not job.state.over]
    none = "No job is on its way." + ("" if all_ or not found else " Those that have ended: eobench jobs --all")
    answer(rows, as_json=as_json, text=lambda: table([_line(job) for job in rows]) if rows else none)


@jobs_.command()
@click.argument("job_id", type=int, metavar="ID")
@json_option
def cancel(job_id: int, as_json: bool) -> None:
    """Cancel a job; nothing of it is kept."""
    with workspace() as ws:
        job = service.cancel_job(ws, operator(ws), job_id=job_id)
    answer(job, as_json=as_json, text=lambda: _told(job, "is being cancelled"))


@jobs_.command()
@click.argument("job_id", type=int, metavar="ID")
@json_option
def pause(job_id: int, as_json: bool) -> None:
    """Pause a job; what it has finished is kept."""
    with workspace() as ws:
        job = service.pause_job(ws, operator(ws), job_id=job_id)
    answer(job, as_json=as_json, text=lambda: _told(job, "is being paused"))


@jobs_.command()
@click.argument("job_id", type=int, metavar="ID")
@here_option
@json_option
def resume(job_id: int, here: bool, as_json: bool) -> None:
    """Go on with a paused job; with --here also do one that waits."""
    with workspace() as ws:
        who = operator(ws)
        job = service.get_job(ws, who, job_id=job_id)
        if not here or job.state != JobState.QUEUED:
            job = service.resume_job(ws, who, job_id=job_id)
        _go_on(ws, job, here=here, as_json=as_json)


@jobs_.command()
@click.argument("job_id", type=int, metavar="ID")
@here_option
@json_option
def retry(job_id: int, here: bool, as_json: bool) -> None:
    """Do a failed or cancelled job again, from the finished blocks where there are any."""
    with workspace() as ws:
        job = service.retry_job(ws, operator(ws), job_id=job_id)
        _go_on(ws, job, here=here, as_json=as_json)


def _go_on(ws: Workspace, job: JobInfo, *, here: bool, as_json: bool) -> None:
    if here:
        done = run_job(ws, job.id, quiet=as_json)
        run_each(ws, done.get("feature_jobs", []), quiet=as_json)  # an ingest's descriptors, which it queues at its end
        job = service.get_job(ws, operator(ws), job_id=job.id)
        answer(job, as_json=as_json, text=lambda: _told(job, ""))
        return
    seen = seconds_since_life(ws.settings.home)
    alone = "" if seen is not None and seen < 6 * EVERY_S else " No worker is running: start one with `eobench worker`."
    answer(job, as_json=as_json, text=lambda: f"{_told(job, '')}{alone}")


def _told(job: JobInfo, going: str) -> str:
    """One sentence on how the job stands; ``going`` says what a running one was asked."""
    words = {JobState.QUEUED: "waits for a worker", JobState.RUNNING: going or "is running"}
    return f"Job {job.id} ({job.title}) {words.get(job.state, f'is {job.state.value}')}."


def _line(job: JobInfo) -> dict[str, Any]:
    about = job.error or (job.message if not job.state.over else "")
    done = "" if job.state == JobState.QUEUED else f"{job.progress:.0%}"
    return {"id": job.id, "state": job.state.value, "done": done, "job": job.title, "by": job.owner, "about": about}


COMMANDS = (jobs_,)
