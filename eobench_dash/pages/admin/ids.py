"""Ids of the page of people and tasks."""

CHANGED = "admin-changed"
"""Store that changes whenever users or tasks do."""
DIALOG_STATE = "admin-dialog-state"

USERS = "admin-users"
ADD = "admin-add"
"""The dialog to add a user."""
ADD_NAME = "admin-add-name"
ADD_ROLE = "admin-add-role"
ADD_PASSWORD = "admin-add-password"
ADD_SAVE = "admin-add-save"

EDITOR = "admin-editor"
"""The dialog to change a user."""
WHO = "admin-who"
NAME = "admin-name"
ROLE = "admin-role"
PASSWORD = "admin-password"
SAVE = "admin-save"
SWITCH = "admin-switch"

TASKS = "admin-tasks"
TASK_DATASET = "admin-task-dataset"
TASK_USER = "admin-task-user"
TASK_LABEL = "admin-task-label"
TASK_NOTE = "admin-task-note"
ASSIGN = "admin-assign"


def edit(name: str) -> dict[str, str | int]:
    """The edit button of a user."""
    return {"type": "admin-edit", "name": name}


def task(assignment_id: int | str, act: str) -> dict[str, str | int]:
    """A button of an assignment: ``act`` is done, open or remove."""
    return {"type": "admin-task", "task": assignment_id, "act": act}
