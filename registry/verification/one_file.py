"""Reads one file of a model, once: its digests, and what the checks want of it. Pure, but for the file."""

import contextlib
import dataclasses
import hashlib
import os
import queue
import stat
import threading
from collections.abc import Callable, Generator, Iterator
from io import FileIO
from pathlib import Path

from registry.formats import numbers
from registry.verification.pieces import Budget, Collector
from registry.verification.plans import plan_of
from registry.verification.subject import Seen

READ_BYTES = 1024 * 1024
# How many chunks may be read, but not yet digested, by a thread that reads on.
AHEAD = 3

Progress = Callable[[int], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Task:
    """One file to be read, and what is wanted of it."""

    path: str
    target: Path
    size: int  # when it was listed
    first: int  # how many first bytes are kept in any case
    is_kept: bool = False  # kept whole
    with_oid: bool = False
    # Whether a second thread reads on while this one digests: worth it where one file is most of the work.
    is_ahead: bool = False
    sampling: numbers.Share = numbers.NOTHING


class _Digests:
    def __init__(self, size: int, *, with_oid: bool) -> None:
        self._sha256 = hashlib.sha256()
        self._oid = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False) if with_oid else None

    def update(self, chunk: memoryview | bytes) -> None:
        self._sha256.update(chunk)
        if self._oid is not None:
            self._oid.update(chunk)

    def found(self) -> tuple[str, str]:
        """The SHA-256, and the id that git gives to these bytes, where it was asked for."""
        return self._sha256.hexdigest(), self._oid.hexdigest() if self._oid is not None else ""


def read(task: Task, *, budget: Budget, step: Progress) -> Seen:
    """Read a file to its end; raises OSError also where it is no regular file, or changed meanwhile."""
    with _opened(task.target) as (stream, before):
        if before.st_size != task.size:
            raise OSError(0, "it changed while the folder was read")
        digests = _Digests(task.size, with_oid=task.with_oid)
        if task.is_kept:
            seen = _kept(task, stream, digests, step)
        else:
            seen = _streamed(task, stream, digests, (budget, step))
        after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (seen.size, after.st_mtime_ns):
        raise OSError(0, "it changed while it was read")
    state = (after.st_dev, after.st_ino, after.st_size, after.st_mtime_ns, after.st_ctime_ns)
    return dataclasses.replace(seen, state=state)


def read_start(task: Task, *, sha256: str, budget: Budget) -> Seen:
    """What the checks want of the start of a weight file, which is not read further; raises OSError."""
    with _opened(task.target) as (stream, status):
        start = bytearray()
        plan = plan_of(task.path, start, size=status.st_size, sampling=numbers.NOTHING)
        collector = Collector(start, plan, first=min(task.first, status.st_size), budget=budget)
        while collector.is_asking and (chunk := stream.read(READ_BYTES)):
            collector.feed(memoryview(chunk))
        kept = collector.finish()
    return Seen(task.path, status.st_size, sha256, kept, header=collector.wanted.header)


@contextlib.contextmanager
def _opened(target: Path) -> Iterator[tuple[FileIO, os.stat_result]]:
    # No link in the last place and no waiting on a pipe, should one be put there after the listing.
    handle = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with FileIO(handle, "rb") as stream:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        yield stream, status


def _kept(task: Task, stream: FileIO, digests: _Digests, step: Progress) -> Seen:
    """A file that is kept whole, and held in memory once only."""
    data = stream.read(task.size)
    while len(data) < task.size and (more := stream.read(task.size - len(data))):
        data += more
    if stream.read(1):
        raise OSError(0, "it changed while it was read")
    view = memoryview(data)
    for at in range(0, len(view), READ_BYTES):
        chunk = view[at : at + READ_BYTES]
        digests.update(chunk)
        step(len(chunk))
    sha256, git_oid = digests.found()
    return Seen(task.path, task.size, sha256, data, is_whole=True, git_oid=git_oid)


def _streamed(task: Task, stream: FileIO, digests: _Digests, means: tuple[Budget, Progress]) -> Seen:
    budget, step = means
    start, size = bytearray(), 0
    handle = stream.fileno()
    plan = plan_of(
        task.path,
        start,
        size=task.size,
        sampling=task.sampling,
        read_at=lambda offset, length: os.pread(handle, length, offset),
    )
    collector = Collector(start, plan, first=min(task.first, task.size), budget=budget)
    with contextlib.closing(_ahead(stream) if task.is_ahead else _chunks(stream)) as chunks:
        for chunk in chunks:
            collector.feed(chunk)
            digests.update(chunk)
            size += len(chunk)
            step(len(chunk))
    kept = collector.finish()
    sha256, git_oid = digests.found()
    return Seen(
        path=task.path,
        size=size,
        sha256=sha256,
        start=kept,
        is_whole=len(kept) == size,
        git_oid=git_oid,
        samples=collector.samples,
        header=collector.wanted.header,
    )


def _chunks(stream: FileIO) -> Generator[memoryview, None, None]:
    """The file in order, each chunk in the same memory."""
    buffer = memoryview(bytearray(READ_BYTES))
    while count := stream.readinto(buffer):
        yield buffer[:count]


def _ahead(stream: FileIO) -> Generator[memoryview, None, None]:
    """The same, read by a thread of its own, some chunks in advance."""
    free: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
    full: queue.SimpleQueue[tuple[memoryview, int | OSError]] = queue.SimpleQueue()
    for _ in range(AHEAD):
        free.put(memoryview(bytearray(READ_BYTES)))

    def fill() -> None:
        while (buffer := free.get()) is not None:
            try:
                count: int | OSError = stream.readinto(buffer)
            except OSError as error:
                count = error
            full.put((buffer, count))

    reader = threading.Thread(target=fill, name="read-ahead", daemon=True)
    reader.start()
    try:
        while True:
            buffer, count = full.get()
            if isinstance(count, OSError):
                raise count
            if not count:
                return
            yield buffer[:count]
            free.put(buffer)
    finally:
        free.put(None)
        reader.join()
