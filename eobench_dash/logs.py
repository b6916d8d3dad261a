"""Structured logs on standard error: one line an event, with the request's id, and never a secret."""

import logging
import re
import sys
from contextvars import ContextVar
from typing import TextIO

from pythonjsonlogger.json import JsonFormatter

from eobench_dash.settings import Settings

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the request being answered, ``-`` outside of one."""

HIDDEN = "[hidden]"
_NAMES = r"[a-z0-9_-]*(?:password|passwd|passphrase|secret|secret[_-]?key|token|api[_-]?key)|session"
_RULES = (
    (re.compile(r"(?i)(authorization|cookie)([\"']?\s*[:=]\s*[\"']?)[^\"'\r\n]+"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?i)\b({_NAMES})([\"']?\s*[:=]\s*)([\"'])(?:(?!\3).)*\3"), rf"\1\2\3{HIDDEN}\3"),
    (re.compile(rf"(?i)\b({_NAMES})([\"']?\s*[:=]\s*)([^\"'\s,;&]+)"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(://[^\s:/@]+:)[^\s/@]+(@)"), rf"\1{HIDDEN}\2"),
)


def redact(line: str) -> str:
    """The line with the values of passwords, tokens, cookies, authorisations and URL passwords hidden."""
    for pattern, replacement in _RULES:
        line = pattern.sub(replacement, line)
    return line


class _Text(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Json(JsonFormatter):
    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s %(levelname)s %(name)s %(request_id)s %(process)d %(message)s",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        )

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Stderr(logging.StreamHandler[TextIO]):
    """Standard error as it is when a line is written: who captures it may have put another one there meanwhile."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def _mark(record: logging.LogRecord) -> bool:
    record.request_id = request_id.get()
    return True


def configure(settings: Settings) -> None:
    """Send the logs of this process to standard error, in the form and from the level that the settings ask for."""
    handler = _Stderr()
    handler.setFormatter(_Json() if settings.log_format == "json" else _Text())
    handler.addFilter(_mark)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    logging.getLogger("werkzeug").setLevel(max(logging.WARNING, root.level))  # we write our own access line
    logging.getLogger("alembic").setLevel(max(logging.WARNING, root.level))
