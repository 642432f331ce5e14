"""Streams files of this machine, as other sources stream theirs."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from modelcustody_client import canonical

from registry import regular_files
from registry.sources import base

CHUNK = 1024 * 1024


@contextmanager
def stream(
    path: Path, file: base.RemoteFile, *, offset: int = 0, validator: str = ""
) -> Iterator[base.Stream]:
    """The bytes of a regular file from `offset` on; from 0 where it is not the state that `validator` names.

    `path` is taken as it is: no link is followed. Raises `base.RevisionMoved` if it is not the state that was listed.
    """
    try:
        opened = regular_files.opened(path)
    except regular_files.NotRegular:
        raise base.UnsafeListing(f"{file.path} is not a regular file.") from None
    except OSError as error:
        raise base.SourceNotFound(f"{file.path} cannot be read: {error.strerror or error}.") from None
    with opened:
        status = os.fstat(opened.fileno())
        state = state_of(status)
        if file.state and state != file.state:
            raise base.RevisionMoved(f"{file.path} changed after it was listed. Register again.")
        begin = offset if validator in {"", state} and offset <= status.st_size else 0
        opened.seek(begin)
        yield base.Stream(
            offset=begin, size=status.st_size, validator=state, chunks=_chunks(opened, file.path)
        )


def _chunks(opened: FileIO, name: str) -> Iterator[bytes]:
    try:
        while chunk := opened.read(CHUNK):
            yield chunk
    except OSError as error:
        raise base.SourceUnavailable(
            f"{name} cannot be read to its end: {error.strerror or error}."
        ) from None


def state_of(status: os.stat_result) -> str:
    """What tells one state of a file from the next without reading it."""
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"


def listed(files: Mapping[str, Path]) -> list[base.RemoteFile]:
    """The files as a source lists them, by path; raises `base.SourceNotFound`."""
    found = []
    for path in sorted(files):
        try:
            status = files[path].lstat()
        except OSError as error:
            raise base.SourceNotFound(f"{path} cannot be read: {error.strerror or error}.") from None
        if not stat.S_ISREG(status.st_mode):
            raise base.UnsafeListing(f"{path} is not a regular file.")
        found.append(base.RemoteFile(path, size=status.st_size, state=state_of(status)))
    return found


def listing_digest(files: Mapping[str, Path]) -> str:
    """The name of what lies there, without reading it: paths, sizes and times of change of the content."""
    rows = []
    for path in sorted(files):
        try:
            status = files[path].stat()
        except OSError as error:
            raise base.SourceNotFound(f"{path} cannot be read: {error.strerror or error}.") from None
        rows.append([path, status.st_size, str(status.st_mtime_ns)])
    return canonical.digest(rows)
