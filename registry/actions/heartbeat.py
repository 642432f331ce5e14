"""Keeps a lease alive while a worker is busy, and tells how far it came."""

import enum
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.conf import settings
from django.db import connection
from django.db.utils import Error as DatabaseError
from django.utils import timezone

from registry.actions import runs

logger = structlog.get_logger(__name__)
SHOW_PROGRESS_SECONDS = 2.0
RATE_SECONDS = 10.0


class Stage(enum.StrEnum):
    """What a worker is doing now."""

    LISTING = "listing"
    FETCHING = "fetching"
    READING = "reading"
    CHECKING = "checking"


class Rate:
    """Bytes a second over the last while: the same when asked more or less often."""

    def __init__(self, seconds: float = RATE_SECONDS) -> None:
        self._seconds = seconds
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, done: int, *, now: float) -> int:
        """Note how far it came at a time in seconds; the rate up to then, 0 while it cannot be told."""
        self._samples.append((now, done))
        while len(self._samples) > 2 and self._samples[1][0] <= now - self._seconds:
            self._samples.popleft()
        before, had = self._samples[0]
        return max(round((done - had) / (now - before)), 0) if now > before else 0

    def forget(self) -> None:
        """Begin anew: what is done now says nothing about what comes."""
        self._samples.clear()


class Heart:
    """Beats in a thread of its own; `advance` is called by the work, and ends it once the lease is lost."""

    def __init__(self, lease: runs.Lease) -> None:
        self.lease = lease
        self._done = 0
        self._total: int | None = None
        self._stage = ""
        self._rate = Rate()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._lost = threading.Event()

    def advance(self, count: int) -> None:
        """Add to the bytes done; raises `LeaseLost`."""
        if self._lost.is_set():
            raise runs.LeaseLost(f"run {self.lease.run_id} went to another worker")
        with self._lock:
            self._done += count

    def expect(self, total: int) -> None:
        """Say how many bytes there will be; 0 where that is not known."""
        self._total = total

    def stage(self, name: Stage) -> None:
        """Say what is being done from now on."""
        with self._lock:
            self._stage = name
            self._rate.forget()

    def beat_until_stopped(self) -> None:
        """Beat; a database that is away for a moment is no reason to stop."""
        pause = min(SHOW_PROGRESS_SECONDS, settings.LEASE_SECONDS / 4)
        try:
            while not self._stop.wait(pause):
                self._beat()
        finally:
            connection.close()

    def stop(self) -> None:
        """Let the thread end."""
        self._stop.set()

    def _beat(self) -> None:
        with self._lock:
            progress: dict[str, int | str] = {
                "bytes_done": max(self._done, 0),
                "bytes_per_second": self._rate.add(self._done, now=time.monotonic()),
                "stage": self._stage,
            }
        if self._total is not None:
            progress["bytes_total"] = self._total
        try:
            if not runs.beat(self.lease, now=timezone.now(), **progress):
                self._lost.set()
                self._stop.set()
        except DatabaseError:
            logger.warning("heartbeat_missed", run=self.lease.run_id)
            connection.close()


@contextmanager
def beating(lease: runs.Lease) -> Iterator[Heart]:
    """Keep the lease alive for as long as the block runs."""
    heart = Heart(lease)
    thread = threading.Thread(target=heart.beat_until_stopped, name=f"heart-{lease.run_id}", daemon=True)
    thread.start()
    try:
        yield heart
    finally:
        heart.stop()
        thread.join(timeout=10)
