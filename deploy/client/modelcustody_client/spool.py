"""The recorder's spool: records on disk, in order, until the service has acknowledged them.

One folder for one recorder. Each process that records takes a slot of its own in it and an epoch that was never used
before; within an epoch, sequence numbers start at 0 and never repeat. A record that could not be kept still uses up
its number, so that the loss shows as a gap.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from modelcustody_client import durable, errors

SEGMENT_BYTES = 8 * 1024 * 1024
DEFAULT_MAX_BYTES = 1024**3
MAX_RECORD_BYTES = 60_000  # a leaf is less than 64 KiB, and holds the time of receipt too
MAX_SLOTS = 64
_KEY_BYTES = 32
_SEGMENT = re.compile(r"[0-9]{12}-[0-9]{15}\.ndjson")


class SpoolUnusable(errors.Refused):
    """The spool folder cannot be written, or all its slots are taken."""

    code = "spool_unusable"


class RecordDropped(errors.Refused):
    """A record was not kept: the spool is full, or its disk failed. The gap in the sequence shows it."""

    code = "record_dropped"


class Spool:
    """An open slot of the spool: `append` is safe from any thread."""

    def __init__(self, root: Path, *, slot: Path, lock: int, epoch: int, max_bytes: int) -> None:
        self.root = root
        self.slot = slot
        self.epoch = epoch
        self._lock_handle = lock
        self._max_bytes = max_bytes
        self._write_lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._sequence = 0
        self._dropped = 0
        self._drop_noted_at = float("-inf")
        self._handle: int | None = None
        self._segment_size = 0
        self._used = 0
        self._measured_at = float("-inf")
        self._written = 0
        self._synced = 0

    @property
    def dropped(self) -> int:
        """Return how many records this epoch has lost."""
        return self._dropped

    def append(self, record: Mapping[str, Any]) -> int:
        """Give the record its number, write it, and return the number once the record is on disk."""
        with self._write_lock:
            sequence = self._sequence
            self._sequence += 1
            numbered = {**record, "epoch": self.epoch, "sequence": sequence}
            line = json.dumps(numbered, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"
            try:
                handle = os.dup(self._write(line, sequence=sequence))
            except OSError as error:
                self._drop(f"the spool cannot be written: {error.strerror}")
            self._written += 1
            target = self._written
        try:
            self._sync(handle, target=target)
        finally:
            os.close(handle)
        return sequence

    def close(self) -> None:
        """Sync and close the segment, and give the slot back."""
        with self._write_lock:
            if self._handle is not None:
                os.fsync(self._handle)
                os.close(self._handle)
                self._handle = None
        durable.unlock(self._lock_handle)

    def _write(self, line: bytes, *, sequence: int) -> int:
        """Write a line into the current segment, or a new one, and return its handle."""
        if len(line) > MAX_RECORD_BYTES:
            self._drop(f"a record of {len(line)} bytes is over the limit")
        if self._is_full(len(line)):
            self._drop(f"the spool is full ({self._max_bytes} bytes)")
        handle = self._handle
        if handle is None or self._segment_size + len(line) > SEGMENT_BYTES:
            handle = self._rotate(sequence)
        try:
            durable.write_all(handle, line)
        except OSError:
            self._cut_back(handle)
            raise
        self._segment_size += len(line)
        self._used += len(line)
        return handle

    def _cut_back(self, handle: int) -> None:
        """Take half a line away, so that none stands before the next one."""
        try:
            os.ftruncate(handle, self._segment_size)
        except OSError:
            os.close(handle)  # leave this segment; readers skip an unfinished last line
            self._handle = None

    def _rotate(self, sequence: int) -> int:
        if self._handle is not None:
            handle, self._handle = self._handle, None
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        path = self.slot / segment_name(self.epoch, sequence=sequence)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._handle = os.open(path, flags, 0o600)
        self._segment_size = 0
        durable.sync_folder(self.slot)
        return self._handle

    def _sync(self, handle: int, *, target: int) -> None:
        """Sync once for all the records that were written while the last sync ran."""
        with self._sync_lock:
            if self._synced >= target:
                return
            with self._write_lock:
                newest = self._written
            os.fsync(handle)
            self._synced = max(self._synced, newest if self._is_current(handle) else target)

    def _is_current(self, handle: int) -> bool:
        with self._write_lock:
            return self._handle is not None and os.path.sameopenfile(handle, self._handle)

    def _is_full(self, size: int) -> bool:
        now = time.monotonic()
        if self._used + size > self._max_bytes and now - self._measured_at > 1:
            self._used = used_bytes(self.root)  # the shipper deletes what was acknowledged
            self._measured_at = now
        return self._used + size > self._max_bytes

    def _drop(self, why: str) -> NoReturn:
        self._dropped += 1
        now = time.monotonic()
        if now - self._drop_noted_at > 1:
            self._drop_noted_at = now
            # should even this fail, the gap in the sequence still tells
            with contextlib.suppress(OSError):
                durable.replace(self.slot / "dropped", json.dumps({str(self.epoch): self._dropped}).encode())
        raise RecordDropped(f"{why}; {self._dropped} records lost in this epoch")


def open_spool(root: Path, *, now: float, max_bytes: int = DEFAULT_MAX_BYTES) -> Spool:
    """Take a free slot of the spool, mend what a crash left in it, and begin a new epoch."""
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for number in range(MAX_SLOTS):
            slot = root / f"slot-{number:02d}"
            slot.mkdir(exist_ok=True, mode=0o700)
            lock = durable.try_lock(slot / "lock")
            if lock is None:
                continue
            try:
                _mend(slot)
                epoch = _next_epoch(root, now=now)
            except BaseException:
                durable.unlock(lock)
                raise
            spool = Spool(root, slot=slot, lock=lock, epoch=epoch, max_bytes=max_bytes)
            spool._used = used_bytes(root)  # noqa: SLF001 (its own constructor)
            return spool
    except OSError as error:
        raise SpoolUnusable(f"the spool {root} cannot be used: {error}") from None
    raise SpoolUnusable(f"all {MAX_SLOTS} slots of the spool {root} are in use")


def read_key(root: Path, *, name: str) -> bytes:
    """Return the secret key of this name, made on first use and readable by its owner only."""
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with durable.locked(root / "keys.lock"):
            key = durable.read(root / name)
            if key is None:
                key = secrets.token_bytes(_KEY_BYTES)
                durable.replace(root / name, key)
    except OSError as error:
        raise SpoolUnusable(f"the key {root / name} cannot be used: {error}") from None
    if len(key) != _KEY_BYTES:
        raise SpoolUnusable(f"the key {root / name} is damaged")
    return key


def segment_name(epoch: int, *, sequence: int) -> str:
    """Return the name of a segment, so that names sort in the order of writing."""
    return f"{epoch:012d}-{sequence:015d}.ndjson"


def segments(slot: Path) -> list[Path]:
    """Return the segments of a slot in the order of writing."""
    return sorted(path for path in slot.glob("*.ndjson") if _SEGMENT.fullmatch(path.name))


def slots(root: Path) -> list[Path]:
    """Return the slots that exist."""
    return sorted(path for path in root.glob("slot-[0-9][0-9]") if path.is_dir())


def used_bytes(root: Path) -> int:
    """Return how much disk the records take, those that were rejected included."""
    total = 0
    for path in root.glob("slot-*/**/*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def shipped_epoch(slot: Path) -> int:
    """Return the epoch that the shipper came to in this slot: what is older counts as acknowledged."""
    try:
        segment = str(json.loads(durable.read(slot / "cursor") or b"{}")["segment"])
    except (ValueError, KeyError, TypeError):
        return 0
    return int(segment[:12]) if _SEGMENT.fullmatch(segment) else 0


def _mend(slot: Path) -> None:
    """Cut a line that a crash left half written; its response never ended."""
    for path in segments(slot)[-1:]:
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            with path.open("r+b") as stream:
                stream.truncate(whole)
                os.fsync(stream.fileno())


def _next_epoch(root: Path, *, now: float) -> int:
    """Return an epoch above all that this spool has used, kept on disk before its first use."""
    with durable.locked(root / "epoch.lock"):
        text = durable.read(root / "epoch") or b"0"
        used = [int(text)] if text.strip().isdigit() else [0]
        used += [int(path.name[:12]) for slot in slots(root) for path in segments(slot)]
        used += [shipped_epoch(slot) for slot in slots(root)]
        epoch = max(*used, int(now) - 1, 0) + 1
        durable.replace(root / "epoch", b"%d\n" % epoch)
    return epoch
