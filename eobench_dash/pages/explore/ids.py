"""Ids of the explore page. ``assets/explore.js`` knows those that are marked so."""

DATASET = "explore-dataset"
ROOT = "explore-root"  # explore.js
MAP = "explore-map"  # explore.js
MAPS = "explore-maps"
MAP2 = "explore-map2"  # explore-view.js
"""The second map, linked with the first; without coordinates while it is closed."""
MAPS2 = "explore-maps2"
SPLIT = "explore-split"  # explore-view.js
"""Store that changes whenever the second map is to be opened or closed."""
THUMBS = "explore-thumbs"  # explore-view.js
"""Store that the browser keeps: whether thumbnails take the place of points."""
QUALITY = "explore-quality"
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

TAB = "explore-tab"  # explore-view.js
"""Store: the open tab of the right panel: labels, clusters, charts or history (a callback may wait for its own)."""

NEIGHBOURS = "explore-neighbours"
GROUPS = "explore-groups"  # explore.js
FIND = "explore-find"  # explore.js
GOTO = "explore-goto"  # explore.js

NEW_DIALOG = "explore-new"  # explore-view.js
METHOD = "explore-method"
FEATURE = "explore-feature"
GROUP = "explore-group"
COMPUTE = "explore-compute"
RESET = "explore-reset"
NEW_STATE = "explore-new-state"
"""Store: which dialog is to be open once the server has answered."""
WANTED = "explore-wanted"
"""Store: the job whose map is to be shown as soon as it is there."""


def later(name: str) -> dict[str, str]:
    """The place of what is filled in when it is wanted: later.py."""
    return {"type": "explore-later", "name": name}


def ask(name: str) -> dict[str, str]:
    """Store that changes when that place is to be filled; explore-view.js does that."""
    return {"type": "explore-ask", "name": name}


def zoom(code: int | str) -> dict[str, str | int]:
    """The button that opens the map of one label's group."""
    return {"type": "explore-zoom", "code": code}


def method_params(name: str) -> dict[str, str | int]:
    """The parameters of one method in the dialog of a new map."""
    return {"type": "explore-method-params", "name": name}


def param(method: str, name: str) -> dict[str, str | int]:
    """The field of one parameter of one method."""
    return {"type": "explore-param", "method": method, "name": name}


# -- the tab Charts (assets/explore-charts.js) --
CHARTS_WHAT = "explore-charts-what"
CHARTS_KIND = "explore-charts-kind"
CHARTS_SET = "explore-charts-set"
"""Which clusters the charts of clusters show."""
CHARTS_OF = "explore-charts-of"
"""What holds the choice of clusters; hidden for other charts."""
CHARTS_GRAPH = "explore-charts-graph"
CHARTS_DIALOG = "explore-charts-dialog"
CHARTS_LARGE = "explore-charts-large"
CHARTS_ENLARGE = "explore-charts-enlarge"

# -- the tab Clusters (assets/explore-clusters.js) --
CLUSTERS_CHANGED = "explore-clusters-changed"
"""Store that changes whenever clusters were made, named or removed here."""
CLUSTERS_DIALOG = "explore-clusters-dialog"
CLUSTERS_METHOD = "explore-clusters-method"
CLUSTERS_GROUP = "explore-clusters-group"
CLUSTERS_NUMBER = "explore-clusters-number"
CLUSTERS_ASKS = "explore-clusters-asks"
"""What the number means for the method chosen, and what happens without one."""
CLUSTERS_FEATURE = "explore-clusters-feature"
CLUSTERS_COMPUTE = "explore-clusters-compute"
CLUSTERS_WANTED = "explore-clusters-wanted"
"""Store: the job whose clusters are to be shown as soon as they are there."""
CLUSTERS_JOBS = "explore-clusters-jobs"
CLUSTERS_SET = "explore-clusters-set"  # explore-clusters.js
CLUSTERS_LIST = "explore-clusters-list"
ADVICE_OPEN = "explore-advice-open"
ADVICE_ASK = "explore-advice-ask"
ADVICE = "explore-advice"
CONFIRM = "explore-confirm"  # explore-clusters.js

# -- the panel on the left (assets/explore-panel.js) --
TRAIL = "explore-trail"  # explore-panel.js
NEAR = "explore-near"  # explore-panel.js
"""Store: the kind of features that neighbours are near in; None for the dataset's usual one."""
SAID = "explore-said"  # explore-panel.js
"""Where the browser says aloud which neighbour the arrow keys are at."""

# -- the tab History (assets/explore-history.js) --
HISTORY = "explore-history"  # explore-panel.js, explore-history.js
HISTORY_WHO = "explore-history-who"
HISTORY_BEFORE = "explore-history-before"  # explore-history.js
"""Store: the step below which the list begins; None for the newest."""
