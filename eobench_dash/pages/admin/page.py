"""The page of people and tasks."""

from eobench_dash.pages import Page
from eobench_dash.pages.admin.callbacks import register
from eobench_dash.pages.admin.layout import layout

PAGE = Page(path="/admin", title="People and tasks", layout=layout, register=register)
