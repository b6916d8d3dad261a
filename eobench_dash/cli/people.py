"""Commands that set up the workspace and its people."""

import sys

import click

from eobench_dash.cli.common import SHELL, answer, json_option, operator, table, workspace
from eobench_dash.domain.people import Principal, Role
from eobench_dash.errors import BadInput
from eobench_dash.services import users
from eobench_dash.services.workspace import Workspace

ROLES = click.Choice([role.value for role in Role])
password_option = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@click.command()
def init() -> None:
    """Make the workspace and bring its database up to date."""
    with workspace() as ws:
        click.echo(f"The workspace {ws.settings.home} is ready.")


@click.group()
def user() -> None:
    """Add, list and change the people who log in."""


@user.command()
@click.argument("name")
@click.option("--role", type=ROLES, required=True, help="What they may do.")
@password_option
def add(name: str, role: str, password_stdin: bool) -> None:
    """Add a user; asks for the password."""
    with workspace() as ws:
        users.add_user(ws, _shell(ws), name=name, password=_password(password_stdin), role=Role(role))
        click.echo(f"Added {name.strip().casefold()} as {role}.")


@user.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the users."""
    with workspace() as ws:
        found = users.list_users(ws, operator(ws))
        rows = [{"name": u.name, "role": u.role.value, "disabled": u.disabled, "id": u.id} for u in found]
        answer(rows, as_json=as_json, text=lambda: table(rows))


@user.command()
@click.argument("name")
@password_option
def passwd(name: str, password_stdin: bool) -> None:
    """Set a user's password; their log-ins end."""
    with workspace() as ws:
        users.set_password(ws, operator(ws), name=name, password=_password(password_stdin))
        click.echo(f"The password of {name} is set.")


@user.command()
@click.argument("name")
@click.option("--undo", is_flag=True, help="Let the user in again.")
def disable(name: str, undo: bool) -> None:
    """Disable a user; their log-ins end."""
    with workspace() as ws:
        change = users.enable_user if undo else users.disable_user
        change(ws, operator(ws), name=name)
        click.echo(f"{name} is {'enabled' if undo else 'disabled'}.")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise BadInput("Standard input holds no password.")
        return line
    if not sys.stdin.isatty():
        raise BadInput("There is no terminal to ask for the password at; give it with --password-stdin.")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))


def _shell(ws: Workspace) -> Principal:
    """Who adds users: the first admin, or, before there is one, the operator at the shell."""
    try:
        return operator(ws)
    except BadInput:
        return SHELL


COMMANDS = (init, user)
