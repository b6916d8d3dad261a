"""``python -m eobench_dash.jobs``: one worker, until SIGTERM or SIGINT. This is what ``eobench worker`` runs, too.

With ``--with-parent`` it also stops when its standard input ends: that is how it follows the process that started it.
"""

import os
import signal
import sys
from contextlib import suppress
from threading import Event, Thread

from eobench_dash import logs
from eobench_dash.db.engine import Database
from eobench_dash.db.migrate import check_current
from eobench_dash.errors import EOBenchError
from eobench_dash.jobs.worker import TASKS_MODULE, run_worker
from eobench_dash.settings import load_settings

GRACE_S = 10.0


def main(*, with_parent: bool = False, once: bool = False, tasks: str = TASKS_MODULE) -> int:
    """Run a worker in this process; the exit code."""
    stop = Event()
    try:
        settings = load_settings()
        logs.configure(settings)
        db = Database(settings.sqlalchemy_url)
        check_current(db)
        db.dispose()
    except EOBenchError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stop.set())
    if with_parent:
        os.nice(5)  # beside a web process: pages stay quick while jobs (and the warming up for them) use every core
        Thread(target=_follow_parent, args=(stop,), daemon=True).start()
    run_worker(settings, stop=stop, once=once, tasks=tasks)
    return 0


def _follow_parent(stop: Event) -> None:
    with suppress(OSError, ValueError):
        while os.read(0, 1024):
            pass
    stop.set()
    Event().wait(GRACE_S)
    os._exit(1)


if __name__ == "__main__":
    options = [arg.partition("=") for arg in sys.argv[1:]]
    named = {name: value for name, _, value in options}
    sys.exit(
        main(
            with_parent="--with-parent" in named,
            once="--once" in named,
            tasks=named.get("--tasks", TASKS_MODULE),
        )
    )
