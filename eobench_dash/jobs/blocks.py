"""Run the blocks of a job: by threads here or on a cluster's workers, a bounded number at once, one writer for all."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from itertools import islice
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

LOOK_S = 0.5
Argument = TypeVar("Argument")
Arrays = Mapping[str, npt.NDArray[np.generic]]


class Pool(Protocol):
    """What computes blocks. ``ahead``: how many are worth having under way at once."""

    @property
    def ahead(self) -> int: ...

    def submit(self, function: Callable[[Any], Any], argument: Any) -> "Future[Any]": ...

    def check(self) -> None:
        """Raise an EOBenchError where this pool cannot go on."""


class BlockStore(Protocol):
    """Where finished blocks go (``store.blocks.BlockFolder``)."""

    def write(self, number: int, arrays: Arrays) -> None: ...


class ThreadPool(AbstractContextManager["ThreadPool"]):
    """Threads of this process. On leaving, what has not begun never does; what has is waited for (a block is short)."""

    def __init__(self, threads: int) -> None:
        self.ahead = 2 * threads
        self._threads: Executor = ThreadPoolExecutor(threads, thread_name_prefix="eobench-block")

    def submit(self, function: Callable[[Any], Any], argument: Any) -> "Future[Any]":
        return self._threads.submit(function, argument)

    def check(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=error is None, cancel_futures=True)


def run_blocks(
    pool: Pool,
    function: Callable[[Argument], Arrays],
    blocks: Iterable[tuple[int, Argument]],
    store: BlockStore,
    *,
    tell: Callable[[], None],
) -> None:
    """Compute ``function(argument)`` of every (number, argument) and store each result once, as it comes (any order).

    ``function`` is pure and, for a cluster, defined at the top of a module that its workers can import. ``blocks`` is
    consumed as room comes, so it may be a generator; give only what is missing. ``tell`` is called after every block
    and at least twice a second; it raises (JobCancelled, JobPaused, JobLost …) to stop. Whatever stops it, blocks
    stored are kept, and what has not begun is called off. The first error of a block is raised as it is.
    """
    rest = iter(blocks)
    under_way: dict[Future[Any], int] = {}
    try:
        while True:
            for number, argument in islice(rest, max(0, pool.ahead - len(under_way))):
                under_way[pool.submit(function, argument)] = number
            if not under_way:
                return
            done, _ = wait(under_way, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            for future in done:
                store.write(under_way.pop(future), future.result())
                tell()
            if not done:
                pool.check()
                tell()
    finally:
        for future in under_way:
            future.cancel()
