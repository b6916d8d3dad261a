"""A command line on a workspace of its own, its answers as (code, out, err); and a tiny dataset, already described."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from eobench_dash.cli import main
from eobench_dash.services import users

PASSWORD = "correct horse battery"
CHEAP = "scrypt:1024:8:1"


class Answer(NamedTuple):
    """What a command gave."""

    code: int
    out: str
    err: str


Run = Callable[..., Answer]


def _call(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], args: tuple[str, ...], input: str
) -> Answer:
    monkeypatch.setattr(sys, "argv", ["eobench", *args])
    monkeypatch.setattr(sys, "stdin", StringIO(input))
    capfd.readouterr()
    before = signal.getsignal(signal.SIGTERM)
    try:
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        signal.signal(signal.SIGTERM, before)
    return Answer(code, *capfd.readouterr())


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root: three classes of 12 pictures in ``patches``, and one that is no picture."""
    root = tmp_path_factory.mktemp("data")
    for k, (name, color) in enumerate({"forest": (30, 90, 40), "sea": (20, 40, 120), "city": (150, 140, 135)}.items()):
        (root / "patches" / name).mkdir(parents=True)
        for i in range(12):
            noise = np.random.default_rng(100 * k + i).integers(-25, 26, (32, 32, 3))
            pixels = np.clip(np.array(color) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / "patches" / name / f"{name}_{i}.png")
    (root / "patches" / "sea" / "broken.png").write_bytes(b"not a picture")
    return root


@pytest.fixture
def home(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a workspace that is not there yet; the environment points at it and at nothing else."""
    for name in [name for name in os.environ if name.startswith("EOBENCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)  # no .env of a developer
    monkeypatch.setenv("EOBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EOBENCH_DATA_ROOTS", str(data))
    monkeypatch.setattr(users, "HASH_METHOD", CHEAP)
    return tmp_path / "home"


@pytest.fixture
def eobench(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """``eobench("user", "list", input="…")``, in this process."""
    return lambda *args, input="": _call(monkeypatch, capfd, args, input)


@pytest.fixture
def admin(eobench: Run) -> Run:
    """As ``eobench``, once there is an admin called ada."""
    assert eobench("user", "add", "ada", "--role", "admin", "--password-stdin", input=f"{PASSWORD}\n").code == 0
    return eobench


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace") / "home"


@pytest.fixture
def tiny(home: Path, _template: Path, data: Path, eobench: Run) -> Run:
    """As ``eobench``, with ada the admin, rob the reader and the dataset Tiny, described by ``color_stats``."""
    if not _template.exists():
        for name, role in (("ada", "admin"), ("rob", "reader")):
            assert eobench("user", "add", name, "--role", role, "--password-stdin", input=f"{PASSWORD}\n").code == 0
        assert eobench("import", str(data / "patches"), "--name", "Tiny").code == 0
        assert eobench("features", "Tiny", "--kind", "color_stats").code == 0
        shutil.copytree(home, _template)
    else:
        shutil.copytree(_template, home)
    return eobench


def hear_ctrl_c() -> None:
    """A shell's background jobs ignore Ctrl-C, and what they start inherits that: CI may be one."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``eobench …`` as a process of its own; those that still run at the end are killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*args: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "eobench_dash.cli", *args]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True,
                                        preexec_fn=hear_ctrl_c))  # fmt: skip
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()
