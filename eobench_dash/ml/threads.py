"""Threads of a computation: our kernels let go of the interpreter, so plain threads share the cores."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


_LIMIT: ContextVar[int | None] = ContextVar("threads", default=None)


@contextmanager
def at_most(threads: int) -> Iterator[None]:
    """Inside, computations of this thread use so many threads: where whole blocks share the cores already."""
    token = _LIMIT.set(threads)
    try:
        yield
    finally:
        _LIMIT.reset(token)


def workers() -> int:
    """How many threads to use: the cores this process may run on, or fewer where OMP_NUM_THREADS or ``at_most`` say."""
    if (limit := _LIMIT.get()) is not None:
        return limit
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, int(asked))) if asked.isdigit() else cores


@contextmanager
def one_thread_per_product() -> Iterator[None]:
    """Inside, a matrix product uses the thread that asks for it: products on several threads would else wait for one
    another (measured: three times as long)."""
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    with threadpool_limits(limits=1, user_api="blas"):
        yield


def slices(n: int) -> list[tuple[int, int]]:
    """0..n cut into a few slices per thread, so that one slow slice does not hold all up."""
    edges = [n * i // (4 * workers()) for i in range(4 * workers() + 1)]
    return [(first, last) for first, last in pairwise(edges) if first < last]


def in_order(pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results in the order of the items; where the consumer stops (a cancelled job), what has not begun never does."""
    futures = [pool.submit(work, item) for item in items]
    try:
        for future in futures:
            yield future.result()
    finally:
        for future in futures:
            future.cancel()
