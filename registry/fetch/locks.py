"""Locks between workers: held by an open file, so that a worker that dies lets go of what it held."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that is only ever held for moments; waits for it."""
    handle = os.open(path, OPEN, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def take(path: Path) -> int | None:
    """Take a lock that may be held for long, if nobody has it: the handle to close, or None.

    Its file may be removed by whoever holds it; so a lock counts only on the file that the name still stands for.
    """
    try:
        handle = os.open(path, OPEN, 0o600)
    except FileNotFoundError:  # the folder went away with whoever was here before
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(handle)):
                return handle
    except BlockingIOError:
        pass
    os.close(handle)
    return None
