"""A sign of life of the workers in the workspace, for the health page: a file that they touch."""

import time
from pathlib import Path

NAME = "worker.seen"
EVERY_S = 5.0


def show_life(home: Path) -> None:
    """Touch the file, at most every few seconds."""
    age = seconds_since_life(home)
    if age is None or age >= EVERY_S:
        (home / NAME).touch(mode=0o600)


def seconds_since_life(home: Path) -> float | None:
    """Seconds since a worker was last seen, or None where none ever was."""
    try:
        return max(0.0, time.time() - (home / NAME).stat().st_mtime)
    except FileNotFoundError:
        return None
