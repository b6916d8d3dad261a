"""Ids of the explore page. ``assets/explore.js`` knows those that are marked so."""

DATASET = "explore-dataset"
ROOT = "explore-root"  # explore.js
MAP = "explore-map"  # explore.js
MAPS = "explore-maps"
WHOLE = "explore-whole"
"""Store: the maps of all patches, the one to come back to first."""
BACK = "explore-back"
NOTHING = "explore-nothing"
"""What stands in the map's place while there is none."""
MODE = "explore-mode"  # explore.js
THEME = "explore-theme"  # explore.js
PICK = "explore-pick"  # explore.js
"""Store: the patch whose neighbours are shown, where it was not clicked on the map: ``{ordinal, n}``."""
TICK = "explore-tick"  # explore.js
"""Store that changes whenever labels did, here or elsewhere."""
TABLE = "explore-table"
"""Store: every label, largest first, as ``[code, name, color, count]``; what explore.js chooses from."""

NEIGHBOURS = "explore-neighbours"
GROUPS = "explore-groups"  # explore.js
FIND = "explore-find"  # explore.js
CHART = "explore-chart"
CHART_KIND = "explore-chart-kind"
GOTO = "explore-goto"  # explore.js

NEW_DIALOG = "explore-new"
METHOD = "explore-method"
FEATURE = "explore-feature"
GROUP = "explore-group"
COMPUTE = "explore-compute"
WANTED = "explore-wanted"
"""Store: the job whose map is to be shown as soon as it is there."""


def zoom(code: int | str) -> dict[str, str | int]:
    """The button that opens the map of one label's group."""
    return {"type": "explore-zoom", "code": code}
