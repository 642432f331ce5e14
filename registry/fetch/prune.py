"""Removes what nothing needs any more: files that no version has, and what began to arrive and was forgotten."""

import dataclasses
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from pathlib import Path

from registry.fetch import locks, room
from registry.fetch.store import Store

FORGOTTEN_SECONDS = 24 * 3600.0
# Which of these SHA-256 a registered version has: asked of the database.
Needed = Callable[[Collection[str]], AbstractSet[str]]


@dataclasses.dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, or would be."""

    blobs: int
    blob_bytes: int
    partials: int
    partial_bytes: int


def prune(store: Store, *, needed: Needed, now: float, is_dry: bool = False) -> Pruned:
    """Remove the files that no folder of a version links, no registered version has, and no running fetch needs.

    `now` is in seconds since the epoch. All under the store's lock: a fetch that begins meanwhile waits.
    """
    with store.locked():
        kept = room.pinned(store)
        linked = {_inode(status) for _, status in _statuses(store.version_files())}
        loose = {
            name: status.st_size
            for name, status in _statuses(store.blobs())
            if name not in kept and _inode(status) not in linked
        }
        for sha256 in needed(loose.keys()):
            loose.pop(sha256, None)
        if not is_dry:
            for sha256 in loose:
                store.blob(sha256).unlink(missing_ok=True)
            _remove_dangling(store)
        partials = _prune_partials(store, now=now, is_dry=is_dry)
    return Pruned(len(loose), sum(loose.values()), len(partials), sum(partials))


def _statuses(entries: Iterable[os.DirEntry[str]]) -> Iterator[tuple[str, os.stat_result]]:
    for entry in entries:
        with suppress(FileNotFoundError):  # a version's folder may be removed at any time
            yield entry.name, entry.stat(follow_symlinks=False)


def _inode(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _remove_dangling(store: Store) -> None:
    for entry in store.aliases():
        link = Path(entry.path)
        if not link.exists():
            link.unlink(missing_ok=True)


def _prune_partials(store: Store, *, now: float, is_dry: bool) -> list[int]:
    """The sizes of the partial files that nobody touched for a day and nobody has locked."""
    sizes = []
    for folder in sorted((store.root / "partial").iterdir()):
        lock = locks.take(folder / "lock") if _newest(folder) < now - FORGOTTEN_SECONDS else None
        if lock is None:
            continue
        with suppress(FileNotFoundError):
            sizes.append((folder / "data").stat().st_size)
        if not is_dry:
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
    return sizes


def _newest(folder: Path) -> float:
    times = [0.0]
    for entry in folder.glob("*"):
        with suppress(FileNotFoundError):
            times.append(entry.stat().st_mtime)
    return max(times)
