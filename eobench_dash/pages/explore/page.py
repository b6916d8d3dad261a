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
        ("m", "switch between Visualise and Clean"),
        ("right click or /", "assign a label (in Clean)"),
        ("1 … 9", "assign the label with that number in the list (in Clean)"),
        ("ctrl + z", "take my last change back (in Clean)"),
        ("esc", "drop the selection"),
    ),
)
