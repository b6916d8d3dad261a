"""The command ``eobench``: one command per verb; exit code 0, or a clear sentence on stderr and another code."""

import os
import sys

import click
from sqlalchemy.exc import OperationalError

from eobench_dash import __version__
from eobench_dash.cli import datasets, people, serving
from eobench_dash.errors import EOBenchError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="eobench")
def cli() -> None:
    """EO Bench: from Sentinel products to benchmark datasets that people can trust."""


for command in (*people.COMMANDS, *datasets.COMMANDS, *serving.COMMANDS):
    cli.add_command(command)


def main() -> None:
    """Run the command line; every error of ours becomes one sentence and its exit code."""
    try:
        cli(standalone_mode=False)
    except EOBenchError as error:
        _stop(str(error), error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _stop("Stopped.", 130)
    except OperationalError as error:
        _stop(f"The database cannot be used: {error.orig}. Check EOBENCH_DATABASE_URL and EOBENCH_HOME.", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _stop(sentence: str, code: int) -> None:
    click.echo(f"eobench: {sentence}", err=True)
    sys.exit(code)
