"""The page of one dataset: labels and settings."""

from eobench_dash.pages import Page
from eobench_dash.pages.datasets.callbacks import register
from eobench_dash.pages.datasets.layout import layout

PAGE = Page(path="/datasets/<dataset_id>", title="Labels and settings", layout=layout, register=register)
