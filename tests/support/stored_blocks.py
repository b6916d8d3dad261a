"""Something happens in the middle of a job that runs in blocks: when so many of them are stored."""

from collections.abc import Callable

import pytest

from eobench_dash.store.blocks import Arrays, BlockFolder


def stop_after(
    monkeypatch: pytest.MonkeyPatch, blocks: int, act: Callable[[], object], *, folder: str = ""
) -> list[int]:
    """Call ``act`` once when so many blocks are stored in folders whose name begins so; the list holds their numbers.

    Not when progress is told: that is told at most every so often, and quick workers may be done by then.
    """
    real, stored = BlockFolder.write, []

    def write(self: BlockFolder, number: int, arrays: Arrays) -> None:
        real(self, number, arrays)
        if self.directory.name.startswith(folder):
            stored.append(number)
            if len(stored) == blocks:
                act()

    monkeypatch.setattr(BlockFolder, "write", write)
    return stored
