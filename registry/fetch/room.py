"""Room in the store, promised to one fetch at a time so that two workers never promise the same bytes."""

import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from governance import sizes
from registry.fetch import locks
from registry.fetch.store import Store
from registry.sources.base import SourceUnavailable


class StoreFull(SourceUnavailable):
    """There is no room for the files; it may be made."""

    code = "store_full"


class Hold:
    """What one fetch holds of a store while it runs: room, and the files that must not be removed meanwhile."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self._promised = 0
        self._lock = threading.Lock()

    def reserve(self, count: int) -> None:
        """Have room for `count` more bytes promised; raises `StoreFull`, and then nothing is."""
        if count <= 0:
            return
        with self._lock, self.store.locked():
            others = sum(_promised(folder) for folder in living(self.store) if folder != self.folder)
            _require_room(self.store, count + self._promised, others=others)
            self._promised += count
            self._write()

    def spend(self, count: int) -> None:
        """Say that so many of the promised bytes are on the disk now; more than promised are asked for first."""
        with self._lock:
            self._promised -= count
            missing = -self._promised
        if missing > 0:
            self.reserve(missing)
        with self._lock:
            self._write()

    def give_back(self, count: int) -> None:
        """So many bytes were removed from the disk again, and are promised anew."""
        self.spend(-count)

    def watch(self) -> None:
        """Raise `StoreFull` where others have filled the disk meanwhile."""
        if self.store.free < self.store.keep_free_bytes:
            raise _full("the disk", self.store.keep_free_bytes - self.store.free)

    def pin(self, sha256: str) -> None:
        """Keep a file of that content from being removed, from before it is looked for until this hold ends."""
        with self.store.locked():
            (self.folder / "pins" / sha256).touch()

    def _write(self) -> None:
        beside = self.folder / "promised.new"
        beside.write_text(str(max(self._promised, 0)))
        beside.replace(self.folder / "promised")


@contextmanager
def held(store: Store) -> Iterator[Hold]:
    """A hold on a store for the length of a block; one whose worker dies counts for nothing any more."""
    folder = store.root / "held" / uuid.uuid4().hex
    with store.locked():  # no one may take it for dead before it is locked
        (folder / "pins").mkdir(parents=True)
        lock = locks.take(folder / "lock")
    if lock is None:
        raise OSError(f"the new folder {folder} is locked by someone else")
    try:
        yield Hold(store, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def living(store: Store) -> list[Path]:
    """The folders of fetches that run; those of dead workers are removed. Call it under the store's lock."""
    found = []
    for folder in sorted((store.root / "held").iterdir()):
        lock = locks.take(folder / "lock")
        if lock is None:
            found.append(folder)
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
    return found


def pinned(store: Store) -> set[str]:
    """The SHA-256 of all files that a running fetch needs. Call it under the store's lock."""
    return {pin.name for folder in living(store) for pin in (folder / "pins").glob("*")}


def _promised(folder: Path) -> int:
    try:
        return int((folder / "promised").read_text())
    except (OSError, ValueError):  # it has not asked for any yet, or ends just now
        return 0


def _require_room(store: Store, count: int, *, others: int) -> None:
    left = store.free - store.keep_free_bytes - others
    if count > left:
        raise _full("the disk", count - left)
    if store.quota_bytes:
        left = store.quota_bytes - store.used_bytes() - others
        if count > left:
            raise _full("the quota", count - left)


def _full(limit: str, missing: int) -> StoreFull:
    advice = "give it a larger disk or lower MODEL_STORE_KEEP_FREE_BYTES"
    if limit == "the quota":
        advice = "raise MODEL_STORE_QUOTA_BYTES"
    return StoreFull(
        f"The model store has no room for these files: {limit} is short of {sizes.in_words(missing)}. Remove what no version "
        f"needs with `manage.py prune_store`, or {advice}.",
        missing_bytes=missing,
    )
