"""Blocks on a Dask cluster: its workers compute, the job's process stores. The same functions as by threads here.

A scheduler runs whatever it is sent, so only one on this machine or behind TLS is used (settings see to that; the
certificates are Dask's own settings, ``DASK_DISTRIBUTED__COMM__TLS__…``). A block whose worker is lost is computed
again by another one.
"""

import hashlib
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eobench_dash import __version__
from eobench_dash.errors import EOBenchError, Unavailable
from eobench_dash.jobs.blocks import Pool, ThreadPool

CONNECT_S = 10.0
ALONE_S = 60.0
"""So long a cluster may be without its scheduler, or without any worker, before the job gives up."""
PROBED = 2**20
_proven: set["Probe"] = set()


@dataclass(frozen=True)
class Probe:
    """A file that whoever computes must see: its path, and the hash of its first MiB. No path: nothing to see."""

    path: str = ""
    sha256: str = ""
    version: str = __version__


def probe_of(path: Path | None) -> Probe:
    """The probe of a file here (of a folder: of its first file by name)."""
    if path is None:
        return Probe()
    if path.is_dir():
        path = next((p for p in sorted(path.iterdir()) if p.is_file()), path)
    return Probe(str(path), _hash(str(path)))


def prove(probe: Probe) -> str:
    """Empty where this process sees the probe's file and runs the same program, else what is wrong. Once a process."""
    if probe in _proven:
        return ""
    if probe.version != __version__:
        return f"runs EO Bench {__version__}, not {probe.version}; install the same"
    if probe.path:
        try:
            same = _hash(probe.path) == probe.sha256
        except OSError as error:
            return f"cannot read {probe.path} ({error.strerror}); give it the data under the same path"
        if not same:
            return f"sees another file at {probe.path}; give it the same data"
    _proven.add(probe)
    return ""


@dataclass(frozen=True)
class Proven:
    """A block function that first proves that this process sees the files: workers may join while a job runs."""

    function: Callable[[Any], Any]
    probe: Probe

    def __call__(self, argument: Any) -> Any:
        if wrong := prove(self.probe):
            raise EOBenchError(f"A Dask worker (process {os.getpid()} of {os.uname().nodename}) {wrong}, then retry.")
        return self.function(argument)


def open_pool(scheduler: str, *, threads: int, probe: Callable[[], Probe]) -> "AbstractContextManager[Pool]":
    """Threads of this process or, where ``scheduler`` names one, a Dask cluster whose workers have proven their sight.

    Unavailable where the scheduler does not answer, has no workers, or one of them does not see the probe's file.
    """
    return ClusterPool(scheduler, probe()) if scheduler else ThreadPool(threads)


class ClusterPool(AbstractContextManager["ClusterPool"]):
    """A client of a scheduler. Use as a context manager; on leaving, what is under way there is called off."""

    def __init__(self, scheduler: str, probe: Probe) -> None:
        self._address, self._probe = scheduler, probe
        self._well, self.ahead = time.monotonic(), 1

    def __enter__(self) -> Self:
        try:
            from distributed import Client
        except ImportError:
            raise Unavailable(
                "EOBENCH_DASK_SCHEDULER is set, but Dask is not installed here: pip install 'eobench-dash[dask]'."
            ) from None
        for name in ("distributed.client", "distributed.core", "distributed.comm", "distributed.batched"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what they would say is said in the job's own sentence
        try:
            self._client = Client(self._address, timeout=CONNECT_S, set_as_default=False, name="eobench")
        except (OSError, ValueError) as error:  # TimeoutError is one of the former
            raise Unavailable(
                f"The Dask scheduler at {self._address} does not answer. Start it, or unset EOBENCH_DASK_SCHEDULER, "
                "then retry: finished blocks are kept."
            ) from error
        try:
            self._check_workers()
        except BaseException:
            self._client.close(timeout=2)
            raise
        self._executor = self._client.get_executor(pure=False)
        self.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError, CancelledError):
            if self._client.status == "running":
                self._executor.shutdown(wait=False)
        self._client.close(timeout=2)

    def submit(self, function: Callable[[Any], Any], argument: Any) -> "Future[Any]":
        future: Future[Any] = self._executor.submit(Proven(function, self._probe), argument)
        return future

    def check(self) -> None:
        """Unavailable where the scheduler is gone, or has been without any worker for a minute."""
        if self._client.status in ("closed", "closing"):
            raise self._gone()
        threads = 0
        if self._client.status == "running":
            with suppress(OSError):  # it is just going: the next look sees it
                threads = sum(self._client.nthreads().values())
        if threads:
            self._well, self.ahead = time.monotonic(), 2 * threads + 1
        elif time.monotonic() - self._well > ALONE_S:
            raise self._gone() if self._client.status != "running" else self._alone()

    def lost(self, error: BaseException) -> EOBenchError | None:
        """The sentence for an error that is the cluster's and not the block's, else None."""
        if isinstance(error, CancelledError):
            return self._gone()
        if type(error).__name__ == "KilledWorker":
            return Unavailable(
                "Several Dask workers died over the same block, most often because their memory was not enough. "
                "Give them more, or fewer threads each, then retry: finished blocks are kept."
            )
        return None

    def _check_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=CONNECT_S)
        except (TimeoutError, OSError):
            raise self._alone() from None
        for worker, wrong in self._client.run(prove, self._probe, on_error="return").items():
            if wrong:
                what = wrong if isinstance(wrong, str) else f"cannot run EO Bench ({wrong}); install the same there"
                raise Unavailable(f"The Dask worker {worker} {what}, then retry.")

    def _gone(self) -> Unavailable:
        return Unavailable(
            f"The Dask scheduler at {self._address} has gone. Start it again (or unset EOBENCH_DASK_SCHEDULER), then "
            "retry: finished blocks are kept."
        )

    def _alone(self) -> Unavailable:
        return Unavailable(
            f"The Dask scheduler at {self._address} has no worker. Start some, then retry: finished blocks are kept."
        )


def _hash(path: str) -> str:
    with Path(path).open("rb") as file:
        return hashlib.sha256(file.read(PROBED)).hexdigest()
