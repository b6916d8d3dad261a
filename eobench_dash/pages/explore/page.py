"""The explore page."""

from eobench_dash.pages import Nav, Page
from eobench_dash.pages.explore.callbacks import register
from eobench_dash.pages.explore.layout import early, layout

PAGE = Page(
    path="/explore/<dataset_id>",
    title="Explore and clean",
    layout=layout,
    register=register,
    nav=Nav("Explore", "explore", 4),
    frame="full",
    early=early,
    keys=(
        ("drag", "move the map"),
        ("wheel  + −", "zoom at the pointer"),
        ("0", "see all of it"),
        ("shift + drag", "lasso patches"),
        ("click", "nearest neighbours of a patch"),
        ("↓ →  ↑ ←", "walk along its neighbours; enter: go there"),
        ("shift + arrows", "move the map"),
        ("backspace", "back to the view, or the patch, before"),
        ("right click", "what to do with a patch or the selection"),
        ("esc", "drop the selection"),
        ("c", "choose what the points are coloured by"),
        ("t", "thumbnails in place of points when zoomed in, or not"),
        ("d", "a second map beside this one, or not"),
        ("s", "the scene that patches were cut from, beside the map, or not"),
        ("[ ]", "the scene: the product before, the next one; shift + drag selects in it"),
        ("b  B", "other bands of the pictures; another brightness"),
        ("m", "switch between Visualise and Clean; the keys below are for Clean"),
        ("/", "find a label and assign it"),
        ("1 … 9", "assign the label with that number in the list"),
        ("u  U", "mark as unsure; no longer"),
        ("x  X", "exclude from the benchmark; include again"),
        ("z  ctrl + z", "take my last change back"),
        ("ctrl + shift + z", "do it again"),
    ),
)
