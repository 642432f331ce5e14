"""Trouble, told on standard error, but never so often that it becomes trouble itself."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable


class Complaints:
    """Writes to standard error, at most one line a minute for each kind of trouble."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}
        self._silenced = 0

    def __call__(self, message: str) -> None:
        """Write the message, unless one of its kind was written less than a minute ago."""
        kind, now = message[:24], self._clock()
        if now - self._last.get(kind, float("-inf")) < 60:
            self._silenced += 1
            return
        self._last[kind] = now
        more = f" ({self._silenced} more messages held back)" if self._silenced else ""
        self._silenced = 0
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"modelcustody: {message}{more}\n")
            sys.stderr.flush()
