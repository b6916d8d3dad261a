"""A worker with the tests' tasks and a quick pace: ``python fast_worker.py``; settings from the environment."""

import signal
import sys
from threading import Event

from eobench_dash import logs
from eobench_dash.jobs.worker import Pace, run_worker
from eobench_dash.settings import load_settings

PACE = Pace(poll_s=0.05, tick_s=0.1, beat_s=0.5, lease_s=3.0, cancel_grace_s=1.0, respawn_s=0.5)

if __name__ == "__main__":
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    settings = load_settings()
    logs.configure(settings)
    run_worker(settings, stop=stop, once="--once" in sys.argv, tasks="fake_tasks", pace=PACE)
