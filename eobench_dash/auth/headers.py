"""Security headers of every answer. The policy for scripts names what Dash writes into its page by hash, no eval."""

from collections.abc import Iterable

from flask import Response

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def content_policy(script_hashes: Iterable[str] = ()) -> str:
    """The Content-Security-Policy. Styles may be inline (React and Plotly set them); scripts may not, but by hash."""
    scripts = " ".join(["'self'", *script_hashes])
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def add_headers(response: Response, *, policy: str, https: bool) -> Response:
    """Add what is missing. Pages and data of a person are kept by no cache unless their route says otherwise.

    What carries an ETag (the files of Dash: Plotly is megabytes) may be kept, and is asked for again.
    """
    for name, value in _FIXED.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", policy)
    if https:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "private, no-cache" if response.get_etag()[0] else "no-store"
    return response
