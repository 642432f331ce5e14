"""Files by the digest of their content, each kept once and shared by every version that has it.

blobs/sha256/ab/abcd...   the files, read-only
blobs/git-oid/cd/cdef...  links to them by git's name, where a source claims no other
partial/<key>/            what is arriving: data, journal, lock
held/<id>/                what a fetch that is running needs: room, names of files, the folder that it builds
.lock                     held for moments by whoever counts, promises or removes
"""

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog
from modelcustody_client import durable

from registry import regular_files
from registry.fetch import journal, locks
from registry.fetch.partial import Digests, Progress
from registry.sources.base import RemoteFile

logger = structlog.get_logger(__name__)
OWN = frozenset({"blobs", "partial", "held", ".lock"})
KEEP_FREE_BYTES = 1024**3


@dataclasses.dataclass(frozen=True, slots=True)
class Fetched:
    """One file as it lies in the store: its digests were taken from the bytes that are there."""

    path: str
    size: int
    sha256: str
    git_oid: str
    blob: Path


def free_bytes(root: Path) -> int:
    """How much an ordinary user may still write to the disk."""
    status = os.statvfs(root)
    return status.f_bavail * status.f_frsize


class Store:
    """The store below one folder; any number of workers may use it at once."""

    def __init__(
        self,
        root: Path,
        *,
        quota_bytes: int = 0,
        keep_free_bytes: int = KEEP_FREE_BYTES,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.root = root
        self.quota_bytes = quota_bytes
        self.keep_free_bytes = keep_free_bytes
        for name in ("blobs/sha256", "blobs/git-oid", "partial", "held"):
            (root / name).mkdir(parents=True, exist_ok=True)
        self._free = free

    @property
    def free(self) -> int:
        """Bytes that the disk has left."""
        return self._free(self.root)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock under which is counted, promised and removed; only for moments."""
        with locks.locked(self.root / ".lock"):
            yield

    def blob(self, sha256: str) -> Path:
        """Where a file of that content lies, or would."""
        return self.root / "blobs" / "sha256" / sha256[:2] / sha256

    def partial(self, target: journal.Target) -> Path:
        """The folder in which a target arrives; every worker that wants the same content uses the same one."""
        name = f"{target.claim_kind}:{target.claimed_digest}"
        if not target.claimed_digest:
            name = f"{target.source}\0{target.path}\0{target.size}"
        return self.root / "partial" / hashlib.sha256(name.encode()).hexdigest()

    def known_as(self, file: RemoteFile) -> str:
        """The SHA-256 under which a listed file would lie here; empty where that is not known."""
        if file.claim_kind == "sha256":
            return file.claimed_digest
        if file.claim_kind == "git-oid":
            with suppress(OSError):
                return self._by_oid(file.claimed_digest).readlink().name
        return ""

    def sound(self, file: RemoteFile, sha256: str, *, progress: Progress) -> Fetched | None:
        """A listed file, if it lies here whole; None if it is missing or no longer what it was.

        Its bytes are hashed again. What was known of its state would not do: each version that shares a file
        changes the time of its inode, and a disk that rots changes none.
        """
        blob = self.blob(sha256)
        try:
            stream = regular_files.opened(blob)
        except OSError:
            return None
        with stream:
            size = os.fstat(stream.fileno()).st_size
            if file.size not in {None, size}:
                return None
            digests = Digests(file.claim_kind, size)
            count = digests.read(stream.fileno(), most=size, progress=progress)
        if digests.sha256 != sha256 or count != size:
            logger.warning("stored_file_changed", sha256=sha256)
            progress(-count)
            return None
        if file.claim_kind == "git-oid" and digests.git_oid != file.claimed_digest:
            progress(-count)
            return None
        return Fetched(file.path, count, sha256, digests.git_oid, blob)

    def adopt(self, path: Path, file: RemoteFile, digests: Digests) -> Fetched:
        """Move a sealed file to where its content belongs; from now on it is the one of that content."""
        sha256, size = digests.sha256, path.stat().st_size
        blob = self.blob(sha256)
        same = None
        if file.claim_kind != "sha256":  # the name is new to us, the content may not be
            same = self.sound(file, sha256, progress=lambda _: None)
        if same is None:
            _make_folder(blob.parent)
            path.replace(blob)
            durable.sync_folder(blob.parent)
        else:
            path.unlink()
        if digests.git_oid:
            self._name_by_oid(digests.git_oid, sha256)
        return Fetched(file.path, size, sha256, digests.git_oid, blob)

    def blobs(self) -> Iterator[os.DirEntry[str]]:
        """Every file that is kept."""
        yield from files_below(self.root / "blobs" / "sha256")

    def aliases(self) -> Iterator[os.DirEntry[str]]:
        """Every link by git's name."""
        yield from files_below(self.root / "blobs" / "git-oid")

    def version_files(self) -> Iterator[os.DirEntry[str]]:
        """Every file in the folders of versions."""
        with os.scandir(self.root) as entries:
            folders = [entry.path for entry in entries if entry.name not in OWN and entry.is_dir()]
        for folder in folders:
            yield from files_below(Path(folder))

    def used_bytes(self) -> int:
        """How much lies below the root, shared files counted once."""
        seen: set[tuple[int, int]] = set()
        total = 0
        for entry in files_below(self.root):
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if status.st_nlink > 1:
                    if (status.st_dev, status.st_ino) in seen:
                        continue
                    seen.add((status.st_dev, status.st_ino))
                total += status.st_size
        return total

    def _by_oid(self, oid: str) -> Path:
        return self.root / "blobs" / "git-oid" / oid[:2] / oid

    def _name_by_oid(self, oid: str, sha256: str) -> None:
        link = self._by_oid(oid)
        link.parent.mkdir(exist_ok=True)
        with suppress(FileExistsError):
            link.symlink_to(f"../../sha256/{sha256[:2]}/{sha256}")


def files_below(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Every entry below a folder that is no folder; what goes away meanwhile is left out."""
    pending = [str(folder)]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        yield entry
        except FileNotFoundError:
            continue


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        durable.sync_folder(folder.parent)
