"""The command ``eobench``: one command per verb; exit code 0, or a clear sentence on stderr and another code."""

import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module

import click

from eobench_dash import __version__
from eobench_dash.errors import EOBenchError

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("people", "Make the workspace and bring its database up to date."),
    "user": ("people", "Add, list and change the people who log in."),
    "import": ("datasets", "Import images, patch folders, JSON, or vectors computed elsewhere."),
    "ingest": ("ingest", "Cut Sentinel products and other rasters into patches."),
    "simulate": ("datasets", "Make a simulated dataset of any size, to try things on."),
    "list": ("datasets", "List the datasets and where each stands."),
    "features": ("results", "Compute a descriptor for every patch."),
    "embed": ("results", "Compute a 2-D map of the patches."),
    "cluster": ("clusters", "Find clusters of patches in feature space."),
    "advise": ("clusters", "Say which labels to split, and which to merge."),
    "neighbours": ("results", "List the nearest neighbours of a patch."),
    "relabel": ("datasets", "Give patches another label, as one transaction."),
    "report": ("results", "Verify the labels and write the report as PDF and CSV."),
    "export": ("results", "Write a dataset to a file that other tools read."),
    "delete": ("datasets", "Delete a dataset, its labels and its history for good."),
    "jobs": ("jobs", "List the jobs on their way; cancel, pause, resume or retry one."),
    "serve": ("serving", "Serve the dashboard, with its workers."),
    "worker": ("serving", "Work: take queued jobs until stopped."),
    "demo": ("serving", "Set up demo data and an admin, and serve the dashboard."),
}
"""Name → module of this room that holds it, and its line of help; in the order of the way. Modules load when used."""


class _Verbs(click.Group):
    """The commands of the table. The list of them is printed without loading any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        commands: tuple[click.Command, ...] = import_module(f"eobench_dash.cli.{COMMANDS[cmd_name][0]}").COMMANDS
        return next(command for command in commands if command.name == cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="eobench")
def cli() -> None:
    """EO Bench: from Sentinel products to benchmark datasets that people can trust."""


def main() -> None:
    """Run the command line; every error of ours becomes one sentence and its exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # being told to stop ends as cleanly as Ctrl-C
    try:
        cli(standalone_mode=False)
    except EOBenchError as error:
        _stop(str(error), error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _stop("Stopped.", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # a workspace that cannot be made, a full disk
        _stop(f"The system refused {error.filename or 'it'}: {error.strerror}. Is EOBENCH_HOME right?", 1)


def _stop(sentence: str, code: int) -> None:
    click.echo(f"eobench: {sentence}", err=True)
    sys.exit(code)
