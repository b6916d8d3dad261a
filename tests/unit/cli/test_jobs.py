"""Jobs from the command line: listed, paused, resumed, retried, cancelled; Ctrl-C keeps what can go on."""

import json
import signal
import time
from pathlib import Path

import pytest

from eobench_dash.cli.common import operator, workspace
from eobench_dash.services import features

PATIENCE_S = 90.0  # for loaded machines; nothing here is timed


@pytest.fixture
def queued(tiny, home: Path):
    """A job that waits, on the dataset Tiny; there is no worker."""
    with workspace() as ws:
        number = features.start_features(ws, operator(ws), dataset_id=1, kind="gabor")
    return tiny, str(number)


def test_jobs_are_listed_paused_resumed_and_cancelled(queued) -> None:
    eobench, number = queued
    listed = eobench("jobs")
    assert listed.code == 0 and "Describe Tiny (gabor)" in listed.out and "queued" in listed.out
    assert "color_stats" not in listed.out and "color_stats" in eobench("jobs", "--all").out
    assert [job["state"] for job in json.loads(eobench("jobs", "--json").out)] == ["queued"]

    assert eobench("jobs", "pause", number).out == f"Job {number} (Describe Tiny (gabor)) is paused.\n"
    assert "paused" in eobench("jobs").out
    again = eobench("jobs", "pause", number)
    assert again.code != 0 and "there is nothing to pause" in again.err

    resumed = eobench("jobs", "resume", number)
    assert (
        "waits for a worker" in resumed.out and "No worker is running: start one with `eobench worker`" in resumed.out
    )
    assert "is cancelled" in eobench("jobs", "cancel", number).out
    assert eobench("jobs").out == "No job is on its way. Those that have ended: eobench jobs --all\n"
    assert "is done" in eobench("jobs", "retry", number, "--here").out
    missing = eobench("jobs", "cancel", "999")
    assert missing.code != 0 and "There is no job 999" in missing.err


def test_asking_for_features_that_are_paused_goes_on_with_them(queued) -> None:
    eobench, number = queued
    eobench("jobs", "pause", number)
    assert "36 × 48 features of kind gabor" in eobench("features", "Tiny", "--kind", "gabor").out
    assert json.loads(eobench("jobs", "--all", "--json").out)[0]["id"] == int(number)


def test_joined_descriptors_and_unknown_ones(tiny) -> None:
    made = tiny("features", "Tiny", "--kind", "gabor+wld144")
    assert made.code == 0, made.err
    assert "of kind wld144+gabor" in made.out  # in the table's order, however written
    wrong = tiny("features", "Tiny", "--kind", "gabor+nonsense")
    assert wrong.code == 2 and "There is no descriptor 'nonsense'" in wrong.err
    radar = tiny("features", "Tiny", "--kind", "sar_wld144")
    assert radar.code == 2 and "does not fit optical" in radar.err


def test_ctrl_c_keeps_the_finished_blocks_and_says_how_to_go_on(admin, home: Path, start) -> None:
    assert admin("simulate", "--name", "Big", "--count", "1500").code == 0

    def blocks() -> int:
        return len(list((home / "datasets").rglob("work/*/*.npz")))

    running = start("features", "Big", "--kind", "gabor")
    deadline = time.monotonic() + PATIENCE_S
    while blocks() < 2:
        assert time.monotonic() < deadline and running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    assert running.wait(PATIENCE_S) == 130
    said = running.stderr.read().strip()
    job = json.loads(admin("jobs", "--json").out)[0]
    assert said == f"eobench: Stopped; what is done so far is kept. Go on with: eobench jobs resume {job['id']} --here"
    assert job["state"] == "paused"
    assert blocks() >= 2
    assert admin("jobs", "resume", str(job["id"]), "--here").code == 0
    done = json.loads(admin("jobs", "--all", "--json").out)[0]
    assert (done["state"], done["result"]["blocks"]) == ("done", done["result"]["block_writes"])
    assert blocks() == 0
