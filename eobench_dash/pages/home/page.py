"""The home page."""

from eobench_dash.pages import Nav, Page
from eobench_dash.pages.home.callbacks import register
from eobench_dash.pages.home.layout import layout

PAGE = Page(path="/", title="Datasets", layout=layout, register=register, nav=Nav("Datasets", "grid", 0))
