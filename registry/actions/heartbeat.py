"""Keeps a lease alive while a worker is busy, and tells how far it came."""

import threading
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


class Heart:
    """Beats in a thread of its own; `advance` is called by the work, and ends it once the lease is lost."""

    def __init__(self, lease: runs.Lease) -> None:
        self.lease = lease
        self._done = 0
        self._total: int | None = None
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
        """Say how many bytes there will be."""
        self._total = total

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
        progress = {"bytes_done": self._done} | (
            {"bytes_total": self._total} if self._total is not None else {}
        )
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
