"""Progress from inside a computation, no more often than a reader can use it."""

import time
from collections.abc import Callable

INTERVAL = 0.25


class Pace:
    """Passes fractions on to ``progress(fraction, message)`` at most every ``INTERVAL`` seconds, and always the last.

    ``progress`` may raise to cancel: the exception goes through. ``low`` and ``high`` are the share of the whole task
    that this part is.
    """

    def __init__(
        self, progress: Callable[[float, str], None] | None, message: str, *, low: float = 0.0, high: float = 1.0
    ) -> None:
        self._progress, self._message, self._low, self._high = progress, message, low, high
        self._next = 0.0

    def __call__(self, fraction: float) -> None:
        now = time.monotonic()
        if self._progress is None or (now < self._next and fraction < 1.0):
            return
        self._next = now + INTERVAL
        self._progress(self._low + (self._high - self._low) * min(1.0, max(0.0, fraction)), self._message)


def part(
    progress: Callable[[float, str], None] | None, *, low: float, high: float
) -> Callable[[float, str], None] | None:
    """``progress`` for a step that is the share low..high of the whole."""
    if progress is None:
        return None
    whole = progress
    return lambda fraction, message: whole(low + (high - low) * fraction, message)
