"""What several commands share: the workspace, who is acting, answers as text or JSON, a job run on the spot."""

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from eobench_dash.db.models import Job, User
from eobench_dash.domain.jobs import JobState
from eobench_dash.domain.people import Principal, Role
from eobench_dash.errors import BadInput, EOBenchError
from eobench_dash.jobs.inline import run_inline
from eobench_dash.services.workspace import Workspace, open_workspace
from eobench_dash.settings import load_settings

json_option = click.option("--json", "as_json", is_flag=True, help="Answer as JSON, for scripts.")


class Interrupted(EOBenchError):
    """Ctrl-C, with more to say than that it was heard."""

    exit_code = 130


SHELL = Principal(user_id=0, name="operator", role=Role.ADMIN, session_key="command-line")
"""Who acts before there is an admin: whoever can run a command on the workspace may make one."""


@contextmanager
def workspace() -> Iterator[Workspace]:
    """The workspace of the environment, made if it is not there. EOBenchError where its database fails."""
    settings = load_settings()
    try:
        with closing(open_workspace(settings, create=True)) as ws:
            yield ws
    except OperationalError as error:
        first = str(error.orig).splitlines()[0].rstrip(".")
        raise EOBenchError(
            f"The database cannot be used: {first}. Check EOBENCH_DATABASE_URL and EOBENCH_HOME."
        ) from error


def operator(ws: Workspace, name: str | None = None) -> Principal:
    """Whom a command acts as: the user named, else the first admin who is not disabled."""
    query = select(User).where(~User.disabled).order_by(User.id)
    query = query.where(User.name == name.strip().casefold()) if name else query.where(User.role == Role.ADMIN)
    with ws.db.read() as session:
        user = session.scalar(query.limit(1))
    if user is None and name:
        raise BadInput(f"There is no user {name!r} (or the user is disabled). See: eobench user list")
    if user is None:
        raise BadInput("There is no admin yet. Make one first: eobench user add NAME --role admin")
    return Principal(user_id=user.id, name=user.name, role=Role(user.role), session_key="command-line")


def answer(value: Any, *, as_json: bool, text: Callable[[], str]) -> None:
    """Print the value: as JSON for scripts, else as ``text`` says it."""
    click.echo(json.dumps(value, default=_plain, ensure_ascii=False, indent=2) if as_json else text())


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same keys as columns of text."""
    if not rows:
        return "(none)"
    heads = list(rows[0])
    cells = [[_cell(row[h]) for h in heads] for row in rows]
    widths = [max(len(h), *(len(row[i]) for row in cells)) for i, h in enumerate(heads)]
    lines = ["  ".join(h.ljust(w) for h, w in zip(heads, widths, strict=True)).rstrip()]
    lines += ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join(lines)


def run_job(ws: Workspace, job_id: int, *, quiet: bool = False) -> Mapping[str, Any]:
    """Run a queued job in this process, progress on stderr; its result. EOBenchError with its sentence if it fails.

    Ctrl-C pauses a job that can go on later (and says how), and cancels any other.
    """
    from eobench_dash import tasks  # heavy: only commands that work load it

    terminal = sys.stderr.isatty()
    last = ""

    def show(fraction: float, message: str) -> None:
        nonlocal last
        line = f"{fraction:4.0%}  {message}"
        if terminal and not quiet and line != last:
            click.echo(f"\r\033[K{line}", err=True, nl=False)
            last = line

    try:
        job = run_inline(ws, job_id, tasks=tasks, show=show)
    except KeyboardInterrupt:
        with ws.db.read() as session:
            paused = session.get_one(Job, job_id).state == JobState.PAUSED
        if not paused:
            raise
        raise Interrupted(f"Stopped; what is done so far is kept. Go on with: {how_to_go_on(job_id)}") from None
    finally:
        if last:
            click.echo("\r\033[K", err=True, nl=False)
    if job.state == JobState.PAUSED:
        raise EOBenchError(f"The job was paused; what is done so far is kept. Go on with: {how_to_go_on(job_id)}")
    if job.state != JobState.DONE:
        raise EOBenchError(job.error or f"The job ended as {job.state}.")
    return job.result


def run_each(ws: Workspace, job_ids: Sequence[int], *, quiet: bool = False) -> None:
    """Run queued jobs as ``run_job`` does, one after the other. Where one fails, the others are done all the same, then
    EOBenchError tells of it. Ctrl-C says how to go on with all that are left."""
    failed: list[str] = []
    for at, job_id in enumerate(job_ids):
        try:
            run_job(ws, job_id, quiet=quiet)
        except (Interrupted, KeyboardInterrupt):
            left = "; ".join(map(how_to_go_on, job_ids[at:]))
            words = [*failed, f"Stopped; what is done so far is kept. Go on with: {left}"]
            raise Interrupted(" ".join(words)) from None
        except EOBenchError as error:
            failed.append(f"Job {job_id}: {error}")
    if failed:
        raise EOBenchError(" ".join(failed))


def how_to_go_on(job_id: int) -> str:
    """The command that goes on with a paused job, or does one that waits."""
    return f"eobench jobs resume {job_id} --here"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, frozenset | set | tuple):
        return sorted(value)
    return str(value)
