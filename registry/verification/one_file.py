"""Reads one file of a model, once: its digests, and what the checks want of it. Pure, but for the file."""

import contextlib
import dataclasses
import os
import queue
import threading
from collections.abc import Callable, Generator
from io import FileIO
from pathlib import Path

from registry import regular_files
from registry.formats import numbers
from registry.formats.file_digests import FileDigests
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


def read(task: Task, *, budget: Budget, step: Progress) -> Seen:
    """Read a file to its end; raises OSError also where it is no regular file, or changed meanwhile."""
    with regular_files.opened(task.target) as stream:
        before = os.fstat(stream.fileno())
        if before.st_size != task.size:
            raise OSError(0, "it changed while the folder was read")
        digests = FileDigests(task.size, with_oid=task.with_oid)
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
    with regular_files.opened(task.target) as stream:
        size, start = os.fstat(stream.fileno()).st_size, bytearray()
        plan = plan_of(task.path, start, size=size, sampling=numbers.NOTHING)
        collector = Collector(start, plan, first=min(task.first, size), budget=budget)
        while collector.is_asking and (chunk := stream.read(READ_BYTES)):
            collector.feed(memoryview(chunk))
        kept = collector.finish()
    return Seen(task.path, size, sha256, kept, header=collector.wanted.header)


def _kept(task: Task, stream: FileIO, digests: FileDigests, step: Progress) -> Seen:
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
    return Seen(task.path, task.size, digests.sha256, data, is_whole=True, git_oid=digests.git_oid)


def _streamed(task: Task, stream: FileIO, digests: FileDigests, means: tuple[Budget, Progress]) -> Seen:
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
    return Seen(
        path=task.path,
        size=size,
        sha256=digests.sha256,
        start=kept,
        is_whole=len(kept) == size,
        git_oid=digests.git_oid,
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
