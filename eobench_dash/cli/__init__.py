"""``eobench …``: every step of the pipeline without a browser; it serves and works, too. Nothing imports this room."""

from eobench_dash.cli.main import main

__all__ = ["main"]
