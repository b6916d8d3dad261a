"""The publish page."""

from eobench_dash.pages import Nav, Page
from eobench_dash.pages.publish.callbacks import register
from eobench_dash.pages.publish.layout import layout

PAGE = Page(
    path="/publish/<dataset_id>",
    title="Publish",
    layout=layout,
    register=register,
    nav=Nav("Publish", "publish", 6),
)
