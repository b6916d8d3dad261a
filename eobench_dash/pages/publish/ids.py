"""Ids of the publish page."""

from typing import Any

DATASET = "publish-dataset"
READY = "publish-ready"
"""What the files will hold, and the checklist."""

REPORTS = "publish-reports"


def prepare(format: Any) -> dict[str, Any]:
    """The button that makes the file of a format."""
    return {"type": "publish-prepare", "format": format}


def prepared(format: Any) -> dict[str, Any]:
    """Where the finished file of a format is shown."""
    return {"type": "publish-prepared", "format": format}
