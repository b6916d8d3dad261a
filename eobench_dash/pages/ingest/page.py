"""The ingest page."""

from eobench_dash.domain.people import Role
from eobench_dash.pages import Nav, Page
from eobench_dash.pages.ingest.callbacks import register
from eobench_dash.pages.ingest.layout import layout

PAGE = Page(
    path="/ingest",
    title="Ingest",
    layout=layout,
    register=register,
    nav=Nav("Ingest", "ingest", 1, role=Role.BUILDER),
    keys=(
        ("arrows", "walk the patches of the scene (when it has the focus)"),
        ("+ - 0", "zoom the scene in, out, show all of it"),
        ("[ ]", "the product before, the next one"),
    ),
)
