"""Blocks by threads: each done once and stored once, a bounded number under way, and stopping keeps what is done."""

import threading
import time
from concurrent.futures import Future

import numpy as np
import pytest

from eobench_dash.errors import JobPaused, PatchUnreadable, Unavailable
from eobench_dash.jobs.blocks import PATIENCE, ThreadPool, run_blocks


class Store:
    """Keeps blocks in memory, from one thread only."""

    def __init__(self) -> None:
        self.blocks: dict[int, np.ndarray] = {}
        self.thread = threading.get_ident()

    def write(self, number, arrays) -> None:
        assert threading.get_ident() == self.thread and number not in self.blocks
        self.blocks[number] = arrays["x"]


def square(value: int) -> dict[str, np.ndarray]:
    time.sleep(0.01 * (value % 3))  # they end in another order than they begin
    return {"x": np.array([value * value])}


def test_every_block_is_computed_and_stored_once() -> None:
    store, told, taken = Store(), [], []

    def blocks():
        for number in (9, 1, 4, 7, 2, 30):
            taken.append(number)
            yield number, number

    with ThreadPool(2) as pool:
        run_blocks(pool, square, blocks(), store, tell=lambda: told.append((len(taken), len(store.blocks))))
    assert store.blocks == {n: np.array([n * n]) for n in (9, 1, 4, 7, 2, 30)}
    assert max(begun - done for begun, done in told) <= 4  # of a million, a few are under way


def test_stopping_keeps_what_is_done_and_begins_nothing_more() -> None:
    store, begun = Store(), []

    def work(number: int):
        begun.append(number)
        return square(number)

    def tell() -> None:
        if len(store.blocks) == 3:
            raise JobPaused("enough")

    with pytest.raises(JobPaused), ThreadPool(2) as pool:
        run_blocks(pool, work, ((n, n) for n in range(1000)), store, tell=tell)
    assert len(store.blocks) == 3
    assert len(begun) <= 3 + pool.ahead


def test_tell_is_called_while_blocks_last() -> None:
    calls = []
    over = threading.Event()

    def tell() -> None:
        calls.append(1)
        if len(calls) == 2:
            over.set()

    def slow(number: int):
        assert over.wait(30)
        return square(number)

    with ThreadPool(1) as pool:
        run_blocks(pool, slow, [(0, 0)], Store(), tell=tell)
    assert len(calls) >= 2


def test_the_first_error_ends_it() -> None:
    store = Store()

    def work(number: int):
        if number == 2:
            raise ValueError("block 2")
        return square(number)

    with pytest.raises(ValueError, match="block 2"), ThreadPool(1) as pool:
        run_blocks(pool, work, ((n, n) for n in range(100)), store, tell=lambda: None)
    assert set(store.blocks) <= {0, 1, 3, 4} and {0, 1} <= set(store.blocks)


def test_unreadable_patches_do_not_keep_the_others_waiting() -> None:
    store = Store()

    def work(number: int):
        if number in (3, 8):
            raise PatchUnreadable(f"Patch {number}00 (a.png): it is empty.")
        return square(number)

    with pytest.raises(PatchUnreadable) as caught, ThreadPool(1) as pool:
        run_blocks(pool, work, ((n, n) for n in range(12)), store, tell=lambda: None)
    assert set(store.blocks) == set(range(12)) - {3, 8}
    assert str(caught.value) == (
        "Patch 300 (a.png): it is empty. In all 2 blocks hold such patches, among them: Patch 800 (a.png): it is "
        "empty. Put it right and retry: everything else is done and kept."
    )


def test_where_all_patches_are_unreadable_nobody_waits_for_the_end() -> None:
    begun = []

    def work(number: int):
        begun.append(number)
        raise PatchUnreadable("The disk is gone.")

    with pytest.raises(PatchUnreadable, match="At least"), ThreadPool(1) as pool:
        run_blocks(pool, work, ((n, n) for n in range(1000)), Store(), tell=lambda: None)
    assert len(begun) <= PATIENCE + pool.ahead


def test_an_error_of_the_pool_is_told_in_its_words() -> None:
    class Broken(ThreadPool):
        def submit(self, function, argument):
            future: Future = Future()
            future.set_exception(ConnectionError("raw"))
            return future

        def lost(self, error):
            return Unavailable("The cluster is gone.") if isinstance(error, ConnectionError) else None

    with pytest.raises(Unavailable, match="The cluster is gone"), Broken(1) as pool:
        run_blocks(pool, square, [(0, 0)], Store(), tell=lambda: None)
