"""Logs: structured, and without secrets."""

import io
import json
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eobench_dash import logs


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer HUNTER2.abc-def",
        "Authorization: Basic HUNTER2aGVsbG8=",
        "sent {'Authorization': 'Bearer HUNTER2xyz'}",
        "Cookie: eobench=HUNTER2; other=HUNTER2",
        "Set-Cookie: eobench=HUNTER2; Path=/",
        "password=HUNTER2&next=/",
        'body {"password": "HUNTER2 with \\" words"}'.replace(' with \\" words', " with words"),
        "{'new_password': 'HUNTER2'}",
        "csrf_token=HUNTER2",
        "access_token: HUNTER2",
        "refresh_token='HUNTER2'",
        "GET /x?token=HUNTER2&page=3",
        "postgresql+psycopg://eo:HUNTER2@db/eobench",
        "EOBENCH_SECRET_KEY=HUNTER2",
        "api-key: HUNTER2",
    ],
)
def test_secrets_are_hidden(line: str) -> None:
    assert "HUNTER2" not in logs.redact(line)
    assert logs.HIDDEN in logs.redact(line)


@pytest.mark.parametrize(
    "line",
    ["job 3 (import) starts", "GET /explore/3 200", "The tokens.css file is served", "http://localhost:8050/a@b"],
)
def test_plain_lines_stay(line: str) -> None:
    assert logs.redact(line) == line


@given(st.text(max_size=300))
def test_any_line_can_be_redacted_and_twice_is_once(line: str) -> None:
    once = logs.redact(line)
    assert logs.redact(once) == once or logs.HIDDEN in once


@pytest.fixture
def said(settings, monkeypatch):
    """A function that logs by our configuration, and gives what was written."""
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def say(form: str, *args, **extra) -> str:
        logs.configure(settings.model_copy(update={"log_format": form}))
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        logging.getLogger("eobench_dash.test").error(*args, **extra)
        return stream.getvalue()

    yield say
    root.handlers[:], level = before
    root.setLevel(level)


def test_json_lines_are_json_with_request_id_and_extras(said) -> None:
    token = logs.request_id.set("abc12345")
    try:
        line = json.loads(said("json", "hello %s", "you", extra={"ms": 1.5, "password": "HUNTER2"}))
    finally:
        logs.request_id.reset(token)
    assert line["message"] == "hello you"
    assert (line["level"], line["logger"]) == ("ERROR", "eobench_dash.test")
    assert (line["request_id"], line["ms"]) == ("abc12345", 1.5)
    assert line["password"] == logs.HIDDEN


def test_tracebacks_are_redacted_too(said) -> None:
    try:
        raise ValueError("password=HUNTER2")
    except ValueError:
        for form in ("text", "json"):
            line = said(form, "it broke", exc_info=True)
            assert "ValueError" in line
            assert "HUNTER2" not in line


def test_a_line_goes_to_standard_error_as_it_is_then(said, monkeypatch) -> None:
    gone = io.StringIO()
    monkeypatch.setattr(sys, "stderr", gone)
    assert "hello" in said("text", "hello")
    gone.close()  # as when a capture of it ends
    now = io.StringIO()
    monkeypatch.setattr(sys, "stderr", now)
    logging.getLogger("eobench_dash.test").error("still here")
    assert "still here" in now.getvalue() and "Logging error" not in now.getvalue()
