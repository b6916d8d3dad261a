"""Which page an address means. The browser changes the address; this answers what to show for it."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from dash.development.base_component import Component
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from eobench_dash.errors import EOBenchError, NotFound
from eobench_dash.pages import Page


@dataclass(frozen=True)
class Match:
    """A page, and what its address says."""

    page: Page
    variables: dict[str, int]

    @property
    def dataset_id(self) -> int | None:
        """The dataset shown, if the page shows one."""
        return self.variables.get("dataset_id")

    def render(self, search: str = "") -> Component:
        """The page's content; EOBenchErrors of its layout pass through."""
        given = {**_query(search), **self.variables}
        return self.page.layout(**_accepted(self.page.layout, given))

    def early(self, search: str = "") -> list[str]:
        """Addresses of bytes that the page is going to ask for; none where who asks may not see them."""
        if self.page.early is None:
            return []
        try:
            return self.page.early(**{**_query(search), **self.variables})
        except EOBenchError:
            return []  # the page says it in its place


class Router:
    """All pages by address."""

    def __init__(self, pages: Sequence[Page]) -> None:
        rules = [Rule(p.path.replace("<dataset_id>", "<int:dataset_id>"), endpoint=p) for p in pages]
        self.pages = tuple(pages)
        self._map = Map(rules, strict_slashes=False, merge_slashes=False).bind("localhost")

    def match(self, pathname: str) -> Match:
        """The page at ``pathname``; NotFound where there is none."""
        try:
            page, variables = self._map.match(pathname or "/")
        except HTTPException as error:
            raise NotFound("There is no page at this address.") from error
        return Match(page, dict(variables))

    def knows(self, pathname: str) -> bool:
        """Whether there is a page at ``pathname``."""
        return bool(self._map.test(pathname))


def _query(search: str) -> dict[str, str]:
    """Parameters of a query string, the first of each name (``?a=1&a=2`` gives a=1); at most 50 are read."""
    try:
        return {name: values[0] for name, values in parse_qs(search.lstrip("?"), max_num_fields=50).items()}
    except ValueError:
        return {}


def _accepted(layout: Callable[..., Component], given: dict[str, Any]) -> dict[str, Any]:
    """What ``layout`` takes of ``given``."""
    parameters = inspect.signature(layout).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return given
    names = {p.name for p in parameters}
    return {name: value for name, value in given.items() if name in names}
