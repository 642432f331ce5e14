"""Reads a folder of model files: every byte once, for all checks together. Pure, but for the files."""

import dataclasses
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Mapping
from concurrent import futures
from pathlib import Path

from modelcustody_client import folder, manifest

from registry.formats import safetensors
from registry.verification.subject import Expected, Seen

READ_BYTES = 1024 * 1024
# Files up to this size are kept whole for the checks, as long as all together stay within the budget.
KEEP_BYTES = 24 * 1024 * 1024
KEEP_TOTAL_BYTES = 128 * 1024 * 1024
START_BYTES = 4096
WORKERS = 2

Progress = Callable[[int], None]
# Is told what is begun: "file" and its path, "base" and its model, "check" and its id. May come from several threads.
Now = Callable[[str, str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """What was read, and what could not be."""

    seen: Mapping[str, Seen]
    unreadable: Mapping[str, str]

    @property
    def bytes_read(self) -> int:
        """How many bytes passed through the digests."""
        return sum(file.size for file in self.seen.values())


class _Budget:
    """How many bytes may still be kept in memory, over all threads."""

    def __init__(self, total: int) -> None:
        self.left = total
        self.lock = threading.Lock()

    def take(self, size: int) -> bool:
        with self.lock:
            if size > self.left:
                return False
            self.left -= size
            return True


def unwatched(kind: str, name: str) -> None:
    """Nobody asks what is being done."""


def read_folder(
    root: Path,
    expected: Mapping[str, Expected],
    *,
    progress: Progress,
    now: Now = unwatched,
    keep_bytes: int = KEEP_TOTAL_BYTES,
) -> Reading:
    """Stream every file below `root`; what `progress` raises ends the reading."""
    try:
        found = folder.list_files(root)
    except manifest.BadManifest as error:
        return Reading(seen={}, unreadable={"": str(error)})
    budget, stop = _Budget(keep_bytes), threading.Event()

    def read(path: str) -> Seen | str:
        now("file", path)
        kind = expected[path].claim_kind if path in expected else ""
        try:
            return _read_file(path, found[path], with_oid=kind == "git-oid", budget=budget, step=step)
        except OSError as error:
            return f"{path} cannot be read: {error.strerror or error}"

    def step(count: int) -> None:
        if stop.is_set():
            raise InterruptedError(0, "the reading was stopped")
        progress(count)

    with futures.ThreadPoolExecutor(max_workers=WORKERS) as pool:
        try:
            results = dict(zip(found, pool.map(read, found), strict=True))
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    return Reading(
        seen={path: result for path, result in results.items() if isinstance(result, Seen)},
        unreadable={path: result for path, result in results.items() if isinstance(result, str)},
    )


def read_heads(root: Path, expected: Mapping[str, Expected]) -> dict[str, Seen]:
    """The small files of a folder, whole, as far as they are the manifest's; of weight files only their headers.

    A weight file is not read through, so that its digest is taken from the manifest; all that is claimed of it is
    what its header says.
    """
    try:
        found = folder.list_files(root)
    except manifest.BadManifest:
        return {}
    budget = _Budget(KEEP_TOTAL_BYTES)
    read = (
        _read_head(path, found[path], expected[path], budget=budget)
        for path in sorted(found)
        if path in expected
    )
    return {file.path: file for file in read if file is not None}


def _read_head(path: str, target: Path, listed: Expected, *, budget: _Budget) -> Seen | None:
    if listed.size <= KEEP_BYTES:
        try:
            seen = _read_file(path, target, with_oid=False, budget=budget, step=lambda _: None)
        except OSError:
            return None
        return seen if seen.sha256 == listed.sha256 else None
    try:
        with target.open("rb") as stream:
            first = stream.read(8)
            start = first + stream.read(_wanted(path, first, size=listed.size, budget=budget) - len(first))
    except OSError:
        return None
    return Seen(path=path, size=listed.size, sha256=listed.sha256, start=start)


def _read_file(path: str, target: Path, *, with_oid: bool, budget: _Budget, step: Progress) -> Seen:
    # No link in the last place and no waiting on a pipe, should one be put there after the listing.
    handle = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb", buffering=0) as stream:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        digest = hashlib.sha256()
        oid = hashlib.sha1(b"blob %d\0" % status.st_size, usedforsecurity=False) if with_oid else None
        kept, wanted, size = bytearray(), START_BYTES, 0
        buffer = memoryview(bytearray(READ_BYTES))
        while count := stream.readinto(buffer):
            chunk = buffer[:count]
            if size == 0:
                wanted = _wanted(path, bytes(chunk[:8]), size=status.st_size, budget=budget)
            if len(kept) < wanted:
                kept += chunk[: wanted - len(kept)]
            digest.update(chunk)
            if oid is not None:
                oid.update(chunk)
            size += count
            step(count)
        after = os.fstat(handle)
    if (status.st_size, status.st_mtime_ns) != (size, after.st_mtime_ns):
        raise OSError(0, "it changed while it was read")
    return Seen(
        path=path,
        size=size,
        sha256=digest.hexdigest(),
        start=bytes(kept),
        is_whole=len(kept) == size,
        git_oid=oid.hexdigest() if oid is not None else "",
        state=(after.st_dev, after.st_ino, after.st_size, after.st_mtime_ns, after.st_ctime_ns),
    )


def _wanted(path: str, first: bytes, *, size: int, budget: _Budget) -> int:
    """How many bytes from the start of the file the checks will need."""
    wanted = START_BYTES
    if path.lower().endswith(".safetensors"):
        try:
            wanted = safetensors.header_end(first, file_size=size)
        except safetensors.BadHeader:
            return START_BYTES  # the check says what is wrong
    elif size <= KEEP_BYTES:
        wanted = size
    return wanted if budget.take(wanted) else START_BYTES
