"""Progress of a job made of steps of known weight, with the time that is left."""

import time
from collections import deque
from collections.abc import Callable, Mapping

TOLD_AFTER_S = 10.0
"""Before that an estimate is a guess, and a job that is soon over needs none."""


class Countdown:
    """Passes ``progress(fraction, message)`` of each step on as the whole's, and says how long the rest will take.

    ``weights``: the steps' expected seconds, in order; only their proportions matter. ``clock`` gives seconds.
    """

    def __init__(
        self,
        progress: Callable[[float, str], None],
        weights: Mapping[str, float],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress, self._clock, self._begun = progress, clock, clock()
        self._low: dict[str, float] = {}
        self._width: dict[str, float] = {}
        whole, before = max(sum(weights.values()), 1e-12), 0.0
        for name, weight in weights.items():
            self._low[name], self._width[name] = before / whole, weight / whole
            before += weight

    def step(self, name: str) -> Callable[[float, str], None]:
        """The progress function of one step; it may raise to cancel."""
        low, width = self._low[name], self._width[name]

        def told(fraction: float, message: str) -> None:
            done = low + width * fraction
            elapsed = self._clock() - self._begun
            if elapsed >= TOLD_AFTER_S and 0.02 <= done < 1.0:
                message = f"{message}, about {duration(elapsed * (1 - done) / done)} left"
            self._progress(done, message)

        return told


class Rate:
    """How fast items are done in this run, and how long the rest takes: the words of a progress message.

    ``done`` counts items of earlier runs too (a job that goes on); only those of this one measure the speed, over the
    last ``WINDOW_S`` seconds. ``clock`` gives seconds.
    """

    WINDOW_S = 60.0

    def __init__(self, *, done: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque([(clock(), done)])

    def told(self, done: int, total: int) -> str:
        """``2,900/s · 6 min left``; shorter while too little is known to say so."""
        now = self._clock()
        if done != self._seen[-1][1]:
            self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[1][0] > self.WINDOW_S:
            self._seen.popleft()
        seconds, items = now - self._seen[0][0], done - self._seen[0][1]
        if items <= 0 or seconds <= 0:
            return ""
        pace = items / seconds
        told = f"{pace:,.0f}/s" if pace >= 10 else f"{pace:.1f}/s"
        left = f" · {duration((total - done) / pace)} left" if done < total and seconds >= TOLD_AFTER_S else ""
        return told + left


def duration(seconds: float) -> str:
    """``40 s``, ``3 min``, ``1 h 20 min``: as exact as an estimate deserves."""
    if seconds < 55:
        return f"{max(5, round(seconds / 5) * 5)} s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
