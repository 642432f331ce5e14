"""How often a file is asked for again, how long is waited before, and when it is given up."""

import dataclasses
import random
import time
from collections.abc import Callable

from registry.sources.base import SourceUnavailable


@dataclasses.dataclass(frozen=True, slots=True)
class Patience:
    """Bounds on trying again. Times in seconds; the clock, the wait and chance can be replaced."""

    attempts: int = 6  # in a row without `step_bytes` of progress
    step_bytes: int = 1024 * 1024
    stalled_seconds: float = 900.0
    first_seconds: float = 1.0
    most_seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random  # spreads out workers that were turned away together


class Tries:
    """The tries of one file: counts those that brought nothing new."""

    def __init__(self, patience: Patience, *, offset: int) -> None:
        self._patience = patience
        self._best = offset
        self._fruitless = 0
        self._since = patience.clock()

    def failed(self, error: SourceUnavailable, *, offset: int) -> float:
        """How long to wait before the next try; raises `error` once the bounds are reached.

        Only bytes beyond all earlier ones are progress: a source that begins at 0 each time makes none.
        """
        patience, now = self._patience, self._patience.clock()
        if offset >= self._best + patience.step_bytes:
            self._best, self._fruitless, self._since = offset, 0, now
        self._fruitless += 1
        pause = min(patience.first_seconds * 2.0 ** (self._fruitless - 1), patience.most_seconds)
        pause *= 0.5 + patience.chance() / 2
        asked = getattr(error, "delay", None)
        pause = max(pause, asked or 0.0)
        is_late = now + pause - self._since > patience.stalled_seconds
        if self._fruitless >= patience.attempts or is_late:
            raise error
        return pause
