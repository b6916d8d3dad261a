"""Ids of the home page."""

DATASETS = "home-datasets"
JOBS = "home-jobs"
TASKS = "home-tasks"
TASKS_CHANGED = "home-tasks-changed"
"""Store that changes when somebody finishes a task here."""
ACTIVITY = "home-activity"

IMPORT = "home-import"
"""The import dialog; home.js and the openers know it by this id."""
CLOSE = "home-close"
SOURCE = "home-source"
PANEL_BROWSE = "home-panel-browse"
PANEL_UPLOAD = "home-panel-upload"
PANEL_EUROSAT = "home-panel-eurosat"
PANEL_SIMULATE = "home-panel-simulate"

FOLDER = "home-folder"
ENTRIES = "home-entries"
BROWSER = "home-browser"
CHOSEN = "home-chosen"
"""Store of the path to import; home.js writes it after an upload."""
UPLOAD = "home-upload"

PREVIEW = "home-preview"
OPTIONS = "home-options"
NAME = "home-name"
APPEND = "home-append"
MODALITY = "home-modality"
TICKED = "home-ticked"
"""What else is wished of an import."""
START = "home-start"
FIELDS = ("unit", "patch_size", "source")
"""What an import may be told of its data (fields of domain.importing.ImportOptions), as the dialog asks for it."""

EUROSAT = "home-eurosat"

SIM_NAME = "home-sim-name"
SIM_MODALITY = "home-sim-modality"
SIM_COUNT = "home-sim-count"
SIM_SEED = "home-sim-seed"
SIMULATE = "home-simulate"


def entry(index: int | str) -> dict[str, str | int]:
    """The n-th thing in the folder shown."""
    return {"type": "home-entry", "index": index}


def task(assignment_id: int | str, act: str) -> dict[str, str | int]:
    """The button with which people say that their task is "done", or "open" again."""
    return {"type": "home-task", "task": assignment_id, "act": act}


def next_step(dataset_id: int | str, step: str) -> dict[str, str | int]:
    """The button that starts a dataset's next step."""
    return {"type": "home-next", "dataset": dataset_id, "step": step}


def told(name: str) -> dict[str, str | int]:
    """The control of one of FIELDS."""
    return {"type": "home-told", "name": name}


def told_field(name: str) -> dict[str, str | int]:
    """The place of that control, hidden where it has no meaning for the data chosen."""
    return {"type": "home-told-field", "name": name}
