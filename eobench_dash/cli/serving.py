"""Commands that run: the server, a worker, the demo."""

import secrets
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event

import click

from eobench_dash import logs
from eobench_dash.cli.common import SHELL, operator, workspace
from eobench_dash.domain.people import Principal, Role
from eobench_dash.errors import BadInput, Conflict, SettingsError
from eobench_dash.jobs.worker import USUAL_PACE, run_worker
from eobench_dash.services import datasets, importing, users
from eobench_dash.services.workspace import Workspace
from eobench_dash.settings import Settings, load_settings

DEMO_PATCHES = 3000
EUROSAT = "EuroSAT (Helber et al. 2019), MIT licence; contains modified Copernicus Sentinel data 2017."


@click.command()
def serve() -> None:
    """Serve the dashboard, with its workers."""
    settings = load_settings()
    with workspace():
        pass  # made and migrated before anybody asks
    _serve(settings)


@click.command()
@click.option("--once", is_flag=True, help="Do what is queued, then stop.")
@click.option("--lease", type=click.FloatRange(min=1.0), default=USUAL_PACE.lease_s, hidden=True)
def worker(once: bool, lease: float) -> None:
    """Work: take queued jobs until stopped."""
    settings = load_settings()
    logs.configure(settings)
    with workspace():
        pass
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    pace = replace(USUAL_PACE, lease_s=lease, beat_s=lease / 4, tick_s=min(USUAL_PACE.tick_s, lease / 8))
    run_worker(settings, stop=stop, once=once, pace=pace)


@click.command()
@click.option("--download", is_flag=True, help="Use EuroSAT RGB from its Zenodo record (90 MB).")
@click.option("--no-serve", is_flag=True, help="Only set the demo up.")
def demo(download: bool, no_serve: bool) -> None:
    """Set up demo data and an admin, and serve the dashboard."""
    settings = load_settings()
    with workspace() as ws:
        who = _first_admin(ws)
        if datasets.count_datasets(ws) == 0:
            _demo_data(ws, who, download=download)
        else:
            click.echo("  The workspace has datasets already; nothing is added to them.")
    if not no_serve:
        _serve(settings)


def _first_admin(ws: Workspace) -> Principal:
    """The admin; made on the first run, with a password from a file or a random one that is shown once."""
    try:
        who = operator(ws)
    except BadInput:
        file = ws.settings.admin_password_file
        password = _password_from(file) if file else secrets.token_urlsafe(12)
        users.add_user(ws, SHELL, name="admin", password=password, role=Role.ADMIN)
        shown = "is in EOBENCH_ADMIN_PASSWORD_FILE" if file else f"is  {password}  (shown only this once)"
        click.echo(f"\n  Log in as  admin  - the password {shown}\n")
        return operator(ws)
    click.echo(f"  Log in as  {who.name}  (a new password: eobench user passwd {who.name}).")
    return who


def _password_from(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, UnicodeDecodeError, IndexError) as error:
        raise SettingsError(f"EOBENCH_ADMIN_PASSWORD_FILE names {file}, which cannot be read or is empty.") from error


def _demo_data(ws: Workspace, who: Principal, *, download: bool) -> None:
    folder = ws.settings.demo_data
    if folder is not None:
        known = "eurosat" in folder.name.casefold()
        name = "EuroSAT" if known else folder.name
        importing.start_import(ws, who, path=str(folder), name=name, attribution=EUROSAT if known else "")
        click.echo(f"  {name} is being imported from {folder}; the page shows how far it is.")
    elif download:
        with suppress(Conflict):  # an earlier run has asked already
            importing.start_download(ws, who)
        click.echo("  EuroSAT RGB is being downloaded; the page shows how far it is.")
    else:
        importing.start_simulation(ws, who, name="Simulated Sentinel-2", modality="optical", count=DEMO_PATCHES)
        importing.start_simulation(ws, who, name="Simulated Sentinel-1", modality="sar", count=DEMO_PATCHES)
        click.echo("  Simulated scenes are being made. For real data: EOBENCH_DEMO_DATA=FOLDER, or demo --download.")


def _serve(settings: Settings) -> None:
    from eobench_dash.web import create_app, serve  # the web loads only where it is served

    serve(create_app(settings), settings)


COMMANDS = (serve, worker, demo)
