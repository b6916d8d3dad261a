"""Ids of the verify page."""

from typing import Any

DATASET = "verify-dataset"
THEME = "verify-theme"  # verify.js
SORT = "verify-sort"
"""Store: by which column the table of labels is sorted, and whether it falls."""
RUN = "verify-run"
STATE = "verify-state"
"""The running verification, or what the last one said when it failed."""
ACTIONS = "verify-actions"
BODY = "verify-body"
TABLE = "verify-table"


def sort(column: Any) -> dict[str, Any]:
    """The head of a column (or ALL of them), which sorts by it."""
    return {"type": "verify-sort-by", "column": column}
