"""Short messages at the corner of the window, from inside any callback."""

import time
from typing import Literal

from dash import set_props

from eobench_dash.components import ids

Tone = Literal["info", "ok", "danger"]


def toast(text: str, *, kind: Tone = "info", href: str | None = None) -> None:
    """Show ``text`` (plain text, never markup) once; ``href`` makes it a link. Errors stay until they are closed."""
    message = {"text": text, "kind": kind, "href": href, "n": time.time_ns() // 1000}
    set_props(ids.TOAST, {"data": message})
