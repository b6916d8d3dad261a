"""Progress of a job made of steps of known weight, with the time that is left."""

import time
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


def duration(seconds: float) -> str:
    """``40 s``, ``3 min``, ``1 h 20 min``: as exact as an estimate deserves."""
    if seconds < 55:
        return f"{max(5, round(seconds / 5) * 5)} s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
