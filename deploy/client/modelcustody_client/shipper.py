"""Takes records from the spool to the service: in order, in batches, as often as it needs.

The extent of a batch is written down before it is first sent, so that after a crash the very same batch is sent
again, and the service, which knows it by its digest, gives the same answer.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelcustody_client import durable, errors, spool, transport

BATCH_RECORDS = 500
BATCH_BYTES = 4 * 1024 * 1024
PATH = "/api/v1/served-requests"
_REFUSALS = frozenset({400, 409, 413, 422})
_MAX_WAIT = 60.0
_LINGER = 0.2  # lets the records of one moment travel together


class BatchRefused(errors.Refused):
    """The service refused a batch for good; it was put aside in `rejected/`."""

    code = "batch_refused"


class TryLater(errors.Refused):
    """The service cannot take the batch now."""

    code = "try_later"

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


@dataclasses.dataclass(frozen=True)
class _Cursor:
    """Up to where a slot was acknowledged, and up to where the batch now under way reaches."""

    segment: str = ""
    offset: int = 0
    pending: int | None = None


class Shipper:
    """Ships all slots of one spool to one service."""

    def __init__(self, root: Path, *, service: transport.Service, timeout: float = 30.0) -> None:
        self.root = root
        self.service = service
        self.timeout = timeout

    def ship_all(self) -> int:
        """Send everything that is there and return how many records were acknowledged; raise to try later."""
        sent = 0
        refused: BatchRefused | None = None
        for slot in spool.slots(self.root):
            lock = durable.try_lock(slot / "ship.lock")
            if lock is None:
                continue  # another process ships this slot
            try:
                while True:
                    try:
                        count = self._ship_batch(slot)
                    except BatchRefused as error:
                        refused = error
                        continue
                    if not count:
                        break
                    sent += count
            finally:
                durable.unlock(lock)
        if refused is not None:
            raise refused
        return sent

    def _ship_batch(self, slot: Path) -> int:
        cursor = _read_cursor(slot)
        planned = _plan(slot, cursor)
        if planned is None:
            return 0
        cursor, data = planned
        if cursor.pending is None:
            cursor = dataclasses.replace(cursor, pending=cursor.offset + len(data))
            _write_cursor(slot, cursor)
        answer = self._post(data)
        if answer.status in {200, 202}:
            _check_receipt(answer, data=data)
            done = _advance(slot, cursor, by=data)
            _forget(slot, done)
            return data.count(b"\n")
        # one bad record spoils its batch, of which nothing was stored: the others go without it
        bad = _bad_record(answer, data=data)
        lines = data.splitlines(keepends=True)
        if bad:
            extent = cursor.offset + len(b"".join(lines[:bad]))
            _write_cursor(slot, dataclasses.replace(cursor, pending=extent))
            return self._ship_batch(slot)
        data = data if bad is None else lines[0]
        _put_aside(slot, cursor=cursor, data=data, answer=answer)
        _advance(slot, cursor, by=data)
        raise BatchRefused(
            f"the service refused {data.count(10)} records, kept in {slot / 'rejected'}: {answer.problem()}"
        )

    def _post(self, data: bytes) -> transport.Answer:
        headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
        body = gzip.compress(data, compresslevel=6, mtime=0)
        try:
            answer = self.service.post(PATH, body=body, headers=headers, timeout=self.timeout)
        except (transport.ServiceUnavailable, transport.BadSettings) as error:
            raise TryLater(str(error)) from None
        if answer.status in _REFUSALS or answer.status in {200, 202}:
            return answer
        raise TryLater(answer.problem(), wait=retry_after(answer))


class ShippingThread:
    """Ships in the background for as long as the process lives; nothing it meets stops the process."""

    def __init__(self, shipper: Shipper, *, log: Callable[[str], None]) -> None:
        self._shipper = shipper
        self._log = log
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="modelcustody-shipper", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something to ship."""
        self._wake.set()

    def stop(self, *, timeout: float) -> None:
        """Ship what can be shipped in this time, then end; the rest stays in the spool."""
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        failures = 0
        while True:
            stopping = self._stop.is_set()
            self._wake.clear()
            wait = 5.0
            try:
                self._shipper.ship_all()
                failures = 0
            except TryLater as error:
                failures += 1
                wait = backoff(failures, asked=error.wait)
                self._log(f"records wait in the spool: {error}; next try in {wait:.0f} s")
            except Exception as error:  # noqa: BLE001 (a dead shipper would go unnoticed)
                failures += 1
                wait = backoff(failures, asked=None)
                self._log(f"shipping: {error}")
            if stopping:
                return
            if failures:
                self._stop.wait(wait)
            elif self._wake.wait(wait) and not self._stop.is_set():
                self._stop.wait(_LINGER)


