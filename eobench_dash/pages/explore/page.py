"""The explore page."""

from eobench_dash.pages import Nav, Page
from eobench_dash.pages.explore.callbacks import register
from eobench_dash.pages.explore.layout import layout

PAGE = Page(
    path="/explore/<dataset_id>",
    title="Explore and clean",
    layout=layout,
    register=register,
    nav=Nav("Explore", "explore", 4),
    frame="full",
    keys=(
        ("drag", "move the map"),
        ("wheel  + −", "zoom at the pointer"),
        ("0", "see all of it"),
        ("shift + drag", "lasso patches"),
        ("click", "nearest neighbours of a patch"),
        ("right click  /", "assign a label (mode Clean)"),
        ("1 … 9", "assign one of the nine largest labels (mode Clean)"),
        ("ctrl + z", "take the last change back"),
        ("esc", "drop the selection"),
    ),
)
