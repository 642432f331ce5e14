"""Brings one file into the store: from what is there, from what began to arrive, from the source."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from registry.fetch import journal, locks, partial
from registry.fetch.patience import Patience, Tries
from registry.fetch.room import Hold, StoreFull
from registry.fetch.store import Fetched
from registry.sources import base
from registry.sources.ranges import StateChanged

logger = structlog.get_logger(__name__)
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
POLL_SECONDS = 1.0
CONTENT_ROUNDS = 2


class Stopped(Exception):
    """Another thread of the same fetch failed, or the fetch was ended; this one only goes home."""


class Stop:
    """The end of a fetch, seen by all its threads."""

    def __init__(self, progress: base.Progress) -> None:
        self.is_set = threading.Event()
        self._progress = progress

    def advance(self, count: int) -> None:
        """Pass progress on; what that raises ends this thread and so all of them."""
        if self.is_set.is_set():
            raise Stopped
        self._progress(count)

    def wait(self, seconds: float) -> None:
        """Wait, with a look at the work's lease now and then; raises `Stopped`."""
        while seconds > 0:
            self.advance(0)
            if self.is_set.wait(min(seconds, POLL_SECONDS)):
                raise Stopped
            seconds -= POLL_SECONDS


class Transfer:
    """Brings files of one source into the store that `hold` holds."""

    def __init__(
        self, source: base.ModelSource, hold: Hold, *, scope: str, stop: Stop, patience: Patience
    ) -> None:
        self._source = source
        self._hold = hold
        self._store = hold.store
        self._scope = scope
        self._stop = stop
        self._patience = patience

    def bring(self, file: base.RemoteFile) -> Fetched:
        """The file, in the store and held against its claim. Raises what `base` names, and `Stopped`."""
        target = journal.Target(file.claim_kind, file.claimed_digest, file.size, self._scope, file.path)
        while True:
            here = self._present(file)
            if here is not None:
                return here
            with self._alone(target) as folder:
                if folder is not None:
                    # Whoever held it before may just have finished.
                    return self._present(file) or self._receive(file, target, folder)

    def _present(self, file: base.RemoteFile) -> Fetched | None:
        known = self._store.known_as(file)
        if not known:
            return None
        self._hold.pin(known)
        return self._store.sound(file, known, progress=self._stop.advance)

    @contextmanager
    def _alone(self, target: journal.Target) -> Iterator[Path | None]:
        """The target's folder, held alone; None after another worker that had it went on or away."""
        folder = self._store.partial(target)
        folder.mkdir(exist_ok=True)
        lock = locks.take(folder / "lock")
        if lock is None:
            self._wait_for_other(folder)
            yield None
            return
        try:
            yield folder
        finally:
            os.close(lock)

    def _wait_for_other(self, folder: Path) -> None:
        """Wait while another worker brings the same content, as long as that gets on."""
        clock, size, since = self._patience.clock, -1, self._patience.clock()
        while (lock := locks.take(folder / "lock")) is None:
            if not folder.is_dir():
                return
            now_size = _size(folder / "data")
            if now_size != size:
                size, since = now_size, clock()
            elif clock() - since > self._patience.stalled_seconds:
                raise base.SourceUnavailable("Another worker fetches the same file and does not get on.")
            self._stop.wait(POLL_SECONDS)
        os.close(lock)

    def _receive(self, file: base.RemoteFile, target: journal.Target, folder: Path) -> Fetched:
        """Fetch and hold against the claim; what is wrong is fetched once more, and then refused."""
        with partial.opened(folder, target, sync_bytes=partial.SYNC_BYTES) as part:
            part.resume(self._stop.advance)
            for round_ in range(1, CONTENT_ROUNDS + 1):
                fault = self._stream_in_words(file, part) or _fault(file, part)
                if not fault:
                    before = part.durable
                    part.seal()
                    self._hold.spend(part.durable - before)
                    self._hold.pin(part.digests.sha256)
                    fetched = self._store.adopt(part.path, file, part.digests)
                    remove_folder(folder)
                    return fetched
                logger.warning("download_corrupted", path=file.path, fault=fault, round=round_)
                self._forget(part)
        raise base.DownloadCorrupted(f"{file.path} {fault}; it was fetched twice.", path=file.path)

    def _stream_in_words(self, file: base.RemoteFile, part: partial.Partial) -> str:
        try:
            self._stream(file, part)
        except base.DownloadCorrupted as error:
            return f"does not arrive as it is listed ({error.detail.rstrip('.')})"
        except OSError as error:
            if error.errno in NO_ROOM:
                raise StoreFull("The disk of the model store is full.") from None
            raise
        return ""

    def _stream(self, file: base.RemoteFile, part: partial.Partial) -> None:
        """Ask until everything is there, each time for the rest."""
        tries = Tries(self._patience, offset=part.offset)
        while part.offset != file.size:
            error = self._try_once(file, part)
            if error is None:
                return
            pause = tries.failed(error, offset=part.offset)
            if isinstance(error, StateChanged) or not part.can_resume:
                self._forget(part)
            self._stop.wait(pause)

    def _try_once(self, file: base.RemoteFile, part: partial.Partial) -> base.SourceUnavailable | None:
        try:
            is_whole = self._stream_once(file, part)
        except StoreFull:
            raise
        except base.SourceUnavailable as error:
            return error
        if is_whole:
            return None
        return base.SourceUnavailable(f"{file.path} broke off after {part.offset} bytes.")

    def _stream_once(self, file: base.RemoteFile, part: partial.Partial) -> bool:
        """One request; whether the file is whole after it."""
        with self._source.open(file, offset=part.offset, validator=part.validator) as stream:
            if stream.offset != part.offset:
                self._forget(part)
            if stream.offset not in {0, part.offset}:
                raise StateChanged(f"{file.path} comes from byte {stream.offset} on.")
            part.validator = stream.validator
            for chunk in stream.chunks:
                self._stop.advance(0)
                if file.size is not None and part.offset + len(chunk) > file.size:
                    raise base.DownloadCorrupted(f"{file.path} has more bytes than its source lists.")
                before = part.durable
                if part.write(chunk):
                    self._hold.spend(part.durable - before)
                    self._hold.watch()
                self._stop.advance(len(chunk))
            expected = file.size if file.size is not None else stream.size
        return expected is None or part.offset == expected

    def _forget(self, part: partial.Partial) -> None:
        lost = part.durable
        part.restart(self._stop.advance)
        self._hold.give_back(lost)


def remove_folder(folder: Path) -> None:
    """Remove a partial file's folder that this worker holds; its name stands for nothing any more."""
    for name in ("data", "journal", "journal.new", "lock"):
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):  # another worker may have begun here again
        folder.rmdir()


def _fault(file: base.RemoteFile, part: partial.Partial) -> str:
    """What is wrong with a whole file, held against what its source claims."""
    if file.size is not None and part.offset != file.size:
        return f"has {part.offset} bytes, its source says {file.size}"
    if file.claim_kind == "sha256" and part.digests.sha256 != file.claimed_digest:
        return "is not what its source claims (SHA-256)"
    if file.claim_kind == "git-oid" and part.digests.git_oid != file.claimed_digest:
        return "is not what its source claims (git object id)"
    return ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