def retry_after(answer: transport.Answer) -> float | None:
    """Return the seconds that the service asks to wait; None where it names none."""
    text = answer.headers.get("retry-after", "").strip()
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() and len(text) < 10 else None


def backoff(failures: int, *, asked: float | None) -> float:
    """Return how long to wait: what was asked, or twice as long each time, never in step with others."""
    if asked is not None:
        return asked + random.uniform(0, 1)  # noqa: S311 (not a secret)
    ceiling = min(_MAX_WAIT, 0.5 * 2 ** min(failures, 10))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311


def _read_cursor(slot: Path) -> _Cursor:
    data = durable.read(slot / "cursor")
    if data is None:
        return _Cursor()
    value = json.loads(data)
    return _Cursor(str(value["segment"]), int(value["offset"]), value["pending"])


def _write_cursor(slot: Path, cursor: _Cursor) -> None:
    durable.replace(slot / "cursor", json.dumps(dataclasses.asdict(cursor)).encode())


def _advance(slot: Path, cursor: _Cursor, *, by: bytes) -> _Cursor:
    done = dataclasses.replace(cursor, offset=cursor.offset + len(by), pending=None)
    _write_cursor(slot, done)
    return done


def _bad_record(answer: transport.Answer, *, data: bytes) -> int | None:
    """Return which record of the batch is to blame for its refusal, where the service says so."""
    value = answer.json()
    if answer.status != 422 or not isinstance(value, dict) or value.get("code") != "invalid_record":
        return None
    index = value.get("index")
    return index if type(index) is int and 0 <= index < data.count(b"\n") else None


def _plan(slot: Path, cursor: _Cursor) -> tuple[_Cursor, bytes] | None:
    """Return the next batch and where it begins; None when all is sent."""
    for path in spool.segments(slot):
        if path.name < cursor.segment:
            path.unlink()  # acknowledged before a crash came between
            continue
        at = cursor if path.name == cursor.segment else _Cursor(path.name)
        with path.open("rb") as stream:
            stream.seek(at.offset)
            data = stream.read(BATCH_BYTES if at.pending is None else at.pending - at.offset)
        try:
            batch = data[: data.rfind(b"\n") + 1] if at.pending is not None else cut_batch(data)
        except (ValueError, KeyError, TypeError):
            path.rename(path.with_suffix(".damaged"))
            raise BatchRefused(f"{path} is damaged and was put aside as .damaged") from None
        if batch:
            return at, batch
    return None


def cut_batch(data: bytes) -> bytes:
    """Return the first lines of `data` that make one batch: whole, contiguous, not too many."""
    end, expected = 0, None
    for _ in range(BATCH_RECORDS):
        newline = data.find(b"\n", end)
        if newline < 0:
            break
        sequence: Any = json.loads(data[end:newline])["sequence"]
        if expected not in {None, sequence}:
            break  # records were dropped here: the gap falls between two batches
        expected = sequence + 1
        end = newline + 1
    return data[:end]


def _forget(slot: Path, cursor: _Cursor) -> None:
    """Delete a segment that was acknowledged whole and that nothing is written to any more."""
    present = spool.segments(slot)
    for path in present[:-1]:
        if path.name < cursor.segment or (
            path.name == cursor.segment and path.stat().st_size <= cursor.offset
        ):
            path.unlink()


def _check_receipt(answer: transport.Answer, *, data: bytes) -> None:
    """Take as acknowledged only what names this very batch; a portal or proxy may say 200 to anything."""
    value = answer.json()
    told = str(value.get("digest")) if isinstance(value, dict) else ""
    if told.removeprefix("sha256:") != hashlib.sha256(data).hexdigest():
        raise TryLater(f"HTTP {answer.status} does not acknowledge the batch that was sent")


def _put_aside(slot: Path, *, cursor: _Cursor, data: bytes, answer: transport.Answer) -> None:
    folder = slot / "rejected"
    folder.mkdir(exist_ok=True, mode=0o700)
    name = f"{Path(cursor.segment).stem}-{cursor.offset}"
    durable.replace(folder / f"{name}.records", data)
    told = {"status": answer.status, "body": answer.body[:65536].decode("utf-8", "replace")}
    durable.replace(folder / f"{name}.answer.json", json.dumps(told).encode())
