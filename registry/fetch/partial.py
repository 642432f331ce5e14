"""A file that is arriving: its bytes, what is certain of them, and the digests of all of them so far."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from registry.fetch import journal, locks
from registry.formats.file_digests import FileDigests

SYNC_BYTES = 32 * 1024 * 1024
READ_BYTES = 1024 * 1024
# Called with how many bytes were read or written; negative where that many were given up.
Progress = Callable[[int], None]


class Digests(FileDigests):
    """The digests of a file that is claimed in a way, from an open file too."""

    def __init__(self, claim_kind: str, size: int | None) -> None:
        super().__init__(size, with_oid=claim_kind == "git-oid")

    def read(self, handle: int, *, most: int, progress: Progress) -> int:
        """Add up to `most` bytes of an open file from its position on; how many there were."""
        buffer, count = memoryview(bytearray(min(READ_BYTES, max(most, 1)))), 0
        while count < most and (got := os.readv(handle, [buffer[: most - count]])):
            self.update(buffer[:got])
            count += got
            progress(got)
        return count


class Partial:
    """The open partial file of one target, in a folder of its own that this worker holds locked."""

    def __init__(self, folder: Path, target: journal.Target, *, sync_bytes: int = SYNC_BYTES) -> None:
        self.path = folder / "data"
        self.target = target
        self.offset = 0
        self.validator = ""
        self.digests = Digests(target.claim_kind, target.size)
        self._sync_bytes = sync_bytes
        self._journal_path = folder / "journal"
        self.durable = 0
        self._data = os.open(self.path, locks.OPEN, 0o600)
        self._journal = os.open(self._journal_path, locks.OPEN | os.O_APPEND, 0o600)

    def resume(self, progress: Progress) -> None:
        """Go on where it is certain that an earlier attempt came to; hashes those bytes again."""
        state = journal.read(self._journal_path.read_bytes()[: journal.MOST_BYTES])
        if state is None or not self._is_continued(state) or os.fstat(self._data).st_size < state.offset:
            self.restart(progress)
            return
        os.ftruncate(self._data, state.offset)
        os.lseek(self._data, 0, os.SEEK_SET)
        count = self.digests.read(self._data, most=state.offset, progress=progress)
        self.offset = self.durable = count
        self.validator = state.validator if state.target.source == self.target.source else ""
        if count != state.offset:
            self.restart(progress)
            return
        # Whatever follows the last certain line would hide what is added after it.
        self._rewrite_journal()

    def restart(self, progress: Progress) -> None:
        """Forget everything that arrived."""
        progress(-self.offset)
        os.ftruncate(self._data, 0)
        os.lseek(self._data, 0, os.SEEK_SET)
        self.offset = self.durable = 0
        self.validator = ""
        self.digests = Digests(self.target.claim_kind, self.target.size)
        self._rewrite_journal()

    def write(self, chunk: bytes) -> bool:
        """Add bytes; whether it was time to make them durable."""
        view = memoryview(chunk)
        while view:
            view = view[os.write(self._data, view) :]
        self.digests.update(chunk)
        self.offset += len(chunk)
        if self.offset - self.durable < self._sync_bytes:
            return False
        self.sync()
        return True

    def sync(self) -> None:
        """Make all bytes so far certain: first the bytes, then the line that says so."""
        if self.offset == self.durable:
            return
        os.fdatasync(self._data)
        os.write(self._journal, journal.next_line(self.offset, self.validator))
        os.fdatasync(self._journal)
        self.durable = self.offset

    @property
    def can_resume(self) -> bool:
        """Whether the rest can be asked for: what is claimed settles it in the end, else the validator has to."""
        return bool(self.target.claimed_digest or self.validator)

    def seal(self) -> None:
        """Make the whole file durable and read-only, to be moved to where it belongs."""
        os.fchmod(self._data, 0o444)
        os.fsync(self._data)
        self.durable = self.offset

    def close(self) -> None:
        """Close both files."""
        os.close(self._data)
        os.close(self._journal)

    def _is_continued(self, state: journal.State) -> bool:
        """Whether the journal is that of this target, and its rest can be asked for."""
        mine, theirs = self.target, state.target
        same = (mine.claim_kind, mine.claimed_digest) == (theirs.claim_kind, theirs.claimed_digest)
        if not same or (mine.size is not None and state.offset > mine.size):
            return False
        return bool(mine.claimed_digest) or (mine == theirs and bool(state.validator))

    def _rewrite_journal(self) -> None:
        fresh = journal.first_line(self.target)
        if self.offset:
            fresh += journal.next_line(self.offset, self.validator)
        beside = self._journal_path.with_suffix(".new")
        handle = os.open(beside, locks.OPEN | os.O_APPEND | os.O_TRUNC, 0o600)
        os.write(handle, fresh)
        os.fdatasync(handle)
        beside.replace(self._journal_path)
        os.close(self._journal)
        self._journal = handle


@contextmanager
def opened(folder: Path, target: journal.Target, *, sync_bytes: int = SYNC_BYTES) -> Iterator[Partial]:
    """The partial file of a target; what arrived is made certain on every way out."""
    partial = Partial(folder, target, sync_bytes=sync_bytes)
    try:
        yield partial
    finally:
        with suppress(OSError):  # what cannot be made certain is not, and is fetched again
            partial.sync()
        partial.close()
