"""Refuse requests that another site makes in the name of a logged-in person (CSRF), without tokens in each form.

Browsers say where a request comes from: ``Sec-Fetch-Site`` (where the connection is trustworthy) and ``Origin``.
A request with neither is not made by a browser of the last years across sites; the SameSite cookie covers the rest.
Method: Sec-Fetch-Site first, then Origin against Host, as Filippo Valsorda's "Cross-Site Request Forgery" (2025).
"""

from urllib.parse import urlsplit

from flask import Request

from eobench_dash.errors import NotAllowed

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSED = "This request came from another site and was refused. Open the page itself and try again."


def check_origin(request: Request) -> None:
    """NotAllowed where a request that may change something comes from another origin."""
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise NotAllowed(REFUSED)
        return
    origin = request.headers.get("Origin")
    if origin is not None and _host_of(origin) != request.host.casefold():
        raise NotAllowed(REFUSED)


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.casefold()
    except ValueError:  # "http://[" and the like: no browser's
        return None
