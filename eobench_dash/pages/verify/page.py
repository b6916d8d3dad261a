"""The verify page."""

from eobench_dash.pages import Nav, Page
from eobench_dash.pages.verify.callbacks import register
from eobench_dash.pages.verify.layout import layout

PAGE = Page(
    path="/verify/<dataset_id>",
    title="Verify",
    layout=layout,
    register=register,
    nav=Nav("Verify", "verify", 5),
)
