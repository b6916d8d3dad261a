"""Screens. A page is one package of four small files (``ids layout callbacks page``); ``page.py`` offers ``PAGE``.

``PAGE = Page(path="/verify/<dataset_id>", title="Verify", layout=layout, register=register, nav=Nav(...))``

- ``layout(**variables)`` runs once per visit, inside a request, so it may ask services. Variables of the path come as
  keywords and as ``int`` (``/verify/7`` gives ``dataset_id=7``; anything else is "not found" before the page is asked);
  each parameter of the query string comes as a keyword ``str``: take what you know, and ``**_`` for the rest.
- An ``EOBenchError`` raised by ``layout`` becomes a designed error panel with its sentence; one raised by a callback
  becomes a toast. So neither needs a ``try``.
- ``register(app)`` adds the page's callbacks with ``app.callback`` / ``app.clientside_callback`` (never the global
  ``dash.callback``: a second app in one process would lose them).
- ``ws, who = asking()`` says in whose name and on which workspace a service is called.
- Ids that belong to the shell (toasts, "jobs have finished", …) are in ``eobench_dash.components.ids``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dash import Dash
from dash.development.base_component import Component
from flask import current_app

from eobench_dash.auth import current_principal
from eobench_dash.domain.people import Principal, Role
from eobench_dash.services.workspace import Workspace


@dataclass(frozen=True)
class Nav:
    """A page's place in the navigation: steps of the way by ``order``; ``icon`` names one of assets/icons.css."""

    label: str
    icon: str
    order: int
    role: Role = Role.READER


@dataclass(frozen=True)
class Page:
    """One screen. ``path`` may hold ``<dataset_id>``; a path without it is a page of the whole workspace.

    ``frame="full"`` gives the page all of the window below the top bar (a map), without margins or scrolling.
    ``early(**variables)``, called as ``layout`` is, names addresses of bytes that the page is going to ask for
    at once: the browser begins with them while Dash is still starting. It asks services, which check who may see them.
    ``keys`` are the page's own keyboard verbs, shown in the keyboard sheet (``?``): pairs of keys and what they do.
    """

    path: str
    title: str
    layout: Callable[..., Component]
    register: Callable[[Dash], None]
    nav: Nav | None = None
    frame: Literal["page", "full"] = "page"
    early: Callable[..., list[str]] | None = None
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def of_dataset(self) -> bool:
        """Whether the page shows one dataset."""
        return "<dataset_id>" in self.path

    def href(self, dataset_id: int | None = None) -> str:
        """The page's address, for one dataset where it shows one."""
        return self.path.replace("<dataset_id>", str(dataset_id))


def asking() -> tuple[Workspace, Principal]:
    """The workspace, and who asks, in a request of the web process."""
    workspace: Workspace = current_app.extensions["eobench"]
    return workspace, current_principal()
