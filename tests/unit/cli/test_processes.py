"""What only a process of its own can show: being stopped, being served, a port that is taken."""

import json
import os
import signal
import socket
import sqlite3
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

PATIENCE_S = 90.0  # for loaded machines; nothing here is timed


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.05)


def count(home: Path, table: str) -> int:
    with closing(sqlite3.connect(home / "eobench.sqlite")) as database:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def children(pid: int) -> list[int]:
    """Every thread's child processes (where the kernel tells)."""
    return [int(c) for file in Path(f"/proc/{pid}/task").glob("*/children") for c in file.read_text().split()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_import_that_is_stopped_leaves_nothing(admin, home: Path, start, stop: signal.Signals) -> None:
    running = start("simulate", "--name", "Big", "--count", "2000000")
    until(lambda: count(home, "patch") >= 5000, "the import has written something")
    running.send_signal(stop)
    assert running.wait(PATIENCE_S) == 130
    assert running.stderr.read().strip() == "eobench: Stopped."
    tables = ("patch", "dataset", "label", "annotation_event", "annotation_batch", "patch_label")
    assert {table: count(home, table) for table in tables} == dict.fromkeys(tables, 0)
    assert [path for path in (home / "datasets").rglob("*") if path.is_file()] == []
    assert admin("simulate", "--name", "Big", "--count", "10").code == 0  # the name is free again


def test_the_demo_serves_works_and_ends_with_its_workers(home: Path, data: Path, start, monkeypatch) -> None:
    monkeypatch.setenv("EOBENCH_DEMO_DATA", str(data / "patches"))
    monkeypatch.setenv("EOBENCH_PORT", str(port := free_port()))
    running = start("demo")

    def healthy() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                return json.load(answer)["status"] == "ok"
        except OSError:
            assert running.poll() is None, running.stderr.read()
            return False

    until(healthy, "the server answers")
    second = start("serve")
    _, err = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 2
    assert f"127.0.0.1:{port} cannot be used" in err and "EOBENCH_PORT" in err
    until(lambda: count(home, "patch") == 36, "the worker beside it imports")
    workers = children(running.pid)
    assert workers
    running.send_signal(signal.SIGTERM)
    out, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 0
    assert f"EO Bench is at http://127.0.0.1:{port}" in out
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_off_loopback_a_key_has_to_be_named(home: Path, start, monkeypatch) -> None:
    monkeypatch.setenv("EOBENCH_HOST", "0.0.0.0")
    running = start("serve")
    out, err = running.communicate(timeout=PATIENCE_S)
    assert (running.returncode, out) == (2, "")
    assert "EOBENCH_SECRET_KEY_FILE" in err and "Traceback" not in err
