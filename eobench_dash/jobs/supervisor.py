"""Keeps a worker process running beside a web process: starts it, restarts it when it dies, stops it at the end."""

import fcntl
import logging
import os
import subprocess
import sys
import time
from io import TextIOWrapper
from threading import Event, Thread
from types import TracebackType
from typing import Self

from eobench_dash.jobs.worker import TASKS_MODULE
from eobench_dash.settings import Settings

log = logging.getLogger(__name__)
STOP_GRACE_S = 8.0


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which a new process reads the same settings again."""
    env = {name: value for name, value in os.environ.items() if not name.upper().startswith("EOBENCH_")}
    for name, value in settings.model_dump().items():
        if value is not None:
            env[f"EOBENCH_{name.upper()}"] = str(int(value)) if isinstance(value, bool) else str(value)
    return env


class WorkerProcess:
    """``settings.workers`` worker processes of one workspace, looked after by a thread.

    Several web processes of one host (gunicorn) may each hold one of these: a lock in the workspace lets one of them
    act, and another take over when it ends. Workers end with the process that started them.
    """

    def __init__(self, settings: Settings, *, tasks: str = TASKS_MODULE, shortest_s: float = 1.0) -> None:
        self.settings = settings
        self.command = [sys.executable, "-m", "eobench_dash.jobs", "--with-parent", f"--tasks={tasks}"]
        self.shortest_s = shortest_s
        self._stop = Event()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._thread = Thread(target=self._look_after, name="eobench-workers", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that run now."""
        return [process.pid for process in self._processes.values() if process.poll() is None]

    def start(self) -> None:
        """Start the workers; returns at once."""
        if self.settings.workers:
            self._thread.start()

    def stop(self) -> None:
        """Stop the workers and wait for them; what they were doing is put back into the queue."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _look_after(self) -> None:
        with (self.settings.home / "workers.lock").open("w") as lock:
            while not self._stop.is_set():
                if _locked(lock):
                    self._keep_running()
                self._stop.wait(2.0)

    def _keep_running(self) -> None:
        wait = dict.fromkeys(range(self.settings.workers), 0.0)
        not_before = dict.fromkeys(wait, 0.0)
        try:
            while not self._stop.is_set():
                for slot in wait:
                    process, now = self._processes.get(slot), time.monotonic()
                    if process is not None and process.poll() is not None:
                        log.error("a worker ended with exit code %s; it is started again", process.returncode)
                        _close(self._processes.pop(slot))
                        wait[slot] = min(60.0, max(self.shortest_s, wait[slot] * 2))
                        not_before[slot] = now + wait[slot]
                    elif process is None and now >= not_before[slot]:
                        self._processes[slot] = self._spawn()
                    elif process is not None and now >= not_before[slot] + 60.0:
                        wait[slot] = 0.0  # it has run well for a while
                self._stop.wait(0.25)
        finally:
            self._end_all()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command, stdin=subprocess.PIPE, env=environment(self.settings))

    def _end_all(self) -> None:
        for process in self._processes.values():
            _close(process)  # the end of its input tells it to stop
        deadline = time.monotonic() + STOP_GRACE_S
        for process in self._processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def _locked(lock: TextIOWrapper) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
