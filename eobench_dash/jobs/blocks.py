"""Run the blocks of a job: by threads here or on a cluster's workers, a bounded number at once, one writer for all."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from itertools import islice
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import numpy.typing as npt

from eobench_dash.errors import EOBenchError, PatchUnreadable

LOOK_S = 0.5
PATIENCE = 16
"""So many blocks may hold an unreadable patch before the others are not waited for."""
Argument = TypeVar("Argument")
Arrays = Mapping[str, npt.NDArray[Any]]


class Pool(Protocol):
    """What computes blocks. ``ahead``: how many are worth having under way at once."""

    ahead: int

    def submit(self, function: Callable[[Any], Any], argument: Any) -> "Future[Any]":
        """Begin computing ``function(argument)`` as soon as there is room."""

    def check(self) -> None:
        """Raise an EOBenchError where this pool cannot go on."""

    def lost(self, error: BaseException) -> EOBenchError | None:
        """The sentence for an error that is the pool's and not the block's, else None."""


class BlockStore(Protocol):
    """Where finished blocks go (``store.blocks.BlockFolder``)."""

    def write(self, number: int, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Store one block."""


class ThreadPool(AbstractContextManager["ThreadPool"]):
    """Threads of this process. Left by an error, it waits for nothing: what runs ends by itself, unheard."""

    def __init__(self, threads: int) -> None:
        self.ahead = 2 * threads
        self._threads: Executor = ThreadPoolExecutor(threads, thread_name_prefix="eobench-block")

    def submit(self, function: Callable[[Any], Any], argument: Any) -> "Future[Any]":
        return self._threads.submit(function, argument)

    def check(self) -> None:
        """Threads go on as long as their process does."""

    def lost(self, error: BaseException) -> EOBenchError | None:
        return None

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

    ``function`` is pure and, for a cluster, stands at the top of a module that its workers can import. ``blocks`` is
    consumed as room comes, so it may be a generator; give only what is missing. ``tell`` is called after every block
    and at least twice a second; it raises (JobCancelled, JobPaused, JobLost …) to stop. Whatever stops it, blocks
    stored are kept, and what has not begun is called off.

    The first error of a block is raised as it is. Only for an unreadable patch the other blocks are done first, so that
    one run finds all there are and a retry has just their blocks to do: PatchUnreadable then counts them.
    """
    rest, looked = iter(blocks), time.monotonic()
    under_way: dict[Future[Any], int] = {}
    unreadable: list[PatchUnreadable] = []
    try:
        while len(unreadable) < PATIENCE:
            for number, argument in islice(rest, max(0, pool.ahead - len(under_way))):
                under_way[pool.submit(function, argument)] = number
            if not under_way:
                break
            done, _ = wait(under_way, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=_failed):  # what is well is stored before anything is raised
                try:
                    store.write(under_way.pop(future), _result(pool, future))
                except PatchUnreadable as error:
                    unreadable.append(error)
            if time.monotonic() - looked >= LOOK_S:
                looked = time.monotonic()
                pool.check()
            tell()
    finally:
        for future in under_way:
            future.cancel()
    if unreadable:
        raise _summed(unreadable)


def _failed(future: "Future[Any]") -> bool:
    return future.cancelled() or future.exception() is not None


def _result(pool: Pool, future: "Future[Any]") -> Arrays:
    try:
        result: Arrays = future.result()
        return result
    except (Exception, CancelledError) as error:
        if (told := pool.lost(error)) is not None:
            raise told from error
        raise


def _summed(errors: list[PatchUnreadable]) -> PatchUnreadable:
    first = f"{str(errors[0]).rstrip('.')}."
    kept = "Put it right and retry: everything else is done and kept."
    if len(errors) == 1:
        return PatchUnreadable(f"{first} {kept}")
    more = "At least" if len(errors) >= PATIENCE else "In all"
    others = " ".join(f"{str(error).rstrip('.')}." for error in errors[1:3])
    return PatchUnreadable(f"{first} {more} {len(errors)} blocks hold such patches, among them: {others} {kept}")
