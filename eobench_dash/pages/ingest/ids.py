"""Ids of the ingest page."""

ROOT = "ingest-root"

# products
FOLDER = "ingest-folder"
BROWSER = "ingest-browser"
ENTRIES = "ingest-entries"
FOUND = "ingest-found"
NONE = "ingest-none"
"""Says why the list of products is empty."""
TICK_ALL = "ingest-tick-all"
TICK_NONE = "ingest-tick-none"
ONLY = "ingest-only"
SHOWN = "ingest-shown"
"""Store: the path of the product that the preview shows."""
FACTS = "ingest-facts"

# grid
PATCH = "ingest-patch"
STRIDE = "ingest-stride"
SCALES = "ingest-scales"
RESOLUTION = "ingest-resolution"
BANDS = "ingest-bands"
GRID = "ingest-grid"
UNIT = "ingest-unit"
NODATA = "ingest-nodata"
CLOUD = "ingest-cloud"
AREA = "ingest-area"

# preview: ingest.js fills it
SCENE = "ingest-scene"
FLAG = "ingest-flag"
DREW = "ingest-drew"

# descriptors and start
KINDS = "ingest-kinds"
NAME = "ingest-name"
ATTRIBUTION = "ingest-attribution"
FORM = "ingest-form"
"""Store: everything that is filled in, as ingest.js gathers it; ``form.read`` turns it into values."""
ESTIMATE = "ingest-estimate"
START = "ingest-start"
ASKED = "ingest-asked"
"""Store: what was filled in when the button was pressed."""
JOB = "ingest-job"
"""Store: the job that was started here."""
PROGRESS = "ingest-progress"


def entry(index: int | str) -> dict[str, int | str]:
    """One thing in the folder shown, or ``up``."""
    return {"type": "ingest-entry", "index": index}
