"""Ids of the page of one dataset."""

DATASET = "datasets-dataset"
HEAD = "datasets-head"
CHANGED = "datasets-changed"
"""Store that changes whenever the labels do."""

FILTER = "datasets-filter"
LABELS = "datasets-labels"
NEW = "datasets-new"
EDITOR = "datasets-editor"
"""The label editor (a dialog)."""
EDITOR_STATE = "datasets-editor-state"
CODE = "datasets-code"
NAME = "datasets-name"
COLOR = "datasets-color"
PALETTE = "datasets-palette"
DESCRIPTION = "datasets-description"
SAVE = "datasets-save"
MERGE_PART = "datasets-merge-part"
MERGE_INTO = "datasets-merge-into"
MERGE = "datasets-merge"

TITLE = "datasets-title"
ABOUT = "datasets-about"
ATTRIBUTION = "datasets-attribution"
PUBLIC = "datasets-public"
KEEP = "datasets-keep"

VECTORS = "datasets-vectors"
KIND = "datasets-kind"
COMPUTE = "datasets-compute"
METHOD = "datasets-method"
FEATURE = "datasets-feature"
EMBED = "datasets-embed"

DELETE_ASK = "datasets-delete-ask"
"""The sentence that says which name to type."""
DELETE_NAME = "datasets-delete-name"
DELETE = "datasets-delete"


def edit(code: int | str) -> dict[str, str | int]:
    """The edit button of a label."""
    return {"type": "datasets-edit", "code": code}
