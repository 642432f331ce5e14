"""Hashing of a model folder: each file read once, links and special files held to the rules."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path

from modelcustody_client import manifest

READ_SIZE = 1024 * 1024
MAX_FILES = 100_000
# what git and the Hub's tools leave beside a model; no engine loads from there
_IGNORED = frozenset({".git", ".cache/huggingface"})

Progress = Callable[[int, int], None]


class UnreadableFolder(manifest.BadManifest):
    """The folder, or a file in it, could not be read, or changed while it was read."""

    code = "unreadable_folder"


class _Meter:
    """Adds up what all threads have read."""

    def __init__(self, total: int, *, report: Progress | None) -> None:
        self.total = total
        self.done = 0
        self.report = report
        self.lock = threading.Lock()

    def add(self, count: int) -> None:
        if self.report is None:
            return
        with self.lock:
            self.done += count
            self.report(self.done, self.total)


def hash_folder(
    root: str | Path, *, progress: Progress | None = None, workers: int = 2
) -> list[manifest.ManifestFile]:
    """Read every file below `root` once; return the manifest, sorted by path."""
    root = Path(root)
    found = list_files(root)
    try:
        sizes = {path: target.stat().st_size for path, target in found.items()}
    except OSError as error:
        raise UnreadableFolder(f"cannot read {root}: {error}") from None
    meter = _Meter(sum(sizes.values()), report=progress)
    # the largest first, so that no thread is left alone with it at the end
    order = sorted(found, key=lambda path: -sizes[path])
    with futures.ThreadPoolExecutor(max_workers=workers) as pool:
        jobs = [pool.submit(_hash_file, path, found[path], meter=meter) for path in order]
        try:
            files = [job.result() for job in jobs]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return sorted(files, key=manifest.sort_key)


def list_files(root: Path) -> dict[str, Path]:
    """Return each manifest path below `root` with the file that holds its bytes; nothing is read."""
    try:
        found = dict(_walk(root.resolve(strict=True)))
    except (OSError, RuntimeError) as error:
        raise UnreadableFolder(f"cannot read {root}: {error}") from None
    if not found:
        raise UnreadableFolder(f"{root} holds no files")
    manifest.check_paths(found)
    return found


def is_left_out(path: str) -> bool:
    """Return whether a file lies where git or the Hub's tools keep their own, so that it is no part of a model."""
    return any(path.startswith(f"{folder}/") for folder in _IGNORED)


def _walk(base: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file's manifest path and where its bytes are."""
    allowed = [base]
    if base.parent.name == "snapshots":  # the Hub's cache: snapshots/<commit>/x -> ../../blobs/<digest>
        allowed.append(base.parent.parent / "blobs")
    pending, count = [("", base)], 0
    while pending:
        prefix, directory = pending.pop()
        with os.scandir(directory) as entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if path not in _IGNORED:
                        pending.append((path + "/", Path(entry.path)))
                    continue
                count += 1
                if count > MAX_FILES:
                    raise UnreadableFolder(f"more than {MAX_FILES} files below {base}")
                yield path, _file_of(entry, path=path, allowed=allowed)


def _file_of(entry: os.DirEntry[str], *, path: str, allowed: list[Path]) -> Path:
    target = Path(entry.path)
    if entry.is_symlink():
        target = target.resolve(strict=True)
        if not any(target.is_relative_to(place) for place in allowed):
            raise manifest.BadPath(f"{path!a} is a link that leaves the folder")
    if not stat.S_ISREG(target.lstat().st_mode):
        raise manifest.BadPath(f"{path!a} is not a regular file")
    return target


def _hash_file(path: str, target: Path, *, meter: _Meter) -> manifest.ManifestFile:
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(READ_SIZE))
    try:
        # no link in the last place and no waiting on a pipe, should one be put there after the walk
        handle = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb", buffering=0) as stream:
            before = os.fstat(handle)
            if not stat.S_ISREG(before.st_mode):
                raise manifest.BadPath(f"{path!a} is not a regular file")
            size = 0
            while count := stream.readinto(buffer):
                digest.update(buffer[:count])
                size += count
                meter.add(count)
            after = os.fstat(handle)
    except OSError as error:
        raise UnreadableFolder(f"cannot read {path!a}: {error.strerror}") from None
    if (before.st_size, before.st_mtime_ns) != (size, after.st_mtime_ns):
        raise UnreadableFolder(f"{path!a} changed while it was read")
    return manifest.ManifestFile(path, size, digest.hexdigest())
