"""Ids of the explore page. ``assets/explore.js`` knows those that are marked so."""

DATASET = "explore-dataset"
ROOT = "explore-root"  # explore.js
MAP = "explore-map"  # explore.js
MAPS = "explore-maps"
MODE = "explore-mode"
THEME = "explore-theme"  # explore.js
PICK = "explore-pick"  # explore.js
"""Store: the patch whose neighbours are shown, where it was not clicked on the map: ``{ordinal, n}``."""
TICK = "explore-tick"  # explore.js
"""Store that changes whenever labels did, here or elsewhere."""
HIDE = "explore-hide"  # explore.js
"""Store: a group to isolate, asked for by a click on a chart: ``{code, n}``."""

NEIGHBOURS = "explore-neighbours"
GROUPS = "explore-groups"  # explore.js
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
